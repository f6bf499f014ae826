"""The command that draws quality against compute (tests/benchmarks/quality.py), on tiny networks."""

import json
import sys

import numpy as np
import pytest

from maco_tf import MacoVisualizer
from maco_tf.display.files import read_png
from maco_tf.metrics import classify
from maco_tf.models import zoo
from tests.conftest import build_tiny_model
from tests.speed import quality

NETWORKS = {"efficientnet_lite0": 0, "efficientnet_lite2": 1, "mobilenet_v2": 2, "squeezenet": 3}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs the command for two classes and returns its points."""
    monkeypatch.setattr(zoo, "load", lambda name: build_tiny_model(seed=NETWORKS[name]))
    monkeypatch.setattr(quality, "SETTINGS", [(quality.MACO, 2, 4), (quality.MACO, 1, 4)])
    arguments = ["quality", "--classes", "1", "3", "--images", str(tmp_path / "images"), "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)

    def run():
        quality.main()
        return json.loads((tmp_path / "quality.json").read_text())["points"]

    return run


def test_points_are_what_the_judges_give_the_images_which_are_kept(run, tmp_path, monkeypatch):
    points = run()
    assert [point["steps"] for point in points] == [1, 2]
    folder = tmp_path / "images" / "images"
    for point in points:
        paths = [
            path
            for index in ("001", "003")
            for path in folder.glob(f"*/{quality.MACO} {point['steps']}x4/{index}_0.png")
        ]
        images = np.stack([read_png(path) for path in paths])
        seen = [classify(images, build_tiny_model(seed=seed), verbose=0) for seed in (1, 2, 3)]
        given = np.mean(seen, axis=0)[[0, 1], [1, 3]]
        assert point["probability"] == pytest.approx(given.mean(), abs=1e-6)
        assert list(point["classes"].values()) == pytest.approx(given, abs=1e-4)
        first = np.any([own.argmax(axis=1) == (1, 3) for own in seen], axis=0)
        assert point["recognised"] == pytest.approx(first.mean())
    assert "| maco_tf | 2 x 4 | 8 |" in (tmp_path / "quality.md").read_text()
    assert read_png(tmp_path / "quality.png").std() > 0.05
    # What is there is not made again, and other settings are refused.
    with monkeypatch.context() as patch:
        patch.setattr(MacoVisualizer, "explain", lambda *_, **__: pytest.fail("made again"))
        assert run() == points
    monkeypatch.setattr(quality, "__version__", "other")
    with pytest.raises(ValueError, match="same settings"):
        run()
