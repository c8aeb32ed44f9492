"""The shortest TensorFlow script that says what one image is.

``python -m benchmarks.rivals.predict_one MODEL.keras IMAGE SIDE``. The model is called as
a function: for a single image, ``model.predict`` first traces a graph, which takes longer.
"""

import sys

import keras

__all__: list[str] = []

model = keras.models.load_model(sys.argv[1])
side = int(sys.argv[3])
image = keras.utils.load_img(sys.argv[2], target_size=(side, side), interpolation="bicubic")
print(float(model(keras.utils.img_to_array(image)[None] / 255)[0, 0]))
