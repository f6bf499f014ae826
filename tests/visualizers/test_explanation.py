import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest

from maco_tf import Explanation


@pytest.fixture
def explanation(rng):
    return Explanation(
        images=rng.uniform(size=(3, 16, 20, 3)).astype("float32"),
        transparency=rng.uniform(size=(3, 16, 20)).astype("float32"),
        names=["logit 1", "a/b:2 - 0.5 c", "pug"],
        scores=rng.normal(size=(5, 3)).astype("float32"),
        config={"steps": 5, "side": [0.5, 0.1]},
        seed=3,
    )


def test_indexing_and_iteration(explanation):
    assert len(explanation) == 3
    second = explanation[1]
    assert second.names == ["a/b:2 - 0.5 c"]
    np.testing.assert_array_equal(second.images, explanation.images[1:2])
    np.testing.assert_array_equal(explanation[-2:].scores, explanation.scores[:, 1:])
    assert [part.names[0] for part in explanation] == explanation.names
    with pytest.raises(IndexError):
        explanation[3]


@pytest.mark.parametrize("name", ["result.npz", "folder"])
def test_save_and_load(explanation, tmp_path, name):
    explanation.save(tmp_path / name)
    loaded = Explanation.load(tmp_path / name)
    for field in ("images", "transparency", "scores"):
        np.testing.assert_array_equal(getattr(loaded, field), getattr(explanation, field))
    assert (loaded.names, loaded.config, loaded.seed) == (explanation.names, explanation.config, 3)


def test_a_folder_holds_one_rgba_file_an_image(explanation, tmp_path):
    written = explanation.save(tmp_path / "out")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "out").iterdir()}
    picture = cv2.imread(str(tmp_path / "out" / "001_a_b_2_-_0.5_c.png"), cv2.IMREAD_UNCHANGED)
    expected = np.round(explanation.rgba()[1] * 255)
    np.testing.assert_array_equal(picture[..., [2, 1, 0, 3]], expected)


def test_other_endings_are_refused(explanation, tmp_path):
    with pytest.raises(ValueError, match=r"\.npz or \.png"):
        explanation.save(tmp_path / "picture.jpg")


def test_a_picture_in_a_notebook_and_on_request(explanation):
    picture = cv2.imdecode(np.frombuffer(explanation._repr_png_(), "uint8"), cv2.IMREAD_COLOR)
    assert picture.std() > 10
    explanation.show(columns=2)
    assert [axis.get_title() for axis in plt.gcf().axes][:3] == explanation.names
    plt.close("all")


def test_concatenate_marks_interrupted_runs(explanation):
    short = Explanation(
        explanation.images[:1], explanation.transparency[:1], ["short"], explanation.scores[:2, :1], {}, 1
    )
    joined = Explanation.concatenate([explanation, short])
    assert joined.names[-1] == "short"
    assert joined.scores.shape == (5, 4)
    assert np.isnan(joined.scores[2:, 3]).all()
    assert not np.isnan(joined.scores[:2]).any()
    with pytest.raises(ValueError, match="at least one"):
        Explanation.concatenate([])


def test_saved_pictures_are_as_smooth_as_asked(tmp_path, rng):
    transparency = rng.uniform(size=(1, 32, 32)).astype("float32")
    explanation = Explanation(
        images=np.full((1, 32, 32, 3), 0.5, "float32"),
        transparency=transparency,
        names=["a"],
        scores=np.zeros((1, 1)),
        config={},
        seed=0,
    )
    for folder, smoothing in (("sharp", 0.0), ("smooth", 3.0)):
        explanation.save(tmp_path / folder, smoothing=smoothing)
    alpha = [cv2.imread(str(tmp_path / f / "a.png"), cv2.IMREAD_UNCHANGED)[..., 3] for f in ("sharp", "smooth")]
    # Neighbours differ in independent noise, but hardly in smoothed noise.
    steps = [np.abs(np.diff(values.astype(float), axis=1)).mean() for values in alpha]
    assert steps[1] < 0.3 * steps[0]
    assert np.array_equal(Explanation.load(tmp_path / "smooth").transparency, transparency)


def test_without_a_percentile_all_is_opaque(explanation, tmp_path):
    assert (explanation.rgba(None)[..., 3] == 1).all()
    explanation.save(tmp_path / "opaque", percentile=None)
    picture = cv2.imread(str(tmp_path / "opaque" / "002_pug.png"), cv2.IMREAD_UNCHANGED)
    assert (picture[..., 3] == 255).all()
    explanation.save(tmp_path / "opaque.png", percentile=None)
    explanation.save(tmp_path / "clear.png")
    sheets = [cv2.imread(str(tmp_path / name)) for name in ("opaque.png", "clear.png")]
    assert sheets[0].mean() < sheets[1].mean()  # Less of the white background shows.


def test_a_picture_cannot_be_loaded(explanation, tmp_path):
    explanation.save(tmp_path / "sheet.png")
    with pytest.raises(ValueError, match="pictures do not hold"):
        Explanation.load(tmp_path / "sheet.png")


def test_an_interrupted_run_says_so(explanation):
    assert repr(explanation) == "<Explanation of logit 1, a/b:2 - 0.5 c, pug, seed 3>"
    explanation.config["interrupted"] = True
    assert repr(explanation).endswith("seed 3, interrupted after 5 steps>")
