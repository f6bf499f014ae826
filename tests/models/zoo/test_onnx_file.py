"""The reader of ONNX weights, on files written byte by byte by the specifications of protobuf and ONNX."""

import numpy as np
import pytest

from maco_tf.models import zoo
from maco_tf.models.zoo.onnx_file import read_onnx


def varint(value):
    value &= 2**64 - 1  # Negative integers are written in two's complement.
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def field(number, value):
    """An integer; or text, bytes or a message after its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, values, shape=None, data_type=1):
    shape = np.shape(values) if shape is None else shape
    dims = b"".join(field(1, size) for size in shape)
    return field(5, dims + field(2, data_type) + field(8, name) + field(9, np.asarray(values, "<f4").tobytes()))


def node(name, *inputs):
    return field(1, b"".join(field(1, value) for value in inputs) + field(2, f"{name}_output_0") + field(3, name))


def model(*parts):
    # Real files also contain the version of the format, an opset and the producer's name, which are skipped.
    return field(1, 7) + field(2, "pytorch") + field(7, field(2, "graph") + b"".join(parts)) + field(8, field(2, 14))


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "weights.onnx"
        path.write_bytes(content)
        return read_onnx(path)

    return read


def test_weights_without_a_name_take_the_name_of_their_node(read):
    kernel, bias = np.arange(6.0).reshape(2, 3), np.array(-1.5)
    weights = read(
        model(
            node("/fc1/MatMul", "image", "onnx::MatMul_7"),
            node("/again/MatMul", "x", "onnx::MatMul_7"),
            tensor("fc1.bias", bias),
            tensor("onnx::MatMul_7", kernel),
            tensor("empty", np.zeros((0, 3))),
        )
    )
    assert list(weights) == ["fc1.bias", "/fc1/MatMul", "empty"]
    np.testing.assert_array_equal(weights["/fc1/MatMul"], kernel)
    assert weights["fc1.bias"].shape == ()
    assert weights["fc1.bias"] == -1.5
    assert weights["empty"].shape == (0, 3)
    weights["/fc1/MatMul"][:] = 0  # The array is writable, since it is not a view of the file.


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (tensor("a", np.zeros(6), (2, 4)), "do not fill"),
        (tensor("a", np.zeros(6), (-2, -3)), "do not fill"),
        (tensor("a", np.zeros(0), (2**32, 2**32)), "do not fill"),  # The product is 0 in 64 bits.
        (tensor("a", np.zeros(6), data_type=11), "only float32"),
        (tensor("a", np.zeros(1)) * 2, "two weights"),
        (tensor(b"\xff", np.zeros(1)), "not a readable"),
        (node("/add", "a"), "without weights"),
    ],
)
def test_impossible_weights_are_refused(read, part, message):
    with pytest.raises(zoo.WeightFileError, match=message):
        read(model(part))


def test_truncated_files_and_other_files_are_refused(read):
    graph = field(7, node("/MatMul", "onnx::1") + tensor("onnx::1", np.zeros((3, 4))))
    assert read(graph)["/MatMul"].shape == (3, 4)
    for length in range(len(graph)):
        with pytest.raises(zoo.WeightFileError):
            read(graph[:length])
    for content in (b"PK\x03\x04", b"\x80\x02}q\x00.", b"not a model"):
        with pytest.raises(zoo.WeightFileError):
            read(content)
