"""Decision thresholds, chosen on validation images.

A threshold is a part of the model, not of its evaluation: it is chosen by
`choose_threshold` or `tune_threshold` on images that are neither trained on nor tested on,
and lives in scikit-learn's `FixedThresholdClassifier`, which everything here that takes a
classifier takes as well. `tune_threshold` also calibrates, by scikit-learn's
`CalibratedClassifierCV`, if asked to. `recalibrate` moves the threshold of a finished model
to the images that it meets in use.
"""

from skfakereal.thresholds._choice import ThresholdChoice
from skfakereal.thresholds._choose import choose_threshold
from skfakereal.thresholds._recalibrate import Recalibration, recalibrate
from skfakereal.thresholds._tune import tune_threshold

__all__ = [
    "Recalibration",
    "ThresholdChoice",
    "choose_threshold",
    "recalibrate",
    "tune_threshold",
]
