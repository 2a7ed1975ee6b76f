"""`python -m sfkeras` is the command `sfkeras`."""

import sys

from sfkeras.cli import main

if __name__ == "__main__":
    sys.exit(main())
