"""What an audio file says of its own length, and what is there: the containers byte by byte.

libsndfile corrects wrong lengths in silence. A cut file is then a short one, and a second
recording behind the first is never heard.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from izwi.data import rare_containers

# A writer that does not know the length leaves a size in one of these ranges: ffmpeg 0xFFFFFFFF,
# sox 0x7FFFF000 in whole blocks (0x7F000000 in AIFF), arecord 0x80000000, others less a header.
_UNKNOWN = ((2**31 - 2**16, 2**31 + 2**16), (2**32 - 2**16, 2**32), (0x7F000000, 0x7F010000))
# Kinds of WAV that are no codec: whole numbers, floats, and either with further fields.
_PLAIN = (1, 3, 0xFFFE)
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_PAGE = struct.Struct("<4sBBqIIIB")
_FLAC = b"fLaC\x00\x00\x00\x22"
_KBITS = {
    # Of MPEG 1, and of 2 and 2.5; by layer from 1 on.
    1: (
        (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
        (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
        (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    ),
    2: (
        (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
        (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
        (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    ),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True)
class Extent:
    """How much audio a file holds.

    Args:
        declared: bytes of audio that its header says, None where it does not know them
        there: bytes from the start of its audio to the end of the file
        behind: bytes of audio behind those that the header says
        patches: offsets and bytes that give a header the length that it does not know
        more: seconds of recordings behind the first
        closed: False where its end is missing
        partial: True where it ends within a frame
        end: offset of the first byte that is no audio; None where decoders find it
        odd: how its header contradicts itself, empty where it does not
    """

    declared: int | None = None
    there: int = 0
    behind: int = 0
    patches: tuple[tuple[int, bytes], ...] = ()
    more: float = 0.0
    closed: bool = True
    partial: bool = False
    end: int | None = None
    odd: str = ""


def extent(path: str) -> Extent | None:
    """Measure a file.

    Args:
        path: of a file that exists

    Returns:
        None where its container is not known or broken; its decoder has the word then
    """
    if os.path.getsize(path) < 12:
        return None
    with (
        open(path, "rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        try:
            start = _behind_tags(data, 0)
            if start and (found := _behind_a_tag(data, start)):
                return found
            for magic, measure in _MEASURES.items():
                if data[: len(magic)] == magic:
                    return measure(data)
            for magic, place in rare_containers.MEASURES.items():
                if data[: len(magic)] == magic:
                    return _placed(data, place(data))
            return _mpeg(data)
        except (struct.error, IndexError, ValueError):
            return None


def _behind_a_tag(data: mmap.mmap, start: int) -> Extent | None:
    """What stands behind a tag that taggers of MP3 put before any file."""
    for magic, measure in _MEASURES.items():
        if data[start : start + len(magic)] == magic:
            found = measure(cast(mmap.mmap, data[start:]))
            if found is None:
                return None
            patches = tuple((start + at, new) for at, new in found.patches)
            end = None if found.end is None else start + found.end
            return replace(found, patches=patches, end=end)
    return None


def _placed(data: mmap.mmap, place: rare_containers.Place | None) -> Extent | None:
    """Compare what a header says with what is there; decoders of these read to the end."""
    if place is None:
        return None
    there = len(data) - place.start
    if not place.size:
        return Extent(None, there, partial=there % place.frame > 0)
    end = place.start + place.size
    # Zeros fill up, or end a VOC.
    behind = len(data) - end if any(data[end:]) else 0
    return Extent(place.size, there, behind, end=end if behind else None)


class Patched:
    """A file as if some of its bytes were others, or not there.

    Args:
        path: of the file
        patches: offset and bytes of each change
        end: its size, None for that of the file
    """

    def __init__(
        self, path: str, patches: tuple[tuple[int, bytes], ...], end: int | None = None
    ) -> None:
        self._stream = open(path, "rb")  # noqa: SIM115
        self._patches = patches
        self._end = os.path.getsize(path) if end is None else end

    def read(self, size: int = -1) -> bytes:
        """Read on from here."""
        start = self._stream.tell()
        left = max(0, self._end - start)
        content = bytearray(self._stream.read(left if size < 0 else min(size, left)))
        for offset, patch in self._patches:
            for place, byte in enumerate(patch, offset - start):
                if 0 <= place < len(content):
                    content[place] = byte
        return bytes(content)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; returns how much of it."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        if whence == os.SEEK_END:
            offset, whence = self._end + offset, os.SEEK_SET
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._stream.tell()

    def write(self, content: bytes) -> int:
        """Refuse; libsndfile asks that it be there."""
        raise OSError("open for reading alone")

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def _unknown(size: int) -> bool:
    return any(low <= size < high for low, high in _UNKNOWN)


def _chunks(data: mmap.mmap, at: int, big: bool) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of each chunk, as long as there are chunks."""
    while at + 8 <= len(data):
        name = data[at : at + 4]
        if not (name.isascii() and name.decode("ascii").isprintable()):
            return
        (size,) = struct.unpack_from(">I" if big else "<I", data, at + 4)
        yield name, at + 8, size
        at += 8 + size + size % 2


