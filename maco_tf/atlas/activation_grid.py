"""The activation atlas of a layer: activations of natural images in two dimensions, and the mean of each cell."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from maco_tf.atlas.cell_crops import CellCrops
from maco_tf.atlas.natural_images import array_file
from maco_tf.atlas.photographs import Photographs
from maco_tf.atlas.projection import project, to_unit_square
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.sampled_activations import Sample, sample_activations, supported_classes
from maco_tf.atlas.unit import Unit, cell_key, safe_name
from maco_tf.checks import check_integer
from maco_tf.models.activations import Activations
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.objectives.direction import Direction

SECTION = "grids"
#: The file of a grid's record with its directions, array (cells, channels), float32.
DIRECTIONS = "directions.npy"

# Percentage of the points at either end of an axis that the border cells take.
_OUTLIERS = 1.0
# The average cell holds at least this many times the number of activations that a cell needs.
_MARGIN = 4
# Number of classes of each cell.
_CLASSES = 3


def write_grid(
    store: Store,
    model: keras.Model,
    layer: str,
    images: Any,
    *,
    size: int = 12,
    samples: int = 8000,
    least: int = 8,
    side: int = 128,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
) -> list[Unit]:
    """Divide the activations of a layer into a grid of cells, and write a record of the section "grids".

    Activations at random positions of natural images are laid out in two dimensions, see `project`, and the square
    around them is divided into cells. The direction of a cell is the mean of its activations. A cell of few activations
    is left out. The crops of a cell show the places of four of its activations, see `CellCrops`.

    A cell is labelled by the classes whose logits grow most if the layer holds the cell's mean at every position, in
    place of the mean of all activations. On EfficientNet-Lite0, these labels fit the images of a cell, while the
    derivatives of the logits along the direction, at the positions of the activations, hardly do. For a layer that does
    not split the model, the labels are the classes of most of the cell's images; without classes there are none. The
    record's "labels" is "logits", "images" or null.

    Args:
        store: the atlas.
        model: see `MacoVisualizer`.
        layer: a layer of maps, tokens or features.
        images: see `find_exemplars`.
        size: number of rows and of columns; fewer if the average cell would have fewer than 4 x `least` activations.
        samples: number of activations to aim at; see `sample_activations`.
        least: smallest number of activations of a cell.
        side: the longer side of the crops, pixels.
        class_names: the names of the model's classes; `None` numbers them.
        seed: seed of the positions and of the layout.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.

    Returns:
        List of `Unit`s, row by row. Their directions are read from the store, so they are the same bits in every run.

    Raises:
        ValueError: the model does not have the layer, or an argument lies outside its range.

    Source: Carter et al., "Activation Atlas", Distill 2019, with 100,000 activations or more, whose directions are
        whitened. On cells of EfficientNet-Lite0's block6d_add, images of the mean, of the mean without that of all
        activations, and of the whitened direction looked alike, so the direction is the plain mean.
    """
    size, samples = check_integer("size", size, 1, 1000), check_integer("samples", samples, 1)
    least, seed = check_integer("least", least, 1), check_integer("seed", seed, 0, 2**31 - 1)
    key = safe_name(layer)
    if not store.is_whole(SECTION, key):
        activations = Activations(model, preprocessing, input_shape)
        photographs = Photographs(images, activations.input_shape[2])
        sample = sample_activations(activations, layer, photographs.source, samples, seed=seed)
        coordinates, projection = project(sample.values, seed=seed)
        size = max(1, min(size, math.isqrt(len(sample.values) // (_MARGIN * least))))
        members = _cells(to_unit_square(coordinates, stretch=True, outliers=_OUTLIERS), size, least)
        means = np.stack([sample.values[rows].mean(axis=0, dtype="float64") for rows in members.values()])
        labels, kind = _labels(activations, layer, photographs, sample, list(members.values()), means, class_names)
        crop = CellCrops(activations, layer, photographs, sample, side)
        cells, files = [], {DIRECTIONS: array_file(means.astype("float32"))}
        for (row, column), mean, classes in zip(members, means, labels, strict=True):
            crops, pictures = crop(f"cell-{row:02d}-{column:02d}", members[row, column], mean)
            files |= pictures
            cells.append(
                {
                    "key": cell_key(layer, row, column, size, size),
                    "row": row,
                    "column": column,
                    "count": len(members[row, column]),
                    "classes": classes,
                    "crops": crops,
                }
            )
        record = {
            "layer": layer,
            "projection": projection,
            "rows": size,
            "columns": size,
            "activations": len(sample.values),
            "labels": kind,
            "cells": cells,
        }
        store.write(SECTION, key, record, files)
    record = store.read(SECTION, key)
    return _units(record, np.load(store.path(SECTION, key, DIRECTIONS)))


def _cells(places: np.ndarray, size: int, least: int) -> dict[tuple[int, int], np.ndarray]:
    """The points of each cell of a grid on the unit square, row by row, without cells of few points."""
    columns, rows = np.minimum((places * size).astype(int), size - 1).T
    numbers = rows * size + columns
    found = {
        divmod(number, size): np.flatnonzero(numbers == number)
        for number, count in zip(*(part.tolist() for part in np.unique(numbers, return_counts=True)), strict=True)
        if count >= min(least, len(places))
    }
    return found or {(0, 0): np.arange(len(places))}


def _labels(
    activations: Activations,
    layer: str,
    photographs: Photographs,
    sample: Sample,
    members: Sequence[np.ndarray],
    means: np.ndarray,
    class_names: Sequence[str] | None,
) -> tuple[list[list[dict[str, Any]]], str | None]:
    """The classes of each cell, and where they come from."""
    names = class_names or ()
    try:
        rises = supported_classes(activations, layer, means, sample.values.mean(axis=0))
    except ValueError:
        labels = photographs.source.labels
        if labels is None:
            return [[] for _ in members], None
        count = int(labels.max()) + 1
        own = [labels[sample.images[rows]] for rows in members]
        shares = np.stack([np.bincount(found[found >= 0], minlength=count) / len(found) for found in own])
        return [_strongest(row, photographs.class_name) for row in shares], "images"
    return [_strongest(row, lambda n: names[n] if n < len(names) else str(n)) for row in rises], "logits"


def _strongest(values: np.ndarray, name: Callable[[int], str | None]) -> list[dict[str, Any]]:
    order = np.argsort(-values, kind="stable")[:_CLASSES].tolist()
    return [{"name": name(n), "index": n, "value": round(float(values[n]), 4)} for n in order if values[n] > 0]


def _units(record: Mapping[str, Any], directions: np.ndarray) -> list[Unit]:
    units = []
    for cell, direction in zip(record["cells"], directions, strict=True):
        name = f"{record['layer']}, cell {cell['row']}-{cell['column']}"
        index = cell["row"] * record["columns"] + cell["column"]
        objective = Direction(record["layer"], [direction], names=[name])
        units.append(Unit(cell["key"], "cell", record["layer"], index, name, objective))
    return units
