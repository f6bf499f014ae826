"""Concepts of classes in the store, of a network whose concepts are known."""

import cv2
import numpy as np
import pytest
from PIL import Image

from maco_tf.atlas.class_activations import ClassActivations
from maco_tf.atlas.class_concepts import DIRECTIONS, write_class_concepts
from maco_tf.atlas.record_store import Store
from maco_tf.exemplars import ImageSource
from maco_tf.models.activations import Activations
from tests.concepts.conftest import BLUE, GREEN, RED, build_colour_model

pytest.importorskip("sklearn")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four images of red and green squares, and four of blue and green ones, in folders of two classes."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for name, colours in (("reds", (RED, GREEN)), ("blues", (BLUE, GREEN))):
        (folder / name).mkdir()
        for number in range(4):
            squares = np.stack(colours)[rng.integers(0, 2, (4, 4))] * rng.uniform(0.3, 1, (4, 4, 1))
            pixels = np.kron(squares, np.ones((8, 8, 1)))[..., ::-1]
            cv2.imwrite(str(folder / name / f"{number}.png"), np.round(255 * pixels).astype("uint8"))
    return folder


def write(path, folder, classes=(0, 1), **settings):
    store = Store.create(path, {"format": "maco_tf atlas"})
    arguments = {"class_names": ["red", "blue"], "logits": {0: "logit/0"}, "crops": 4, **settings}
    source = ImageSource(folder, labels={"reds": 0, "blues": 1})
    return store, write_class_concepts(store, build_colour_model(), classes, source, 2, **arguments)


def contents(store):
    root = store.folder / "classes"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def built(folder, tmp_path_factory):
    return write(tmp_path_factory.mktemp("built"), folder)


def test_concepts_are_the_colours_and_the_important_one_comes_first(built):
    store, units = built
    record = store.read("classes", "0")
    assert (record["index"], record["name"], record["logit"], record["layer"]) == (0, "red", "logit/0", "maps")
    assert store.read("classes", "1")["logit"] is None
    np.testing.assert_allclose(np.load(store.path("classes", "0", DIRECTIONS)), [RED, GREEN], atol=0.15)
    first, second = record["concepts"]
    assert (first["key"], first["number"], second["number"]) == ("concept/0/0", 0, 1)
    assert first["importance"] > 0.9 > second["importance"]
    assert first["share"] + second["share"] == pytest.approx(1)
    assert [unit.key for unit in units] == ["concept/0/0", "concept/0/1", "concept/1/0", "concept/1/1"]
    assert units[2].name == "blue, concept 0"
    assert units[2].objective.names == [units[2].name]
    vector = units[2].objective.parameters["vector"][0]
    np.testing.assert_allclose(vector, BLUE, atol=0.15)


def test_crops_show_their_concept(built):
    store, _ = built
    for concept, colour in zip(store.read("classes", "0")["concepts"], (RED, GREEN), strict=True):
        assert len(concept["crops"]) == 4
        scores = [crop["score"] for crop in concept["crops"]]
        assert scores == sorted(scores, reverse=True)
        best = Image.open(store.path("classes", "0", concept["crops"][0]["file"])).convert("RGB")
        mean = np.asarray(best).mean(axis=(0, 1))
        assert mean.argmax() == colour.argmax()
        assert concept["crops"][0]["image"].startswith("reds/")


def test_images_name_the_concept_that_makes_the_class(built):
    store, _ = built
    record = store.read("classes", "0")
    # Green does not change the logit of the class, so red contributes most to every image.
    assert [image["concept"] for image in record["images"]] == [0, 0, 0, 0]
    assert all(image["probability"] > 0.5 for image in record["images"])
    assert record["accuracy"] == record["explained_accuracy"] == 1
    assert record["projection"] == "pca"
    assert all(0 <= image[axis] <= 1 for image in record["images"] for axis in "xy")
    assert record["concepts"][0]["x"] != record["concepts"][1]["x"]


def test_classes_that_share_a_concept_are_linked(built):
    store, _ = built
    directions = [np.load(store.path("classes", key, DIRECTIONS)) for key in "01"]
    red, green = store.read("classes", "0")["concepts"]
    assert red["classes"] == []
    (shared,) = green["classes"]
    assert (shared["index"], shared["key"]) == (1, "concept/1/1")
    assert shared["cosine"] == pytest.approx(float(directions[0][1] @ directions[1][1]), abs=1e-4)
    assert store.read("classes", "1")["concepts"][1]["classes"][0]["key"] == "concept/0/1"


def test_a_second_run_repairs_what_is_damaged_and_returns_the_same_units(built, folder, tmp_path):
    store, units = built
    expected = contents(store)
    # The classes of two shards, of which the second finishes for both.
    shards, _ = write(tmp_path / "shards", folder, [0])
    assert shards.keys("classes") == ["0"]
    write(tmp_path / "shards", folder, [1])
    assert shards.read("classes", "1") == store.read("classes", "1")
    _, found = write(tmp_path / "shards", folder, [0, 1])
    assert contents(shards) == expected
    # A shard that runs again keeps the links to the classes of the other.
    write(tmp_path / "shards", folder, [0])
    assert contents(shards) == expected

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "killed", folder, progress=stop)
    killed, _ = write(tmp_path / "killed", folder)
    assert contents(killed) == expected
    picture = killed.path("classes", "1", "image-001.webp")
    picture.write_bytes(b"")
    before = killed.path("classes", "0", "record.json").stat().st_mtime_ns
    killed, found = write(tmp_path / "killed", folder)
    assert contents(killed) == expected
    assert killed.path("classes", "0", "record.json").stat().st_mtime_ns == before
    for first, second in zip(units, found, strict=True):
        assert (first.key, first.name, first.layer) == (second.key, second.name, second.layer)
        assert np.array_equal(first.objective.parameters["vector"], second.objective.parameters["vector"])


def test_classes_without_images_and_damaged_images_are_left_out(folder, tmp_path):
    images = tmp_path / "images"
    for path in sorted((folder / "reds").glob("*.png")):
        (images / "reds").mkdir(parents=True, exist_ok=True)
        (images / "reds" / path.name).write_bytes(path.read_bytes())
    (images / "reds" / "2.png").write_bytes(b"damaged")
    (images / "blues").mkdir()
    with pytest.warns(UserWarning, match="damaged"):
        store, units = write(tmp_path / "atlas", images)
    assert store.keys("classes") == ["0"]
    assert [unit.key for unit in units] == ["concept/0/0", "concept/0/1"]
    assert [image["image"] for image in store.read("classes", "0")["images"]] == ["0.png", "1.png", "3.png"]


def test_slopes_are_the_gradient_of_the_logit(rng):
    reader = ClassActivations(Activations(build_colour_model()), "maps")
    images = rng.random((33, 32, 32, 3)).astype("float32")  # Two batches.
    seen = reader.see(images, 1)
    # The maps are the image, and logit 1 is green + 5 blue, averaged over 32 x 32 positions.
    np.testing.assert_allclose(seen.maps, images, atol=1e-6)
    np.testing.assert_allclose(seen.slopes, np.broadcast_to(np.array([0, 1, 5]) / 1024, images.shape), atol=1e-6)
    means = images.mean(axis=(1, 2))
    logits = means @ np.array([[5.0, 0], [0, 1], [0, 5]])
    np.testing.assert_allclose(seen.probabilities, np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(reader.pool(images), means, atol=1e-5)
    assert np.array_equal(reader.classify(seen.maps), logits.argmax(axis=1))
