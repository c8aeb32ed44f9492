"""Labels and probabilities of no images at all, for the tests of reports."""

from typing import Any

import numpy as np
from scipy.stats import rankdata

from skfakereal.evaluation import EvaluationReport

Case = dict[str, Any]


def make_case(
    n_images: int = 60, n_classes: int = 2, seed: int = 0, decimals: int = 9
) -> Case:
    """Return predictions better than chance and not perfect, with ties if rounded coarsely."""
    rng = np.random.default_rng(seed)
    y_true = rng.permutation(np.arange(n_images) % n_classes)
    y_proba = rng.dirichlet(np.ones(n_classes), n_images)
    y_proba = 0.75 * y_proba + 0.25 * np.eye(n_classes)[y_true]
    return {
        "paths": [f"img/{i:03}.png" for i in range(n_images)],
        "y_true": y_true,
        "y_proba": y_proba.round(decimals),
        "classes": np.arange(n_classes),
    }


def areas_under(scores: Any, drawn: list[Any]) -> Any:
    """Return the AUC in each draw of rows of both classes, by the ranks of the scores."""
    n_real, n_fake = (rows.shape[1] for rows in drawn)
    ranks = rankdata(scores[np.hstack(drawn)], axis=1)[:, n_real:].sum(axis=1)
    return (ranks - n_fake * (n_fake + 1) / 2) / (n_real * n_fake)


def report_on(y_true: Any, fake: Any, **settings: Any) -> EvaluationReport:
    """Return the report on labels 0 and 1 and on the probability of 1 for each image."""
    settings = {
        "paths": [f"{i}.png" for i in range(len(y_true))],
        "classes": [0, 1],
    } | settings
    proba = np.column_stack([1 - np.asarray(fake), fake])
    return EvaluationReport(y_true=y_true, y_proba=proba, **settings)
