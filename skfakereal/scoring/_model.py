"""A fitted classifier -> the copy that scores, and a digest that tells it from others."""

import math
from dataclasses import dataclass
from os import PathLike
from typing import Any

import joblib
import numpy as np

from skfakereal._classifier import VGG16ImageClassifier
from skfakereal._classifying.ask import check_classifier
from skfakereal._classifying.unwrap import copy_with_settings, inner_of
from skfakereal._trunk_settings import height_and_width

_Cache = str | PathLike[str] | None
# Pixels in a part: 334 images of 224x224, half a minute on two cores, which is what a
# killed run loses at the most.
_PART_PIXELS = 2**24
_LARGEST_PART = 4_000
# Of a classifier whose image size is not known.
_USUAL_PART = 1_000
# What changes no result.
_NEUTRAL = {"cache": None, "n_jobs": None, "on_error": "raise", "verbose": 0}


@dataclass(frozen=True)
class ScoringModel:
    """A classifier, ready to score."""

    estimator: Any  # a copy of the fitted classifier
    digest: str  # 40 hexadecimal digits; see `prepare_model`
    classes: tuple[Any, ...]  # its ``classes_``
    part_size: int  # images to score at one go, unless somebody wants another number


def prepare_model(estimator: Any, *, cache: _Cache = None) -> ScoringModel:
    """Copy a classifier for scoring, and take its digest.

    The digest is joblib's hash (SHA-1) of the estimator with all that it holds: classes by
    their names, parameters, weights, thresholds. Left out is what changes no result:
    `cache`, `n_jobs`, `on_error` and `verbose` of this package's estimators. The same file
    gives the same digest in every process; another version of a library may not.
    """
    _check(estimator)
    settings: dict[str, Any] = {"cache": cache, "verbose": 0}
    if _lets_unreadable_pass(estimator):
        # Else each part with a broken image would be computed a second time without it.
        settings["on_error"] = "nan"
    try:
        copy, networks = copy_with_settings(estimator, settings)
        neutral, _ = copy_with_settings(estimator, _NEUTRAL)
        digest = str(joblib.hash(neutral, hash_name="sha1"))
    except Exception as error:  # a pickle can raise anything
        raise TypeError(
            f"The classifier must be one that can be pickled, but: {error}. Name its "
            "functions in a module, in place of lambdas."
        ) from error
    pixels = max((math.prod(height_and_width(n.image_size)) for n in networks), default=0)
    return ScoringModel(
        estimator=copy,
        digest=digest,
        classes=tuple(np.asarray(estimator.classes_).tolist()),
        part_size=min(_LARGEST_PART, _PART_PIXELS // pixels) if pixels else _USUAL_PART,
    )


def _check(estimator: Any) -> None:
    if hasattr(estimator, "predict_proba"):
        check_classifier(estimator)
        return
    from sklearn.utils.validation import check_is_fitted

    if not (hasattr(estimator, "predict") and hasattr(estimator, "fit")):
        raise TypeError(f"A fitted classifier is needed, got {type(estimator).__name__}.")
    check_is_fitted(estimator)
    if not hasattr(estimator, "classes_"):
        raise TypeError(
            f"A classifier is needed, but {type(estimator).__name__} has no classes_."
        )


def _lets_unreadable_pass(estimator: Any) -> bool:
    """Tell whether a row of NaN would come out as one.

    A calibration or another classifier on top could make a number of it.
    """
    while not isinstance(estimator, VGG16ImageClassifier):
        estimator = inner_of(estimator)
        if estimator is None:
            return False
    return type(estimator).predict is VGG16ImageClassifier.predict
