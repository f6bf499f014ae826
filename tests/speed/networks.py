"""The networks: from images in [0, 1] to 1,000 classes."""

import dataclasses
from collections.abc import Callable

import keras
from keras import layers

from maco_tf.models import zoo
from maco_tf.models.zoo.applications import load_application
from maco_tf.models.zoo.vision_transformer import VisionTransformer


@dataclasses.dataclass(frozen=True)
class Network:
    """One network in both frameworks.

    Attributes:
        load: () -> `keras.Model`.
        torch: `(module, function)` that makes the same architecture in PyTorch, with random weights.
    """

    load: Callable
    torch: tuple


def vit_b16():
    """ViT-B/16 (Dosovitskiy et al., 2021) for images of 224 pixels, with random weights."""
    encoder = VisionTransformer(
        width=768, depth=12, heads=12, hidden=3072, patch_size=16, layer_scale=False, exact_gelu=True
    )
    inputs = keras.Input((224, 224, 3), name="image")
    x = encoder.encode(layers.Rescaling(2.0, offset=-1.0, name="rescaling")(inputs))
    x = layers.Flatten(name="pre_logits")(layers.Cropping1D((0, x.shape[1] - 1), name="only_class_token")(x))
    return keras.Model(inputs, layers.Dense(1000, activation="softmax", name="predictions")(x), name="vit_b16")


# A random network costs what a trained one does: its shapes are the same.
NETWORKS = {
    "efficientnet_lite0": Network(lambda: zoo.load("efficientnet_lite0"), ("timm.models", "efficientnet_lite0")),
    "squeezenet": Network(lambda: zoo.load("squeezenet"), ("torchvision.models", "squeezenet1_1")),
    "resnet50_v2": Network(lambda: load_application("ResNet50V2", weights=None), ("timm.models", "resnetv2_50")),
    "vit_b16": Network(vit_b16, ("torchvision.models", "vit_b_16")),
}
