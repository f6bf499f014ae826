"""Guard a large change: record the results of fixed runs before it, and compare them bit for bit afterwards.

    python -m tests.guard record FOLDER [NAME ...]     before the change
    python -m tests.guard compare FOLDER [NAME ...]    after each step; prints a table and fails on any difference

Names choose some of the runs. Machines round differently, so the repository holds no recordings.
"""

import sys
import warnings
from pathlib import Path

import keras
import numpy as np

from maco_tf import (
    L1,
    L2,
    Alignment,
    CBRVisualizer,
    Channel,
    Direction,
    Diversity,
    FeatureInversion,
    FourierVisualizer,
    Layer,
    Logit,
    MacoVisualizer,
    Neuron,
    TotalVariation,
    accentuate,
    estimate_magnitude,
    explain_class,
    find_exemplars,
    interpolate,
    product,
    zoo,
)
from maco_tf.transforms import GaussianNoise, RandomCrop, RandomFlip, lucid_standard
from tests.conftest import Wrapper, build_tiny_model


def photographs(count=4, size=40, channels=3):
    """Make smooth random images, integers in [0, 255]."""
    coarse = np.random.default_rng(3).uniform(0, 1, (count, 5, 5, channels))
    fine = keras.ops.image.resize(coarse.astype("float32"), (size, size), interpolation="bilinear")
    return np.round(255 * np.clip(keras.ops.convert_to_numpy(fine), 0, 1)).astype("uint8")


def arrays_of(explanation):
    """The arrays of an explanation that a change must preserve."""
    return {
        "images": explanation.images,
        "transparency": explanation.transparency,
        "scores": explanation.scores,
        "rgba": explanation.rgba(),
    }


def explained(kind, model, objective, *arguments, start=None, seed=5, **settings):
    """The arrays of one run, which has 4 steps and 32 pixels unless `settings` say otherwise."""
    settings = {"steps": 4, "image_size": 32, **settings}
    return arrays_of(kind(model, *arguments, **settings).explain(objective, seed=seed, start=start, verbose=0))


