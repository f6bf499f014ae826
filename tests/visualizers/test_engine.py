"""Steps are compiled once for each structure of objective, and arguments are checked before anything is computed."""

import gc
import os
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from maco_tf import CBRVisualizer, Channel, Direction, FourierVisualizer, Logit, MacoVisualizer, Neuron
from maco_tf.transforms import GaussianNoise, RandomCrop
from tests.conftest import build_tiny_model

# Few operations, so that little time goes into tracing.
SMALL = {"steps": 3, "transforms": [GaussianNoise(0.1)], "image_size": 24}


@pytest.fixture(scope="module")
def visualizer(tiny_model):
    return CBRVisualizer(tiny_model, **SMALL)


def test_objectives_of_one_structure_share_a_trace(tiny_model):
    visualizer = CBRVisualizer(tiny_model, **SMALL, learning_rate=1.0)
    images = [visualizer.explain(Logit(index % 5), seed=0, verbose=0).images for index in range(10)]
    assert visualizer.traces == 1
    assert not np.allclose(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[5])
    for weight, channel in ((0.5, 1), (-2.0, 3)):
        visualizer.explain(Logit(0) + weight * Channel("conv", channel), verbose=0)
    assert visualizer.traces == 2


def resident_memory():
    with open(f"/proc/{os.getpid()}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's /proc")
def test_memory_does_not_grow_over_thirty_explanations(visualizer):
    sizes = {}
    for count in range(1, 31):
        visualizer.explain(Logit(count % 5), verbose=0)
        if count in (5, 30):
            gc.collect()
            sizes[count] = resident_memory()
    assert sizes[30] < 1.05 * sizes[5]


def test_threads_can_share_a_visualizer(visualizer):
    def images_of(index):
        return visualizer.explain(Logit(index), seed=index, verbose=0).images

    alone = [images_of(index) for index in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(images_of, range(4)))
    np.testing.assert_array_equal(alone, together)


@pytest.mark.slow
@pytest.mark.parametrize("largest", [None, 4])
@pytest.mark.parametrize("kind", [MacoVisualizer, FourierVisualizer, CBRVisualizer])
def test_a_step_under_xla_equals_one_without(tiny_model, kind, largest):
    """Both draw the same random numbers. Without XLA, crops are gathered; XLA multiplies matrices."""
    plain, compiled = (
        kind(tiny_model, steps=1, image_size=32, max_batch_size=largest, jit_compile=jit_compile).explain(
            Logit([1, 3]), seed=0, verbose=0
        )
        for jit_compile in (False, True)
    )
    np.testing.assert_allclose(plain.images, compiled.images, atol=1e-3)
    np.testing.assert_allclose(plain.scores, compiled.scores, atol=1e-3)


@pytest.mark.slow
def test_a_users_crops_give_the_same_step_under_xla(tiny_model):
    plain, compiled = (
        CBRVisualizer(tiny_model, steps=1, image_size=32, transforms=[RandomCrop(16, 4)], jit_compile=jit_compile)
        .explain(Logit(1), seed=0, verbose=0)
        .images
        for jit_compile in (False, True)
    )
    np.testing.assert_allclose(plain, compiled, atol=1e-3)


