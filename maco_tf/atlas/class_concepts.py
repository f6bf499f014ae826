"""The concepts of classes: CRAFT, the crops that activate each, and maps of the class's images and of its concepts."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from maco_tf.atlas.class_activations import ClassActivations, Seen, class_count
from maco_tf.atlas.natural_images import array_file, positive_maps
from maco_tf.atlas.photographs import Photographs
from maco_tf.atlas.pictures import PHOTOGRAPH, shrunk, webp
from maco_tf.atlas.projection import project, to_unit_square
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.unit import Unit, concept_key, padded_number
from maco_tf.checks import check_integer
from maco_tf.concepts.bank import Concept, ConceptBank
from maco_tf.concepts.craft import Crafter, count_patches, default_patch_size, extract_patches
from maco_tf.display.rgba import as_colours
from maco_tf.images.fitting import fit_images
from maco_tf.models.activations import Activations
from maco_tf.models.preprocessing import Preprocessing

SECTION = "classes"
#: The file of a class's record with its directions, array (concepts, channels), float32.
DIRECTIONS = "directions.npy"

# Concepts of two classes whose cosine is larger count as shared, and so many of them are listed.
_SHARED, _LISTED = 0.7, 8


def write_class_concepts(
    store: Store,
    model: keras.Model,
    classes: Sequence[int],
    images: Any,
    concepts: int,
    *,
    class_names: Sequence[str] | None = None,
    logits: Mapping[int, str] | None = None,
    layer: str | None = None,
    crops: int = 9,
    most: int = 100,
    side: int = 160,
    seed: int = 0,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Unit]:
    """Find the concepts of each class that has images, and write a record of the section "classes" for each.

    Concepts are numbered by importance, from 0. Their share is their part of the sum of the importances, where those
    below 0 count as 0. The crops of a concept are the patches with the largest coefficients in the factorisation.

    The most important concept of an image is the one that contributes most to the logit of the class: its coefficient
    times the gradient along its direction, summed over positions. Images lie near each other on the map if their
    concepts contribute in similar proportions, and concepts if their directions are similar.

    "accuracy" is the share of the images to which the model gives the class, and "explained_accuracy" the same with the
    layer's activations replaced by sums of the concepts.

    Args:
        store: the atlas.
        model: a classifier; see `MacoVisualizer`.
        classes: the numbers of the classes. Those without images are left out.
        images: images with classes; see `find_exemplars`.
        concepts: number of concepts of each class. A class has fewer if it has fewer patches.
        class_names: the names of the model's classes; `None` takes those of the images.
        logits: dictionary, number of a class -> the key of its unit, as far as there is one.
        layer: see `craft`. `None` takes the last layer of maps that have no negative values on random images.
        crops: number of crops of each concept.
        most: largest number of images of a class that are used.
        side: the longer side of the pictures, pixels.
        seed: seed of the factorisation.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        progress: called with the number of classes that are done and the number of all.

    Returns:
        List of `Unit`s, the concepts of one class after the other. Their directions are read from the store, so they
        are the same bits in every run.

    Raises:
        ValueError: see `craft`.
        ImportError: see `craft`.
    """
    concepts = check_integer("concepts", concepts, 1)
    crops, most = check_integer("crops", crops, 1), check_integer("most", most, 1)
    activations = Activations(model, preprocessing, input_shape)
    photographs = Photographs(images, activations.input_shape[2])
    count = class_count(activations)
    names = {number: _name(number, class_names, photographs) for number in classes}
    crafter: Crafter | None = None
    reader: ClassActivations | None = None
    found = []
    for done, number in enumerate(classes):
        key = padded_number(number, count)
        if not store.is_whole(SECTION, key):
            indices, fitted = photographs.read_class(number, most, activations.input_shape[:2])
            if not len(indices):
                continue
            patch_size = default_patch_size(fitted)
            if crafter is None:
                layer = positive_maps(activations) if layer is None else layer
                crafter = Crafter(model, layer=layer, preprocessing=preprocessing, input_shape=input_shape)
            size = min(concepts, count_patches(fitted, patch_size))
            bank = crafter(fitted, number, size=size, patch_size=patch_size, seed=seed)
            reader = reader or ClassActivations(activations, bank.layer)
            seen = _ClassImages(photographs, indices, fitted, reader.see(fitted, number))
            record, files = seen.describe(reader, _ranked(bank), number, patch_size, crops, side)
            for place, concept in enumerate(record["concepts"]):
                concept["key"] = concept_key(number, count, place, concepts)
            record = {"index": number, "name": names[number], "logit": (logits or {}).get(number), **record}
            store.write(SECTION, key, record, files)
        found.append(key)
        if progress is not None:
            progress(done + 1, len(classes))
    _link(store, found)
    return [unit for key in found for unit in _units(store, key)]


class _ClassImages:
    """The images of a class, and what the model computes of them."""

    def __init__(self, photographs: Photographs, indices: np.ndarray, images: np.ndarray, seen: Seen) -> None:
        self._photographs, self._indices, self._images, self._seen = photographs, indices, images, seen

    def describe(
        self, reader: ClassActivations, bank: ConceptBank, number: int, patch_size: int, crops: int, side: int
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The record of the class, without what depends on other classes, and its files."""
        seen = self._seen
        coefficients = bank.coefficients(seen.maps)
        contributions = (coefficients * (seen.slopes @ bank.directions.T)).sum(axis=(1, 2))
        pieces = extract_patches(self._images, patch_size)
        scores = bank.coefficients(reader.pool(fit_images(pieces, self._images.shape[1:3])))
        importances = np.zeros(len(bank)) if bank.importances is None else bank.importances
        positive = np.maximum(importances, 0)
        files = {DIRECTIONS: array_file(bank.directions)}
        listed = []
        for concept, (x, y) in enumerate(_places(bank.directions)[0]):
            cut, pictures = self._crops(scores[:, concept], concept, patch_size, crops, side)
            files |= pictures
            listed.append(
                {
                    "number": concept,
                    "importance": float(importances[concept]),
                    "share": float(positive[concept] / positive.sum()) if positive.any() else 0.0,
                    "x": x,
                    "y": y,
                    "crops": cut,
                    "classes": [],
                }
            )
        places, projection = _places(np.maximum(contributions, 0))
        shown = []
        for row, (x, y) in enumerate(places):
            name = f"image-{row + 1:03d}.webp"
            files[name] = webp(shrunk(as_colours(self._images[row]), side), PHOTOGRAPH)
            shown.append(
                {
                    "file": name,
                    "image": self._photographs.name(self._indices[row]),
                    "x": x,
                    "y": y,
                    "concept": int(contributions[row].argmax()),
                    "probability": float(seen.probabilities[row]),
                }
            )
        record = {
            "layer": bank.layer,
            "patch_size": patch_size,
            "accuracy": float(np.mean(reader.classify(seen.maps) == number)),
            "explained_accuracy": float(np.mean(reader.classify(coefficients @ bank.directions) == number)),
            "projection": projection,
            "concepts": listed,
            "images": shown,
        }
        return record, files

    def _crops(
        self, scores: np.ndarray, concept: int, patch_size: int, count: int, side: int
    ) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
        """The patches of the largest coefficients, cut from the images at twice the size that the model sees."""
        height, width = self._images.shape[1:3]
        grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1)
        corners = extract_patches(grid[None].astype("float32"), patch_size)[:, 0, 0].astype(int)
        # So that no image has more than twice its part.
        most = -(-2 * count // len(self._images))
        taken = np.zeros(len(self._images), int)
        cut: list[dict[str, Any]] = []
        files: dict[str, bytes] = {}
        for patch in np.argsort(-scores, kind="stable").tolist():
            row, place = divmod(patch, len(corners))
            if len(cut) == count or scores[patch] <= 0:
                break
            if taken[row] == most:
                continue
            taken[row] += 1
            (large,) = self._photographs.source.read([self._indices[row]], (2 * height, 2 * width))
            (top, left), size = 2 * corners[place], 2 * patch_size
            name = f"concept-{concept:02d}-crop-{len(cut) + 1:02d}.webp"
            files[name] = webp(shrunk(as_colours(large[top : top + size, left : left + size]), side), PHOTOGRAPH)
            image = self._photographs.name(self._indices[row])
            cut.append({"file": name, "score": float(scores[patch]), "image": image})
        return cut, files


def _ranked(bank: ConceptBank) -> ConceptBank:
    order = bank.ranking()
    importances = None if bank.importances is None else bank.importances[order]
    return ConceptBank(bank.directions[order], bank.layer, importances)


def _name(number: int, class_names: Sequence[str] | None, photographs: Photographs) -> str:
    names = class_names or ()
    return names[number] if number < len(names) else photographs.class_name(number) or str(number)


def _places(points: np.ndarray) -> tuple[list[list[float]], str]:
    """The places of points on a map, in [0, 1], and the method."""
    coordinates, method = project(points)
    return to_unit_square(coordinates).tolist(), method


def _link(store: Store, keys: Sequence[str]) -> None:
    """Enter into records the classes that have a concept of a similar direction. Only what changes is written.

    Args:
        store: the atlas, whose other classes another run may be writing.
        keys: the keys of the records that are completed.
    """
    records, banks = {}, {}
    for key in store.keys(SECTION):
        with contextlib.suppress(ValueError, OSError, EOFError):
            records[key], banks[key] = store.read(SECTION, key), np.load(store.path(SECTION, key, DIRECTIONS))
    # All classes of an atlas are explained in one layer.
    directions = np.concatenate(list(banks.values())) if banks else np.zeros((0, 1))
    owners = [(records[key]["index"], concept["key"]) for key in banks for concept in records[key]["concepts"]]
    for key in keys:
        record, changed = records[key], False
        cosines = np.round(banks[key] @ directions.T, 4)
        for concept, row in zip(record["concepts"], cosines, strict=True):
            similar = [
                {"index": owners[other][0], "key": owners[other][1], "cosine": round(float(row[other]), 4)}
                for other in np.argsort(-row, kind="stable")
                if row[other] > _SHARED and owners[other][0] != record["index"]
            ][:_LISTED]
            changed |= similar != concept["classes"]
            concept["classes"] = similar
        if changed:
            files = {name: store.path(SECTION, key, name).read_bytes() for name in record["files"]}
            kept = {name: value for name, value in record.items() if name not in ("files", "checksum")}
            store.write(SECTION, key, kept, files)


def _units(store: Store, key: str) -> list[Unit]:
    record, directions = store.read(SECTION, key), np.load(store.path(SECTION, key, DIRECTIONS))
    names = [f"{record['name']}, concept {concept['number']}" for concept in record["concepts"]]
    bank = ConceptBank(directions, record["layer"], names=names)
    return [
        Unit(concept["key"], "concept", record["layer"], place, names[place], Concept(bank, place))
        for place, concept in enumerate(record["concepts"])
    ]
