"""`maco-tf benchmark`: the tables of the paper for any networks."""

import argparse
from pathlib import Path
from typing import Any

from maco_tf.commands.arguments import add_import_argument, import_modules


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "benchmark",
        help="models x methods x classes: images, scores, tables",
        description="Visualise ImageNet classes with several methods at equal compute. Score the images by "
        "plausibility, FID, transferability and more, with the error of each score. Write results.json, results.md and "
        "pictures. If a run is interrupted, start it again to continue; a finished run is only scored again.",
    )
    add_import_argument(parser)
    add = parser.add_argument
    add("--output", required=True, type=Path, help="the folder for the results and the images")
    preset = parser.add_mutually_exclusive_group()
    preset.add_argument(
        "--offline", action="store_const", const="offline", dest="preset", help="use networks of the zoo (the default)"
    )
    preset.add_argument(
        "--paper",
        action="store_const",
        const="paper",
        dest="preset",
        help="the paper's comparison: recipe paper, 256 steps of one view, 512 pixels, 500 classes, its explained "
        "networks (FlexiViT.npz and ViT.keras in this folder, and ResNet50V2), six Keras classifiers as judges, FID "
        "from InceptionV3; needs a GPU and downloads",
    )
    add("--models", nargs="+", help="explained networks: names, .keras files, or .npz checkpoints of FlexiViT or ViT")
    add(
        "--methods",
        nargs="+",
        help="maco, fourier, cbr, xplique (its own maco), or methods of your own modules; maco+bn, maco+natural and "
        "maco+class (with the statistics of the batch norms, of natural images, or of real images of the class as a "
        "prior), and the same with fourier; vital and deepinversion, or with -2000 for their published 2,000 steps",
    )
    add(
        "--judges",
        nargs="+",
        help="networks, or their files, that judge the finished images; a network never judges its own images",
    )
    add("--classes", nargs="+", type=int, help="ImageNet class numbers (default: drawn at random)")
    add("--count", type=int, help="number of classes to draw (default: 30; 500 for --paper)")
    add("--draw-seed", type=int, help="seed of the draw (default: 0)")
    add("--exclude", nargs="+", type=int, help="classes to leave out of the draw, such as those used for tuning")
    add(
        "--real-images",
        help="folder of real images with one folder for each class (n02110958/*.jpg), for plausibility, FID and the "
        "priors that use images; these priors get half of the images, and scores are computed with the rest",
    )
    add("--least-images", type=int, help="number of real images that a drawn class must have (default: 6)")
    add("--seeds", nargs="+", type=int, help="one image is made for each seed (default: 0)")
    add("--steps", type=int, help="number of steps of each method (default: 64; 256 for --paper)")
    add("--crops", type=int, help="number of views in a step of each method (default: 8; 1 for --paper)")
    add("--recipe", help="recipe of each method (default: default; paper for --paper)")
    add("--image-size", type=int, help="side of the images, pixels (default: 512)")
    add("--features", help="network of FID's features (default: efficientnet_lite2; inception_v3 for --paper)")
    add("--quiet", action="store_true", help="show no progress bar")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit status: 0, or 130 after an interrupt.
    """
    from maco_tf.benchmark.real_images import draw_classes
    from maco_tf.benchmark.run import run_benchmark
    from maco_tf.benchmark.settings import PRESETS

    import_modules(options.modules)
    preset = options.preset or "offline"
    drawn: dict[str, str] = {}
    if options.classes:
        for name in ("count", "draw_seed", "exclude", "least_images"):
            if getattr(options, name) is not None:
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f'"{flag}" must not be combined with "--classes". Received: both. Use one of them.')
        classes = options.classes
    else:
        if options.least_images is not None and not options.real_images:
            raise ValueError('"--least-images" must be used with "--real-images". Received: no folder. Choose one.')
        # Without a folder there are no images to count.
        least = _given(options.least_images, 6 if options.real_images else 0)
        seed, exclude = _given(options.draw_seed, 0), _given(options.exclude, [])
        count = _given(options.count, 500 if preset == "paper" else 30)
        classes = draw_classes(options.real_images, count, seed=seed, least=least, exclude=exclude)
        drawn["classes_from"] = f"drawn at random (seed {seed})"
        if options.real_images:
            drawn["classes_from"] += f" from the classes with at least {least} real images"
        if exclude:
            drawn["classes_from"] += f", without {', '.join(map(str, exclude))}"
    fields = (
        "models",
        "methods",
        "judges",
        "seeds",
        "steps",
        "crops",
        "image_size",
        "recipe",
        "real_images",
        "features",
    )
    given = {name: getattr(options, name) for name in fields if getattr(options, name) is not None}
    settings = PRESETS[preset](classes=classes, **given, **drawn)
    try:
        run_benchmark(settings, options.output, verbose=0 if options.quiet else 1)
    except KeyboardInterrupt:
        print(f"Interrupted. Run the same command again to continue from {options.output}.")
        return 130
    print(f"Wrote {options.output / 'results.md'}, results.json and pictures")
    return 0


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value
