"""Each edit changes the property that it names, and no edit changes scores by itself."""

import numpy as np
import pytest

from maco_tf.benchmark.explainer import Picture
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import write_png
from maco_tf.models import zoo
from maco_tf.objectives.imagenet_labels import wnids
from tests.conftest import build_tiny_model
from tests.measurements import what_scores_reward as measurement

SIDE = 32


@pytest.fixture
def pictures(tmp_path, rng):
    """Four images of little contrast and colour, all opaque on the left half."""
    paths = []
    for number in range(4):
        noise = np.cumsum(rng.normal(size=(SIDE, SIDE, 3)), axis=0)
        image = 0.5 + 0.04 * (noise - noise.mean()) / noise.std()
        paths.append(str(write_png(tmp_path / f"{number}.png", image)))
    images = np.stack(list(measurement.ImageSet(paths)))
    opacity = np.zeros((4, SIDE, SIDE))
    opacity[:, :, : SIDE // 2] = 1
    return measurement.Pictures(images, opacity, measurement.look_of(paths, SIDE))


@pytest.fixture
def real(tmp_path, rng):
    paths = [
        str(write_png(tmp_path / "real" / f"{number}.png", rng.uniform(0.2, 0.6, (40, 40, 3)))) for number in range(5)
    ]
    return measurement.look_of(paths, SIDE)


def edited(pictures, real, name, tmp_path):
    photographs = np.zeros_like(pictures.images)
    images = measurement.edits(pictures, real, {"fourier": real}, photographs)[name]()
    paths = [str(write_png(tmp_path / "edited" / f"{number}.png", image)) for number, image in enumerate(images)]
    return images, measurement.look_of(paths, SIDE)


def test_an_edit_brings_its_property_to_that_of_real_images(pictures, real, tmp_path):
    for name, tolerance in (("contrast", 0.02), ("saturation", 0.02), ("mean", 0.01)):
        _, look = edited(pictures, real, name, tmp_path)
        np.testing.assert_allclose(getattr(look, name), getattr(real, name), rtol=tolerance)
        for other in {"contrast", "mean"} - {name}:
            if (name, other) != ("saturation", "contrast"):  # Colour is a part of the contrast.
                np.testing.assert_allclose(getattr(look, other), getattr(pictures.look, other), rtol=0.03)


def test_the_power_becomes_that_of_real_images_in_its_band_and_stays_elsewhere(pictures, real, tmp_path):
    before, wanted = pictures.look.power, real.power
    for name, band in (
        ("spectrum", pictures.look.frequency > 0.1),
        ("high frequencies", pictures.look.frequency > 0.15),
        ("spectrum of fourier", pictures.look.frequency > 0.1),
    ):
        _, look = edited(pictures, real, name, tmp_path)
        # The Hann window spreads power over neighbouring rings.
        ratio = np.abs(np.log(look.power / wanted))[:, band].mean()
        assert ratio < 0.35 * np.abs(np.log(before / wanted))[:, band].mean()
    _, look = edited(pictures, real, "low frequencies", tmp_path)
    high = pictures.look.frequency > 0.15
    np.testing.assert_allclose(look.power[:, high], before[:, high], rtol=0.05)


def test_only_what_is_transparent_gets_another_background(pictures, real, tmp_path):
    for name in ("blurred behind", "photographs behind", "mean behind"):
        images, _ = edited(pictures, real, name, tmp_path)
        np.testing.assert_allclose(images[:, :, : SIDE // 2], pictures.images[:, :, : SIDE // 2], atol=1e-6)
        right = images[:, :, SIDE // 2 :]
        assert right.std() < 0.5 * pictures.images[:, :, SIDE // 2 :].std()
        if name == "photographs behind":
            assert right.max() == 0


def test_a_change_has_the_error_of_its_differences():
    score = measurement.Score.of
    before, after = score([1.0, 2.0, 6.0], 1), score([2.0, 3.5, 6.5], 1)
    difference, error, clear = measurement.change(before, after)
    assert difference == pytest.approx(1.0)
    assert error == pytest.approx(0.5 / np.sqrt(3))
    assert not clear  # Student's interval of three classes is 4.3 errors wide.
    assert measurement.change(before, score([2.0, 3.01, 7.0], 1))[2]


@pytest.mark.slow
def test_from_the_folder_of_a_benchmark_to_a_report(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(zoo, "load", lambda name: build_tiny_model(seed=len(name)))
    classes = (3, 0, 4)
    for index in (*classes, 7, 8):
        for number in range(2):
            write_png(tmp_path / "real" / wnids()[index] / f"{number}.png", rng.uniform(size=(SIDE, SIDE, 3)))
    store = ImageStore(tmp_path / "benchmark", {"image_size": SIDE})
    for method in ("maco", "fourier"):
        store.settle("net", method, {})
        for index in classes:
            picture = Picture(rng.uniform(size=(SIDE, SIDE, 3)) * 0.5, rng.uniform(size=(SIDE, SIDE)))
            store.write("net", method, index, 0, picture, 1.0)
    command = [str(tmp_path / "benchmark"), "--real-images", str(tmp_path / "real"), "--model", "net"]
    command += ["--judges", "judge", "--features", "features", "--output", str(tmp_path / "out")]
    results = measurement.main(command)
    assert set(results["edits"]) == {"maco", "fourier"}
    assert "spectrum of fourier" in results["edits"]["maco"]
    assert sorted(results["classes"]) == sorted(classes)
    # Images of half the brightness get that of the real ones.
    for changes in results["edits"]["maco"].values():
        assert np.isfinite(changes["FID"][:2]).all()
    assert results["edits"]["maco"]["mean"]["FID"][0] != 0
    text = (tmp_path / "out" / "what_scores_reward.md").read_text()
    assert "| mean |" in text
    assert (tmp_path / "out" / "maco.png").exists()
