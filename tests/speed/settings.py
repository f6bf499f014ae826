"""What is measured, and for how long."""

import dataclasses

# Name -> how tables and pictures call it; `networks.NETWORKS` loads them.
TITLES = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "squeezenet": "SqueezeNet",
    "resnet50_v2": "ResNet50V2 (random)",
    "vit_b16": "ViT-B/16 (random)",
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """One benchmark of speed.

    Attributes:
        networks: names in `TITLES`; many objectives and many views at once are measured of the first two.
        crops: views a step, from few to many, so that what does not fit comes last.
        rounds: turns of every method, at most.
        steps: steps of a turn, at most.
        turn: seconds of a turn that are enough; a slow network takes fewer steps, at least one.
        limit: seconds that the rounds of one network and number of crops may take; there are fewer rounds, and
            where not even three fit, the row says so instead.
        image_size: side of the image, pixels.
        memory_crops: views a step where memory is measured.
        split: views a step, few and many: memory of the few at once, and of both as they are cut by default.
        many: objectives of one batch, beside as many single ones.
        many_crops: views a step of each of these.
        torch: whether Horama is measured too.
    """

    networks: tuple = tuple(TITLES)
    crops: tuple = (4, 8, 32)
    rounds: int = 7
    steps: int = 3
    turn: float = 3.0
    limit: float = 450.0
    image_size: int = 512
    memory_crops: int = 8
    split: tuple = (32, 512)
    many: int = 8
    many_crops: int = 2
    torch: bool = False


# Shows in a minute or two that everything runs; its figures mean little.
QUICK = {
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
