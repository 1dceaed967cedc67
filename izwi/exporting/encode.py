"""Audio files: samples at a rate, in a format, without loss beyond that of the format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from izwi.data import audio

if TYPE_CHECKING:
    import numpy as np


def converted(signal: np.ndarray, rate: int, target: int | None, *, mono: bool) -> np.ndarray:
    """A signal at another rate.

    Args:
        signal: shape (channels, samples), float32
        rate: its sampling rate, Hz
        target: wanted sampling rate, Hz; None keeps it
        mono: whether channels are averaged

    Returns:
        shape (channels, samples), float32: that of ``audresample.resample``
    """
    if mono:
        signal = audio.mix(signal)
    return signal if target is None else audio.resample(signal, rate, target)


def write(path: str | Path, signal: np.ndarray, rate: int, kind: str, bits: int) -> int:
    """Write a file.

    Reading divides integers by 2^(bits - 1), so they are multiplied by it here: what was read from
    16 bits is written to 16 bits as the same numbers.

    Args:
        path: of the file
        signal: shape (channels, samples), float32
        rate: its sampling rate, Hz
        kind: ``wav``, ``flac`` or ``mp3``
        bits: of a sample; 32 is float, for wav alone; mp3 has none

    Returns:
        number of samples beyond full scale, which were clipped

    Raises:
        AudioError: if the format cannot hold this rate or number of channels
    """
    import numpy as np
    import soundfile

    subtype = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}[bits]
    data, clipped = signal.T, 0
    if kind == "mp3":
        subtype = "MPEG_LAYER_III"
    elif bits < 32:
        full = 2.0 ** (bits - 1)
        scaled = np.rint(data.astype("float64") * full)
        clipped = int(((scaled < -full) | (scaled > full - 1)).sum())
        scaled = np.clip(scaled, -full, full - 1)
        data = scaled.astype("int16") if bits == 16 else scaled.astype("int32") << 8
    try:
        soundfile.write(path, data, rate, format=kind.upper(), subtype=subtype)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise audio.AudioError(
            f"cannot be written as {kind} with {rate} Hz on {len(signal)} channels"
        ) from error
    return clipped
