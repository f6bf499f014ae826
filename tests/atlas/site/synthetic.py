"""Synthetic atlases of any size: real records with small generated images, without a model.

    python -m tests.atlas.site.synthetic FOLDER --units 100000

Images come from a small pool and are hard links, so that 100,000 items are made within a minute.
"""

import argparse
import dataclasses
import hashlib
import itertools
import json
import os
from pathlib import Path

import cv2
import numpy as np

from maco_tf.atlas.manifest import checksum
from maco_tf.atlas.record_store import Store

# A label that must be shown as text on every page.
EVIL = "<script>alert('x')</script> & \"quotes\""
_WORDS = ("pug", "volcano", "tarantula", "cheeseburger", "flamingo", "lighthouse", "teapot", "zebra", "canoe", "harp")
_POOL = 24


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """What an atlas holds.

    Attributes:
        layers: dictionary, layer -> number of its channels that are explained.
        classes: number of classes of the model, all with a logit.
        pages: number of classes with concepts.
        concepts: concepts of each of them.
        grid: layer of the activation grid, or `None`.
        side: rows and columns of the grid.
        seeds: images of each unit.
        exemplars: natural images of each channel and logit; 0 leaves their records out.
        size: side of the images, pixels.
        label: the name of class 1.
    """

    layers: dict = dataclasses.field(default_factory=lambda: {"block2b_add": 24, "block4c_add": 40, "block6c_add": 64})
    classes: int = 30
    pages: int = 3
    concepts: int = 10
    grid: str | None = "block6c_add"
    side: int = 9
    seeds: int = 2
    exemplars: int = 9
    size: int = 256
    label: str = EVIL

    def build(self, folder):
        """Write the atlas, and return its `Store`."""
        return _Writer(self, Path(folder)).write()


