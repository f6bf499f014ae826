"""`python -m maco_tf`, where the command `maco-tf` is not on the path."""

import sys

from maco_tf.cli import main

if __name__ == "__main__":
    sys.exit(main())
