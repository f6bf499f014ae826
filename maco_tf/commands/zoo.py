"""`maco-tf zoo`: the pretrained networks that commands know by name."""

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "zoo",
        help="list the pretrained networks",
        description="List the pretrained networks that --model takes by name: input size, licence of the weights, "
        "output, and whether the weights are installed or how to install them.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print one line for each network.

    Returns:
        The exit status, 0.
    """
    from maco_tf.models import zoo

    for name in zoo.names():
        entry = zoo.entry(name)
        try:
            entry.path()
            state = "installed"
        except ImportError:
            state = entry.install
        print(f"{name:20} {entry.size} px   {entry.licence:11} {entry.output:30} {state}")
    print("The networks of keras.applications, such as ResNet50V2, work by name too; Keras downloads their weights.")
    return 0
