"""`maco-tf compare`: the paper's figures 1 and 2 for any network and objectives."""

from pathlib import Path


def add_parser(commands):
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "compare",
        help="MACO beside the Fourier and CBR baselines: images and spectra",
        description="Explain objectives by MACO and by the Fourier and CBR baselines at equal compute, and write "
        "images.png (the paper's figure 1), spectra.png (figure 2: mean power of the images, beside that of ImageNet) "
        "and every image as .npz.",
    )
    add = parser.add_argument
    add("--model", required=True, help="a network of the zoo, of keras.applications, or a .keras file")
    add("--objective", required=True, action="append", help="as for explain; one column each")
    add("--output", required=True, type=Path, help="a folder")
    add("--steps", type=int, default=64, help="steps of every method (default: 64)")
    add("--crops", type=int, default=8, help="views a step of every method (default: 8)")
    add(
        "--image-size",
        type=int,
        help="side of the image, pixels (default: 512, or less for a small network)",
    )
    add("--seed", type=int, default=0, help="default: 0")
    add("--preprocessing", help="of a .keras file: tf, torch or caffe; none if the model takes images in [0, 1]")
    add("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(options):
    """Run the command.

    Returns:
        The exit status, 0.
    """
    from maco_tf.commands.arguments import load_model
    from maco_tf.display.grid import compare
    from maco_tf.display.spectra import draw_spectra
    from maco_tf.metrics.power_spectrum import PowerSpectrum
    from maco_tf.objectives.parse import parse_objective
    from maco_tf.spectrum.estimate import estimate_magnitude
    from maco_tf.spectrum.imagenet import imagenet_magnitude
    from maco_tf.visualizers.explanation import Explanation
    from maco_tf.visualizers.methods import VISUALIZERS

    objectives = [part for text in options.objective for part in parse_objective(text)]
    model = load_model(options.model, options.preprocessing)
    visualizers = {
        name: kind(
            model,
            steps=options.steps,
            crops=options.crops,
            image_size=options.image_size,
            preprocessing=options.preprocessing,
        )
        for name, kind in VISUALIZERS.items()
    }
    for objective in objectives:
        visualizers["MACO"].check(objective)
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
    compare({name: result.images for name, result in results.items()}, names=results["MACO"].names, path=images)
    # In the decorrelated space before the sigmoid, where ImageNet's magnitude is known.
    natural = imagenet_magnitude(*visualizers["MACO"].image_size)
    magnitudes = {"ImageNet": natural} | {
        name: estimate_magnitude(result.images, verbose=0) for name, result in results.items()
    }
    spectra = options.output / "spectra.png"
    draw_spectra({name: PowerSpectrum.from_magnitude(value) for name, value in magnitudes.items()}, path=spectra)
    print(f"Wrote {images}, {spectra} and the images of each method as .npz (seed {options.seed})")
    return 0
