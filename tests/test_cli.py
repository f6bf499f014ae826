import dataclasses
import os
import subprocess
import sys

import pytest

from maco_tf import zoo
from maco_tf.cli import main
from maco_tf.visualizers import Explanation, MacoVisualizer
from tests.conftest import build_tiny_model


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "tiny.keras"
    build_tiny_model().save(path)
    return str(path)


def test_explain_writes_what_it_says(model_file, tmp_path, capsys):
    output = tmp_path / "out"
    arguments = ["--objective", "logit:1 - 0.5*channel:conv:2", "--objective", "logit:2,3", "--output", str(output)]
    settings = ["--seed", "5", "--steps", "2", "--crops", "2", "--size", "32"]
    assert main(["explain", "--model", model_file, *arguments, *settings]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith("Wrote 5 files")
    assert last.endswith("(seed 5)")
    assert sorted(path.name for path in output.iterdir()) == [
        "000_logit_1_-_0.5_conv_2.png",
        "001_logit_2.png",
        "002_logit_3.png",
        "contact_sheet.png",
        "explanation.npz",
    ]


def test_explain_takes_a_precision(model_file, tmp_path):
    output = tmp_path / "out.npz"
    settings = [
        "--objective",
        "logit:1",
        "--output",
        str(output),
        "--seed",
        "5",
        "--steps",
        "2",
        "--size",
        "32",
        "--quiet",
    ]
    assert main(["explain", "--model", model_file, *settings, "--precision", "bfloat16"]) == 0
    assert Explanation.load(output).config["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--model": "no_such_net"}, "must be one of efficientnet_lite0"),
        ({"--model": "absent.keras"}, "a file that exists"),
        ({"--objective": "logit:99"}, "must lie in 0..4"),
        ({"--objective": "channel:cnv:1"}, "Did you mean conv"),
        ({"--objective": "nonsense"}, "maco-tf explain --help"),
        ({"--output": "picture.jpg"}, r".png or .npz"),
        ({"--steps": "0"}, '"steps"'),
        ({"--max-batch-size": "0"}, '"max_batch_size" must be an integer of at least 1'),
    ],
)
def test_wrong_arguments_exit_with_two_and_say_why(model_file, tmp_path, capsys, changed, message):
    arguments = {"--model": model_file, "--objective": "logit:1", "--output": str(tmp_path / "out")}
    assert main(["explain", *(part for pair in {**arguments, **changed}.items() for part in pair)]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_batch_size_is_a_number_or_auto(model_file, tmp_path, capsys):
    arguments = ["explain", "--model", model_file, "--objective", "logit:1", "--output", str(tmp_path / "out")]
    with pytest.raises(SystemExit):
        main([*arguments, "--max-batch-size", "all"])
    assert 'must be a number of views or "auto". Received: all.' in capsys.readouterr().err
    assert main([*arguments, "--max-batch-size", "auto", "--steps", "1", "--size", "32", "--quiet"]) == 0


def test_zoo_lists_every_network_with_its_licence(capsys):
    assert main(["zoo"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    for name in zoo.names():
        assert f"{zoo.entry(name).size} px" in lines[name]
        assert zoo.entry(name).licence in lines[name]


def test_help_explains_objectives_and_does_not_import_tensorflow():
    code = "import sys, maco_tf.cli as c\ntry: c.main(sys.argv[1:])\nfinally: assert 'tensorflow' not in sys.modules"
    shown = subprocess.run(
        [sys.executable, "-c", code, "explain", "--help"], capture_output=True, text=True, env=os.environ, check=True
    ).stdout
    assert "logit:CLASS" in shown
    assert "--preprocessing" in shown


def test_python_m_maco_tf_runs_the_command():
    shown = subprocess.run([sys.executable, "-m", "maco_tf", "--help"], capture_output=True, text=True, check=True)
    assert "usage: maco-tf" in shown.stdout


@pytest.mark.parametrize("command", ["explain", "compare", "benchmark"])
def test_a_missing_argument_is_named(command, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([command])
    assert "--output" in capsys.readouterr().err


def test_an_interrupt_names_what_was_not_begun(model_file, tmp_path, capsys, monkeypatch):
    explain = MacoVisualizer.explain

    def interrupted(self, *arguments, **options):
        result = explain(self, *arguments, **options)
        return dataclasses.replace(result, config={**result.config, "interrupted": True})

    monkeypatch.setattr(MacoVisualizer, "explain", interrupted)
    arguments = ["--objective", "logit:1,2", "--objective", "logit:3", "--output", str(tmp_path / "out.png")]
    assert main(["explain", "--model", model_file, *arguments, "--steps", "2", "--size", "32", "--quiet"]) == 0
    assert "Interrupted after 2 steps of logit 1; not begun: logit 2, logit 3." in capsys.readouterr().out
