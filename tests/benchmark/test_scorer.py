"""Scores of images on disk, with tiny networks."""

import warnings

import cv2
import keras
import numpy as np
import pytest

from maco_tf.benchmark import METHODS
from maco_tf.benchmark import scorer as scorer_module
from maco_tf.benchmark.explainer import Picture
from maco_tf.benchmark.scorer import Scorer
from maco_tf.benchmark.settings import BenchmarkSettings
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import read_png, write_png
from maco_tf.images import image_set
from maco_tf.images.image_set import ImageSet
from maco_tf.metrics import (
    FeatureExtractor,
    diversity,
    fid,
    fid_infinity,
    kid,
    precision_recall,
    robustness,
    spectrum_deviation,
)
from maco_tf.metrics.power_spectrum import high_frequency_fraction, power_spectrum
from maco_tf.models import zoo
from maco_tf.objectives.imagenet_labels import wnids
from tests.conftest import build_tiny_model

NETWORKS = {"net": 1, "first": 2, "second": 3, "features": 4}
CLASSES = (3, 0, 4)


@pytest.fixture
def make(tmp_path, rng, monkeypatch):
    """A function that makes a scorer of random images with so many seeds, and three random real images per class."""
    monkeypatch.setattr(zoo, "load", lambda name: build_tiny_model(seed=NETWORKS[name]))
    for index in CLASSES:
        folder = tmp_path / "real" / wnids()[index]
        folder.mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 256, (16, 16, 3), "uint8"))

    def build(seeds, classes=CLASSES, real=True, method="maco"):
        settings = BenchmarkSettings(
            ("net",),
            (method,),
            ("first", "second", "net"),
            classes,
            tuple(range(seeds)),
            image_size=16,
            real_images=tmp_path / "real" if real else None,
            features="features",
        )
        store = ImageStore(tmp_path / "out", {})
        for index in classes:
            for seed in range(seeds):
                image = np.random.default_rng((index, seed)).uniform(size=(16, 16, 3)) ** (1 + index)
                store.write("net", method, index, seed, Picture(image, np.ones((16, 16))), 1.0)
        return Scorer(settings, store)

    return build


def rows_of(scorer, seeds):
    """The paths and the features of the images and of the real images by class, computed independently."""
    extractor = FeatureExtractor(build_tiny_model(seed=NETWORKS["features"]), "add", pooling="mean")
    paths = [[str(scorer.store.path("net", "maco", index, seed)) for seed in range(seeds)] for index in CLASSES]
    real = [sorted(map(str, scorer.settings.real_folders()[index].iterdir())) for index in CLASSES]
    return paths, real, *([extractor(made, verbose=0) for made in group] for group in (paths, real))


@pytest.mark.slow
def test_a_damaged_real_image_is_left_out_of_every_score(make):
    scorer = make(1)
    damaged = scorer.settings.real_folders()[CLASSES[1]] / "1.png"
    content = damaged.read_bytes()
    damaged.unlink()
    expected = {**scorer.scores("net", "maco"), **{f"natural {name}": s for name, s in scorer.natural().items()}}
    damaged.write_bytes(content[:20])
    other = Scorer(scorer.settings, scorer.store)
    with pytest.warns(UserWarning, match=r"1 damaged .*1\.png"):
        scores = other.scores("net", "maco")
    scores |= {f"natural {name}": score for name, score in other.natural().items()}
    assert {name: repr(score) for name, score in scores.items()} == {
        name: repr(score) for name, score in expected.items()
    }
    for path in damaged.parent.iterdir():
        path.write_bytes(b"no picture")
    with (
        pytest.warns(UserWarning, match="3 damaged"),
        pytest.raises(ValueError, match=f'"real_images".*{damaged.parent.name}'),
    ):
        Scorer(scorer.settings, scorer.store).natural()


def test_scores_of_the_whole_set_match_the_metrics_and_their_jackknife(make):
    scorer = make(4)
    scores = scorer.scores("net", "maco")
    paths, real_paths, made, real = rows_of(scorer, 4)

    def check(score, function):
        assert score.mean == pytest.approx(function([0, 1, 2]), rel=1e-4)
        without = np.array([function(chosen) for chosen in ([1, 2], [0, 2], [0, 1])])
        assert score.error == pytest.approx(np.sqrt(2 / 3 * np.sum((without - without.mean()) ** 2)), rel=1e-3)

    def of(function, *groups):
        return lambda chosen: function(*(np.concatenate([group[i] for i in chosen]) for group in groups))

    check(scores["FID"], of(fid, made, real))
    check(scores["KID"], of(kid, made, real))
    check(scores["diversity"], of(diversity, made))
    for index, name in enumerate(("precision", "recall")):
        check(scores[name], of(lambda a, b, index=index: precision_recall(a, b)[index], made, real))
    images = [[list(ImageSet(group)) for group in groups] for groups in (paths, real_paths)]
    check(scores["spectrum deviation"], of(lambda a, b: spectrum_deviation(list(a), list(b)), *images))
    natural = scorer.natural()
    check(natural["diversity"], of(diversity, real))
    assert 0 < natural["high frequencies"].mean < 1


