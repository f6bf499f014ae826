"""SqueezeNet 1.1 (Iandola et al., 2016, arXiv:1602.07360) in Keras, from the authors' Caffe weights."""

import keras
from keras import layers

_FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
# ImageNet's mean pixel in RGB, from the Caffe model's preprocessing.
_MEAN = (123.68, 116.779, 103.939)


def build():
    """Build the network, without weights.

    Returns:
        A `keras.Model` from images in [0, 1] of shape (batch, 227, 227, 3) to 1,000 probabilities. Layers
        carry the paper's names: `conv1`, `fire2_concat` ... `fire9_concat`, `conv10`.
    """
    inputs = keras.Input((227, 227, 3), name="image")
    x = layers.Rescaling(255.0, offset=[-mean for mean in _MEAN], name="rescaling")(inputs)
    x = layers.Conv2D(64, 3, 2, activation="relu", name="conv1")(x)
    for index, (squeeze, expand) in _FIRES.items():
        if index in (2, 4, 6):  # Version 1.1 pools early: before fire2, fire4 and fire6.
            x = layers.MaxPooling2D(3, 2, name=f"pool{index - 1}")(x)
        x = _fire(x, squeeze, expand, f"fire{index}")
    # No ReLU after conv10: these weights were published with the logits as its plain average.
    x = layers.Conv2D(1000, 1, name="conv10")(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = layers.Softmax(name="predictions")(x)
    return keras.Model(inputs, outputs, name="squeezenet")


def assign(model, state):
    """Write the published arrays into the network of `build`.

    Args:
        model: the network.
        state: dictionary, Caffe's layer name -> [kernel (height, width, in, out), bias].
    """
    for source, (kernel, bias) in state.items():
        # Caffe trained on BGR; flipping the first kernel's inputs makes the network take RGB.
        kernel = kernel[:, :, ::-1] if source == "conv1" else kernel
        model.get_layer(source.replace("/", "_")).set_weights([kernel, bias.reshape(-1)])


def _fire(x, squeeze, expand, name):
    x = layers.Conv2D(squeeze, 1, activation="relu", name=f"{name}_squeeze1x1")(x)
    narrow = layers.Conv2D(expand, 1, activation="relu", name=f"{name}_expand1x1")(x)
    wide = layers.Conv2D(expand, 3, padding="same", activation="relu", name=f"{name}_expand3x3")(x)
    return layers.Concatenate(name=f"{name}_concat")([narrow, wide])
