import numpy as np
import pytest
import tensorflow as tf

from maco_tf.parametrizations import PhaseParametrization
from maco_tf.parametrizations.phase import hermitian_phase
from maco_tf.spectrum import Magnitude, imagenet_magnitude, radial_frequency, to_image
from maco_tf.spectrum.frequencies import bin_weights


def spectrum_error(parametrization, variables):
    """Largest | |rfft2(x)| / r - 1 | over all bins but the one at zero frequency."""
    x = parametrization.spatial(variables).numpy().astype("float64")
    magnitude = np.abs(np.fft.rfft2(x, axes=(1, 2))).transpose(0, 3, 1, 2)
    expected = parametrization.magnitude.copy()
    magnitude[:, :, 0, 0], expected[:, 0, 0] = 1.0, 1.0
    return np.abs(magnitude / expected - 1).max()


@pytest.mark.parametrize(("height", "width"), [(512, 512), (511, 300), (64, 64), (33, 47), (40, 31)])
def test_magnitude_is_exact_in_every_bin(height, width):
    parametrization = PhaseParametrization(imagenet_magnitude(height, width), batch_size=2)
    assert spectrum_error(parametrization, parametrization.initialize(0)) < 1e-3


@pytest.mark.parametrize("side", [512, 64])
def test_only_the_weakest_bins_are_raised(side):
    natural, used = (
        imagenet_magnitude(side, side).values,
        PhaseParametrization(imagenet_magnitude(side, side)).magnitude,
    )
    raised = used > (1 + 1e-6) * natural
    raised[:, 0, 0] = False
    # The figures in the docstring and in notebooks/guides/methods.md.
    assert radial_frequency(side, side)[raised.any(0)].min() > 0.49
    assert raised.mean() == pytest.approx(0.08, abs=0.005)
    used[:, 0, 0] = 0
    energy = used.astype("float64") ** 2 * bin_weights(side)
    assert energy[raised].sum() / energy.sum() == pytest.approx(1.1e-8, rel=0.2)


def test_magnitude_stays_exact_for_any_phase():
    parametrization = PhaseParametrization(imagenet_magnitude(64, 63))
    phase = 50 * tf.random.stateless_normal((1, 3, 64, 32), (1, 2))
    assert spectrum_error(parametrization, [phase]) < 1e-3


