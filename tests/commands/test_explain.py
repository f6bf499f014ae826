import dataclasses

import numpy as np
import pytest
from PIL import Image

from maco_tf import Logit, MacoVisualizer, estimate_magnitude
from maco_tf.cli import main
from maco_tf.visualizers import CBRVisualizer, Explanation
from tests.conftest import build_tiny_model

# Few operations, so that little time goes into tracing.
QUICK = ["--steps", "2", "--size", "24", "--set", "transforms=[]", "--method", "CBR", "--quiet"]


@pytest.fixture
def explain(model_file):
    """Run the command on the tiny model; return its exit status."""

    def run(*arguments, objectives=("logit:1",)):
        flags = [part for text in objectives for part in ("--objective", text)]
        return main(["explain", "--model", model_file, *flags, *map(str, arguments)])

    return run


def test_a_folder_holds_the_files_that_the_command_reports(explain, tmp_path, capsys):
    output = tmp_path / "out"
    objectives = ["logit:1 - 0.5*channel:conv:2", "logit:2,3"]
    assert explain("--output", output, "--seed", 5, *QUICK, objectives=objectives) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    names = sorted(path.name for path in output.iterdir())
    assert names == [
        "000_logit_1_-_0.5_conv_2.png",
        "001_logit_2.png",
        "002_logit_3.png",
        "contact_sheet.png",
        "explanation.npz",
    ]
    assert all(name in last for name in [*names, "5 files", "seed 5"])
    assert Explanation.load(output).seed == 5


def test_several_seeds_make_an_image_each(explain, tmp_path, capsys):
    output = tmp_path / "out.npz"
    assert explain("--output", output, "--seed", 5, 6, *QUICK, objectives=["logit:1"]) == 0
    result = Explanation.load(output)
    assert (result.names, result.seed) == (["logit 1, seed 5", "logit 1, seed 6"], [5, 6])
    assert "seeds 5, 6" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "frames"), [((), 2), (("--record", 1), 3)])
def test_a_film_of_the_run_is_written(explain, tmp_path, arguments, frames):
    output = tmp_path / "run.webp"
    assert explain("--output", output, *QUICK, "--steps", 2, *arguments, objectives=["logit:1,2"]) == 0
    with Image.open(output) as film:
        assert film.n_frames == frames


def test_a_drawn_seed_serves_all_objectives_and_is_reported(explain, tmp_path, capsys):
    output = tmp_path / "out.npz"
    flags = [*QUICK, "--set", "decorrelate=false"]
    assert explain("--output", output, *flags, objectives=["logit:1", "logit:2"]) == 0
    result = Explanation.load(output)
    assert result.config["decorrelate"] is False
    assert {run["seed"] for run in result.objective["runs"]} == {result.seed}
    printed = capsys.readouterr().out
    assert "Wrote 1 file:" in printed
    assert f"seed {result.seed}" in printed


def test_arguments_reach_the_visualizer(explain, tmp_path):
    output = tmp_path / "out.npz"
    flags = ["--method", "maco", "--recipe", "paper", "--steps", "1", "--crops", "2", "--image-size", "32"]
    flags += ["--preprocessing", "tf", "--max-batch-size", "2", "--precision", "bfloat16", "--quiet"]
    settings = ["crop_centre=anywhere", "mean_level=0.5", "crop_inside=false", "gaussian_noise=[0.1, 0]"]
    flags += [part for text in settings for part in ("--set", text)]
    assert explain("--output", output, *flags) == 0
    config = Explanation.load(output).config
    expected = {"method": "MACO", "recipe": "paper", "steps": 1, "crops": 2, "image_size": [32, 32]}
    expected |= {"preprocessing": "tf", "max_batch_size": 2, "precision": "bfloat16"}
    expected |= {"crop_centre": "anywhere", "mean_level": 0.5, "crop_inside": False, "gaussian_noise": [0.1, 0]}
    assert {name: config[name] for name in expected} == expected


