"""Images made class by class, and only those that are missing."""

import numpy as np
import pytest

from maco_tf.benchmark import BenchmarkSettings, run
from maco_tf.benchmark.store import ImageStore
from maco_tf.models import zoo


class Method:
    """A method that makes grey images, and notes what it was asked for."""

    def __init__(self, name, network, made):
        self.name, self.network, self.made, self.config = name, network, made, {}

    def __call__(self, index, seed):
        self.made.append((self.network, self.name, index, seed))
        return np.full((8, 8, 3), 0.5)


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
    assert run.generate(settings(), ImageStore(tmp_path, {}), verbose=0) == 4
    assert made == [("A", "maco", 7, 0), ("A", "cbr", 7, 0), ("A", "maco", 3, 0), ("A", "cbr", 3, 0)]


def test_only_missing_images_are_made(made, tmp_path):
    store = ImageStore(tmp_path, {})
    run.generate(settings(), store, verbose=0)
    store.path("a", "maco", 3, 0).unlink()
    made.clear()
    assert run.generate(settings(seeds=(0, 1), classes=(3,), methods=("maco",)), store, verbose=0) == 2
    assert made == [("A", "maco", 3, 0), ("A", "maco", 3, 1)]
