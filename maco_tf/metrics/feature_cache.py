"""Features kept on disk, so that nothing is extracted twice."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

# Up to this relative difference, two sets of probe features count as equal. Rounding in float32, which differs between
# machines, stays far below it, and another preprocessing far above.
_TOLERANCE = 1e-4


class FeatureCache:
    """A folder of features, one file for every set of images.

    A file's name is a hash of the weights, the settings and the images. A hash cannot tell one preprocessing function
    from another, nor notice that an activation function changed while the weights stayed the same. Every file therefore
    also holds the features of a few fixed probe images, and is used only if the extractor still gives those features.

    Args:
        folder: where the files are; made on first use.
        model: the `keras.Model` whose weights enter the hash.
        settings: dictionary, JSON-serialisable, of everything else that determines the features.
        probe: array (count, dimensions), the extractor's features of the probe images.
    """

    def __init__(
        self, folder: str | os.PathLike, model: keras.Model, settings: Mapping[str, Any], probe: np.ndarray
    ) -> None:
        self.folder = Path(folder)
        self._probe = np.asarray(probe)
        digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
        for weight in model.get_weights():
            digest.update(f"{weight.dtype.str}{weight.shape}".encode() + np.ascontiguousarray(weight).tobytes())
        self._key = digest.hexdigest()

    def path(self, images_digest: str) -> Path:
        """The file of a set of images, whether or not it exists.

        Args:
            images_digest: see `ImageSet.digest`.
        """
        key = hashlib.blake2b(f"{self._key}{images_digest}".encode(), digest_size=16).hexdigest()
        return self.folder / f"features_{key}.npz"

    def read(self, images_digest: str) -> np.ndarray | None:
        """Read features that were written before.

        Args:
            images_digest: see `ImageSet.digest`.

        Returns:
            Array (count, dimensions), float32; or `None` if this extractor has not written any.

        Warns:
            UserWarning: the file is damaged; `None` is returned.
        """
        path = self.path(images_digest)
        try:
            with np.load(path, allow_pickle=False) as archive:
                features, probe = archive["features"], archive["probe"]
        except FileNotFoundError:
            return None
        except Exception as error:  # A damaged archive can fail in many ways.
            warnings.warn(
                f"The cached features in {path} are damaged and will be computed again: {error}", stacklevel=2
            )
            return None
        same = probe.shape == self._probe.shape and (
            np.linalg.norm(probe - self._probe) <= _TOLERANCE * np.linalg.norm(self._probe)
        )
        return features if same else None

    def write(self, images_digest: str, features: np.ndarray) -> None:
        """Write features, replacing any that are there.

        Args:
            images_digest: see `ImageSet.digest`.
            features: array (count, dimensions), float32.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # A temporary file is renamed at the end, so that an interrupted write leaves no half-written cache file.
        handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, features=features, probe=self._probe)
            os.replace(temporary, self.path(images_digest))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
