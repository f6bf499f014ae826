import cv2
import numpy as np
import pytest

from maco_tf.display import draw_inversions, to_rgba


class Result:
    """What `draw_inversions` needs of an explanation."""

    def __init__(self, rng, count=2):
        self.images, self.transparency = rng.uniform(size=(count, 8, 8, 3)), rng.uniform(size=(count, 8, 8))

    def rgba(self):
        return to_rgba(self.images, self.transparency)


@pytest.fixture
def photographs(rng):
    return rng.uniform(0.2, 0.7, size=(2, 6, 6, 3))


def pictures(figure, rows, columns):
    axes = np.reshape(figure.axes, (rows, columns))
    return axes, [[np.asarray(axis.images[0].get_array()) for axis in line] for line in axes]


def test_one_layer_has_the_papers_four_columns(rng, photographs):
    result = Result(rng)
    axes, drawn = pictures(draw_inversions(photographs, result, names=["a $1", "b"]), 2, 4)
    assert [axis.get_title() for axis in axes[0]] == ["photograph", "inversion", "attribution", "both"]
    assert [axis.get_ylabel() for axis in axes[:, 0]] == ["a $1", "b"]
    for index, (photograph, opaque, attribution, both) in enumerate(drawn):
        np.testing.assert_allclose(photograph, photographs[index], atol=1e-6)
        np.testing.assert_allclose(both, result.rgba()[index], atol=1e-6)
        np.testing.assert_allclose(opaque[..., :3], both[..., :3])
        assert (opaque[..., 3] == 1).all()
        # White where the transparency lets most through: at and above its 80th percentile.
        limit = np.percentile(result.transparency[index], 80)
        expected = np.minimum(result.transparency[index] / limit, 1)
        np.testing.assert_allclose(attribution, np.stack([expected] * 3, axis=-1), atol=1e-6)


def test_several_layers_have_a_column_each(rng, photographs, tmp_path):
    layers = {"early": Result(rng), "late": rng.uniform(size=(2, 8, 8, 1))}
    captions = {"late": ["c", "d"], "early": ["cosine 0.9", "cosine $0.8$"]}
    figure = draw_inversions(photographs, layers, names=["x", "y"], captions=captions, path=tmp_path / "new" / "5.png")
    axes, drawn = pictures(figure, 2, 3)
    assert [axis.get_title() for axis in axes[0]] == ["photograph", "early", "late"]
    assert [[axis.get_xlabel() for axis in line] for line in axes] == [
        ["", "cosine 0.9", "c"],
        ["", "cosine $0.8$", "d"],
    ]
    for index, (photograph, early, late) in enumerate(drawn):
        np.testing.assert_allclose(photograph, photographs[index], atol=1e-6)
        np.testing.assert_allclose(early, layers["early"].rgba()[index], atol=1e-6)
        np.testing.assert_allclose(late, np.repeat(layers["late"][index], 3, axis=-1), atol=1e-6)
    # Two rows of three squares, little else, and no text that hides another's picture.
    page = cv2.imread(str(tmp_path / "new" / "5.png"))
    assert 0.6 < page.shape[0] / page.shape[1] < 0.85
    boxes = [axis.get_tightbbox() for axis in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"photographs": np.zeros((8, 8, 3))}, r'"photographs" must hold .* shape \(8, 8, 3\)\.'),
        ({"photographs": np.full((2, 8, 8, 3), 255)}, r'"photographs" must hold images in \[0, 1\]'),
        ({"photographs": np.zeros((0, 8, 8, 3))}, "each of 0 photograph"),
        ({"photographs": "chelsea"}, '"photographs" must hold images'),
        ({"inversions": {}}, "one image for each of 2"),
        ({"inversions": {"a": np.zeros((3, 8, 8, 3))}}, "'a': 3"),
        ({"inversions": np.zeros((2, 8, 8, 3))}, '"inversions" must be an explanation'),
        ({"names": ["one"]}, '"names" must name the 2'),
        ({"captions": {"a": ["one"]}}, '"captions" must have a text for each'),
        ({"captions": {"b": ["one", "two"]}}, '"captions" must have a text for each'),
    ],
)
def test_hostile_input(rng, photographs, arguments, message):
    given = {"photographs": photographs, "inversions": {"a": Result(rng)}, **arguments}
    with pytest.raises(ValueError, match=message):
        draw_inversions(given.pop("photographs"), given.pop("inversions"), **given)
    with pytest.raises(ValueError, match="each of 2"):
        draw_inversions(photographs, Result(rng, 3))
