"""Features on disk."""

import hashlib
import json
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

# Relative difference up to which the probe's features count as equal: far above float32's rounding, which differs
# between machines, and far below what another preprocessing makes.
_TOLERANCE = 1e-4


class FeatureCache:
    """Features of sets of images, one file each, found by what they were computed from.

    The file's name holds a hash of the weights, the settings and the images. A preprocessing may be any function,
    which no hash sees through, and neither does it see an activation function that changed under the same weights;
    so each file also holds the features of a fixed probe, and is used only where the extractor gives the same ones.

    Args:
        folder: where the files are; made on first use.
        model: the `keras.Model` whose weights enter the name.
        settings: dictionary of what else determines the features; JSON writes it.
        probe: array (count, dimensions): the extractor's features of a fixed batch of images.
    """

    def __init__(self, folder, model, settings, probe):
        self.folder = Path(folder)
        self._probe = np.asarray(probe)
        digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
        for weight in model.get_weights():
            digest.update(f"{weight.dtype.str}{weight.shape}".encode() + np.ascontiguousarray(weight).tobytes())
        self._key = digest.hexdigest()

    def path(self, images_digest):
        """The file for a set of images, there or not.

        Args:
            images_digest: see `ImageSet.digest`.
        """
        key = hashlib.blake2b(f"{self._key}{images_digest}".encode(), digest_size=16).hexdigest()
        return self.folder / f"features_{key}.npz"

    def read(self, images_digest):
        """Features that were written before.

        Args:
            images_digest: see `ImageSet.digest`.

        Returns:
            Array (count, dimensions), float32; or `None` where there are none of this extractor. A file that cannot be
            read counts as none, with a warning.
        """
        path = self.path(images_digest)
        try:
            with np.load(path, allow_pickle=False) as archive:
                features, probe = archive["features"], archive["probe"]
        except FileNotFoundError:
            return None
        except Exception as error:  # A damaged archive fails in as many ways as it has bytes.
            warnings.warn(f"The cached features {path} are broken and computed again: {error}", stacklevel=2)
            return None
        same = probe.shape == self._probe.shape and (
            np.linalg.norm(probe - self._probe) <= _TOLERANCE * np.linalg.norm(self._probe)
        )
        return features if same else None

    def write(self, images_digest, features):
        """Keep features, in place of what was there.

        Args:
            images_digest: see `ImageSet.digest`.
            features: array (count, dimensions), float32.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed, so that an interrupted write leaves no half file under the name.
        handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, features=features, probe=self._probe)
            os.replace(temporary, self.path(images_digest))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
