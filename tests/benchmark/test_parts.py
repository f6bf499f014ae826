"""The benchmark's parts: settings, methods, store."""

import json
import types

import cv2
import keras
import numpy as np
import pytest

from maco_tf.benchmark import BenchmarkSettings, run_benchmark
from maco_tf.benchmark.methods import METHODS, logits_model
from maco_tf.benchmark.settings import draw_classes, offline, paper
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import read_png
from maco_tf.objectives.imagenet_labels import label, wnids
from tests.conftest import build_tiny_model

COMPUTE = {"steps": 2, "crops": 1, "image_size": 32}


def folder_of_classes(folder, counts):
    for index, count in counts.items():
        (folder / wnids()[index]).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(folder / wnids()[index] / f"{number}.jpg"), np.zeros((8, 8, 3), "uint8"))
    return str(folder)


def test_wordnet_numbers_are_in_the_order_of_the_labels():
    known = {"n01440764": "tench", "n02110958": "pug", "n09472597": "volcano", "n15075141": "toilet tissue"}
    assert {name: label(wnids().index(name)) for name in known} == known
    assert wnids() == sorted(set(wnids()))


def test_classes_are_drawn_from_those_with_enough_images(tmp_path):
    folder = folder_of_classes(tmp_path, {3: 2, 7: 1, 9: 3, 254: 2})
    drawn = draw_classes(folder, 3, least=2)
    assert sorted(drawn) == [3, 9, 254]
    assert drawn == draw_classes(folder, 3, least=2, seed=0)
    assert draw_classes(folder, 1, least=2, exclude=(3, 9)) == (254,)
    (tmp_path / wnids()[20]).mkdir()
    (tmp_path / wnids()[20] / ".DS_Store").touch()
    with pytest.raises(ValueError, match="at most 3"):
        draw_classes(folder, 4, least=2)
    assert len(set(draw_classes(None, 500))) == 500


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"methods": ("maco", "magic")}, '"methods"'),
        ({"classes": ()}, '"classes"'),
        ({"classes": (1, 1)}, '"classes"'),
        ({"classes": (1000,)}, '"classes"'),
        ({"models": ("squeezenet",), "judges": ("squeezenet",)}, '"judges"'),
        ({"real_images": "/nonexistent"}, '"real_images"'),
        ({"seeds": ()}, '"seeds"'),
        ({"seeds": (-1,)}, '"seeds"'),
        ({"seeds": (0.5,)}, '"seeds"'),
        ({"models": "squeezenet"}, r"\['squeezenet'\]"),
        ({"steps": 0}, '"steps"'),
        ({"crops": -3}, '"crops"'),
        ({"image_size": 2}, '"image_size"'),
    ],
)
def test_wrong_settings_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        offline(**{"classes": (1, 2), **changes})


def test_numbers_of_numpy_are_numbers():
    settings = offline(classes=np.arange(3), seeds=np.arange(2))
    assert json.dumps([settings.classes, settings.seeds]) == "[[0, 1, 2], [0, 1]]"


def test_classes_without_images_are_refused(tmp_path):
    folder = folder_of_classes(tmp_path, {3: 1, 7: 0})
    with pytest.raises(ValueError, match=f"without {wnids()[7]}"):
        offline(classes=(3, 7), real_images=folder)


@pytest.mark.parametrize("changes", [{"models": ("nonsense",)}, {"judges": ("efficentnet",)}, {"features": "typo"}])
def test_networks_are_looked_up_before_any_work(changes, tmp_path):
    with pytest.raises(ValueError, match="Received"):
        run_benchmark(offline(**{"classes": (1,), **changes}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_interrupt_keeps_no_half_image(tiny_model):
    def interrupted(*_, **__):
        return types.SimpleNamespace(config={"interrupted": True}, images=[None])

    make = METHODS["maco"](tiny_model, BenchmarkSettings(("a",), ("maco",), ("b",), (0,), **COMPUTE))
    built = make.__closure__[0].cell_contents
    built.explain = interrupted
    with pytest.raises(KeyboardInterrupt):
        make(1, 0)


def test_presets():
    assert paper(classes=range(500)).image_size == 512
    assert paper(classes=[0]).steps == 256
    assert len(paper(classes=[0]).judges) == 6
    assert set(offline(classes=[0]).methods) == set(METHODS)


@pytest.mark.parametrize("activation", ["softmax", None])
def test_logits_model_leaves_the_softmax_out_and_the_model_alone(activation, rng):
    model = build_tiny_model(activation=activation)
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    before = model(images).numpy()
    logits = logits_model(model)(images).numpy()
    expected = build_tiny_model(activation=None)(images).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-6)
    assert np.array_equal(model(images).numpy(), before)


def test_logits_model_takes_a_softmax_layer_off(rng):
    inner = build_tiny_model(activation=None)
    for last in (keras.layers.Softmax(), keras.layers.Activation("softmax")):
        model = keras.Model(inner.input, last(inner.output))
        images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
        np.testing.assert_allclose(logits_model(model)(images), inner(images), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_an_image_that_its_seed_decides(tiny_model, method):
    settings = BenchmarkSettings(("a",), (method,), ("b",), (0,), **COMPUTE)
    make = METHODS[method](tiny_model, settings)
    first, again, other = make(1, 0), make(1, 0), make(1, 1)
    assert first.shape == (32, 32, 3)
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_store_keeps_images_and_refuses_another_compute(tmp_path):
    store = ImageStore(tmp_path, COMPUTE)
    image = np.linspace(0, 1, 8 * 8 * 3).reshape(8, 8, 3)
    assert not store.path("net", "maco", 7, 0).exists()
    store.write("net", "maco", 7, 0, image, 1.5)
    store.write("net", "maco", 8, 0, image, 2.5)
    np.testing.assert_allclose(read_png(store.path("net", "maco", 7, 0)), image, atol=0.5 / 255 + 1e-6)
    store.write("net", "maco", 8, 0, image, 3.5)
    with (tmp_path / "seconds.jsonl").open("a") as file:
        file.write('{"model": "net", "meth')  # As a killed run leaves it.
    seconds = ImageStore(tmp_path, COMPUTE).seconds()
    assert seconds == {("net", "maco", 7, 0): 1.5, ("net", "maco", 8, 0): 3.5}
    store.settle("net", "maco", {"recipe": (1, 2)})
    store.settle("net", "maco", {"recipe": (1, 2)})
    store.settle("net", "cbr", {"recipe": 3})
    with pytest.raises(ValueError, match=r"same settings.*recipe"):
        store.settle("net", "maco", {"recipe": 3})
    with pytest.raises(ValueError, match=r"same settings.*steps"):
        ImageStore(tmp_path, {**COMPUTE, "steps": 3})
