"""Films of runs and batches."""

import io

import numpy as np
import pytest
from PIL import Image

from maco_tf.display import Film, film_of


@pytest.fixture
def frames():
    """Six frames of 16 x 24 pixels: a bright square moves over a colour gradient."""
    base = np.stack(np.meshgrid(np.linspace(0, 1, 16), np.linspace(0, 1, 24), indexing="ij"), axis=-1)
    frames = np.repeat(np.concatenate([base, 0.3 + 0 * base[..., :1]], axis=-1)[None], 6, axis=0)
    for number, frame in enumerate(frames):
        frame[4:10, 3 * number : 3 * number + 6] = (0.1, 0.9, 0.9)
    return np.round(255 * frames).astype("uint8")


@pytest.mark.parametrize(("ending", "tolerance"), [(".webp", 8), (".gif", 12)])
def test_animated_files_hold_every_frame(frames, tmp_path, ending, tolerance):
    path = Film(frames, fps=20).save(tmp_path / "new" / f"film{ending}")
    with Image.open(path) as film:
        assert (film.n_frames, film.info["loop"], film.size) == (6, 0, (24, 16))
        durations, read = [], []
        for number in range(6):
            film.seek(number)
            read.append(np.asarray(film.convert("RGB"), "float32"))
            durations.append(film.info["duration"])  # Known once the frame is decoded.
    assert durations == [50] * 5 + [1500]
    # Lossy, but each frame is nearest to its own original.
    distances = np.abs(np.array(read)[:, None] - frames[None]).mean(axis=(2, 3, 4))
    assert distances.argmin(axis=1).tolist() == list(range(6))
    assert distances.diagonal().max() < tolerance


def test_an_mp4_plays_at_its_speed_and_ends_with_the_last_frame(frames, tmp_path):
    imageio = pytest.importorskip("imageio.v3")
    pytest.importorskip("imageio_ffmpeg")
    odd = np.pad(frames, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")
    path = Film(odd, fps=10).save(tmp_path / "film.mp4")
    read = imageio.imread(path, plugin="FFMPEG")
    assert read.shape == (6 + 15, 18, 26, 3)
    assert imageio.immeta(path, plugin="FFMPEG")["fps"] == 10
    assert np.abs(read[:6, :17, :25].astype(float) - odd).mean() < 12
    assert np.abs(read[-1].astype(float) - read[5]).mean() < 4


def test_a_notebook_plays_the_film(frames):
    import base64

    html = Film(frames)._repr_html_()
    content = base64.b64decode(html.partition("base64,")[2].partition('"')[0])
    assert Image.open(io.BytesIO(content)).n_frames == 6


def test_images_of_a_batch_stand_side_by_side(rng):
    images = rng.uniform(size=(3, 5, 4, 6, 3))
    film = film_of(images, columns=2, fps=5)
    assert film.frames.shape == (3, 3 * 4 + 2 * 4, 2 * 6 + 4, 3)
    low, high = np.percentile(images[-1, 3], (1, 99))
    expected = np.clip((images[0, 3] - low) / (high - low), 0, 1)
    # The fourth image: second row, second column.
    np.testing.assert_allclose(film.frames[0, 8:12, 10:16] / 255, expected, atol=0.003)
    assert (film.frames[:, 16:, 10:] == 255).all()
    assert "3 frames" in repr(film)


def test_frames_of_different_images_are_stretched_each(rng):
    images = np.stack([0.4 + 0.2 * rng.uniform(size=(1, 8, 8, 1)), rng.uniform(size=(1, 8, 8, 1))])
    film = film_of(images, stretch="each")
    assert film.frames.shape == (2, 8, 8, 3)
    assert all(frame.min() == 0 and frame.max() == 255 for frame in film.frames)
    dull = film_of(images, stretch="last")
    assert dull.frames[0].max() < 200


def test_wrong_films_are_refused(frames, tmp_path):
    for wrong in (frames[0], frames.astype("float32"), frames[:0], frames[..., :1]):
        with pytest.raises(ValueError, match='"frames" must be'):
            Film(wrong)
    with pytest.raises(ValueError, match='"fps"'):
        Film(frames, fps=0)
    with pytest.raises(ValueError, match=r'"path" must end in \.gif'):
        Film(frames).save(tmp_path / "film.avi")
    for wrong in (frames, frames[None, :0]):
        with pytest.raises(ValueError, match='"images" must be'):
            film_of(wrong)
    with pytest.raises(ValueError, match='"stretch"'):
        film_of(frames[None], stretch="none")
