import os
import subprocess
import sys
import warnings

import pytest

from maco_tf.cli import main
from maco_tf.commands import zoo
from maco_tf.version import __version__


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


@pytest.mark.parametrize("command", ["explain", "compare", "exemplars", "study", "benchmark"])
def test_a_missing_argument_is_named(command, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([command])
    assert "--output" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["explain", "compare", "exemplars", "study", "benchmark", "layers", "zoo"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"usage: maco-tf {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError('"steps" must be'), 2, 'maco-tf: "steps" must be'),
        (ImportError("pip install x"), 2, "maco-tf: pip install x"),
        (FileNotFoundError("no such file"), 2, "maco-tf: no such file"),
        (FloatingPointError("the score is nan"), 2, "maco-tf: the score is nan"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_exit_status_of_an_error(error, status, message, capsys, monkeypatch):
    def run(options):
        raise error

    monkeypatch.setattr(zoo, "run", run)
    assert main(["zoo"]) == status
    assert capsys.readouterr().err.strip() == message


def test_other_errors_are_not_hidden(monkeypatch):
    def run(options):
        raise TypeError("a mistake in the package")

    monkeypatch.setattr(zoo, "run", run)
    with pytest.raises(TypeError, match="a mistake"):
        main(["zoo"])


def test_the_version_is_shown(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"maco-tf {__version__}"


def test_a_warning_is_one_line_without_the_source(capsys, monkeypatch):
    monkeypatch.setattr(zoo, "run", lambda options: warnings.warn("the image is still its start", stacklevel=1) or 0)
    before = warnings.showwarning
    assert main(["zoo"]) == 0
    assert capsys.readouterr().err == "maco-tf: warning: the image is still its start\n"
    assert warnings.showwarning is before


@pytest.mark.slow
def test_a_reader_that_stops_early_is_no_error():
    command = f"{sys.executable} -m maco_tf zoo | head -n 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=os.environ, check=False)
    assert shown.returncode == 0
    assert "maco-tf:" not in shown.stderr
