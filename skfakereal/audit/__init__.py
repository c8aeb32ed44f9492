"""What a data set gives away without a look at the pictures, and the usual remedy."""

from skfakereal.audit._audit import audit_images
from skfakereal.audit._equalize import equalize_images
from skfakereal.audit._facts import read_facts as read_facts
from skfakereal.audit._fields import FIELDS as FIELDS
from skfakereal.audit._report import AuditReport
from skfakereal.audit._verdict import Finding as Finding

# The other names are for the command line and the page on one image.
__all__ = ["AuditReport", "audit_images", "equalize_images"]
