"""`python -m maco_tf` runs the command `maco-tf`, for environments whose scripts are not on the PATH."""

import sys

from maco_tf.cli import main

if __name__ == "__main__":
    sys.exit(main())