def test_the_batch_size_is_a_number_or_auto(explain, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        explain("--output", tmp_path / "out", "--max-batch-size", "all")
    assert "--max-batch-size" in capsys.readouterr().err
    assert explain("--output", tmp_path / "out", "--max-batch-size", "auto", *QUICK) == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--model", "no_such_network"], "must be one of efficientnet_lite0"),
        (["--model", "absent.keras"], "a file that exists"),
        (["--objective", "logit:99"], "must lie in 0..4"),
        (["--objective", "channel:cnv:1"], "Did you mean conv"),
        (["--objective", "nonsense"], "maco-tf explain --help"),
        (["--output", "picture.jpg"], '"--output" must end in one of .npz, .png'),
        (["--steps", "0"], '"steps"'),
        (["--max-batch-size", "0"], '"max_batch_size" must be an integer of at least 1'),
        (["--method", "magic"], '"method" must be one of MACO'),
        (["--recipe", "best"], '"recipe" must be one of'),
        (["--seed", "-1"], '"seed" must be an integer'),
        (["--set", "mean_levle=1"], "Received: mean_levle"),
        (["--steps", "2", "--set", "steps=3"], "steps besides --steps"),
        (["--precision", "float32", "--set", "precision=auto"], "precision besides --precision"),
        (["--magnitude", "folder", "--set", "magnitude=1"], "magnitude besides --magnitude"),
        (["--set", "steps=2", "--set", "steps=3"], "steps, 2 times"),
        (["--set", "mean_level=grey"], '"mean_level" must be'),
        (["--import", "no_such_module"], '"--import" must name'),
    ],
)
def test_a_wrong_argument_is_named_and_exits_with_two(explain, tmp_path, capsys, changed, message):
    assert explain("--output", tmp_path / "out", *changed) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.npz"))


def test_a_setting_without_a_value_is_named(explain, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        explain("--output", tmp_path / "out", "--set", "crop_side")
    assert "must be name=value" in capsys.readouterr().err


def test_after_an_interrupt_the_command_names_the_objectives_that_are_left(explain, tmp_path, capsys, monkeypatch):
    run = CBRVisualizer.explain

    def interrupted(self, *arguments, **options):
        result = run(self, *arguments, **options)
        return dataclasses.replace(result, config={**result.config, "interrupted": True})

    monkeypatch.setattr(CBRVisualizer, "explain", interrupted)
    assert explain("--output", tmp_path / "out.npz", *QUICK, objectives=["logit:1,2", "logit:3"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Interrupted"))
    assert line.index("logit 1") < line.index("logit 2") < line.index("logit 3")
    assert Explanation.load(tmp_path / "out.npz").names == ["logit 1"]


@pytest.mark.slow
def test_an_oblong_image_with_a_magnitude_of_the_user(explain, tmp_path, rng):
    magnitude = estimate_magnitude(rng.uniform(size=(2, 24, 24, 3)).astype("float32"), verbose=0)
    magnitude.save(tmp_path / "natural.npz")
    arguments = ["--steps", "2", "--set", "transforms=[]", "--quiet", "--size", "24x32"]
    arguments += ["--magnitude", tmp_path / "natural.npz", "--seed", "1"]
    assert explain("--output", tmp_path / "out.npz", *arguments) == 0
    result = Explanation.load(tmp_path / "out.npz")
    assert result.images.shape == (1, 24, 32, 3)
    visualizer = MacoVisualizer(build_tiny_model(), steps=2, transforms=[], image_size=(24, 32), magnitude=magnitude)
    np.testing.assert_allclose(result.images, visualizer.explain(Logit(1), seed=1, verbose=0).images, atol=1e-5)


def test_a_magnitude_belongs_to_a_method_that_keeps_one(explain, tmp_path, capsys):
    assert explain("--output", tmp_path / "out.npz", "--method", "CBR", "--magnitude", tmp_path) == 2
    assert '"--magnitude" belongs to methods that keep one' in capsys.readouterr().err
