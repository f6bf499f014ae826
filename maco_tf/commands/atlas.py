"""`maco-tf atlas`: build an atlas of the units of a model, and show, check and export it."""

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from maco_tf.commands.arguments import (
    IMAGES_HELP,
    INPUT_SHAPE_HELP,
    MAGNITUDE_HELP,
    add_method_arguments,
    add_model_arguments,
    check_image_folder,
    import_modules,
    input_shape,
    load_magnitude,
    load_model,
    read_method,
    shard,
)

_DESCRIPTION = """Explain thousands of units of a model, and write the images and their records into one folder.

  maco-tf atlas build --model efficientnet_lite0 --units "logit:*" "channel:block5b_add:*" --images photographs \\
    --concepts 10 --seeds 2 --output atlas
  maco-tf atlas view atlas
  maco-tf atlas site atlas --output atlas-site
  maco-tf atlas check atlas
  maco-tf atlas export atlas atlas.csv
"""
_UNITS_HELP = (
    'units: "logit:*" (all classes), "logit:3,7,10-20", "logit:golfcart", "channel:LAYER:*", "channel:LAYER:0-95", '
    '"neuron:LAYER:Y,X,CHANNEL"'
)
_SITE_HELP = 'the folder of the site (default: beside the atlas, with "-site" after its name)'
# Settings of the visualizer that have a separate option, with the default of that option; see `read_method`.
_OPTIONS = {"recipe": "default", "input_shape": None}


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "atlas",
        help="build an atlas of all classes, channels and concepts of a model",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(required=True, metavar="part")
    for add_part in (_add_build, _add_site, _add_view, _add_check, _add_export):
        add_part(parts)


