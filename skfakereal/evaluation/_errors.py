"""Predictions -> the images that were taken for another class, worst first."""

from dataclasses import dataclass

import numpy as np

from skfakereal.evaluation._predictions import Predictions


@dataclass(frozen=True)
class ImageError:
    """An image that was taken for another class.

    Parameters
    ----------
    path : str
        The image.
    label, predicted : str
        The name of its class, and of the class that it was taken for.
    probability : float
        The probability of the predicted class, from 0 to 1. With a threshold of its own, a
        classifier may predict a class below 0.5.
    """

    path: str
    label: str
    predicted: str
    probability: float


def worst_errors(predictions: Predictions) -> list[ImageError]:
    """Return all errors, the ones with the lowest probability for the true class first."""
    p = predictions
    wrong = np.flatnonzero(p.y_true != p.y_pred)
    order = np.argsort(p.y_proba[wrong, p.y_true[wrong]], kind="stable")
    return [
        ImageError(
            path=p.paths[i],
            label=p.names[p.y_true[i]],
            predicted=p.names[p.y_pred[i]],
            probability=float(p.y_proba[i, p.y_pred[i]]),
        )
        for i in wrong[order]
    ]
