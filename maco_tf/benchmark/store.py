"""The images of a benchmark on disk, so that an interrupted benchmark can go on."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf.display.files import write_png


class ImageStore:
    """PNG files `images/<model>/<method>/<class>_<seed>.png`, and the seconds that each took to make.

    Args:
        folder: where the images are; made with the first one.
        compute: dictionary of the settings that the images depend on, besides model, method, class and seed.

    Raises:
        ValueError: the folder holds images that were made with other settings.
    """

    def __init__(self, folder: str | os.PathLike[str], compute: Mapping[str, Any]) -> None:
        self.folder, self._compute = Path(folder), compute
        self._settings = self.folder / "settings.json"
        _check_same(self._settings, compute)
        self._times = self.folder / "seconds.jsonl"

    def settle(self, model: str, method: str, config: Mapping[str, Any]) -> None:
        """Record the configuration of a method, so that images of two configurations are never mixed.

        Args:
            model: name.
            method: name.
            config: dictionary of everything else that the method's images depend on.

        Raises:
            ValueError: the folder holds images that were made with another configuration.
        """
        # Written and read once, because JSON turns tuples into lists.
        config = json.loads(json.dumps(config))
        file = self.folder / "images" / model / method / "config.json"
        _check_same(file, config)
        for path, content in ((self._settings, self._compute), (file, config)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, indent=1), encoding="utf-8")

    def path(self, model: str, method: str, index: int, seed: int) -> Path:
        """The file of an image, whether or not it exists.

        Args:
            model: name.
            method: name.
            index: class number.
            seed: integer.
        """
        return self.folder / "images" / model / method / f"{index:03d}_{seed}.png"

    def write(self, model: str, method: str, index: int, seed: int, image: np.ndarray, seconds: float) -> None:
        """Write an image. Its file appears only when it is complete.

        Args:
            model: name.
            method: name.
            index: class number.
            seed: integer.
            image: array (height, width, 3) in [0, 1].
            seconds: the time that the image took to make.
        """
        path = self.path(model, method, index, seed)
        unfinished = write_png(path.with_name(f".{path.name}"), image)
        line = {"model": model, "method": method, "class": index, "seed": seed, "seconds": round(seconds, 2)}
        with self._times.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        os.replace(unfinished, path)

    def seconds(self) -> dict[tuple[str, str, int, int], float]:
        """The time that images took to make.

        Returns:
            Dictionary, (model, method, class, seed) -> seconds when the image was last made.
        """
        seconds = {}
        if self._times.exists():
            for line in self._times.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    continue  # The line was cut off when a run was killed.
                seconds[row["model"], row["method"], row["class"], row["seed"]] = row["seconds"]
        return seconds


def _check_same(file: Path, wanted: Mapping[str, Any]) -> None:
    if not file.exists():
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    if before != wanted:
        keys = before.keys() | wanted.keys()
        changed = [key for key in sorted(keys) if before.get(key) != wanted.get(key)]
        old, new = ({key: content.get(key) for key in changed} for content in (before, wanted))
        raise ValueError(
            f'"folder" must be new, or hold a benchmark of the same settings. Received: {file.parent}, whose images '
            f"were made with {old}, not with {new}. Use another folder."
        )
