import pytest

from maco_tf.cli import main
from maco_tf.display.files import read_png
from maco_tf.visualizers import Explanation


@pytest.mark.slow
def test_images_and_spectra_of_all_methods_are_drawn(tmp_path, model_file, capsys):
    folder = tmp_path / "compare"
    command = ["compare", "--model", model_file, "--output", str(folder), "--steps", "2", "--crops", "1"]
    command += ["--image-size", "32", "--objective", "logit:1", "--objective", "logit:2,3", "--quiet"]
    assert main(command) == 0
    for name in ("images.png", "spectra.png"):
        assert read_png(folder / name).std() > 0.05
    results = {path.stem: Explanation.load(path) for path in folder.glob("*.npz")}
    assert set(results) == {"maco", "fourier", "cbr"}
    for name, result in results.items():
        assert result.config["method"].lower() == name
        assert result.names == ["logit 1", "logit 2", "logit 3"]
        assert (result.config["steps"], result.config["crops"], result.seed) == (2, 1, 0)
    assert "spectra.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--objective", "logit:5"], "must lie in 0..4"),
        (["--objective", "channel:cnv:1"], "Did you mean conv"),
        (["--model", "nothing.keras"], "nothing.keras"),
        (["--steps", "0"], '"steps"'),
        (["--import", "nothing.py"], '"--import" must name a file that exists'),
    ],
)
def test_a_wrong_argument_is_named_before_any_work(tmp_path, model_file, capsys, changed, message):
    command = ["compare", "--model", model_file, "--objective", "logit:1", "--output", str(tmp_path / "out")]
    assert main([*command, *changed]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
