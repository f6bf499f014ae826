import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maco_tf.display import write_png
from maco_tf.exemplars import ImageSource
from maco_tf.images import fit_images
from maco_tf.objectives.imagenet_labels import wnids


def streamed(source, size=(16, 16), batch_size=3, **settings):
    """All images, indices and labels of a stream."""
    batches = list(source.batches(size, batch_size, **settings))
    return tuple(np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*batches))


@pytest.fixture
def pictures(rng):
    """Pictures of several sizes, as 8-bit files hold them."""
    sizes = [(20, 30), (16, 16), (40, 18), (17, 16), (16, 90), (35, 35), (16, 17)]
    return [(rng.integers(0, 256, (*size, 3)) / 255).astype("float32") for size in sizes]


@pytest.fixture
def folder(tmp_path, pictures):
    for number, picture in enumerate(pictures):
        path = tmp_path / "pictures" / ("cat" if number < 3 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, picture)
    return tmp_path / "pictures"


@pytest.mark.slow
def test_every_form_is_streamed_as_the_model_sees_it(pictures, folder):
    """The stream crops and resizes in TensorFlow's threads, and gives the same bits as `fit_images`."""
    expected = np.stack([fit_images(picture[None], (16, 16))[0] for picture in pictures])
    pillow = [Image.fromarray(np.round(picture * 255).astype("uint8")) for picture in pictures]
    paths = sorted(map(str, folder.rglob("*.png")))
    spec = tf.TensorSpec((None, None, 3), tf.float32)
    dataset = tf.data.Dataset.from_generator(lambda: iter(pictures), output_signature=spec)
    for images in (pictures, folder, paths, pillow, dataset):
        found, indices, labels = streamed(ImageSource(images))
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(indices, np.arange(7))
        np.testing.assert_array_equal(labels, [0, 0, 0, 1, 1, 1, 1] if images is folder else [-1] * 7)


def test_images_can_be_read_again_in_any_order(pictures, folder):
    for images in (pictures, folder):
        source = ImageSource(images)
        for index, image in zip([5, 0, 5], source.read([5, 0, 5])):
            np.testing.assert_allclose(image, pictures[index], atol=1e-6)
        np.testing.assert_allclose(source.read([2], (16, 16))[0], fit_images(pictures[2][None], (16, 16))[0], atol=1e-6)
    array = source.array(np.array([[1, -1], [5, 1]]))
    # Of different sizes, they are fitted to one; -1 is white.
    assert array.shape == (2, 2, 224, 224, 3)
    np.testing.assert_array_equal(array[0, 1], 1)
    np.testing.assert_array_equal(array[0, 0], array[1, 1])
    with pytest.raises(ValueError, match="no image 7"):
        source.read([7])


@pytest.mark.parametrize(
    ("start", "shard"), [(0, (0, 1)), (4, (0, 1)), (0, (1, 3)), (3, (1, 3)), (6, (0, 2)), (7, (0, 2))]
)
def test_a_stream_begins_anywhere_and_takes_a_part(pictures, start, shard):
    expected = [index for index in range(start, 7) if index % shard[1] == shard[0]]
    dataset = tf.data.Dataset.from_tensor_slices(np.stack([fit_images(p[None], (16, 16))[0] for p in pictures]))
    for images in (pictures, dataset):
        batches = list(ImageSource(images).batches((16, 16), 2, start=start, shard=shard))
        assert [index for batch in batches for index in batch.indices] == expected


def test_a_damaged_file_keeps_the_indices_of_the_others(folder):
    (folder / "cat" / "1.png").write_bytes(b"no picture")
    for images in (folder, sorted(folder.rglob("*.png"))):
        source = ImageSource(images)
        _, indices, _ = streamed(source)
        assert indices.tolist() == [0, 2, 3, 4, 5, 6]
        assert source.damaged == {1: str(folder / "cat" / "1.png")}
        with pytest.raises(ValueError, match=r"no image 1, .*1\.png"):
            source.read([1])


def test_classes_come_from_folders_numbers_or_datasets(folder, pictures, tmp_path):
    assert ImageSource(folder).classes == ["cat", "dog"]
    renumbered = ImageSource(folder, labels={"cat": 2, "dog": 0})
    assert renumbered.labels.tolist() == [2, 2, 2, 0, 0, 0, 0]
    assert renumbered.classes == ["dog", "1", "cat"]
    flat = ImageSource(folder / "cat")
    assert flat.labels is None
    assert not flat.labelled
    assert ImageSource(pictures, labels=np.arange(7) - 1).labels.tolist() == [-1, 0, 1, 2, 3, 4, 5]
    dataset = tf.data.Dataset.from_tensor_slices((np.zeros((7, 4, 4, 3), "float32"), np.arange(7, dtype="int32")))
    for elements in (dataset, dataset.batch(3)):
        assert ImageSource(elements).labelled
        assert streamed(ImageSource(elements))[2].tolist() == list(range(7))
    # Folders of ImageNet have the numbers of its classifiers, however many of them there are.
    for number in (254, 7):
        (tmp_path / "imagenet" / wnids()[number]).mkdir(parents=True)
        write_png(tmp_path / "imagenet" / wnids()[number] / "0.png", pictures[0])
    imagenet = ImageSource(tmp_path / "imagenet")
    assert sorted(imagenet.labels.tolist()) == [7, 254]
    assert imagenet.classes[254] == "pug"


def test_an_error_inside_the_stream_names_the_argument(pictures):
    grey = [*pictures[:4], pictures[4][..., :1]]
    with pytest.raises(ValueError, match='"images" must have as many channels'):
        streamed(ImageSource(grey))
    with pytest.raises(ValueError, match=r'"images" must lie in \[0, 1\]'):
        streamed(ImageSource([pictures[0], 2 * pictures[1]]))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ("pictures", {"cat": 0}, '"labels" must have a number for every subfolder.*dog'),
        ("pictures/cat", {"cat": 0}, '"labels" must be left out for a folder without subfolders'),
        (np.zeros((2, 4, 4, 3)), {"cat": 0}, '"labels" must be a list'),
        (np.zeros((2, 4, 4, 3)), [0, -2], '"labels" must be 2 class numbers'),
        (tf.data.Dataset.range(3), None, "dataset of images"),
        (tf.data.Dataset.from_tensors(np.zeros((4, 4, 3))).repeat(), None, "must be finite"),
        (tf.data.Dataset.from_tensors(np.zeros((4, 4, 3))), [0], '"labels" must be left out'),
        ([], None, "at least one"),
    ],
)
def test_a_wrong_argument_is_named(folder, images, labels, message):
    images = folder.parent / images if isinstance(images, str) else images
    with pytest.raises(ValueError, match=message):
        streamed(ImageSource(images, labels=labels))


def test_the_digest_tells_lists_of_images_apart(folder, pictures, tmp_path):
    same = ImageSource(folder).digest()
    assert ImageSource(sorted(map(str, folder.rglob("*.png")))).digest() == same
    folder.rename(tmp_path / "elsewhere")
    assert ImageSource(tmp_path / "elsewhere").digest() == same
    (tmp_path / "elsewhere" / "cat" / "0.png").unlink()
    assert ImageSource(tmp_path / "elsewhere").digest() != same
    digests = {ImageSource(images).digest() for images in (pictures, pictures[:-1], pictures[::-1])}
    assert len(digests) == 3
