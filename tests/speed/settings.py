"""What is measured, and how long."""

import dataclasses
from typing import Any

# Name -> title in tables and figures. `runs.NETWORKS` loads them.
TITLES = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "squeezenet": "SqueezeNet",
    "resnet50_v2": "ResNet50V2 (random)",
    "vit_b16": "ViT-B/16 (random)",
}

# The names of the methods, in every result.
OURS = "maco_tf"
BARE = "bare network"
XPLIQUE = "xplique"

# For memory only: a process that imports the packages and loads the network, but makes no step.
BASELINE = "baseline"

# Further settings of `MacoVisualizer`: name -> arguments besides model, steps, crops and image_size. If the model, the
# machine or the package refuses one, the results hold the reason. `steps_per_execution` must stay 1, because callbacks
# mark where a step begins.
VARIANTS: dict[str, dict[str, Any]] = {
    "maco_tf, XLA": {"jit_compile": True},
    "maco_tf, bfloat16": {"precision": "bfloat16"},
}

# Variants may take ten times as long, so they are measured for one number of crops and the first network only.
VARIANT_CROPS = 8


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of one benchmark of speed.

    Attributes:
        networks: names in `TITLES`. Batches of objectives and the memory of many views are measured for the first two.
        crops: views per step, in increasing order, so that a case that takes too long comes last.
        rounds: largest number of rounds; in a round, every method takes one turn.
        steps: largest number of steps per turn.
        turn: seconds that a turn should take at most; slow networks take fewer steps per turn, but at least one.
        limit: seconds for all rounds of one network and number of crops. There are fewer rounds if they would take
            longer; if not even three fit, the results say so instead.
        image_size: side of the image, pixels.
        memory_crops: views per step when memory is measured.
        split: a smaller and a larger number of views per step. Memory is measured for the smaller one without splitting
            a step, and for both with the default splitting.
        many: number of objectives in a batch, compared with as many single objectives.
        many_crops: views per step of each of these objectives.
        torch: whether Horama is measured as well.
    """

    networks: tuple[str, ...] = tuple(TITLES)
    crops: tuple[int, ...] = (4, 8, 32)
    rounds: int = 7
    steps: int = 3
    turn: float = 3.0
    limit: float = 450.0
    image_size: int = 512
    memory_crops: int = 8
    split: tuple[int, int] = (32, 512)
    many: int = 8
    many_crops: int = 2
    torch: bool = False


# Shows within one or two minutes that everything runs. The measured values mean little.
QUICK: dict[str, Any] = {
    "networks": ("squeezenet",),
    "crops": (1, 2),
    "rounds": 2,
    "steps": 1,
    "image_size": 256,
    "memory_crops": 2,
    "split": (2, 8),
    "many": 2,
    "many_crops": 1,
}


def cases(crops: int, settings: Settings, network: str) -> dict[str, dict[str, Any]]:
    """The settings of `MacoVisualizer` that are measured for a network and a number of crops.

    Args:
        crops: views per step.
        settings: a `Settings`.
        network: name.

    Returns:
        Dictionary, name of the method -> arguments.
    """
    varied = crops == VARIANT_CROPS and network == settings.networks[0]
    return {OURS: {}, **(VARIANTS if varied else {})}
