import cv2
import numpy as np
import pytest

from maco_tf.display import compare


class Result:
    """What `compare` needs of an explanation."""

    def __init__(self, images, names):
        self.images, self.names = images, names

    def rgba(self):
        return np.concatenate([self.images, np.full((*self.images.shape[:3], 1), 0.5)], axis=-1)


def test_every_image_stands_in_its_row_and_column(rng):
    result = Result(rng.uniform(size=(3, 8, 8, 3)), ["pug", "costs $1 or $2", "c"])
    grey, opaque = rng.uniform(size=(3, 6, 4, 1)), rng.uniform(size=(3, 8, 8, 3))
    figure = compare({"MACO": result, "_grey": grey, "Fourier": opaque})
    axes = np.reshape(figure.axes, (3, 3))
    for row, images in enumerate((result.rgba(), np.repeat(grey, 3, axis=-1), opaque)):
        for axis, image in zip(axes[row], images):
            np.testing.assert_allclose(axis.images[0].get_array(), image, atol=1e-6)
    assert [axis.get_title() for axis in axes[0]] == result.names
    assert [axis.get_ylabel() for axis in axes[:, 0]] == ["MACO", "_grey", "Fourier"]
    assert not any(axis.get_title() for axis in axes[1:].ravel())


def test_names_given_win_and_files_are_written(rng, tmp_path):
    images = rng.uniform(size=(2, 8, 8, 3))
    rows = {"a": Result(images, ["x", "y"]), "b": images}
    figure = compare(rows, names=["one", "two $"], path=tmp_path / "new" / "figure.png")
    assert [axis.get_title() for axis in figure.axes[:2]] == ["one", "two $"]
    drawn = cv2.imread(str(tmp_path / "new" / "figure.png"))
    # Two rows of two images, so about square, and not a white page.
    assert 0.8 < drawn.shape[0] / drawn.shape[1] < 1.2
    assert (drawn != 255).any(axis=-1).mean() > 0.5
    compare(rows, path=tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_hostile_input(rng):
    images = rng.uniform(size=(2, 8, 8, 3))
    for rows, options, message in [
        ({}, {}, "at least one method"),
        ({"a": images, "b": images[:1]}, {}, "same number"),
        ({"a": images[:0]}, {}, "same number"),
        ({"a": images}, {"names": ["one"]}, '"names" must name the 2'),
        ({"a": images[0]}, {}, "shape .8, 8, 3. for 'a'"),
        ({"a": 255 * images}, {}, r"\[0, 1\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            compare(rows, **options)
