"""Find the images that activate units most, in one pass over any number of images."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_choice, check_flag, check_integer, check_shard, warn_user
from maco_tf.exemplars.checkpoint import Checkpoint, objective_arrays
from maco_tf.exemplars.near_duplicates import perceptual_hash
from maco_tf.exemplars.ranks import RANKS, UnitRanks, Units
from maco_tf.exemplars.records import Record
from maco_tf.exemplars.result import Exemplars
from maco_tf.exemplars.source import Batch, ImageSource
from maco_tf.exemplars.tally import Tally, empty_state
from maco_tf.images.image_set import Images, ImageSet
from maco_tf.models.activations import LOGITS, Activations
from maco_tf.models.digests import digest, weights_digest
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.optimization.loop import Interrupts, check_verbose

# With distinct=True, this many times "count" images are kept, of which near duplicates are left out.
_CANDIDATES = 4
# Largest number of different bits in the hashes of near duplicates. Measured on 1,300 photographs of ImageNet: all
# copies of JPEG quality 30, of 96 pixels or 1.2 times as bright lie within it, and 98% of those without a margin of
# 2.5% at each side; of 844,350 pairs of different photographs none does.
_DISTANCE = 10


def find_exemplars(
    model: keras.Model,
    units: Units,
    images: "Images | ImageSet | ImageSource",
    count: int = 9,
    *,
    labels: Sequence[int] | np.ndarray | Mapping[str, int] | None = None,
    rank: str = "max",
    distinct: bool = False,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    batch_size: int = 32,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 500,
    shard: tuple[int, int] = (0, 1),
    verbose: int | str = "auto",
) -> Exemplars:
    """Find the images that activate each of several units most and least, and gather statistics of the units.

        found = find_exemplars(model, ["block3b_add", "block5c_add"], "imagenet/val", checkpoint="exemplars")
        found["block5c_add:10"].show()

    One pass over the images serves all units of all layers. Images are read, decoded and resized in parallel to the
    model, and none is kept, so the memory does not depend on their number. The model sees the centre of each image.

    Args:
        model: see `MacoVisualizer`.
        units: an `Objective` of any length; the name of a layer, for all its channels or features; or a list of these.
        images: a folder (flat, or with one subfolder for every class), a list of paths, an array, a list of arrays or
            of images of Pillow, a finite `tf.data.Dataset` of images or of tuples `(image, class)`, or an
            `ImageSource`. Damaged files are left out, and a warning lists them.
        count: number of images to find for each unit, at either end.
        labels: the classes of the images; see `ImageSource`.
        rank: the value by which images are ranked: "max" or "mean" over the positions of a `Channel` or `Direction`, or
            "relevance", which needs classes; see `UnitRanks`. Other objectives are ranked by their score.
        distinct: whether to leave out images that nearly repeat a better one of the same unit: their perceptual hashes
            differ in at most 10 of 64 bits, as after compression or resizing, but not after reflection. Then 4 x
            `count` candidates are kept for each unit; where more than three quarters of them are left out, the index -1
            stands for the missing images, and a warning says so.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        batch_size: number of images that the model sees at once.
        checkpoint: a file ending in `.npz`, or a folder. The state of the search is written to it now and then, when it
            is interrupted and at the end, and a call with the same arguments goes on from there. Another batch size is
            allowed. Functions, as a preprocessing or in a `Lambda`, are not compared.
        checkpoint_every: number of batches between two checkpoints.
        shard: `(number, count)` searches every `count`-th image only, beginning with this number, so that several
            machines can share the work; `Exemplars.merge` joins their results.
        verbose: 0 is silent; 1 or "auto" shows a progress bar, and 2 shows its last line.

    Returns:
        An `Exemplars`.

    Raises:
        ValueError: a unit does not fit the model, the images or classes are not what they must be, there are fewer than
            `count` images, or the checkpoint belongs to another search.
        FloatingPointError: the model returns NaN or infinity.
        KeyboardInterrupt: the search was interrupted with Ctrl-C; the checkpoint is written first.
    """
    count, batch_size = check_integer("count", count, 1), check_integer("batch_size", batch_size, 1)
    checkpoint_every = check_integer("checkpoint_every", checkpoint_every, 1)
    shard, distinct = check_shard(shard), check_flag("distinct", distinct)
    rank = check_choice("rank", rank, RANKS)
    check_verbose(verbose)
    activations = Activations(model, preprocessing, input_shape, fold=True)
    # Checked before the images, because the two are easily swapped.
    ranks = UnitRanks(activations, units, rank)
    channels = activations.input_shape[2]
    source = images if isinstance(images, ImageSource) else ImageSource(images, channels, labels=labels)
    if source is images and labels is not None:
        raise ValueError('"labels" must be given to the ImageSource. Received: labels beside it.')
    if source.channels != channels:
        raise ValueError(f'"images" must have {channels} channel(s): ImageSource(images, {channels}).')
    _check_classes(source, activations, rank)
    total = None if source.count is None else len(range(shard[0], source.count, shard[1]))
    if total is not None and shard[1] == 1 and not distinct and total < count:
        raise ValueError(f'"count" must not exceed the number of images, {total}. Received: {count}.')
    if verbose:
        activations.say_range()
    config: dict[str, Any] = {
        "model": model.name,
        "weights": weights_digest(model),
        "parameters": digest(objective_arrays(units)),
        "preprocessing": activations.preprocessing if isinstance(activations.preprocessing, str | None) else "function",
        "input_shape": list(activations.input_shape),
        "images": source.digest(),
        "labels": digest([] if source.labels is None else [source.labels]) if source.labelled else None,
        "rank": rank,
        "count": count,
        "distinct": distinct,
        "distance": _DISTANCE,
        "shards": [list(shard)],
        "complete": False,
        "damaged": [],
    }
    file = None if checkpoint is None else Checkpoint(checkpoint, shard)
    earlier = None if file is None else file.read(ranks.names, config)
    if earlier is None:
        keep = count * _CANDIDATES if distinct else count
        state = empty_state(len(ranks.names), keep, source.classes_to_count())
    else:
        state, config = earlier.state, earlier.config
    record = Record(ranks.names, state, config, source, source.classes)
    if not config["complete"]:
        number = batch_size if total is None else max(1, min(batch_size, total))
        record = _search(activations, ranks, record, number, total, file, checkpoint_every, verbose)
    found = Exemplars(*record)
    source.warn_of_damaged(record.config["damaged"])
    _warn_of_missing(found)
    return found


def _search(
    activations: Activations,
    ranks: UnitRanks,
    record: Record,
    batch_size: int,
    total: int | None,
    file: Checkpoint | None,
    checkpoint_every: int,
    verbose: int | str,
) -> Record:
    """Update a state with all images that are left."""
    source, config, tally = record.source, record.config, Tally(record.state)
    assert source is not None
    shape, shard, rank = activations.input_shape, tuple(config["shards"][0]), config["rank"]
    begun = int(record.state["following"])

    def scored(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        hashes = perceptual_hash(images) if config["distinct"] else tf.fill([batch_size], tf.constant(-1, tf.int64))
        return ranks(images, labels), hashes

    score = tf.function(scored, autograph=False).get_concrete_function(
        tf.TensorSpec((batch_size, *shape), tf.float32), tf.TensorSpec((batch_size,), tf.int64)
    )

    def snapshot(complete: bool = False) -> Record:
        state = tally.state()
        damaged = sorted({*config["damaged"], *(i for i in source.damaged if complete or i < state["following"])})
        return record._replace(state=state, config={**config, "complete": complete, "damaged": damaged})

    progress = _Progress(total, begun // shard[1], verbose)
    try:
        with Interrupts() as interrupts:
            for number, batch in enumerate(source.batches(shape[:2], batch_size, start=begun, shard=shard)):
                images, indices, labels = _filled(batch, batch_size)
                if rank == "relevance":
                    indices = np.where(labels < 0, -1, indices)
                scores, hashes = score(images, tf.constant(labels))
                tally.update(scores, indices, labels, hashes, int(batch.indices[-1]) + 1)
                saving = file is not None and (number + 1) % checkpoint_every == 0
                if number == 0 or saving:
                    _check_finite(tally)
                if saving and file is not None:
                    file.write(snapshot())
                progress.update(int(batch.indices[-1]) // shard[1] + 1, len(batch.indices))
                if interrupts.noted:
                    raise KeyboardInterrupt
        _check_finite(tally)
    except BaseException:
        if file is not None and not tally.not_finite:
            file.write(snapshot())
        raise
    progress.finish()
    finished = snapshot(complete=True)
    if not finished.state["images"] and shard[1] == 1:
        raise ValueError('"images" must hold at least one image that can be read. Received: none.')
    if file is not None:
        file.write(finished)
    return finished


class _Progress:
    """Keras's progress bar with the number of images per second."""

    def __init__(self, total: int | None, begun: int, verbose: int | str) -> None:
        self._bar = keras.utils.Progbar(
            total,
            verbose=1 if verbose == "auto" else int(verbose),
            unit_name="image",
            stateful_metrics=["images per second"],
        )
        self._position, self._seen, self._total, self._start = begun, 0, total, time.monotonic()

    def update(self, position: int, images: int) -> None:
        """Show that all images before a position are done."""
        self._position, self._seen = position, self._seen + images
        if self._position != self._total:
            self._bar.update(position, values=self._values())

    def finish(self) -> None:
        """Show that all images are done; the last of them may have been damaged."""
        self._bar.update(self._total or self._position, values=self._values(), finalize=True)

    def _values(self) -> list[tuple[str, float]]:
        return [("images per second", self._seen / max(time.monotonic() - self._start, 1e-9))]