def _add_build(parts: Any) -> None:
    parser = parts.add_parser(
        "build",
        help="build an atlas, or continue one",
        description="Build an atlas. After a crash or Ctrl-C, run the same command again to continue.",
    )
    add_model_arguments(parser)
    add = parser.add_argument
    add("--units", required=True, nargs="+", metavar="UNIT", help=_UNITS_HELP)
    add("--output", required=True, type=Path, metavar="DIR", help="the folder of the atlas")
    add(
        "--images",
        metavar="FOLDER",
        help=f"natural images, in which the best ones for each unit are found: {IMAGES_HELP}",
    )
    add("--concepts", type=int, default=0, metavar="NUMBER", help="number of concepts of each class (default: 0)")
    add(
        "--concept-classes",
        metavar="CLASSES",
        help='classes whose concepts are found, such as "*" or "3,7,10-20" (default: the classes among the units)',
    )
    add("--seeds", type=int, default=1, metavar="NUMBER", help="number of images of each unit (default: 1)")
    add("--grid", nargs="+", default=[], metavar="LAYER", help="layers for which an activation atlas is made")
    add_method_arguments(parser, "crop_side=0.5")
    add("--recipe", default="default", help="default, paper or xplique; fast for MACO; lucid for Fourier and CBR")
    add("--magnitude", metavar="NAME|FOLDER|FILE", help=MAGNITUDE_HELP)
    add("--input-shape", type=input_shape, metavar="SHAPE", help=INPUT_SHAPE_HELP)
    add(
        "--batch",
        type=int,
        metavar="NUMBER",
        help="largest number of images that are optimised together (default: 16 on a GPU, 4 on a CPU)",
    )
    add("--dry-run", action="store_true", help="measure a few steps, and estimate what the rest of the atlas costs")
    add("--overwrite", action="store_true", help="delete an earlier atlas with other settings in the folder")
    add(
        "--shard",
        type=shard,
        default=(0, 1),
        metavar="NUMBER/COUNT",
        help="do part NUMBER, counted from 0, of COUNT parts of the work; all shards share the folder",
    )
    add(
        "--workers",
        type=int,
        metavar="NUMBER",
        help="number of processes that explain units at the same time, each with a GPU or an equal part of the cores. "
        'It needs Ray: pip install "maco_tf[ray]" (default: 1; with --ray, one for each GPU or machine)',
    )
    add(
        "--ray",
        metavar="ADDRESS",
        help='address of the Ray cluster that does the work, such as "auto" or ray://head:10001',
    )
    add("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=_build)


def _add_site(parts: Any) -> None:
    parser = parts.add_parser(
        "site",
        help="write the site of an atlas",
        description="Write the site of an atlas: a folder of pages that opens from disk (index.html) and from any web "
        "host. Images are hard links to those of the atlas, or copies if the site is on another disk.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of the atlas")
    parser.add_argument("--output", type=Path, metavar="SITE", help=_SITE_HELP)
    parser.set_defaults(run=_site)


def _add_view(parts: Any) -> None:
    parser = parts.add_parser(
        "view",
        help="show an atlas in the browser",
        description="Show an atlas in the browser, until Ctrl-C. Its site is written first if it is missing or "
        "outdated. Only programs on this machine can reach it.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of the atlas, or of a site")
    parser.add_argument("--output", type=Path, metavar="SITE", help=_SITE_HELP)
    parser.add_argument("--port", type=int, help="the port (default: 8000, or a free one if that is taken)")
    parser.add_argument("--no-browser", action="store_true", help="print the address without opening a browser")
    parser.set_defaults(run=_view)


def _add_check(parts: Any) -> None:
    parser = parts.add_parser(
        "check",
        help="verify every checksum of an atlas",
        description="Verify every checksum of an atlas, and list files that are missing, damaged or foreign. "
        "The exit status is 1 if anything is wrong; the command that built the atlas repairs it.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of the atlas")
    parser.set_defaults(run=_check)


def _add_export(parts: Any) -> None:
    parser = parts.add_parser(
        "export",
        help="write a table of all images",
        description="Write a table with a row for each image of an atlas: its unit, seed and score, and the "
        "statistics of the unit on natural images.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of the atlas")
    parser.add_argument("path", type=Path, metavar="FILE", help="a .csv, .parquet or .jsonl file")
    parser.set_defaults(run=_export)


def _build(options: argparse.Namespace) -> int:
    """Build an atlas.

    Returns:
        The exit status: 0, or 130 after an interrupt.
    """
    from maco_tf.atlas.atlas_build import run_plan
    from maco_tf.atlas.plan import AtlasPlan

    if options.images is not None:
        check_image_folder(options.images)
    if options.workers is not None or options.ray is not None:
        # Workers need the memory of the GPUs that TensorFlow would otherwise reserve for this process.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    import_modules(options.modules)
    kind, settings = read_method(options, _OPTIONS, ["magnitude"] if options.magnitude else [])
    model = load_model(options.model, options.preprocessing)
    if options.magnitude:
        size = {name: getattr(options, name) for name in ("image_size", "preprocessing")}
        settings["magnitude"] = load_magnitude(options.magnitude, model, quiet=options.quiet, **size)
    settings.setdefault("class_names", _class_names(options.model, model))
    plan = AtlasPlan(
        model,
        options.units,
        images=options.images,
        concepts=options.concepts,
        concept_classes=options.concept_classes,
        seeds=options.seeds,
        grid=options.grid,
        visualizer=kind(model, **settings),
        batch=options.batch,
        model_name=options.model,
        command=shlex.join(["maco-tf", *sys.argv[1:]]),
    )
    if options.dry_run:
        print(plan.cost(options.output))
        return 0
    try:
        store = run_plan(
            plan,
            options.output,
            overwrite=options.overwrite,
            shard=options.shard,
            workers=options.workers,
            ray=options.ray,
            verbose=0 if options.quiet else 1,
        )
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again to continue.")
        return 130
    print(f"{len(store.keys('items')):,} images in {store.folder}")
    return 0


def _class_names(name: str, model: Any) -> str | None:
    """ImageNet's labels for the classifiers that commands know by name."""
    from maco_tf.models.model_file import is_model_file

    return "imagenet" if not is_model_file(name) and model.output_shape[1:] == (1000,) else None


def _site(options: argparse.Namespace) -> int:
    """Write the site of an atlas.

    Returns:
        The exit status, 0.
    """
    from maco_tf.atlas.site import say_written, write_site

    say_written(write_site(options.folder, options.output))
    return 0


def _view(options: argparse.Namespace) -> int:
    """Show an atlas in the browser.

    Returns:
        The exit status, 0.
    """
    from maco_tf.atlas.server import view

    view(options.folder, output=options.output, port=options.port, browser=not options.no_browser)
    return 0


def _check(options: argparse.Namespace) -> int:
    """Verify an atlas.

    Returns:
        The exit status: 0 if the atlas is whole, otherwise 1.
    """
    from maco_tf.atlas.verification import check

    problems = check(options.folder)
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems" if len(problems) != 1 else "1 problem")
    return 1 if problems else 0


def _export(options: argparse.Namespace) -> int:
    """Write the records of an atlas as one table.

    Returns:
        The exit status, 0.
    """
    from maco_tf.atlas.record_table import export

    print(f"Wrote {export(options.folder, options.path)}")
    return 0
