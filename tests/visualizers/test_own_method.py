"""The documentation's example of a user's method: one file, which the library, the command and the benchmark find."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from maco_tf import Explanation, Logit
from maco_tf.benchmark import METHODS
from maco_tf.cli import main
from maco_tf.transforms import GaussianNoise
from maco_tf.visualizers import find_method
from tests.conftest import build_tiny_model

EXAMPLE = Path(__file__).parents[2] / "notebooks" / "examples" / "laplacian_pyramid.py"
# Few operations, so that little time goes into tracing.
SMALL = {"steps": 4, "transforms": [GaussianNoise(0.1)], "image_size": 32}


@pytest.fixture
def example(monkeypatch, own_methods):
    """The module of the example, which is forgotten after the test."""
    spec = importlib.util.spec_from_file_location("laplacian_pyramid", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "laplacian_pyramid", module)
    spec.loader.exec_module(module)
    return module


def test_the_example_is_short():
    assert len(EXAMPLE.read_text().splitlines()) <= 60


@pytest.mark.slow
def test_the_score_rises(example, tiny_model):
    visualizer = example.PyramidVisualizer(tiny_model, **{**SMALL, "steps": 30})
    explanation = visualizer.explain(Logit([1, 3]), seed=0, verbose=0)
    assert (explanation.scores[-5:].mean(0) > explanation.scores[:5].mean(0)).all()
    assert explanation.images.shape == (2, 32, 32, 3)


def test_an_image_is_the_sum_of_its_enlarged_levels(example):
    parametrization = example.PyramidParametrization((4, 6, 1), levels=2)
    image = parametrization.image([np.full((1, 4, 6, 1), 0.5, "float32"), np.full((1, 2, 3, 1), -1.5, "float32")])
    np.testing.assert_allclose(image, 1 / (1 + np.exp(1.0)), rtol=1e-6)


def test_recipes_and_settings_work_as_in_other_methods(example, tiny_model):
    coarse = example.PyramidVisualizer(tiny_model, "coarse", crops=2, image_size=32)
    assert (coarse.resolved.levels, coarse.resolved.steps, coarse.resolved.learning_rate) == (6, 64, 0.05)
    short = dataclasses.replace(coarse, steps=3, levels=2)
    assert json.loads(json.dumps(short.config()))["levels"] == 2
    with pytest.raises(ValueError, match='"levels" must be an integer from 1 to 8'):
        dataclasses.replace(coarse, levels=9)
    with pytest.raises(ValueError, match='"start" must be None: PyramidParametrization cannot start'):
        short.explain(Logit(1), start=np.zeros((32, 32, 3)), verbose=0)


@pytest.mark.slow
def test_a_saved_result_can_be_reproduced(example, tiny_model, tmp_path):
    first = example.PyramidVisualizer(tiny_model, **SMALL, levels=2).explain(Logit(1), seed=2, verbose=0)
    first.save(tmp_path / "pyramid.npz")
    again = Explanation.load(tmp_path / "pyramid.npz").again(tiny_model, verbose=0)
    np.testing.assert_array_equal(again.images, first.images)


def test_the_benchmark_finds_the_method_by_name(example):
    assert "pyramid" in METHODS
    assert METHODS["pyramid"] is not METHODS["maco"]
    assert find_method("pyramid") is example.PyramidVisualizer


def test_the_command_finds_the_method_by_name(example, tmp_path):
    build_tiny_model().save(tmp_path / "tiny.keras")
    arguments = ["explain", "--import", str(EXAMPLE), "--method", "pyramid", "--model", str(tmp_path / "tiny.keras")]
    arguments += ["--objective", "logit:1", "--steps", "1", "--set", "transforms=[]", "--set", "levels=3", "--quiet"]
    assert main([*arguments, "--output", str(tmp_path / "result.npz")]) == 0
    config = Explanation.load(tmp_path / "result.npz").config
    assert (config["method"], config["levels"]) == ("Pyramid", 3)
