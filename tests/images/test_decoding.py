"""Files of many formats; Pillow writes them, as an independent encoder."""

import cv2
import numpy as np
import pytest

from maco_tf.images.decoding import from_pillow, read_image_file

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def pixels(rng):
    """Smooth colours, which lossy formats keep."""
    coarse = rng.integers(0, 256, (3, 4, 3)).astype("uint8")
    return cv2.resize(coarse, (32, 24), interpolation=cv2.INTER_LINEAR)


def alpha_of(pixels):
    """Opaque above, clear below, and half transparent between."""
    alpha = np.zeros(pixels.shape[:2], "uint8")
    alpha[:8], alpha[8:16] = 255, 51
    return alpha


def saved(path, image, **settings):
    image.save(path, **settings)
    return path


@pytest.mark.parametrize(
    ("ending", "tolerance"),
    [("png", 0), ("bmp", 0), ("tif", 0), ("tiff", 0), ("jpg", 0.1), ("jfif", 0.1), ("jpeg", 0.1), ("webp", 0.1)],
)
def test_a_file_of_any_format_holds_its_pixels(tmp_path, pixels, ending, tolerance):
    lossy = {} if ending in ("png", "bmp", "tif", "tiff") else {"quality": 95}
    image = read_image_file(saved(tmp_path / f"a.{ending}", Image.fromarray(pixels), **lossy))
    assert (image.dtype, image.shape) == (np.dtype("float32"), pixels.shape)
    np.testing.assert_allclose(image, pixels / 255, atol=tolerance + 1e-6)


def test_the_name_does_not_decide_the_format(tmp_path, pixels):
    saved(tmp_path / "a.png", Image.fromarray(pixels)).rename(tmp_path / "a.jpg")
    np.testing.assert_allclose(read_image_file(tmp_path / "a.jpg"), pixels / 255, atol=1e-6)


@pytest.mark.parametrize(("ending", "settings"), [("png", {}), ("webp", {"lossless": True, "exact": True})])
@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_parts_are_white(tmp_path, pixels, ending, settings, channels):
    alpha = alpha_of(pixels)
    picture = Image.fromarray(np.dstack([pixels, alpha]))
    image = read_image_file(saved(tmp_path / f"a.{ending}", picture, **settings), channels)
    colours = pixels / 255 if channels == 3 else pixels @ [[0.299], [0.587], [0.114]] / 255
    weight = alpha[..., None] / 255
    np.testing.assert_allclose(image, colours * weight + 1 - weight, atol=0.005)
    np.testing.assert_allclose(from_pillow(picture, channels), image, atol=0.005)


def test_a_transparent_colour_of_a_palette_is_white(tmp_path, pixels):
    picture = Image.fromarray(pixels).quantize(8)
    indices, colours = np.asarray(picture), np.asarray(picture.convert("RGB")) / 255
    for ending in ("png", "gif"):
        image = read_image_file(saved(tmp_path / f"a.{ending}", picture, transparency=3))
        np.testing.assert_array_equal(image[indices == 3], 1)
        np.testing.assert_allclose(image[indices != 3], colours[indices != 3], atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path, pixels, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    ops = pytest.importorskip("PIL.ImageOps")
    upright = saved(tmp_path / "a.jpg", Image.fromarray(pixels), exif=exif, quality=95)
    expected = np.asarray(ops.exif_transpose(Image.open(upright))) / 255
    np.testing.assert_allclose(read_image_file(upright), expected, atol=0.03)
    clear = Image.fromarray(np.dstack([pixels, alpha_of(pixels)]))
    path = saved(tmp_path / "a.png", clear, exif=exif)
    np.testing.assert_allclose(read_image_file(path), from_pillow(ops.exif_transpose(Image.open(path))), atol=1e-6)


def test_sixteen_bits_grey_and_floating_point(tmp_path, rng):
    values = rng.integers(0, 65536, (8, 12)).astype("uint16")
    for ending in ("png", "tif"):
        path = saved(tmp_path / f"a.{ending}", Image.fromarray(values))
        np.testing.assert_allclose(read_image_file(path), np.repeat(values[..., None], 3, 2) / 65535, atol=1e-6)
        np.testing.assert_allclose(read_image_file(path, 1), values[..., None] / 65535, atol=1e-6)
    np.testing.assert_allclose(from_pillow(Image.fromarray(values), 1), values[..., None] / 65535, atol=1e-6)
    unit = rng.uniform(size=(8, 12)).astype("float32")
    path = saved(tmp_path / "b.tif", Image.fromarray(unit))
    np.testing.assert_allclose(read_image_file(path), np.repeat(unit[..., None], 3, 2), atol=1e-6)
    with pytest.raises(ValueError, match=r"floating-point values in \[0, 1\]"):
        read_image_file(saved(tmp_path / "c.tif", Image.fromarray(300 * unit)))


def test_pillow_reads_the_formats_that_opencv_does_not(tmp_path, pixels):
    path = saved(tmp_path / "a.ico", Image.fromarray(pixels[:16, :16]), sizes=[(16, 16)])
    np.testing.assert_allclose(read_image_file(path), pixels[:16, :16] / 255, atol=1e-6)


def test_damaged_files_are_none(tmp_path, pixels):
    for ending in ("png", "webp", "jpg", "tif"):
        path = saved(tmp_path / f"a.{ending}", Image.fromarray(pixels))
        path.write_bytes(path.read_bytes()[:40])
        assert read_image_file(path) is None
    (tmp_path / "empty.png").touch()
    assert read_image_file(tmp_path / "empty.png") is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_every_mode_of_pillow_becomes_colours(pixels, mode):
    picture = Image.fromarray(pixels).convert(mode)
    np.testing.assert_allclose(from_pillow(picture), np.asarray(picture.convert("RGB")) / 255, atol=1e-6)
    assert from_pillow(picture, 1).shape == (24, 32, 1)
