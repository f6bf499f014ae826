import signal

import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Direction, Exemplars, Logit, find_exemplars
from maco_tf.display import write_png
from maco_tf.exemplars import ImageSource
from maco_tf.exemplars.tally import priorities
from maco_tf.images import as_images
from tests.conftest import build_tiny_model
from tests.exemplars.conftest import LAYERS, ranking


def search(model, images, **settings):
    return find_exemplars(model, list(LAYERS), images, **{"count": 9, "verbose": 0, **settings})


def assert_same(found, expected):
    """Everything but the sums in float64 must be equal bit for bit."""
    assert found.state.keys() == expected.state.keys()
    for name in ("indices", "scores", "labels", "lowest_indices", "lowest_scores", "sample_indices", "sample_values"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    for name, value in vars(expected.statistics).items():
        np.testing.assert_allclose(getattr(found.statistics, name), value, rtol=1e-12, err_msg=name)
    np.testing.assert_array_equal(found.class_top, expected.class_top)


@pytest.fixture(scope="module")
def whole(exact_model, many_images, many_labels):
    return search(exact_model, many_images, labels=many_labels)


def test_a_stream_finds_what_brute_force_finds(whole, brute_force, many_labels):
    assert whole.names == [f"{layer}:{unit}" for layer, units in zip(LAYERS, (5, 4, 6)) for unit in range(units)]
    top, low = ranking(brute_force, 9), ranking(brute_force, 9, -1)
    np.testing.assert_array_equal(whole.indices, top)
    np.testing.assert_array_equal(whole.scores, np.take_along_axis(brute_force, top, 1))
    np.testing.assert_array_equal(whole.labels, many_labels[top])
    np.testing.assert_array_equal(whole.lowest_indices, low)
    np.testing.assert_array_equal(whole.lowest_scores, np.take_along_axis(brute_force, low, 1))


def test_statistics_are_those_of_all_images(whole, brute_force):
    statistics = whole.statistics
    assert statistics.images == 1000
    np.testing.assert_allclose(statistics.mean, brute_force.mean(1, dtype="float64"), rtol=1e-12)
    np.testing.assert_allclose(statistics.deviation, brute_force.std(1, dtype="float64"), rtol=1e-9)
    np.testing.assert_array_equal(statistics.maximum, brute_force.max(1))
    np.testing.assert_array_equal(statistics.minimum, brute_force.min(1))
    np.testing.assert_array_equal(statistics.active, (brute_force > 0).sum(1))


def test_a_dead_unit_is_named(whole):
    assert np.flatnonzero(whole.statistics.dead).tolist() == [2]
    assert whole.statistics.sparsity[2] == 1


def test_each_class_has_its_ten_highest_scores(whole, brute_force, many_labels):
    expected = np.stack([-np.sort(-brute_force[:, many_labels == label])[:, :10] for label in range(7)], axis=1)
    np.testing.assert_array_equal(whole.class_top, expected)
    np.testing.assert_array_equal(whole.class_images, np.bincount(many_labels))


def test_the_sample_has_the_values_of_every_unit(whole, brute_force):
    np.testing.assert_array_equal(whole.sample_indices, np.arange(1000))
    np.testing.assert_array_equal(whole.sample_values, brute_force)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 7, 333, 5000])
def test_the_batch_size_does_not_matter(exact_model, many_images, many_labels, whole, batch_size):
    few = slice(None) if batch_size > 1 else slice(60)
    found = search(exact_model, many_images[few], labels=many_labels[few], batch_size=batch_size)
    assert_same(found, whole if batch_size > 1 else search(exact_model, many_images[few], labels=many_labels[few]))


@pytest.mark.slow
def test_shards_merge_in_any_order(exact_model, many_images, many_labels, whole):
    shards = [search(exact_model, many_images, labels=many_labels, shard=(number, 3)) for number in range(3)]
    for order in ([0, 1, 2], [2, 0, 1]):
        assert_same(Exemplars.merge([shards[number] for number in order]), whole)
    with pytest.raises(ValueError, match="different shards"):
        Exemplars.merge([shards[0], shards[1], shards[0]])
    with pytest.raises(ValueError, match=r"one search.*rank"):
        Exemplars.merge([shards[0], search(exact_model, many_images, labels=many_labels, shard=(1, 3), rank="mean")])


def test_the_order_of_the_images_changes_their_indices_only(exact_model, many_images, brute_force):
    order = np.random.default_rng(3).permutation(1000)
    found = search(exact_model, many_images[order])
    np.testing.assert_array_equal(found.indices, ranking(brute_force[:, order], 9))
    np.testing.assert_array_equal(found.scores, -np.sort(-brute_force)[:, :9])


class Stopping(ImageSource):
    """A source that fails after ten batches, or in which the user presses Ctrl-C while the tenth is computed."""

    by_hand = False

    def batches(self, *arguments, **settings):
        for number, batch in enumerate(super().batches(*arguments, **settings)):
            if number == 10:
                raise OSError("no such disk")
            if number == 9 and self.by_hand:
                signal.raise_signal(signal.SIGINT)
            yield batch


