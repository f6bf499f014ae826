"""The images of a benchmark on disk, so that an interrupted benchmark can go on."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maco_tf.benchmark.explainer import Picture
from maco_tf.display.files import read_png, write_png


class ImageStore:
    """PNG files `images/<model>/<method>/<class>_<seed>.png`, and the seconds that each took to make.

    Their transparency is kept in files of the same names under `transparency/`, divided by its maximum. Several
    processes may write into one folder if they make different images.

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
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished = path.with_name(f".{path.name}.{os.getpid()}")
                unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
                os.replace(unfinished, path)

    def path(self, model: str, method: str, index: int, seed: int) -> Path:
        """The file of an image, whether or not it exists.

        Args:
            model: name.
            method: name.
            index: class number.
            seed: integer.
        """
        return self.folder / "images" / model / method / f"{index:03d}_{seed}.png"

    def transparency(self, model: str, method: str, index: int, seed: int) -> np.ndarray:
        """The transparency of an image.

        Args:
            model: name.
            method: name.
            index: class number.
            seed: integer.

        Returns:
            Array (height, width), float32 in [0, 1], in steps of 1 / 255; 1 where it is largest.

        Raises:
            OSError: it is unknown, as in folders of earlier versions.
        """
        return read_png(self._transparency_path(self.path(model, method, index, seed)))[..., 0]

    def write(self, model: str, method: str, index: int, seed: int, picture: Picture, seconds: float) -> None:
        """Write an image and its transparency. The image's file appears last, and only when it is complete.

        Args:
            model: name.
            method: name.
            index: class number.
            seed: integer.
            picture: a `Picture`.
            seconds: the time that the image took to make.
        """
        path = self.path(model, method, index, seed)
        if picture.transparency is not None:
            shares = picture.transparency / max(float(np.max(picture.transparency)), 1e-12)
            write_png(self._transparency_path(path), np.repeat(shares[..., None], 3, axis=-1))
        unfinished = write_png(path.with_name(f".{path.name}"), picture.image)
        line = {"model": model, "method": method, "class": index, "seed": seed, "seconds": round(seconds, 2)}
        with self._times.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        os.replace(unfinished, path)

    def _transparency_path(self, path: Path) -> Path:
        return self.folder / "transparency" / path.relative_to(self.folder / "images")

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
            f'"folder" must be new, or hold a benchmark with the same settings. Received: {file.parent}, whose images '
            f"were made with {old}, not with {new}. Use another folder."
        )
