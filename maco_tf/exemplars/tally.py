"""The running state of a search: exact extremes, sums and tables of classes, and a uniform sample of the images.

The size of the state depends on the number of units, exemplars and classes, and not on the number of images. Two states
of different images merge into the state of all of them.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

# Number of images in the sample, and of the highest scores that are kept for each class.
SAMPLE, CLASS_TOP = 2048, 10

# Everything that is kept of an image besides its score.
KINDS = ("indices", "labels", "hashes")

State = dict[str, np.ndarray]


def empty_state(units: int, keep: int, classes: int | None = None, sample: int = SAMPLE) -> State:
    """The state before the first image.

    Args:
        units: number of units.
        keep: number of images to keep at either end.
        classes: number of classes; `None` keeps no table of classes. A higher class makes the table grow.
        sample: number of images in the sample.

    Returns:
        Dictionary of arrays:

        - "top_scores" (units, keep), float32, and "top_indices", "top_labels", "top_hashes" (units, keep), int64: the
          images of the highest scores in descending order, of equal scores the lower index first; -inf and -1 where
          there are fewer;
        - "low_scores" and so on: the images of the lowest scores in ascending order, and inf where there are fewer;
        - "sum", "squares" (units,), float64; "active" (units,), int64: the number of images with a score above 0;
        - "images", "not_finite", "following", int64: the number of images, of scores that are NaN or infinite, and the
          index at which to go on;
        - "sample_indices" (sample,), int64, and "sample_scores" (sample, units), float32: the images of the sample;
        - "class_top" (classes, 10, units), float32, in descending order, and "class_images" (classes,), int64, if
          there are classes.
    """
    state = {
        "top_scores": np.full((units, keep), -np.inf, "float32"),
        "low_scores": np.full((units, keep), np.inf, "float32"),
        **{f"{end}_{kind}": np.full((units, keep), -1) for end in ("top", "low") for kind in KINDS},
        "sum": np.zeros(units),
        "squares": np.zeros(units),
        "active": np.zeros(units, "int64"),
        **{name: np.zeros((), "int64") for name in ("images", "not_finite", "following")},
        "sample_indices": np.full(sample, -1),
        "sample_scores": np.zeros((sample, units), "float32"),
    }
    if classes is not None:
        state["class_top"] = np.full((classes, CLASS_TOP, units), -np.inf, "float32")
        state["class_images"] = np.zeros(classes, "int64")
    return state


class Tally:
    """A state that batches of scores update in place, on the device.

    Args:
        state: a state, as `empty_state` or `state` returns it.
    """

    def __init__(self, state: Mapping[str, np.ndarray]) -> None:
        # A further row takes the images that do not enter the sample; the first class those without one.
        padded = dict(state)
        padded["sample_indices"] = np.append(state["sample_indices"], -1)
        padded["sample_scores"] = np.pad(state["sample_scores"], ((0, 1), (0, 0)))
        for name, empty in (("class_top", -np.inf), ("class_images", 0)):
            if name in padded:
                value = padded[name]
                padded[name] = np.pad(value, ((1, 0), *((0, 0),) * (value.ndim - 1)), constant_values=empty)
        self._variables = {
            name: tf.Variable(value, shape=(None, *value.shape[1:]) if name.startswith("class") else value.shape)
            for name, value in padded.items()
        }
        self._sample = state["sample_indices"].copy()
        self._priorities = priorities(self._sample)
        # A concrete function, since TensorFlow warns of tf.functions that are made again and again.
        self._update = tf.function(self._updated, autograph=False).get_concrete_function(
            tf.TensorSpec((None, len(state["sum"])), tf.float32),
            *[tf.TensorSpec((None,), tf.int64)] * 3,
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((), tf.int64),
        )

    def update(
        self, scores: tf.Tensor, indices: np.ndarray, labels: np.ndarray, hashes: tf.Tensor, following: int
    ) -> None:
        """Add a batch of images.

        Args:
            scores: float32 tensor (batch, units).
            indices: array (batch,), int64, above those of earlier batches and in ascending order. Rows of the index -1
                are left out.
            labels: array (batch,), int64; -1 is unknown.
            hashes: int64 tensor (batch,), see `perceptual_hash`.
            following: index at which to go on after this batch.
        """
        if "class_top" in self._variables:
            self._reserve(int(labels.max(initial=-1)) + 2)
        slots = self._slots(indices)
        numbers = (tf.constant(values) for values in (indices, labels))
        self._update(scores, *numbers, hashes, tf.constant(slots), tf.constant(following, tf.int64))

    @property
    def not_finite(self) -> int:
        """Number of scores so far that are NaN or infinite."""
        return int(self._variables["not_finite"])

    def state(self) -> State:
        """The state, see `empty_state`, as arrays on the host."""
        state = {name: variable.numpy() for name, variable in self._variables.items()}
        state["sample_indices"], state["sample_scores"] = state["sample_indices"][:-1], state["sample_scores"][:-1]
        for name in ("class_top", "class_images"):
            if name in state:
                state[name] = state[name][1:]
        return {name: np.asarray(value) for name, value in state.items()}

    def _reserve(self, rows: int) -> None:
        """Make the table of classes longer if it is too short."""
        table, counts = self._variables["class_top"], self._variables["class_images"]
        present = int(tf.shape(counts)[0])
        if rows > present:
            added = max(rows, 2 * present) - present
            table.assign(tf.pad(table, ((0, added), (0, 0), (0, 0)), constant_values=-np.inf))
            counts.assign(tf.pad(counts, ((0, added),)))

    def _slots(self, indices: np.ndarray) -> np.ndarray:
        """The row of the sample that each image of a batch takes; the row after the last for those that take none."""
        none = len(self._sample)
        slots = np.full(len(indices), none, "int32")
        taken: dict[int, int] = {}
        for row, priority in enumerate(priorities(indices)):
            slot = int(self._priorities.argmax())
            if indices[row] >= 0 and priority < self._priorities[slot]:
                self._priorities[slot], self._sample[slot] = priority, indices[row]
                # A later image of the batch may take the place of an earlier one.
                slots[taken.get(slot, row)] = none
                slots[row], taken[slot] = slot, row
        return slots

    def _updated(
        self,
        scores: tf.Tensor,
        indices: tf.Tensor,
        labels: tf.Tensor,
        hashes: tf.Tensor,
        slots: tf.Tensor,
        following: tf.Tensor,
    ) -> None:
        """One call changes everything, so that an interrupt cannot come between two changes."""
        state = self._variables
        valid, finite = indices >= 0, tf.math.is_finite(scores)
        counted = valid[:, None] & finite
        across = tf.transpose(scores)
        for end, sign in (("top", 1.0), ("low", -1.0)):
            candidates = sign * tf.where(tf.transpose(counted), across, -sign * np.inf)
            merged = tf.concat([sign * state[f"{end}_scores"], candidates], 1)
            # Of equal values, top_k returns the first, and earlier images come first.
            values, order = tf.math.top_k(merged, state[f"{end}_scores"].shape[1])
            state[f"{end}_scores"].assign(sign * values)
            for name, new in zip(KINDS, (indices, labels, hashes)):
                column = tf.broadcast_to(new[None], tf.shape(candidates, tf.int64))
                every = tf.concat([state[f"{end}_{name}"], column], 1)
                state[f"{end}_{name}"].assign(tf.gather(every, order, batch_dims=1))
        exact = tf.cast(tf.where(counted, scores, 0.0), tf.float64)
        state["sum"].assign_add(tf.reduce_sum(exact, 0))
        state["squares"].assign_add(tf.reduce_sum(tf.square(exact), 0))
        state["active"].assign_add(tf.reduce_sum(tf.cast(exact > 0, tf.int64), 0))
        state["images"].assign_add(tf.reduce_sum(tf.cast(valid, tf.int64)))
        state["not_finite"].assign_add(tf.reduce_sum(tf.cast(valid[:, None] & ~finite, tf.int64)))
        state["following"].assign(following)
        # Scatters of integers into variables have no kernel on a GPU; those into tensors have.
        sampled = tf.tensor_scatter_nd_update(state["sample_indices"], slots[:, None], indices)
        state["sample_indices"].assign(sampled)
        state["sample_scores"].scatter_update(tf.IndexedSlices(scores, slots))
        if "class_top" in state:
            # Invalid rows count in the class of the unlabelled, which is dropped.
            rows = tf.where(valid, labels, -1) + 1
            counts = tf.tensor_scatter_nd_add(state["class_images"], rows[:, None], tf.ones_like(rows))
            state["class_images"].assign(counts)
            self._insert(scores, rows)

    def _insert(self, scores: tf.Tensor, rows: tf.Tensor) -> None:
        """Insert scores into the sorted columns of their classes, one image of every class at a time."""
        table = self._variables["class_top"]
        # How many earlier images of the batch have the same class. The row of the unlabelled may hold anything.
        same = tf.cast(rows[:, None] == rows, tf.int32)
        turns = tf.where(rows > 0, tf.reduce_sum(tf.linalg.band_part(same, -1, 0), axis=1) - 1, 0)

        def insert(turn: tf.Tensor) -> tf.Tensor:
            images = tf.where(turns == turn)[:, 0]
            classes = tf.gather(rows, images)
            columns = table.sparse_read(classes)
            # A place keeps its value, or takes the new one, or takes that of the place above.
            above = tf.pad(columns[:, :-1], ((0, 0), (1, 0), (0, 0)), constant_values=np.inf)
            inserted = tf.maximum(columns, tf.minimum(above, tf.gather(scores, images)[:, None]))
            with tf.control_dependencies([table.scatter_update(tf.IndexedSlices(inserted, classes))]):
                return turn + 1

        last = tf.reduce_max(turns)
        tf.while_loop(lambda turn: turn <= last, insert, (tf.constant(0),), parallel_iterations=1)


def priorities(indices: np.ndarray) -> np.ndarray:
    """A fixed pseudo-random number for each index; the sample holds the images with the lowest ones.

    So the sample is uniform, and depends neither on the order of the images nor on their number per batch.

    Args:
        indices: array of integers; negative ones stand for free places and get the largest number.

    Returns:
        Array of the same shape, uint64.

    Source: SplitMix64 (Steele et al., OOPSLA 2014), a bijection.
    """
    with np.errstate(over="ignore"):
        mixed = np.asarray(indices).astype("uint64") + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return np.where(np.asarray(indices) < 0, np.iinfo("uint64").max, mixed)


def merge_states(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> State:
    """The state of the images of two states, exact but for the rounding of the sums in float64.

    Args:
        first: a state of some images.
        second: a state of other images with the same units, in either order.

    Returns:
        A state.
    """
    merged: State = {}
    keep = first["top_scores"].shape[1]
    for end, sign in (("top", -1), ("low", 1)):
        both = {
            f"{end}_{name}": np.concatenate([state[f"{end}_{name}"] for state in (first, second)], axis=1)
            for name in ("scores", *KINDS)
        }
        order = np.lexsort((both[f"{end}_indices"], sign * both[f"{end}_scores"]), axis=1)[:, :keep]
        merged |= {name: np.take_along_axis(values, order, 1) for name, values in both.items()}
    for name in ("sum", "squares", "active", "images", "not_finite"):
        merged[name] = first[name] + second[name]
    merged["following"] = np.maximum(first["following"], second["following"])
    indices = np.concatenate([first["sample_indices"], second["sample_indices"]])
    chosen = np.argsort(priorities(indices), kind="stable")[: len(first["sample_indices"])]
    merged["sample_indices"] = indices[chosen]
    merged["sample_scores"] = np.concatenate([first["sample_scores"], second["sample_scores"]])[chosen]
    if "class_top" in first and "class_top" in second:
        classes = max(len(first["class_top"]), len(second["class_top"]))
        tables = [
            np.pad(
                state["class_top"], ((0, classes - len(state["class_top"])), (0, 0), (0, 0)), constant_values=-np.inf
            )
            for state in (first, second)
        ]
        merged["class_top"] = -np.sort(-np.concatenate(tables, axis=1), axis=1)[:, :CLASS_TOP]
        counts = [np.pad(state["class_images"], (0, classes - len(state["class_images"]))) for state in (first, second)]
        merged["class_images"] = counts[0] + counts[1]
    return merged
