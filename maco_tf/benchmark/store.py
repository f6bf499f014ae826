"""The images of a benchmark on disk, so that an interrupted one goes on."""

import json
import os
from pathlib import Path

from maco_tf.display.files import write_png


class ImageStore:
    """PNG files `images/<model>/<method>/<class>_<seed>.png`, and how long each took.

    Args:
        folder: where; made with the first image.
        compute: dictionary of the settings that images depend on besides model, method, class and seed.

    Raises:
        ValueError: the folder holds images of other settings.
    """

    def __init__(self, folder, compute):
        self.folder, self._compute = Path(folder), compute
        self._settings = self.folder / "settings.json"
        _check_same(self._settings, compute)
        self._times = self.folder / "seconds.jsonl"

    def settle(self, model, method, config):
        """Keep what else the images of a method depend on, so that images of two recipes do not mix.

        Args:
            model: name.
            method: name.
            config: dictionary.

        Raises:
            ValueError: the folder holds images of another.
        """
        # As JSON reads it back.
        config = json.loads(json.dumps(config))
        file = self.folder / "images" / model / method / "config.json"
        _check_same(file, config)
        for path, content in ((self._settings, self._compute), (file, config)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, indent=1), encoding="utf-8")

    def path(self, model, method, index, seed):
        """Where an image is, or will be."""
        return self.folder / "images" / model / method / f"{index:03d}_{seed}.png"

    def write(self, model, method, index, seed, image, seconds):
        """Keep an image; a file is there whole or not at all.

        Args:
            model: name.
            method: name.
            index: class number.
            seed: integer.
            image: array (height, width, 3) in [0, 1].
            seconds: what it took.
        """
        path = self.path(model, method, index, seed)
        unfinished = write_png(path.with_name(f".{path.name}"), image)
        line = {"model": model, "method": method, "class": index, "seed": seed, "seconds": round(seconds, 2)}
        with self._times.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        os.replace(unfinished, path)

    def seconds(self):
        """Dictionary, (model, method, class, seed) -> seconds that the image took when it was last made."""
        found = {}
        if self._times.exists():
            for line in self._times.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    continue  # Cut off when a run was killed; its image may be there all the same.
                found[row["model"], row["method"], row["class"], row["seed"]] = row["seconds"]
        return found


def _check_same(file, wanted):
    if not file.exists():
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    if before != wanted:
        keys = before.keys() | wanted.keys()
        changed = [key for key in sorted(keys) if before.get(key) != wanted.get(key)]
        old, new = ({key: content.get(key) for key in changed} for content in (before, wanted))
        raise ValueError(
            f'"folder" must be new, or hold a benchmark of the same settings. Received: {file.parent}, made with '
            f"{old} and not {new}."
        )
