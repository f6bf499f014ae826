"""Readers of weight files, on files written byte by byte."""

import io
import pickle

import numpy as np
import pytest

from maco_tf.models import zoo
from maco_tf.models.zoo import weight_files


class Hostile:
    """A pickle that runs code when it is loaded carelessly."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def legacy_torch(arrays, extra=b""):
    """A file as PyTorch wrote it before version 1.6, with one storage per tensor."""
    stream = io.BytesIO()
    for header in (weight_files._TORCH_MAGIC, weight_files._TORCH_PROTOCOL, {"little_endian": True}):
        pickle.dump(header, stream, protocol=2)
    # The names in PyTorch's pickles, written by hand: MARK, persistent id, arguments, REDUCE.
    body = b"\x80\x02}("
    for index, (name, (array, shape, strides, offset)) in enumerate(arrays.items()):
        persistent = (
            b"("
            + _text("storage")
            + b"ctorch\nFloatStorage\n"
            + _text(str(index))
            + _text("cpu")
            + _integer(array.size)
            + b"NtQ"
        )
        layout = b"".join(b"(" + b"".join(map(_integer, values)) + b"t" for values in (shape, strides))
        body += _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + persistent + _integer(offset) + layout
        body += b"\x89}tR"
    stream.write(body + b"u.")
    pickle.dump([str(index) for index in range(len(arrays))], stream, protocol=2)
    for array, *_ in arrays.values():
        stream.write(array.size.to_bytes(8, "little") + array.astype("<f4").tobytes())
    return stream.getvalue() + extra


def _text(value):
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def _integer(value):
    return b"J" + value.to_bytes(4, "little", signed=True)


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "weights"
        path.write_bytes(content)
        return path

    return write


def test_torch_tensors_with_strides_and_an_offset_are_read(write):
    values = np.arange(24, dtype="float32")
    path = write(legacy_torch({"a": (values, (2, 3), (3, 1), 4), "b": (values, (3, 2), (1, 3), 0)}))
    state = weight_files.read_torch(path)
    np.testing.assert_array_equal(state["a"], values[4:10].reshape(2, 3))
    np.testing.assert_array_equal(state["b"], values[:6].reshape(2, 3).T)


@pytest.mark.parametrize(
    "layout", [((2, 3), (3, 1), 20), ((2, 3), (30, 1), 0), ((2, 3), (3, -1), 0), ((2, 3), (1,), 0), ((2,), (1,), -1)]
)
def test_tensors_beyond_their_storage_are_refused(write, layout):
    path = write(legacy_torch({"a": (np.zeros(24), *layout)}))
    with pytest.raises(zoo.WeightFileError):
        weight_files.read_torch(path)


def test_truncated_and_inconsistent_files_are_refused(write):
    whole = legacy_torch({"a": (np.zeros(24), (24,), (1,), 0)})
    for length in range(0, len(whole), 7):
        with pytest.raises(zoo.WeightFileError):
            weight_files.read_torch(write(whole[:length]))
    count = whole.replace((24).to_bytes(8, "little"), (23).to_bytes(8, "little"))
    with pytest.raises(zoo.WeightFileError, match="must hold 24 values"):
        weight_files.read_torch(write(count))


@pytest.mark.parametrize("read", [weight_files.read_torch, weight_files.read_numpy_pickle])
def test_hostile_files_run_no_code(write, read, tmp_path):
    victim = tmp_path / "victim"
    with pytest.raises(zoo.WeightFileError, match="open"):
        read(write(pickle.dumps(Hostile(victim))))
    assert not victim.exists()


def test_numpy_pickles_are_read(write):
    arrays = {"conv": [np.arange(6.0).reshape(2, 3), np.ones(3)]}
    read = weight_files.read_numpy_pickle(write(pickle.dumps(arrays, protocol=3)))
    np.testing.assert_array_equal(read["conv"][0], arrays["conv"][0])
    with pytest.raises(zoo.WeightFileError, match="dictionary"):
        weight_files.read_numpy_pickle(write(pickle.dumps([1])))


def test_npz_files_are_read_without_integers(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, kernel=np.arange(6.0).reshape(2, 3), step=np.array(7))
    weights = weight_files.read_npz(path)
    assert list(weights) == ["kernel"]
    assert weights["kernel"].dtype == np.float32
    np.testing.assert_array_equal(weights["kernel"], [[0, 1, 2], [3, 4, 5]])
