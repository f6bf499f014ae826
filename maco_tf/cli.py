"""The command `maco-tf`."""

import argparse
import os
import sys
from pathlib import Path

from maco_tf.commands import benchmark, compare

_GRAMMAR = """An objective is a sum of terms with optional weights, such as "logit:254 - 0.5*channel:block5a_add:12":
  logit:CLASS            a class's number or ImageNet label; logit:254,933 is a batch of two
  channel:LAYER:UNIT     a channel of a layer
  neuron:LAYER:UNIT      a value of a layer, flat index
  layer:LAYER            a whole layer, as in DeepDream
  tv, l1, l2             total variation of the image, its distance from grey
Put spaces around + and -; an objective that begins with a minus is given as --objective="-tv".
"""

_EXAMPLES = """examples:
  maco-tf explain --model efficientnet_lite0 --objective logit:pug --output pug
  maco-tf explain --model my_model.keras --preprocessing tf --objective "logit:3 - 0.5*channel:conv5:12"
  maco-tf zoo
"""


def main(arguments=None):
    """Run the command.

    Args:
        arguments: list of strings; `None` takes the process's.

    Returns:
        The exit status: 0, or 2 after a wrong argument, 130 after an interrupt before anything was made.
    """
    # Before TensorFlow is imported; its notes on absent GPUs would bury the progress bar.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, ImportError, OSError, FloatingPointError) as error:
        print(f"maco-tf: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        prog="maco-tf",
        description="Show what the units of a Keras network look for (MACO feature visualisation).",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_explain(commands)
    compare.add_parser(commands)
    benchmark.add_parser(commands)
    zoo = commands.add_parser("zoo", help="list the trained networks that --model takes by name")
    zoo.set_defaults(run=_zoo)
    return parser


def _add_explain(commands):
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
    add("--recipe", default="default", help="default, paper or xplique")
    add("--seed", type=int, help="equal seeds give equal images; drawn and printed if left out")
    add("--steps", type=int, help="steps of the optimisation (default: the recipe's, 256)")
    add("--crops", type=int, help="crops a step (default: the recipe's, 8)")
    add("--image-size", "--size", type=int, dest="size", help="side of the image, pixels (default: 512)")
    add("--preprocessing", help="of a .keras file: tf, torch or caffe; none if the model takes images in [0, 1]")
    add("--quiet", action="store_true", help="no progress bar")
    explain.set_defaults(run=_explain)


def _explain(options):
    from maco_tf.commands.model import load_model
    from maco_tf.objectives.parse import parse_objective
    from maco_tf.visualizers.explanation import Explanation
    from maco_tf.visualizers.maco import MacoVisualizer

    if options.output.suffix not in ("", ".png", ".npz"):
        raise ValueError(f'"--output" must end in .png or .npz, or name a folder. Received: {options.output}.')
    objectives = [part for text in options.objective for part in parse_objective(text)]
    visualizer = MacoVisualizer(
        load_model(options.model, options.preprocessing),
        options.recipe,
        steps=options.steps,
        crops=options.crops,
        image_size=options.size,
        preprocessing=options.preprocessing,
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
        print(f"Interrupted after {len(results[-1].scores)} steps of {results[-1].names[0]}.")
    print(f"Wrote {len(written)} files: {', '.join(map(str, written))} (seed {seed})")
    return 0


def _zoo(_):
    from maco_tf.models import zoo

    for name in zoo.names():
        entry = zoo.entry(name)
        try:
            entry.path()
            state = "installed"
        except ImportError:
            state = entry.install
        print(f"{name:20} {entry.size} px   {entry.licence:11} {entry.output:30} {state}")
    print("Networks of keras.applications, such as ResNet50V2, work by name too; Keras downloads them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
