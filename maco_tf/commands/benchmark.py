"""`maco-tf benchmark`: the paper's tables on any networks."""

from pathlib import Path


def add_parser(commands):
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "benchmark",
        help="models x methods x classes: images, scores, tables",
        description="Make visualisations of ImageNet classes with several methods at equal compute, score them by "
        "plausibility, FID, transferability and more, each with its error, and write results.json, results.md and "
        "pictures. An interrupted run goes on when it is started again; a finished one is only scored again.",
    )
    add = parser.add_argument
    add("--output", required=True, type=Path, help="a folder; images are kept in it")
    preset = parser.add_mutually_exclusive_group()
    preset.add_argument(
        "--offline", action="store_const", const="offline", dest="preset", help="networks of the zoo (the default)"
    )
    preset.add_argument(
        "--paper",
        action="store_const",
        const="paper",
        dest="preset",
        help="512 pixels, 256 steps, 500 classes, six Keras classifiers, InceptionV3's FID; for a GPU, with downloads",
    )
    add("--models", nargs="+", help="explained networks")
    add("--methods", nargs="+", help="of maco, fourier, cbr and xplique (its own maco)")
    add("--judges", nargs="+", help="networks that see the finished images; a model is never its own judge")
    add("--classes", nargs="+", type=int, help="ImageNet class numbers; by default they are drawn")
    add("--count", type=int, help="how many classes to draw (default: 30; 500 for --paper)")
    add("--draw-seed", type=int, help="of the draw (default: 0)")
    add("--exclude", nargs="+", type=int, help="classes not to draw, such as those tuned on")
    add(
        "--real-images",
        help="folder of real images, one folder a class (n02110958/*.jpg); plausibility and FID need it",
    )
    add("--least-images", type=int, help="real images that a drawn class must have (default: 6)")
    add("--seeds", nargs="+", type=int, help="an image for each (default: 0)")
    add("--steps", type=int, help="steps of every method (default: 64; 256 for --paper)")
    add("--crops", type=int, help="views a step of every method (default: 8)")
    add("--image-size", type=int, help="side of the images, pixels (default: 512)")
    add("--features", help="network of FID's features (default: efficientnet_lite2; inception_v3 for --paper)")
    add("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(options):
    """Run the command.

    Returns:
        The exit status: 0, or 130 after an interrupt.
    """
    from maco_tf.benchmark.run import run_benchmark
    from maco_tf.benchmark.settings import PRESETS, draw_classes

    preset = options.preset or "offline"
    drawn = {}
    if options.classes:
        for name in ("count", "draw_seed", "exclude", "least_images"):
            if getattr(options, name) is not None:
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f'"{flag}" is of drawn classes. Received: "--classes" besides it. Give one of them.')
        classes = options.classes
    else:
        if options.least_images is not None and not options.real_images:
            raise ValueError('"--least-images" counts those of "--real-images". Received: no such folder. Name one.')
        # Without a folder there are no images to count.
        least = _given(options.least_images, 6 if options.real_images else 0)
        seed, exclude = _given(options.draw_seed, 0), _given(options.exclude, [])
        count = _given(options.count, 500 if preset == "paper" else 30)
        classes = draw_classes(options.real_images, count, seed=seed, least=least, exclude=exclude)
        drawn["classes_from"] = f"drawn by chance (seed {seed})"
        if options.real_images:
            drawn["classes_from"] += f" from those with {least} real images or more"
        if exclude:
            drawn["classes_from"] += f", without {', '.join(map(str, exclude))}"
    fields = ("models", "methods", "judges", "seeds", "steps", "crops", "image_size", "real_images", "features")
    given = {name: getattr(options, name) for name in fields if getattr(options, name) is not None}
    settings = PRESETS[preset](classes=classes, **given, **drawn)
    try:
        run_benchmark(settings, options.output, verbose=0 if options.quiet else 1)
    except KeyboardInterrupt:
        print(f"Interrupted; the same command goes on with what is in {options.output}")
        return 130
    print(f"Wrote {options.output / 'results.md'}, results.json and pictures")
    return 0


def _given(value, default):
    return default if value is None else value
