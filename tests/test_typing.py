"""Type checkers see the package: they find exactly the mistakes of a user's file."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

USER = """
import dataclasses

import maco_tf
from maco_tf import Channel, Explanation, Logit, MacoVisualizer, zoo

model = zoo.load("squeezenet")
visualizer = MacoVisualizer(model, "fast", steps=64, crop_side=0.5, transforms="lucid")
explanation: Explanation = visualizer.explain(Logit(254) - 0.5 * Channel("fire5_concat", 12), seed=0)
explanation.show()
shorter = dataclasses.replace(visualizer, steps=32)
shorter.explain(sum([Logit("pug"), 2 * Logit(3)])).save("folder")
maco_tf.FourierVisualizer(model, decay=0.9).explain(maco_tf.product(Logit(1), Logit(2)))
names: list[str] = explanation.names
{mistake}
"""
MISTAKES = {
    "an unknown setting": "MacoVisualizer(model, stepz=3)  # call-arg",
    "an unknown method": "explanation.shoow()  # attr-defined",
    "a value of another type": 'MacoVisualizer(model, steps="many")  # arg-type',
}


def check(path, text):
    path.write_text(text)
    # Errors inside the package are the linter's business.
    options = ["--follow-imports=silent", "--config-file", str(ROOT / "pyproject.toml")]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(path)],
        capture_output=True,
        text=True,
        cwd=path.parent,
        check=False,
        env={**os.environ, "MYPYPATH": str(ROOT)},
    )
    return result.returncode, re.findall(r":(\d+): error: .*\[([\w-]+)\]", result.stdout), result.stdout


@pytest.mark.slow
def test_a_type_checker_finds_exactly_the_planted_mistakes(tmp_path):
    mistakes = list(MISTAKES.values())
    text = USER.format(mistake="\n".join(mistakes))
    first = text.splitlines().index(mistakes[0]) + 1
    status, found, output = check(tmp_path / "user.py", text)
    expected = [(str(first + index), line.rpartition("# ")[2]) for index, line in enumerate(mistakes)]
    assert found == expected, output
    assert status == 1


@pytest.mark.slow
def test_a_file_without_mistakes_passes(tmp_path):
    status, found, output = check(tmp_path / "user.py", USER.format(mistake=""))
    assert (status, found) == (0, []), output


def test_the_package_ships_its_types():
    import maco_tf

    assert (Path(maco_tf.__file__).parent / "py.typed").is_file()
