import dataclasses

import numpy as np
import pytest

from maco_tf import Exemplars, Explanation
from maco_tf.cli import main
from maco_tf.visualizers import CBRVisualizer
from tests.conftest import build_tiny_model

# Few operations, so that little time goes into tracing.
QUICK = ["--steps", "2", "--size", "16", "--set", "transforms=[]", "--method", "CBR", "--seeds", "1", "--quiet"]


@pytest.fixture
def study(model_file, image_folder):
    """Run the command on the tiny model; return its exit status."""

    def run(*arguments, objectives=("channel:conv:1",), images=("--images", image_folder)):
        if "--exemplars" in arguments:  # The images are those of the search.
            images = ()
        flags = [part for text in objectives for part in ("--objective", text)]
        return main(["study", "--model", model_file, *flags, *images, *map(str, arguments)])

    return run


@pytest.fixture(scope="module")
def saved_search(model_file, image_folder, tmp_path_factory):
    """The result of a search for all channels, as the value of --exemplars."""
    path = str(tmp_path_factory.mktemp("found") / "exemplars.npz")
    search = ["--model", model_file, "--units", "conv", "--images", image_folder, "--count", "2"]
    assert main(["exemplars", *search, "--output", path, "--quiet"]) == 0
    return path


@pytest.mark.slow
def test_every_unit_has_a_folder_and_its_text_is_printed(study, tmp_path, capsys):
    objectives = ["channel:conv:1", "logit:3"]
    assert study("--output", tmp_path / "out", "--count", 2, *QUICK, objectives=objectives) == 0
    printed = capsys.readouterr().out
    names = {"conv_1": "conv:1", "logit_3": "logit 3"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(names)
    for folder, name in names.items():
        assert (tmp_path / "out" / folder / "page.png").stat().st_size > 10_000
        assert (tmp_path / "out" / folder / "summary.txt").read_text().strip() in printed
        found = Exemplars.load(tmp_path / "out" / folder / "exemplars.npz")
        assert (found.names, found.scores.shape) == ([name], (1, 2))
        config = Explanation.load(tmp_path / "out" / folder / "visualisations").config
        assert (config["method"], config["steps"], config["image_size"]) == ("CBR", 2, [16, 16])
    assert "Wrote 2 folders" in printed


@pytest.mark.slow
def test_a_saved_search_takes_the_place_of_the_images(study, saved_search, tmp_path, capsys):
    output = tmp_path / "out"
    arguments = ["--exemplars", saved_search, "--output", output, *QUICK]
    assert study(*arguments, objectives=["channel:conv:3"], images=()) == 0
    found = Exemplars.load(output / "conv_3" / "exemplars.npz")
    np.testing.assert_array_equal(found.scores[0], Exemplars.load(saved_search).scores[3])
    assert study(*arguments, objectives=["logit:3"], images=()) == 2
    assert '"--exemplars" must hold the units' in capsys.readouterr().err


@pytest.mark.slow
def test_a_judge_is_asked(study, tmp_path, capsys):
    build_tiny_model(seed=1).save(tmp_path / "judge.keras")
    arguments = ["--judge", tmp_path / "judge.keras", "--pairs", 2, "--count", 2, *QUICK]
    assert study("--output", tmp_path / "out", *arguments) == 0
    assert "chance 50 %" in capsys.readouterr().out
    assert study("--output", tmp_path / "out", *arguments, "--judge-layer", "nothing") == 2
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--model", "absent.keras"], "a file that exists"),
        (["--objective", "nonsense"], "maco-tf explain --help"),
        (["--objective", "channel:cnv:1"], "Did you mean conv"),
        (["--images", "no_such_folder"], '"--images" must be a folder'),
        (["--exemplars", "absent.npz"], '"--exemplars" must name a file'),
        (["--count", "99"], '"count" must not exceed'),
        (["--seeds", "0"], '"--seeds" must be an integer'),
        (["--pairs", "0"], '"--pairs" must be an integer'),
        (["--steps", "0"], '"steps"'),
        (["--set", "stepz=1"], "Received: stepz"),
        (["--steps", "2", "--set", "steps=3"], "steps besides --steps"),
        (["--method", "magic"], '"method" must be one of MACO'),
        (["--judge", "absent.keras"], '"--judge" must be'),
        (["--judge-layer", "conv"], '"--judge-layer" belongs to'),
        (["--output", "page.png"], '"--output" must name a folder'),
        (["--import", "no_such_module"], '"--import" must name'),
    ],
)
def test_a_wrong_argument_is_named_and_exits_with_two(study, tmp_path, capsys, changed, message):
    assert study("--output", tmp_path / "out", *changed) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.*"))


def test_images_or_a_search_are_needed_and_the_model_is_not_its_judge(study, model_file, tmp_path, capsys):
    def refused(message, *arguments, **settings):
        assert study("--output", tmp_path / "out", *arguments, **settings) == 2
        assert message in capsys.readouterr().err

    refused('"--images" or "--exemplars" must be given. Received: neither', images=())
    both = ["--images", model_file, "--exemplars", model_file]
    refused('"--images" or "--exemplars" must be given, and not both', *both)
    refused('"--count" belongs to a search', "--exemplars", model_file, "--count", 3)
    refused('"--judge" must be another network', "--judge", model_file)


@pytest.mark.slow
def test_a_search_by_another_model_is_refused(study, saved_search, tmp_path, capsys):
    build_tiny_model(seed=5).save(tmp_path / "other.keras")
    arguments = ["--model", tmp_path / "other.keras", "--exemplars", saved_search, "--output", tmp_path / "out"]
    assert study(*arguments, *QUICK) == 2
    assert "a model with other weights" in capsys.readouterr().err


@pytest.mark.slow
def test_after_an_interrupt_the_command_names_the_units_that_are_left(
    study, saved_search, tmp_path, capsys, monkeypatch
):
    run = CBRVisualizer.explain

    def interrupted(self, *arguments, **options):
        result = run(self, *arguments, **options)
        return dataclasses.replace(result, config={**result.config, "interrupted": True})

    monkeypatch.setattr(CBRVisualizer, "explain", interrupted)
    arguments = ["--exemplars", saved_search, "--output", tmp_path / "out", *QUICK]
    assert study(*arguments, objectives=["channel:conv:1", "channel:conv:2"], images=()) == 0
    assert "not begun: conv:2" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["conv_1"]
