import numpy as np
import pytest

from maco_tf import Explanation
from maco_tf.visualizers.saved_files import picture_files


def explanation(names, seed=0):
    rng = np.random.default_rng(seed)
    shape = (len(names), 8, 8)
    return Explanation(
        images=rng.uniform(size=(*shape, 3)).astype("float32"),
        transparency=rng.uniform(size=shape).astype("float32"),
        names=list(names),
        scores=np.zeros((2, len(names)), "float32"),
        config={},
        seed=seed,
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_second_save_leaves_nothing_of_the_first(tmp_path):
    explanation(["pug", "cat", "dog"]).save(tmp_path / "both")
    (tmp_path / "both" / "notes.txt").write_text("mine")
    for names in (["cat", "pug"], ["pug"], ["pug", "cat"]):
        second = explanation(names, seed=1)
        second.save(tmp_path / "both")
        second.save(tmp_path / "alone" / names[0] / str(len(names)))
        expected = contents(tmp_path / "alone" / names[0] / str(len(names)))
        found = contents(tmp_path / "both")
        assert found.pop("notes.txt") == b"mine"
        # The archive holds the time at which it was written.
        assert expected.keys() == found.keys()
        assert all(found[name] == expected[name] for name in expected if name.endswith(".png"))
    assert Explanation.load(tmp_path / "both").names == ["pug", "cat"]


@pytest.mark.parametrize("name", ["contact_sheet.png", "001_cat.png"])
def test_a_picture_that_no_save_wrote_is_not_overwritten(tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(ValueError, match=f'"path" must not hold.*{name}'):
        explanation(["pug", "cat"]).save(tmp_path)
    assert contents(tmp_path) == {name: b"mine"}


def test_an_archive_of_something_else_is_not_overwritten(tmp_path):
    np.savez(tmp_path / "explanation.npz", values=np.ones(3))
    before = contents(tmp_path)
    with pytest.raises(ValueError, match='"path" must name what Explanation'):
        explanation(["pug"]).save(tmp_path)
    assert contents(tmp_path) == before


def test_a_wrong_argument_changes_no_file(tmp_path):
    explanation(["pug", "cat"]).save(tmp_path)
    before = contents(tmp_path)
    for wrong in ({"percentile": 0}, {"background": "pink"}, {"bands": (0, 1)}):
        with pytest.raises(ValueError, match=f'"{next(iter(wrong))}" must'):
            explanation(["dog"]).save(tmp_path, **wrong)
    assert contents(tmp_path) == before


def test_a_picture_is_not_called_like_the_sheet(tmp_path):
    assert picture_files(["contact sheet"]) == ["000_contact_sheet.png"]
    assert picture_files(["pug"]) == ["pug.png"]
    written = explanation(["contact sheet"]).save(tmp_path)
    assert len(set(written)) == len(list(tmp_path.iterdir())) == 3


def test_names_of_many_bytes_are_written(tmp_path):
    names = ["\u5b57" * 100, "\U0001d54f" * 100]
    written = explanation(names).save(tmp_path)
    assert all(path.exists() and len(path.name.encode()) <= 255 for path in written)
