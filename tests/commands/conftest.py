import pytest

from tests.conftest import build_tiny_model


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """The tiny model in a file, as the value of --model."""
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    build_tiny_model().save(path)
    return str(path)
