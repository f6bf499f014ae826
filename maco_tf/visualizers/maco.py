"""MACO: the phase is optimised, and the magnitude is kept."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import keras

from maco_tf.checks import check_choice, check_flag, check_number, settled
from maco_tf.parametrizations.phase import PhaseParametrization
from maco_tf.spectrum.imagenet import imagenet_magnitude
from maco_tf.spectrum.magnitude import Magnitude
from maco_tf.spectrum.natural import natural_magnitude
from maco_tf.transforms.distribution import Normal
from maco_tf.visualizers.shared_settings import LearningRate
from maco_tf.visualizers.visualizer import Visualizer

# The magnitudes that the package has, by name.
MAGNITUDES: dict[str, Callable[[int, int], Magnitude]] = {
    "imagenet": imagenet_magnitude,
    "natural": natural_magnitude,
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MacoVisualizer(Visualizer):
    """Feature visualisation by MAgnitude Constrained Optimization (Fel et al., 2023, arXiv:2306.06805).

        explanation = MacoVisualizer(model).explain(Logit("pug") - 0.5 * Channel("block5b_add", 12))
        explanation.show()

    The default optimizer is NAdam. Settings of this method:

    Args:
        recipe: "default"; "fast", which is "default" with a quarter of the steps; "paper", the settings of the paper;
            or "xplique", those of xplique 2.0.2.
        mean_level: the image's mean before the sigmoid as a fraction of the magnitude's mean, at least 0; 0 is
            mid-grey. The default is 1 if the mean of `magnitude` is known, and otherwise 0. In the recipe "xplique", it
            is 0.
        magnitude: for images of three channels, "imagenet", the published one of the paper, whose mean is not known, or
            "natural", see `natural_magnitude`. Or a `Magnitude`, such as `estimate_magnitude(images)`, which is resized
            to the image. The default is "imagenet". `magnitude_in_force` shows the one in use.
        contrast: factor of the magnitude in all bins but the mean, above 0; 1, the default, leaves it as it is. The
            standard deviation of the image before the sigmoid is multiplied by it.
        cosine_decay: whether a learning rate given as a number falls to zero over the run as a cosine. The learning
            rate is in radians of phase.
        phase: "uniform", a free phase with a uniform start; or "standardized", as in xplique: see
            `parametrizations.PhaseParametrization`.

    Raises:
        ValueError: an argument lies outside its range; the message names the remedy.
    """

    mean_level: float | None = None
    magnitude: Magnitude | Literal["imagenet", "natural"] | None = None
    contrast: float | None = None
    cosine_decay: bool | None = None
    phase: Literal["uniform", "standardized"] | None = None

    method: ClassVar[str] = "MACO"
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Chosen by how other networks see the images: notebooks/guides/recipe.md.
        "default": {
            "magnitude": "imagenet",
            "contrast": 1.0,
            "learning_rate": 1.0,
            # At a constant rate of 1 the phases never settle, and the image stays noise.
            "cosine_decay": True,
            "phase": "uniform",
        },
        # A quarter of the compute, for 0.06 ± 0.11 of the judges' probability (six classes; tests/speed/quality.py).
        "fast": {"steps": 64},
        # Fel et al., 2023 (arXiv:2306.06805), section 4 and appendix: one view in a step, the noise on the image before
        # the crop. The paper's 0.25 is read as the side of a crop.
        "paper": {
            "magnitude": "imagenet",
            "contrast": 1.0,
            "crops": 1,
            "crop_side": Normal(0.25, 0.1),
            "crop_centre": "anywhere",
            "crop_inside": True,
            "crop_antialias": False,
            "whole_views": 0,
            "gaussian_noise": 0.0,
            "uniform_noise": 0.1,
            "noise_first": True,
            "cosine_decay": False,
            "image_size": 512,
        },
        # xplique 2.0.2, `features_visualizations/maco.py`. Its noise is for images in a range of width 2, so it is half
        # as strong on [0, 1]. It standardises the image, so the mean is mid-grey. Differences from xplique: the
        # magnitude is exact, crops that cross the border see grey, and the image keeps its natural contrast, which is
        # 1.28 times that of xplique's standardised image.
        "xplique": {
            "magnitude": "imagenet",
            "contrast": 1.0,
            "crops": 32,
            "crop_side": Normal((0.5, 0.05), 0.05),
            "crop_antialias": False,
            "whole_views": 0,
            "gaussian_noise": 0.04,
            "uniform_noise": 0.02,
            "cosine_decay": False,
            "mean_level": 0.0,
            "phase": "standardized",
            "image_size": 512,
        },
    }

    def _resolve(self, activations: Any) -> dict[str, Any]:
        values = super()._resolve(activations)
        if isinstance(values["learning_rate"], float):
            values["cosine_decay"] = check_flag("cosine_decay", values["cosine_decay"])
        else:
            if self.cosine_decay:
                raise ValueError(
                    '"cosine_decay" belongs to a learning rate that is a number. Received: True besides a schedule or '
                    "an optimizer. Leave it out."
                )
            values["cosine_decay"] = None
        values["contrast"] = check_number("contrast", values["contrast"], above=0)
        given = values["magnitude"]
        _check_magnitude(given, values["input_shape"][2])
        # Colours and mean do not depend on the size.
        found = given if isinstance(given, Magnitude) else MAGNITUDES[given](8, 8)
        values["decorrelate"] = _colours(values["decorrelate"], given, found)
        if values["mean_level"] is None:
            # Images as dark or as bright as photographs. The mean of "imagenet" is grey: notebooks/guides/recipe.md.
            values["mean_level"] = 0.0 if found.mean is None else 1.0
        return values

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """The optimizer if the user gives none: NAdam with `learning_rate`, which may fall to zero as a cosine."""
        rate: LearningRate = settled(self.learning_rate)
        if self.cosine_decay:
            rate = keras.optimizers.schedules.CosineDecay(rate, settled(self.steps))
        return keras.optimizers.Nadam(rate)

    def parametrization(self, batch_size: int) -> PhaseParametrization:
        return PhaseParametrization(
            self._natural_magnitude,
            batch_size,
            mean_level=settled(self.mean_level),
            phase=settled(self.phase),
        )

    @property
    def magnitude_in_force(self) -> Magnitude:
        """The magnitude and the mean of every image of this visualizer.

        `magnitude` is the setting as the user gave it, which may be `None` or of another size. This one has the size of
        the image, the mean that `mean_level` sets, and raised values in bins that are too weak for a float32 image; see
        `parametrizations.PhaseParametrization`.
        """
        return self.resolved.parametrization(1).in_force

    @functools.cached_property
    def _natural_magnitude(self) -> Magnitude:
        given: Any = settled(self.magnitude)
        found = _magnitude_of(given, *self.image_shape[:2])
        return found.with_contrast(settled(self.contrast))


def _magnitude_of(magnitude: Magnitude | str, height: int, width: int) -> Magnitude:
    """A magnitude or one of `MAGNITUDES`, at the size of the image."""
    if isinstance(magnitude, Magnitude):
        return magnitude.resized(height, width)
    return MAGNITUDES[magnitude](height, width)


def _check_magnitude(magnitude: Any, channels: int) -> None:
    if isinstance(magnitude, str):
        check_choice("magnitude", magnitude, MAGNITUDES)
        if channels != 3:
            raise ValueError(
                f'"magnitude" must be given as a Magnitude for a model of {channels} channel(s), because "{magnitude}" '
                f"has three. Estimate one from your images: maco_tf.estimate_magnitude(images, channels={channels}) in "
                "Python, --magnitude FOLDER of the command."
            )
        return
    if not isinstance(magnitude, Magnitude):
        raise ValueError(
            f'"magnitude" must be "imagenet", "natural" or a maco_tf.Magnitude. Received: {type(magnitude).__name__}. '
            "Make one with estimate_magnitude(images) or Magnitude.load(path)."
        )
    if magnitude.channels != channels:
        raise ValueError(
            f'"magnitude" must have the {channels} channel(s) of the model\'s input. Received: {magnitude.channels}.'
        )


def _colours(decorrelate: Any, given: Magnitude | str, found: Magnitude) -> bool:
    """Whether the channels are decorrelated colours, as those of the magnitude are."""
    own = found.decorrelated
    # Other numbers of channels are not decorrelated anyway.
    if decorrelate is None or check_flag("decorrelate", decorrelate) == own or found.channels != 3:
        return own
    kind = "decorrelated colours" if own else "red, green and blue"
    source = f'the magnitude "{given}", which is one of {kind}' if isinstance(given, str) else f"a magnitude of {kind}"
    raise ValueError(
        f'"decorrelate" must be {own}, because a spectrum is used in the space in which it was estimated. Received: '
        f"{decorrelate} with {source}. Estimate one with estimate_magnitude(images, decorrelate={decorrelate})."
    )
