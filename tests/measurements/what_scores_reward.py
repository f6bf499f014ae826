"""Find out why a score prefers one method to another: change one property of finished images and score them again.

    python -m tests.measurements.what_scores_reward BENCHMARK --real-images FOLDER

BENCHMARK is the folder of a run of `maco-tf benchmark`, which keeps its images and their transparency. Nothing is
optimised. Every edit brings one property of all images of a method to the value of the real images that the scores are
taken against:

    contrast            the standard deviation of an image, by one factor for all images
    saturation          the standard deviation around the grey of each pixel, by one factor
    mean                the mean colour, by one shift
    spectrum            the power in each ring of frequencies and channel; the phases stay
    low frequencies     the same, below 0.02 cycles per pixel
    high frequencies    the same, above 0.1 cycles per pixel
    spectrum of OTHER   the power is that of the other method's images
    blurred behind      what is transparent is blurred by 16 pixels
    photographs behind  what is transparent shows photographs of other classes, blurred by 16 pixels
    mean behind         what is transparent is the image's mean colour

The values lie in [0, 1] after every edit, so large changes clip. The report gives each score before an edit and its
change, with the standard error over the same classes; bold if Student's 95% interval of the change excludes 0.
"""

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy.stats

from maco_tf.benchmark.explainer import Picture
from maco_tf.benchmark.networks import Networks
from maco_tf.benchmark.reference import Reference, spectra_of
from maco_tf.benchmark.score import Score, standard_error
from maco_tf.benchmark.scorer import Scorer
from maco_tf.benchmark.settings import BenchmarkSettings
from maco_tf.benchmark.store import ImageStore
from maco_tf.display.files import read_png
from maco_tf.display.grid import compare
from maco_tf.images import ImageSet, image_files
from maco_tf.metrics.fit import fit_image
from maco_tf.objectives.imagenet_labels import label, wnids
from maco_tf.spectrum.frequencies import radial_frequency

SCORES = ("FID", "KID", "plausibility", "plausibility, normalised", "precision", "recall", "two-alternative")
# What an edit must not destroy: whether other networks still see the class.
CONTROL = "transferability"

_LOW, _HIGH = 0.02, 0.1
# The largest factor of an amplitude: images without high frequencies have nothing that could be raised further.
_MOST = 10.0
_BLUR = 16.0
# As in the display of an explanation: what is among the 20% most important is opaque.
_OPAQUE = 80
_SHOWN = 5


@dataclasses.dataclass
class Look:
    """The properties of a set of images: the means over the images.

    Attributes:
        mean: array (3,), colour.
        contrast: standard deviation over the pixels of an image, around its mean colour.
        saturation: standard deviation of the channels around the grey of their pixel.
        frequency: array (rings,), cycles per pixel.
        power: array (3, rings), density.
    """

    mean: np.ndarray
    contrast: float
    saturation: float
    frequency: np.ndarray
    power: np.ndarray


@dataclasses.dataclass
class Pictures:
    """The images of a method.

    Attributes:
        images: array (count, side, side, 3).
        opacity: array (count, side, side), in [0, 1].
        look: their `Look`.
    """

    images: np.ndarray
    opacity: np.ndarray
    look: Look


def look_of(paths: Sequence[str], side: int) -> Look:
    """The properties of image files, resized to squares of `side` pixels."""
    images = [fit_image(image, side, side) for image in ImageSet(list(paths))]
    spectrum = spectra_of(paths, side)
    means = np.array([image.mean(axis=(0, 1)) for image in images])
    contrasts = [np.sqrt(np.mean((image - mean) ** 2)) for image, mean in zip(images, means)]
    saturations = [np.sqrt(np.mean((image - _grey(image)) ** 2)) for image in images]
    frequency, power = spectrum.mean.radial_profile()
    return Look(means.mean(axis=0), float(np.mean(contrasts)), float(np.mean(saturations)), frequency, power)


def edits(
    made: Pictures, real: Look, others: dict[str, Look], photographs: np.ndarray
) -> dict[str, Callable[[], np.ndarray]]:
    """All edits of a method's images.

    Args:
        made: the images.
        real: the properties of the real images.
        others: the properties of the other methods' images, by their names.
        photographs: array (count, side, side, 3), an image for the background of each.

    Returns:
        Dictionary, name -> function that returns an array like `made.images`.
    """
    images, look = made.images, made.look
    mean = images.mean(axis=(1, 2), keepdims=True)

    def behind(background: np.ndarray) -> np.ndarray:
        return made.opacity[..., None] * images + (1 - made.opacity[..., None]) * background

    return {
        "contrast": lambda: mean + (images - mean) * real.contrast / look.contrast,
        "saturation": lambda: _grey(images) + (images - _grey(images)) * real.saturation / look.saturation,
        "mean": lambda: images + (real.mean - look.mean),
        "spectrum": lambda: with_power(images, look, real),
        "low frequencies": lambda: with_power(images, look, real, most=_LOW),
        "high frequencies": lambda: with_power(images, look, real, least=_HIGH),
        **{
            f"spectrum of {name}": lambda other=other: with_power(images, look, other) for name, other in others.items()
        },
        "blurred behind": lambda: behind(_blurred(images)),
        "photographs behind": lambda: behind(_blurred(photographs)),
        "mean behind": lambda: behind(np.broadcast_to(mean, images.shape)),
    }


