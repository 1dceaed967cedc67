"""Pictures and recordings of the page: embedded up to a limit, linked beyond it."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
from pathlib import Path
from urllib.parse import quote

from izwi.data import audio

# Of longer recordings, embed this many seconds from the start of the segment.
MOST_SECONDS = 10.0
# Lossless, at a rate that is enough for speech. MP3 would need a quarter of the space and ten
# times the time.
MOST_RATE = 16000
MIME = {
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
}


def address(path: str | Path, base: str | Path) -> str:
    """A relative link from a folder to a file.

    Args:
        path: the file
        base: folder of the page
    """
    relative = os.path.relpath(os.path.abspath(path), os.path.abspath(base))
    return quote(relative.replace(os.sep, "/"))


class Embedded:
    """Contents that the page carries, each once, whichever experiments show it.

    Args:
        limit: bytes of base64 that it takes at most
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.size = 0
        self.contents: dict[str, tuple[str, str]] = {}
        self.left_out = 0

    def add(self, content: bytes, mime: str) -> str | None:
        """Embed a content.

        Returns:
            its name in the page, None where there is no room left
        """
        name = hashlib.blake2b(content, digest_size=8).hexdigest()
        if name not in self.contents:
            length = 4 * -(-len(content) // 3)
            if self.size + length > self.limit:
                self.left_out += 1
                return None
            self.size += length
            self.contents[name] = mime, base64.b64encode(content).decode()
        return name


def clip(path: str, start: float, end: float | None) -> tuple[bytes, float, float]:
    """A small, compressed copy of a recording or a part of it; the same bytes each time.

    Args:
        path: audio file
        start: beginning in seconds
        end: end in seconds, None for that of the file

    Returns:
        * FLAC, one channel
        * its seconds
        * seconds of the whole part, more where it was cut

    Raises:
        izwi.data.audio.AudioError: where the audio cannot be used
    """
    import soundfile

    span = round(start * 1e9), None if end is None else round(end * 1e9)
    ((signal, rate),) = audio.read_parts(path, [span])
    if isinstance(signal, audio.AudioError):
        raise signal
    whole = signal.shape[1] / rate
    signal = audio.mix(signal[:, : round(MOST_SECONDS * rate)])
    target = min(rate, MOST_RATE)
    signal = audio.resample(signal, rate, target)
    stream = io.BytesIO()
    soundfile.write(stream, signal[0], target, format="FLAC", subtype="PCM_16")
    return stream.getvalue(), signal.shape[1] / target, whole


def millimetres(content: bytes, ending: str) -> float:
    """Width at which a picture of `izwi.plots` is printed.

    Args:
        content: of the file
        ending: ``.png``, of 300 dots per inch, or ``.svg``, in points
    """
    if ending == ".png":
        return int.from_bytes(content[16:20], "big") / 300 * 25.4
    found = re.search(rb'<svg[^>]* width="([\d.]+)pt"', content)
    return float(found[1]) / 72 * 25.4 if found else 0.0
