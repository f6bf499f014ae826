"""`maco-tf explain`: an image for each objective."""

import argparse
from pathlib import Path
from typing import Any

from maco_tf.commands.arguments import (
    MAGNITUDE_HELP,
    add_method_arguments,
    add_model_arguments,
    import_modules,
    load_magnitude,
    load_model,
    read_method,
    say_interrupted,
)

_GRAMMAR = """An objective is a sum of terms with optional weights, such as "logit:254 - 0.5*channel:block5a_add:12":
  logit:CLASS            a class number, ImageNet label or WordNet number; logit:254,933 is a batch of two
  channel:LAYER:UNIT     a channel of a layer
  neuron:LAYER:UNIT      a channel at the centre of the map; neuron:LAYER:5,5,3 is the value at y, x, channel
  layer:LAYER            a whole layer, as in DeepDream
  tv, l1, l2             total variation of the image, its distance from grey; tv:LAYER and so on for a layer
  bn, natural            how natural the activations are: the memory of batch norms, or statistics of photographs
  natural:FILE           statistics that measure_statistics wrote
Put a space before + and -, because names may contain hyphens. An objective that begins with a minus is given as
--objective="-tv".
"""

# Settings that have an option of their own, with the option's default; see `read_method`.
_OPTIONS = {"recipe": "default", "max_batch_size": "auto", "precision": None}


_OUTPUT_HELP = (
    "a folder for everything, or a file: .png (contact sheet), .npz (everything), .webp, .gif or .mp4 (film of the run)"
)
# Steps between two frames of a film: 32 frames of the default run.
_FRAME = 8


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "explain",
        help="optimise an image for each objective",
        description=f"Optimise one image for each objective, and save the images.\n\n{_GRAMMAR}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model_arguments(parser)
    add = parser.add_argument
    add("--objective", required=True, action="append", help="an objective, see above; may be given several times")
    add("--output", required=True, type=Path, help=_OUTPUT_HELP)
    add(
        "--record", type=int, metavar="STEPS", help=f"steps between two frames of a film (default: {_FRAME} for a film)"
    )
    add_method_arguments(parser, "crop_side=0.5")
    add("--recipe", default="default", help="default, paper or xplique; fast for MACO; lucid for Fourier and CBR")
    seeds_help = (
        "equal seeds give equal images, and several give an image each; without one, a seed is drawn and printed"
    )
    add("--seed", nargs="+", type=int, help=seeds_help)
    add("--magnitude", metavar="NAME|FOLDER|FILE", help=MAGNITUDE_HELP)
    add(
        "--together",
        action="store_true",
        help="optimise the images of a batch such as logit:254,933 together, which is faster on a GPU; each image has "
        "another random start than alone",
    )
    add(
        "--max-batch-size",
        type=_integer_or_auto,
        metavar="VIEWS",
        default="auto",
        help="the most views that the model sees at once; set it if memory is short (default: auto, the fastest)",
    )
    add(
        "--precision",
        choices=["float32", "bfloat16", "float16", "tensorfloat32", "auto"],
        help="dtype of the network's computation; auto measures which is fastest and close enough (default: its own)",
    )
    add("--quiet", action="store_true", help="show no progress bar")
    parser.set_defaults(run=run)


def _integer_or_auto(text: str) -> int | str:
    if text == "auto":
        return text
    if text.isdigit():
        return int(text)
    raise argparse.ArgumentTypeError(f'must be a number of views or "auto". Received: {text}.')


def run(options: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit status, 0.
    """
    from maco_tf.display.film import ENDINGS
    from maco_tf.objectives.parse import parse_objective
    from maco_tf.visualizers import Explanation

    endings = ("", ".npz", ".png", *ENDINGS)
    if options.output.suffix not in endings:
        allowed = ", ".join(endings[1:])
        raise ValueError(f'"--output" must end in one of {allowed}, or name a folder. Received: {options.output}.')
    record = options.record
    if record is None and options.output.suffix in ENDINGS:
        record = _FRAME
    if record is not None and options.output.suffix == ".png":
        raise ValueError('"--record" keeps a film, which a .png file does not hold. Received: it with a .png output.')
    parsed = [parse_objective(text) for text in options.objective]
    objectives = parsed if options.together else [part for objective in parsed for part in objective]
    import_modules(options.modules)
    kind, settings = read_method(options, _OPTIONS, ["magnitude"] if options.magnitude else [])
    if options.magnitude and "magnitude" not in kind.names():
        raise ValueError(
            f'"--magnitude" belongs to methods that keep one, such as MACO. Received: it with {kind.method}.'
        )
    model = load_model(options.model, options.preprocessing)
    if options.magnitude:
        size = {"image_size": options.image_size, "preprocessing": options.preprocessing}
        colours = {name: value for name, value in settings.items() if name == "decorrelate"}
        settings["magnitude"] = load_magnitude(options.magnitude, model, quiet=options.quiet, **size, **colours)
    visualizer = kind(model, **settings)
    for objective in objectives:
        visualizer.check(objective)
    # Found now, not after minutes of work.
    folder = options.output if not options.output.suffix else options.output.parent
    folder.mkdir(parents=True, exist_ok=True)
    results: list[Explanation] = []
    seed: Any = options.seed[0] if options.seed and len(options.seed) == 1 else options.seed
    for index, objective in enumerate(objectives):
        if not options.quiet:
            print(f"{', '.join(objective.names)} ({index + 1} of {len(objectives)})")
        results.append(visualizer.explain(objective, seed=seed, record=record, verbose=0 if options.quiet else 1))
        seed = results[-1].seed
        if results[-1].config["interrupted"]:
            break
    written = Explanation.concatenate(results).save(options.output)
    if results[-1].config["interrupted"]:
        left = [name for objective in objectives[len(results) :] for name in objective.names]
        say_interrupted(len(results[-1].scores), ", ".join(objectives[len(results) - 1].names), left)
    seeds = f"seeds {', '.join(map(str, seed))}" if isinstance(seed, list) else f"seed {seed}"
    files = "1 file" if len(written) == 1 else f"{len(written)} files"
    print(f"Wrote {files}: {', '.join(map(str, written))} ({seeds})")
    return 0
