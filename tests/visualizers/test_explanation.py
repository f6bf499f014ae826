import dataclasses

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


def test_an_explanation_can_be_indexed_and_iterated(explanation):
    assert len(explanation) == 3
    second = explanation[1]
    assert second.names == ["a/b:2 - 0.5 c"]
    np.testing.assert_array_equal(second.images, explanation.images[1:2])
    np.testing.assert_array_equal(explanation[-2:].scores, explanation.scores[:, 1:])
    assert [part.names[0] for part in explanation] == explanation.names
    for nothing in (3, slice(3, None), []):
        with pytest.raises(IndexError):
            explanation[nothing]


@pytest.mark.parametrize("name", ["result.npz", "folder"])
def test_a_saved_explanation_can_be_loaded(explanation, tmp_path, name):
    explanation.save(tmp_path / name)
    loaded = Explanation.load(tmp_path / name)
    for field in ("images", "transparency", "scores"):
        np.testing.assert_array_equal(getattr(loaded, field), getattr(explanation, field))
    assert (loaded.names, loaded.config, loaded.seed) == (explanation.names, explanation.config, 3)


def test_a_folder_holds_an_rgba_file_for_each_image(explanation, tmp_path):
    written = explanation.save(tmp_path / "out")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "out").iterdir()}
    picture = cv2.imread(str(tmp_path / "out" / "001_a_b_2_-_0.5_c.png"), cv2.IMREAD_UNCHANGED)
    expected = np.round(explanation.rgba()[1] * 255)
    np.testing.assert_array_equal(picture[..., [2, 1, 0, 3]], expected)


def test_other_endings_are_refused(explanation, tmp_path):
    with pytest.raises(ValueError, match=r"one of \.npz, \.png, \.gif"):
        explanation.save(tmp_path / "picture.jpg")


def test_a_notebook_and_show_draw_the_images(explanation):
    picture = cv2.imdecode(np.frombuffer(explanation._repr_png_(), "uint8"), cv2.IMREAD_COLOR)
    assert picture.std() > 10
    explanation.show(columns=2)
    assert [axis.get_title() for axis in plt.gcf().axes][:3] == explanation.names
    plt.close("all")


def test_scores_of_shorter_runs_end_in_nan(explanation):
    short = Explanation(
        explanation.images[:1], explanation.transparency[:1], ["short"], explanation.scores[:2, :1], {}, 1
    )
    joined = Explanation.concatenate([explanation, short])
    assert joined.names[-1] == "short"
    assert joined.scores.shape == (5, 4)
    assert np.isnan(joined.scores[2:, 3]).all()
    assert not np.isnan(joined.scores[:2]).any()
    assert (joined.seed, joined.config) == (3, {**explanation.config, "interrupted": False})
    short.config["interrupted"] = True
    assert Explanation.concatenate([explanation, short]).config["interrupted"]
    with pytest.raises(ValueError, match="at least one"):
        Explanation.concatenate([])


def test_smoothing_applies_to_saved_pictures_only(tmp_path, rng):
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
    # Neighbouring pixels differ strongly in independent noise and little in smoothed noise.
    differences = [np.abs(np.diff(values.astype(float), axis=1)).mean() for values in alpha]
    assert differences[1] < 0.3 * differences[0]
    assert np.array_equal(Explanation.load(tmp_path / "smooth").transparency, transparency)


def test_without_a_percentile_the_images_are_opaque(explanation, tmp_path):
    assert (explanation.rgba(None)[..., 3] == 1).all()
    explanation.save(tmp_path / "opaque", percentile=None)
    picture = cv2.imread(str(tmp_path / "opaque" / "002_pug.png"), cv2.IMREAD_UNCHANGED)
    assert (picture[..., 3] == 255).all()
    explanation.save(tmp_path / "opaque.png", percentile=None)
    explanation.save(tmp_path / "clear.png")
    sheets = [cv2.imread(str(tmp_path / name)) for name in ("opaque.png", "clear.png")]
    # Less of the white background shows through opaque images.
    assert sheets[0].mean() < sheets[1].mean()


def test_grey_pictures_are_saved_on_their_mean_and_colour_pictures_transparent(explanation, tmp_path):
    grey = dataclasses.replace(explanation, images=explanation.images[..., :1])
    for name, result, background in (("colour", explanation, None), ("grey", grey, "mean")):
        result.save(tmp_path / name)
        picture = cv2.imread(str(tmp_path / name / "002_pug.png"), cv2.IMREAD_UNCHANGED)
        expected = np.round(result.rgba(background=background)[2] * 255)
        np.testing.assert_array_equal(picture[..., [2, 1, 0, 3]], expected)
    # The array keeps its transparency unless a background is named.
    assert (grey.rgba()[..., 3] < 1).any()


def test_bands_and_background_reach_the_pictures(explanation, tmp_path):
    many = dataclasses.replace(explanation, images=np.repeat(explanation.images, 2, axis=-1))
    many.save(tmp_path / "bands", bands=(5, 2, 0), background="black")
    picture = cv2.imread(str(tmp_path / "bands" / "002_pug.png"), cv2.IMREAD_UNCHANGED)
    expected = np.round(many.rgba(bands=(5, 2, 0), background="black")[2] * 255)
    np.testing.assert_array_equal(picture[..., [2, 1, 0, 3]], expected)
    many.show(bands=(5, 2, 0), background="black")
    assert plt.gcf().get_suptitle() == "channels 5, 2, 0 of 6"
    plt.close("all")


def test_a_picture_cannot_be_loaded(explanation, tmp_path):
    explanation.save(tmp_path / "sheet.png")
    with pytest.raises(ValueError, match="pictures do not hold"):
        Explanation.load(tmp_path / "sheet.png")


def test_the_representation_shows_names_seed_and_an_interrupt(explanation):
    assert repr(explanation) == "<Explanation of logit 1, a/b:2 - 0.5 c, pug, seed 3>"
    explanation.config["interrupted"] = True
    assert "interrupted after 5 steps" in repr(explanation)


def damaged(content, damage):
    middle = len(content) // 2
    return {
        "other content": b"PK not an archive",
        "empty": b"",
        "cut": content[:middle],
        "overwritten": content[:middle] + bytes(64) + content[middle + 64 :],
    }[damage]


@pytest.mark.parametrize("damage", ["other content", "empty", "cut", "overwritten"])
def test_a_damaged_file_is_refused(explanation, tmp_path, damage):
    path = tmp_path / "result.npz"
    explanation.save(path)
    path.write_bytes(damaged(path.read_bytes(), damage))
    with pytest.raises(ValueError, match='"path" must name what Explanation'):
        Explanation.load(path)


def test_another_archive_is_refused(explanation, tmp_path):
    np.savez(tmp_path / "other.npz", images=explanation.images)
    with pytest.raises(ValueError, match='"path" must name what Explanation'):
        Explanation.load(tmp_path / "other.npz")


def test_a_save_that_fails_keeps_the_earlier_file(explanation, tmp_path):
    explanation.save(tmp_path / "result.npz")
    explanation.config["unstorable"] = object()
    with pytest.raises(TypeError):
        explanation.save(tmp_path / "result.npz")
    explanation.config["unstorable"] = None
    assert Explanation.load(tmp_path / "result.npz").names == explanation.names
