"""Plans and their cost."""

import warnings

import numpy as np
import pytest
from PIL import Image

from maco_tf import CBRVisualizer, MacoVisualizer
from maco_tf.atlas import AtlasPlan, build
from maco_tf.atlas.describe import explain_command
from maco_tf.atlas.manifest import as_json, manifest_digest
from maco_tf.commands.arguments import read_setting
from maco_tf.exemplars import ImageSource
from maco_tf.visualizers import find_method
from tests.conftest import build_tiny_model


def test_the_manifest_describes_the_atlas(tiny_model):
    plan = AtlasPlan(
        tiny_model, ["logit:0-1", "channel:conv:*"], seeds=[4, 2], recipe="fast", class_names=list("abcde")
    )
    manifest = as_json(plan.manifest())
    model = manifest["model"]
    assert (model["name"], model["input_shape"], model["classes"]) == ("tiny", [16, 16, 3], list("abcde"))
    layers = {layer["name"]: layer for layer in model["layers"]}
    assert list(layers)[-4:] == ["second", "add", "pool", "head"]
    assert (layers["conv"]["shape"], layers["conv"]["units"], layers["conv"]["explained"]) == ([16, 16, 4], 4, True)
    assert not layers["second"]["explained"]
    assert (manifest["method"], manifest["seeds"], manifest["units"]) == (
        "MacoVisualizer",
        [4, 2],
        ["logit:0-1", "channel:conv:*"],
    )
    assert manifest["settings"]["steps"] == 64


def test_the_digest_follows_weights_and_settings(tiny_model):
    def digest(model=tiny_model, units="logit:*", **settings):
        return manifest_digest(as_json(AtlasPlan(model, units, **settings).manifest()))

    assert digest() == digest(build_tiny_model()) == digest(model_name="m.keras", command="maco-tf atlas build")
    others = [
        digest(build_tiny_model(seed=1)),
        digest(steps=7),
        digest(seeds=2),
        digest(units="logit:0"),
        digest(batch=7),
    ]
    assert len({digest(), *others}) == 6


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (MacoVisualizer, {"recipe": "fast", "crop_side": (0.9, 0.5), "image_size": (20, 24), "jit_compile": False}),
        (CBRVisualizer, {"steps": 7, "precision": "bfloat16"}),
    ],
)
def test_the_command_makes_the_same_visualizer(tiny_model, kind, settings):
    visualizer = kind(tiny_model, **settings)
    words = explain_command(visualizer, "m.keras").replace("'", "").split(" --")
    assert words[:2] == ["maco-tf explain", "model m.keras"]
    again = dict(read_setting(word.removeprefix("set ")) for word in words[3:])
    assert find_method(words[2].removeprefix("method "))(tiny_model, **again).config() == visualizer.config()


def test_no_command_is_better_than_a_wrong_one(tiny_model, own_methods):
    from maco_tf import natural_magnitude

    assert explain_command(MacoVisualizer(tiny_model, magnitude=natural_magnitude(16, 16)), "m") is None

    class Own(MacoVisualizer):
        method = "Own"

    assert explain_command(Own(tiny_model), "m") is None


@pytest.mark.slow
def test_the_cost_of_what_is_left(tiny_model, tmp_path):
    options = {"seeds": 2, "steps": 20, "transforms": [], "batch": 5}
    plan = AtlasPlan(tiny_model, ["logit:*", "channel:conv:0"], **options)
    cost = plan.cost(tmp_path / "atlas")
    assert (cost.images, cost.left) == (12, 12)
    assert cost.seconds > 0
    assert "5 of 20 steps of 5 images of logit" in str(cost)
    assert not (tmp_path / "atlas").exists()
    store = build(tiny_model, ["logit:*", "channel:conv:0"], tmp_path / "atlas", verbose=0, **options)
    size = sum(path.stat().st_size for path in store.folder.rglob("*.webp")) / 1e6
    assert size / 1.5 < cost.megabytes < size * 1.5
    rest = plan.cost(tmp_path / "atlas")
    assert (rest.images, rest.left, rest.seconds) == (12, 0, 0)
    assert str(rest) == "12 images, 0 of them left"


def _planned(model, images, **settings):
    """The warnings of a plan with concepts of all five classes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        AtlasPlan(model, "logit:*", images=images, concepts=2, **settings)
    return [str(warning.message) for warning in caught]


def _folders(root, names):
    for name in names:
        (root / name).mkdir()
        Image.new("RGB", (16, 16)).save(root / name / "1.png")
    return root


def test_folders_that_are_not_as_many_as_the_classes_are_named(tiny_model, tmp_path):
    images = _folders(tmp_path, ["bees", "ants"])
    folders, missing = _planned(tiny_model, images, class_names=["crab", "frog", "ants", "bees", "newt"])
    assert "2 folders with images, and the model 5 classes" in folders
    assert "order of their names: ants as class 0 (crab), bees as class 1 (frog). " in folders
    assert missing.startswith("3 of 5 classes get no concepts")
    assert missing.endswith(": class 2 (ants), class 3 (bees), class 4 (newt).")
    # Who numbers the folders is warned of the other classes only, without names if there are none.
    (missing,) = _planned(tiny_model, ImageSource(images, labels={"ants": 2, "bees": 4}))
    assert missing.endswith(": class 0, class 1, class 3.")
    assert _planned(tiny_model, ImageSource(images, labels={"ants": 2, "bees": 4}), concept_classes="2,4") == []


def test_more_folders_than_classes_and_as_many(tiny_model, tmp_path):
    images = _folders(tmp_path, "abcde")
    assert _planned(tiny_model, images) == []
    _folders(tmp_path, "f")
    (folders,) = _planned(tiny_model, images)
    assert "6 folders" in folders
    assert "a as class 0, b as class 1, c as class 2 and 3 more." in folders


def test_wordnet_numbers_name_classes(tiny_model, tmp_path):
    # Tench and goldfish, the first two classes, of a model with five.
    (missing,) = _planned(tiny_model, _folders(tmp_path, ["n01440764", "n01443537"]))
    assert missing.startswith("3 of 5 classes get no concepts")


def test_many_classes_without_images_are_counted(tiny_model):
    source = ImageSource(np.zeros((2, 16, 16, 3), "float32"), labels=[4, -1])
    (missing,) = _planned(tiny_model, source)
    assert missing.endswith(": class 0, class 1, class 2 and 1 more.")
