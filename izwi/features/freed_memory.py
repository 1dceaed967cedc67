"""Keep freed memory: torch asks for blocks of the same size again within milliseconds."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# Options of mallopt in glibc's malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ALL = 2**31 - 1
# The most that older versions take.
_MOST = 32 * 2**20


def keep_freed() -> None:
    """Let this process keep memory that it frees, where the C library is glibc.

    glibc gives large blocks back at once, and each page of the next one is then made anew by the
    kernel: of small networks that is a quarter of the time. The most memory stays what it was.
    """
    # Elsewhere there is no mallopt, or no library of that name.
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        if not mallopt(_MMAP_THRESHOLD, _ALL):
            mallopt(_MMAP_THRESHOLD, _MOST)
        mallopt(_TRIM_THRESHOLD, _ALL)
