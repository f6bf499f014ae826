"""The settings that all methods share, each declared once, and how a recipe fills them in."""

import copy
import dataclasses
import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Union, cast

import keras
import tensorflow as tf

from maco_tf.checks import check_choice, settled
from maco_tf.models.activations import Activations
from maco_tf.optimization.views import AnyTransform
from maco_tf.transforms.distribution import Choice, Normal, Uniform
from maco_tf.visualizers.precision_choice import compute_dtype
from maco_tf.visualizers.record import Arrays, decode, encode
from maco_tf.visualizers.registry import register
from maco_tf.visualizers.resolution import resolve

if TYPE_CHECKING:
    from typing_extensions import Self

LearningRate = Union[float, "keras.optimizers.schedules.LearningRateSchedule"]
Schedule = float | tuple[float, float] | list[float] | Callable[[int], float]
Amount = Schedule | Normal | Uniform | Choice


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Settings:
    """The shared settings of all visualizers.

    Settings are immutable: `dataclasses.replace(visualizer, steps=64)` makes another visualizer, and assigning to a
    setting raises. A setting of `None` takes the recipe's value, which `visualizer.resolved` shows. `recipes` are
    dictionaries of settings; every recipe builds on "default", and "default" builds on the one declared here.

    Args:
        model: a built `keras.Model` of any kind: functional, sequential, nested or subclassed. It is never changed.
        recipe: name of a set of settings, one of `recipes`.
        steps: length of a run.
        crops: number of views of each image that the model sees in a step.
        crop_side: side of a crop as a fraction of the image's: a number, `(start, end)` over the run, a Keras schedule,
            a callable of the step, or a `transforms.Normal`, `Uniform` or `Choice`.
        crop_centre: centre of a crop as a fraction of the image: "anywhere" inside it, or as `crop_side`.
        crop_inside: whether crops that cross the border are moved inside; otherwise grey fills the rest.
        crop_antialias: whether crops with more pixels than the model's input are antialiased; see `RandomCrop`.
        whole_views: how many of the views are as large as the image, if there are more views than this. Their centres
            are drawn like those of the crops.
        gaussian_noise: standard deviation of normal noise on the views, whose range is [0, 1]; may change over the run.
        uniform_noise: amplitude of uniform noise on the views, in the same units; may change over the run.
        noise_first: whether the noise is added to the image before the crops are taken and resized, as in the MACO
            paper. Otherwise, each view gets its own noise, in pixels of the model's input.
        transforms: list of transforms or callables that replaces crops and noise; or the name of a set, "lucid" (see
            `transforms.lucid_standard`) or "paper" (see `transforms.paper_standard`). With `crops`, that many copies of
            each image go through it, each with its own random numbers. The result is resized to the model's input.
        antialias: whether this resizing averages over the pixels that it leaves out.
        learning_rate: learning rate of the default optimizer, above 0, or a Keras schedule.
        optimizer: a `keras.optimizers.Optimizer` instead of the default one. Each run uses a copy.
        image_size: side of the image, pixels, `(height, width)`, or "input" for the model's input. Views of an image
            that is smaller than the input are enlarged. The default is 512, or 512 / 224 of the model's input if that
            is less; for inputs below 96 pixels this proportion falls, and up to 32 pixels it is 1.
        preprocessing: how images in [0, 1] become the model's input: `None` leaves them unchanged, "0-255" multiplies
            them by 255, "tf", "torch" and "caffe" are Keras's modes, and a callable maps a batch to a batch. "auto"
            finds the range from the layers at the model's input, from the names of networks of `keras.applications` and
            from the first batch norm. It warns if the range is doubtful, and takes [0, 1] if nothing shows it. The
            first explanation prints a range other than [0, 1], and `visualizer.resolved` and `config` hold it.
        input_shape: `(height, width, channels)` of the model's input, if the model does not define it. If
            `preprocessing` is a function that changes the shape, `input_shape` is that of the images it is given; so a
            model of grey images can be explained by colour images.
        relu_warmup: steps at the start in which gradients pass through inactive ReLUs, for dead units; 16 in Lucid.
        steps_per_execution: number of steps in one call of the compiled function. Callbacks come between calls.
        jit_compile: whether XLA compiles the steps; "auto" does so on a single GPU, and warns if XLA cannot. A step
            changes by rounding only, and random callables of your own draw other numbers.
        precision: the dtype that the network computes in: "float32", "bfloat16", "float16", or "tensorfloat32", which
            is float32 whose matrix products a GPU may compute with fewer bits ("float32" forbids this). "auto" measures
            at the first explanation which is the fastest here and close enough to float32. `None` is the model's own
            policy. Weights, images, views, scores and gradients keep their dtype.
        max_batch_size: the most views that the model sees at once, over all images. Gradients are accumulated, and they
            and the random numbers change by rounding only (after dozens of steps, this leads to another image), users'
            own random callables aside. The views are cut into equal parts, so a count with few divisors is slow; a
            warning says so. "auto" makes parts of about 8 views on a CPU, where that is fastest, and sets no limit on a
            GPU, under XLA or under a strategy; where the memory does not suffice, it halves it, with a warning. `None`
            sets no limit.
        strategy: a `tf.distribute.MirroredStrategy`, whose replicas share the views of a run; by default the one in
            whose scope the visualizer is made. A model that is made in the scope too is kept on each device.
        class_names: the names of the model's classes, for `Logit("cat")` and for titles; "imagenet" is ImageNet's
            labels. With `None`, `Logit` reads names as ImageNet's labels too, but a class given by number has no name.
        decorrelate: whether colours are optimised along decorrelated axes, and natural images' correlation is put back
            by a fixed matrix. `False` optimises red, green and blue, as Lucid's `image(decorrelate=False)`; MACO then
            needs a magnitude of them, `estimate_magnitude(images, decorrelate=False)`, whose colours it follows.

    Raises:
        ValueError: an argument lies outside its range; the message names the remedy.
    """

    model: keras.Model
    recipe: str = "default"
    _: dataclasses.KW_ONLY
    steps: int | None = None
    crops: int | None = None
    crop_side: Amount | None = None
    crop_centre: Amount | Literal["anywhere"] | None = None
    crop_inside: bool | None = None
    crop_antialias: bool | None = None
    whole_views: int | None = None
    gaussian_noise: Schedule | None = None
    uniform_noise: Schedule | None = None
    noise_first: bool | None = None
    transforms: Sequence[AnyTransform] | Literal["lucid", "paper"] | None = None
    antialias: bool | None = None
    learning_rate: LearningRate | None = None
    optimizer: keras.optimizers.Optimizer | None = None
    image_size: int | tuple[int, int] | Literal["input"] | None = None
    preprocessing: Callable[[tf.Tensor], tf.Tensor] | Literal["auto", "0-255", "tf", "torch", "caffe"] | None = "auto"
    input_shape: tuple[int, int, int] | None = None
    relu_warmup: int = 0
    steps_per_execution: int = 1
    jit_compile: bool | Literal["auto"] = "auto"
    precision: Literal["float32", "bfloat16", "float16", "tensorfloat32", "auto"] | None = None
    max_batch_size: int | Literal["auto"] | None = "auto"
    strategy: tf.distribute.Strategy | None = None
    class_names: Sequence[str] | Literal["imagenet"] | None = None
    decorrelate: bool | None = None

    # Derived in `__post_init__`.
    _resolved: Any = dataclasses.field(init=False)
    _activations: Activations = dataclasses.field(init=False)
    _config: dict[str, Any] = dataclasses.field(init=False)
    _arrays: Arrays = dataclasses.field(init=False)

    method: ClassVar[str]
    # How these values were chosen: notebooks/guides/recipe.md.
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {
            "steps": 256,
            "crops": 8,
            # From nearly the whole image, so that one object forms and not several, to about one pixel of the image for
            # each pixel of the network's input, so that details form: 0.5 x 512 / 224 is 1.1.
            "crop_side": Normal((0.9, 0.5), 0.05),
            # Around the centre and across the border: crops that are spread evenly inside grow several objects.
            "crop_centre": Normal(0.5, 0.15),
            "crop_inside": False,
            # Otherwise crops with more pixels than the network's input alias, and the optimisation hides in frequencies
            # that only this sampling shows to the network.
            "crop_antialias": True,
            # People and other networks look at the whole image. Without whole views, its parts may be right while the
            # whole is not.
            "whole_views": 2,
            "gaussian_noise": 0.08,
            "uniform_noise": 0.04,
            "noise_first": False,
            "antialias": True,
            "learning_rate": 0.1,
        }
    }

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "method" in vars(cls):
            register(cls, cls.method)
            # `help(MacoVisualizer)` shows the shared settings too.
            shared = inspect.getdoc(Settings) or ""
            arguments = shared.partition("Args:\n")[2].partition("\n\nRaises:")[0]
            cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\nShared settings:\n{arguments}"

    if not TYPE_CHECKING:

        def __new__(cls, *_: Any, **settings: Any) -> "Self":
            """Name the nearest setting before `__init__` refuses an unknown one."""
            for name in set(settings) - {"model", *cls.names()}:
                near = difflib.get_close_matches(name, cls.names(), n=3)
                hint = f"Did you mean {', '.join(near)}?" if near else f"They are {', '.join(cls.names())}."
                raise TypeError(f"{cls.__name__} has no setting {name!r}. {hint}")
            return super().__new__(cls)

    def __post_init__(self) -> None:
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                f"Keras must run on TensorFlow. Received: the backend {keras.backend.backend()!r}. Set "
                'os.environ["KERAS_BACKEND"] = "tensorflow" before Keras is first imported.'
            )
        # Folding differs from Keras by rounding, which does not matter over a run. Scores of images do not fold.
        activations = Activations(self.model, self.preprocessing, self.input_shape, fold=True)
        activations = activations.with_precision(compute_dtype(self.model, self.precision))
        resolved, arrays = copy.copy(self), Arrays()
        for name, value in self._resolve(activations).items():
            object.__setattr__(resolved, name, value)
            if name in ("transforms", "optimizer") and getattr(self, name) is not None:
                # A copy of the user's list or optimizer, which may change later.
                object.__setattr__(self, name, value)
        # The input shape is stored if the user gave it; otherwise it follows from the model.
        stored = {name: encode(getattr(resolved, name), arrays) for name in self.names()}
        stored["input_shape"] = encode(self.input_shape, arrays)
        derived = {
            "_resolved": resolved,
            "_config": {"method": self.method, **stored},
            "_arrays": arrays,
            "_activations": activations,
        }
        self._keep(**derived)

    def _keep(self, **derived: Any) -> None:
        """Set derived attributes of this visualizer and of its resolved form, past the frozen dataclass."""
        for instance in (self, derived.get("_resolved") or self.resolved):
            for name, value in derived.items():
                object.__setattr__(instance, name, value)

    @classmethod
    def names(cls) -> list[str]:
        """The names of all settings but the model."""
        return [field.name for field in dataclasses.fields(cls) if field.init and field.name != "model"]

    def _resolve(self, activations: Activations) -> dict[str, Any]:
        """The settings with the recipe's values in place of `None`, checked."""
        given = {name: getattr(self, name) for name in self.names() if getattr(self, name) is not None}
        return resolve(self.names(), given, self.settings_of(self.recipe), self.recipe, activations)

    @classmethod
    def settings_of(cls, recipe: str = "default") -> dict[str, Any]:
        """The settings that a recipe sets.

        Args:
            recipe: one of `recipes`.

        Returns:
            Dictionary, setting -> value.

        Raises:
            ValueError: there is no such recipe, or it sets something that is not a setting of this method.
        """
        check_choice("recipe", recipe, cls.recipes)
        chosen = {**Settings.recipes["default"], **cls.recipes.get("default", {}), **cls.recipes[recipe]}
        unknown = set(chosen) - set(cls.names())
        if unknown:
            raise ValueError(
                f'"recipes" must be dictionaries of settings. Received: {", ".join(sorted(unknown))}, which are not '
                f"fields of {cls.__name__}. Decorate the class with @dataclasses.dataclass(frozen=True, eq=False)."
            )
        return chosen

    @property
    def resolved(self) -> "Self":
        """The same visualizer with the recipe's values in place of `None`.

        Read settings from it, and change them on the visualizer itself: here, the recipe's values are explicit, so that
        another recipe would change nothing.
        """
        return cast("Self", self._resolved)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of the image, pixels."""
        height, width = cast("tuple[int, int]", self.resolved.image_size)
        return height, width, settled(self.resolved.input_shape)[2]

    def config(self) -> dict[str, Any]:
        """The settings as JSON, from which `from_config` makes the same visualizer.

        Functions are stored by import path if they have one, and a magnitude by its SHA-256. Values that cannot be
        stored are marked as "unstorable".

        Returns:
            Dictionary, setting -> value, with the name of the method under "method".
        """
        return copy.deepcopy(self._config)

    @classmethod
    def from_config(
        cls, model: keras.Model, config: Mapping[str, Any], *, arrays: Mapping[str, Any] | None = None, **settings: Any
    ) -> "Self":
        """The visualizer of a configuration.

        Functions and classes are imported by the names in the configuration, so use only configurations that you trust.

        Args:
            model: a `keras.Model`.
            config: a dictionary as `config` returns it, or the `config` of an `Explanation`.
            arrays: the `inputs` of an `Explanation`, which hold the arrays that the configuration names by SHA-256.
            **settings: settings to use instead of the stored ones, such as a preprocessing that could not be stored.

        Returns:
            A visualizer.

        Raises:
            ValueError: the configuration belongs to another method, or a value must be given again.
        """
        if not isinstance(config, Mapping):
            raise ValueError(f'"config" must be a dictionary, as config() returns it. Received: {config!r}.')
        if config.get("method") != cls.method:
            raise ValueError(
                f'"config" must be that of the method {cls.method!r}. Received: the method {config.get("method")!r}.'
            )
        stored = {name: config[name] for name in cls.names() if name in config and name not in settings}
        return cls(model, **{name: decode(name, value, arrays or {}) for name, value in stored.items()}, **settings)

    def __repr__(self) -> str:
        shown = {name: getattr(self.resolved, name) for name in self.names()}
        settings = ", ".join(f"{name}={value!r}" for name, value in shown.items() if value is not None)
        return f"<{type(self).__name__} of {self.model.name}: {settings}>"
