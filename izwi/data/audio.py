"""Reading audio: exact samples, mixing, resampling, and short reasons where it cannot be."""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from izwi.data import RATES, containers, foreign_audio
from izwi.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import soundfile

    Span = tuple[int, int | None]

# Samples read at once, so that hours of audio need little memory.
BLOCK = 2**22
# Seconds by which a header may be wrong: no label is as exact.
TOLERANCE = 0.01
# The sound behind an MP3 or Ogg is counted in frames, so that so little may be none.
COUNTED = 0.1
# A time beyond the end of a file by this factor is hardly a slip: its unit is another.
FAR = 20
# libsndfile says of a FLAC whose header knows no length that it is the longest of all.
LONGEST = 2**48
# Samples of float lie between -1 and 1, those beyond full scale a little outside.
MOST_FLOAT = 8.0


@dataclass(frozen=True)
class Bounds:
    """How much audio is decoded at once; a header that asks for more is refused before.

    Args:
        samples: of all channels together
        seconds: of a file
    """

    samples: int = 2**30
    seconds: float = math.inf

    def check(self, frames: int, channels: int, rate: int) -> None:
        """Refuse audio that would take too much memory or time.

        Raises:
            AudioError: with what is too much of it
        """
        if not RATES[0] <= rate <= RATES[1]:
            raise AudioError(
                f"a sampling rate of {rate} Hz, which is not from {RATES[0]} to {RATES[1]} Hz"
            )
        if frames / rate > self.seconds:
            raise AudioError(f"{frames / rate:.0f} s long, at most {self.seconds:g} s are taken")
        if frames * channels > self.samples:
            raise AudioError(
                f"{count(frames, 'sample')} on {count(channels, 'channel')} at once, "
                f"at most {self.samples} are taken in all"
            )


class AudioError(Exception):
    """Audio that cannot be used; the text is a short reason."""


def nanoseconds(time: object) -> int | None:
    """Turn a time into nanoseconds.

    Args:
        time: seconds, a Timedelta, or text as `izwi.data.times` takes it; None and NaT are no time

    Returns:
        whole nanoseconds, or None
    """
    import pandas as pd

    if pd.isna(time):
        return None
    if isinstance(time, pd.Timedelta):
        return time.value
    from izwi.data import times
    from izwi.errors import UserError

    try:
        (found,) = times.parse([time], "time", "audio")
    except UserError as error:
        raise AudioError(f"'{time}' is no time: {error.problems[0].rpartition(': ')[2]}") from error
    return found.value


def read(
    path: str, start: object = None, end: object = None, *, most: Bounds | None = None
) -> tuple[np.ndarray, int]:
    """Read a file or a part of it.

    Args:
        path: audio file in any format that libsndfile reads
        start: beginning, in seconds or as a Timedelta; None is the beginning of the file
        end: as start; None is the end of the file
        most: of audio that is decoded

    Returns:
        signal of shape (channels, samples), float32, and the sampling rate in Hz

    Raises:
        AudioError: missing, unreadable, empty, truncated, not-a-number or too much audio; a start
            or an end beyond the end of the file
    """
    ((signal, rate),) = read_parts(path, [(nanoseconds(start) or 0, nanoseconds(end))], most)
    if isinstance(signal, AudioError):
        raise signal
    return signal, rate


def read_parts(
    path: str, spans: Sequence[Span], most: Bounds | None = None
) -> Iterator[tuple[np.ndarray | AudioError, int]]:
    """Read several parts of one file, which is opened once.

    Args:
        path: audio file
        spans: start and end of each part in nanoseconds; an end of None is the end of the file
        most: of audio that is decoded at once

    Yields:
        what :func:`read` returns, with an AudioError instead of the signal where that part
        alone cannot be used

    Raises:
        AudioError: where the whole file cannot be used
    """
    if not os.path.isfile(path):
        raise AudioError("missing")
    most = most or Bounds()
    with _opened(path) as (file, extent):
        if isinstance(file, str):
            whole, rate = foreign_audio.decode(path, file, most.check)
            frames, channels = whole.shape[1], len(whole)
        else:
            _check_header(file, extent)
            rate, frames, channels = file.samplerate, file.frames, file.channels
            whole = None
            if not file.seekable() or frames > LONGEST:
                whole = _forward(file, most)
                frames = whole.shape[1]
            # A decoder of these that starts in the middle gives other samples.
            elif file.format in ("MP3", "OGG"):
                most.check(frames, channels, rate)
                whole = _samples(file, 0, frames)
        for span in spans:
            try:
                first, stop = _sample_range(span, rate, frames)
                most.check(stop - first, channels, rate)
                # Keep no reference, so that the caller can free hours of audio.
                if whole is None:
                    yield _checked(_samples(file, first, stop)), rate
                else:
                    yield _checked(whole[:, first:stop]), rate
            except AudioError as error:
                yield error, rate


