"""Draw figure 6 of the MACO paper: the most important concepts of a class, above the patches that show them.

    python assets/class_concepts.py --images photographs/tench --class-id tench --output assets/figure6_tench.png

It also prints how strongly the image of a concept shows that concept, and the strongest of the other concepts. The
measure is the coefficient from non-negative least squares over the whole bank, averaged over the layer's positions.
"""

import argparse
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

from maco_tf.concepts import ConceptExplanation, explain_class
from maco_tf.display import figure_png
from maco_tf.images.fitting import as_images, fit_images
from maco_tf.models import Activations, zoo


def read_images(folder: str, size: int) -> np.ndarray:
    """Read the centres of the images in a folder: array (images, size, size, 3), float32 in [0, 1]."""
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise SystemExit(f'"--images" must be a folder with .jpg or .png images. Received: {folder}.')
    images = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]
    return np.concatenate([fit_images(as_images("images", image), (size, size)) for image in images])


def coefficients(model: keras.Model, result: ConceptExplanation) -> np.ndarray:
    """Mean coefficients (images, concepts) of all concepts of the bank in the whole image of each concept."""
    activations = Activations(model)
    layer = result.bank.layer
    images = fit_images(result.explanation.images, activations.input_shape[:2])
    maps = tf.function(lambda batch: activations(batch, [layer])[layer], autograph=False)
    return result.bank.coefficients(maps(tf.constant(images)).numpy()).mean(axis=(1, 2))


def main() -> None:
    """Explain the class, print the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="folder with images of the class")
    parser.add_argument("--class-id", required=True, help="number or ImageNet label of the class")
    parser.add_argument("--model", default="efficientnet_lite0", help="a network of the zoo")
    parser.add_argument("--concepts", type=int, default=3, help="number of concepts to draw")
    parser.add_argument("--size", type=int, default=10, help="number of concepts in the bank")
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--crops", type=int, default=8)
    parser.add_argument("--output", required=True, help="name of the figure, a .png file")
    options = parser.parse_args()

    model = zoo.load(options.model)
    class_id = int(options.class_id) if options.class_id.isdigit() else options.class_id
    images = read_images(options.images, model.input_shape[1])
    result = explain_class(
        model,
        images,
        class_id,
        options.concepts,
        size=options.size,
        seed=0,
        steps=options.steps,
        crops=options.crops,
        whole_views=0,
        verbose=0,
    )
    table = coefficients(model, result)
    for row, concept in zip(table, result.concepts):
        others = np.delete(row, concept)
        print(f"{options.class_id}: concept {concept} {row[concept]:.3f}, strongest other concept {others.max():.3f}")
    Path(options.output).write_bytes(figure_png(result.figure(), dpi=80))


if __name__ == "__main__":
    main()
