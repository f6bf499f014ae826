"""The command `maco-tf`."""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from maco_tf.commands import atlas, benchmark, compare, exemplars, explain, layers, study, zoo
from maco_tf.version import __version__

_EXAMPLES = """examples:
  maco-tf explain --model efficientnet_lite0 --objective logit:pug --output pug
  maco-tf explain --model my_model.keras --preprocessing tf --objective "logit:3 - 0.5*channel:conv5:12" --output conv5
  maco-tf compare --model efficientnet_lite0 --objective logit:pug --objective logit:volcano --output compare
  maco-tf exemplars --model efficientnet_lite0 --units block5b_add --images photographs --output block5b_add
  maco-tf study --model efficientnet_lite0 --objective channel:block5b_add:10 --images photographs --output study
  maco-tf atlas build --model efficientnet_lite0 --units "logit:*" --images photographs --concepts 10 --output atlas
  maco-tf benchmark --offline --real-images imagenet/val --output benchmark
  maco-tf layers efficientnet_lite0
  maco-tf zoo

"maco-tf COMMAND --help" explains the arguments of a command.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command's arguments; `None` takes those of the process.

    Returns:
        The exit status: 0 on success; 2 if an argument is wrong, a package or a file is missing, or the optimisation
        diverges; 130 if the user interrupts before there is a result.
    """
    # TensorFlow reads this when it is imported. Its notes on missing GPUs would bury the progress bar.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            # The user of a command has not written the line of code that Python would show.
            warnings.showwarning = _show_warning
            return options.run(options)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python must not write the rest at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, ImportError, OSError, FloatingPointError) as error:
        print(f"maco-tf: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"maco-tf: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maco-tf",
        description="Visualise the features that a Keras network has learned, with MACO.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"maco-tf {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in (explain, compare, exemplars, study, atlas, benchmark, layers, zoo):
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