class _Writer:
    def __init__(self, plan, folder):
        self.plan, self.rng = plan, np.random.default_rng(0)
        self.store = Store.create(folder, self._manifest())
        self.pool = folder / ".partial" / "pool"
        self.pool.mkdir(parents=True)
        self.sums = {}
        for number in range(_POOL):
            self._draw(number)
        self.neighbours = {}

    def write(self):
        plan = self.plan
        for index in range(plan.classes):
            self._unit("logit", None, index, f"logit/{index:04d}", self._label(index), natural=plan.exemplars > 0)
        for layer, count in plan.layers.items():
            for index in range(count):
                key = f"channel/{layer}/{index:0{len(str(count))}d}"
                self._unit("channel", layer, index, key, f"{layer}:{index}", natural=plan.exemplars > 0)
        for index in range(plan.pages):
            self._class(index)
        if plan.grid:
            self._grid(plan.grid)
        self.store.write_file("neighbours.json", json.dumps(self.neighbours).encode())
        for path in self.pool.iterdir():
            path.unlink()
        self.pool.rmdir()
        return self.store

    def _label(self, index):
        words = _WORDS[index % len(_WORDS)]
        return self.plan.label if index == 1 else words if index < len(_WORDS) else f"{words} {index // len(_WORDS)}"

    def _manifest(self):
        plan = self.plan
        layers = []
        for name, count in plan.layers.items():
            side = max(4, 4096 // max(count, 1) ** 2)
            for step in ("conv", "bn", "relu"):
                kind = {"conv": "Conv2D", "bn": "BatchNormalization", "relu": "ReLU"}[step]
                layers.append(_layer(f"{name}_{step}", kind, [side, side, 6 * count], False))
            layers.append(_layer(name, "Add", [side, side, count], True))
        layers.append(_layer("pool", "GlobalAveragePooling2D", [1280], False))
        layers.append(_layer("head", "Dense", [plan.classes], True))
        settings = {
            "maco_tf": "0.1.0",
            "model": "synthetic",
            "method": "MACO",
            "recipe": "fast",
            "steps": 64,
            "crops": 4,
        }
        return {
            "format": "maco_tf atlas",
            "version": 1,
            "title": "Synthetic network",
            "model": {
                "name": "synthetic",
                "input_shape": [224, 224, 3],
                "classes": [self._label(index) for index in range(plan.classes)],
                "weights": hashlib.sha256(b"weights").hexdigest(),
                "layers": layers,
            },
            "method": "MacoVisualizer",
            "settings": {
                **settings,
                "image_size": [plan.size, plan.size],
                "crop_side": [0.9, 0.5],
                "preprocessing": None,
            },
            "units": ["logit:*", *(f"channel:{layer}:*" for layer in plan.layers)],
            "seeds": list(range(plan.seeds)),
            "concepts": plan.concepts,
            "images": {"count": 600, "digest": hashlib.sha256(b"images").hexdigest()},
            "versions": {"maco_tf": "0.1.0", "tensorflow": "2.20.0", "keras": "3.12.0"},
            "command": "maco-tf atlas build --model synthetic --units 'logit:*' --output atlas",
        }

    def _unit(self, kind, layer, index, key, name, natural=False, objective=None):
        for seed in range(self.plan.seeds):
            scores = np.sort(self.rng.gamma(4, 2, 64)) + self.rng.normal(0, 0.3, 64)
            files = {f"{file}.webp": file for file in ("image", "alpha", "thumb-128", "thumb-256")}
            record = {
                "key": f"{key}/seed-{seed}",
                "unit": key,
                "kind": kind,
                "layer": layer,
                "index": index,
                "name": name,
                "seed": seed,
                "objective": objective or _objective(kind, layer, index, name),
                "score": float(scores[-1]),
                "scores": [round(float(score), 3) for score in scores],
                "size": [self.plan.size, self.plan.size],
                "command": _command(kind, layer, index, seed),
                "place": index % 8,
                "batch": 8,
                "settings": self.store.manifest["settings"],
                "versions": self.store.manifest["versions"],
            }
            self._write("items", record["key"], record, files)
        if natural:
            self._natural(kind, layer, index, key, name)
        prefix = key.rpartition("/")[0]
        others = self.rng.choice(max(index, 1), min(8, max(index, 1)), replace=False) if index else []
        width = len(key) - len(prefix) - 1
        self.neighbours[key] = [
            [f"{prefix}/{other:0{width}d}", round(0.9 - 0.05 * place, 3)]
            for place, other in enumerate(others.tolist() if len(others) else [])
            if kind in ("logit", "channel")
        ]

    def _natural(self, kind, layer, index, key, name):
        dead = kind == "channel" and index % 17 == 5
        counts = np.zeros(24, int) if dead else np.round(2000 * np.exp(-np.arange(24) / 4)).astype(int)
        if dead:
            counts[0] = 600
        names = self.rng.choice(self.plan.classes, min(5, self.plan.classes), replace=False).tolist()
        classes = [
            {"name": self._label(number), "index": number, "mean": 6.0 - place, "ratio": round(4.2 - 0.6 * place, 2)}
            for place, number in enumerate(names)
        ]
        files, exemplars = {}, []
        for number in range(1, self.plan.exemplars + 1):
            names = {"file": f"{number:02d}.webp", "mask": f"{number:02d}-mask.webp", "crop": f"{number:02d}-crop.webp"}
            files |= {names["file"]: "image", names["mask"]: "alpha", names["crop"]: "thumb-128"}
            label = self._label((index + number) % self.plan.classes)
            image = f"folder/{number}.jpg"
            exemplars.append({"image": image, "class": label, "score": 9.0 - 0.4 * number, **names})
        record = {
            "key": key,
            "kind": kind,
            "layer": layer,
            "index": index,
            "name": name,
            "dead": dead,
            "images": 600,
            "active": 0 if dead else 311,
            "mean": 0.0 if dead else 1.234,
            "deviation": 0.0 if dead else 0.87,
            "minimum": 0.0,
            "maximum": 0.0 if dead else 9.31,
            "clarity": None if dead else round(float(self.rng.uniform(0, 0.9)), 3),
            "histogram": {"edges": np.linspace(0, 9.31, 25).round(3).tolist(), "counts": counts.tolist()},
            "classes": [] if dead else classes,
            "exemplars": exemplars,
        }
        self._write("natural", key, record, files)

    def _class(self, index):
        plan, name = self.plan, self._label(index)
        importances = np.sort(self.rng.gamma(1, 1, plan.concepts))[::-1]
        files, concepts = {}, []
        for number in range(plan.concepts):
            key = f"concept/{index:04d}/{number:02d}"
            self._unit("concept", "block6c_add", number, key, f"{name}: concept {number}")
            crops = []
            for place in range(6):
                file = f"concept-{number:02d}-{place + 1:02d}.webp"
                files[file] = "thumb-128"
                crops.append({"file": file, "score": 3.0 - 0.2 * place, "image": f"folder/{place}.jpg"})
            shared = (index + 1 + number % 2) % max(plan.pages, 1)
            others = [{"index": shared, "key": f"concept/{shared:04d}/{number:02d}", "cosine": 0.83}]
            concepts.append(
                {
                    "key": key,
                    "number": number,
                    "importance": float(importances[number]),
                    "share": float(importances[number] / importances.sum()),
                    "x": float(self.rng.uniform(-4, 9)),
                    "y": float(self.rng.uniform(-2, 3)),
                    "crops": crops,
                    "classes": others if shared != index and number % 3 == 0 else [],
                }
            )
        images = []
        for number in range(24):
            file = f"image-{number:02d}.webp"
            files[file] = "thumb-128"
            centre = concepts[number % plan.concepts] if plan.concepts else {"x": 0, "y": 0, "number": 0}
            x, y = centre["x"] + self.rng.normal(0, 0.5), centre["y"] + self.rng.normal(0, 0.2)
            images.append(
                {
                    "file": file,
                    "image": f"{name}/{number}.jpg",
                    "x": x,
                    "y": y,
                    "concept": centre["number"],
                    "probability": 0.9,
                }
            )
        record = {
            "index": index,
            "name": name,
            "logit": f"logit/{index:04d}",
            "layer": "block6c_add",
            "patch_size": 64,
            "explained_accuracy": 0.93,
            "concepts": concepts,
            "images": images,
            "projection": "pca",
        }
        self._write("classes", f"{index:04d}", record, files)

    def _grid(self, layer):
        side, cells, files = self.plan.side, [], {}
        for row, column in itertools.product(range(side), range(side)):
            distance = np.hypot(row - side / 2, column - side / 2)
            count = int(400 * np.exp(-((distance / (side / 3)) ** 2)) * self.rng.uniform(0.4, 1))
            if count < 4:
                continue
            key = f"cell/{layer}/{row:02d}-{column:02d}"
            number = int(self.rng.integers(self.plan.classes))
            self._unit("cell", layer, row * side + column, key, f"{layer} cell {row}-{column}")
            found = [
                {"name": self._label(number), "index": number, "value": 0.4},
                {"name": "other", "index": 3, "value": 0.1},
            ]
            crop = f"cell-{row:02d}-{column:02d}-crop-1.webp"
            files[crop] = "thumb-128"
            crops = [{"file": crop, "score": 0.9, "image": "folder/1.jpg"}]
            cells.append({"key": key, "row": row, "column": column, "count": count, "classes": found, "crops": crops})
        record = {
            "layer": layer,
            "projection": "pca",
            "rows": side,
            "columns": side,
            "activations": 9000,
            "cells": cells,
        }
        self._write("grids", layer, record, files)

    def _write(self, section, key, record, files):
        """As `Store.write` does, with links and without waiting for the disk."""
        folder = self.store.path(section, key)
        folder.mkdir(parents=True)
        number, sums = int(self.rng.integers(_POOL)), {}
        for place, (name, kind) in enumerate(sorted(files.items())):
            one = (number if section == "items" else number + place) % _POOL
            os.link(self.pool / f"{kind}-{one}", folder / name)
            sums[name] = self.sums[kind, one]
        record = {**record, "files": sums}
        record["checksum"] = checksum(record)
        (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")

    def _draw(self, number):
        """Smooth noise of a natural spectrum, and a soft mask."""
        side = self.plan.size
        frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
        falloff = 1 / np.maximum(frequencies, 1 / side) ** 1.3
        noise = np.fft.irfft2(
            falloff[..., None] * np.exp(2j * np.pi * self.rng.uniform(size=(*falloff.shape, 4))),
            s=(side, side),
            axes=(0, 1),
        )
        noise = (noise - noise.mean((0, 1))) / noise.std((0, 1))
        mixed = noise[..., :3] @ np.array([[0.56, 0.58, 0.58], [0.5, 0, -0.5], [0.15, -0.3, 0.15]])
        pixels = np.round(255 / (1 + np.exp(-2 * mixed))).astype("uint8")
        alpha = np.round(255 * np.clip(noise[..., 3] / 2 + 0.4, 0, 1)).astype("uint8")
        both = np.dstack([pixels, alpha])
        pictures = {"image": pixels, "alpha": both}
        pictures |= {
            f"thumb-{small}": cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA) for small in (128, 256)
        }
        for kind, picture in pictures.items():
            content = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()
            (self.pool / f"{kind}-{number}").write_bytes(content)
            self.sums[kind, number] = hashlib.sha256(content).hexdigest()


def _layer(name, kind, shape, explained):
    return {"name": name, "type": kind, "shape": shape, "units": shape[-1], "explained": explained}


def _command(kind, layer, index, seed):
    first = index - index % 8
    numbers = ",".join(map(str, range(first, first + 8)))
    text = {"logit": f"logit:{numbers}", "channel": f"channel:{layer}:{numbers}"}.get(kind)
    model = "maco-tf explain --model synthetic --set recipe=fast"
    return text and f"{model} --objective {text} --seed {seed} --output explanation"


def _objective(kind, layer, index, name):
    """As Keras serialises an objective."""
    if kind == "logit":
        config = {"classes": [index], "output": None, "names": [name]}
    elif kind == "channel":
        config = {"layer": layer, "channels": [index]}
    else:
        config = {"layer": layer, "vectors": [[0.1, 0.2]]}
    kind = {"logit": "Logit", "channel": "Channel"}.get(kind, "Direction")
    return {"module": "maco_tf.objectives", "class_name": kind, "config": config, "registered_name": f"maco_tf>{kind}"}


def many(units, **settings):
    """An atlas of so many items in one layer, with one seed and no natural images."""
    plan = {"layers": {"dictionary": units}, "classes": 0, "pages": 0, "grid": None, "seeds": 1, "exemplars": 0}
    return Synthetic(**{**plan, "size": 64, **settings})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--units", type=int)
    options = parser.parse_args()
    (many(options.units) if options.units else Synthetic()).build(options.folder)
