"""The images of a benchmark on disk, so that an interrupted one goes on."""

import json
import os
from pathlib import Path

from maco_tf.display.files import write_png


class ImageStore:
    """PNG files `images/<model>/<method>/<class>_<seed>.png`, and how long each took.

    Args:
        folder: where; made if absent.
        compute: dictionary of the settings that images depend on besides model, method, class and seed.

    Raises:
        ValueError: the folder holds images of other settings.
    """

    def __init__(self, folder, compute):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "settings.json"
        if file.exists():
            before = json.loads(file.read_text(encoding="utf-8"))
            if before != compute:
                raise ValueError(
                    f'"folder" must be new, or hold a benchmark of the same compute. Received: {folder}, made with '
                    f"{before} and not {compute}."
                )
        else:
            file.write_text(json.dumps(compute, indent=1), encoding="utf-8")
        self._times = self.folder / "seconds.jsonl"

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
        """Dictionary, (model, method) -> list of seconds an image."""
        found = {}
        if self._times.exists():
            for line in self._times.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                found.setdefault((row["model"], row["method"]), []).append(row["seconds"])
        return found
