"""The crops of cells."""

import io

import numpy as np
import pytest
from PIL import Image

from maco_tf.atlas.cell_crops import CellCrops
from maco_tf.atlas.photographs import Photographs
from maco_tf.atlas.sampled_activations import Sample
from maco_tf.models.activations import Activations
from tests.concepts.conftest import build_colour_model
from tests.conftest import build_tiny_model


def mean_colour(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).mean(axis=(0, 1)) / 255


def test_crops_lie_around_the_positions_of_the_nearest_activations():
    images = np.zeros((3, 32, 32, 3), "float32")
    images[0, 2:12, 20:30] = [1, 0, 0]  # A red square, top right.
    images[1, 20:30, 2:12] = [0, 0, 1]  # A blue one, bottom left.
    sample = Sample(
        values=np.float32([[1, 0, 0], [0.9, 0, 0.1], [0, 0, 1], [5, 0, 0], [1, 1, 1]]),
        images=np.array([0, 0, 1, 0, 2]),
        positions=np.array([7 * 32 + 25, 0, 25 * 32 + 7, 7 * 32 + 25, 31 * 32 + 31]),
    )
    activations = Activations(build_colour_model())
    crop = CellCrops(activations, "maps", Photographs(images), sample, side=16)
    crops, files = crop("cell-00-01", np.array([0, 1, 2, 4]), np.array([1.0, 0, 0]))
    # One crop of each image, the nearest direction first.
    assert [found["image"] for found in crops] == ["image 0", "image 2", "image 1"]
    assert [found["score"] for found in crops] == pytest.approx([1, 3**-0.5, 0], abs=1e-4)
    assert list(files) == [f"cell-00-01-crop-{number}.webp" for number in (1, 2, 3)]
    red, _, blue = map(mean_colour, files.values())
    np.testing.assert_allclose(red, [1, 0, 0], atol=0.1)
    np.testing.assert_allclose(blue, [0, 0, 1], atol=0.1)


def test_a_crop_at_the_border_stays_inside_and_a_layer_of_features_shows_the_whole_image(rng):
    images = rng.random((1, 32, 32, 3)).astype("float32")
    sample = Sample(np.ones((1, 3), "float32"), np.array([0]), np.array([0]))
    corner = CellCrops(Activations(build_colour_model()), "maps", Photographs(images), sample, side=100)
    (content,) = corner("cell", np.array([0]), np.ones(3))[1].values()
    assert Image.open(io.BytesIO(content)).size == (18, 18)  # 64 of 224 of 2 x 32 pixels.
    images = rng.random((1, 16, 16, 3)).astype("float32")
    whole = CellCrops(Activations(build_tiny_model()), "pool", Photographs(images), sample, side=100)
    (content,) = whole("cell", np.array([0]), np.ones(3))[1].values()
    assert Image.open(io.BytesIO(content)).size == (32, 32)
