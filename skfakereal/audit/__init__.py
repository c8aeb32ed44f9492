"""What a data set gives away without a look at the pictures, and the usual remedy."""

from skfakereal.audit._audit import audit_images
from skfakereal.audit._equalize import equalize_images
from skfakereal.audit._report import AuditReport

__all__ = ["AuditReport", "audit_images", "equalize_images"]
