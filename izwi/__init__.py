"""izwi: machine learning on speech databases, as a Snakemake workflow.

`izwi.run` runs experiments from Python, see `izwi.api`. It is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from izwi.api import Result, run

__version__ = "0.2.0"
__all__ = ["Result", "__version__", "run"]


def __getattr__(name: str) -> Any:
    if name in ("Result", "run"):
        from izwi import api

        return getattr(api, name)
    raise AttributeError(f"module 'izwi' has no attribute '{name}'")
