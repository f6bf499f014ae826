"""The methods that are compared."""

import types

import numpy as np
import pytest

from maco_tf import MacoVisualizer
from maco_tf.benchmark import METHODS, BenchmarkSettings
from maco_tf.benchmark.explainer import InapplicableError
from maco_tf.benchmark.methods import TABLE, Method, needs_images
from maco_tf.display.files import write_png
from maco_tf.objectives.imagenet_labels import wnids

COMPUTE = {"steps": 2, "crops": 1, "image_size": 32}


@pytest.mark.parametrize(
    "method", ["cbr", *(pytest.param(name, marks=pytest.mark.slow) for name in ("maco", "fourier", "xplique"))]
)
def test_a_method_makes_an_image_that_its_seed_determines(tiny_model, method):
    settings = BenchmarkSettings(("a",), (method,), ("b",), (0,), **COMPUTE)
    make = METHODS[method](tiny_model, settings)
    first, again, other = (make(1, seed).image for seed in (0, 0, 1))
    assert first.shape == (32, 32, 3)
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_methods_run_the_recipe_of_the_benchmark(tiny_model):
    settings = BenchmarkSettings(("a",), ("maco", "cbr"), ("b",), (0,), recipe="paper", **COMPUTE)
    for name in ("maco", "cbr"):
        config = METHODS[name](tiny_model, settings).config
        assert (config["recipe"], config["crops"], config["image_size"]) == ("paper", 1, [32, 32])


def test_an_interrupted_image_is_not_returned(tiny_model, monkeypatch):
    make = METHODS["maco"](tiny_model, BenchmarkSettings(("a",), ("maco",), ("b",), (0,), **COMPUTE))
    unfinished = types.SimpleNamespace(config={"interrupted": True}, images=[None])
    monkeypatch.setattr(MacoVisualizer, "explain", lambda *_, **__: unfinished)
    with pytest.raises(KeyboardInterrupt):
        make(1, 0)


def folder_of(tmp_path, rng, count=4):
    """A folder of real images of class 0."""
    for number in range(count):
        write_png(tmp_path / wnids()[0] / f"{number}.png", rng.uniform(size=(16, 16, 3)))
    return tmp_path


@pytest.mark.slow
def test_a_method_with_a_prior_adds_it_to_the_logit(tiny_model, tmp_path, rng):
    settings = BenchmarkSettings(("a",), ("maco+class",), ("b",), (0,), real_images=folder_of(tmp_path, rng), **COMPUTE)
    make = METHODS["maco+class"](tiny_model, settings)
    assert [part[:2] for part in make.config["objective"]] == [[1.0, "Logit"], [1.0, "NaturalStatistics"]]
    # The visualizer is that of MACO without a prior.
    without = METHODS["maco"](tiny_model, settings).config
    assert {**without, "objective": make.config["objective"]} == make.config


def test_an_entry_of_the_table_may_have_settings_of_its_own(tiny_model, monkeypatch):
    monkeypatch.setitem(TABLE, "maco+contrast", Method("maco", more={"contrast": 1.5, "steps": 3}))
    config = METHODS["maco+contrast"](tiny_model, BenchmarkSettings(("a",), ("maco",), ("b",), (0,), **COMPUTE)).config
    assert (config["contrast"], config["steps"], config["crops"]) == (1.5, 3, 1)
    assert "objective" not in config


@pytest.mark.slow
def test_free_pixels_take_as_many_views_as_the_others_or_the_published_steps(tiny_model, tmp_path, rng):
    compute = {"steps": 5, "crops": 3, "image_size": 32}
    settings = BenchmarkSettings(("a",), ("vital",), ("b",), (0,), real_images=folder_of(tmp_path, rng), **compute)
    for name, steps in (("vital", 15), ("vital-2000", 2000)):
        config = METHODS[name](tiny_model, settings).config
        assert (config["steps"], config["crops"], config["image_size"]) == (steps, 1, [16, 16])


def test_a_method_that_needs_batch_norms_says_that_there_are_none(tiny_model):
    settings = BenchmarkSettings(("a",), ("maco+bn",), ("b",), (0,), **COMPUTE)
    for name in ("maco+bn", "fourier+bn", "deepinversion"):
        with pytest.raises(InapplicableError, match="no batch norms"):
            METHODS[name](tiny_model, settings)


def test_a_network_without_shipped_statistics_cannot_have_their_prior(tiny_model):
    settings = BenchmarkSettings(("a",), ("maco+natural",), ("b",), (0,), **COMPUTE)
    with pytest.raises(InapplicableError, match="no statistics of natural images"):
        METHODS["maco+natural"](tiny_model, settings)


def test_every_method_of_the_table_is_described():
    for name, method in TABLE.items():
        assert method.note
        assert needs_images(name) == (name in ("maco+class", "fourier+class", "vital", "vital-2000"))
