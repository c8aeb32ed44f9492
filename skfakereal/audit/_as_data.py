"""What an audit found -> plain data, for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skfakereal.audit._copies import Copies
from skfakereal.audit._shortcuts import Shortcut
from skfakereal.audit._verdict import Strength


def strength_data(strength: Strength) -> dict[str, Any]:
    return {
        "auc": None if np.isnan(strength.auc) else strength.auc,
        "interval": [strength.low, strength.high],
        "verdict": strength.verdict,
    }


def shortcut_data(shortcut: Shortcut, names: Sequence[str]) -> dict[str, Any]:
    """Return a field with its evidence."""
    return {
        "title": shortcut.field.title,
        "in_headline": shortcut.field.in_headline,
        **strength_data(shortcut.strength),
        "values": [
            {"value": row.value, "counts": dict(zip(names, row.counts, strict=True))}
            for row in shortcut.rows
        ],
    }


def copies_data(copies: Copies, paths: Sequence[str]) -> dict[str, Any]:
    """Return copies with the paths of a few examples."""
    return {
        "n_sets": copies.n_clusters,
        "n_images": copies.n_images,
        "sets_across_classes": copies.across_classes,
        "sets_across_groups": copies.across_groups,
        "images_across_splits": [
            {"of": a, "with_a_copy_in": b, "n_images": n}
            for (a, b), n in copies.across_splits.items()
        ],
        "examples": [[paths[i] for i in cluster] for cluster in copies.examples],
    }
