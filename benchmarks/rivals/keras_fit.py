"""The usual Keras script for this task: frozen VGG16, augmentation on the fly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import compute_class_weight

from benchmarks.rivals.keras_vgg16 import build_vgg16

__all__ = ["augmentation_layers", "build_model", "fit"]


def augmentation_layers() -> list[Any]:
    """Return Keras's layers for the kinds of change that `Augmentation` makes by default."""
    from keras import layers

    return [
        layers.RandomFlip("horizontal_and_vertical"),
        layers.RandomRotation(15 / 360, fill_mode="reflect"),
        layers.RandomZoom(0.1, fill_mode="reflect"),
        layers.RandomBrightness(0.2, value_range=(0, 1)),
    ]


def build_model(
    weights: str,
    side: int,
    *,
    before: Sequence[Any] = (),
    hidden_units: tuple[int, ...] = (256, 128),
    learning_rate: float = 1e-3,
) -> Any:
    """Return the compiled model: `before`, the frozen VGG16, two Dense layers, a sigmoid."""
    import keras

    vgg16 = build_vgg16(weights, side)
    vgg16.trainable = False
    hidden = [keras.layers.Dense(units, "relu") for units in hidden_units]
    output = keras.layers.Dense(1, "sigmoid")
    model = keras.Sequential(
        [keras.Input((side, side, 3)), *before, vgg16, *hidden, output]
    )
    adam = keras.optimizers.Adam(learning_rate)
    model.compile(adam, "binary_crossentropy", metrics=["accuracy"])
    return model


def fit(
    paths: NDArray[np.str_],
    labels: NDArray[np.int64],
    weights: str,
    side: int,
    *,
    epochs: int,
    batch_size: int = 32,
) -> Any:
    """Train with balanced weights and early stopping on a tenth of the images.

    Decoded images are kept in memory (`cache`), so that each file is read once. The views
    are made in threads beside the training (`map`, `prefetch`).
    """
    import keras
    import tensorflow as tf

    def read(path: Any, label: Any) -> tuple[Any, Any]:
        pixels = tf.io.decode_image(tf.io.read_file(path), 3, expand_animations=False)
        return tf.image.resize(pixels, (side, side)) / 255, label

    def load(part: NDArray[np.int64]) -> Any:
        dataset = tf.data.Dataset.from_tensor_slices((paths[part], labels[part]))
        return dataset.map(read, tf.data.AUTOTUNE).cache()

    augment = keras.Sequential(augmentation_layers())
    train, validation = train_test_split(
        np.arange(len(paths)), test_size=0.1, stratify=labels, random_state=0
    )
    batches = load(train).shuffle(len(train)).batch(batch_size)
    batches = batches.map(
        lambda images, labels: (augment(images, training=True), labels), tf.data.AUTOTUNE
    )
    model = build_model(weights, side)
    weight_of = compute_class_weight("balanced", classes=np.unique(labels), y=labels[train])
    model.fit(
        batches.prefetch(tf.data.AUTOTUNE),
        validation_data=load(validation).batch(batch_size),
        epochs=epochs,
        class_weight=dict(enumerate(weight_of)),
        # As patient as there are epochs, so that everybody trains equally long.
        callbacks=[
            keras.callbacks.EarlyStopping(patience=epochs, restore_best_weights=True)
        ],
        verbose=0,
    )
    return model
