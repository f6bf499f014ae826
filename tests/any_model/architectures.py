"""An architecture to examine, and the families of keras.applications."""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras.src.applications import densenet, efficientnet, efficientnet_v2, nasnet, resnet


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A small network of a published architecture, with random weights.

    Attributes:
        source: "keras.applications" or "keras-hub".
        family: name of the family.
        name: the class or function that makes it, and what is special about it; unique.
        build: makes the model.
        wrap: for a model that does not take one batch of images, makes one that does; see `MacoVisualizer`'s error.
        settings: settings of the visualizer.
        weight: factor of the inner channel, for one so weak with random weights that the optimizer does not see its
            gradient.
    """

    source: str
    family: str
    name: str
    build: Callable[[], keras.Model]
    wrap: Callable[[keras.Model], keras.Model] | None = None
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    weight: float = 1.0


def _stacks(stack: Callable[..., Any]) -> Callable[[Any], Any]:
    """Two stages of two residual blocks."""
    return lambda x: stack(stack(x, 16, 2, stride1=1, name="conv2"), 16, 2, name="conv3")


def _resnet(preact: bool) -> keras.Model:
    stack = resnet.stack_residual_blocks_v2 if preact else resnet.stack_residual_blocks_v1
    return resnet.ResNet(_stacks(stack), preact, True, weights=None, input_shape=(32, 32, 3), classes=10)


def _published(name: str, side: int, **arguments: Any) -> Callable[[], keras.Model]:
    build = getattr(keras.applications, name)
    return lambda: build(weights=None, input_shape=(side, side, 3), **arguments)


_SMALL: dict[str, Any] = {"weights": None, "input_shape": (32, 32, 3), "classes": 10}

# Family, name, what makes it. Published networks where they are small; otherwise the family's blocks, fewer of them.
_APPLICATIONS: list[tuple[str, str, Callable[[], keras.Model]]] = [
    ("ConvNeXt", "ConvNeXtTiny", _published("ConvNeXtTiny", 32)),
    ("DenseNet", "DenseNet, blocks of 1, 2, 1 and 1", lambda: densenet.DenseNet([1, 2, 1, 1], **_SMALL)),
    ("EfficientNet", "EfficientNet, width 0.25, depth 0.3", lambda: efficientnet.EfficientNet(0.25, 0.3, 32, **_SMALL)),
    (
        "EfficientNetV2",
        "EfficientNetV2-B0, width 0.25, depth 0.3",
        lambda: efficientnet_v2.EfficientNetV2(0.25, 0.3, 32, name="efficientnetv2-b0", **_SMALL),
    ),
    ("InceptionResNetV2", "InceptionResNetV2", _published("InceptionResNetV2", 75)),
    ("InceptionV3", "InceptionV3", _published("InceptionV3", 75)),
    ("MobileNet", "MobileNet, alpha 0.25", _published("MobileNet", 32, alpha=0.25)),
    ("MobileNetV2", "MobileNetV2, alpha 0.35", _published("MobileNetV2", 32, alpha=0.35)),
    ("MobileNetV3", "MobileNetV3Small", _published("MobileNetV3Small", 32)),
    (
        "NASNet",
        "NASNet, 1 block",
        lambda: nasnet.NASNet(penultimate_filters=96, num_blocks=1, stem_block_filters=16, **_SMALL),
    ),
    ("ResNet", "ResNet, 4 blocks", lambda: _resnet(False)),
    ("ResNetV2", "ResNetV2, 4 blocks", lambda: _resnet(True)),
    ("VGG", "VGG16", _published("VGG16", 32)),
    ("Xception", "Xception", _published("Xception", 71)),
]
APPLICATIONS = [Architecture("keras.applications", *row) for row in _APPLICATIONS]


def architectures() -> dict[str, Architecture]:
    """All architectures by name. keras-hub is imported here, because nothing else needs it."""
    hub = importlib.import_module("tests.any_model.keras_hub_models").MODELS
    return {architecture.name: architecture for architecture in [*APPLICATIONS, *hub]}
