"""The settings of a benchmark."""

import dataclasses
import json

import numpy as np
import pytest

from maco_tf.benchmark import METHODS, run_benchmark
from maco_tf.benchmark.real_images import draw_classes
from maco_tf.benchmark.settings import offline, paper
from maco_tf.models.zoo.applications import application_names
from maco_tf.objectives.imagenet_labels import label, wnids
from tests.benchmark.conftest import folder_of_classes


def test_wordnet_numbers_are_in_the_order_of_the_labels():
    known = {"n01440764": "tench", "n02110958": "pug", "n09472597": "volcano", "n15075141": "toilet tissue"}
    assert {name: label(wnids().index(name)) for name in known} == known
    assert wnids() == sorted(set(wnids()))


def test_a_folder_without_subfolders_is_explained(tmp_path):
    (tmp_path / "dog.jpg").touch()
    with pytest.raises(ValueError, match=r'"count" must be at most 0.*no subfolder.*n02110958'):
        draw_classes(tmp_path, 1)
    with pytest.raises(ValueError, match=r'"real_images" must.*no subfolder.*n02110958'):
        offline(classes=[254], real_images=tmp_path)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"methods": ("maco", "magic")}, '"methods"'),
        ({"classes": ()}, '"classes"'),
        ({"classes": (1, 1)}, '"classes"'),
        ({"classes": (1000,)}, '"classes"'),
        ({"classes": (-1,)}, '"classes"'),
        ({"classes": (1.5,)}, '"classes"'),
        ({"models": ("squeezenet",), "judges": ("squeezenet",)}, '"judges"'),
        ({"real_images": "/nonexistent"}, '"real_images"'),
        ({"seeds": ()}, '"seeds"'),
        ({"seeds": (-1,)}, '"seeds"'),
        ({"seeds": (0.5,)}, '"seeds"'),
        ({"models": "squeezenet"}, r"\['squeezenet'\]"),
        ({"steps": 0}, '"steps"'),
        ({"steps": True}, '"steps"'),
        ({"crops": -3}, '"crops"'),
        ({"image_size": 2}, '"image_size"'),
    ],
)
def test_wrong_settings_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        offline(**{"classes": (1, 2), **changes})


def test_numbers_of_numpy_are_accepted_and_can_be_written_as_json():
    sizes = {"steps": np.int64(3), "crops": np.int32(2), "image_size": np.uint16(64)}
    settings = offline(classes=np.arange(3), seeds=np.arange(2), **sizes)
    assert settings == offline(classes=(0, 1, 2), seeds=(0, 1), steps=3, crops=2, image_size=64)
    assert json.loads(json.dumps(dataclasses.asdict(settings)))["classes"] == [0, 1, 2]


def test_classes_without_images_are_refused(tmp_path):
    folder = folder_of_classes(tmp_path, {3: 1, 7: 0})
    with pytest.raises(ValueError, match=f'"real_images".*{wnids()[7]}'):
        offline(classes=(3, 7), real_images=folder)


@pytest.mark.parametrize("changes", [{"models": ("nonsense",)}, {"judges": ("efficentnet",)}, {"features": "typo"}])
def test_unknown_networks_are_found_before_any_work(changes, tmp_path):
    with pytest.raises(ValueError, match="Received"):
        run_benchmark(offline(**{"classes": (1,), **changes}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_presets():
    settings = paper(classes=range(500))
    assert (settings.steps, settings.crops, settings.image_size, settings.features) == (256, 1, 512, "inception_v3")
    assert settings.judges == ("MobileNet", "VGG16", "Xception", "EfficientNetB0", "ConvNeXtTiny", "DenseNet121")
    assert settings.models == ("FlexiViT", "ViT", "ResNet50V2")
    assert settings.recipe == "paper"
    assert all(name in application_names() for name in (*settings.judges, "ResNet50V2", "InceptionV3"))
    assert offline(classes=[0]).recipe == "default"
    assert set(offline(classes=[0]).methods) <= set(METHODS)


def test_a_missing_network_of_the_paper_is_found_before_any_work_and_the_source_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r'"models" must be files that exist.*(flexivit_b_i1k|save\("ViT.keras"\))'):
        run_benchmark(paper(classes=(1,)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_are_known_by_their_names(tmp_path):
    settings = offline(
        classes=(1,), models=(tmp_path / "mine.keras", "squeezenet"), judges=("a/other.npz", "mobilenet_v2")
    )
    assert settings.models == ("mine", "squeezenet")
    assert settings.judges == ("other", "mobilenet_v2")
    assert settings.files == {"mine": str(tmp_path / "mine.keras"), "other": "a/other.npz"}
    assert dataclasses.replace(settings, steps=3).files == settings.files


def test_two_files_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"files of different names.*a/net\.keras and b/net\.keras"):
        offline(classes=(1,), models=("a/net.keras", "b/net.keras"))


def test_a_recipe_that_a_method_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r'"recipe" must be one that every method has.*fourier has'):
        offline(classes=(1,), recipe="fast")
    assert offline(classes=(1,), recipe="fast", methods=("maco", "xplique")).recipe == "fast"


def test_a_prior_that_sees_images_needs_them(tmp_path):
    with pytest.raises(ValueError, match=r'"real_images" must be a folder for vital'):
        offline(classes=(3,), methods=("maco", "vital"))
    folder = folder_of_classes(tmp_path, {3: 3, 7: 2})
    assert offline(classes=(3,), methods=("vital",), real_images=folder).divided
    assert not offline(classes=(3, 7), methods=("maco", "deepinversion"), real_images=folder).divided
    with pytest.raises(ValueError, match=rf'"real_images".*3 images \(the prior of vital.*{wnids()[7]}'):
        offline(classes=(3, 7), methods=("vital",), real_images=folder)
