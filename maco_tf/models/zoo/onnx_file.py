"""Read the weights of an ONNX file without onnx or its runtime; no graph is built or run.

An ONNX file is one protobuf message, and protobuf is a dependency of TensorFlow. The few fields that hold weights are
declared here with their numbers in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; all others are skipped.
"""

import functools
import math
import os
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from maco_tf.models.zoo.weight_files import WeightFileError

_Field = descriptor_pb2.FieldDescriptorProto

# Name of a message -> its fields: (name, number, type or name of a message, repeated).
_SCHEMA: dict[str, list[tuple[str, int, int | str, bool]]] = {
    "Tensor": [
        ("dims", 1, _Field.TYPE_INT64, True),
        ("data_type", 2, _Field.TYPE_INT32, False),
        ("name", 8, _Field.TYPE_BYTES, False),
        ("raw_data", 9, _Field.TYPE_BYTES, False),
    ],
    "Node": [
        ("input", 1, _Field.TYPE_BYTES, True),
        ("name", 3, _Field.TYPE_BYTES, False),
    ],
    "Graph": [("node", 1, "Node", True), ("initializer", 5, "Tensor", True)],
    "Model": [("graph", 7, "Graph", False)],
}

# TensorProto.DataType of float32.
_FLOAT = 1
# Prefix of weights that PyTorch's exporter has transposed or folded, which lose the name of their parameter.
_ANONYMOUS = "onnx::"


def read_onnx(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read the float32 weights (initialisers) that an ONNX file contains.

    Args:
        path: the file.

    Returns:
        Dictionary, name -> float32 array. A weight without a name of its own ("onnx::...") takes the name of the first
        node that uses it, such as "/encoder/layer.0/mlp/fc1/MatMul".

    Raises:
        WeightFileError: the file is truncated or not an ONNX file, or a weight is not float32, is stored in another
            file, or does not fill its shape.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        graph = _model_class().FromString(content).graph
    except DecodeError as error:
        raise WeightFileError(f"{path} is not a readable ONNX file ({error}).") from error
    if not graph.initializer:
        raise WeightFileError(f"{path} is an ONNX file without weights.")
    users: dict[str, str] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(_text(name, path), _text(node.name, path))
    weights = {}
    for tensor in graph.initializer:
        name = _text(tensor.name, path)
        if name.startswith(_ANONYMOUS):
            name = users.get(name, name)
        if name in weights:
            raise WeightFileError(f"{path}: two weights have the name {name!r}.")
        weights[name] = _as_array(tensor, name, path)
    return weights


def _as_array(tensor: Any, name: str, path: str | os.PathLike[str]) -> np.ndarray:
    shape = tuple(tensor.dims)
    if tensor.data_type != _FLOAT:
        raise WeightFileError(f"{path}: {name!r} has the ONNX data type {tensor.data_type}; only float32 (1) is read.")
    # Python's integers do not overflow, so the shape in a hostile file cannot wrap around to one that fits.
    if min(shape, default=0) < 0 or math.prod(shape) * 4 != len(tensor.raw_data):
        raise WeightFileError(f"{path}: {name!r} has {len(tensor.raw_data)} bytes, which do not fill {shape}.")
    return np.frombuffer(tensor.raw_data, "<f4").reshape(shape).copy()


def _text(name: bytes, path: str | os.PathLike[str]) -> str:
    # The schema declares text as bytes, since protobuf's error for invalid text differs between its versions.
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise WeightFileError(f"{path} is not a readable ONNX file ({error}).") from error


@functools.cache
def _model_class() -> Any:
    """The class of ONNX's message `Model`, with the fields of the schema."""
    file = descriptor_pb2.FileDescriptorProto(name="maco_tf/onnx.proto", package="maco_tf.onnx", syntax="proto2")
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = _Field.TYPE_MESSAGE, f".maco_tf.onnx.{kind}"
            else:
                added.type = kind
    # A separate pool does not interfere with the messages of the onnx package if that is installed.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("maco_tf.onnx.Model"))
