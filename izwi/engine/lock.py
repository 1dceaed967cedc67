"""One call at a time per results folder; the kernel releases the lock of a killed call."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from izwi.files import no_link, stay_within

_held: dict[str, IO[str]] = {}


def hold(results: str, *, wait: bool = True) -> bool:
    """Lock a folder of results for as long as this process lives.

    Args:
        results: the folder
        wait: wait for another call to end, and say so

    Returns:
        False if another call is working there, as far as the file system can tell
    """
    path = Path(results) / "plans" / "lock"
    stay_within(results)
    no_link(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if str(path.resolve()) in _held:
        return True
    stream = open(path, "a+", encoding="utf-8")  # noqa: SIM115 the lock lives as long as it
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            stream.close()
            return False
        stream.seek(0)
        who = stream.read().strip() or "another call"
        print(f"{results}: waiting for {who}, which is at work there", file=sys.stderr, flush=True)
        fcntl.flock(stream, fcntl.LOCK_EX)
    except OSError:
        stream.close()
        return True
    stream.truncate(0)
    stream.write(f"process {os.getpid()} on {socket.gethostname()}")
    stream.flush()
    _held[str(path.resolve())] = stream
    return True


def release(results: str) -> None:
    """Let other calls continue."""
    stream = _held.pop(str((Path(results) / "plans" / "lock").resolve()), None)
    if stream:
        stream.close()


@contextmanager
def exclusive(path: str) -> Iterator[None]:
    """Keep other jobs out of a block while it runs, if the file system can.

    Args:
        path: file that represents what the block works on
    """
    no_link(path)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as stream:
        with suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