def test_the_error_of_real_images_is_over_classes(make):
    scorer = make(1)
    for index, folder in scorer.settings.real_folders().items():
        # Copies add no information about their class.
        cv2.imwrite(str(folder / "0.png"), np.random.default_rng(index).integers(0, 256, (16, 16, 3), "uint8"))
        for number in (1, 2):
            (folder / f"{number}.png").write_bytes((folder / "0.png").read_bytes())
    high = scorer.natural()["high frequencies"]
    shares = [high_frequency_fraction(power_spectrum(folder)) for folder in scorer.settings.real_folders().values()]
    assert high.mean == pytest.approx(np.mean(shares), rel=1e-4)
    assert high.error == pytest.approx(np.std(shares, ddof=1) / np.sqrt(3), rel=1e-3)
    assert high.count == 9
    assert scorer.basis == {"real images": 9, "dimensions": rows_of(scorer, 1)[2][0].shape[1]}


def test_networks_that_cannot_judge_are_found_when_loading(make, monkeypatch):
    scorer = make(1)
    scorer.load()
    headless = build_tiny_model()
    headless = keras.Model(headless.input, headless.get_layer("add").output)
    monkeypatch.setattr(zoo, "load", lambda name: headless)
    with pytest.raises(ValueError, match='"classifier"'):
        make(1).load()


def test_one_real_image_has_no_spread(make):
    scorer = make(2, classes=(3,))
    for path in list(scorer.settings.real_folders()[3].iterdir())[1:]:
        path.unlink()
    assert scorer.scores("net", "maco")["FID"].reason == "one image has no spread"


@pytest.mark.slow
def test_three_neighbours_must_be_left_without_a_class(make):
    few, enough = (make(seeds).scores("net", "maco") for seeds in (1, 2))
    for name in ("precision", "recall"):
        assert few[name].reason == "too few images: 2 of 4"
        assert enough[name].reason is None
        assert 0 <= enough[name].mean <= 1


@pytest.mark.slow
def test_the_two_alternative_test_compares_cosines_with_every_image_of_the_class(make, monkeypatch):
    monkeypatch.setattr(scorer_module, "_RIVALS", 2)
    scorer = make(2)
    score = scorer.scores("net", "maco")["two-alternative"]
    *_, made, real = rows_of(scorer, 2)
    made, real = ([rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in group] for group in (made, real))
    for position, accuracy in enumerate(score.by_class):
        cosines = [np.mean(rows @ made[position].T, axis=1) for rows in real]
        others = np.concatenate(cosines[:position] + cosines[position + 1 :])
        # Every image of the class meets the two images of other classes that are most like it.
        unlike = np.concatenate(real[:position] + real[position + 1 :])
        nearest = np.argsort(-(real[position] @ unlike.T), axis=1)[:, :2]
        assert accuracy == pytest.approx(np.mean(cosines[position][:, None] > others[nearest]))
    assert score.mean == pytest.approx(np.mean(score.by_class))
    assert score.error == pytest.approx(np.std(score.by_class, ddof=1) / np.sqrt(3))
    alone = make(2, classes=(3,)).scores("net", "maco")["two-alternative"]
    assert alone.reason == "one class has no other"


def test_the_image_of_a_class_passes_the_two_alternative_test(make):
    scorer = make(1)
    for index, folder in scorer.settings.real_folders().items():
        # All images of a class are alike, and unlike those of the others.
        image = np.random.default_rng(index).uniform(size=(16, 16, 3)) ** (1 + index)
        for path in folder.iterdir():
            write_png(path, image)
        scorer.store.write("net", "maco", index, 0, Picture(image, np.ones((16, 16))), 1.0)
    assert Scorer(scorer.settings, scorer.store).scores("net", "maco")["two-alternative"].mean == 1


