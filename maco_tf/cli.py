"""The command `maco-tf`."""

import argparse
import os
import sys

from maco_tf.commands import benchmark, compare, explain, zoo

_EXAMPLES = """examples:
  maco-tf explain --model efficientnet_lite0 --objective logit:pug --output pug
  maco-tf explain --model my_model.keras --preprocessing tf --objective "logit:3 - 0.5*channel:conv5:12"
  maco-tf compare --model efficientnet_lite0 --objective logit:pug --objective logit:volcano --output compare
  maco-tf benchmark --offline --real-images imagenet/val --output benchmark
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
    for command in (explain, compare, benchmark, zoo):
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
