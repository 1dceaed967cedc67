"""Lengths of very many files: plain WAV files by their header alone, others as `izwi.data.audio`.

A class, a thread and a library for each file take longer than to read its header.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from izwi.data import audio

Item = TypeVar("Item")
Found = TypeVar("Found")

# Files that a thread takes at once.
CHUNK = 128
# Bytes in which the header of a WAV file ends.
HEAD = 512
_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM = 1
# Chunks before the samples that say nothing of their number.
_SILENT = (b"LIST", b"bext", b"JUNK")


def each(
    function: Callable[[Item], Found], items: Iterable[Item], threads: int = 4
) -> Iterator[Found]:
    """Results of a function in their order, many items to a thread.

    Args:
        function: must not fail
        items: as many as there are
        threads: workers
    """
    from concurrent.futures import ThreadPoolExecutor

    rows = list(items)

    def work(first: int) -> list[Found]:
        return [function(item) for item in rows[first : first + CHUNK]]

    with ThreadPoolExecutor(max(1, threads)) as pool:
        for found in pool.map(work, range(0, len(rows), CHUNK)):
            yield from found


def lengths(paths: Sequence[str], threads: int = 4) -> Iterator[tuple[int, int] | audio.AudioError]:
    """Length of each file.

    Args:
        paths: audio files
        threads: workers

    Yields:
        samples of a channel and the sampling rate in Hz, as `izwi.data.audio.length`; its error
        where a file cannot be used
    """
    return each(_length, paths, threads)


def remarks(paths: Sequence[str], threads: int = 4) -> Iterator[list[str]]:
    """What may be wrong with each file, as `izwi.data.audio.remarks`."""
    # A header that says what is there leaves nothing to remark.
    return each(lambda path: [] if plain(path) else audio.remarks(path), paths, threads)


def _length(path: str) -> tuple[int, int] | audio.AudioError:
    found = plain(path)
    if found is not None:
        return found
    try:
        return audio.length(path)
    except audio.AudioError as error:
        return error


def plain(path: str) -> tuple[int, int] | None:
    """Length of a WAV file of whole numbers whose header says exactly what is there.

    Args:
        path: of any file

    Returns:
        samples of a channel and the sampling rate in Hz; None of all other files
    """
    try:
        stream = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError):
        return None
    try:
        head = os.read(stream, HEAD)
        size = os.fstat(stream).st_size
    except OSError:
        return None
    finally:
        os.close(stream)
    if len(head) < 44:
        return None
    riff, whole, wave = _RIFF.unpack_from(head)
    if riff != b"RIFF" or wave != b"WAVE" or whole + 8 != size:
        return None
    at, form = _RIFF.size, None
    while at + _CHUNK.size <= len(head):
        name, length = _CHUNK.unpack_from(head, at)
        at += _CHUNK.size
        if name == b"data":
            return _samples(form, length) if at + length == size else None
        if name == b"fmt " and form is None and length == 16 and at + length <= len(head):
            form = _FORMAT.unpack_from(head, at)
        elif name not in _SILENT:
            return None
        at += length + length % 2
    return None


def _samples(form: tuple[int, ...] | None, length: int) -> tuple[int, int] | None:
    """Samples and rate, None where the format is not a plain one."""
    if form is None:
        return None
    kind, channels, rate, _, frame, bits = form
    right = kind == _PCM and bits in (8, 16, 24, 32) and 0 < channels <= 64 and 0 < rate < 2**31
    if not right or frame != channels * bits // 8 or not length or length % frame:
        return None
    return length // frame, rate
