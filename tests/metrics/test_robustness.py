"""The drop of the target's probability under damage."""

import cv2
import numpy as np
import pytest

from maco_tf.metrics import FeatureExtractor, agreement, robustness
from maco_tf.metrics.robustness import Damage, robustness_by_image
from tests.conftest import build_tiny_model
from tests.metrics.conftest import ESPRESSO, TABBY


@pytest.fixture
def images(rng):
    return rng.uniform(size=(6, 16, 16, 3)).astype("float32")


@pytest.mark.network
def test_photographs_lose_more_the_stronger_the_damage(squeezenet, scenes):
    targets = [ESPRESSO, TABBY]
    mild = robustness(scenes, targets, squeezenet, crop_side=(0.95, 1), noise=0.02, quality=95, views=2, verbose=0)
    hard = robustness(scenes, targets, squeezenet, crop_side=(0.1, 0.15), noise=0.6, quality=2, views=2, verbose=0)
    assert mild["clean"] == hard["clean"] == agreement(scenes, targets, squeezenet, verbose=0).probability
    for kind in ("crop", "noise", "jpeg", "mean"):
        assert abs(mild[kind]) < hard[kind], kind
    assert hard["mean"] == pytest.approx(np.mean([hard[kind] for kind in ("crop", "noise", "jpeg")]))


def test_without_damage_nothing_drops():
    # JPEG rounds even at its best quality; a smooth grey image survives that to within a grey level.
    smooth = np.repeat(np.linspace(0.2, 0.8, 16)[:, None, None], 16, axis=1).astype("float32")[None].repeat(2, axis=0)
    model = build_tiny_model(channels=1)
    result = robustness(smooth, [0, 1], model, crop_side=(1, 1), noise=0, quality=100, views=2, verbose=0)
    assert result["crop"] == result["noise"] == 0
    assert result["jpeg"] == pytest.approx(0, abs=1e-3)


def test_compression_matches_opencv_and_keeps_the_order_of_colours(images):
    model = build_tiny_model()
    pixels = [cv2.cvtColor(np.round(image * 255).astype("uint8"), cv2.COLOR_RGB2BGR) for image in images]
    files = [cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 10])[1] for image in pixels]
    compressed = np.stack([cv2.cvtColor(cv2.imdecode(file, 1), cv2.COLOR_BGR2RGB) for file in files])
    targets = np.arange(6) % 5
    expected = (model(images).numpy() - model(compressed / np.float32(255)).numpy())[np.arange(6), targets].mean()
    assert robustness(images, targets, model, quality=10, verbose=0)["jpeg"] == pytest.approx(expected, abs=1e-6)


def test_crops_lie_anywhere_and_are_the_same_for_all_images(monkeypatch):
    # The channels of each pixel are its row, its column and the number of its image.
    rows, columns = np.indices((16, 16)) / 15
    images = np.stack([np.stack([rows, columns, np.full((16, 16), i / 2)], axis=-1) for i in range(3)]).astype(
        "float32"
    )
    seen, call = [], FeatureExtractor.__call__

    def spy(self, images, **options):
        seen.append(images)
        return call(self, images, **options)

    monkeypatch.setattr(FeatureExtractor, "__call__", spy)
    robustness(images, [0, 1, 2], build_tiny_model(), views=20, crop_side=(0.5, 0.75), verbose=0)
    # The first call is of the undamaged images.
    crops = seen[1:21]
    corners = set()
    for crop in crops:
        assert all(8 <= side <= 12 for side in crop.shape[1:3])
        top, left = (round(15 * float(crop[0, 0, 0, axis])) for axis in (0, 1))
        corners.add((top, left))
        np.testing.assert_array_equal(crop, images[:, top : top + crop.shape[1], left : left + crop.shape[2]])
    tops, lefts = zip(*corners)
    assert max(min(tops), min(lefts)) <= 1
    assert min(max(tops), max(lefts)) >= 5
    assert len(corners) > 10


