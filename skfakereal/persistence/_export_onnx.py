"""A fitted classifier -> an ONNX graph from pixels to its probability, for other runtimes."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skfakereal._classifier import VGG16ImageClassifier
from skfakereal._classifying.ask import check_classifier
from skfakereal._classifying.unwrap import find_threshold, has_threshold, inner_of
from skfakereal._features import VGG16FeatureExtractor
from skfakereal._files import replacing
from skfakereal._network import Dense
from skfakereal._version import __version__
from skfakereal.explain import as_named, linear_head
from skfakereal.persistence._files import check_metadata, check_place
from skfakereal.persistence._onnx_network import NetworkGraph

# What scikit-learn adds to a probability before it takes the logarithm.
_EPSILON = 1e-12


def export_onnx(
    estimator: Any,
    path: str | os.PathLike[str],
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a fitted classifier as an ONNX graph, from pixels to its probability.

    For ONNX Runtime, a browser or a phone.

    Parameters
    ----------
    estimator : estimator
        A fitted `VGG16ImageClassifier`, or a pipeline of a `VGG16FeatureExtractor`, scalers
        and `LogisticRegression`; with a threshold or a calibration of scikit-learn's around
        it, too.
    path : path-like
        The file, with the suffix ``.onnx``. It is replaced in one step.
    metadata : mapping of str to object, default=None
        A note that JSON can hold, such as the names of the classes; the graph's metadata have
        it as ``metadata``.

    Raises
    ------
    NotFittedError
        If the estimator has not been fitted.
    TypeError
        If a part of it has no place in the graph.
    ValueError
        If the suffix is another one or the metadata are not JSON.
    OSError
        If the file cannot be written.

    See Also
    --------
    save : The model file of this package, which can also be fitted again.

    Notes
    -----
    The input, ``pixels``, is float32 of shape (n, height, width, 3): red, green and blue from
    0 to 1, already brought to `image_size`. With `n_crops` above 1 it is (n, crops, height,
    width, 3). The output is ``probability``, of shape (n,), that of the positive class: the
    one that a threshold is set for, or the second of two. With more classes it is
    ``probabilities``, of shape (n, n_classes).

    The graph's metadata are texts: ``classes``, ``positive``, ``threshold``, ``image_size``,
    ``resize``, ``n_crops`` and ``metadata`` as JSON, and ``skfakereal``, the version.
    The frozen part is in float32, or in whole numbers if it was so in `fit` (``engine_``).

    Examples
    --------
    >>> import skfakereal
    >>> skfakereal.export_onnx(clf, "detector.onnx")  # doctest: +SKIP
    """
    place = check_place(path, "model.onnx")
    if place.suffix != ".onnx":
        raise ValueError(f"An ONNX file must have the suffix .onnx, got {str(place)!r}.")
    noted = check_metadata(metadata)
    check_classifier(estimator)
    import onnx

    graph = _Graph()
    answer = graph.answer(estimator)
    classes = np.asarray(estimator.classes_).tolist()
    facts: dict[str, Any] = {"classes": classes}
    if len(classes) == 2:
        threshold, positive = _decision(estimator, classes)
        facts |= {"positive": positive, "threshold": threshold}
        probability = answer.probability
        if positive == classes[0]:
            probability = graph.node("Sub", graph.constant(np.float32(1)), probability)
        output = graph.node(
            "Reshape", probability, graph.constant([-1]), name="probability"
        )
    else:
        output = graph.node("Identity", answer.probability, name="probabilities")
    settings = graph.settings
    assert settings is not None
    facts |= {
        "image_size": settings.image_size,
        "resize": settings.resize,
        "n_crops": settings.n_crops,
        "metadata": noted,
    }
    texts = {name: json.dumps(value) for name, value in facts.items()}
    shape: list[Any] = ["n"] if len(classes) == 2 else ["n", len(classes)]
    model = graph.model(output, shape, texts | {"skfakereal": __version__})
    onnx.checker.check_model(model)
    with replacing(place) as file:
        file.write(model)


def _decision(estimator: Any, classes: list[Any]) -> tuple[float, Any]:
    """Return from which probability of which class on an image is of that class."""
    threshold = find_threshold(estimator)
    if threshold is None:
        return 0.5, classes[1]
    while not has_threshold(estimator):
        is_row = hasattr(estimator, "steps")
        estimator = estimator.steps[-1][1] if is_row else inner_of(estimator)
    if estimator.response_method == "decision_function":
        raise TypeError(
            "export_onnx writes probabilities, but the threshold is one of the decision "
            "function. Choose it with response_method='predict_proba'."
        )
    scorer = getattr(estimator, "_curve_scorer", None)
    chosen = estimator.pos_label if scorer is None else scorer._get_pos_label()
    return threshold, classes[1] if chosen is None else chosen


@dataclass(frozen=True)
class _Answer:
    """What a classifier says: blobs (n, 1) if there are two classes, else (n, n_classes)."""

    scores: str  # what its decision function gives
    probability: str
    has_scores: bool  # whether scikit-learn sees a decision function


