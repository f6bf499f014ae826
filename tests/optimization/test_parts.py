"""Steps in parts against whole steps."""

import itertools
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, Diversity, FeatureInversion, Logit, MacoVisualizer, TotalVariation
from maco_tf.optimization.parts import Parts, plan_parts
from maco_tf.optimization.replicas import as_strategy, resolve_batch_size
from maco_tf.optimization.views import Views
from maco_tf.transforms import GaussianNoise, Jitter, RandomCrop, RandomScale, Repeat, Resize, UniformNoise
from tests.conftest import build_tiny_model

CHAINS = {
    "default": None,
    "lucid": [Jitter(2), RandomScale((0.9, 1.1)), GaussianNoise(0.1)],
    "noise before and after, copies of crops": [
        UniformNoise(0.1),
        RandomCrop((16, 16), 4, side=0.7),
        Repeat(2),
        GaussianNoise((0.2, 0.1)),
    ],
}


def explain(objective, largest, transforms=None, **options):
    visualizer = MacoVisualizer(
        build_tiny_model(),
        steps=3,
        crops=4,
        image_size=24,
        transforms=transforms,
        max_batch_size=largest,
        jit_compile=False,
        **options,
    )
    return visualizer.explain(objective, seed=3, verbose=0)


@pytest.mark.parametrize("name", CHAINS)
def test_parts_give_what_the_whole_gives(name, rng):
    images = rng.uniform(size=(3, 24, 24, 3)).astype("float32")
    objective = 2 * Logit([0, 3, 1]) - Channel("conv", 2) - 0.5 * TotalVariation() + FeatureInversion("second", images)
    whole = explain(objective, None, CHAINS[name])
    # Some of the images; some of the views of one.
    for largest in (8, 2) if CHAINS[name] is None else (16,):
        parts = explain(objective, largest, CHAINS[name])
        np.testing.assert_allclose(parts.scores, whole.scores, atol=1e-4)
        np.testing.assert_allclose(parts.images, whole.images, atol=1e-4)
        np.testing.assert_allclose(parts.transparency, whole.transparency, rtol=1e-3, atol=1e-6)


def test_parts_compile_under_xla():
    results = []
    for largest in (None, 2):
        visualizer = MacoVisualizer(
            build_tiny_model(), steps=2, crops=4, image_size=24, max_batch_size=largest, jit_compile=True
        )
        results.append(visualizer.explain(Logit([0, 1]), seed=0, verbose=0))
    np.testing.assert_allclose(results[0].images, results[1].images, atol=1e-3)


def test_the_model_never_sees_more_than_the_largest_batch():
    seen = []
    model = build_tiny_model()

    def spy(images):
        seen.append(images.shape[0])
        return images

    visualizer = MacoVisualizer(model, steps=1, crops=6, image_size=24, max_batch_size=4, preprocessing=spy)
    visualizer.explain(Logit([0, 1]), seed=0, verbose=0)
    assert set(seen) == {1, 3}  # 1 where shapes are read, 3 the largest divisor of 6 views below 4.


@pytest.mark.parametrize(("batch", "views", "largest"), itertools.product((1, 4, 6), (1, 8, 12), (1, 3, 8, 16, 1000)))
def test_every_view_of_every_image_is_in_one_part(batch, views, largest):
    plan = plan_parts([], batch, Views([Repeat(views)], (16, 16, 3)), largest)
    assert plan.rows * plan.size <= largest
    members = [
        (int(image), int(plan.start(number)) + cut)
        for number in range(plan.count)
        for image in plan.images(number)
        for cut in range(plan.size)
    ]
    assert sorted(members) == list(itertools.product(range(batch), range(views)))
    fits = [d for d in range(1, views + 1) if views % d == 0 and d <= largest]
    assert plan.rows * plan.size >= max(fits)


@pytest.mark.parametrize(
    ("batch", "views", "part"),
    [(1, 4, 4), (1, 8, 8), (1, 32, 8), (1, 12, 6), (1, 22, 11), (1, 31, 31), (8, 2, 8), (4, 8, 8), (3, 5, 5)],
)
def test_by_itself_a_cpu_sees_about_eight_views_at_once(batch, views, part, recwarn):
    parts = plan(batch, views, "auto")
    assert parts.rows * parts.size == part
    assert not recwarn.list


def test_by_itself_a_joint_term_is_not_cut():
    objective = Channel("conv", 1) + Diversity("conv", 4)
    terms = [term for _, term in objective.terms]
    assert plan_parts(terms, 4, Views([Repeat(8)], (16, 16, 3)), "auto").count == 1


def test_copies_of_copies_are_counted():
    assert plan(1, 8, "auto", each=4) == Parts(batch=1, rows=1, cuts=8, size=2)


def test_the_model_sees_about_eight_views_at_once_unless_told():
    largest = {"auto": 32 if tf.config.list_logical_devices("GPU") else 8, None: 32, 4: 4}
    for given, expected in largest.items():
        seen = []

        def spy(images, seen=seen):
            seen.append(images.shape[0])
            return images

        options = {} if given == "auto" else {"max_batch_size": given}
        MacoVisualizer(
            build_tiny_model(), steps=1, crops=32, image_size=24, preprocessing=spy, jit_compile=False, **options
        ).explain(Logit(0), seed=0, verbose=0)
        assert set(seen) == {1, expected}


def test_what_is_compiled_or_shared_is_not_cut_by_itself():
    assert resolve_batch_size("auto", True, None) is None
    assert resolve_batch_size("auto", False, object()) is None
    assert resolve_batch_size(None, False, None) is None
    assert resolve_batch_size(np.int64(3), True, None) == 3


