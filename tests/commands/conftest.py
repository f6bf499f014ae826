import numpy as np
import pytest

from maco_tf.display.files import write_png
from tests.conftest import build_tiny_model


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """The tiny model in a file, as the value of --model."""
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    build_tiny_model().save(path)
    return str(path)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """Twelve tiny images in three classes, as the value of --images."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(12):
        write_png(folder / "abc"[number % 3] / f"{number:02d}.png", rng.uniform(size=(18, 20, 3)))
    return str(folder)
