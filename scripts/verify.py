"""``izwi verify`` under the name that archives give it in their README."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from izwi.cli import main

if __name__ == "__main__":
    sys.exit(main(["verify", *sys.argv[1:]]))
