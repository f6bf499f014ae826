"""Which input ranges `preprocessing="auto"` finds: the table of your-model.md.

    python notebooks/guides/input_ranges.py > table.md

Networks of keras.applications have random weights, and networks of the zoo trained ones.
"""

import time
import warnings
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from maco_tf import zoo
from maco_tf.models import Activations
from maco_tf.models.input_range import find_input_range

APPLICATIONS = {
    "ConvNeXtTiny": 64,
    "DenseNet121": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "EfficientNetV2S": 64,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "NASNetMobile": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "VGG16": 64,
    "VGG19": 64,
    "Xception": 75,
}
NETWORKS = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "squeezenet", "mobilenet_v2", "vit_s14")
LAYERS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "no layer": lambda x: x,
    "`Rescaling(1 / 255)`": keras.layers.Rescaling(1 / 255),
    "`Rescaling(1 / 127.5, -1)`": keras.layers.Rescaling(1 / 127.5, -1),
    "`Normalization(mean=77, variance=3000)`": keras.layers.Normalization(mean=[77.0] * 3, variance=[3000.0] * 3),
    "`Normalization(mean=0.45, variance=0.05)`": keras.layers.Normalization(mean=[0.45] * 3, variance=[0.05] * 3),
    "`Normalization(mean=-0.5, variance=0.3)`": keras.layers.Normalization(mean=[-0.5] * 3, variance=[0.3] * 3),
    "`x - [124, 117, 104]`": lambda x: x - tf.constant([124.0, 117.0, 104.0]),
    "`Rescaling(0.5, 0.5)`": keras.layers.Rescaling(0.5, 0.5),
    "`Rescaling(255)`": keras.layers.Rescaling(255.0),
    "`Rescaling(1 / 65535)`": keras.layers.Rescaling(1 / 65535),
}


def small_network() -> keras.Model:
    """A convolution and a classifier."""
    layers = keras.layers
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(5)])


def behind(layer: Callable[[tf.Tensor], tf.Tensor], network: keras.Model) -> keras.Model:
    """A network with a layer before it."""
    image = keras.Input(network.input_shape[1:])
    return keras.Model(image, network(layer(image)))


def models() -> Iterator[tuple[str, keras.Model]]:
    """Names and models, each made when it is its turn."""
    for name in NETWORKS:
        yield f"zoo: {name}", zoo.load(name)
    yield "zoo: squeezenet behind `Rescaling(1 / 255)`", behind(LAYERS["`Rescaling(1 / 255)`"], zoo.load("squeezenet"))
    for name, side in APPLICATIONS.items():
        build = getattr(keras.applications, name)
        yield name, build(weights=None, input_shape=(side, side, 3))
    for name in ("ConvNeXtTiny", "EfficientNetV2S", "MobileNetV3Small"):
        build = getattr(keras.applications, name)
        yield (
            f"{name}, `include_preprocessing=False`",
            build(weights=None, input_shape=(64, 64, 3), include_preprocessing=False),
        )
    for name in ("ResNet50", "EfficientNetB0"):
        base = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), include_top=False)
        head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5)]
        yield f"{name} with a head of 5 classes", keras.Sequential([keras.Input((64, 64, 3)), base, *head])
    for name, layer in LAYERS.items():
        yield f"convolution after {name}", behind(layer, small_network())


def outcome(model: keras.Model) -> tuple[str, str]:
    """What happens, and the preprocessing in force."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        activations = Activations(model)
    doubts = [warning for warning in caught if "preprocessing" in str(warning.message)]
    said = "warned" if doubts else "recognised" if activations.range_found else "silent"
    return said, "[0, 1]" if activations.preprocessing is None else f'`"{activations.preprocessing}"`'


def main() -> None:
    """Print the table."""
    print("| model | outcome | images are given as | time (ms) |")
    print("|---|---|---|---|")
    find_input_range(small_network(), (32, 32, 3))  # TensorFlow's first operations are slow.
    for name, model in models():
        begun = time.perf_counter()
        said, mode = outcome(model)
        print(f"| {name} | {said} | {mode} | {1000 * (time.perf_counter() - begun):.0f} |", flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
