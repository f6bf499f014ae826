"""Products that TensorFloat-32 must not round, with an emulation of a GPU that rounds."""

import ast
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from maco_tf import products
from maco_tf.objectives import Alignment, Diversity
from maco_tf.parametrizations import FourierParametrization, PhaseParametrization, PixelParametrization
from maco_tf.spectrum import from_image, imagenet_magnitude
from maco_tf.transforms import GaussianBlur, RandomCrop, RandomRotate, RandomScale, Resize

PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
# XLA resizes by convolution, and no convolution of ours has a form that rounding does not change.
NEVER = {"Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "ResizeBilinear", "ResizeBilinearGrad"}
SIZE = 24


def on_a_rounding_device(function, *arguments):
    """Call a function on a device that drops the last 13 bits of the factors of every product.

    Args:
        function: maps tensors to a list of tensors.
        arguments: float32 tensors.

    Returns:
        `(results, number of products)`.
    """
    concrete = tf.function(function, autograph=False).get_concrete_function(*arguments)
    original = concrete.graph.as_graph_def()
    called = {node.op for item in original.library.function for node in item.node_def}
    assert not (PRODUCTS | NEVER) & called
    assert not NEVER & {node.op for node in original.node}
    with tf.Graph().as_default() as graph:
        bits = tf.bitcast(tf.compat.v1.placeholder(tf.float32, name="x"), tf.int32)
        tf.bitcast(tf.bitwise.bitwise_and(bits, ~0x1FFF), tf.float32)
    rounding = graph.as_graph_def()
    definition = tf.compat.v1.GraphDef(versions=original.versions, library=original.library)
    rounded = 0
    for node in original.node:
        new = definition.node.add()
        new.CopyFrom(node)
        for position in range(2 if node.op in PRODUCTS else 0):
            rounded += 1
            for part in rounding.node[1:]:
                added = definition.node.add()
                added.CopyFrom(part)
                added.name = f"rounded_{rounded}/{part.name}"
                added.input[:] = [
                    node.input[position] if name == "x" else f"rounded_{rounded}/{name}" for name in part.input
                ]
            new.input[position] = added.name
    given = [*arguments, *concrete.captured_inputs]

    def run():
        replaced = {tensor.name: tf.identity(value) for tensor, value in zip(concrete.graph.inputs, given)}
        wanted = [tensor.name for tensor in concrete.graph.outputs]
        return tf.graph_util.import_graph_def(definition, input_map=replaced, return_elements=wanted)

    return [value.numpy() for value in tf.compat.v1.wrap_function(run, [])()], rounded // 2


def with_gradient(function):
    """The result of a function, and the gradient of a fixed random projection of it."""

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = function(x)
            loss = tf.reduce_sum(result * tf.random.stateless_normal(result.shape, (1, 2)))
        return [result, tape.gradient(loss, x)]

    return run


def image(count=1):
    return tf.random.stateless_uniform((count, SIZE, SIZE, 3), (3, 4))


def parametrized(parametrization):
    start = parametrization.initialize(0)[0]
    return lambda x: parametrization.image([x]), start


def seen_through(transform):
    draws = transform.draw(getattr(transform, "count", 1), 0, 4)
    return lambda x: transform.apply(x, draws), image()


def scored(term):
    def score(x):
        parameters = {name: tf.constant(value) for name, value in term.parameters.items()}
        return term.score(tf.reshape(x, (3, 2, 8, 16)), **parameters)

    return score, tf.random.stateless_normal((3 * 2 * 8, 16), (5, 6))


CASES = {
    "colours": lambda: parametrized(PixelParametrization((SIZE, SIZE, 3))),
    "colours of an image": lambda: (from_image, image()),
    "phase": lambda: parametrized(PhaseParametrization(imagenet_magnitude(SIZE, SIZE))),
    "spectrum": lambda: parametrized(FourierParametrization((SIZE, SIZE, 3))),
    "blurred pixels": lambda: parametrized(PixelParametrization((SIZE, SIZE, 3), image_blur=0.8, gradient_blur=1.2)),
    "crop": lambda: seen_through(RandomCrop(16, 2, side=0.7)),
    "antialiased crop": lambda: seen_through(RandomCrop(8, 2, side=0.9)),
    "resize": lambda: seen_through(Resize(10)),
    "enlarge": lambda: seen_through(Resize(37)),
    "scale": lambda: seen_through(RandomScale((0.7, 0.8))),
    "blur": lambda: seen_through(GaussianBlur(5, 1.1)),
    "rotate": lambda: seen_through(RandomRotate((10.0, 20.0))),
    "diversity": lambda: scored(Diversity("layer", 3)),
    "alignment": lambda: scored(Alignment("layer", 3)),
}


QUICK = ("colours", "crop", "resize", "diversity")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case in QUICK else [pytest.mark.slow]) for case in CASES]
)
def test_rounded_factors_change_neither_results_nor_gradients(case, monkeypatch):
    function, x = CASES[case]()
    exact = [value.numpy() for value in tf.function(with_gradient(function), autograph=False)(x)]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["GPU:0"])
    found, count = on_a_rounding_device(with_gradient(function), x)
    for value, expected in zip(found, exact):
        assert np.abs(value - expected).max() < 5e-6 * np.abs(expected).max()
    if count:
        # The emulation does change them without the parts.
        monkeypatch.setattr(products, "may_round", lambda: False)
        rounded, _ = on_a_rounding_device(with_gradient(function), x)
        errors = [np.abs(value - expected).max() / np.abs(expected).max() for value, expected in zip(rounded, exact)]
        assert min(errors) > 5e-5


def test_without_a_gpu_nothing_changes():
    a, b = image()[0, :, :, 0], image()[0, :, :, 1]
    np.testing.assert_array_equal(products.einsum("ij,jk->ik", a, b), tf.einsum("ij,jk->ik", a, b))
    np.testing.assert_array_equal(products.products_of_rows(a, b), tf.matmul(a, b, transpose_b=True))


def test_products_of_tensors_are_made_in_one_place():
    """Apart from networks, and from two places that avoid products on a GPU."""
    package = Path(products.__file__).parent
    makers = {"matmul", "einsum", "tensordot", "matvec", "dot", "conv", "conv2d", "depthwise_conv2d", "gaussian_blur"}
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_tensor = isinstance(node, ast.Attribute) and ast.unparse(node).startswith(("tf.", "keras.ops."))
            if is_tensor and node.attr in makers:
                found.add(path.relative_to(package).as_posix())
    assert {name for name in found if not name.startswith("models/zoo/")} == {
        "products.py",
        "spectrum/colour.py",
        "parametrizations/pixels.py",
    }