@pytest.mark.slow
def test_no_score_sees_an_image_that_a_prior_has_seen(make, monkeypatch):
    scorer = make(1, method="maco+class")
    read, seen = set(), set()
    decode = image_set.read_image_file
    monkeypatch.setattr(image_set, "read_image_file", lambda path, *rest: read.add(str(path)) or decode(path, *rest))
    scores = scorer.scores("net", "maco+class")
    natural = scorer.natural()
    made = {str(scorer.store.path("net", "maco+class", index, 0)) for index in CLASSES}
    compared = {path for index in CLASSES for path in scorer.settings.compared_files(index)}
    assert read - made == compared
    assert natural["diversity"].count == scorer.basis["real images"] == len(compared) == 3
    assert scores["plausibility"].reason is None
    read.clear()
    # Only the objective of a class reads the others.
    network = zoo.load("net")
    METHODS["maco+class"](network, scorer.settings)(CLASSES[1], 0)
    seen |= {path for index in CLASSES for path in scorer.settings.prior_files(index)}
    assert read
    assert read <= seen
    assert seen.isdisjoint(compared)


@pytest.mark.slow
def test_a_cell_without_images_has_every_score_with_its_reason(make):
    scorer = make(2)
    missing, found = scorer.missing("net", "no batch norms"), scorer.scores("net", "maco")
    assert set(missing) == set(found)
    assert {score.reason for score in missing.values()} == {"no batch norms"}


def test_the_spectrum_of_a_cell_is_the_mean_over_its_images(make):
    scorer = make(2)
    images = np.stack([read_png(scorer.store.path("net", "maco", index, seed)) for index in CLASSES for seed in (0, 1)])
    np.testing.assert_allclose(scorer.spectrum("net", "maco").values, power_spectrum(images).values, rtol=1e-6)
    real = [read_png(path) for folder in scorer.settings.real_folders().values() for path in folder.iterdir()]
    np.testing.assert_allclose(scorer.natural_spectrum().values, power_spectrum(np.stack(real)).values, rtol=1e-6)
    assert make(2, real=False).natural_spectrum() is None


def test_robustness_is_the_mean_over_the_judges(make):
    scorer = make(2)
    scores = scorer.scores("net", "maco")
    images = np.stack([read_png(scorer.store.path("net", "maco", index, seed)) for index in CLASSES for seed in (0, 1)])
    expected = [
        robustness(images, np.repeat(CLASSES, 2), build_tiny_model(seed=seed), seed=2023, views=2, verbose=0)
        for seed in (NETWORKS["first"], NETWORKS["second"])
    ]
    for name, kind in [("robustness", "mean")] + [(f"robustness {kind}", kind) for kind in ("crop", "noise", "jpeg")]:
        assert scores[name].mean == pytest.approx(np.mean([each[kind] for each in expected]), abs=1e-6)
        assert scores[name].error > 0
    assert scores["transferability"].mean == pytest.approx(np.mean([each["clean"] for each in expected]), abs=1e-6)


def test_nothing_is_computed_twice(make, monkeypatch):
    first = make(2).scores("net", "maco")
    monkeypatch.setattr(FeatureExtractor, "_compute", lambda *_: pytest.fail("computed again"))
    again = make(2).scores("net", "maco")
    # NaN does not equal itself.
    assert again.pop("FID-infinity").reason == first.pop("FID-infinity").reason
    assert again == first


def test_changed_images_are_computed_again(make):
    scorer = make(2)
    before = scorer.scores("net", "maco")
    scorer.store.write("net", "maco", 3, 1, Picture(np.zeros((16, 16, 3)), np.ones((16, 16))), 1.0)
    after = scorer.scores("net", "maco")
    for name in ("transferability", "robustness", "FID", "diversity", "plausibility"):
        assert before[name].mean != after[name].mean


@pytest.mark.slow
def test_fid_infinity_needs_enough_images(make):
    few = make(2).scores("net", "maco")["FID-infinity"]
    assert np.isnan(few.mean)
    assert few.reason == "too few images: 6 of 300"
    scorer = make(100)
    many = scorer.scores("net", "maco")["FID-infinity"]
    *_, made, real = rows_of(scorer, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert many.mean == pytest.approx(fid_infinity(np.concatenate(made), np.concatenate(real)), rel=1e-3)
    assert many.reason is None


def test_missing_scores_have_a_reason(make):
    scores = make(2, real=False).scores("net", "maco")
    without = {name for name, score in scores.items() if np.isnan(score.mean)}
    distances = {"FID", "FID-infinity", "KID", "precision", "recall", "two-alternative"}
    assert without == distances | {"plausibility", "plausibility, normalised", "spectrum deviation"}
    assert {scores[name].reason for name in without} == {"no real images"}
    alone = make(1, classes=(3,)).scores("net", "maco")
    assert {name for name, score in alone.items() if np.isnan(score.mean)} == distances | {"diversity"}
    assert all(alone[name].reason for name in (*distances, "diversity"))
