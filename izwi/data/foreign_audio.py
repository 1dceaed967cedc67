"""Audio that libsndfile does not read: m4a, webm, amr and the sound of videos, through PyAV."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

EXTRA = "type: make av (or: pip install -r requirements-av.txt)"
# Endings by which a folder's audio is known.
ENDINGS = (
    *(".3gp", ".aac", ".ac3", ".amr", ".avi", ".awb", ".flv", ".m4a", ".m4b", ".m4v", ".mka"),
    *(".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wma", ".wmv", ".wv"),
)
_MAGIC = (
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (0, b"#!AMR", "AMR"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or WMV"),
    (4, b"ftyp", "MP4, M4A or QuickTime"),
    (4, b"moov", "QuickTime"),
    (4, b"mdat", "QuickTime"),
    (0, b"FLV\x01", "Flash video"),
    (0, b"\x00\x00\x01\xba", "MPEG video"),
    (0, b"wvpk", "WavPack"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"ADIF", "AAC"),
    (8, b"AVI ", "AVI"),
)
_NO_AUDIO = (
    (b"version https://git-lfs", "a pointer of Git LFS instead of audio: type git lfs pull"),
    (b"/annex/objects/", "a pointer of git-annex instead of audio: type git annex get ."),
    (
        b"nist_1a",
        "SPHERE as libsndfile does not read it, such as by shorten: convert it (sph2pipe)",
    ),
    (b"ajkg", "Shorten, which libsndfile does not read: convert it to wav"),
    (b"\x00\x05\x16\x07", "a resource fork of macOS (._) instead of audio: delete it"),
    (b"\x00\x05\x16\x00", "a resource fork of macOS (._) instead of audio: delete it"),
    (b"<?xml", "XML instead of audio, as a failed download leaves it"),
    (b"{", "JSON instead of audio, as a failed download leaves it"),
    (b"pk\x03\x04", "a ZIP archive instead of audio"),
    (b"\x1f\x8b", "a gzip archive instead of audio"),
    (b"%pdf", "a PDF instead of audio"),
    (b"<", "XML instead of audio, as a failed download leaves it"),
    (b"\x89png", "a picture (PNG) instead of audio"),
    (b"\xff\xd8\xff", "a picture (JPEG) instead of audio"),
    (b"gif8", "a picture (GIF) instead of audio"),
    (b"rar!", "a RAR archive instead of audio"),
    (b"7z\xbc\xaf", "a 7z archive instead of audio"),
    (b"bzh", "a bzip2 archive instead of audio"),
    (b"\xfd7zxz", "an xz archive instead of audio"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive instead of audio"),
    (b"\x93numpy", "an array of numpy instead of audio"),
    (b"#extm3u", "a list of files instead of audio"),
    (b"mthd", "MIDI, notes without sound"),
)
# Bytes by which a format is known.
HEAD = 64
# A shorter file holds no header of any format.
_SHORTEST = 44
# Seconds by which a length may differ: two frames of AAC at 16 kHz, and rounding.
_TOLERANCE = 0.15


class ForeignError(Exception):
    """Why it cannot be decoded."""


def kind_of(path: str, head: bytes | None = None) -> str:
    """Name of a file's format if it is one of these, else an empty text.

    Args:
        path: of the file
        head: its first ``HEAD`` bytes, where they were read already
    """
    if head is None:
        with open(path, "rb") as stream:
            head = stream.read(HEAD)
    for at, magic, name in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return name
    # AAC's frames differ from MP3's by their layer, which is 0.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "AAC"
    if head[:1] == b"G" and os.path.splitext(path)[1].lower() in (".ts", ".mts", ".m2ts"):
        return "MPEG video"
    return ""


def no_audio(path: str) -> str:
    """What a file is that is no audio; empty where that is not known."""
    size = os.path.getsize(path)
    with open(path, "rb") as stream:
        head = stream.read(512)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")) or b"<html" in text:
        return "HTML instead of audio, as a failed download leaves it"
    if text.startswith((b"../", b".git")) and b".git/annex/objects/" in text:
        # A link that a checkout without links has written as a file.
        text = b"/annex/objects/"
    for magic, name in _NO_AUDIO:
        if text.startswith(magic):
            return name
    if not any(head) and size:
        return "zeros instead of audio: copy it again"
    if head[257:262] == b"ustar":
        return "a tar archive instead of audio"
    if size >= _SHORTEST and _is_text(head):
        return "text instead of audio"
    return f"file too short, {size} bytes" if size < _SHORTEST else ""


def _is_text(head: bytes) -> bool:
    """Whether bytes are text and nothing else; a letter may be cut at their end."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(char.isprintable() or char in "\t\r\n\ufeff" for char in text)


def decode(path: str, kind: str, check: Callable[[int, int, int], None]) -> tuple[np.ndarray, int]:
    """Decode the first audio stream of a file.

    Args:
        path: of the file
        kind: name of its format
        check: ends the decoding by an error where frames, channels and rate so far are too much

    Returns:
        signal of shape (channels, samples), float32, and the sampling rate in Hz

    Raises:
        ForeignError: if it cannot be decoded whole
    """
    if find_spec("av") is None:
        raise ForeignError(f"{kind}, which needs PyAV, and that is not installed; {EXTRA}")
    import av
    import numpy as np

    blocks: list[np.ndarray] = []
    try:
        with av.open(path, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise ForeignError(f"no audio in it, {kind} without sound")
            stream = container.streams.audio[0]
            rate = stream.codec_context.sample_rate
            resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
            frames = 0
            for frame in container.decode(stream):
                frames += frame.samples
                check(frames, len(stream.layout.channels), rate)
                blocks += [block.to_ndarray() for block in resampler.resample(frame)]
            blocks += [block.to_ndarray() for block in resampler.resample(None)]
            declared = _seconds(container, stream)
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise ForeignError(f"unreadable ({getattr(error, 'strerror', error)})") from error
    if not blocks:
        raise ForeignError("no audio in it")
    signal = np.concatenate(blocks, axis=1)
    seconds = signal.shape[1] / rate
    if seconds < declared - _TOLERANCE:
        raise ForeignError(f"truncated, {seconds:.3f} of {declared:.3f} s are there")
    return signal, rate


def _seconds(container: Any, stream: Any) -> float:
    """Seconds of sound that the header says; 0 where it does not, or only guesses."""
    import av

    # Others hold no length: FFmpeg divides their size by a rate.
    if not set(container.format.name.split(",")) & {"mov", "matroska", "asf", "wv"}:
        return 0.0
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None or container.streams.video:
        return 0.0
    return container.duration / av.time_base
