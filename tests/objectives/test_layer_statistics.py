"""The distribution of activations in few numbers, and its files."""

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.objectives import LayerStatistics
from maco_tf.objectives.layer_statistics import averaged, sampled_rows, sorted_means


@pytest.mark.parametrize(("steps", "count"), [(12, 4), (12, 5), (5, 5), (7, 3), (784, 64)])
def test_means_of_equal_parts_are_those_of_the_step_function(steps, count, rng):
    rows = rng.normal(size=(2, steps, 3)).astype("float32")
    found = sorted_means(tf.constant(rows), count).numpy()
    # Every step is repeated, so that equal parts hold whole steps.
    fine = np.repeat(np.sort(rows, axis=1), count, axis=1).reshape(2, count, steps, 3).mean(axis=2)
    np.testing.assert_allclose(found, fine.transpose(0, 2, 1), atol=1e-4)
    np.testing.assert_allclose(found.mean(axis=2), rows.mean(axis=1), atol=1e-5)


def test_as_many_parts_as_steps_change_nothing(rng):
    values = rng.normal(size=(1, 2, 6)).astype("float32")
    np.testing.assert_array_equal(averaged(tf.constant(values), 6), values)


@pytest.mark.parametrize(("size", "step"), [((32, 32), 1), ((33, 31), 1), ((112, 112), 4), ((2, 5000), 5)])
def test_large_maps_are_read_at_a_regular_grid(size, step):
    numbers = np.arange(size[0] * size[1], dtype="float32").reshape(1, *size, 1)
    rows = sampled_rows(tf.constant(numbers)).numpy()[0, :, 0]
    assert len(rows) <= 1024
    np.testing.assert_array_equal(rows, numbers[0, step // 2 :: step, step // 2 :: step, 0].ravel())


def test_tokens_are_sampled_without_the_class_token():
    tokens = tf.reshape(tf.range(1 + 50**2, dtype=tf.float32), (1, -1, 1))
    assert sampled_rows(tokens).numpy()[0, :, 0].tolist() == list(range(2, 2501, 3))


def statistics(rng):
    return LayerStatistics(
        ("a",), (rng.normal(size=(3, 4)).astype("float32"),), (np.ones(3, "float32"),), (np.ones(3, "float32"),), 2
    )


def test_a_file_is_read_back_and_damage_is_refused(tmp_path, rng):
    measured = statistics(rng)
    path = measured.save(tmp_path / "folder" / "statistics.npz")
    np.testing.assert_array_equal(LayerStatistics.load(path).quantiles[0], measured.quantiles[0])
    content = path.read_bytes()
    np.savez(tmp_path / "other.npz", values=np.zeros(3))
    damaged = [
        content[: len(content) // 2],
        content[:-100] + bytes(100),
        b"",
        b"PK\x03\x04",
        content.replace(b"a", b"b"),
    ]
    for number, part in enumerate([*damaged, (tmp_path / "other.npz").read_bytes()]):
        (tmp_path / f"{number}.npz").write_bytes(part)
        with pytest.raises(ValueError, match='"statistics" must be a file that LayerStatistics'):
            LayerStatistics.load(tmp_path / f"{number}.npz")


def test_a_failure_leaves_the_earlier_file_whole(tmp_path, rng, monkeypatch):
    path = statistics(rng).save(tmp_path / "statistics.npz")
    content = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        statistics(rng).save(path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["statistics.npz"]


@pytest.mark.parametrize(
    ("quantiles", "deviations"),
    [((), ()), (([[1.0]],), ([1.0, 2.0],)), (([1.0],), ([1.0],)), (([[np.nan]],), ([1.0],)), (([[]],), ([1.0],))],
)
def test_arrays_that_do_not_belong_together_are_refused(quantiles, deviations):
    with pytest.raises(ValueError, match='"quantiles", "deviations" and "spreads" must'):
        LayerStatistics(
            ("a",),
            tuple(map(np.array, quantiles)),
            tuple(map(np.array, deviations)),
            tuple(map(np.array, deviations)),
            2,
        )
