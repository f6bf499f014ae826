"""`maco-tf exemplars`: the natural images that activate units most."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maco_tf.commands.arguments import (
    IMAGES_HELP,
    INPUT_SHAPE_HELP,
    add_model_arguments,
    check_image_folder,
    import_modules,
    input_shape,
    load_model,
    shard,
)

if TYPE_CHECKING:
    from maco_tf.exemplars.result import Exemplars
    from maco_tf.objectives.objective import Objective

_DESCRIPTION = """Find the images that activate units most and least, in one pass over a folder of any number of images.

Units are objectives as for explain, such as channel:block5b_add:10,12 or logit:pug, or the names of layers, which stand
for all their channels. Several machines can share the images: start the command on each with another --shard, and join
the results:

  maco-tf exemplars --model efficientnet_lite0 --units block5b_add --images photographs --shard 0/2 --output 0.npz
  maco-tf exemplars --model efficientnet_lite0 --units block5b_add --images photographs --shard 1/2 --output 1.npz
  maco-tf exemplars --merge 0.npz 1.npz --output block5b_add
"""
_OUTPUT_HELP = (
    "a folder for the result (exemplars.npz), a table of all units (units.csv) and a sheet of images for each unit "
    "(sheets/*.png); or an .npz file for the result only"
)
# Text that is an objective; other text is the name of a layer.
_OBJECTIVE = re.compile(r"\*|(?<![\w/.-])(?:logit|channel|neuron|layer|tv|l1|l2):", re.IGNORECASE)
# Options that belong to a search, and not to --merge.
_SEARCH = {
    "model": None,
    "units": None,
    "count": 9,
    "rank": "max",
    "distinct": False,
    "checkpoint": None,
    "shard": (0, 1),
    "batch_size": 32,
    "preprocessing": "auto",
    "input_shape": None,
}
# Most units whose summary is printed.
_PRINTED = 12


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "exemplars",
        help="find the natural images that activate units most",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model_arguments(parser, required=False)
    add = parser.add_argument
    add("--units", nargs="+", metavar="UNIT", help="objectives or names of layers, see above")
    add("--images", metavar="FOLDER", help=IMAGES_HELP)
    add("--output", required=True, type=Path, help=_OUTPUT_HELP)
    add("--merge", nargs="+", metavar="FILE.npz", help="join the results of shards, in place of a search")
    add("--count", type=int, default=9, help="number of images of each unit (default: 9)")
    add(
        "--rank",
        default="max",
        choices=["max", "mean", "relevance"],
        help="rank images by the highest or mean activation, or by relevance for their class (default: max)",
    )
    add("--distinct", action="store_true", help="leave out images that nearly repeat a better one")
    add(
        "--checkpoint",
        metavar="FILE|FOLDER",
        help="where an interrupted search goes on, if the command is started again",
    )
    add(
        "--shard",
        type=shard,
        default=(0, 1),
        metavar="NUMBER/COUNT",
        help="search one of COUNT parts of the images; numbers begin with 0",
    )
    add("--batch-size", type=int, default=32, help="number of images that the model sees at once (default: 32)")
    add("--input-shape", type=input_shape, metavar="SHAPE", help=INPUT_SHAPE_HELP)
    add("--figures", type=int, default=100, metavar="UNITS", help="the most units that get a sheet (default: 100)")
    add("--quiet", action="store_true", help="show no progress bar")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit status: 0, or 130 after an interrupt.
    """
    from maco_tf.checks import check_integer
    from maco_tf.exemplars.unit_folder import TABLE, write_units

    if options.output.suffix.lower() != ".npz" and options.output.suffix[1:].isalpha():
        raise ValueError(f'"--output" must end in .npz, or name a folder. Received: {options.output}.')
    check_integer("--figures", options.figures, 0)
    if options.images is not None:
        check_image_folder(options.images)
    try:
        found = _merged(options) if options.merge else _found(options)
    except KeyboardInterrupt:
        again = "Run the same command again to go on." if options.checkpoint else "Use --checkpoint to go on later."
        # The progress bar has not ended its line.
        print(f"{'' if options.quiet else chr(10)}Interrupted. {again}")
        return 130
    if not options.quiet and len(found) <= _PRINTED:
        _print_summaries(found)
    if options.output.suffix.lower() == ".npz":
        written = [found.save(options.output)]
    else:
        written = write_units(found, options.output, figures=options.figures)
    dead = int(found.statistics.dead.sum())
    described = f"{len(found):,} {'unit' if len(found) == 1 else 'units'}"
    described += f", {dead:,} of them dead" if dead else ""
    print(f"{described}, {found.statistics.images:,} images. Wrote {written[0]}", end="")
    if options.output.suffix.lower() == ".npz":
        print()
        return 0
    sheets = len(written) - 2
    print(f", {TABLE} and {sheets} {'sheet' if sheets == 1 else 'sheets'}")
    if sheets < len(found) - dead:
        print(f"--figures {len(found)} draws a sheet for every unit.")
    return 0


def read_units(texts: list[str]) -> "list[Objective | str]":
    """The values of `--units`.

    Args:
        texts: objectives, see `parse_objective`, or names of layers.

    Returns:
        List of objectives and names of layers, for `find_exemplars`.

    Raises:
        ValueError: an objective does not follow the grammar.
    """
    from maco_tf.objectives.parse import parse_objective

    return [parse_objective(text) if _OBJECTIVE.search(text) else text for text in texts]


def _found(options: argparse.Namespace) -> "Exemplars":
    """Search the images."""
    from maco_tf.exemplars.search import find_exemplars

    missing = [f"--{name}" for name in ("model", "units", "images") if getattr(options, name) is None]
    if missing:
        raise ValueError(f'"{missing[0]}" must be given, unless results are joined by "--merge". Received: neither.')
    units = read_units(options.units)
    import_modules(options.modules)
    model = load_model(options.model, options.preprocessing)
    names = ("rank", "distinct", "checkpoint", "shard", "batch_size", "preprocessing", "input_shape")
    settings = {name: getattr(options, name) for name in names}
    return find_exemplars(model, units, options.images, options.count, **settings, verbose=0 if options.quiet else 1)


def _merged(options: argparse.Namespace) -> "Exemplars":
    """Join the results of shards."""
    from maco_tf.exemplars.result import Exemplars

    besides = [name for name, default in _SEARCH.items() if getattr(options, name) != default]
    if besides:
        option = f"--{besides[0].replace('_', '-')}"
        raise ValueError(f'"--merge" joins results of searches. Received: "{option}" besides it. Give only one.')
    absent = [path for path in options.merge if not Path(path).is_file()]
    if absent:
        raise ValueError(f'"--merge" must name files that exist. Received: {absent[0]}.')
    return Exemplars.merge([Exemplars.load(path, options.images) for path in options.merge])


def _print_summaries(found: "Exemplars") -> None:
    from maco_tf.exemplars.summary import summarize_units

    for summary in summarize_units(found):
        print(f"{summary}\n")
