"""A search that goes on where it was interrupted."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf.exemplars.records import PROGRESS, Record, read_result, write_result
from maco_tf.objectives.objective import Objective


class Checkpoint:
    """The file that holds the state of a search.

    Args:
        path: a file ending in `.npz`; or a folder, which gets a file for each shard.
        shard: `(number, count)`.

    Attributes:
        path: the file.
    """

    path: Path

    def __init__(self, path: str | os.PathLike[str], shard: tuple[int, int]) -> None:
        name = Path(path)
        if name.suffix.lower() != ".npz":
            name = name / (f"exemplars-{shard[0]}-of-{shard[1]}.npz" if shard[1] > 1 else "exemplars.npz")
        self.path = name

    def write(self, record: Record) -> None:
        """Replace the file at once. A failure leaves the earlier one whole."""
        # Not compressed, which would take longer than the images between two checkpoints.
        write_result(self.path, record, compress=False)

    def read(self, names: list[str], config: Mapping[str, Any]) -> Record | None:
        """Read the state of the same search.

        Args:
            names: the names of the units.
            config: the settings of the search.

        Returns:
            A `Record`; `None` if there is no file.

        Raises:
            ValueError: the file is damaged, or of another search.
        """
        if not self.path.exists():
            return None
        record = read_result(self.path, argument="checkpoint")
        described = {key: record.config.get(key) for key in config}
        different = [key for key, value in config.items() if key not in PROGRESS and described[key] != value]
        different += ["shard"] if described["shards"] != config["shards"] else []
        different += ["units"] if record.names != names else []
        if different:
            received = ", ".join(f'other values of "{key}"' for key in different)
            raise ValueError(
                f'"checkpoint" must name a file of the same search. Received: {self.path}, with {received}. Delete '
                "the file, or choose another one."
            )
        return record


def objective_arrays(units: Any) -> Iterator[np.ndarray]:
    """The weights and parameters of objectives, by which two of the same names may differ.

    Args:
        units: see `UnitRanks`.

    Yields:
        Arrays.
    """
    for part in units if isinstance(units, list | tuple) else [units]:
        for weight, term in part.terms if isinstance(part, Objective) else ():
            yield np.asarray(weight)
            yield from (term.parameters[name] for name in sorted(term.parameters))