@pytest.mark.slow
def test_an_operation_that_xla_cannot_compile_is_named(tiny_model):
    crop = RandomCrop(16, 4, implementation="gather")
    gathered = CBRVisualizer(tiny_model, image_size=32, transforms=[crop], jit_compile=True)
    with pytest.raises(ValueError, match=r'(?s)"jit_compile" must be False .*CropAndResize'):
        gathered.explain(Logit(1), verbose=0)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Channel("cnv", 1), "Did you mean conv"),
        (Channel("conv", 4), r'"channels" must lie in 0\.\.3'),
        (Logit(5), r'"classes" must lie in 0\.\.4'),
        (Logit("pug"), "1000 classes"),
        (Neuron("conv", (16, 0, 0)), "axis 0"),
        (Direction("conv", np.ones(3)), "one value per channel"),
        ("logit", '"objective" must be a maco_tf objective'),
        (Logit, '"objective" must be a maco_tf objective'),
    ],
)
def test_an_objective_that_does_not_fit_the_model_is_refused_before_any_step(tiny_model, objective, message):
    visualizer = CBRVisualizer(tiny_model, **SMALL)
    for call in (visualizer.check, visualizer.explain, visualizer.profile):
        with pytest.raises(ValueError, match=message):
            call(objective)
    assert visualizer.traces == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("seed", value) for value in (-1, 1.5, "a", True, 2**31)],
        *[("verbose", value) for value in ("loud", 3, -1, None, 0.5)],
        *[("callbacks", value) for value in ([print], "progress", 3)],
        *[("start", np.zeros(shape)) for shape in ((3, 8, 8, 3), (8, 8, 1), (8, 8))],
        ("start", np.full((8, 8, 3), 2.0)),
        ("start", "photograph.jpg"),
    ],
)
def test_a_wrong_argument_of_explain_is_named_before_any_step(tiny_model, name, value):
    visualizer = CBRVisualizer(tiny_model, **SMALL)
    with pytest.raises(ValueError, match=f'"{name}" must'):
        visualizer.explain(Logit([0, 1]), **{"verbose": 0, name: value})
    assert visualizer.traces == 0


def test_a_seed_determines_every_bit_and_a_drawn_one_is_reported(tiny_model, visualizer):
    drawn = visualizer.explain(Logit(2), verbose=0)
    again = CBRVisualizer(tiny_model, **SMALL).explain(Logit(2), seed=np.int64(drawn.seed), verbose=0)
    np.testing.assert_array_equal(drawn.images, again.images)
    np.testing.assert_array_equal(drawn.transparency, again.transparency)
    assert type(again.seed) is int


def test_keras_decides_the_drawn_seed(visualizer):
    seeds = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        seeds.append(visualizer.explain(Logit(2), verbose=0).seed)
    assert seeds[0] == seeds[1]
    assert visualizer.explain(Logit(2), verbose=0).seed != seeds[1]


def test_terms_that_cancel_cause_a_warning(tiny_model):
    with pytest.warns(UserWarning, match="had no gradient"):
        CBRVisualizer(tiny_model, **{**SMALL, "steps": 1}).explain(Logit(1) - Logit(1), verbose=0)


def test_an_image_that_is_not_finite_is_not_returned():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.ops.sqrt(0.0 * inputs))
    with pytest.raises(FloatingPointError, match="image is not finite"):
        CBRVisualizer(keras.Model(inputs, x), **{**SMALL, "steps": 1}).explain(Logit(0), verbose=0)


def test_preprocessing_that_returns_no_tensor_is_refused(tiny_model):
    with pytest.raises(ValueError, match='"preprocessing" must map'):
        CBRVisualizer(tiny_model, **SMALL, preprocessing=lambda images: None).explain(Logit(1))


def test_a_start_is_cropped_to_the_image_and_repeated_for_each_objective(tiny_model, rng):
    visualizer = CBRVisualizer(tiny_model, image_size=(16, 24))
    image = rng.uniform(size=(16, 30, 3)).astype("float32")
    assert visualizer.starting_images(None, 2) is None
    found = visualizer.starting_images(image, 2)
    np.testing.assert_array_equal(found, [image[:, 3:27]] * 2)
    whole = np.round(255 * image[:, 3:27]).astype("uint8")
    np.testing.assert_allclose(visualizer.starting_images(whole, 1)[0], image[:, 3:27], atol=0.002)


def test_a_model_trained_in_half_precision_is_explained_in_float32():
    model = build_tiny_model(policy="mixed_bfloat16")
    explanation = CBRVisualizer(model, **SMALL).explain(Logit(0), verbose=0)
    assert explanation.scores.dtype == explanation.images.dtype == np.float32


def test_a_gradient_that_the_optimizer_does_not_see_is_told(tiny_model):
    visualizer = CBRVisualizer(tiny_model, steps=2, crops=1, image_size=16)
    with pytest.warns(UserWarning, match=r"image of .*logit 1 is still its start.*Multiply the objective"):
        weak = visualizer.explain(1e-12 * Logit(1), seed=0, verbose=0)
    strong = visualizer.explain(1e-12 * (1e12 * Logit(1)), seed=0, verbose=0)
    assert np.abs(weak.images - strong.images).max() > 0.01
