"""Films of runs, and the preview in a notebook."""

import numpy as np
import pytest
from PIL import Image

from maco_tf import CBRVisualizer, Explanation, Logit
from maco_tf.visualizers import recording
from maco_tf.visualizers.recording import LivePreview, Recorder

SMALL = {"steps": 7, "crops": 1, "image_size": 24}


@pytest.fixture(scope="module")
def recorded(tiny_model):
    return CBRVisualizer(tiny_model, **SMALL).explain(Logit([1, 3]), seed=0, record=3, verbose=0)


def test_frames_are_the_images_of_shorter_runs(tiny_model, recorded):
    assert recorded.recording.steps == [0, 3, 6, 7]
    assert (recorded.recording.frames.shape, recorded.recording.frames.dtype) == ((4, 2, 24, 24, 3), "uint8")
    np.testing.assert_allclose(recorded.recording.frames[-1] / 255, recorded.images, atol=0.5 / 255 + 1e-6)
    images = []

    class Watch(recording.keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            images.append(self.model.images())

    again = CBRVisualizer(tiny_model, **SMALL).explain(Logit([1, 3]), seed=0, callbacks=Watch(), verbose=0)
    np.testing.assert_array_equal(again.images, recorded.images)
    for frame, step in zip(recorded.recording.frames[1:], (3, 6, 7)):
        np.testing.assert_allclose(frame / 255, images[step - 1], atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(("every", "calls", "steps"), [(100, 1, [0, 7]), (1, 1, list(range(8))), (2, 3, [0, 3, 6, 7])])
def test_frames_come_after_calls_of_the_compiled_function(tiny_model, every, calls, steps):
    visualizer = CBRVisualizer(tiny_model, steps_per_execution=calls, **SMALL)
    assert visualizer.explain(Logit(1), seed=0, record=every, verbose=0).recording.steps == steps


def test_a_recording_follows_selection_joining_and_files(recorded, tmp_path):
    frames = recorded.recording.frames
    np.testing.assert_array_equal(recorded["logit 3"].recording.frames, frames[:, 1:])
    joined = Explanation.concatenate(recorded[1], recorded)
    np.testing.assert_array_equal(joined.recording.frames, frames[:, [1, 0, 1]])
    joined.save(tmp_path / "run.npz")
    loaded = Explanation.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(loaded.recording.frames, joined.recording.frames)
    assert loaded.recording.steps == recorded.recording.steps


def test_a_film_shows_the_steps_or_the_images(recorded, tiny_model, tmp_path):
    assert len(recorded.film()) == 4
    assert recorded.film().frames.shape[1:3] == (24, 24 + 4 + 24)
    assert recorded.film("images").frames.shape == (2, 24, 24, 3)
    with Image.open(recorded.save(tmp_path / "run.webp")[0]) as film:
        assert film.n_frames == 4
    plain = CBRVisualizer(tiny_model, **SMALL).explain(Logit([0, 1, 2]), seed=0, verbose=0)
    assert (len(plain.film()), plain.film().fps, recorded.film().fps) == (3, 2, 12)
    # A folder has the film of a recorded run only, and a later save replaces it.
    assert tmp_path / "folder" / "film.webp" in recorded.save(tmp_path / "folder")
    plain.save(tmp_path / "folder")
    assert not (tmp_path / "folder" / "film.webp").exists()
    with pytest.raises(ValueError, match=r'"over" may be "steps" only after explain\(\.\.\., record=10\)'):
        plain.film("steps")
    with pytest.raises(ValueError, match='"path" must end in one of'):
        plain.save(tmp_path / "run.avi")


def test_large_frames_become_thumbnails_and_too_many_are_refused():
    recorder = Recorder(1, 1023, (16, 512, 256, 3))
    height, width = recorder._size
    assert 1025 * 16 * height * width * 3 <= 2**28
    assert height == pytest.approx(2 * width, abs=2)
    assert height > 80
    with pytest.raises(ValueError, match=r'"record" must leave room.*Record less often'):
        Recorder(1, 1023, (600, 512, 512, 3))
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match='"record"'):
            Recorder(wrong, 8, (1, 16, 16, 3))


def test_thumbnails_are_recorded(tiny_model, monkeypatch):
    monkeypatch.setattr(recording, "_MOST_BYTES", 4 * 16 * 16 * 3)
    monkeypatch.setattr(recording, "_SMALLEST_SIDE", 8)
    explanation = CBRVisualizer(tiny_model, **SMALL).explain(Logit(1), seed=0, record=3, verbose=0)
    assert explanation.recording.frames.shape == (4, 1, 16, 16, 3)
    assert explanation.film().frames.shape == (4, 16, 16, 3)


def test_the_preview_replaces_itself(tiny_model, monkeypatch):
    import IPython.display

    shown = []

    class Handle:
        def update(self, picture):
            shown.append(("update", picture))

    def display(picture, display_id):
        shown.append(("display", picture))
        return Handle()

    monkeypatch.setattr(recording, "_in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    CBRVisualizer(tiny_model, **SMALL).explain(Logit(1), seed=0, callbacks=LivePreview(3, percentile=80), verbose=0)
    assert [kind for kind, _ in shown] == ["display", "update", "update", "update"]
    assert len({picture.data for _, picture in shown}) == 4


def test_a_preview_needs_a_notebook():
    with pytest.raises(ValueError, match="must be used in a notebook"):
        LivePreview()


def test_images_are_selected_by_name(recorded):
    assert recorded[["logit 3", "logit 1"]].names == ["logit 3", "logit 1"]
    np.testing.assert_array_equal(recorded["logit 3"].images, recorded.images[1:])
    with pytest.raises(KeyError, match="No image has the name 'logit 2'"):
        recorded["logit 2"]


def test_explanations_that_cannot_be_joined_are_refused(tiny_model, recorded):
    other = CBRVisualizer(tiny_model, steps=1, image_size=16).explain(Logit(1), seed=0, verbose=0)
    with pytest.raises(ValueError, match=r'"explanations" must have images of one size.*16.*24'):
        Explanation.concatenate([recorded, other])
    with pytest.raises(ValueError, match='"explanations" must be a list of Explanations'):
        Explanation.concatenate([recorded, "other"])
