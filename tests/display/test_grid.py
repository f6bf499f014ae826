import itertools

import cv2
import numpy as np
import pytest
from PIL import Image

from maco_tf import FeatureInversion
from maco_tf.display import compare, draw_inversions, to_rgba, write_png
from maco_tf.display.grid import wrapped


class Result:
    """The part of an `Explanation` that the figures need."""

    def __init__(self, rng, names=None, count=2, size=(8, 8)):
        self.images, self.transparency = rng.uniform(size=(count, *size, 3)), rng.uniform(size=(count, *size))
        if names is not None:
            self.names = names

    def rgba(self):
        return to_rgba(self.images, self.transparency)


@pytest.fixture
def photographs(rng):
    return rng.uniform(0.2, 0.7, size=(2, 6, 6, 3))


def drawn(figure, rows, columns):
    axes = np.reshape(figure.axes, (rows, columns))
    return axes, [[np.asarray(axis.images[0].get_array()) for axis in line] for line in axes]


def test_names_are_cut_after_the_third_line():
    # A letter of 9 points is 0.61 x 9 / 72 = 0.076 inches wide: 0.39 inches hold five.
    assert wrapped("one two three four five", 0.39, 9) == "one\ntwo\n..."
    assert wrapped("pug - 0.5 c", 2.0, 11) == "pug - 0.5 c"
    assert wrapped("", 2.0, 11) == ""


def test_every_image_stands_in_its_row_and_column(rng):
    result = Result(rng, ["pug", "costs $1 or $2", "c"], 3)
    grey, opaque = rng.uniform(size=(3, 6, 4, 1)), rng.uniform(size=(3, 8, 8, 3))
    axes, pictures = drawn(compare({"MACO": result, "_grey": grey, "Fourier": opaque}), 3, 3)
    for row, images in zip(pictures, (result.rgba(), np.repeat(grey, 3, axis=-1), opaque)):
        for picture, image in zip(row, images):
            np.testing.assert_allclose(picture, image, atol=1e-6)
    assert [axis.get_title() for axis in axes[0]] == result.names
    assert [axis.get_ylabel() for axis in axes[:, 0]] == ["MACO", "_grey", "Fourier"]
    assert not any(axis.get_title() for axis in axes[1:].ravel())


def test_integer_images_count_to_255():
    _, pictures = drawn(compare({"a": np.full((1, 8, 8, 3), 51, "uint8"), "b": np.full((1, 8, 8, 1), 0.2)}), 2, 1)
    np.testing.assert_array_equal(pictures[0], pictures[1])


def test_names_passed_to_compare_win_and_files_are_written(rng, tmp_path):
    images = rng.uniform(size=(2, 8, 8, 3))
    rows = {"a": Result(rng, ["x", "y"]), "b": images}
    figure = compare(rows, names=["one", "two $"], path=tmp_path / "new" / "figure.png")
    assert [axis.get_title() for axis in figure.axes[:2]] == ["one", "two $"]
    page = cv2.imread(str(tmp_path / "new" / "figure.png"))
    # Two rows of two square images: the page is about square, and images cover most of it.
    assert 0.8 < page.shape[0] / page.shape[1] < 1.2
    assert (page != 255).any(axis=-1).mean() > 0.5
    compare(rows, path=tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("size", [(8, 8), (4, 8)])
def test_long_names_neither_overlap_nor_leave_the_page(rng, size):
    names = ["logit 254 - 0.5 block5b_add:10 - 10 total variation", "a" * 300, "e" * 300]
    images = rng.uniform(size=(3, *size, 3))
    figure = compare({"efficientnet_lite0/block5b_add/expand" * 3: images, "c" * 300: images}, names=names)
    figure.draw_without_rendering()
    axes = np.reshape(figure.axes, (2, 3))
    columns = [axis.title.get_window_extent() for axis in axes[0]]
    rows = [axis.yaxis.label.get_window_extent() for axis in axes[::-1, 0]]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(columns))
    assert all(below.y1 < above.y0 for below, above in itertools.pairwise(rows))
    page = figure.bbox
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1 for box in [*columns, *rows])


