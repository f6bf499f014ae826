"""The embeddings of the exemplars of units: what the scores of interpretability compare."""

from collections.abc import Callable

import numpy as np

from maco_tf.exemplars.result import Exemplars
from maco_tf.metrics.feature_extractor import FeatureExtractor

# Number of images that are held at once.
_AT_ONCE = 64


def embed_exemplars(
    found: Exemplars,
    extractor: FeatureExtractor | Callable[[list[np.ndarray]], np.ndarray],
    indices: np.ndarray | None = None,
) -> np.ndarray:
    """Embed the exemplars of units, or other images of the same source.

    Every image is read and embedded once, however many units share it, and 64 images are held at a time. The whole
    image is embedded, as far as `fit` of the extractor keeps it, not the part to which the unit responds.

        embeddings = embed_exemplars(found, FeatureExtractor(zoo.load("efficientnet_lite1"), "avg_pool"))
        clarity(embeddings), redundancy(embeddings), polysemanticity(embeddings)

    Args:
        found: an `Exemplars` that has its images.
        extractor: a `FeatureExtractor`, of another network than the one that is explained; or a function from a list of
            arrays (height, width, channels), float32 in [0, 1], to an array (count, dimensions), such as the image
            encoder of CLIP.
        indices: array (units, n) of indices of images, such as `found.lowest_indices` or those of `draw_pairs`; `None`
            takes `found.indices`.

    Returns:
        Array (units, n, dimensions), float32. Rows of NaN stand for images of the index -1.

    Raises:
        ValueError: there is no index of an image, an image can no longer be read, or the extractor returns something
            else.
    """
    indices = found.indices if indices is None else np.asarray(indices)
    if indices.ndim != 2 or indices.dtype.kind not in "iu":
        raise ValueError(
            f'"indices" must be integers of shape (units, n). Received: shape {indices.shape}, {indices.dtype}.'
        )
    wanted = np.unique(indices[indices >= 0])
    if not len(wanted) or found.source is None:
        received = "no index of an image" if not len(wanted) else "a loaded result whose images were not files"
        raise ValueError(f'"found" must have images that can be read. Received: {received}.')
    parts = []
    for start in range(0, len(wanted), _AT_ONCE):
        images = found.source.read(wanted[start : start + _AT_ONCE])
        parts.append(embed_images(images, extractor))
    rows = np.concatenate([*parts, np.full_like(parts[0][:1], np.nan)])
    return rows[np.where(indices >= 0, np.searchsorted(wanted, indices), len(wanted))]


def embed_images(
    images: list[np.ndarray], extractor: FeatureExtractor | Callable[[list[np.ndarray]], np.ndarray]
) -> np.ndarray:
    """Embed images.

    Args:
        images: list of arrays (height, width, channels), float32 in [0, 1].
        extractor: see `embed_exemplars`.

    Returns:
        Array (count, dimensions), float32.

    Raises:
        ValueError: the extractor returns something else.
    """
    rows = extractor(images, verbose=0) if isinstance(extractor, FeatureExtractor) else extractor(images)
    rows = np.asarray(rows, "float32")
    if rows.ndim != 2 or len(rows) != len(images):
        raise ValueError(
            f'"extractor" must return an array (count, dimensions). Received: shape {rows.shape} for {len(images)} '
            "images."
        )
    return rows
