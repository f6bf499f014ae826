"""Images made class by class, and only those that are missing."""

import numpy as np
import pytest

from maco_tf.benchmark import BenchmarkSettings, run
from maco_tf.benchmark.explainer import InapplicableError, Picture
from maco_tf.benchmark.store import ImageStore
from maco_tf.models import zoo


class Method:
    """A method that makes grey images, and notes what it was asked for."""

    def __init__(self, name, network, made):
        self.name, self.network, self.made, self.config = name, network, made, {}

    def __call__(self, index, seed):
        self.made.append((self.network, self.name, index, seed))
        return Picture(np.full((8, 8, 3), 0.5), np.ones((8, 8)))


@pytest.fixture
def made(monkeypatch):
    made = []
    methods = {name: lambda network, settings, name=name: Method(name, network, made) for name in ("maco", "cbr")}
    monkeypatch.setattr(run, "METHODS", methods)
    monkeypatch.setattr(zoo, "load", lambda name: name.upper())
    return made


def settings(**changes):
    return BenchmarkSettings(
        **{"models": ("a",), "methods": ("maco", "cbr"), "judges": ("b",), "classes": (7, 3), **changes}
    )


def test_all_methods_make_a_class_before_the_next(made, tmp_path):
    assert run.generate(settings(), ImageStore(tmp_path, {}), verbose=0) == {}
    assert made == [("A", "maco", 7, 0), ("A", "cbr", 7, 0), ("A", "maco", 3, 0), ("A", "cbr", 3, 0)]


def test_only_missing_images_are_made(made, tmp_path):
    store = ImageStore(tmp_path, {})
    run.generate(settings(), store, verbose=0)
    store.path("a", "maco", 3, 0).unlink()
    made.clear()
    assert run.generate(settings(seeds=(0, 1), classes=(3,), methods=("maco",)), store, verbose=0) == {}
    assert made == [("A", "maco", 3, 0), ("A", "maco", 3, 1)]


def test_an_image_that_another_process_made_is_not_made_again(made, tmp_path):
    store = ImageStore(tmp_path, {})

    class Busy(Method):
        def __call__(self, index, seed):
            # While this process makes its first image, another one makes the last.
            store.write("a", "cbr", 3, 0, Picture(np.zeros((8, 8, 3)), np.ones((8, 8))), 1.0)
            return super().__call__(index, seed)

    run.METHODS["maco"] = lambda network, settings: Busy("maco", network, made)
    run.generate(settings(), store, verbose=0)
    assert made == [("A", "maco", 7, 0), ("A", "cbr", 7, 0), ("A", "maco", 3, 0)]


def test_a_method_that_a_network_does_not_allow_is_left_out_with_its_reason(made, tmp_path):
    def refuse(network, settings):
        raise InapplicableError("no batch norms")

    run.METHODS["cbr"] = refuse
    found = run.generate(settings(models=("a", "c")), ImageStore(tmp_path, {}), verbose=0)
    assert found == {("a", "cbr"): "no batch norms", ("c", "cbr"): "no batch norms"}
    assert {method for _, method, _, _ in made} == {"maco"}
    assert not (tmp_path / "images" / "a" / "cbr").exists()