def test_wrong_arguments_of_compare(rng):
    images = rng.uniform(size=(2, 8, 8, 3))
    for rows, options, message in [
        ({}, {}, '"rows" must hold at least one method'),
        ({"a": images, "b": images[:1]}, {}, '"rows" must have one image for each objective'),
        ({"a": images[:0]}, {}, '"rows" must have one image for each objective'),
        ({"a": images}, {"names": ["one"]}, '"names" must have one title for each of the 2'),
        ({"a": images[..., :2]}, {}, r"rows\['a'\].*shape .8, 8, 2."),
        ({"a": 255 * images}, {}, r"rows\['a'\].*\[0, 1\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            compare(rows, **options)


def test_one_layer_fills_the_four_columns_of_the_paper(rng, photographs):
    result = Result(rng)
    axes, pictures = drawn(draw_inversions(photographs, result, names=["a $1", "b"]), 2, 4)
    assert [axis.get_title() for axis in axes[0]] == ["photograph", "inversion", "attribution", "both"]
    assert [axis.get_ylabel() for axis in axes[:, 0]] == ["a $1", "b"]
    for index, (photograph, opaque, attribution, both) in enumerate(pictures):
        np.testing.assert_allclose(photograph, photographs[index], atol=1e-6)
        np.testing.assert_allclose(both, result.rgba()[index], atol=1e-6)
        np.testing.assert_allclose(opaque[..., :3], both[..., :3])
        assert (opaque[..., 3] == 1).all()
        # White is opaque: the transparency at and above its 80th percentile.
        limit = np.percentile(result.transparency[index], 80)
        expected = np.minimum(result.transparency[index] / limit, 1)
        np.testing.assert_allclose(attribution, np.stack([expected] * 3, axis=-1), atol=1e-6)


def test_several_layers_have_one_column_each(rng, photographs, tmp_path):
    layers = {"early": Result(rng), "late": rng.uniform(size=(2, 8, 8, 1))}
    captions = {"late": ["c", "d"], "early": ["cosine 0.9", "cosine $0.8$"]}
    figure = draw_inversions(photographs, layers, names=["x", "y"], captions=captions, path=tmp_path / "new" / "5.png")
    axes, pictures = drawn(figure, 2, 3)
    assert [axis.get_title() for axis in axes[0]] == ["photograph", "early", "late"]
    assert [[axis.get_xlabel() for axis in line] for line in axes] == [
        ["", "cosine 0.9", "c"],
        ["", "cosine $0.8$", "d"],
    ]
    for index, (photograph, early, late) in enumerate(pictures):
        np.testing.assert_allclose(photograph, photographs[index], atol=1e-6)
        np.testing.assert_allclose(early, layers["early"].rgba()[index], atol=1e-6)
        np.testing.assert_allclose(late, np.repeat(layers["late"][index], 3, axis=-1), atol=1e-6)
    # The page holds two rows of three squares and little else, and no text covers another picture.
    page = cv2.imread(str(tmp_path / "new" / "5.png"))
    assert 0.6 < page.shape[0] / page.shape[1] < 0.85
    boxes = [axis.get_tightbbox() for axis in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_photographs_come_in_the_forms_that_feature_inversion_takes(rng, tmp_path):
    images = [rng.integers(0, 256, size).astype("uint8") for size in ((6, 9, 3), (8, 5, 3))]
    paths = [write_png(tmp_path / f"{index}.png", image / 255) for index, image in enumerate(images)]
    for form in (images, paths, tmp_path, [Image.fromarray(image) for image in images]):
        _, pictures = drawn(draw_inversions(form, {"a": Result(rng)}), 2, 2)
        for image, row in zip(images, pictures):
            np.testing.assert_allclose(row[0], image / 255, atol=1e-6)
        assert len(FeatureInversion("a", form)) == 2
    _, pictures = drawn(draw_inversions(images[0], Result(rng, count=1)), 1, 4)
    np.testing.assert_allclose(pictures[0][0], images[0] / 255, atol=1e-6)


def test_grey_results_have_their_mean_behind_them(rng):
    result = Result(rng)
    result.images = result.images[..., :1]
    expected = to_rgba(result.images, result.transparency, background="mean")
    _, pictures = drawn(compare({"a": result}), 1, 2)
    np.testing.assert_allclose(pictures[0], expected, atol=1e-6)
    _, pictures = drawn(draw_inversions(result.images, result), 2, 4)
    np.testing.assert_allclose(pictures[1][3], expected[1], atol=1e-6)
    np.testing.assert_allclose(pictures[1][2][..., 0], result.rgba()[1, ..., 3], atol=1e-6)
    _, pictures = drawn(compare({"a": result}, background=None), 1, 2)
    np.testing.assert_allclose(pictures[0], result.rgba(), atol=1e-6)


def test_column_titles_are_whole_without_names_of_rows(rng, photographs):
    figure = draw_inversions(photographs[:1], Result(rng, count=1))
    figure.draw_without_rendering()
    assert all(axis.title.get_window_extent().y1 <= figure.bbox.y1 for axis in figure.axes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"photographs": np.zeros((8, 8, 2))}, r'"photographs" must be .* shape \(8, 8, 2\)\.'),
        ({"photographs": np.full((2, 8, 8, 3), 256)}, r'"photographs" must lie in \[0, 255\]'),
        ({"photographs": np.zeros((0, 8, 8, 3))}, "each of 0 photograph"),
        ({"photographs": "chelsea"}, '"photographs" must name a file'),
        ({"inversions": {}}, '"inversions" must have one image for each of 2'),
        ({"inversions": {"a": np.zeros((3, 8, 8, 3))}}, "'a': 3"),
        ({"inversions": np.zeros((2, 8, 8, 3))}, '"inversions" must be an Explanation'),
        ({"names": ["one"]}, '"names" must have one name for each of 2'),
        ({"captions": {"a": ["one"]}}, '"captions" must have one text for each'),
        ({"captions": {"b": ["one", "two"]}}, '"captions" must have one text for each'),
    ],
)
def test_wrong_arguments_of_draw_inversions(rng, photographs, arguments, message):
    arguments = {"photographs": photographs, "inversions": {"a": Result(rng)}, **arguments}
    with pytest.raises(ValueError, match=message):
        draw_inversions(**arguments)


def test_an_explanation_must_have_one_image_for_each_photograph(rng, photographs):
    with pytest.raises(ValueError, match='"inversions" must have one image for each of 2'):
        draw_inversions(photographs, Result(rng, count=3))
