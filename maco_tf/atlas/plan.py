"""What an atlas holds: units, seeds, method and natural images, checked before anything is computed."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from maco_tf.atlas.chunks import plan_chunks
from maco_tf.atlas.class_activations import class_count
from maco_tf.atlas.cost import Cost, measure_cost
from maco_tf.atlas.describe import describe
from maco_tf.atlas.photographs import warn_of_classes_without_images, warn_of_folders
from maco_tf.atlas.record_store import MANIFEST, Store
from maco_tf.atlas.unit_specs import Specs, class_names, class_numbers, find_units
from maco_tf.checks import check_integer, settled
from maco_tf.exemplars.source import ImageSource
from maco_tf.models.layers import find_layer
from maco_tf.objectives.objective import Objective
from maco_tf.objectives.units import plain
from maco_tf.visualizers.maco import MacoVisualizer
from maco_tf.visualizers.registry import find_method
from maco_tf.visualizers.visualizer import Visualizer

# The most images that are optimised together, if the user does not say.
_BATCH_ON_GPU, _BATCH_ON_CPU = 16, 4


class AtlasPlan:
    """What an atlas holds, checked, before anything is computed or written.

    Args:
        model: see `MacoVisualizer`.
        units: texts, objectives or both; see `find_units`. Every entry of a batch of objectives is a unit.
        images: natural images, in which the best ones of each unit are found; see `find_exemplars`.
        concepts: number of concepts of each class; 0 finds none. It needs `images` with classes.
        concept_classes: the classes whose concepts are found: numbers, or text as after "logit:". `None` takes the
            classes among the units.
        seeds: number of images of each unit, with the seeds 0, 1 and so on; or a list of seeds.
        grid: names of layers that get an activation atlas. It needs `images`.
        visualizer: the visualizer that makes the images; `None` makes one of the settings.
        batch: the most images that are optimised together. Results depend on it by rounding, so an atlas keeps the one
            that it began with. `None` is 16 on a GPU and 4 on a CPU.
        model_name: how a command names the model, for the commands in records.
        command: the command that builds the atlas, for the manifest.
        **settings: settings of the visualizer, such as `recipe="fast"`, and "method", its name.

    Attributes:
        visualizer: the visualizer.
        units: list of the units that the arguments name; those of concepts and grids are found by the run.

    Raises:
        ValueError: an argument is wrong, or the model does not have a unit.
    """

    def __init__(
        self,
        model: keras.Model,
        units: Specs,
        *,
        images: Any = None,
        concepts: int = 0,
        concept_classes: str | Sequence[int] | None = None,
        seeds: int | Sequence[int] = 1,
        grid: str | Sequence[str] = (),
        visualizer: Visualizer | None = None,
        batch: int | None = None,
        model_name: str = "MODEL",
        command: str = "",
        **settings: Any,
    ) -> None:
        self.visualizer = _visualizer(model, visualizer, settings)
        self._specs = [units] if isinstance(units, str | Objective) else list(units)
        self.units = find_units(self.visualizer, self._specs)
        self._batch = None if batch is None else check_integer("batch", batch, 1)
        for chunk in {chunk.group: chunk for chunk in plan_chunks(self.units, [0], 1)}.values():
            self.visualizer.check(chunk.objective)
        self.seeds = _seeds(seeds)
        self.concepts = check_integer("concepts", concepts, 0)
        self.grid = [find_layer(model, layer)[0] for layer in ([grid] if isinstance(grid, str) else grid)]
        self.concept_classes = self._concept_classes(concept_classes) if self.concepts else []
        if images is None and (self.concepts or self.grid):
            raise ValueError(
                '"images" must not be None if "concepts" or "grid" is used. Received: None. Pass a folder of images.'
            )
        self.images = _source(images, self.visualizer)
        if self.concepts and self.images is not None and not self.images.labelled:
            raise ValueError(
                '"images" must have classes for "concepts". Received: images without classes. Pass a folder with a '
                "subfolder for every class."
            )
        if self.concepts and self.images is not None:
            names = class_names(self.visualizer)
            # Who passes a source has numbered its classes.
            if self.images is not images:
                warn_of_folders(self.images, class_count(self.visualizer.activations), names)
            warn_of_classes_without_images(self.images, self.concept_classes, names)
        self._named = {"model_name": model_name, "command": command}

    def manifest(self, folder: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """The manifest of the atlas.

        Args:
            folder: the folder of an atlas, which keeps its batch unless another one was asked for.
        """
        return describe(
            self.visualizer,
            self.units,
            self._specs,
            seeds=self.seeds,
            batch=self._batch or _earlier_batch(folder) or _usual_batch(),
            concepts=self.concepts,
            concept_classes=self.concept_classes,
            grid=self.grid,
            images=self.images,
            **self._named,
        )

    def cost(self, folder: str | os.PathLike[str]) -> Cost:
        """Estimate what the rest of the atlas costs, from a few steps of one chunk; nothing is written.

        Args:
            folder: the folder of the atlas, which may be missing.

        Returns:
            A `Cost`; `print` shows it.

        Raises:
            ValueError: see `build`.
        """
        manifest = self.manifest(folder)
        store = Store.find(folder, manifest, overwrite=True)
        chunks = plan_chunks(self.units, self.seeds, manifest["batch"])
        done = set() if store is None else set(store.keys("items"))
        concepts = len(self.concept_classes) * self.concepts * len(self.seeds)
        return measure_cost(self.visualizer, chunks, done, manifest, concepts)

    def _concept_classes(self, classes: str | Sequence[int] | None) -> list[int]:
        if classes is None:
            found = [unit.index for unit in self.units if unit.kind == "logit"]
        else:
            text = classes if isinstance(classes, str) else ",".join(map(str, plain(classes)))
            found = class_numbers(self.visualizer, text)
        if not found:
            raise ValueError('"concept_classes" must name at least one class. Received: None, and no unit is a class.')
        return found


def _visualizer(model: keras.Model, visualizer: Visualizer | None, settings: Mapping[str, Any]) -> Visualizer:
    if visualizer is None:
        settings = dict(settings)
        visualizer = find_method(settings.pop("method", MacoVisualizer.method))(model, **settings)
    elif settings:
        raise ValueError(
            f'"visualizer" must not be combined with settings. Received: {", ".join(settings)} as well. Use '
            "dataclasses.replace(visualizer, ...)."
        )
    if visualizer.model is not model:
        raise ValueError('"visualizer" must explain "model". Received: a visualizer of another model.')
    if visualizer.precision == "auto":
        raise ValueError(
            '"precision" must be fixed, so that all images of an atlas are computed alike. Received: "auto". Choose '
            "the precision that it finds for one objective."
        )
    return visualizer


def _seeds(seeds: int | Sequence[int]) -> list[int]:
    listed = plain(seeds)
    if not isinstance(listed, list | tuple):
        return list(range(check_integer("seeds", listed, 1)))
    found = [check_integer("seeds", seed, 0, 2**31 - 1) for seed in listed]
    if not found or len(set(found)) < len(found):
        raise ValueError(f'"seeds" must be a number of seeds, or a list of different seeds. Received: {seeds!r}.')
    return found


def _source(images: Any, visualizer: Visualizer) -> ImageSource | None:
    if images is None or isinstance(images, ImageSource):
        return images
    return ImageSource(images, settled(visualizer.resolved.input_shape)[2])


def _earlier_batch(folder: str | os.PathLike[str] | None) -> int | None:
    """The batch of the atlas in a folder, if there is one."""
    if folder is None or not (Path(folder) / MANIFEST).is_file():
        return None
    return Store.open(folder).manifest.get("batch")


def _usual_batch() -> int:
    return _BATCH_ON_GPU if tf.config.list_physical_devices("GPU") else _BATCH_ON_CPU