@dataclass
class _Graph(NetworkGraph):
    """A graph of a whole classifier."""

    known: dict[int, _Answer] = field(default_factory=dict)

    def answer(self, estimator: Any) -> _Answer:
        """Add what a classifier computes, once for each classifier."""
        if id(estimator) not in self.known:
            self.known[id(estimator)] = self._answer(estimator)
        return self.known[id(estimator)]

    def _answer(self, estimator: Any) -> _Answer:
        inner = inner_of(estimator)
        if inner is not None:
            return self.answer(inner)
        if isinstance(estimator, VGG16ImageClassifier):
            tail = estimator._tail.layers
            last = tail[-1]
            assert isinstance(last, Dense)
            values = self.network(estimator, (*tail[:-1], _linear(last)))
            return self._probability(values, last.activation, has_scores=False)
        if hasattr(estimator, "calibrated_classifiers_"):
            return self._calibrated(estimator)
        steps = [step for _, step in getattr(estimator, "steps", ())]
        steps = [step for step in steps if step not in (None, "passthrough")]
        if len(steps) == 1:
            return self.answer(steps[0])
        if not (steps and isinstance(steps[0], VGG16FeatureExtractor)):
            raise _refusal(estimator)
        try:
            head = linear_head(steps[1:], steps[0].n_features_out_)
        except TypeError as error:
            raise _refusal(estimator) from error
        kind = _logistic(steps[-1], steps[0].n_features_out_)
        if kind is None:
            raise _refusal(steps[-1])
        return self._probability(self.network(steps[0], (head,)), kind, has_scores=True)

    def _probability(self, scores: str, kind: str, *, has_scores: bool) -> _Answer:
        own: dict[str, Any] = {"axis": 1} if kind == "softmax" else {}
        return _Answer(scores, self.node(kind.capitalize(), scores, **own), has_scores)

    def _calibrated(self, estimator: Any) -> _Answer:
        folds = [
            self._calibrated_fold(fold, self.answer(fold.estimator))
            for fold in estimator.calibrated_classifiers_
        ]
        mean = folds[0]
        for other in folds[1:]:
            mean = self.node("Add", mean, other)
        if len(folds) > 1:
            mean = self.node("Div", mean, self.constant(np.float64(len(folds))))
        single = self.cast(mean, "FLOAT")
        return _Answer(single, single, has_scores=False)

    def _calibrated_fold(self, fold: Any, inner: _Answer) -> str:
        """Do as scikit-learn's `_CalibratedClassifier`; all in float64, as it does."""
        given = self.cast(inner.scores if inner.has_scores else inner.probability, "DOUBLE")
        binary = len(fold.classes) == 2
        first = fold.calibrators[0]
        if fold.method == "temperature":
            logits = given
            if not inner.has_scores:
                logits = self._logarithm(given)
                if binary:
                    one = self.constant(np.float64(1))
                    other = self._logarithm(self.node("Sub", one, given))
                    logits = self.node("Sub", logits, other)
            elif binary:  # the logits are -score and score
                logits = self.node("Add", given, given)
            scaled = self.node("Mul", logits, self.constant(np.float64(first.beta_)))
            if binary:
                return self.node("Sigmoid", scaled)
            return self.node("Softmax", scaled, axis=1)
        if fold.method == "sigmoid":
            slope, offset = (
                self.constant(np.array([[-getattr(c, name) for c in fold.calibrators]]))
                for name in ("a_", "b_")
            )
            scaled = self.node("Add", self.node("Mul", given, slope), offset)
            each = self.node("Sigmoid", scaled)
        else:
            parts = [
                self._interpolated(calibrator, self._column(given, i))
                for i, calibrator in enumerate(fold.calibrators)
            ]
            each = parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=1)
        if binary:
            return each
        total = self.node("ReduceSum", each, self.constant([1]), keepdims=1)
        tiny = self.constant(np.float64(1e-300))
        return self.node("Div", each, self.node("Max", total, tiny))

    def _logarithm(self, blob: str) -> str:
        return self.node("Log", self.node("Add", blob, self.constant(np.float64(_EPSILON))))

    def _column(self, blob: str, i: int) -> str:
        return self.node("Gather", blob, self.constant([i]), axis=1)

    def _interpolated(self, isotonic: Any, blob: str) -> str:
        """Add a piecewise linear function, as a sum of one ramp a piece."""
        x, y = (
            np.asarray(values, np.float64)
            for values in (isotonic.X_thresholds_, isotonic.y_thresholds_)
        )
        begin, width, height = x[:-1], np.diff(x), np.diff(y)
        share = self.node("Sub", blob, self.constant(begin[None]))
        share = self.node("Div", share, self.constant(np.maximum(width, 1e-300)[None]))
        share = self.node("Max", share, self.constant(np.float64(0)))
        share = self.node("Min", share, self.constant(np.float64(1)))
        risen = self.node("MatMul", share, self.constant(height[:, None]))
        return self.node("Add", risen, self.constant(y[0]))


def _linear(layer: Dense) -> Dense:
    return Dense(layer.kernel, layer.bias, "linear")


def _logistic(classifier: Any, n_features: int) -> str | None:
    """Return what makes probabilities of a linear classifier's scores, if it is either."""
    if not hasattr(classifier, "predict_proba"):
        return None
    probe = as_named(classifier, np.random.RandomState(0).standard_normal((4, n_features)))
    scores = np.asarray(classifier.decision_function(probe)).reshape(4, -1)
    given = classifier.predict_proba(probe)
    from scipy.special import expit, softmax

    if scores.shape[1] == 1:
        return "sigmoid" if np.allclose(given[:, 1:], expit(scores)) else None
    return "softmax" if np.allclose(given, softmax(scores, axis=1)) else None


def _refusal(estimator: Any) -> TypeError:
    steps = [type(step).__name__ for _, step in getattr(estimator, "steps", ())]
    of = f" of {', '.join(steps)}" if steps else ""
    return TypeError(
        "export_onnx takes a VGG16ImageClassifier, or a Pipeline of a VGG16FeatureExtractor, "
        "scalers and LogisticRegression, perhaps with a threshold or a calibration, got "
        f"{type(estimator).__name__}{of}."
    )
