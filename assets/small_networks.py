"""Measure how the mean and the size of the image matter for small networks, and draw the images.

    python assets/small_networks.py --output assets/small_networks.png

Four networks of 32 pixels are trained for a minute on scikit-learn's digits, which are white on black. Each image is
shown whole, at the size of the input, to the network itself and to a judge that was trained apart: a support vector
machine on the pixels. The tables are those of notebooks/guides/recipe.md.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from maco_tf import Logit, MacoVisualizer, estimate_magnitude
from maco_tf.display import compare
from maco_tf.spectrum import Magnitude


def digit_images() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits, enlarged from 8 to 32 pixels, and their labels."""
    digits = load_digits()
    images = tf.image.resize(digits.images[..., None] / 16, (32, 32), "bicubic").numpy()
    return np.clip(images, 0, 1).astype("float32"), digits.target


def convolutions(*widths: int, **settings: object) -> list[keras.layers.Layer]:
    """Convolutions of these widths, each followed by pooling."""
    layers = []
    for filters in widths:
        layers += [keras.layers.Conv2D(filters, 3, activation="relu", **settings), keras.layers.MaxPooling2D()]
    return layers


def with_batch_norms() -> list[keras.layers.Layer]:
    """Three convolutions with strides, each with a batch normalisation."""
    layers = []
    for filters in (16, 32, 64):
        layers += [keras.layers.Conv2D(filters, 3, 2, padding="same", use_bias=False)]
        layers += [keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU()]
    return layers


# For each network: its layers before the classifier, the seed and the number of epochs of its training.
NETWORKS = {
    "flattened": (lambda: [*convolutions(16, 32, 64, padding="same"), keras.layers.Flatten()], 0, 12),
    "pooled": (lambda: [*convolutions(16, 32, 64, padding="same"), keras.layers.GlobalAveragePooling2D()], 0, 30),
    "flattened, two dense layers": (
        lambda: [*convolutions(16, 32), keras.layers.Flatten(), keras.layers.Dense(64, activation="relu")],
        1,
        12,
    ),
    "pooled, strides and batch norms": (lambda: [*with_batch_norms(), keras.layers.GlobalAveragePooling2D()], 1, 12),
}


def train(name: str, images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """One of the networks, trained on four fifths of the images; the others measure it."""
    build, seed, epochs = NETWORKS[name]
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(images.shape[1:]), *build(), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    last = len(images) * 4 // 5
    model.fit(images[:last], labels[:last], batch_size=64, epochs=epochs, verbose=0)
    accuracy = model.evaluate(images[last:], labels[last:], verbose=0)[1]
    print(f"\nNetwork: {name}. Accuracy on held-out digits: {accuracy:.3f}\n")
    return model


def measure(model: keras.Model, judge: SVC, seeds: int, **settings: object) -> tuple[np.ndarray, str]:
    """The images of seed 0, and a row of the table: the network's and the judge's top-1, and the brightness."""
    visualizer = MacoVisualizer(model, **settings)
    own, judged, kept = 0, 0, []
    for seed in range(seeds):
        images = visualizer.explain(Logit(list(range(10))), seed=seed, verbose=0).images
        shown = tf.image.resize(images, model.input_shape[1:3], antialias=True).numpy()
        own += np.sum(model.predict(shown, verbose=0).argmax(1) == np.arange(10))
        judged += np.sum(judge.predict(shown.reshape(10, -1)) == np.arange(10))
        kept.append(images)
    return kept[0], f"{own}/{10 * seeds} | {judged}/{10 * seeds} | {np.mean(kept):.2f}"


def main() -> None:
    """Train the networks, print the tables and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="number of images of each class")
    parser.add_argument("--output", required=True, help="name of the figure: .png, .pdf or .svg")
    options = parser.parse_args()

    images, labels = digit_images()
    magnitude = estimate_magnitude(images, periodic=False, verbose=0)
    unsigned = Magnitude(magnitude.values, magnitude.width)
    judge = SVC().fit(images.reshape(len(images), -1), labels)
    means = {
        "mid-grey": {"magnitude": magnitude, "mean_level": 0.0},
        "unsigned mean": {"magnitude": unsigned, "mean_level": 1.0},
        "mean of the data": {"magnitude": magnitude},
    }
    for name in NETWORKS:
        model, rows = train(name, images, labels), {}
        print(f"| variant | network | judge | brightness (data: {images.mean():.2f}) |", flush=True)
        for size in (32, 40, 48, 64, 73):
            _, row = measure(model, judge, options.seeds, magnitude=magnitude, image_size=size)
            print(f"| {size} pixels | {row} |", flush=True)
        for title, settings in means.items():
            rows[title], row = measure(model, judge, options.seeds, **settings, image_size=73)
            print(f"| {title} | {row} |", flush=True)
        if name == "flattened":
            compare(rows, path=options.output)


if __name__ == "__main__":
    main()
