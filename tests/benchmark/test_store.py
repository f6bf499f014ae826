"""Images on disk."""

import numpy as np
import pytest

from maco_tf.benchmark.explainer import Picture
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import read_png

COMPUTE = {"steps": 2, "crops": 1, "image_size": 32}


@pytest.fixture
def picture():
    return Picture(np.linspace(0, 1, 8 * 8 * 3).reshape(8, 8, 3), np.linspace(0, 5, 8 * 8).reshape(8, 8))


def test_images_can_be_read_back(tmp_path, picture):
    store = ImageStore(tmp_path, COMPUTE)
    assert not store.path("net", "maco", 7, 0).exists()
    store.write("net", "maco", 7, 0, picture, 1.5)
    np.testing.assert_allclose(read_png(store.path("net", "maco", 7, 0)), picture.image, atol=0.5 / 255 + 1e-6)
    shares = store.transparency("net", "maco", 7, 0)
    np.testing.assert_allclose(shares, picture.transparency / 5, atol=0.5 / 255 + 1e-6)


def test_seconds_are_those_of_the_last_time_an_image_was_made(tmp_path, picture):
    store = ImageStore(tmp_path, COMPUTE)
    for index, seconds in ((7, 1.5), (8, 2.5), (8, 3.5)):
        store.write("net", "maco", index, 0, picture, seconds)
    # A killed run may leave half a line.
    with (tmp_path / "seconds.jsonl").open("a") as file:
        file.write('{"model": "net", "meth')
    assert ImageStore(tmp_path, COMPUTE).seconds() == {("net", "maco", 7, 0): 1.5, ("net", "maco", 8, 0): 3.5}


def test_other_settings_are_refused(tmp_path):
    store = ImageStore(tmp_path, COMPUTE)
    store.settle("net", "maco", {"recipe": (1, 2)})
    store.settle("net", "maco", {"recipe": (1, 2)})
    store.settle("net", "cbr", {"recipe": 3})
    with pytest.raises(ValueError, match=r'"folder".*recipe'):
        store.settle("net", "maco", {"recipe": 3})
    with pytest.raises(ValueError, match=r'"folder".*steps'):
        ImageStore(tmp_path, {**COMPUTE, "steps": 3})
