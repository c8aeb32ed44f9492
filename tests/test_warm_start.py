"""Fine-tuning after the Dense layers have settled."""

from copy import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from skfakereal._network import Conv, Dense


def layers(classifier: Any, kind: type) -> list[Any]:
    return [layer for layer in classifier._tail.layers if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def fitted_once(fit):  # type: ignore[no-untyped-def]
    return fit(warm_start=True, epochs=4)


@pytest.fixture
def settled(fitted_once):  # type: ignore[no-untyped-def]
    return copy(fitted_once)


def test_fine_tuning_goes_on_from_the_settled_head(settled, dark_and_bright) -> None:
    X, y = dark_and_bright
    before, head = settled.predict_proba(X), layers(settled, Dense)
    # So small a rate that what is left is the start: the cut alone changes nothing.
    settled.set_params(trainable_from="block5", learning_rate=1e-9, epochs=1).fit(X, y)
    assert len(layers(settled, Conv)) == 3
    np.testing.assert_allclose(settled.predict_proba(X), before, atol=2e-3)
    for one, other in zip(layers(settled, Dense), head, strict=True):
        np.testing.assert_allclose(one.kernel, other.kernel, atol=1e-6)


def test_fine_tuning_changes_the_block_and_lowers_the_loss(
    settled, dark_and_bright
) -> None:
    X, y = dark_and_bright
    loss = log_loss(y, settled.predict_proba(X))
    trunk = settled._trunk.convolution("block5_conv1").kernel
    settled.set_params(trainable_from="block5", learning_rate=1e-4, epochs=6).fit(X, y)
    assert log_loss(y, settled.predict_proba(X)) < loss
    assert not np.array_equal(layers(settled, Conv)[0].kernel, trunk)
    again = [layer.kernel for layer in layers(settled, Conv)]
    settled.set_params(trainable_from="block4", learning_rate=1e-9, epochs=1).fit(X, y)
    assert len(layers(settled, Conv)) == 6
    for one, other in zip(layers(settled, Conv)[3:], again, strict=True):
        np.testing.assert_allclose(one.kernel, other, atol=1e-6)


def test_without_warm_start_a_fit_starts_anew(settled, fit, dark_and_bright) -> None:
    X, y = dark_and_bright
    settled.set_params(warm_start=False).fit(X, y)
    fresh = fit(epochs=4)
    assert np.array_equal(settled.predict_proba(X), fresh.predict_proba(X))


def test_what_was_trained_cannot_be_frozen(settled, dark_and_bright) -> None:
    settled.set_params(trainable_from="block5", epochs=1).fit(*dark_and_bright)
    with pytest.raises(ValueError, match="move towards the image"):
        settled.set_params(trainable_from=None).fit(*dark_and_bright)


@pytest.mark.parametrize(
    "changes",
    [{"hidden_units": (4,)}, {"weights": None}, {"pooling": "flatten"}, {"resize": "crop"}],
    ids=str,
)
def test_what_must_stay_is_said(settled, dark_and_bright, changes) -> None:
    with pytest.raises(ValueError, match="must be those of the last fit"):
        settled.set_params(**changes).fit(*dark_and_bright)


def test_other_classes_start_anew(settled, dark_and_bright) -> None:
    X, y = dark_and_bright
    with pytest.raises(ValueError, match="must be those of the last fit"):
        settled.fit(X, np.where(y, "white", "black"))


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_fit_that_fails_leaves_the_model_as_it_was(
    make_classifier, dark_and_bright, tmp_path, warm_start
) -> None:
    X, y = dark_and_bright
    (tmp_path / "broken.png").write_bytes(b"no image")
    column = pd.DataFrame({"image": X})
    model = make_classifier(epochs=2, warm_start=warm_start).fit(column, y)
    before = model.predict_proba(column)
    other = pd.DataFrame({"file": [tmp_path / "broken.png", *X[1:]]})
    for data, labels, error in [
        (other, y, OSError),  # found out when the images are read
        (pd.DataFrame({"file": X}), y * 0, ValueError),
        (np.asarray(other["file"]), y, OSError),
    ]:
        with pytest.raises(error):
            model.fit(data, labels)
        assert model.feature_names_in_.tolist() == ["image"]
        np.testing.assert_array_equal(model.predict_proba(column), before)
