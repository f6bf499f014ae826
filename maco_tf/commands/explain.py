"""`maco-tf explain`: an image for each objective."""

import argparse
from pathlib import Path

_GRAMMAR = """An objective is a sum of terms with optional weights, such as "logit:254 - 0.5*channel:block5a_add:12":
  logit:CLASS            a class's number or ImageNet label; logit:254,933 is a batch of two
  channel:LAYER:UNIT     a channel of a layer
  neuron:LAYER:UNIT      a value of a layer, flat index
  layer:LAYER            a whole layer, as in DeepDream
  tv, l1, l2             total variation of the image, its distance from grey
Put spaces around + and -; an objective that begins with a minus is given as --objective="-tv".
"""


def add_parser(commands):
    """Add the command to the parsers of `maco-tf`."""
    explain = commands.add_parser(
        "explain",
        help="optimise an image for each objective",
        description=f"Optimise one image for each objective and write them down.\n\n{_GRAMMAR}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = explain.add_argument
    add(
        "--model",
        required=True,
        help="a network of the zoo (see 'maco-tf zoo'), of keras.applications, or a .keras file",
    )
    add(
        "--objective",
        required=True,
        action="append",
        help="what to optimise for, see above; may be given several times",
    )
    add("--output", required=True, type=Path, help="a folder for everything, or a file: .png (contact sheet), .npz")
    add("--method", default="MACO", choices=["MACO", "Fourier", "CBR"], help="default: MACO")
    add("--recipe", default="default", help="default, paper or xplique; of MACO also fast, of the baselines lucid")
    add("--seed", type=int, help="equal seeds give equal images; drawn and printed if left out")
    add("--steps", type=int, help="steps of the optimisation (default: the recipe's, 256)")
    add("--crops", type=int, help="crops a step (default: the recipe's, 8)")
    add(
        "--image-size",
        "--size",
        type=int,
        dest="size",
        help="side of the image, pixels (default: 512, or less for a small network)",
    )
    add(
        "--max-batch-size",
        type=_integer_or_auto,
        metavar="VIEWS",
        default="auto",
        help="most views that the model sees at once, where memory is short (default: auto, what is fastest)",
    )
    add("--preprocessing", help="of a .keras file: tf, torch or caffe; none if the model takes images in [0, 1]")
    add(
        "--precision",
        choices=["float32", "bfloat16", "float16", "tensorfloat32", "auto"],
        help="what the network computes in; auto measures which is fastest and near enough (default: the model's own)",
    )
    add("--quiet", action="store_true", help="no progress bar")
    explain.set_defaults(run=run)


def _integer_or_auto(text):
    if text == "auto":
        return text
    if text.isdigit():
        return int(text)
    raise argparse.ArgumentTypeError(f'must be a number of views or "auto". Received: {text}.')


def run(options):
    """Run the command.

    Returns:
        The exit status, 0.
    """
    from maco_tf.commands.arguments import load_model
    from maco_tf.objectives.parse import parse_objective
    from maco_tf.visualizers.explanation import Explanation
    from maco_tf.visualizers.methods import VISUALIZERS

    if options.output.suffix not in ("", ".png", ".npz"):
        raise ValueError(f'"--output" must end in .png or .npz, or name a folder. Received: {options.output}.')
    objectives = [part for text in options.objective for part in parse_objective(text)]
    visualizer = VISUALIZERS[options.method](
        load_model(options.model, options.preprocessing),
        options.recipe,
        steps=options.steps,
        crops=options.crops,
        image_size=options.size,
        preprocessing=options.preprocessing,
        max_batch_size=options.max_batch_size,
        precision=options.precision,
    )
    for objective in objectives:
        visualizer.check(objective)
    # Found out now, not after minutes of work.
    folder = options.output if not options.output.suffix else options.output.parent
    folder.mkdir(parents=True, exist_ok=True)
    results, seed = [], options.seed
    for index, objective in enumerate(objectives):
        if not options.quiet:
            print(f"{objective.names[0]} ({index + 1} of {len(objectives)})")
        results.append(visualizer.explain(objective, seed=seed, verbose=0 if options.quiet else 1))
        seed = results[-1].seed
        if results[-1].config["interrupted"]:
            break
    written = Explanation.concatenate(results).save(options.output)
    if results[-1].config["interrupted"]:
        left = [name for objective in objectives[len(results) :] for name in objective.names]
        begun = f"Interrupted after {len(results[-1].scores)} steps of {results[-1].names[0]}"
        print(f"{begun}; not begun: {', '.join(left)}." if left else f"{begun}.")
    print(f"Wrote {len(written)} files: {', '.join(map(str, written))} (seed {seed})")
    return 0
