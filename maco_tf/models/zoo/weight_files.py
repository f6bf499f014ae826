"""Read published weight files in NumPy: no torch, and no code of the file's is ever run.

Two of the formats are pickles, and a plain `pickle.load` runs whatever a file asks for. The readers here
resolve an allow-list of harmless names and refuse everything else.
"""

import collections
import io
import pickle
import zipfile
import zlib

import numpy as np

# Header of torch's legacy serialisation format (torch/serialization.py, MAGIC_NUMBER).
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_TORCH_PROTOCOL = 1001

_STORAGE_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class WeightFileError(ValueError):
    """A weight file that is truncated, corrupted, or asks for more than arrays."""


def _rebuild_tensor(storage, offset, shape, strides, *_):
    """`torch._utils._rebuild_tensor_v2`, as a record that is turned into an array once data is read."""
    return (storage, offset, shape, strides)


class _TorchUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        raise WeightFileError(f"The weight file asks for {module}.{name}, which no list of tensors needs.")

    def persistent_load(self, pid):
        return pid


class _NumpyUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise WeightFileError(f"The weight file asks for {module}.{name}, which no list of arrays needs.")


def read_torch(path):
    """Read a legacy torch checkpoint (`.pth`, before torch 1.6) that holds a state dictionary.

    Args:
        path: the file.

    Returns:
        A dictionary, name -> float32 or int64 array of the tensor's shape, in the file's order.

    Raises:
        WeightFileError: the file is truncated, inconsistent, or holds anything but tensors.
    """
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    return _decode(_read_torch_stream, stream, path)


def read_numpy_pickle(path):
    """Read a pickled dictionary of lists of NumPy arrays.

    Args:
        path: the file.

    Returns:
        The dictionary, name -> list of arrays.

    Raises:
        WeightFileError: the file is truncated or holds anything but arrays.
    """
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    weights = _decode(lambda s: _NumpyUnpickler(s).load(), stream, path)
    if not isinstance(weights, dict):
        raise WeightFileError(f"{path}: expected a dictionary of arrays. Received: {type(weights).__name__}.")
    return weights


def read_npz(path):
    """Read the floating-point arrays of NumPy's `.npz` format.

    Args:
        path: the file.

    Returns:
        Dictionary, name -> float32 array; an array that is not floating-point, such as a step count, is left out.

    Raises:
        WeightFileError: the file is truncated, corrupted or no `.npz` file, or holds Python objects.
    """
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    return _decode(_read_npz_stream, stream, path)


def _read_npz_stream(stream):
    with np.load(stream, allow_pickle=False) as file:
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise WeightFileError("a single array, not the archive of arrays that .npz files are.")
        arrays = {name: file[name] for name in file.files}
    floating = {name: array for name, array in arrays.items() if issubclass(array.dtype.type, np.floating)}
    return {name: array.astype("float32") for name, array in floating.items()}


def _decode(reader, stream, path):
    """Turn whatever a broken file provokes into one error that names the file."""
    try:
        return reader(stream)
    except WeightFileError as error:
        raise WeightFileError(f"{path}: {error}") from None
    except (
        pickle.UnpicklingError,
        EOFError,
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
        IndexError,
        OverflowError,
        MemoryError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise WeightFileError(f"{path}: not a readable weight file ({error}).") from error


def _read_torch_stream(stream):
    magic, protocol, system = (_TorchUnpickler(stream).load() for _ in range(3))
    if magic != _TORCH_MAGIC or protocol != _TORCH_PROTOCOL:
        raise WeightFileError("not a legacy torch checkpoint (wrong magic number or protocol).")
    if not system.get("little_endian", False):
        raise WeightFileError("the checkpoint was written on a big-endian machine.")
    records = _TorchUnpickler(stream).load()
    storages = _read_storages(stream, _TorchUnpickler(stream).load(), records)
    return {name: _as_array(storages, *record) for name, record in records.items()}


def _read_storages(stream, keys, records):
    """The raw data that follows the pickles: for each key an int64 count, then the values."""
    declared = {pid[2]: (pid[1], pid[4]) for pid, *_ in records.values()}
    storages = {}
    for key in keys:
        dtype, expected = declared[key]
        count = int.from_bytes(stream.read(8), "little", signed=True)
        if count != expected:
            raise WeightFileError(f"storage {key!r} should hold {expected} values; the file says {count}.")
        raw = stream.read(count * dtype.itemsize)
        if len(raw) != count * dtype.itemsize:
            raise WeightFileError(f"the file ends inside storage {key!r}.")
        storages[key] = np.frombuffer(raw, dtype)
    return storages


def _as_array(storages, pid, offset, shape, strides):
    values = storages[pid[2]]
    if min((offset, *shape, *strides), default=0) < 0 or len(shape) != len(strides):
        raise WeightFileError(f"impossible tensor layout: offset {offset}, shape {shape}, strides {strides}.")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides))
    if 0 in shape or last >= values.size:
        raise WeightFileError(f"a tensor of shape {shape} at {offset} reaches beyond its {values.size} values.")
    byte_strides = [stride * values.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(values[offset:], shape, byte_strides, writeable=False).copy()
