"""Studies of three channels at three depths of a convolutional network and of a transformer.

    python -m tests.measurements.studies --images FOLDER --output assets/exemplars

Of ten random channels of each layer, the one is studied whose exemplars are most alike to a network that is not
explained (the highest `clarity`), so that the pages show something; others say less.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from maco_tf import Channel, find_exemplars, zoo
from maco_tf.display.files import figure_png
from maco_tf.exemplars import embed_exemplars, study
from maco_tf.metrics import FeatureExtractor, clarity

LAYERS = {
    "efficientnet_lite0": ("block2b_add", "block4c_add", "block6c_add"),
    "vit_s14": ("block3_out", "block7_out", "block11_out"),
}
CANDIDATES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", required=True, type=Path, help="a folder of natural images")
    parser.add_argument("--output", required=True, type=Path, help="a folder for the pages")
    parser.add_argument("--models", nargs="+", default=list(LAYERS))
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--crops", type=int, default=8)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    judge = FeatureExtractor(zoo.load("mobilenet_v2"), "avg_pool")
    rng = np.random.default_rng(0)
    for name in options.models:
        model = zoo.load(name)
        found = find_exemplars(model, list(LAYERS[name]), options.images, verbose=2)
        for layer in LAYERS[name]:
            of_layer = found[layer]
            alive = np.flatnonzero(~of_layer.statistics.dead)
            candidates = of_layer[np.sort(rng.choice(alive, CANDIDATES, replace=False))]
            scores = clarity(embed_exemplars(candidates, judge))
            chosen = candidates[int(scores.argmax())]
            channel = int(chosen.names[0].rpartition(":")[2])
            begun = time.perf_counter()
            made = study(
                model,
                Channel(layer, channel),
                exemplars=chosen,
                judge=judge,
                steps=options.steps,
                crops=options.crops,
                verbose=0,
            )
            (options.output / f"{name}_{layer}_{channel}.png").write_bytes(figure_png(made.figure(), dpi=100))
            print(made.text(), f"{time.perf_counter() - begun:.0f} s", sep="\n", flush=True)


if __name__ == "__main__":
    main()
