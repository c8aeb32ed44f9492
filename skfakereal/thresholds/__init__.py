"""Decision thresholds, chosen on validation images.

A threshold is a part of the model, not of its evaluation: it is chosen by
`choose_threshold` or `tune_threshold` on images that are neither trained on nor tested on,
and lives in scikit-learn's `FixedThresholdClassifier`, which everything here that takes a
classifier takes as well. `tune_threshold` also calibrates, by scikit-learn's
`CalibratedClassifierCV`, if asked to. `recalibrate` moves the threshold of a finished model
to the images that it meets in use.
"""

from skfakereal.thresholds._choose import check_negatives as check_negatives
from skfakereal.thresholds._choose import choose_threshold
from skfakereal.thresholds._choose import negatives_needed as negatives_needed
from skfakereal.thresholds._recalibrate import check_counts as check_counts
from skfakereal.thresholds._recalibrate import check_share as check_share
from skfakereal.thresholds._recalibrate import recalibrate
from skfakereal.thresholds._results import Recalibration, ThresholdChoice
from skfakereal.thresholds._tune import calibrate as calibrate
from skfakereal.thresholds._tune import calibrate_known as calibrate_known
from skfakereal.thresholds._tune import decide_at as decide_at
from skfakereal.thresholds._tune import tune_threshold

# The other names are for the command line.
__all__ = [
    "Recalibration",
    "ThresholdChoice",
    "choose_threshold",
    "recalibrate",
    "tune_threshold",
]
