"""Read published weight files with NumPy, without PyTorch and without running code that a file contains.

Two of the formats are pickles. A plain `pickle.load` runs any code that a file asks for; the readers here resolve an
allow-list of harmless names and refuse all others.
"""

import collections
import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")

# Header of PyTorch's legacy serialisation format (torch/serialization.py, MAGIC_NUMBER).
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_TORCH_PROTOCOL = 1001

_STORAGE_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class WeightFileError(ValueError):
    """A weight file that is truncated, corrupted, or asks for more than arrays."""


# A tensor in a checkpoint before its data are read: identifier of its storage, offset, shape and strides.
_Record = tuple[Any, int, Sequence[int], Sequence[int]]


def _rebuild_tensor(storage: Any, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any) -> _Record:
    """Stands in for `torch._utils._rebuild_tensor_v2`."""
    return (storage, offset, shape, strides)


class _TorchUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        raise WeightFileError(f"the file asks for {module}.{name}, which a dictionary of tensors does not need.")

    def persistent_load(self, pid: Any) -> Any:
        return pid


class _NumpyUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise WeightFileError(f"the file asks for {module}.{name}, which a dictionary of arrays does not need.")


def read_torch(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a state dictionary from a legacy PyTorch checkpoint (`.pth`, before PyTorch 1.6).

    Args:
        path: the file.

    Returns:
        Dictionary, name -> float32 or int64 array with the tensor's shape, in the order of the file.

    Raises:
        WeightFileError: the file is truncated or inconsistent, or contains anything but tensors.
    """
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    return _decode(_read_torch_stream, stream, path)


def read_numpy_pickle(path: str | os.PathLike[str]) -> dict[str, list[np.ndarray]]:
    """Read a pickled dictionary of lists of NumPy arrays.

    Args:
        path: the file.

    Returns:
        The dictionary, name -> list of arrays.

    Raises:
        WeightFileError: the file is truncated or contains anything but arrays.
    """
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    weights = _decode(lambda s: _NumpyUnpickler(s).load(), stream, path)
    if not isinstance(weights, dict):
        raise WeightFileError(f"{path} must contain a dictionary of arrays. Received: {type(weights).__name__}.")
    return weights


def read_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read the floating-point arrays of an `.npz` file.

    Args:
        path: the file.

    Returns:
        Dictionary, name -> float32 array. Arrays of other kinds, such as a step count, are left out.

    Raises:
        WeightFileError: the file is truncated, corrupted or not an `.npz` file, or contains Python objects.
    """
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    return _decode(_read_npz_stream, stream, path)


def _read_npz_stream(stream: io.BytesIO) -> dict[str, np.ndarray]:
    with np.load(stream, allow_pickle=False) as file:
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise WeightFileError("the file contains a single array, not an archive of arrays (.npz).")
        arrays = {name: file[name] for name in file.files}
    floating = {name: array for name, array in arrays.items() if issubclass(array.dtype.type, np.floating)}
    return {name: array.astype("float32") for name, array in floating.items()}


def _decode(reader: Callable[[io.BytesIO], _T], stream: io.BytesIO, path: str | os.PathLike[str]) -> _T:
    """Turn all errors that a broken file causes into one error that names the file."""
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
        raise WeightFileError(f"{path} is not a readable weight file ({error}).") from error


def _read_torch_stream(stream: io.BytesIO) -> dict[str, np.ndarray]:
    magic, protocol, system = (_TorchUnpickler(stream).load() for _ in range(3))
    if magic != _TORCH_MAGIC or protocol != _TORCH_PROTOCOL:
        raise WeightFileError("this is not a legacy PyTorch checkpoint (wrong magic number or protocol).")
    if not system.get("little_endian", False):
        raise WeightFileError("the checkpoint was written on a big-endian machine.")
    records = _TorchUnpickler(stream).load()
    storages = _read_storages(stream, _TorchUnpickler(stream).load(), records)
    return {name: _as_array(storages, *record) for name, record in records.items()}


def _read_storages(stream: io.BytesIO, keys: Sequence[str], records: Mapping[str, _Record]) -> dict[str, np.ndarray]:
    """Read the raw data that follow the pickles: for every key a count, int64, and then the values."""
    declared = {pid[2]: (pid[1], pid[4]) for pid, *_ in records.values()}
    storages = {}
    for key in keys:
        dtype, expected = declared[key]
        count = int.from_bytes(stream.read(8), "little", signed=True)
        if count != expected:
            raise WeightFileError(f"storage {key!r} must hold {expected} values; the file says {count}.")
        raw = stream.read(count * dtype.itemsize)
        if len(raw) != count * dtype.itemsize:
            raise WeightFileError(f"the file ends inside storage {key!r}.")
        storages[key] = np.frombuffer(raw, dtype)
    return storages


def _as_array(
    storages: Mapping[str, np.ndarray], pid: Any, offset: int, shape: Sequence[int], strides: Sequence[int]
) -> np.ndarray:
    """The array of a record, after checking that it lies inside its storage."""
    values = storages[pid[2]]
    if min((offset, *shape, *strides), default=0) < 0 or len(shape) != len(strides):
        raise WeightFileError(f"impossible tensor layout: offset {offset}, shape {shape}, strides {strides}.")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides))
    if 0 in shape or last >= values.size:
        raise WeightFileError(
            f"a tensor of shape {shape} at offset {offset} exceeds its storage of {values.size} values."
        )
    byte_strides = [stride * values.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(values[offset:], shape, byte_strides, writeable=False).copy()
