"""A method of a user's own, in one file: the example of the documentation."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from maco_tf import Explanation, Logit, Visualizer
from maco_tf.benchmark import METHODS
from maco_tf.cli import main
from maco_tf.visualizers import MacoVisualizer, find_method, methods, registry

EXAMPLE = Path(__file__).parents[2] / "notebooks" / "examples" / "laplacian_pyramid.py"
SMALL = {"steps": 4, "crops": 2, "image_size": 32}


@pytest.fixture
def example(monkeypatch):
    """The example's module, known during one test only."""
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))
    spec = importlib.util.spec_from_file_location("laplacian_pyramid", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "laplacian_pyramid", module)
    spec.loader.exec_module(module)
    return module


def test_the_example_is_short():
    assert len(EXAMPLE.read_text().splitlines()) <= 60


def test_it_explains_and_raises_the_score(example, tiny_model):
    explanation = example.PyramidVisualizer(tiny_model, **{**SMALL, "steps": 30}).explain(
        Logit([1, 3]), seed=0, verbose=0
    )
    assert (explanation.scores[-5:].mean(0) > explanation.scores[:5].mean(0)).all()
    assert explanation.images.shape == (2, 32, 32, 3)


def test_an_image_is_the_sum_of_its_enlarged_levels(example):
    parametrization = example.PyramidParametrization((4, 6, 1), levels=2)
    image = parametrization.image([np.full((1, 4, 6, 1), 0.5, "float32"), np.full((1, 2, 3, 1), -1.5, "float32")])
    np.testing.assert_allclose(image, 1 / (1 + np.exp(1.0)), rtol=1e-6)


def test_it_has_recipes_replace_config_and_saving(example, tiny_model, tmp_path):
    coarse = example.PyramidVisualizer(tiny_model, "coarse", crops=2, image_size=32)
    assert (coarse.resolved.levels, coarse.resolved.steps, coarse.resolved.learning_rate) == (6, 64, 0.05)
    short = dataclasses.replace(coarse, steps=3, levels=2)
    first = short.explain(Logit(1), seed=2, verbose=0)
    assert json.loads(json.dumps(first.config))["levels"] == 2
    first.save(tmp_path / "pyramid.npz")
    again = Explanation.load(tmp_path / "pyramid.npz").again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, first.images)
    with pytest.raises(ValueError, match='"levels" must be an integer from 1 to 8'):
        dataclasses.replace(coarse, levels=9)
    with pytest.raises(ValueError, match='"start" must be None: PyramidParametrization cannot start'):
        short.explain(Logit(1), start=first, verbose=0)


def test_the_benchmark_finds_it_by_name(example, tiny_model):
    assert "pyramid" in METHODS
    assert METHODS["pyramid"] is not METHODS["maco"]
    assert find_method("pyramid") is example.PyramidVisualizer


@pytest.mark.network
def test_the_command_finds_it_by_name(example, tmp_path):
    arguments = ["explain", "--import", str(EXAMPLE), "--method", "pyramid", "--model", "squeezenet"]
    arguments += ["--objective", "logit:pug", "--steps", "1", "--crops", "1", "--set", "levels=3", "--quiet"]
    assert main([*arguments, "--output", str(tmp_path / "pug.npz")]) == 0
    config = Explanation.load(tmp_path / "pug.npz").config
    assert (config["method"], config["levels"]) == ("Pyramid", 3)


def test_two_classes_cannot_share_a_name(monkeypatch):
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))
    with pytest.raises(
        ValueError, match=r'"method" must be a name that no other visualizer has.*MacoVisualizer has it'
    ):

        class Other(Visualizer):
            method = "maco"

    # The same class, defined again as in a notebook's cell, replaces the first one.
    for _ in range(2):

        class Mine(Visualizer):
            method = "Mine"

    assert methods()["Mine"] is Mine
    assert methods()["MACO"] is MacoVisualizer
    with pytest.raises(ValueError, match='"method" must be one of MACO, Fourier, CBR, Mine'):
        find_method("Lapl")


def test_a_recipe_cannot_set_what_is_not_a_field(monkeypatch, tiny_model):
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))

    @dataclasses.dataclass(frozen=True, eq=False)
    class Mine(MacoVisualizer):
        method = "Mine"
        recipes: ClassVar = {"default": {"colour": "blue"}}

    with pytest.raises(ValueError, match="Received: colour"):
        Mine(tiny_model)
