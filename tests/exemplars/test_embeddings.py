"""Embeddings of exemplars: the right image in the right place, and every image once."""

import numpy as np
import pytest

from maco_tf.exemplars import embed_exemplars, find_exemplars
from maco_tf.metrics import FeatureExtractor, draw_pairs, redundancy, two_alternative


@pytest.fixture(scope="module")
def found(exact_model, many_images):
    return find_exemplars(exact_model, "second", many_images, verbose=0)


def test_every_image_is_embedded_once_and_lies_in_its_place(found, many_images):
    read = []

    def extractor(images):
        read.extend(images)
        return np.stack([image.mean((0, 1)) for image in images])

    embeddings = embed_exemplars(found, extractor)
    assert embeddings == pytest.approx(many_images[found.indices].mean((2, 3)), rel=1e-6)
    assert len(read) == len(np.unique(found.indices))


def test_other_images_of_the_source_and_missing_ones(found, many_images):
    indices = np.array([[5, -1, 900], [5, 5, 6]])
    embeddings = embed_exemplars(found, lambda images: np.stack([image.ravel() for image in images]), indices)
    assert np.isnan(embeddings[0, 1]).all()
    assert np.array_equal(embeddings[[0, 0, 1, 1, 1], [0, 2, 0, 1, 2]], many_images[[5, 900, 5, 5, 6]].reshape(5, -1))


def test_a_network_that_embeds_by_the_units_themselves_passes_the_two_alternative_test(found, exact_model):
    """The whole way from a search to scores. An embedding in which the unit is an axis tells its queries apart."""
    extractor = FeatureExtractor(exact_model, "pool", preprocessing=None)
    shown = np.concatenate([found.indices, found.lowest_indices], axis=1)
    pairs = draw_pairs(found.sample_values, indices=found.sample_indices, exclude=shown, pairs=20)
    assert not any(np.isin(pair, row).any() for kind in pairs for pair, row in zip(kind, shown, strict=True))
    high, low = (embed_exemplars(found, extractor, indices) for indices in pairs)
    # The queries are embedded by their activations, so the unit's own column is higher in "high".
    assert np.all(high[range(4), :, range(4)].min(1) > low[range(4), :, range(4)].max(1))
    positive, negative = embed_exemplars(found, extractor), embed_exemplars(found, extractor, found.lowest_indices)
    accuracy, error = two_alternative(high, low, positive, negative).mean
    assert accuracy > 0.9
    assert error < 0.1
    assert redundancy(positive[[0, 1, 0]])[[0, 2]] == pytest.approx([1, 1])


def test_errors_name_the_argument(found):
    with pytest.raises(ValueError, match='"indices"'):
        embed_exemplars(found, lambda images: np.ones((len(images), 2)), np.ones(3))
    with pytest.raises(ValueError, match='"extractor"'):
        embed_exemplars(found, lambda images: np.ones((3, 2)))
    with pytest.raises(ValueError, match='"found"'):
        embed_exemplars(found, lambda images: np.ones((len(images), 2)), np.full((1, 2), -1))