@pytest.mark.slow
@pytest.mark.parametrize(("shard", "error"), [((0, 1), OSError), ((1, 2), KeyboardInterrupt)])
def test_an_interrupted_search_goes_on(exact_model, many_images, many_labels, tmp_path, whole, shard, error):
    stopping = Stopping(many_images, labels=many_labels)
    stopping.by_hand = error is KeyboardInterrupt
    settings = {"checkpoint": tmp_path, "shard": shard}
    with pytest.raises(error):
        search(exact_model, stopping, **settings)
    (file,) = tmp_path.iterdir()
    partial = Exemplars.load(file, many_images)
    assert partial.statistics.images == 320
    assert not partial.config["complete"]
    with pytest.raises(ValueError, match=r'"checkpoint".*"rank"'):
        search(exact_model, many_images, labels=many_labels, rank="mean", **settings)
    with pytest.raises(ValueError, match=r'"checkpoint".*"images"'):
        search(exact_model, many_images[:-1], labels=many_labels[:-1], **settings)
    # The batch size may change on the way.
    found = search(exact_model, many_images, labels=many_labels, batch_size=50, **settings)
    unbroken = search(exact_model, many_images, labels=many_labels, shard=shard)
    assert_same(found, whole if shard == (0, 1) else unbroken)
    # A finished search reads no image.
    assert_same(search(exact_model, stopping, **settings), found)


def test_directions_of_the_same_name_do_not_share_a_checkpoint(exact_model, many_images, tmp_path):
    settings = {"count": 2, "checkpoint": tmp_path / "run.npz", "verbose": 0}
    find_exemplars(exact_model, Direction("second", [1.0, 0, 0, 0]), many_images[:20], **settings)
    with pytest.raises(ValueError, match=r'"checkpoint".*"parameters"'):
        find_exemplars(exact_model, Direction("second", [0.0, 1, 0, 0]), many_images[:20], **settings)


@pytest.mark.slow
def test_a_checkpoint_is_written_every_few_batches(exact_model, many_images, tmp_path):
    class Killed(ImageSource):
        def batches(self, *arguments, **settings):
            for number, batch in enumerate(super().batches(*arguments, **settings)):
                if number == 5:
                    seen.append(Exemplars.load(tmp_path / "run.npz").statistics.images)
                yield batch

    seen = []
    search(exact_model, Killed(many_images), checkpoint=tmp_path / "run.npz", checkpoint_every=4)
    assert seen == [4 * 32]


@pytest.mark.slow
def test_the_state_does_not_grow_with_the_images(exact_model, many_images, many_labels):
    sizes = [
        sum(array.nbytes for array in search(exact_model, many_images[:n], labels=many_labels[:n]).state.values())
        for n in (100, 1000)
    ]
    assert sizes[0] == sizes[1]


@pytest.mark.slow
def test_a_large_set_is_sampled_uniformly_and_the_same_in_any_division(exact_model, rng):
    images = rng.integers(0, 5, (2500, 8, 8, 3)).astype("uint8") * 51
    found = search(exact_model, images, batch_size=100)
    expected = np.sort(np.argsort(priorities(np.arange(2500)))[:2048])
    np.testing.assert_array_equal(found.sample_indices, expected)
    # Each tenth of the images has its share of the sample; 8 is its standard deviation.
    shares = np.bincount(expected // 250)
    assert np.abs(shares - 204.8).max() < 4 * 8
    merged = Exemplars.merge([search(exact_model, images, batch_size=64, shard=(number, 2)) for number in (1, 0)])
    np.testing.assert_array_equal(merged.sample_indices, expected)
    np.testing.assert_array_equal(merged.sample_values, found.sample_values)


@pytest.mark.slow
@pytest.mark.parametrize("batched", [False, True])
def test_a_dataset_gives_the_same_as_its_array(exact_model, many_images, many_labels, whole, batched):
    dataset = tf.data.Dataset.from_tensor_slices((many_images, many_labels))
    dataset = dataset.batch(48) if batched else dataset
    found = search(exact_model, dataset)
    assert_same(found, whole)
    np.testing.assert_array_equal(found[:2].images(), many_images[whole.indices[:2]])


@pytest.mark.slow
def test_a_folder_of_pictures_of_different_sizes_with_damaged_and_hidden_ones(tmp_path, rng):
    model = build_tiny_model()
    sizes = {"a/0": (20, 30), "a/1": (16, 16), "b/2": (40, 18), "b/3": (17, 16), "b/4": (16, 90)}
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_png(tmp_path / f"{name}.png", rng.uniform(size=(*size, 3)))
    (tmp_path / "a/05.png").write_bytes(b"damaged")
    (tmp_path / "b/.hidden.png").write_bytes((tmp_path / "b/3.png").read_bytes())
    with pytest.warns(UserWarning, match="1 damaged image"):
        found = find_exemplars(model, Logit([1, 3]), tmp_path, 5, batch_size=2, verbose=0)
    assert found.statistics.images == 5
    assert found.config["damaged"] == [1]
    assert found.classes == ["a", "b"]
    source = ImageSource(tmp_path)
    with pytest.warns(UserWarning, match="damaged"):
        images = as_images("images", tmp_path, size=(16, 16))
    logits = build_tiny_model(activation=None)(images).numpy()[:, [1, 3]].T
    order = ranking(logits, 5)
    position = np.array([0, 2, 3, 4, 5])  # The damaged file keeps its index.
    np.testing.assert_array_equal(found.indices, position[order])
    np.testing.assert_allclose(found.scores, np.take_along_axis(logits, order, 1), atol=1e-5)
    np.testing.assert_array_equal(found.labels, np.array([0, 0, 1, 1, 1])[order])
    assert found.paths[0, 0] == source.paths[found.indices[0, 0]]
