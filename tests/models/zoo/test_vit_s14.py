"""ViT-S/14, against the runtime of ONNX."""

from pathlib import Path

import keras
import numpy as np
import pytest
import skimage.data
import tensorflow as tf

from maco_tf.models import Activations, zoo
from maco_tf.models.zoo.vit_s14 import resize_positions

FIXTURES = Path(__file__).parent.parent / "fixtures"


def test_positions_are_resized_as_in_pytorch():
    """The oracle is bicubic with a = -0.75 (Keys, 1981), with half-pixel centres, repeated borders, no antialiasing."""

    def keys(distance, a=-0.75):
        d = abs(distance)
        if d <= 1:
            return (a + 2) * d**3 - (a + 3) * d**2 + 1
        return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0

    def weights(position):
        centre = (position + 0.5) * 37 / 16 - 0.5
        around = range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3)
        return [(min(max(i, 0), 36), keys(centre - i)) for i in around]

    values = np.random.default_rng(0).normal(size=(37 * 37, 2)).astype("float32")
    grid = values.reshape(37, 37, 2)
    expected = [
        sum(wy * wx * grid[i, j] for i, wy in weights(row) for j, wx in weights(column))
        for row in range(16)
        for column in range(16)
    ]
    np.testing.assert_allclose(resize_positions(values), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.network
def test_activations_equal_those_of_the_onnx_file():
    """The file fixtures/vit_s14.py computed the expected values with the runtime of ONNX."""
    model, expected = zoo.load("vit_s14"), np.load(FIXTURES / "vit_s14.npz")
    image = (skimage.data.coffee()[100:324, 200:424] / 255.0)[None].astype("float32")
    names = [name for name in expected.files if name != "importance"]
    found = tf.function(lambda x: Activations(model)(x, names), autograph=False)(image)
    for name in names:
        assert found[name].shape == (1, 257, 384)
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(found[name][0, ::32, ::16], expected[name], atol=1e-5 * scale, err_msg=name)
    importance = model(image, training=False).numpy()
    assert importance.shape == (1, 224, 224, 1)
    np.testing.assert_allclose(importance[0, ::16, ::16, 0], expected["importance"], atol=1e-5)


@pytest.mark.slow
@pytest.mark.network
def test_a_saved_network_keeps_every_bit(tmp_path):
    model = zoo.load("vit_s14")
    image = zoo.entry("vit_s14").prepare(skimage.data.chelsea())[None]
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(restored(image, training=False), model(image, training=False))
