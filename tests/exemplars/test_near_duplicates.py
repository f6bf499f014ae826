import cv2
import numpy as np
import pytest
import skimage.data
import tensorflow as tf

from maco_tf import Channel, find_exemplars
from maco_tf.exemplars.near_duplicates import distances, distinct_columns, perceptual_hash
from tests.conftest import build_tiny_model


def pictures(rng, count, size=64):
    """Smooth random pictures."""
    coarse = rng.uniform(0.1, 0.8, (count, 6, 6, 3)).astype("float32")
    return np.clip(tf.image.resize(coarse, (size, size), method="bicubic").numpy(), 0, 1)


def test_distances_count_bits():
    hashes = np.array([0, -1, 0b1011], "int64")
    assert distances(hashes[:, None], hashes).tolist() == [[0, 64, 3], [64, 0, 61], [3, 61, 0]]


def test_a_compressed_resized_or_brighter_copy_has_nearly_the_same_hash(rng):
    photograph = cv2.resize(skimage.data.astronaut(), (224, 224), interpolation=cv2.INTER_AREA)
    compressed = cv2.imdecode(cv2.imencode(".jpg", photograph, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)
    small = cv2.resize(cv2.resize(photograph, (96, 96), interpolation=cv2.INTER_AREA), (224, 224))
    brighter = np.clip(1.2 * photograph.astype("float32"), 0, 255)
    others = [photograph[:, ::-1], cv2.resize(skimage.data.coffee(), (224, 224))]
    images = np.stack([photograph, compressed, small, brighter, *others]).astype("float32") / 255
    hashes = perceptual_hash(tf.constant(images)).numpy()
    found = distances(hashes[0], hashes)
    assert found[:4].max() <= 6
    assert found[4:].min() > 16


def test_pictures_of_no_relation_differ_in_about_half_of_the_bits(rng):
    hashes = perceptual_hash(tf.constant(pictures(rng, 40))).numpy()
    found = distances(hashes[:, None], hashes)[np.triu_indices(40, 1)]
    assert 30 < found.mean() < 34
    assert found.min() > 10


def test_the_better_of_two_near_duplicates_is_kept():
    """Hashes by hand: image 1 repeats 0; image 3 lies near 2 but not near 0; image 4 lies near 3, which is left out."""
    hashes = np.array([[0, 1, 0b111 << 20, 0b111 << 20 | 1, 0b11111 << 20]], "int64")
    indices = np.array([[10, 11, 12, 13, 14]])
    assert distinct_columns(indices, hashes, 3, 1).tolist() == [[0, 2, 4]]
    assert distinct_columns(indices, hashes, 4, 1).tolist() == [[0, 2, 4, -1]]
    assert distinct_columns(indices, hashes, 3, -1).tolist() == [[0, 1, 2]]
    assert distinct_columns(np.where(indices == 12, -1, indices), hashes, 2, 1).tolist() == [[0, 3]]


@pytest.mark.slow
def test_planted_duplicates_are_left_out_on_request(rng):
    model = build_tiny_model(size=32)
    images = pictures(rng, 20, 32)
    objective = Channel("second", 1)
    plain = find_exemplars(model, objective, images, 5, verbose=0)
    best, second = plain.indices[0, :2]
    copies = [np.clip(images[best] + shift, 0, 1) for shift in (0, 0.001, 0.002)]
    found = find_exemplars(model, objective, np.concatenate([images, copies]), 5, verbose=0)
    assert {20, 21, 22} <= {*found.indices[0].tolist(), best}
    distinct = find_exemplars(model, objective, np.concatenate([images, copies]), 5, distinct=True, verbose=0)
    kept = distinct.indices[0]
    assert len({20, 21, 22, best} & set(kept.tolist())) == 1
    np.testing.assert_array_equal(np.where(np.isin(kept, [20, 21, 22]), best, kept), plain.indices[0])
    assert kept[1] == second


def test_images_that_run_out_are_missing_and_said(rng):
    image = pictures(rng, 1, 32)
    with pytest.warns(UserWarning, match="1 of 1 units have fewer than 3 distinct"):
        found = find_exemplars(
            build_tiny_model(size=32), Channel("conv", 0), np.repeat(image, 7, axis=0), 3, distinct=True, verbose=0
        )
    assert found.indices.tolist() == [[0, -1, -1]]
    assert np.isnan(found.scores[0, 1:]).all()
    np.testing.assert_array_equal(found.images()[0, 1:], 1)