def _filled(batch: Batch, size: int) -> Batch:
    """A batch filled up with blank images of the index -1, so that one trace serves all batches."""
    missing = size - len(batch.indices)
    if not missing:
        return batch
    images = tf.pad(batch.images, ((0, missing), (0, 0), (0, 0), (0, 0)))
    indices, labels = (np.pad(values, (0, missing), constant_values=-1) for values in (batch.indices, batch.labels))
    return Batch(images, indices, labels)


def _check_finite(tally: Tally) -> None:
    if tally.not_finite:
        raise FloatingPointError(
            f"The activations must be finite. Received: {tally.not_finite} values that are NaN or infinite. Likely "
            "causes: weights that are not finite, float16 that overflows, or the wrong preprocessing."
        )


def _check_classes(source: ImageSource, activations: Activations, rank: str) -> None:
    """Relevance needs a logit for the class of every image."""
    if rank != "relevance":
        return
    if not source.labelled:
        raise ValueError(
            '"labels" must be given for rank="relevance", or come from the subfolders of a folder or from a dataset of '
            "(image, class). Received: images without classes."
        )
    shape = activations.shapes([LOGITS])[LOGITS]
    if len(shape) != 1:
        raise ValueError(f'"rank" must not be "relevance" for a model whose output has the shape {shape}.')
    highest = -1 if source.labels is None else int(source.labels.max())
    if shape[0] is not None and highest >= shape[0]:
        raise ValueError(f'"labels" must lie in 0..{shape[0] - 1}, the classes of the model. Received: {highest}.')


def _warn_of_missing(found: Exemplars) -> None:
    missing = int((found.indices < 0).any(axis=1).sum())
    if found.config["distinct"] and missing:
        warn_user(
            f"{missing} of {len(found)} units have fewer than {found.config['count']} distinct images among their best "
            f"{_CANDIDATES * found.config['count']}; the index -1 stands for the missing ones. Search more images, or "
            "lower the count."
        )
