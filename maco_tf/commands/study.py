"""`maco-tf study`: a page for each unit, with visualisations and natural images."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maco_tf.commands.arguments import (
    IMAGES_HELP,
    INPUT_SHAPE_HELP,
    add_method_arguments,
    add_model_arguments,
    check_image_folder,
    import_modules,
    input_shape,
    load_model,
    read_method,
    say_interrupted,
)

if TYPE_CHECKING:
    import keras

    from maco_tf.exemplars.result import Exemplars
    from maco_tf.metrics.feature_extractor import FeatureExtractor
    from maco_tf.objectives.objective import Objective

# Settings of the visualizer that have an option of their own, with the option's default.
_OPTIONS = {"input_shape": None}


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "study",
        help="study units: visualisations, natural images, classes and scores on a page",
        description="Study units by optimised and by natural images. Write a folder for each unit: page.png, "
        "summary.txt, the visualisations, the natural images that were found and their patches. One pass over the "
        "images serves all units.",
    )
    add_model_arguments(parser)
    add = parser.add_argument
    add("--objective", required=True, action="append", help="an objective as for explain; each of its units is studied")
    add("--images", metavar="FOLDER", help=IMAGES_HELP)
    add(
        "--exemplars",
        metavar="FILE.npz",
        help="the result of 'maco-tf exemplars' for these units and others, in place of a search",
    )
    add("--output", required=True, type=Path, help="a folder, which gets a folder for each unit")
    add("--seeds", type=int, default=3, metavar="NUMBER", help="number of visualisations of each unit (default: 3)")
    add("--count", type=int, help="number of natural images of each unit (default: 9)")
    add_method_arguments(parser, "recipe=fast")
    add("--input-shape", type=input_shape, metavar="SHAPE", help=INPUT_SHAPE_HELP)
    add(
        "--judge",
        metavar="MODEL",
        help="another network, which is asked which of two images activates the unit more; a name or a file",
    )
    add("--judge-layer", metavar="LAYER", help="the layer by which it compares images (default: its last feature maps)")
    add("--pairs", type=int, default=20, help="number of pairs of images that the judge sees (default: 20)")
    add("--quiet", action="store_true", help="show no progress bar")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit status, 0.
    """
    from maco_tf.checks import check_integer
    from maco_tf.exemplars.unit_study import study
    from maco_tf.objectives.parse import parse_objective

    _check(options)
    seeds, pairs = (check_integer(f"--{name}", getattr(options, name), 1) for name in ("seeds", "pairs"))
    objectives = [unit for text in options.objective for unit in parse_objective(text)]
    import_modules(options.modules)
    kind, settings = read_method(options, _OPTIONS)
    model = load_model(options.model, options.preprocessing)
    visualizer = kind(model, **settings)
    for objective in objectives:
        visualizer.check(objective)
    judge = None if options.judge is None else _judge(options.judge, options.judge_layer)
    # Found now, not after minutes of work.
    options.output.mkdir(parents=True, exist_ok=True)
    inputs = {name: getattr(options, name) for name in ("preprocessing", "input_shape")}
    verbose = 0 if options.quiet else 1
    if options.exemplars is None:
        found = _search(model, objectives, options, inputs)
    else:
        found = _chosen(model, objectives, options)
    folders = _folders(options.output, [objective.names[0] for objective in objectives])
    for index, (objective, exemplars, folder) in enumerate(zip(objectives, found, folders)):
        if not options.quiet:
            print(f"{objective.names[0]} ({index + 1} of {len(objectives)})")
        arguments = {"exemplars": exemplars, "seeds": seeds, "judge": judge, "pairs": pairs, **inputs}
        made = study(model, objective, visualizer=visualizer, verbose=verbose, **arguments)
        made.save(folder)
        print(f"{made.text()}\n")
        if made.explanation.config["interrupted"]:
            left = [other.names[0] for other in objectives[index + 1 :]]
            say_interrupted(len(made.explanation.scores), objective.names[0], left)
            folders = folders[: index + 1]
            break
    print(f"Wrote {'1 folder' if len(folders) == 1 else f'{len(folders)} folders'}: {', '.join(map(str, folders))}")
    return 0


def _check(options: argparse.Namespace) -> None:
    """Check what needs no model."""
    if options.output.suffix[1:].isalpha():
        raise ValueError(f'"--output" must name a folder. Received: {options.output}.')
    if options.images is None and options.exemplars is None:
        raise ValueError('"--images" or "--exemplars" must be given. Received: neither.')
    if options.images is not None and options.exemplars is not None:
        raise ValueError('"--images" or "--exemplars" must be given, and not both. Received: both.')
    if options.images is not None:
        check_image_folder(options.images)
    if options.exemplars is not None and not Path(options.exemplars).is_file():
        raise ValueError(f'"--exemplars" must name a file that exists. Received: {options.exemplars}.')
    if options.exemplars is not None and options.count is not None:
        raise ValueError('"--count" belongs to a search. Received: it besides "--exemplars". Leave one of them out.')
    if options.judge_layer is not None and options.judge is None:
        raise ValueError('"--judge-layer" belongs to a "--judge". Received: none.')
    if options.judge is not None and options.judge == options.model:
        raise ValueError(
            f'"--judge" must be another network than "--model". Received: {options.judge}, which would judge itself.'
        )


def _judge(name: str, layer: str | None) -> "FeatureExtractor":
    """The judge, as a function from images to features."""
    from maco_tf.benchmark.networks import last_spatial
    from maco_tf.metrics.feature_extractor import FeatureExtractor

    model = load_model(name, argument="--judge")
    if layer is not None:
        return FeatureExtractor(model, layer, pooling="mean")
    try:
        return last_spatial(model)
    except ValueError as error:
        raise ValueError(
            f'"--judge" must have feature maps. Received: {name} ({error}) Name a --judge-layer.'
        ) from None


def _search(
    model: "keras.Model", objectives: "Sequence[Objective]", options: argparse.Namespace, inputs: dict[str, Any]
) -> "list[Exemplars]":
    """Search the images once for all units."""
    from maco_tf.exemplars.search import find_exemplars

    count = 9 if options.count is None else options.count
    return list(
        find_exemplars(model, list(objectives), options.images, count, **inputs, verbose=0 if options.quiet else 1)
    )


def _chosen(model: "keras.Model", objectives: "Sequence[Objective]", options: argparse.Namespace) -> "list[Exemplars]":
    """The units of a search that was saved."""
    from maco_tf.exemplars.result import Exemplars
    from maco_tf.models.digests import weights_digest

    found = Exemplars.load(options.exemplars)
    if found.config["weights"] != weights_digest(model):
        raise ValueError(
            f'"--exemplars" must be a result of "--model". Received: {options.exemplars}, found by a model with other '
            "weights."
        )
    try:
        return [found[objective] for objective in objectives]
    except IndexError as error:
        raise ValueError(f'"--exemplars" must hold the units. Received: {options.exemplars}. {error}') from None


def _folders(output: Path, names: Sequence[str]) -> list[Path]:
    """A folder for each unit, named like it; a number keeps equal names apart."""
    from maco_tf.display.files import file_name

    files = [file_name(name) for name in names]
    return [
        output / (file if files.count(file) == 1 else f"{file}_{files[:index].count(file) + 1}")
        for index, file in enumerate(files)
    ]
