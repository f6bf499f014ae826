"""Which pixels a value depends on behind convolutions, pooling, padding and resizing: one rule for each operation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.exemplars.fields.pixel_boxes import NOWHERE, Mode, Rule, Values, constant, shape_of, take


def _spatial_axes(operation: tf.Operation) -> tuple[tuple[int, int], int]:
    """`((y, x), channel)`: the numbers of the axes."""
    first = operation.get_attr("data_format") == b"NCHW"
    return ((2, 3), 1) if first else ((1, 2), 3)


def _padding(operation: tf.Operation, axis: int, size: int, places: int, extent: int, stride: int) -> int:
    """The number of positions before the first one of the input."""
    kind = operation.get_attr("padding")
    if kind == b"EXPLICIT":
        return int(operation.get_attr("explicit_paddings")[2 * axis])
    return max((places - 1) * stride + extent - size, 0) // 2 if kind == b"SAME" else 0


def _window(operation: tf.Operation, value: Any, kernel: Sequence[int], dilations: Sequence[int], mode: Mode) -> Any:
    axes, _ = _spatial_axes(operation)
    for axis, taps in zip(axes, kernel):
        size, places = shape_of(operation.inputs[0])[axis], shape_of(operation.outputs[0])[axis]
        stride, dilation = operation.get_attr("strides")[axis], dilations[axis]
        before = _padding(operation, axis, size, places, dilation * (taps - 1) + 1, stride)
        index = stride * np.arange(places) - before + dilation * np.arange(taps)[:, None]
        value = take(value, axis, index, mode.extend)
    return value


def _convolution(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    kernel = shape_of(operation.inputs[1])
    boxes = _window(operation, values[0], kernel[:2], operation.get_attr("dilations"), mode)
    _, channel = _spatial_axes(operation)
    if operation.type == "Conv2D":
        return [boxes.min(axis=channel, keepdims=True)]
    return [boxes if boxes.shape[channel] == 1 else np.repeat(boxes, kernel[3], axis=channel)]


def _pool(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    axes, _ = _spatial_axes(operation)
    kernel = [operation.get_attr("ksize")[axis] for axis in axes]
    return [_window(operation, values[0], kernel, (1, 1, 1, 1), mode)]


def _transposed_convolution(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    axes, channel = _spatial_axes(operation)
    boxes: Any = values[2]
    for axis, taps in zip(axes, shape_of(operation.inputs[1])):
        size, places = shape_of(operation.inputs[2])[axis], shape_of(operation.outputs[0])[axis]
        stride, dilation = operation.get_attr("strides")[axis], operation.get_attr("dilations")[axis]
        before = _padding(operation, axis, places, size, dilation * (taps - 1) + 1, stride)
        reached = np.arange(places) + before - dilation * np.arange(taps)[:, None]
        index = np.where(reached % stride == 0, reached // stride, NOWHERE)
        boxes = take(boxes, axis, index, mode.extend)
    return [boxes.min(axis=channel, keepdims=True)]


def _pad(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    boxes: Any = values[0]
    mirrored = operation.type == "MirrorPad"
    for axis, (before, behind) in enumerate(constant(operation, 1)):
        if before or behind:
            size = shape_of(operation.inputs[0])[axis]
            index = np.arange(-before, size + behind)
            if mirrored:
                index = np.pad(np.arange(size), (before, behind), mode=operation.get_attr("mode").decode().lower())
            boxes = take(boxes, axis, index[None], mode.extend and not mirrored)
    return [boxes]


def _resize(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    boxes: Any = values[0]
    kind = operation.type
    for number, axis in enumerate((1, 2)):
        size, places = shape_of(operation.inputs[0])[axis], shape_of(operation.outputs[0])[axis]
        scale, half, radius = size / places, 0.5, {"ResizeBicubic": 2.0, "ResizeNearestNeighbor": 0.5}.get(kind, 1.0)
        if kind == "ScaleAndTranslate":
            scale, shift = 1 / float(constant(operation, 2)[number]), float(constant(operation, 3)[number])
            radius = {b"lanczos3": 3.0, b"lanczos5": 5.0, b"keyscubic": 2.0}.get(operation.get_attr("kernel_type"), 1.0)
            # Smoothing widens the kernel where the image is made smaller.
            radius *= max(scale, 1.0) if operation.get_attr("antialias") else 1.0
            centre = (np.arange(places) + 0.5 - shift) * scale - 0.5
        else:
            if operation.get_attr("align_corners") and places > 1:
                scale, half = (size - 1) / (places - 1), 0.0
            elif not operation.get_attr("half_pixel_centers"):
                half = 0.0
            centre = (np.arange(places) + half) * scale - half
        if kind == "ResizeNearestNeighbor":
            nearest = np.round(centre) if operation.get_attr("align_corners") else np.floor(centre + half)
            index = nearest[None]
        else:
            taps = np.arange(1 - math.ceil(radius), math.ceil(radius) + 1)[:, None]
            index = np.floor(centre) + taps
            # A tap at a distance of the radius has the weight 0.
            index = np.where(np.abs(index - centre) < radius, index, np.round(centre))
        boxes = take(boxes, axis, np.clip(index, 0, size - 1).astype(int), False)
    return [boxes]


def _normalized(operation: tf.Operation, values: Values, mode: Mode) -> Values:
    """Batch normalisation; in training mode its statistics are computed from the image."""
    boxes: Any = values[0]
    if mode.strict and operation.get_attr("is_training"):
        boxes = np.minimum(boxes, boxes.min(axis=tuple(range(boxes.ndim - 1)), keepdims=True))
    return [boxes, *[None] * (len(operation.outputs) - 1)]


WINDOW_RULES: dict[str, Rule] = {
    "AvgPool": _pool,
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _transposed_convolution,
    "DepthwiseConv2dNative": _convolution,
    "FusedBatchNorm": _normalized,
    "FusedBatchNormV2": _normalized,
    "FusedBatchNormV3": _normalized,
    "MaxPool": _pool,
    "MirrorPad": _pad,
    "Pad": _pad,
    "PadV2": _pad,
    "ResizeBicubic": _resize,
    "ResizeBilinear": _resize,
    "ResizeNearestNeighbor": _resize,
    "ScaleAndTranslate": _resize,
}
