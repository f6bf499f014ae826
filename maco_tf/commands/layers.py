"""`maco-tf layers`: the layers of a model, with the names that an objective takes."""

import argparse
from typing import Any

from maco_tf.commands.arguments import add_import_argument, import_modules, load_model


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of `maco-tf`."""
    parser = commands.add_parser(
        "layers",
        help="list the layers of a model",
        description="List the layers of a model: the name for an objective, the class, and the shape of the output, "
        "whose last size is the number of channels. Use them as channel:NAME:12 or layer:NAME.",
    )
    parser.add_argument("model", help="a network of the zoo, of keras.applications, or a file")
    add_import_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one line for each layer.

    Returns:
        The exit status, 0.
    """
    from maco_tf.objectives.layer_table import layers

    import_modules(options.modules)
    found = layers(load_model(options.model))
    path, kind = (max(len(getattr(layer, name)) for layer in found) for name in ("path", "kind"))
    for layer in found:
        shape = "no single output" if layer.shape is None else " x ".join(str(size or "?") for size in layer.shape)
        print(f"{layer.path:{path}}  {layer.kind:{kind}}  {shape}")
    return 0
