"""izwi: machine learning on speech databases, as a Snakemake workflow.

`izwi.run` runs experiments from Python, `izwi.compare` compares them, `izwi.history` tells what
they found before, see `izwi.api`. All are imported when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from izwi.api import Result, compare, history, run

__version__ = "0.2.0"
__all__ = ["Result", "__version__", "compare", "history", "run"]


def __getattr__(name: str) -> Any:
    if name in ("Result", "compare", "history", "run"):
        from izwi import api

        return getattr(api, name)
    raise AttributeError(f"module 'izwi' has no attribute '{name}'")
