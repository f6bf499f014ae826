import json

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.cli import main
from maco_tf.display.files import read_png
from maco_tf.metrics import FeatureExtractor
from maco_tf.objectives.imagenet_labels import wnids

# A palace, and a daisy, which resembles the flower in the other photograph.
CLASSES = (698, 985)


@pytest.fixture
def real_images(tmp_path):
    for index, image in zip(CLASSES, load_sample_images().images):
        folder = tmp_path / "real" / wnids()[index]
        folder.mkdir(parents=True)
        for number in range(2):
            cv2.imwrite(str(folder / f"{number}.jpg"), image[:, 100 * number : 100 * number + 400, ::-1])
    return tmp_path / "real"


@pytest.mark.slow
@pytest.mark.network
def test_a_benchmark_from_images_to_tables(tmp_path, real_images, capsys, monkeypatch):
    folder = tmp_path / "out"
    command = ["benchmark", "--output", str(folder), "--models", "squeezenet", "--judges", "efficientnet_lite0"]
    command += ["--classes", *map(str, CLASSES), "--steps", "2", "--crops", "1", "--image-size", "256", "--quiet"]
    command += ["--real-images", str(real_images), "--features", "squeezenet"]
    assert main([*command, "--methods", "maco"]) == 0
    made = {path: path.stat().st_mtime_ns for path in folder.rglob("images/**/*.png")}
    assert len(made) == 2
    # Another method is added, and the images of the first one stay.
    assert main([*command, "--methods", "maco", "cbr"]) == 0
    assert all(path.stat().st_mtime_ns == time for path, time in made.items())
    assert len(list(folder.rglob("images/**/*.png"))) == 4
    assert "results.md" in capsys.readouterr().out

    results = json.loads((folder / "results.json").read_text())
    assert [cell["method"] for cell in results["cells"]] == ["maco", "cbr"]
    for cell in results["cells"]:
        scores = cell["scores"]
        assert set(DESCRIPTIONS) <= set(scores)
        assert scores.pop("FID-infinity")["reason"] == "too few images: 2 of 300"
        assert {scores.pop(name)["reason"] for name in ("precision", "recall")} == {"too few images: 2 of 4"}
        assert all(np.isfinite(score["mean"]) for score in scores.values())
        assert scores["judge efficientnet_lite0"] == scores["transferability"]
        assert scores["plausibility"]["count"] == 2
        assert -1 <= scores["robustness"]["mean"] <= 1
        assert 0 < scores["diversity"]["mean"] < 2
    assert results["settings"]["steps"] == 2
    assert results["settings"]["classes"] == list(CLASSES)
    assert str(tmp_path) not in (folder / "results.json").read_text() + (folder / "results.md").read_text()
    assert 0 < results["natural"]["high frequencies"]["mean"] < 0.2
    text = (folder / "results.md").read_text()
    assert "plausibility ↓" in text
    assert "## Images of squeezenet" in text
    for name in ("scores.png", "images_squeezenet.png"):
        assert read_png(folder / name).std() > 0.05

    # A finished benchmark is only scored again, from stored features.
    monkeypatch.setattr(FeatureExtractor, "_compute", lambda *_: pytest.fail("Features were computed again."))
    before = {path: path.read_bytes() for path in folder.glob("results.*")}
    assert main([*command, "--methods", "maco", "cbr"]) == 0
    assert {path: path.read_bytes() for path in folder.glob("results.*")} == before
    capsys.readouterr()

    assert main([*command, "--methods", "maco", "--steps", "3"]) == 2
    assert "same settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--classes", "1", "--count", "3"], "--count"),
        (["--classes", "1", "--exclude", "3"], "--exclude"),
        (["--classes", "1", "--count", "0"], "--count"),
        (["--classes", "1", "--least-images", "2"], "--least-images"),
        (["--classes", "1", "--draw-seed", "0"], "--draw-seed"),
        (["--count", "0"], '"count" must be an integer of at least 1'),
        (["--exclude", "5000"], '"exclude" must be ImageNet class numbers'),
        (["--least-images", "2"], "--real-images"),
        (["--methods", "magic", "--classes", "1"], "magic"),
        (["--import", "no_such_module", "--classes", "1"], '"--import" must name'),
        (["--real-images", "/nonexistent"], "folder that exists"),
    ],
)
def test_a_wrong_argument_is_named_before_any_work(tmp_path, capsys, arguments, message):
    assert main(["benchmark", *arguments, "--output", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
