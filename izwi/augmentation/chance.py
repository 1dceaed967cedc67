"""Random numbers of packages that draw from what all of a process share."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_drawing = threading.Lock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the shared random numbers, and bring them back to where they were; one at a time.

    Warnings of the package are not shown, since they would come once a file.
    """
    import random

    import numpy as np

    with _drawing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, own = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(before)
            np.random.set_state(own)