def test_joint_terms_are_not_cut():
    with pytest.raises(ValueError, match='"max_batch_size" must be at least 8 for Diversity'):
        explain(Channel("conv", 1) + Diversity("conv", 2), 4)
    assert explain(Channel("conv", 1) + Diversity("conv", 2), 8).images.shape == (2, 24, 24, 3)


@pytest.mark.parametrize("largest", [0, 2.5, True, "many"])
def test_bad_limits(largest):
    with pytest.raises(ValueError, match='"max_batch_size" must be an integer of at least 1'):
        explain(Logit(0), largest)


def test_a_callable_that_makes_views_is_refused():
    with pytest.raises(ValueError, match=r"transforms.Repeat"):
        explain(Logit(0), None, [lambda images: tf.repeat(images, 2, axis=0), Resize(16)])


@pytest.mark.parametrize("strategy", ["GPU:0", object()])
def test_what_is_no_strategy(strategy):
    with pytest.raises(ValueError, match='"strategy" must be a tf'):
        as_strategy(strategy)


def test_one_device_is_no_strategy():
    assert as_strategy(tf.distribute.OneDeviceStrategy("/CPU:0")) is None
    assert as_strategy(None) is None


def test_two_devices_give_what_one_gives():
    """Virtual devices must be set up before TensorFlow starts, so in a process of its own."""
    program = """
        import keras, numpy as np, tensorflow as tf
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        from maco_tf import Diversity, Logit, Channel, MacoVisualizer
        from tests.conftest import build_tiny_model
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            mirrored = build_tiny_model()
        settings = dict(steps=3, crops=4, image_size=24)

        def explain(model, **options):
            visualizer = MacoVisualizer(model, **settings, **options)
            return visualizer.explain(2 * Logit([0, 3]) - Channel("conv", 1), seed=3, verbose=0)

        alone = explain(build_tiny_model())
        runs = [explain(mirrored, strategy=strategy), explain(build_tiny_model(), strategy=strategy, max_batch_size=1)]
        with strategy.scope():
            runs.append(explain(mirrored))
        for run in runs:
            np.testing.assert_allclose(run.scores, alone.scores, atol=1e-4)
            np.testing.assert_allclose(run.images, alone.images, atol=1e-4)
            np.testing.assert_allclose(run.transparency, alone.transparency, rtol=1e-3, atol=1e-6)
        with strategy.scope():
            profile = MacoVisualizer(mirrored, **settings).profile(Logit([0, 3]), repeats=1)
        assert profile.views_a_step == 8 and profile.step > 0
        for wrong, options in (("share", {"crops": 3}), ("jit_compile", {"jit_compile": True})):
            try:
                MacoVisualizer(mirrored, **{**settings, **options}, strategy=strategy).explain(Logit(0), verbose=0)
            except ValueError as error:
                assert wrong in str(error), error
            else:
                raise AssertionError(wrong)
        print("equal")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "equal" in done.stdout


def plan(batch, cuts, largest, replicas=1, each=1):
    transforms = [RandomCrop(16, cuts), Repeat(each)] if each > 1 else [Repeat(cuts)]
    return plan_parts([], batch, Views(transforms, (16, 16, 3)), largest, replicas)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        # 2 parts of 16 views; 31 at once.
        (
            (1, 31, 16),
            r"31 equal parts of 1 view\(s\).* 16 might be seen at once.* Try 32 crops or max_batch_size=31\.",
        ),
        # 14 copies of each image: the largest divisor below 5 is 2, and of 15 it is 5.
        ((2, 14, 5), r"14 equal parts of 2 view\(s\).* Try 15 crops or max_batch_size=7\."),
        # Whole images of two views each: 7 of them divide by nothing, and three views fit no better than four.
        ((7, 2, 10), r"7 equal parts of 2 view\(s\).* Try (\d+ crops or )?max_batch_size=14\."),
    ],
)
def test_parts_far_below_the_limit_are_told_once(arguments, message):
    with pytest.warns(UserWarning, match=message) as caught:
        plan(*arguments)
    assert len(caught) == 1


@pytest.mark.parametrize("arguments", [(1, 32, 16), (2, 6, 4), (1, 31, 31), (1, 31, None), (4, 8, 1), (2, 4, None, 2)])
def test_parts_of_half_the_limit_are_not(arguments, recwarn):
    plan(*arguments)
    assert not recwarn.list


def test_what_is_named_helps(recwarn):
    plan(1, 32, 16)
    plan(1, 31, 31)
    plan(2, 15, 5)
    plan(2, 14, 7)
    assert not recwarn.list


def test_a_limit_below_one_copy_is_blamed_on_the_limit():
    for replicas in (1, 2):
        with pytest.raises(ValueError, match='"max_batch_size" must be at least 3, the views'):
            plan(1, 4, 2, replicas, each=3)


def test_limits_are_checked_before_anything_is_measured():
    visualizer = MacoVisualizer(
        build_tiny_model(), steps=1, crops=4, image_size=24, max_batch_size=4, precision="auto", jit_compile=False
    )
    for call in (visualizer.explain, visualizer.profile):
        with pytest.raises(ValueError, match='"max_batch_size" must be at least 8 for Diversity'):
            call(Channel("conv", 1) + Diversity("conv", 2))
        assert visualizer.precision_choice is None


def test_a_measurement_sees_no_more_views_than_a_step():
    seen = []

    def spy(images):
        seen.append(images.shape[0])
        return images

    visualizer = MacoVisualizer(
        build_tiny_model(), steps=1, crops=6, image_size=24, max_batch_size=3, precision="auto", preprocessing=spy
    )
    visualizer.explain(Logit([0, 1]), seed=0, verbose=0)
    assert visualizer.precision_choice is not None
    assert set(seen) == {1, 3}