@pytest.mark.parametrize(("height", "width"), [(6, 6), (7, 6), (6, 7), (5, 5)])
def test_a_real_image_keeps_a_hermitian_phase(height, width, rng):
    phase = rng.uniform(-3, 3, (height, width // 2 + 1)).astype("float32")
    spectrum = np.exp(1j * hermitian_phase(tf.constant(phase), width).numpy())
    image = np.fft.irfft2(spectrum, s=(height, width))
    np.testing.assert_allclose(np.fft.rfft2(image), spectrum, atol=1e-6)
    # The phase of the other columns, which hold no conjugate pairs, does not change.
    np.testing.assert_allclose(spectrum[:, 1 : (width - 1) // 2 + 1], np.exp(1j * phase)[:, 1 : (width - 1) // 2 + 1])


def test_mean_and_standard_deviation_do_not_depend_on_the_phase():
    magnitude = imagenet_magnitude(64, 64)
    parametrization = PhaseParametrization(magnitude, batch_size=3, mean_level=0.5)
    x = parametrization.spatial(parametrization.initialize(4)).numpy()
    np.testing.assert_allclose(x.mean((1, 2)), np.tile(magnitude.values[:, 0, 0] / 64**2 / 2, (3, 1)), rtol=1e-4)
    np.testing.assert_allclose(x.std((1, 2)) / x.std((1, 2))[:1], 1, rtol=1e-4)


@pytest.mark.parametrize("phase", ["uniform", "standardized"])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_known_mean_keeps_its_sign(level, phase, rng):
    values = np.abs(np.fft.rfft2(rng.normal(size=(2, 12, 9))))
    parametrization = PhaseParametrization(Magnitude(values, 9, [-2.0, 0.5]), mean_level=level, phase=phase)
    x = parametrization.spatial(parametrization.initialize(0)).numpy()
    np.testing.assert_allclose(x.mean((1, 2)), [[-2.0 * level, 0.5 * level]], atol=1e-5)


@pytest.mark.parametrize(("known", "expected"), [(None, [1.5, -1.5]), ([-0.5], [-0.5, -0.5])])
def test_images_to_start_from_give_the_sign_of_an_unknown_mean_only(known, expected, rng):
    values = np.abs(np.fft.rfft2(rng.normal(size=(1, 8, 8))))
    values[:, 0, 0] = 1.5 * 64
    parametrization = PhaseParametrization(Magnitude(values, 8, known), batch_size=2, mean_level=1.0)
    bright, dark = rng.uniform(0.6, 0.9, (8, 8, 1)), rng.uniform(0.1, 0.4, (8, 8, 1))
    variables = parametrization.from_images(np.stack([bright, dark]).astype("float32"))
    means = parametrization.spatial(variables).numpy().mean((1, 2, 3))
    np.testing.assert_allclose(means, expected, atol=1e-5)


def test_the_magnitude_in_force_is_that_of_the_image():
    natural = imagenet_magnitude(64, 48)
    parametrization = PhaseParametrization(Magnitude(natural.values, 48, [-2.0, 0.5, 0.0]), mean_level=0.5)
    x = parametrization.spatial(parametrization.initialize(0)).numpy()[0].astype("float64").transpose(2, 0, 1)
    np.testing.assert_allclose(parametrization.in_force.values, np.abs(np.fft.rfft2(x)), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(parametrization.in_force.mean, x.mean((1, 2)), atol=1e-5)


def test_a_uniform_start_has_no_bright_corner():
    """A normal phase has a coherent peak at the origin; a uniform phase does not."""

    def corner(phase):
        x = PhaseParametrization(imagenet_magnitude(128, 128), phase=phase)
        x = x.spatial(x.initialize(0)).numpy()[0]
        return np.abs((x[0, 0] - x.mean((0, 1))) / x.std((0, 1))).max()

    assert corner("uniform") < 4
    assert corner("standardized") > 12


def test_the_initial_phase_is_uniform_and_depends_on_the_seed():
    magnitude = imagenet_magnitude(128, 128)
    parametrization = PhaseParametrization(magnitude, batch_size=2)
    phase = parametrization.initialize(3)[0].numpy()
    counts, _ = np.histogram(phase[0], bins=8, range=(-np.pi, np.pi))
    assert counts.min() / counts.max() > 0.9
    np.testing.assert_array_equal(phase, parametrization.initialize(3)[0])
    assert not np.allclose(phase, parametrization.initialize(4)[0])
    assert not np.allclose(phase[0], phase[1])
    alone = PhaseParametrization(magnitude, batch_size=1).initialize(3)[0]
    np.testing.assert_array_equal(phase[0], alone[0])


def test_a_standardized_phase_is_invariant_to_scale_and_shift():
    parametrization = PhaseParametrization(imagenet_magnitude(32, 32), phase="standardized")
    (phase,) = parametrization.initialize(0)
    np.testing.assert_allclose(parametrization.image([3 * phase + 1]), parametrization.image([phase]), atol=2e-3)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_number_of_channels(channels, rng):
    values = np.abs(np.fft.rfft2(rng.normal(size=(channels, 12, 10))))
    parametrization = PhaseParametrization(Magnitude(values, 10))
    variables = parametrization.initialize(0)
    image = parametrization.image(variables)
    assert image.shape == (1, 12, 10, channels)
    np.testing.assert_allclose(image, to_image(parametrization.spatial(variables)))
    assert 0 < image.numpy().min() < image.numpy().max() < 1


def test_a_magnitude_of_red_green_and_blue_makes_phases_of_them(rng):
    values = np.abs(np.fft.rfft2(rng.normal(size=(3, 12, 10))))
    parametrization = PhaseParametrization(Magnitude(values, 10, [0.5, -0.5, 0.0], False), mean_level=1.0)
    image = parametrization.image(parametrization.initialize(0)).numpy()
    logits = np.log(image / (1 - image.astype("float64")))
    spectrum = np.abs(np.fft.rfft2(logits[0], axes=(0, 1))).transpose(2, 0, 1)
    np.testing.assert_allclose(spectrum, parametrization.in_force.values, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(logits.mean((0, 1, 2)), [0.5, -0.5, 0.0], atol=1e-4)
    assert not parametrization.in_force.decorrelated
    # Photographs lend their phase in the same space.
    again = parametrization.image(parametrization.from_images(image))
    np.testing.assert_allclose(again, image, atol=1e-3)


@pytest.mark.parametrize(("name", "value"), [("phase", "normal"), ("mean_level", -0.1), ("batch_size", 0)])
def test_wrong_settings_are_named(name, value):
    with pytest.raises(ValueError, match=f'"{name}" must be'):
        PhaseParametrization(imagenet_magnitude(16, 16), **{name: value})
