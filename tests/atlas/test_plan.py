"""Plans and their cost."""

import pytest

from maco_tf import CBRVisualizer, MacoVisualizer
from maco_tf.atlas import AtlasPlan, build
from maco_tf.atlas.describe import explain_command
from maco_tf.atlas.manifest import as_json, manifest_digest
from maco_tf.commands.arguments import read_setting
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
