"""``python -m skfakereal`` is the command line."""

import sys

from skfakereal.cli import main

if __name__ == "__main__":
    sys.exit(main())
