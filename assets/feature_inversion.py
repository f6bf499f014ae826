"""Draw figure 5 of the MACO paper: feature inversions of photographs, from the first layers of a network to the last.

    python assets/feature_inversion.py --output assets/figure5.png    (or: make figure5)

It also prints, for each photograph and layer, the cosine between the activations of the whole inversion and those of
the whole photograph and, in brackets, the cosine for a random MACO image.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
import skimage.data
import tensorflow as tf

from maco_tf.display import draw_inversions, figure_png, to_rgba
from maco_tf.images.fitting import as_images, fit_images
from maco_tf.models import zoo
from maco_tf.objectives import FeatureInversion
from maco_tf.transforms import Normal
from maco_tf.visualizers import MacoVisualizer

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
LAYERS = {
    "efficientnet_lite0": ("stem_activation", "block2b_add", "block4c_add", "top_activation"),
    "squeezenet": ("conv1", "fire2_concat", "fire5_concat", "fire9_concat"),
}


def cosines(model: keras.Model, layer: str, images: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Cosines (images,) between the activations of images and of references, which are resized to the model's input."""
    part = keras.Model(model.input, model.get_layer(layer).output)
    size = model.input_shape[1:3]
    first, second = (
        part(tf.image.resize(batch, size, antialias=True)).numpy().reshape(len(batch), -1)
        for batch in (images, references)
    )
    return (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def main() -> None:
    """Invert the photographs, print the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="efficientnet_lite0", choices=LAYERS)
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--crops", type=int, default=3)
    parser.add_argument("--output", default="assets/figure5.png")
    options = parser.parse_args()

    model = zoo.load(options.model)
    # Inversion compares positions, so a crop is nearly the whole image and stays inside it. Small shifts and noise
    # prevent a pattern that matches the last layers in a single view.
    visualizer = MacoVisualizer(
        model,
        steps=options.steps,
        crops=options.crops,
        crop_side=Normal(0.97, 0.03),
        crop_centre="anywhere",
        crop_inside=True,
        whole_views=0,
    )
    size = visualizer.image_shape[:2]
    photographs = np.concatenate(
        [fit_images(as_images("images", getattr(skimage.data, name)()), size) for name in PHOTOGRAPHS]
    )
    parametrization = visualizer.resolved.parametrization(len(photographs))
    random = parametrization.image(parametrization.initialize(0)).numpy()

    inversions, captions = {}, {}
    print("| layer | " + " | ".join(PHOTOGRAPHS) + " |")
    print("|---|" + "---|" * len(PHOTOGRAPHS))
    for layer in LAYERS[options.model]:
        inversions[layer] = visualizer.explain(FeatureInversion(layer, photographs), seed=0, verbose=0)
        found = cosines(model, layer, inversions[layer].images, photographs)
        before = cosines(model, layer, random, photographs)
        cells = [f"{value:.2f} ({chance:.2f})" for value, chance in zip(found, before)]
        print(f"| `{layer}` | " + " | ".join(cells) + " |", flush=True)
        captions[layer] = [f"cosine {value:.2f}" for value in found]
    # Stretch the colours of the photographs as those of the inversions.
    figure = draw_inversions(to_rgba(photographs, None), inversions, names=PHOTOGRAPHS, captions=captions)
    Path(options.output).write_bytes(figure_png(figure, dpi=105))


if __name__ == "__main__":
    main()
