"""What a user hands to a trained model: files, folders, lists, CSV databases, the microphone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from izwi.data.foreign_audio import ENDINGS
from izwi.data.label_files import line_of, read_rows
from izwi.errors import Problems, UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# By these a folder's audio is known.
AUDIO = (
    *ENDINGS,
    *(".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".snd"),
    *(".sph", ".w64", ".wav", ".wave"),
)


def collect(arguments: Iterable[str | Path]) -> pd.DataFrame:
    """List the audio behind what a user named, in the order named.

    - A folder stands for all audio in it and below, by the ending of the names, sorted.
    - A ``.txt`` holds a path a line, relative to its folder or to the working directory.
    - A ``.csv`` has a column ``file`` and perhaps ``start`` and ``end``; other columns are not
      read. Its paths are relative to the same places.
    - All else is taken as an audio file, whether it is there or not.

    Args:
        arguments: paths

    Returns:
        ``file``, ``start`` and ``end`` (timedelta, 0 and NaT for a whole file)

    Raises:
        UserError: if a list or CSV cannot be read, or a folder or list names no audio
    """
    import pandas as pd

    problems = Problems()
    frames = []
    for argument in map(Path, arguments):
        try:
            frames.append(_listed(argument))
        except UserError as error:
            # Readers of databases raise problems in terms of an ini.
            problems.extend(UserError([line.removeprefix("[DATA] ") for line in error.problems]))
    problems.raise_if_any()
    return pd.concat(frames, ignore_index=True)


def record(seconds: float) -> tuple[np.ndarray, int]:
    """Record from the microphone.

    Args:
        seconds: for so long

    Returns:
        signal of shape (channels = 1, samples), float32, and the sampling rate in Hz

    Raises:
        UserError: if there is no microphone, or what is needed for it is not installed
    """
    try:
        import sounddevice
    except ImportError:
        raise UserError(
            "--microphone: sounddevice is not installed; type: make web (or: pip install "
            "sounddevice)"
        ) from None
    except OSError:
        raise UserError(
            "--microphone: the library PortAudio is not installed; on Debian type: "
            "apt-get install libportaudio2"
        ) from None
    try:
        rate = int(sounddevice.query_devices(kind="input")["default_samplerate"])
        signal = sounddevice.rec(round(seconds * rate), rate, channels=1, dtype="float32")
        sounddevice.wait()
    except (sounddevice.PortAudioError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"--microphone: no microphone can be used here ({reason})") from None
    return signal.T, rate


def _listed(path: Path) -> pd.DataFrame:
    import pandas as pd

    from izwi.data.databases.source import segments

    starts = ends = line = None
    if path.is_dir():
        files = [str(p) for p in sorted(path.rglob("*")) if p.suffix.lower() in AUDIO]
        if not files:
            raise UserError(f"{path}: no audio in this folder, by the ending of the names")
    elif path.suffix.lower() == ".txt":
        files = _beside(path, _lines(path))
        if not files:
            raise UserError(f"{path}: names no file")
    elif path.suffix.lower() == ".csv":
        if not path.is_file():
            raise UserError(f"{path}: no such file")
        header, rows = read_rows(path, path.name)
        if "file" not in header:
            raise UserError(f"{path}: no column 'file' but {', '.join(header)}")
        columns = dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else {}
        if not columns:
            raise UserError(f"{path}: has no rows")
        files = _beside(path, columns["file"])
        starts, ends = columns.get("start"), columns.get("end")
        line = partial(line_of, path)
    else:
        files = [str(path)]
    return segments(starts, ends, pd.Series(files, dtype=object), path.name, line=line)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _beside(path: Path, files: Iterable[str]) -> list[str]:
    """Paths relative to a list's own folder, or else to the working directory."""
    found = []
    for file in files:
        beside = path.parent / file
        found.append(str(beside if beside.exists() or not Path(file).exists() else Path(file)))
    return found
