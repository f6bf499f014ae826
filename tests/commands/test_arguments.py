import argparse
import sys

import numpy as np
import pytest

from maco_tf import CBRVisualizer, MacoVisualizer
from maco_tf.commands.arguments import (
    add_model_arguments,
    check_settings,
    image_size,
    import_modules,
    load_magnitude,
    load_model,
    read_setting,
)
from maco_tf.display.files import write_png
from maco_tf.import_path import from_import_path, import_path
from maco_tf.spectrum import estimate_magnitude
from maco_tf.visualizers import find_method
from tests.conftest import build_tiny_model

METHOD = """
from maco_tf.visualizers import CBRVisualizer

class Mine(CBRVisualizer):
    method = "{name}"

def double(images):
    return 2 * images
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crop_side=0.5", ("crop_side", 0.5)),
        ("steps = 8", ("steps", 8)),
        ("crop_side=[0.9, 0.5]", ("crop_side", [0.9, 0.5])),
        ("stretch=true", ("stretch", True)),
        ("transforms=[]", ("transforms", [])),
        ("max_batch_size=null", ("max_batch_size", None)),
        # Text needs no quotation marks.
        ("transforms=lucid", ("transforms", "lucid")),
        ('transforms="lucid"', ("transforms", "lucid")),
        ("note=a=b", ("note", "a=b")),
        ("note=", ("note", "")),
    ],
)
def test_a_setting_is_a_name_and_json_or_text(text, expected):
    name, value = read_setting(text)
    assert (name, value) == expected
    assert type(value) is type(expected[1])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [([], "auto"), (["--preprocessing", "none"], None), (["--preprocessing", "0-255"], "0-255")],
)
def test_the_input_range_is_found_unless_it_is_given(arguments, expected):
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    assert parser.parse_args(["--model", "squeezenet", *arguments]).preprocessing == expected


@pytest.mark.parametrize("text", ["crop_side", "=0.5", " =0.5", ""])
def test_a_setting_needs_a_name_and_an_equals_sign(text):
    with pytest.raises(argparse.ArgumentTypeError, match="must be name=value"):
        read_setting(text)


def test_an_unknown_setting_is_refused_and_the_known_ones_are_listed():
    settings = [("mean_level", 1.0), ("steps", 8)]
    assert check_settings(MacoVisualizer, settings, ["crops"]) == {"mean_level": 1.0, "steps": 8}
    assert check_settings(CBRVisualizer, []) == {}
    natural = [read_setting(text) for text in ("contrast=1.5", "magnitude=natural")]
    assert check_settings(MacoVisualizer, natural) == {"contrast": 1.5, "magnitude": "natural"}
    with pytest.raises(
        ValueError, match=r'"--set" must name a setting of CBR: .*image_blur.*Received: mean_level, x\.'
    ):
        check_settings(CBRVisualizer, [*settings, ("x", 2)])
    with pytest.raises(ValueError, match="Received: model"):
        check_settings(CBRVisualizer, [("model", "squeezenet")])
    with pytest.raises(ValueError, match=r'"--set" must name a setting once\. Received: steps'):
        check_settings(CBRVisualizer, [("steps", 8), ("steps", 9)])
    with pytest.raises(ValueError, match=r'"--set" must not name .*image_size besides --image-size'):
        check_settings(CBRVisualizer, [("image_size", 32)], ["steps", "image_size"])


@pytest.mark.usefixtures("own_methods")
@pytest.mark.parametrize("as_file", [True, False])
def test_importing_a_module_or_a_file_makes_its_methods_known(tmp_path, monkeypatch, as_file):
    name = f"mine_of_the_test_{as_file}"
    path = tmp_path / f"{name}.py"
    path.write_text(METHOD.format(name=name))
    if not as_file:
        monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    try:
        import_modules([str(path) if as_file else name])
        kind = find_method(name)
        assert (kind.__name__, kind.__module__) == ("Mine", name)
        # Its functions can be stored by name.
        double = sys.modules[name].double
        assert import_path(double) == f"{name}:double"
        assert from_import_path(f"{name}:double", "preprocessing") is double
    finally:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["no_such_module", "no_such_file.py", "maco_tf.no_such_module"])
def test_a_module_that_does_not_exist_is_refused(name):
    with pytest.raises(ValueError, match=f'"--import" must name .*Received: {name}'):
        import_modules([name])
    assert name.removesuffix(".py") not in sys.modules


def test_a_model_is_loaded_from_a_file(model_file, rng):
    images = rng.uniform(size=(2, 16, 16, 3)).astype("float32")
    np.testing.assert_array_equal(load_model(model_file, "tf")(images), build_tiny_model()(images))
    with pytest.raises(ValueError, match='"--model" must be a file that exists'):
        load_model("absent.keras")


def test_a_damaged_file_is_not_called_absent(tmp_path):
    path = tmp_path / "damaged.keras"
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match=r'"--model" .*damaged\.keras \(2 bytes\).*damaged, incomplete'):
        load_model(str(path))


def test_a_network_of_the_zoo_has_its_own_preprocessing():
    with pytest.raises(ValueError, match='"--preprocessing" must be left out for a network of the zoo'):
        load_model("squeezenet", "tf")
    with pytest.raises(ValueError, match="must be one of efficientnet_lite0"):
        load_model("no_such_network")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("384", 384), ("256x384", (256, 384)), ("256,384", (256, 384)), ("256X384", (256, 384)), ("input", "input")],
)
def test_a_size_is_square_oblong_or_the_input(text, expected):
    assert image_size(text) == expected


@pytest.mark.parametrize("text", ["", "large", "1x2x3", "x", "-5", "2.5"])
def test_another_size_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match='HEIGHTxWIDTH or "input"'):
        image_size(text)


def test_a_magnitude_is_estimated_from_a_folder_or_loaded_from_a_file(tiny_model, tmp_path, rng):
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(3):
        write_png(folder / f"{index}.png", rng.uniform(size=(20 + index, 24, 3)))
    estimated = load_magnitude(str(folder), tiny_model, quiet=True, image_size=(24, 32), preprocessing=None)
    expected = estimate_magnitude(folder, size=(24, 32), verbose=0)
    np.testing.assert_array_equal(estimated.values, expected.values)
    colours = {"quiet": True, "image_size": (24, 32), "decorrelate": False}
    assert not load_magnitude(str(folder), tiny_model, **colours).decorrelated
    grey = load_magnitude(str(folder), build_tiny_model(channels=1), quiet=True, image_size=24, preprocessing=None)
    assert grey.values.shape == (1, 24, 13)
    expected.save(tmp_path / "natural.npz")
    np.testing.assert_array_equal(load_magnitude(str(tmp_path / "natural.npz"), tiny_model).values, expected.values)
    assert [load_magnitude(name, tiny_model) for name in ("imagenet", "natural")] == ["imagenet", "natural"]
    with pytest.raises(ValueError, match=r'"--magnitude" must be .*a folder of images, or a file.*does not exist'):
        load_magnitude(str(tmp_path / "absent"), tiny_model)
