"""`maco-tf compare`: figures 1 and 2 of the paper for any network and objectives."""

import argparse
from pathlib import Path
from typing import Any

from maco_tf.commands.arguments import (
    IMAGE_SIZE_HELP,
    MAGNITUDE_HELP,
    add_model_arguments,
    image_size,
    import_modules,
    load_magnitude,
    load_model,
)


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "compare",
        help="MACO beside the Fourier and CBR baselines: images and spectra",
        description="Explain objectives with MACO, the Fourier and CBR baselines, and the methods of your own modules, "
        "at equal compute. Write images.png (figure 1 of the paper), spectra.png (figure 2: mean power of the images, "
        "beside that of ImageNet) and all images as .npz.",
    )
    add_model_arguments(parser)
    add = parser.add_argument
    add("--objective", required=True, action="append", help="an objective as for explain; each makes a column")
    add("--output", required=True, type=Path, help="a folder")
    add("--steps", type=int, default=64, help="number of steps of each method (default: 64)")
    add("--crops", type=int, default=8, help="number of views in a step of each method (default: 8)")
    add("--image-size", "--size", type=image_size, dest="image_size", metavar="SIZE", help=IMAGE_SIZE_HELP)
    add("--magnitude", metavar="NAME|FOLDER|FILE", help=MAGNITUDE_HELP)
    add("--seed", type=int, default=0, help="default: 0")
    add("--quiet", action="store_true", help="show no progress bar")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit status, 0.
    """
    from maco_tf.display.grid import compare
    from maco_tf.display.spectra import draw_spectra
    from maco_tf.metrics.power_spectrum import PowerSpectrum
    from maco_tf.objectives.parse import parse_objective
    from maco_tf.spectrum import estimate_magnitude, imagenet_magnitude
    from maco_tf.visualizers import Explanation, methods

    objectives = [part for text in options.objective for part in parse_objective(text)]
    import_modules(options.modules)
    model = load_model(options.model, options.preprocessing)
    settings = {name: getattr(options, name) for name in ("steps", "crops", "image_size", "preprocessing")}
    kinds: dict[str, Any] = methods()
    magnitude = None
    if options.magnitude:
        size = {"image_size": options.image_size, "preprocessing": options.preprocessing}
        magnitude = load_magnitude(options.magnitude, model, quiet=options.quiet, **size)
    visualizers = {
        name: kind(model, **settings, **({"magnitude": magnitude} if "magnitude" in kind.names() else {}))
        for name, kind in kinds.items()
    }
    first = next(iter(visualizers.values()))
    for objective in objectives:
        first.check(objective)
    options.output.mkdir(parents=True, exist_ok=True)
    results = {}
    for name, visualizer in visualizers.items():
        explained = []
        for objective in objectives:
            if not options.quiet:
                print(f"{name}: {objective.names[0]}")
            explained.append(visualizer.explain(objective, seed=options.seed, verbose=0 if options.quiet else 1))
            if explained[-1].config["interrupted"]:
                raise KeyboardInterrupt
        results[name] = Explanation.concatenate(explained)
        results[name].save(options.output / f"{name.lower()}.npz")
    images = options.output / "images.png"
    names = [name for objective in objectives for name in objective.names]
    compare({name: result.images for name, result in results.items()}, names=names, path=images)
    # In the decorrelated space before the sigmoid, where ImageNet's magnitude is known.
    height, width, _ = first.image_shape
    magnitudes = {"ImageNet": imagenet_magnitude(height, width)} | {
        name: estimate_magnitude(result.images, periodic=False, verbose=0) for name, result in results.items()
    }
    spectra = options.output / "spectra.png"
    draw_spectra({name: PowerSpectrum.from_magnitude(value) for name, value in magnitudes.items()}, path=spectra)
    print(f"Wrote {images}, {spectra} and the images of each method as .npz (seed {options.seed})")
    return 0
