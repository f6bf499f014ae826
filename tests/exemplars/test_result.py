import numpy as np
import pytest

from maco_tf import Channel, Exemplars, Explanation, Logit, find_exemplars
from maco_tf.display import write_png
from maco_tf.visualizers import saved_files
from tests.exemplars.conftest import LAYERS


@pytest.fixture(scope="module")
def found(exact_model, many_images, many_labels):
    return find_exemplars(exact_model, list(LAYERS), many_images, 5, labels=many_labels, verbose=0)


def test_units_are_selected_by_position_name_layer_and_objective(found, brute_force):
    for index, units in [
        (3, [3]),
        (-1, [14]),
        (slice(2, 5), [2, 3, 4]),
        ([4, 1], [4, 1]),
        ("second:2", [7]),
        ("second", [5, 6, 7, 8]),
        (Channel("scores", [3, 0]), [12, 9]),
    ]:
        part = found[index]
        assert part.names == [found.names[unit] for unit in units]
        np.testing.assert_array_equal(part.scores, found.scores[units])
        np.testing.assert_array_equal(part.statistics.mean, found.statistics.mean[units])
        np.testing.assert_array_equal(part.sample_values, brute_force[units])
        np.testing.assert_array_equal(part.class_top, found.class_top[units])
    assert [part.names[0] for part in found] == found.names
    for index in ("third", "first:7", Logit(3), slice(20, 30)):
        with pytest.raises(IndexError, match="No unit"):
            found[index]


def test_the_result_cannot_be_changed(found):
    with pytest.raises(ValueError, match="read-only"):
        found.state["top_scores"][0, 0] = 1
    with pytest.raises(AttributeError):
        found.names = []


def test_quantiles_are_those_of_the_sorted_values(found, brute_force, exact_model, many_images):
    """The sample holds all 1,000 images, so that quantiles are exact."""
    values, indices = found.quantile([0, 0.5, 0.999, 1])
    expected = np.sort(brute_force, axis=1)[:, [0, 500, 998, 999]]
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(np.take_along_axis(brute_force, indices, 1), expected)
    np.testing.assert_array_equal(found.images(indices=indices)[4, 1], many_images[indices[4, 1]])
    with pytest.raises(ValueError, match='"quantiles" must be'):
        found.quantile(1.2)


def test_histograms_count_the_sample(found, brute_force):
    counts, edges = found.histogram(8)
    assert (counts.sum(1) == 1000).all()
    expected, expected_edges = np.histogram(brute_force[3].astype("float64"), 8)
    np.testing.assert_array_equal(counts[3], expected)
    np.testing.assert_allclose(edges[3], expected_edges)


def test_saving_and_loading_keep_everything(found, tmp_path, many_images):
    path = found.save(tmp_path / "found.npz")
    loaded = Exemplars.load(path, many_images)
    assert (loaded.names, loaded.config, loaded.classes) == (found.names, found.config, found.classes)
    for name, array in found.state.items():
        np.testing.assert_array_equal(loaded.state[name], array)
    np.testing.assert_array_equal(loaded[:1].images(), found[:1].images())
    with pytest.raises(ValueError, match="must be at hand"):
        Exemplars.load(path).images()
    with pytest.raises(ValueError, match='"images" must be those that were searched'):
        Exemplars.load(path, many_images[::-1])
    with pytest.raises(ValueError, match=r'"path" must end in \.npz'):
        found.save(tmp_path / "found.png")


def test_a_damaged_file_is_refused(found, tmp_path, monkeypatch):
    path = found.save(tmp_path / "found.npz")
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"text", content[:200] + b"\0" * 50 + content[250:]):
        (tmp_path / "damaged.npz").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"Exemplars\.save"):
            Exemplars.load(tmp_path / "damaged.npz")
    state = {name: array for name, array in found.state.items() if name != "sum"}
    saved_files.write_archive(tmp_path / "lacking.npz", state, {"names": found.names, "config": found.config})
    with pytest.raises(ValueError, match=r"Exemplars\.save"):
        Exemplars.load(tmp_path / "lacking.npz")

    def failing(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(saved_files.np, "savez_compressed", failing)
    with pytest.raises(OSError, match="disk full"):
        found.save(path)
    assert path.read_bytes() == content
    assert sorted(file.name for file in tmp_path.iterdir()) == ["damaged.npz", "found.npz", "lacking.npz"]


@pytest.mark.slow
def test_files_are_found_again_from_a_saved_result_and_from_merged_ones(exact_model, tmp_path, rng):
    for number in range(12):
        write_png(tmp_path / "pictures" / f"{number:02}.png", rng.uniform(size=(8, 8, 3)))
    whole = find_exemplars(exact_model, "scores", tmp_path / "pictures", 3, verbose=0)
    parts = []
    for number in range(2):
        shard = find_exemplars(exact_model, "scores", tmp_path / "pictures", 3, shard=(number, 2), verbose=0)
        parts.append(Exemplars.load(shard.save(tmp_path / f"{number}.npz")))
    merged = Exemplars.merge(parts)
    assert merged.config["shards"] == [[0, 2], [1, 2]]
    np.testing.assert_array_equal(merged.paths, whole.paths)
    np.testing.assert_array_equal(merged.images(), whole.images())
    assert whole.paths[0, 0].endswith(f"{whole.indices[0, 0]:02}.png")


def test_figures_show_the_images_of_each_unit(found, many_images):
    part = found[[3, 7]]
    alone = part.figure()
    assert [axis.get_title() for axis in alone.axes[:2]] == ["first:3", "second:2"]
    explanation = Explanation(
        images=np.full((2, 24, 24, 3), 0.5, "float32"),
        transparency=np.ones((2, 24, 24), "float32"),
        names=part.names,
        scores=np.zeros((1, 2), "float32"),
        config={},
        seed=0,
    )
    figure = part.figure(explanation)
    assert [axis.get_title() for axis in figure.axes] == ["first:3", "second:2", "", ""]
    shown = figure.axes[2].images[0].get_array()
    np.testing.assert_allclose(shown[:8, :8], many_images[part.indices[0, 0]], atol=1e-6)
    assert part._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match='"explanation" must have 2'):
        part.figure(explanation[0])
    with pytest.raises(ValueError, match='"explanation" must be an Explanation'):
        part.figure(explanation.images)
