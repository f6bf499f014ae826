"""Read the weights of an ONNX file, without onnx or its runtime: no graph is built or run.

An ONNX file is one protobuf message. TensorFlow brings protobuf; the few fields that hold weights are declared here,
with the numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, and everything else is passed over.
"""

import functools
import math

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from maco_tf.models.zoo.weight_files import WeightFileError

_Field = descriptor_pb2.FieldDescriptorProto

# Message -> (field, number, type or message's name, repeated).
_SCHEMA = {
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

# TensorProto.DataType of the one kind of weights that is read.
_FLOAT = 1
# What torch's exporter calls a weight that it has transposed or folded: the parameter's own name is lost.
_ANONYMOUS = "onnx::"


def read_onnx(path):
    """Read the float32 weights (initialisers) of an ONNX file that holds them itself.

    Args:
        path: the file.

    Returns:
        Dictionary, name -> float32 array. A weight that the exporter left without a name of its own ("onnx::...")
        goes by the name of the first node that takes it, such as "/encoder/layer.0/mlp/fc1/MatMul".

    Raises:
        WeightFileError: the file is truncated, is no ONNX file, or a weight is not float32, lies in another file,
            or does not fill its shape.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        graph = _model_class().FromString(content).graph
    except DecodeError as error:
        raise WeightFileError(f"{path}: not a readable ONNX file ({error}).") from error
    if not graph.initializer:
        raise WeightFileError(f"{path}: an ONNX file without weights.")
    users = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(_text(name, path), _text(node.name, path))
    weights = {}
    for tensor in graph.initializer:
        name = _text(tensor.name, path)
        if name.startswith(_ANONYMOUS):
            name = users.get(name, name)
        if name in weights:
            raise WeightFileError(f"{path}: two weights are called {name!r}.")
        weights[name] = _as_array(tensor, name, path)
    return weights


def _as_array(tensor, name, path):
    shape = tuple(tensor.dims)
    if tensor.data_type != _FLOAT:
        raise WeightFileError(f"{path}: {name!r} has ONNX's data type {tensor.data_type}; only float32 (1) is read.")
    # Python's integers: a hostile shape must not overflow into one that fits.
    if min(shape, default=0) < 0 or math.prod(shape) * 4 != len(tensor.raw_data):
        raise WeightFileError(f"{path}: {name!r} has {len(tensor.raw_data)} bytes, which do not fill {shape}.")
    return np.frombuffer(tensor.raw_data, "<f4").reshape(shape).copy()


def _text(name, path):
    # Read as bytes, since protobuf's own error on broken text differs between its versions.
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise WeightFileError(f"{path}: not a readable ONNX file ({error}).") from error


@functools.cache
def _model_class():
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
    # A pool of its own: the onnx package, if it is there, keeps its messages.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("maco_tf.onnx.Model"))
