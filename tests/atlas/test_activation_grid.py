"""The activation atlas of a layer in the store."""

import keras
import numpy as np
import pytest
from PIL import Image

from maco_tf.atlas.activation_grid import DIRECTIONS, write_grid
from maco_tf.atlas.record_store import Store
from maco_tf.exemplars import ImageSource
from tests.concepts.conftest import BLUE, RED, build_colour_model
from tests.conftest import build_tiny_model

pytestmark = pytest.mark.slow


@pytest.fixture
def images(rng):
    """One colour an image, of random lightness: half of the images are red, and half are blue."""
    colours = np.stack([RED, BLUE])[np.arange(16) % 2] * rng.uniform(0.4, 1, (16, 1))
    return np.broadcast_to(colours[:, None, None], (16, 32, 32, 3)).astype("float32")


def write(path, model, layer, images, **settings):
    store = Store.create(path, {"format": "maco_tf atlas"})
    return store, write_grid(store, model, layer, images, **{"samples": 40, "least": 1, **settings})


def contents(store):
    root = store.folder / "grids"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_cells_hold_what_is_alike_and_name_the_class_it_makes(tmp_path, images):
    store, units = write(tmp_path / "atlas", build_colour_model(), "maps", images, class_names=["red", "other"])
    record = store.read("grids", "maps")
    # 16 images with 3 positions each give 48 activations, and 3 x 3 cells hold 4 x 1 or more on average.
    assert (record["activations"], record["rows"], record["columns"]) == (48, 3, 3)
    assert (record["projection"], record["labels"]) == ("pca", "logits")
    assert sum(cell["count"] for cell in record["cells"]) == 48
    directions = np.load(store.path("grids", "maps", DIRECTIONS))
    assert len(directions) == len(units) == len(record["cells"]) == 2
    for cell, direction, unit in zip(record["cells"], directions, units, strict=True):
        # No cell mixes the colours. Red makes class 0, and blue class 1.
        colour = direction.argmax()
        assert np.count_nonzero(direction > 1e-6) == 1
        assert cell["count"] == 24
        assert cell["classes"][0]["name"] == {0: "red", 2: "other"}[colour]
        assert cell["classes"][0]["value"] > 0
        assert unit.key == cell["key"] == f"cell/maps/{cell['row']}-{cell['column']}"
        assert unit.index == 3 * cell["row"] + cell["column"]
        assert np.array_equal(unit.objective.parameters["vector"][0], direction)
        crops = [np.asarray(Image.open(store.path("grids", "maps", crop["file"]))) for crop in cell["crops"]]
        assert [crop.mean(axis=(0, 1)).argmax() for crop in crops] == [colour] * 4
    # The mean lightness of the red images, in which all positions are alike.
    reds = directions[directions[:, 0] > 0][0]
    np.testing.assert_allclose(reds, images[::2, 0, 0].mean(axis=0), atol=1e-6)


def test_cells_of_few_activations_are_left_out_and_all_may_be_one_cell(tmp_path, images):
    store, units = write(tmp_path / "atlas", build_colour_model(), "maps", images, least=1000)
    (cell,) = store.read("grids", "maps")["cells"]
    assert (cell["count"], cell["row"], cell["column"]) == (48, 0, 0)
    assert len(units) == 1


def test_a_second_run_reads_the_same_units(tmp_path, images):
    store, units = write(tmp_path / "atlas", build_colour_model(), "maps", images)
    again, _ = write(tmp_path / "again", build_colour_model(), "maps", images)
    assert contents(again) == contents(store)
    read = write_grid(store, None, "maps", None)
    assert [unit.key for unit in read] == [unit.key for unit in units]
    assert all(
        np.array_equal(a.objective.parameters["vector"], b.objective.parameters["vector"])
        for a, b in zip(units, read, strict=True)
    )
    again.path("grids", "maps", DIRECTIONS).write_bytes(b"")
    write_grid(again, build_colour_model(), "maps", images, samples=40, least=1)
    assert contents(again) == contents(store)


def test_other_seeds_read_other_positions(tmp_path, rng):
    images = rng.random((8, 32, 32, 3)).astype("float32")
    found = [
        np.load(
            write(tmp_path / str(seed), build_colour_model(), "maps", images, seed=seed, least=50)[0].path(
                "grids", "maps", DIRECTIONS
            )
        )
        for seed in (0, 1)
    ]
    assert not np.array_equal(*found)


def test_a_layer_within_a_block_is_labelled_by_the_classes_of_its_images(tmp_path, rng):
    # "second" has a path around it.
    images = rng.random((6, 16, 16, 3)).astype("float32")
    source = ImageSource(images, labels=[0, 0, 0, 0, 2, 2])
    store, _ = write(tmp_path / "atlas", build_tiny_model(), "second", source, least=1000)
    record = store.read("grids", "second")
    assert record["labels"] == "images"
    assert [(found["index"], found["value"]) for found in record["cells"][0]["classes"]] == [(0, 0.6667), (2, 0.3333)]
    store, _ = write(tmp_path / "without", build_tiny_model(), "second", images, least=1000)
    record = store.read("grids", "second")
    assert record["labels"] is None
    assert record["cells"][0]["classes"] == []


def test_a_layer_of_features_has_one_activation_an_image(tmp_path, rng):
    images = rng.random((6, 16, 16, 3)).astype("float32")
    store, _ = write(tmp_path / "features", build_tiny_model(), "pool", images, least=1000)
    model = build_tiny_model()
    pooled = keras.Model(model.input, model.get_layer("pool").output)
    np.testing.assert_allclose(
        np.load(store.path("grids", "pool", DIRECTIONS))[0], pooled(images).numpy().mean(axis=0), rtol=1e-5
    )
    assert store.read("grids", "pool")["activations"] == 6
