"""``python -m izwi`` is the command ``izwi``."""

import sys

from izwi.cli import entry

sys.exit(entry())