def test_the_result_for_an_image_depends_on_that_image_and_the_seed_only(images):
    targets, model = np.array([0, 1, 2, 3, 4, 0]), build_tiny_model()
    whole = robustness(images, targets, model, seed=5, verbose=0)
    assert whole == robustness(images, targets, model, seed=np.int64(5), verbose=0)
    assert whole != robustness(images, targets, model, seed=6, verbose=0)
    backwards = robustness(images[::-1], targets[::-1], model, seed=5, verbose=0)
    assert backwards == pytest.approx(whole, abs=1e-6)
    halves = [robustness(images[part], targets[part], model, seed=5, verbose=0) for part in (slice(3), slice(3, 6))]
    for kind in whole:
        assert whole[kind] == pytest.approx(np.mean([half[kind] for half in halves]), abs=1e-6)


def test_files_are_streamed_and_the_mean_is_over_images(images, tmp_path):
    targets, model = np.arange(6) % 5, build_tiny_model()
    pixels = np.round(images * 255).astype("uint8")
    paths = [str(tmp_path / f"{number}.png") for number in range(6)]
    for path, image in zip(paths, pixels):
        cv2.imwrite(path, image[..., ::-1])
    by_image = robustness_by_image(paths, targets, model, verbose=0)
    whole = robustness(pixels, targets, model, verbose=0)
    assert {name: values.mean() for name, values in by_image.items()} == pytest.approx(whole, abs=1e-6)
    expected = model(pixels / np.float32(255)).numpy()[np.arange(6), targets]
    np.testing.assert_allclose(by_image["clean"], expected, atol=1e-6)
    alone = robustness(pixels[3:4], targets[3:4], model, verbose=0)
    assert {name: values[3] for name, values in by_image.items()} == pytest.approx(alone, abs=1e-6)


def test_more_images_than_are_damaged_at_once(images):
    targets, model = np.arange(6) % 5, build_tiny_model()
    few = robustness_by_image(images, targets, model, verbose=0)
    many = robustness_by_image(np.tile(images, (7, 1, 1, 1)), np.tile(targets, 7), model, verbose=0)
    for name, values in many.items():
        np.testing.assert_allclose(values, np.tile(few[name], 7), atol=1e-6)


def test_numbers_of_numpy_are_accepted():
    damage = Damage(
        seed=np.int64(1), views=np.int64(2), crop_side=np.array([0.5, 0.7]), noise=np.float32(0.5), quality=np.int64(9)
    )
    assert damage == Damage(seed=1, views=2, crop_side=(0.5, 0.7), noise=0.5, quality=9)
    assert [type(value) for value in (damage.views, damage.noise, damage.quality)] == [int, float, int]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": 0}, '"views"'),
        ({"views": True}, '"views"'),
        ({"views": 2.0}, '"views"'),
        ({"crop_side": (0.9, 0.6)}, '"crop_side"'),
        ({"crop_side": (0, 0.6)}, '"crop_side"'),
        ({"crop_side": 0.6}, '"crop_side"'),
        ({"crop_side": (0.6, np.nan)}, '"crop_side"'),
        ({"noise": -1}, '"noise"'),
        ({"noise": np.inf}, '"noise"'),
        ({"quality": 0}, '"quality"'),
        ({"quality": 101}, '"quality"'),
        ({"seed": -1}, '"seed"'),
        ({"seed": None}, '"seed"'),
    ],
)
def test_settings_outside_their_range_are_refused(images, options, message):
    with pytest.raises(ValueError, match=message):
        robustness(images, [0] * 6, build_tiny_model(), verbose=0, **options)


def test_wrong_images_are_refused(images):
    model = build_tiny_model()
    with pytest.raises(ValueError, match='"images" must have one size'):
        robustness([images[0], images[0][:8]], [0, 1], model, verbose=0)
    for wrong in (np.zeros((0, 16, 16, 3)), np.zeros((2, 16, 16, 5))):
        with pytest.raises(ValueError, match=r'"images".*1 or 3 channels'):
            robustness(wrong, [0] * len(wrong), model, verbose=0)
