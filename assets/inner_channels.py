"""Draw figure 4B of the MACO paper: random channels at three depths of a network.

    python assets/inner_channels.py --model mobilenet_v2 --output assets/figure4_mobilenet_v2.png

The rows are layers, from early to late. The score of a transformer's channel is its mean over the patch tokens,
without the class token.
"""

import argparse

import numpy as np

from maco_tf import Channel, MacoVisualizer, zoo
from maco_tf.display import compare

LAYERS = {
    "mobilenet_v2": ("block2_project_bn", "block8_project_bn", "block15_project_bn"),
    "efficientnet_lite0": ("block2b_add", "block4c_add", "block6d_add"),
    "vit_s14": ("block2_out", "block6_out", "block10_out"),
}


def main() -> None:
    """Explain the channels and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mobilenet_v2", choices=LAYERS)
    parser.add_argument("--channels", type=int, default=4, help="number of channels of each layer")
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--crops", type=int, default=4)
    parser.add_argument("--output", required=True, help="name of the figure: .png, .pdf or .svg")
    options = parser.parse_args()

    model, rng = zoo.load(options.model), np.random.default_rng(0)
    visualizer = MacoVisualizer(model, steps=options.steps, crops=options.crops, relu_warmup=16)
    rows = {}
    for layer in LAYERS[options.model]:
        width = visualizer.activations.shapes([layer])[layer][-1]
        channels = sorted(rng.choice(width, options.channels, replace=False).tolist())
        explanation = visualizer.explain(Channel(layer, channels), seed=0)
        print(layer, channels, "scores", explanation.scores[0].round(3), "->", explanation.scores[-1].round(3))
        rows[layer] = explanation.images
    compare(rows, path=options.output)


if __name__ == "__main__":
    main()
