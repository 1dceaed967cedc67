"""Reading audio: exact samples, mixing, resampling, and short reasons where it cannot be."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import soundfile

    Span = tuple[int, int | None]

# Sizes that streaming writers leave in the header when they do not know the length.
UNKNOWN_SIZES = {0, 0x7FFFFFFF, 0xFFFFFFFF}
# Samples read at once, so that hours of audio need little memory.
BLOCK = 2**22
# Speech needs a tenth of the upper one; below the lower one resampling makes much of little.
RATES = (1_000, 384_000)  # Hz


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
                f"{frames} samples on {channels} channel{'s' if channels > 1 else ''} at once, "
                f"at most {self.samples} are taken in all"
            )


class AudioError(Exception):
    """Audio that cannot be used; the text is a short reason."""


def nanoseconds(time: object) -> int | None:
    """Turn a time into nanoseconds.

    Args:
        time: seconds, or anything that ``pandas.Timedelta`` takes; None and NaT are no time

    Returns:
        whole nanoseconds, or None
    """
    import pandas as pd

    if pd.isna(time):
        return None
    if isinstance(time, int | float):
        return round(time * 1e9)
    return pd.Timedelta(time).value


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
    import soundfile

    if not os.path.isfile(path):
        raise AudioError("missing")
    try:
        with soundfile.SoundFile(path) as file:
            _check_header(file)
            rate = file.samplerate
            most = most or Bounds()
            # A decoder of these that starts in the middle gives other samples.
            lossy = file.format in ("MP3", "OGG")
            if lossy:
                most.check(file.frames, file.channels, rate)
            whole = _samples(file, 0, file.frames) if lossy else None
            for span in spans:
                try:
                    first, stop = _sample_range(span, rate, file.frames)
                    most.check(stop - first, file.channels, rate)
                    # Keep no reference, so that the caller can free hours of audio.
                    if whole is None:
                        yield _checked(_samples(file, first, stop)), rate
                    else:
                        yield _checked(whole[:, first:stop]), rate
                except AudioError as error:
                    yield error, rate
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        if os.path.getsize(path) == 0:
            raise AudioError("no audio in it, the file is empty") from error
        text = getattr(error, "error_string", "") or str(error)
        raise AudioError(f"unreadable ({text.rstrip('.')})") from error


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


def _check_header(file: soundfile.SoundFile) -> None:
    """Refuse files without audio, and those shorter than their header says."""
    # libsndfile corrects a WAV's length silently; only its log mentions it.
    said = re.search(r"^data : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if said and int(said[1]) not in UNKNOWN_SIZES and int(said[1]) > int(said[2]):
        raise AudioError(f"truncated, {said[2]} of {said[1]} bytes of audio are there")
    if file.frames == 0:
        raise AudioError("no audio in it")


def _sample_range(span: Span, rate: int, frames: int) -> tuple[int, int]:
    """First sample and the one after the last; start and duration are rounded (as audiofile)."""
    start, end = span
    first = round(start / 1e9 * rate)
    length = f"the file ends at {frames / rate:.3f} s"
    if first >= frames:
        raise AudioError(f"starts at {start / 1e9:.3f} s, {length}")
    if end is None:
        return first, frames
    if end <= start:
        raise AudioError(f"ends at {end / 1e9:.3f} s, before its start at {start / 1e9:.3f} s")
    stop = first + round((end - start) / 1e9 * rate)
    # Labels are often rounded to centiseconds, so this far beyond the end is accepted.
    if stop - frames > 0.01 * rate:
        raise AudioError(f"ends at {end / 1e9:.3f} s, {length}")
    return first, min(stop, frames)


def _samples(file: soundfile.SoundFile, first: int, stop: int) -> np.ndarray:
    """Samples of an open file, shape (channels, samples)."""
    if first != file.tell():
        file.seek(first)
    signal = file.read(stop - first, dtype="float32", always_2d=True).T
    if signal.shape[1] < stop - first:
        raise AudioError(f"truncated, {signal.shape[1]} of {stop - first} samples are there")
    return signal


def _checked(signal: np.ndarray) -> np.ndarray:
    """Refuse signals that hold other things than numbers."""
    import numpy as np

    if not np.isfinite(signal).all():
        raise AudioError("samples that are not finite numbers")
    if signal.shape[1] == 0:
        raise AudioError("no samples in this part")
    return signal