def length(path: str) -> tuple[int, int]:
    """Length of a file; it is decoded only where no header says it.

    Args:
        path: audio file

    Returns:
        samples of a channel, and the sampling rate in Hz

    Raises:
        AudioError: where the file cannot be used
    """
    if not os.path.isfile(path):
        raise AudioError("missing")
    with _opened(path) as (file, _):
        if isinstance(file, str):
            signal, rate = foreign_audio.decode(path, file, Bounds().check)
            return signal.shape[1], rate
        if file.frames > LONGEST:
            return _forward(file, Bounds()).shape[1], file.samplerate
        return file.frames, file.samplerate


def remarks(path: str) -> list[str]:
    """What may be wrong with a file that can be used.

    Args:
        path: audio file

    Returns:
        short texts; none of files that cannot be used
    """
    import numpy as np

    found = []
    try:
        with _opened(path) as (file, extent):
            if isinstance(file, str):
                return []
            seconds = file.frames / file.samplerate
            if extent is not None and extent.odd:
                found.append(extent.odd)
            if extent is not None and file.frames and file.frames < LONGEST:
                used = min(extent.there, extent.declared or extent.there)
                rate = used / seconds  # bytes of audio in a second
                if extent.declared is not None and extent.declared > extent.there:
                    missing = (extent.declared - extent.there) / rate
                    found.append(f"the last {1000 * missing:.1f} ms of its header are missing")
                more = extent.behind / rate if rate else 0.0
                if more > TOLERANCE or extent.more > COUNTED:
                    more = max(more, extent.more)
                    found.append(
                        f"{seconds:.3f} s of {seconds + more:.3f} s are used, as its header says: "
                        "what is behind is not"
                    )
            if extent is not None and extent.partial:
                found.append(
                    f"it ends within a frame, after {seconds:.3f} s: it may have been cut, and no "
                    "header says its length"
                )
            if file.subtype in ("FLOAT", "DOUBLE"):
                blocks = file.blocks(BLOCK // file.channels, dtype="float32", always_2d=True)
                peak = max((float(np.abs(block).max()) for block in blocks), default=0.0)
                if peak > MOST_FLOAT:
                    found.append(
                        f"samples up to {peak:.0f}, where 1 is full scale: divide them, by 32768 "
                        "if they were 16 bits"
                    )
    except (AudioError, OSError):
        return []
    return found


@contextmanager
def _opened(
    path: str,
) -> Iterator[tuple[soundfile.SoundFile | str, containers.Extent | None]]:
    """An open file, or the name of its format if it is for PyAV; and how long it is.

    Raises:
        AudioError: for all that goes wrong with it in here
    """
    extent = None
    try:
        if kind := foreign_audio.kind_of(path):
            yield kind, None
            return
        extent = containers.extent(path)
        source: str | containers.Patched = path
        if extent is not None and (extent.patches or extent.end is not None):
            source = containers.Patched(path, extent.patches, extent.end)
        with _forward_file()(source) as file:
            yield file, extent
    except AudioError:
        raise
    except foreign_audio.ForeignError as error:
        raise AudioError(str(error)) from error
    except MemoryError as error:
        raise AudioError("too large for memory") from error
    # Decoders end in many ways, and none may hide which file it was.
    except Exception as error:
        if os.path.getsize(path) == 0:
            raise AudioError("no audio in it, the file is empty") from error
        why = foreign_audio.no_audio(path)
        if not why and extent is not None and not extent.closed:
            why = "truncated, its end is missing"
        if not why and extent is not None and (extent.declared or 0) > extent.there:
            why = f"truncated, {extent.there} of {extent.declared} bytes of audio are there"
        if not why and extent is not None and extent.behind:
            why = "another recording or other data stand behind the first"
        if why:
            raise AudioError(f"unreadable, {why}") from error
        text = " ".join((getattr(error, "error_string", "") or str(error)).split())
        raise AudioError(f"unreadable ({text.rstrip('.')})") from error


@cache
def _forward_file() -> type[soundfile.SoundFile]:
    """The class of open files."""
    import soundfile

    class Forward(soundfile.SoundFile):
        """soundfile goes back and forth while it reads, which no file of unknown length allows."""

        def seekable(self) -> bool:
            # A seek within DWVW fails, though libsndfile promises it.
            able = not self.subtype.startswith("DWVW") and self.frames < LONGEST
            return able and super().seekable()

    return Forward


def mix(signal: np.ndarray) -> np.ndarray:
    """Average the channels.

    Args:
        signal: shape (channels, samples)

    Returns:
        shape (1, samples)
    """
    return signal if len(signal) == 1 else signal.mean(axis=0, keepdims=True)


def resample(signal: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Bring a signal to another sampling rate.

    Args:
        signal: shape (channels, samples), float32
        rate: its sampling rate in Hz
        target: wanted sampling rate in Hz

    Returns:
        shape (channels, samples at the new rate), float32
    """
    if rate == target:
        return signal
    import audresample

    return audresample.resample(signal, rate, target)


def _check_header(file: soundfile.SoundFile, extent: containers.Extent | None) -> None:
    """Refuse files without audio, and those shorter than their header says."""
    if extent is not None and extent.declared is not None and extent.declared > extent.there:
        missing = extent.declared - extent.there
        if missing * file.frames > TOLERANCE * file.samplerate * extent.there or not file.frames:
            raise AudioError(
                f"truncated, {extent.there} of {extent.declared} bytes of audio are there"
            )
    end = "" if extent is None or extent.closed else ", truncated: its end is missing"
    if file.frames == 0:
        raise AudioError(f"no audio in it{end}")
    if end:
        seconds = file.frames / file.samplerate
        raise AudioError(f"truncated after {seconds:.3f} s, its end is missing")


def _sample_range(span: Span, rate: int, frames: int) -> tuple[int, int]:
    """First sample and the one after the last; start and duration are rounded (as audiofile)."""
    start, end = span
    first = round(start / 1e9 * rate)
    length = f"the file ends at {frames / rate:.3f} s"
    if first >= frames:
        raise AudioError(
            f"starts at {start / 1e9:.3f} s, {length}{_other_unit(start, rate, frames)}"
        )
    if end is None:
        return first, frames
    if end <= start:
        raise AudioError(f"ends at {end / 1e9:.3f} s, before its start at {start / 1e9:.3f} s")
    stop = first + round((end - start) / 1e9 * rate)
    # Labels are often rounded to centiseconds, so this far beyond the end is accepted.
    if stop - frames > 0.01 * rate:
        raise AudioError(f"ends at {end / 1e9:.3f} s, {length}{_other_unit(end, rate, frames)}")
    return first, min(stop, frames)


def _other_unit(time: int, rate: int, frames: int) -> str:
    """What a time far beyond the end of a file may be instead of seconds."""
    if time / 1e9 < FAR * frames / rate:
        return ""
    for unit, each in (("milliseconds", 1000), ("samples", rate)):
        if time / 1e9 / each <= frames / rate:
            return f"; times are seconds, and these look like {unit}: divide them by {each}"
    return ""


def _samples(file: soundfile.SoundFile, first: int, stop: int) -> np.ndarray:
    """Samples of an open file, shape (channels, samples)."""
    if first != file.tell():
        file.seek(first)
    signal = file.read(stop - first, dtype="float32", always_2d=True).T
    if signal.shape[1] < stop - first:
        raise AudioError(f"truncated, {signal.shape[1]} of {stop - first} samples are there")
    return signal


def _forward(file: soundfile.SoundFile, most: Bounds) -> np.ndarray:
    """All samples of a file that can only be read from its start on; shape (channels, samples)."""
    import numpy as np

    size = BLOCK // file.channels
    blocks: list[np.ndarray] = []
    frames = 0
    while True:
        block = file.read(size, dtype="float32", always_2d=True)
        frames += len(block)
        most.check(frames, file.channels, file.samplerate)
        if len(block):
            blocks.append(block)
        if len(block) < size:
            break
    if not blocks:
        raise AudioError("no audio in it")
    return np.concatenate(blocks).T


def _checked(signal: np.ndarray) -> np.ndarray:
    """Refuse signals that hold other things than numbers."""
    import numpy as np

    if not np.isfinite(signal).all():
        raise AudioError("samples that are not finite numbers")
    if signal.shape[1] == 0:
        raise AudioError("no samples in this part")
    return signal