def with_power(
    images: np.ndarray, before: Look, after: Look, *, least: float = 0.0, most: float = np.inf
) -> np.ndarray:
    """Images whose amplitudes are multiplied ring by ring, so that the mean power of the set becomes another one.

    Args:
        images: array (count, height, width, 3).
        before: their properties.
        after: the properties whose power they get.
        least: cycles per pixel, below which nothing changes.
        most: cycles per pixel, above which nothing changes.
    """
    gain = np.sqrt(after.power / np.maximum(before.power, 1e-12)).clip(1 / _MOST, _MOST)
    frequency = radial_frequency(*images.shape[1:3])
    # Beyond the last ring, in the corners, its gain goes on.
    factors = np.stack([np.interp(frequency, before.frequency, channel) for channel in gain], axis=-1)
    factors = np.where(((frequency >= least) & (frequency <= most) & (frequency > 0))[..., None], factors, 1.0)
    spectrum = np.fft.rfft2(images, axes=(1, 2)) * factors
    return np.fft.irfft2(spectrum, images.shape[1:3], axes=(1, 2)).astype("float32")


def change(before: Score, after: Score) -> tuple[float, float, bool]:
    """The change of a score, its standard error over the same classes, and whether its 95% interval excludes 0."""
    differences = np.array(after.by_class) - np.array(before.by_class)
    error = standard_error(differences)
    half = error * scipy.stats.t.ppf(0.975, max(len(differences) - 1, 1))
    return after.mean - before.mean, error, bool(abs(after.mean - before.mean) > half)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Edit, score, and write the report.

    Args:
        arguments: the arguments; `None` takes those of the command line.

    Returns:
        Dictionary as in the file `what_scores_reward.json`.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.measurements.what_scores_reward",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("benchmark", type=Path, help="the folder of a benchmark")
    add("--real-images", type=Path, required=True, help="the folder of real images of the benchmark")
    add("--model", default="efficientnet_lite0", help="the explained network (default: %(default)s)")
    add("--methods", nargs="+", default=["maco", "fourier"], help="default: maco fourier")
    add("--judges", nargs="+", default=["efficientnet_lite2", "mobilenet_v2"], help="networks that rate the images")
    add("--features", default="efficientnet_lite2", help="network of FID's features (default: %(default)s)")
    add("--output", type=Path, default=Path("build/what_scores_reward"), help="a folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    kept, images = _finished(options.benchmark, options.model, options.methods)
    compute = json.loads((options.benchmark / "settings.json").read_text(encoding="utf-8"))
    settings = BenchmarkSettings(
        (options.model,),
        tuple(options.methods),
        tuple(options.judges),
        tuple(dict.fromkeys(index for index, _ in images)),
        tuple(dict.fromkeys(seed for _, seed in images)),
        image_size=compute["image_size"],
        real_images=str(options.real_images),
        features=options.features,
    )
    images = [(index, seed) for index in settings.classes for seed in settings.seeds]
    store = ImageStore(options.output, {})
    side = settings.image_size
    real = look_of(Reference(settings, Networks(options.output / "features")).all_files, side)
    photographs = _photographs(options.real_images, settings.classes, len(images), side)
    pictures = {name: _pictures(kept, options.model, name, images, side) for name in options.methods}
    variants = {}
    for method, made in pictures.items():
        others = {name: other.look for name, other in pictures.items() if name != method}
        changed = {method: lambda made=made: made.images}
        changed |= {f"{method}, {name}": edit for name, edit in edits(made, real, others, photographs).items()}
        for name, edit in changed.items():
            result = np.clip(edit(), 0, 1)
            for (index, seed), image, opacity in zip(images, result, made.opacity):
                store.write(options.model, name, index, seed, Picture(image, opacity), 0.0)
        variants[method] = list(changed)
    scorer = Scorer(settings, store)
    scores = {name: scorer.scores(options.model, name, robust=False) for names in variants.values() for name in names}
    results = _results(
        settings, variants, scores, {name: made.look for name, made in pictures.items()} | {"real": real}
    )
    text = json.dumps(results, indent=1).replace("NaN", "null")
    (options.output / "what_scores_reward.json").write_text(text, encoding="utf-8")
    (options.output / "what_scores_reward.md").write_text(report(results), encoding="utf-8")
    for method, names in variants.items():
        shown = images[:: len(settings.seeds)][:_SHOWN]
        rows = {
            name: np.stack([read_png(store.path(options.model, name, index, seed)) for index, seed in shown])
            for name in names
        }
        compare(rows, names=[label(index) for index, _ in shown], path=options.output / f"{method}.png")
    return results


def report(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    names = [*SCORES, CONTROL]
    lines = [
        "# What the scores reward",
        "",
        f"{results['model']}, {len(results['classes'])} classes. The first row of a method holds its scores. The other "
        "rows hold the change after an edit, with its standard error over classes; bold if the 95% interval excludes "
        "0.",
        "",
        "| images of | mean colour | contrast | saturation |",
        "| --- | --- | --- | --- |",
    ]
    for name, look in results["looks"].items():
        colour = ", ".join(f"{value:.2f}" for value in look["mean"])
        lines.append(f"| {name} | {colour} | {look['contrast']:.3f} | {look['saturation']:.3f} |")
    for method, rows in results["edits"].items():
        lines += ["", f"## {method}", "", f"| edit | {' | '.join(names)} |", f"|{' --- |' * (len(names) + 1)}"]
        lines.append(f"| none | {' | '.join(_text(results['before'][method][name]) for name in names)} |")
        for edit, changes in rows.items():
            lines.append(f"| {edit} | {' | '.join(_change_text(changes[name]) for name in names)} |")
    return "\n".join(lines) + "\n"


def _results(
    settings: BenchmarkSettings,
    variants: dict[str, list[str]],
    scores: dict[str, dict[str, Score]],
    looks: dict[str, Look],
) -> dict[str, Any]:
    names = (*SCORES, CONTROL)
    before = {method: {name: dataclasses.asdict(scores[method][name]) for name in names} for method in variants}
    edited = {
        method: {
            variant.removeprefix(f"{method}, "): {
                name: change(scores[method][name], scores[variant][name]) for name in names
            }
            for variant in all_of[1:]
        }
        for method, all_of in variants.items()
    }
    plain = {
        name: {"mean": look.mean.tolist(), "contrast": look.contrast, "saturation": look.saturation}
        for name, look in looks.items()
    }
    return {
        "model": settings.models[0],
        "classes": settings.classes,
        "seeds": settings.seeds,
        "judges": settings.judges,
        "features": settings.features,
        "looks": plain,
        "before": before,
        "edits": edited,
    }


def _finished(folder: Path, model: str, methods: Sequence[str]) -> tuple[ImageStore, list[tuple[int, int]]]:
    """The images that every method has: class and seed."""
    kept = ImageStore(folder, json.loads((folder / "settings.json").read_text(encoding="utf-8")))
    found = [
        {tuple(map(int, path.stem.split("_"))) for path in kept.path(model, method, 0, 0).parent.glob("[0-9]*_*.png")}
        for method in methods
    ]
    common = set.intersection(*found)
    # The scores need all seeds of a class.
    seeds = {seed for _, seed in common}
    whole = sorted((index, seed) for index, seed in common if all((index, other) in common for other in seeds))
    if not whole:
        raise SystemExit(f'"benchmark" must hold images of {", ".join(methods)} for {model}. Received: {folder}.')
    return kept, whole


def _pictures(kept: ImageStore, model: str, method: str, images: Sequence[tuple[int, int]], side: int) -> Pictures:
    paths = [str(kept.path(model, method, index, seed)) for index, seed in images]
    opacities = []
    for index, seed in images:
        shares = fit_image(kept.transparency(model, method, index, seed)[..., None], side, side)[..., 0]
        smooth = cv2.GaussianBlur(shares, (0, 0), _BLUR / 2)
        opacities.append(np.minimum(smooth / max(float(np.percentile(smooth, _OPAQUE)), 1e-6), 1))
    arrays = np.stack([fit_image(read_png(path), side, side) for path in paths])
    return Pictures(arrays, np.stack(opacities), look_of(paths, side))


def _photographs(folder: Path, classes: Sequence[int], count: int, side: int) -> np.ndarray:
    """Photographs of classes that are not scored, one of each class as far as there are enough."""
    excluded = {wnids()[index] for index in classes}
    others = [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name not in excluded]
    others = [path for path in others if any(path.iterdir())]
    if not others:
        raise SystemExit(f'"--real-images" must hold other classes too, for the backgrounds. Received: {folder}.')
    order = np.random.default_rng(0).permutation(len(others))
    chosen = [image_files(others[order[number % len(others)]])[0] for number in range(count)]
    return np.stack([fit_image(image, side, side) for image in ImageSet(chosen)])


def _grey(images: np.ndarray) -> np.ndarray:
    return images.mean(axis=-1, keepdims=True)


def _blurred(images: np.ndarray) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(image, (0, 0), _BLUR, borderType=cv2.BORDER_REFLECT) for image in images])


def _text(score: dict[str, Any]) -> str:
    return score["reason"] or f"{score['mean']:.3g} ± {score['error']:.2g}"


def _change_text(value: tuple[float, float, bool]) -> str:
    difference, error, clear = value
    if not np.isfinite(difference):
        return ""
    text = f"{difference:+.3g} ± {error:.2g}"
    return f"**{text}**" if clear else text


if __name__ == "__main__":
    main()
