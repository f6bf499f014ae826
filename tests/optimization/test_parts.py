"""The plan of parts, and steps in parts against whole steps."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import CBRVisualizer, Channel, Diversity, FeatureInversion, Logit, MacoVisualizer, TotalVariation
from maco_tf.models import Activations
from maco_tf.optimization import CompiledSteps, objective_tensors
from maco_tf.optimization.parts import Parts, plan_parts
from maco_tf.optimization.views import Views
from maco_tf.parametrizations import PixelParametrization
from maco_tf.transforms import GaussianNoise, Jitter, RandomCrop, RandomScale, Repeat, UniformNoise

CHAINS = {
    "crops": (None, [8, 2]),  # Some of the images; some of the views of one image.
    "lucid": ([Jitter(2), RandomScale((0.9, 1.1)), GaussianNoise(0.1)], [3]),
    "noise before and after crops, and copies of them": (
        [UniformNoise(0.1), RandomCrop((16, 16), 4, side=0.7), Repeat(2), GaussianNoise((0.2, 0.1))],
        [16],
    ),
}


def plan(batch, copies, largest, replicas=1, each=1):
    """The plan for images of `copies` copies, of which later transforms make `each` views."""
    transforms = [RandomCrop(16, copies), Repeat(each)] if each > 1 else [Repeat(copies)]
    return plan_parts([], batch, Views(transforms, (16, 16, 3)), largest, replicas)


@pytest.mark.parametrize(("batch", "views", "largest"), itertools.product((1, 4, 6), (1, 8, 12), (1, 3, 8, 16, 1000)))
@pytest.mark.filterwarnings("ignore:.* can only be cut into")
def test_every_view_of_every_image_is_in_one_part(batch, views, largest):
    parts = plan(batch, views, largest)
    assert parts.rows * parts.size <= largest
    members = [
        (int(image), int(parts.start(number)) + cut)
        for number in range(parts.count)
        for image in parts.images(number)
        for cut in range(parts.size)
    ]
    assert sorted(members) == list(itertools.product(range(batch), range(views)))
    fitting = [divisor for divisor in range(1, views + 1) if views % divisor == 0 and divisor <= largest]
    assert parts.rows * parts.size >= max(fitting)


@pytest.mark.parametrize(
    ("batch", "views", "part"),
    [(1, 4, 4), (1, 8, 8), (1, 32, 8), (1, 12, 6), (1, 22, 11), (1, 31, 31), (8, 2, 8), (4, 8, 8), (3, 5, 5)],
)
def test_automatic_parts_have_about_eight_views(batch, views, part, recwarn):
    parts = plan(batch, views, "auto")
    assert parts.rows * parts.size == part
    assert not recwarn.list


def test_copies_of_copies_are_counted():
    assert plan(1, 8, "auto", each=4) == Parts(batch=1, rows=1, cuts=8, size=2)


def test_the_number_of_parts_is_a_multiple_of_the_replicas():
    assert plan(2, 4, None, replicas=2) == Parts(batch=2, rows=1, cuts=4, size=4)
    assert plan(1, 4, None, replicas=2) == Parts(batch=1, rows=1, cuts=4, size=2)
    with pytest.raises(ValueError, match=r'"strategy" must be able to share 1 image.* "crops" to a multiple of 2'):
        plan(1, 3, None, replicas=2)


def test_joint_terms_need_all_images_at_once():
    terms = [term for _, term in (Channel("conv", 1) + Diversity("conv", 4)).terms]
    views = Views([Repeat(8)], (16, 16, 3))
    assert plan_parts(terms, 4, views, "auto").count == plan_parts(terms, 4, views, 32).count == 1
    with pytest.raises(ValueError, match='"max_batch_size" must be at least 32 for Diversity'):
        plan_parts(terms, 4, views, 31)
    # Without a limit on the batch size, it is not to blame.
    with pytest.raises(ValueError, match=r'"strategy" must have one replica for Diversity.*Received: 2 replicas'):
        plan_parts(terms, 4, views, None, replicas=2)


def test_a_single_view_runs_on_one_device_and_a_warning_says_so():
    with pytest.warns(UserWarning, match="cannot be shared by 2 replicas"):
        assert plan(1, 1, None, replicas=2) == Parts(batch=1, rows=1, cuts=1, size=1)
    assert plan(2, 1, None, replicas=2) == Parts(batch=2, rows=1, cuts=1, size=1)


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_limit_below_the_views_of_one_copy_is_refused(replicas):
    with pytest.raises(ValueError, match='"max_batch_size" must be at least 3, the number of views'):
        plan(1, 4, 2, replicas, each=3)


@pytest.mark.parametrize(
    ("arguments", "remedies"),
    [
        # 31 is prime, so that parts have one view or all. 32 is a multiple of the limit.
        ((1, 31, 16), ["32 crops", "max_batch_size=31"]),
        # The largest divisor of 14 below 5 is 2; that of 15 is 5.
        ((2, 14, 5), ["15 crops", "max_batch_size=7"]),
        # Seven images of two views can only be cut into single images.
        ((7, 2, 10), ["max_batch_size=14"]),
    ],
)
def test_parts_far_below_the_limit_cause_one_warning_with_remedies(arguments, remedies):
    with pytest.warns(UserWarning, match="equal parts") as caught:
        plan(*arguments)
    assert len(caught) == 1
    assert all(remedy in str(caught[0].message) for remedy in remedies)


@pytest.mark.parametrize(
    "arguments",
    [
        # The remedies of the test above.
        *[(1, 32, 16), (1, 31, 31), (2, 15, 5), (2, 14, 7), (7, 2, 14)],
        *[(2, 6, 4), (1, 31, None), (4, 8, 1), (2, 4, None, 2)],
    ],
)
def test_parts_of_at_least_half_the_limit_cause_no_warning(arguments, recwarn):
    plan(*arguments)
    assert not recwarn.list


def explain(model, objective, largest, kind=MacoVisualizer, **options):
    settings = {"steps": 2, "crops": 4, "image_size": 24, "jit_compile": False, **options}
    return kind(model, max_batch_size=largest, **settings).explain(objective, seed=3, verbose=0)


def test_one_step_in_parts_equals_the_whole_step(tiny_model):
    objective = Logit([0, 3]) - TotalVariation()
    transforms = [Repeat(4), GaussianNoise(0.1)]
    results = []
    for largest in (None, 2):
        compiled = CompiledSteps(
            Activations(tiny_model),
            PixelParametrization((16, 16, 3), 2),
            transforms,
            keras.optimizers.SGD(100.0),
            [term for _, term in objective.terms],
            1,
            max_batch_size=largest,
        )
        state = compiled(compiled.start([0]), objective_tensors(objective), 1)
        results.append((state.history, state.transparency, compiled.images()))
    assert compiled.parts.count == 4
    for whole, parts in zip(*results):
        np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-5)
    assert results[0][2].std() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAINS)
def test_parts_give_the_same_result_as_the_whole(name, tiny_model, rng):
    transforms, limits = CHAINS[name]
    images = rng.uniform(size=(3, 24, 24, 3)).astype("float32")
    objective = 2 * Logit([0, 3, 1]) - Channel("conv", 2) - 0.5 * TotalVariation() + FeatureInversion("second", images)
    whole = explain(tiny_model, objective, None, transforms=transforms)
    for largest in limits:
        parts = explain(tiny_model, objective, largest, transforms=transforms)
        np.testing.assert_allclose(parts.scores, whole.scores, atol=1e-4)
        np.testing.assert_allclose(parts.images, whole.images, atol=1e-4)
        np.testing.assert_allclose(parts.transparency, whole.transparency, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_parts_compile_under_xla(tiny_model):
    whole, parts = (explain(tiny_model, Logit([0, 1]), largest, jit_compile=True) for largest in (None, 2))
    np.testing.assert_allclose(whole.images, parts.images, atol=1e-3)


class Counting:
    """A preprocessing that notes how many views the model sees at once. Shapes are read with one view."""

    def __init__(self):
        self.seen = set()

    def __call__(self, images):
        self.seen.add(images.shape[0])
        return images


@pytest.mark.parametrize(("batch", "crops", "limit", "part"), [(2, 6, 4, 3), (1, 32, None, 32), (1, 32, "auto", 8)])
def test_the_model_sees_one_part_at_once(tiny_model, batch, crops, limit, part):
    if limit == "auto" and tf.config.list_logical_devices("GPU"):
        pytest.skip("There is no limit on a GPU.")
    counting = Counting()
    explain(tiny_model, Logit([0] * batch), limit, CBRVisualizer, crops=crops, transforms=[], preprocessing=counting)
    assert counting.seen == {1, part}


@pytest.mark.slow
def test_a_measurement_of_precision_sees_no_more_views_than_a_step(tiny_model):
    counting = Counting()
    settings = {"steps": 1, "crops": 6, "image_size": 24, "max_batch_size": 3}
    visualizer = MacoVisualizer(tiny_model, **settings, precision="auto", preprocessing=counting)
    visualizer.explain(Logit([0, 1]), seed=0, verbose=0)
    assert visualizer.precision_choice is not None
    assert counting.seen == {1, 3}


def test_limits_are_checked_before_anything_is_measured(tiny_model):
    visualizer = MacoVisualizer(
        tiny_model, steps=1, crops=4, image_size=24, max_batch_size=4, precision="auto", jit_compile=False
    )
    for call in (visualizer.explain, visualizer.profile):
        with pytest.raises(ValueError, match='"max_batch_size" must be at least 8 for Diversity'):
            call(Channel("conv", 1) + Diversity("conv", 2))
        assert visualizer.precision_choice is None
