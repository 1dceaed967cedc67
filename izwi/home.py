"""Where the files of the workflow lie: around the package in a checkout, inside it if installed."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _home() -> Path:
    checkout = PACKAGE.parent
    return checkout if (checkout / "Snakefile").is_file() else PACKAGE / "workflow"


# Holds Snakefile, rules/, profiles/, config/, envs/ and CITATION.cff.
HOME = _home()
SNAKEFILE = HOME / "Snakefile"
DEMO = HOME / "config" / "experiments" / "demo.ini"
# What a call in this folder runs that names no experiment.
DEFAULT_CONFIG = HOME / "config" / "config.yaml"
