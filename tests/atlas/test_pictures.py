import io

import numpy as np
from PIL import Image

from maco_tf.atlas.pictures import picture_files, shrunk, webp


def decoded(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def smooth(height, width, channels):
    """A picture without noise, which WebP keeps well."""
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    return np.stack([y, x, (x + y) / 2, 1 - x][:channels], axis=-1).astype("float32")


def test_pictures_come_back():
    for channels in (3, 4):
        picture = smooth(48, 64, channels)
        found = decoded(webp(picture)) / 255
        assert found.shape == picture.shape
        assert np.abs(found[..., :3] - picture[..., :3])[found[..., -1] > 0.1].mean() < 0.02
        assert np.abs(found[..., -1] - picture[..., -1]).max() < 0.04
    grey = decoded(webp(np.full((8, 8, 1), 128, "uint8")))
    assert grey.shape == (8, 8, 3)
    assert np.abs(grey.astype(int) - 128).max() <= 2


def test_equal_pictures_give_equal_bytes(rng):
    picture = rng.random((32, 32, 4))
    assert webp(picture) == webp(picture.copy())


def test_shrinking_takes_means():
    blocks = np.kron(np.arange(8.0).reshape(2, 4), np.ones((10, 10)))[..., None]
    np.testing.assert_allclose(shrunk(blocks, 4)[..., 0], np.arange(8.0).reshape(2, 4), atol=1e-6)
    assert shrunk(blocks, 100) is blocks


def test_the_files_of_an_item():
    files = picture_files(smooth(300, 600, 4))
    shapes = {name: decoded(content).shape for name, content in files.items()}
    assert shapes == {
        "image.webp": (300, 600, 3),
        "alpha.webp": (300, 600, 4),
        "thumb-128.webp": (64, 128, 3),
        "thumb-256.webp": (128, 256, 3),
    }