def runs():
    """All runs: dictionary, name -> function that returns the arrays of the run."""
    tiny = build_tiny_model()
    grey = build_tiny_model(channels=1)
    relu = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="conv"), keras.layers.Flatten()]
    )
    images = photographs()
    found = {}
    for kind, names in (
        (MacoVisualizer, ("default", "fast", "paper", "xplique")),
        (FourierVisualizer, ("default", "paper", "lucid", "xplique")),
        (CBRVisualizer, ("default", "paper", "lucid", "xplique")),
    ):
        for name in names:
            size = "input" if name == "lucid" else 32
            found[f"{kind.__name__} {name}"] = lambda kind=kind, name=name, size=size: explained(
                kind, tiny, Logit([1, 3]), name, image_size=size
            )
    plain = {
        "weights": (tiny, Logit([1, 3]) - 0.5 * Channel("conv", 2) + [1, 0.5] * Neuron("add", 7, position="flat"), {}),
        "neuron at a position": (tiny, Neuron("add", (2, 3, 1)), {}),
        "direction": (tiny, Direction("add", [[1.0, -1, 0.5, 0], [0, 1.0, 0, 2]]), {}),
        "layer": (tiny, Layer("add") - TotalVariation() - 0.1 * L1() - 0.1 * L2(0.4), {}),
        "inversion": (tiny, FeatureInversion("conv", images[:2]), {}),
        "inversion dot": (tiny, FeatureInversion("conv", images[:2], measure="dot", cosine_power=1.5), {}),
        "diversity": (tiny, Logit(2) + 2 * Diversity("conv", 3), {}),
        "alignment": (tiny, interpolate(Channel("conv", 0), Channel("conv", 1), 4) + 5 * Alignment(None, 4), {}),
        "product": (tiny, product(Logit([0, 1]), Channel("conv", [0, 1])), {"crops": 2}),
        "parts": (tiny, Logit([0, 1, 2]), {"max_batch_size": 4}),
        "parts of one image": (tiny, Logit(1), {"max_batch_size": 2}),
        "relu warm-up": (relu, Neuron("conv", 5, position="flat"), {"relu_warmup": 2}),
        "xla": (tiny, Logit([1, 3]), {"jit_compile": True}),
        "bfloat16": (tiny, Logit(1), {"precision": "bfloat16"}),
        "steps per execution": (tiny, Logit(1), {"steps_per_execution": 3, "steps": 7}),
        "preprocessing": (tiny, Logit(1), {"preprocessing": "tf"}),
        "torch": (tiny, Logit(1), {"preprocessing": "torch"}),
        "callable": (tiny, Logit(1), {"preprocessing": lambda x: 2 * x - 1}),
        "oblong": (tiny, Logit(1), {"image_size": (33, 40)}),
        "subclassed": (_called(Wrapper()), Logit(1), {"input_shape": (16, 16, 3)}),
        "grey": (grey, Logit(1), {"magnitude": estimate_magnitude(photographs(channels=1), verbose=0)}),
        "mean level": (tiny, Logit(1), {"mean_level": 1.0, "learning_rate": np.float64(0.5).item()}),
        "views": (
            tiny,
            Logit(1),
            {"crops": 4, "crop_side": (0.9, 0.3), "crop_centre": "anywhere", "crop_inside": True, "whole_views": 1},
        ),
        "transforms": (
            tiny,
            Logit(1),
            {"crops": 3, "transforms": [*lucid_standard(), RandomFlip(), GaussianNoise((0.1, 0.02))], "image_size": 64},
        ),
        "crops of the user": (tiny, Logit(1), {"transforms": [RandomCrop(16, 5, antialias=False)]}),
        "optimizer": (tiny, Logit(1), {"optimizer": keras.optimizers.SGD(20.0, momentum=0.5)}),
        "schedule": (tiny, Logit(1), {"learning_rate": keras.optimizers.schedules.ExponentialDecay(1.0, 2, 0.5)}),
        "start": (tiny, Logit([1, 2]), {"start": images[0], "learning_rate": 0.05}),
    }
    for name, (model, objective, settings) in plain.items():
        found[name] = lambda model=model, objective=objective, settings=settings: explained(
            MacoVisualizer, model, objective, **settings
        )
    found["fourier decay"] = lambda: explained(
        FourierVisualizer, tiny, Logit(1), decay=0.8, gain=0.5, std=0.02, stretch=True, start=None
    )
    found["pixels blurred"] = lambda: explained(CBRVisualizer, tiny, Logit(1), image_blur=0.8, gradient_blur=1.2)
    found["fourier start"] = lambda: explained(FourierVisualizer, tiny, Logit(1), start=images[:1], learning_rate=0.05)
    found["accentuate"] = lambda: arrays_of(
        accentuate(tiny, images[0], Logit(1), layer="conv", steps=4, image_size=32, seed=1, verbose=0)
    )
    found["concepts"] = lambda: _concepts(relu_classifier(), images)
    found["top activating"] = lambda: _top(tiny, images)
    found["squeezenet"] = lambda: explained(
        MacoVisualizer, zoo.load("squeezenet"), Logit("pug"), steps=3, image_size=256
    )
    found["squeezenet channel"] = lambda: explained(
        MacoVisualizer, zoo.load("squeezenet"), Channel("fire5_concat", [3, 4]), steps=2, image_size=240, crops=4
    )
    found["squeezenet fourier"] = lambda: explained(
        FourierVisualizer, zoo.load("squeezenet"), Logit("volcano"), "paper", steps=3, image_size=256
    )
    found["efficientnet"] = lambda: explained(
        MacoVisualizer, zoo.load("efficientnet_lite0"), Logit("pug"), steps=2, image_size=None
    )
    return found


def _called(model):
    model(np.zeros((1, 16, 16, 3), "float32"))
    return model


def relu_classifier():
    """A network with maps that are not negative, as CRAFT requires."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(6, 3, 2, activation="relu", name="maps")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name="relus")


def _concepts(model, images):
    found = explain_class(
        model, images, 1, 2, size=3, patch_size=12, patches=3, steps=3, image_size=32, seed=1, verbose=0
    )
    return {
        **arrays_of(found.explanation),
        "patches": found.patches.images(),
        "patch scores": found.patches.scores,
        "directions": found.bank.directions,
        "importances": found.importances,
    }


def _top(model, images):
    found = find_exemplars(model, Logit([0, 1]) + 0.5 * Channel("conv", 1), images, 3, verbose=0)
    return {"images": found.images(), "scores": found.scores, "indices": found.indices}


def main(action, folder, *names):
    """Record or compare the runs, and return the exit status."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    differing, width = 0, 30
    every = runs()
    unknown = set(names) - set(every)
    if unknown:
        sys.exit(f"There are no runs {sorted(unknown)}. Choose from {list(every)}.")
    chosen = {name: every[name] for name in names or every}
    for name, run in chosen.items():
        path = folder / f"{name.replace(' ', '_')}.npz"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arrays = run()
        if action == "record":
            np.savez_compressed(path, **arrays)
            print(f"{name:{width}} recorded", flush=True)
            continue
        with np.load(path) as before:
            wrong = [
                f"{key} differs by {np.abs(before[key] - arrays[key]).max():.3g}"
                if before[key].shape == arrays[key].shape
                else f"{key} has the shape {arrays[key].shape} instead of {before[key].shape}"
                for key in before.files
                if not np.array_equal(before[key], arrays[key])
            ]
        differing += bool(wrong)
        print(f"{name:{width}} {'; '.join(wrong) or 'equal'}", flush=True)
    print(f"{len(chosen)} runs, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("record", "compare"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
