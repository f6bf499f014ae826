"""The classes of a folder of real images, and its two halves."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from maco_tf.benchmark.real_images import divide, draw_classes
from maco_tf.objectives.imagenet_labels import wnids
from tests.benchmark.conftest import folder_of_classes


def digests(paths):
    return {hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths}


@pytest.mark.parametrize("count", [3, 6, 7])
def test_halves_have_no_image_in_common_under_any_name(tmp_path, rng, count):
    for number in range(count):
        image = rng.integers(0, 256, (8, 8, 3), "uint8")
        for name in (f"{number}.png", f"copy/{9 - number}.png"):
            (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "a" / name), image)
    halves = divide(tmp_path / "a")
    assert digests(halves.prior).isdisjoint(digests(halves.compared))
    assert (len(halves.prior), len(halves.compared)) == (2 * ((count + 1) // 2), 2 * (count // 2))
    # Other names and another place do not change the halves.
    for number, path in enumerate((*halves.prior, *halves.compared)):
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / f"{97 * number % 31}.png").write_bytes(Path(path).read_bytes())
    again = divide(tmp_path / "b")
    assert digests(again.prior) == digests(halves.prior)
    assert digests(again.compared) == digests(halves.compared)


def test_copies_of_two_images_are_too_few(tmp_path):
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), 9 * (number % 2), "uint8"))
    with pytest.raises(ValueError, match=r'"real_images" must hold at least 3 different images.*Received: 2'):
        divide(tmp_path)


def test_classes_are_drawn_from_those_with_enough_images(tmp_path):
    folder = folder_of_classes(tmp_path, {3: 2, 7: 1, 9: 3, 254: 2})
    drawn = draw_classes(folder, 3, least=2)
    assert sorted(drawn) == [3, 9, 254]
    assert drawn == draw_classes(folder, np.int64(3), least=np.int64(2), seed=np.int64(0))
    assert draw_classes(folder, 1, least=2, exclude=np.array([3, 9])) == (254,)
    (tmp_path / wnids()[20]).mkdir()
    (tmp_path / wnids()[20] / ".DS_Store").touch()
    with pytest.raises(ValueError, match='"count" must be at most 3'):
        draw_classes(folder, 4, least=2)
    assert len(set(draw_classes(None, 500))) == 500


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"count": 0}, '"count"'),
        ({"count": True}, '"count"'),
        ({"least": -1}, '"least"'),
        ({"seed": 0.5}, '"seed"'),
        ({"seed": None}, '"seed"'),
        ({"exclude": (1000,)}, '"exclude"'),
        ({"folder": "/nonexistent"}, '"real_images"'),
    ],
)
def test_a_draw_outside_its_range_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        draw_classes(**{"folder": None, "count": 1, **arguments})
