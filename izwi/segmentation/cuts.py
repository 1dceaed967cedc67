"""Arithmetic of segments: windows, long stretches in pieces, gaps. Times are nanoseconds."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]


def windows(length: int, window: int, hop: int, shortest: int) -> list[Span]:
    """Windows of one length; the last one ends with the recording.

    They begin at 0, hop, 2 hop, and so on, up to the first that reaches the end, so none lies
    within another.

    Args:
        length: of the recording
        window: of a window
        hop: from the begin of one to that of the next
        shortest: a last window that is shorter is left out

    Returns:
        begin and end of each
    """
    found = []
    for start in range(0, length, hop):
        found.append((start, min(start + window, length)))
        if start + window >= length:
            break
    return [one for one in found if one[1] - one[0] >= shortest]


def bounded(
    spans: Iterable[Span], shortest: int, longest: int | None, least_rest: int
) -> list[Span]:
    """Segments of bounded length; a rest that would be too short stays with the piece before it.

    Args:
        spans: begin and end of each
        shortest: shorter ones are left out
        longest: longer ones are cut into pieces of this length, None for any length
        least_rest: what is left behind the pieces is one of its own from this length on

    Returns:
        begin and end of each, shorter than ``longest + least_rest``
    """
    found = []
    for start, end in spans:
        if longest is not None:
            while end - start > longest and end - start - longest >= least_rest:
                found.append((start, start + longest))
                start += longest
        if end - start >= shortest:
            found.append((start, end))
    return found


def gaps(spans: Iterable[Span], length: int, *, borders: bool) -> list[Span]:
    """What of a recording is in no segment.

    Args:
        spans: segments, which may overlap
        length: of the recording
        borders: whether also what is before the first and behind the last

    Returns:
        begin and end of each gap
    """
    ordered = sorted(spans)
    if not ordered:
        return [(0, length)] if borders and length > 0 else []
    found, reached = [], 0 if borders else ordered[0][0]
    for start, end in ordered:
        if start > reached:
            found.append((reached, start))
        reached = max(reached, end)
    if borders and length > reached:
        found.append((reached, length))
    return found