def _riff(data: mmap.mmap) -> Extent | None:
    """WAV and its kin: RIFF, RIFX (big endian), RF64 and BW64 (64 bit)."""
    found = _riff_data(data)
    odd = _contradiction(data) if found else ""
    return replace(found, odd=odd) if found and odd else found


def _contradiction(data: mmap.mmap) -> str:
    """Samples that need more bytes than the header of a WAV gives them: they are read as noise."""
    big = data[:4] == b"RIFX"
    for name, start, size in _chunks(data, 12, big):
        if name == b"data":
            break
        if name == b"fmt " and size >= 16 and start + 16 <= len(data):
            form = ">HHIIHH" if big else "<HHIIHH"
            kind, channels, _, _, block, bits = struct.unpack_from(form, data, start)
            if kind in _PLAIN and 0 < block < channels * -(-bits // 8):
                return (
                    f"its header says {bits} bits a sample, but {block} bytes for "
                    f"{channels} channel{'s' * (channels != 1)}: it may be noise"
                )
    return ""


def _riff_data(data: mmap.mmap) -> Extent | None:
    big = data[:4] == b"RIFX"
    long = None
    if data[8:12] != b"WAVE":
        return None
    for name, start, size in _chunks(data, 12, big):
        if name == b"ds64":
            (long,) = struct.unpack_from("<q", data, start + 8)
            at64 = start + 8
        if name != b"data":
            continue
        there = len(data) - start
        if long is not None and size == 2**32 - 1:
            if long > 0:
                return Extent(long, there, _behind(data, start + long + long % 2, big))
            return Extent(None, there, patches=((at64, struct.pack("<q", there)),))
        if size == 0 and _behind(data, start, big):
            patch = struct.pack(">I" if big else "<I", min(there, 2**32 - 2))
            return Extent(None, there, patches=((start - 4, patch),))
        if size > there and _unknown(size):
            return Extent(None, there)
        return Extent(size, there, _behind(data, start + size + size % 2, big))
    return None


def _behind(data: mmap.mmap, start: int, big: bool) -> int:
    """Bytes behind the audio that are neither chunks, nor a tag, nor filled up with zeros."""
    end = start
    for name, at, size in _chunks(data, start, big):
        if name in (b"RIFF", b"RIFX", b"RF64", b"FORM") or at + size > len(data):
            break
        end = at + size + size % 2
    left = len(data) - end
    if left <= 0 or data[end : end + 3] in (b"TAG", b"ID3") or not any(data[end:]):
        return 0
    return left


def _w64(data: mmap.mmap) -> Extent | None:
    at = 40
    while at + 24 <= len(data):
        (size,) = struct.unpack_from("<q", data, at + 16)
        if data[at : at + 16] == _W64_DATA:
            there = len(data) - at - 24
            if size <= 24 or size >= 2**62:
                patch = struct.pack("<q", there + 24)
                return Extent(None if there else 0, there, patches=((at + 16, patch),))
            end = at + size
            behind = len(data) - end if end < len(data) and not _w64_chunks(data, end) else 0
            return Extent(size - 24, there, behind, end=end if end < len(data) else None)
        if size < 24:
            return None
        at += size + -size % 8
    return None


def _w64_chunks(data: mmap.mmap, at: int) -> bool:
    """Whether nothing but chunks, or less than the head of one, lies from here to the end."""
    at += -at % 8
    while at + 24 <= len(data):
        (size,) = struct.unpack_from("<q", data, at + 16)
        if size < 24 or data[at : at + 4] == b"riff":
            return False
        at += size + -size % 8
    return at >= len(data) or len(data) - at < 24


def _form(data: mmap.mmap) -> Extent | None:
    """AIFF, AIFF-C and 8SVX."""
    width, at_frames = 1, 0
    for name, start, size in _chunks(data, 12, True):
        if name == b"COMM":
            channels, _, bits = struct.unpack_from(">hIh", data, start)
            width, at_frames = channels * -(-bits // 8), start + 2
        if name not in (b"SSND", b"BODY"):
            continue
        head = 8 if name == b"SSND" else 0
        there = len(data) - start - head
        if size <= head and there >= width:
            new = struct.pack(">I", there // width)
            patches = ((start - 4, struct.pack(">I", there + head)), (at_frames, new))
            return Extent(None, there, patches=patches if at_frames else patches[:1])
        if size > there + head and _unknown(size):
            return Extent(None, there)
        return Extent(size - head, there, _behind(data, start + size + size % 2, True))
    return None


def _au(data: mmap.mmap) -> Extent:
    order = ">" if data[:1] == b"." else "<"
    offset, size = struct.unpack_from(f"{order}II", data, 4)
    there = len(data) - offset
    if size == 0 or _unknown(size):
        return Extent(None, there)
    behind = max(0, there - size)
    return Extent(size, there, behind, end=offset + size if behind else None)


def _sphere(data: mmap.mmap) -> Extent | None:
    lines = data[: int(data[8:16])].decode("latin-1").splitlines()
    words = [line.split(None, 2) for line in lines]
    found = {word[0]: word[2] for word in words if len(word) == 3}
    if "shorten" in found.get("sample_coding", ""):
        return None
    start = int(data[8:16])
    there = len(data) - start
    if "sample_count" not in found:
        return Extent(None, there)
    width = int(found.get("channel_count", 1)) * int(found.get("sample_n_bytes", 1))
    size = int(found["sample_count"]) * width
    behind = len(data) - start - size if any(data[start + size :]) else 0
    return Extent(size, there, max(0, behind), end=start + size if size < there else None)


def _caf(data: mmap.mmap) -> Extent | None:
    at = 8
    while at + 12 <= len(data):
        name = data[at : at + 4]
        (size,) = struct.unpack_from(">q", data, at + 4)
        if name == b"data":
            there = len(data) - at - 16
            if size < 0:
                return Extent(None, there)
            return Extent(size - 4, there, _behind_caf(data, at + 12 + size))
        if size < 0:
            return None
        at += 12 + size
    return None


def _behind_caf(data: mmap.mmap, at: int) -> int:
    """Bytes behind the audio that are no chunks."""
    while at + 12 <= len(data) and data[at : at + 4] != b"caff":
        (size,) = struct.unpack_from(">q", data, at + 4)
        if size < 0 or at + 12 + size > len(data):
            break
        at += 12 + size
    left = len(data) - at
    return left if left > 0 and any(data[at:]) else 0


def _flac(data: mmap.mmap) -> Extent:
    """Recordings that stand one behind the other, or samples beyond those of the header."""
    bits = int.from_bytes(data[18:26], "big")
    frames, rate = bits & (2**36 - 1), (bits >> 44) or 1
    more, at = 0.0, 0
    while (at := data.find(_FLAC, at + 4)) >= 0:
        bits = int.from_bytes(data[at + 18 : at + 26], "big")
        more += (bits & (2**36 - 1)) / ((bits >> 44) or 1)
    if frames and not more:
        more = max(0, _flac_end(data) - frames) / rate
    return Extent(more=more)


def _flac_end(data: mmap.mmap) -> int:
    """Samples up to the end of the last frame; 0 where none is found near the end."""
    size = int.from_bytes(data[8:10], "big")
    first = max(42, len(data) - 2**18)
    at = len(data)
    while (at := data.rfind(b"\xff", first, at)) >= 0:
        if data[at + 1 : at + 2] not in (b"\xf8", b"\xf9") or at + 16 > len(data):
            continue
        code = data[at + 2] >> 4
        # The number of the frame, or of its first sample, is written as UTF-8 writes characters.
        ones = next((i for i in range(8) if not data[at + 4] << i & 128), 8)
        length = max(1, ones)
        if ones in (1, 8):
            continue
        number = data[at + 4] & (127 >> ones)
        for byte in data[at + 5 : at + 4 + length]:
            number = number << 6 | byte & 63
        end = at + 4 + length
        extra = {6: 1, 7: 2}.get(code, 0)
        samples = {1: 192, 6: 0, 7: 0}.get(code, 576 << (code - 2) if code < 6 else 1 << code)
        if extra:
            samples = int.from_bytes(data[end : end + extra], "big") + 1
        end += extra + {12: 1, 13: 2, 14: 2}.get(data[at + 2] & 15, 0)
        if _crc8(data[at:end]) == data[end]:
            return number * (1 if data[at + 1] & 1 else size) + samples
    return 0


def _crc8(content: bytes) -> int:
    found = 0
    for byte in content:
        found ^= byte
        for _ in range(8):
            found = (found << 1 ^ 7 if found & 128 else found << 1) & 255
    return found


def _ogg(data: mmap.mmap) -> Extent:
    """Walk the pages: a recording is a group of streams that begin together."""
    at, closed, begins = 0, True, False
    # Of each recording, the seconds of its streams.
    found: list[dict[int, float]] = []
    clocks: dict[int, tuple[int, int]] = {}
    while (at := data.find(b"OggS", at)) >= 0:
        if at + 27 > len(data):
            closed = False
            break
        _, _, flags, granule, serial, _, _, segments = _PAGE.unpack_from(data, at)
        body = at + 27 + segments
        at = body + sum(data[at + 27 : body])
        if at > len(data):
            closed = False
            break
        if flags & 2:
            if not begins:
                found.append({})
            clocks[serial] = _clock(data[body : body + 24])
        begins = bool(flags & 2)
        rate, skipped = clocks.get(serial, (0, 0))
        if rate and granule > 0 and found:
            found[-1][serial] = max(0, granule - skipped) / rate
        closed = bool(flags & 4)
    more = sum(max(streams.values(), default=0.0) for streams in found[1:])
    return Extent(more=more, closed=closed)


def _clock(head: bytes) -> tuple[int, int]:
    """Steps of an Ogg stream's clock in a second, and how many come before its start."""
    if head.startswith(b"OpusHead"):
        return 48000, int.from_bytes(head[10:12], "little")
    if head.startswith(b"\x01vorbis"):
        return int.from_bytes(head[12:16], "little"), 0
    return 0, 0


def _mpeg(data: mmap.mmap) -> Extent | None:
    """MP3: frames behind those that the first one announces, or whether the last one is whole."""
    at = _behind_tags(data, 0)
    head = _frame(data, at)
    if head is None:
        return None
    size = head[0]
    place = max(data.find(b"Xing", at, at + 64), data.find(b"Info", at, at + 64))
    if place < 0:
        return Extent(partial=_ends_within_a_frame(data, at))
    flags, _, length = struct.unpack_from(">III", data, place + 4)
    if flags & 3 != 3:
        return None
    at += max(length, size)
    more = 0.0
    while at < len(data):
        at = _behind_tags(data, at)
        head = _frame(data, at)
        if head is None:
            at = data.find(b"\xff", at + 1)
            if at < 0:
                break
            continue
        size, rate, samples = head
        # One alone may be chance, and tags hold any bytes.
        if at + size >= len(data) or _frame(data, at + size):
            more += samples / rate
            at += size
        else:
            at += 1
    return Extent(more=more)


def _ends_within_a_frame(data: mmap.mmap, at: int) -> bool:
    """Whether nothing but frames follows, of which the last one is not all there."""
    while head := _frame(data, at):
        at += head[0]
    # The header of a frame may be cut, too.
    return at > len(data) or (at + 4 > len(data) and data[at : at + 1] == b"\xff")


def _behind_tags(data: mmap.mmap, at: int) -> int:
    """Where audio begins behind tags: ID3 in version 1 and 2, and APE."""
    while True:
        if data[at : at + 3] == b"ID3" and at + 10 <= len(data):
            a, b, c, d = data[at + 6 : at + 10]
            at += 10 + (a << 21 | b << 14 | c << 7 | d)
        elif data[at : at + 3] == b"TAG":
            at += 128
        elif data[at : at + 8] == b"APETAGEX" and at + 32 <= len(data):
            at += 32 + int.from_bytes(data[at + 12 : at + 16], "little")
        else:
            return at


def _frame(data: mmap.mmap, at: int) -> tuple[int, int, int] | None:
    """Bytes, sampling rate in Hz and samples of the frame of MPEG audio that begins here."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    bits, which = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer == 4 or bits in (0, 15) or which == 3:
        return None
    rate = _RATES[version][which]
    kbits = _KBITS[1 if version == 3 else 2][layer - 1][bits - 1]
    padded = data[at + 2] >> 1 & 1
    if layer == 1:
        return (12000 * kbits // rate + padded) * 4, rate, 384
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * 1000 * kbits // rate + padded, rate, samples


_MEASURES = {
    b"RIFF": _riff,
    b"RIFX": _riff,
    b"RF64": _riff,
    b"BW64": _riff,
    b"riff": _w64,
    b"FORM": _form,
    b".snd": _au,
    b"dns.": _au,
    b"NIST_1A": _sphere,
    b"caff": _caf,
    b"fLaC": _flac,
    b"OggS": _ogg,
}
