"""A grid search with plain scikeras, which takes pixels: all images are decoded once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.model_selection import GridSearchCV

from benchmarks.rivals.keras_fit import augmentation_layers, build_model

__all__ = ["search"]


def search(
    paths: NDArray[np.str_],
    labels: NDArray[np.int64],
    weights: str,
    side: int,
    grid: dict[str, list[Any]],
    cv: Any,
    *,
    augment: bool,
    epochs: int,
    batch_size: int = 32,
) -> GridSearchCV:
    """Search over `learning_rate` and `hidden_units`.

    The images are held in memory as float32, as scikeras needs them; the views are made by
    layers in the model, since scikeras takes no dataset.
    """
    import keras
    from scikeras.wrappers import KerasClassifier

    def build(learning_rate: float, hidden_units: tuple[int, ...]) -> Any:
        return build_model(
            weights,
            side,
            before=augmentation_layers() if augment else [],
            hidden_units=hidden_units,
            learning_rate=learning_rate,
        )

    pixels = np.stack([_read(path, side) for path in paths])
    classifier = KerasClassifier(
        build,
        learning_rate=1e-3,
        hidden_units=(256, 128),
        epochs=epochs,
        batch_size=batch_size,
        validation_split=0.1,
        class_weight="balanced",
        callbacks=[
            keras.callbacks.EarlyStopping(patience=epochs, restore_best_weights=True)
        ],
        verbose=0,
    )
    return GridSearchCV(
        classifier, grid, scoring="accuracy", cv=cv, refit=False, error_score="raise"
    ).fit(pixels, labels)


def _read(path: str, side: int) -> NDArray[np.float32]:
    with Image.open(path) as image:
        resized = image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(resized, np.float32) / np.float32(255)
