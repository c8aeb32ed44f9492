"""What goes wrong while a fit is under way is an error, never a ruined model."""

import io
import logging
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from safetensors.numpy import load_file

from skfakereal import ImageReadError


class _Watcher(io.StringIO):
    """A standard error that removes a file when the bar of the epochs appears."""

    def __init__(self, doomed: Path) -> None:
        super().__init__()
        self.doomed = doomed

    def write(self, text: str) -> int:
        if "epoch" in text:
            self.doomed.unlink(missing_ok=True)
        return super().write(text)


@pytest.mark.parametrize("cut", [None, "block1"])
def test_a_file_that_vanishes_after_the_first_pass(
    make_classifier, black_and_white_images, monkeypatch, cut
) -> None:
    paths, labels = black_and_white_images
    # What is certain to be needed is read before, and that is three views.
    settings = {"augmentation": "default", "n_views": 8, "epochs": 8, "verbose": 1}
    stops = {"early_stopping": True, "patience": 2}
    classifier = make_classifier(**settings, **stops, trainable_from=cut, cache=None)
    monkeypatch.setattr(sys, "stderr", _Watcher(Path(paths[5])))
    ends = [0, -1]
    held = {"X_val": [paths[i] for i in ends], "y_val": labels[ends]}
    with pytest.raises(ImageReadError, match=r"X\[4\].*does not exist"):
        classifier.fit(paths[1:-1], labels[1:-1], **held)
    assert not hasattr(classifier, "classes_")


@pytest.mark.parametrize(("early_stopping", "epochs"), [(True, 1), (False, 5)])
def test_training_that_diverges(
    make_classifier, dark_and_bright, early_stopping, epochs
) -> None:
    classifier = make_classifier(
        epochs=epochs, learning_rate=1e38, batch_size=100, early_stopping=early_stopping
    )
    with pytest.raises(ValueError, match=r"diverges in epoch \d.*lower learning_rate"):
        classifier.fit(*dark_and_bright)


def test_no_word_of_retracing(fit, caplog) -> None:
    with caplog.at_level(logging.WARNING, "tensorflow"):
        for _ in range(6):  # each builds a model, and its last batch is a smaller one
            fit(epochs=1, batch_size=10)
        logging.getLogger("tensorflow").warning("something else")
    assert [r.getMessage() for r in caplog.records] == ["something else"]


@pytest.mark.parametrize(
    "cut",
    ["block5", *(pytest.param(c, marks=pytest.mark.slow) for c in ("block3", "block1"))],
)
def test_a_fine_tuned_model_is_no_larger_than_its_weights(
    fit, dark_and_bright, narrow_trunk, tmp_path, cut
) -> None:
    X, y = dark_and_bright
    classifier = fit(trainable_from=cut, epochs=1)
    frozen = sum(array.nbytes for name, array in classifier._trunk.arrays.items())
    trained = sum(
        array.nbytes
        for layer in classifier._tail.layers
        for array in vars(layer).values()
        if isinstance(array, np.ndarray)
    )
    whole = sum(array.nbytes for array in load_file(narrow_trunk).values())
    head = sum(
        array.nbytes
        for layer in classifier._tail.layers[-2:]
        for array in (layer.kernel, layer.bias)
    )
    assert frozen + trained == whole + head
    joblib.dump(classifier, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    assert np.array_equal(again.predict_proba(X), classifier.predict_proba(X))
    # What was left out is loaded again where training goes on.
    again.set_params(warm_start=True, learning_rate=1e-9).fit(X, y)
    np.testing.assert_allclose(
        again.predict_proba(X), classifier.predict_proba(X), atol=2e-3
    )


def test_settings_changed_after_the_fit_are_checked(
    fitted_classifier, dark_and_bright
) -> None:
    from copy import copy

    other = copy(fitted_classifier).set_params(engine="bogus")
    with pytest.raises(ValueError, match="engine must be"):
        other.predict_proba(dark_and_bright[0])
