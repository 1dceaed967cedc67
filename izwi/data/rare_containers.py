"""The lengths that headers of rarer audio formats say, which libsndfile reads without a check."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

_SDS_PACKET = 127  # bytes


@dataclass(frozen=True)
class Place:
    """Where the audio of a file lies.

    Args:
        start: offset of its first byte
        size: bytes of it that the header says, None where the header does not know
        frame: bytes of one sample of all channels
    """

    start: int
    size: int | None
    frame: int = 1


def voc(data: mmap.mmap) -> Place | None:
    """Creative Voice: the first block of sound."""
    (at,) = struct.unpack_from("<H", data, 20)
    while at + 4 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "little")
        if kind in (1, 9):
            head = 2 if kind == 1 else 12
            return Place(at + 4 + head, size - head)
        if kind == 0:
            return None
        at += 4 + size
    return None


def avr(data: mmap.mmap) -> Place:
    """Audio Visual Research."""
    stereo, bits = struct.unpack_from(">hh", data, 12)
    (frames,) = struct.unpack_from(">I", data, 26)
    frame = (2 if stereo else 1) * (2 if bits == 16 else 1)
    return Place(128, frames * frame, frame)


def mpc2k(data: mmap.mmap) -> Place:
    """Akai MPC 2000."""
    (frames,) = struct.unpack_from("<I", data, 30)
    frame = 4 if data[21] else 2
    return Place(42, frames * frame, frame)


def wve(data: mmap.mmap) -> Place:
    """Psion."""
    return Place(32, struct.unpack_from(">I", data, 18)[0])


def xi(data: mmap.mmap) -> Place | None:
    """FastTracker 2: the first sample of an instrument."""
    (samples,) = struct.unpack_from("<H", data, 296)
    (size,) = struct.unpack_from("<I", data, 298)
    return Place(298 + 40 * samples, size) if samples == 1 else None


def sds(data: mmap.mmap) -> Place:
    """MIDI Sample Dump: samples in packets, numbers of seven bits."""
    samples = data[10] | data[11] << 7 | data[12] << 14
    packed = 120 // -(-data[6] // 7)
    return Place(21, -(-samples // packed) * _SDS_PACKET, _SDS_PACKET)


def mat4(data: mmap.mmap) -> Place | None:
    """MATLAB 4: the second matrix, of a row a channel."""
    order, at = "<" if data[0:1] == data[1:2] == data[2:3] == b"\0" == data[3:4] else ">", 0
    for which in range(2):
        kind, rows, columns, _, name = struct.unpack_from(f"{order}5I", data, at)
        width = {0: 8, 1: 4, 2: 4, 3: 2, 4: 2, 5: 1}.get(kind % 100 // 10)
        if width is None:
            return None
        start = at + 20 + name
        at = start + rows * columns * width
        if which:
            return Place(start, rows * columns * width, rows * width)
    return None


def mat5(data: mmap.mmap) -> Place | None:
    """MATLAB 5: the last part of the second matrix."""
    order, at = "<" if data[126:128] == b"IM" else ">", 128
    for which in range(2):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind != 14:
            return None
        if which:
            return _numbers(data, at + 8, at + 8 + size, order)
        at += 8 + size
    return None


def _numbers(data: mmap.mmap, at: int, end: int, order: str) -> Place | None:
    """The numbers of a matrix, behind its flags, dimensions and name."""
    for which in range(4):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # up to four bytes lie within the head
            kind, size, at = kind & 0xFFFF, 0, at + 8
        elif which < 3:
            at += 8 + size + -size % 8
        if which == 3:
            return Place(at + 8, size)
    return None


def pvf(data: mmap.mmap) -> Place | None:
    """Portable Voice Format, which says no length."""
    line = data[5 : data.find(b"\n", 5, 64)].split()
    channels, bits = int(line[0]), int(line[2])
    return Place(data.find(b"\n", 5) + 1, None, channels * -(-bits // 8))


def ircam(data: mmap.mmap) -> Place | None:
    """IRCAM, which says no length."""
    for order in "<>":
        channels, coding = struct.unpack_from(f"{order}II", data, 8)
        if 0 < channels < 2**12:
            return Place(1024, None, channels * (coding & 0xFFFF if coding & 0xFFFF < 8 else 1))
    return None


def paf(data: mmap.mmap) -> Place | None:
    """Ensoniq PARIS, which says no length."""
    order = ">" if data[:1] == b" " else "<"
    coding, channels = struct.unpack_from(f"{order}II", data, 16)
    width = {0: 2, 1: 0, 2: 1}.get(coding, 0)
    # 24 bits lie in blocks of 10 samples in 32 bytes.
    return Place(2048, None, channels * width if width else 32 * channels)


MEASURES = {
    b"Creative Voice File": voc,
    b"2BIT": avr,
    b"\x01\x04": mpc2k,
    b"ALawSoundFile**": wve,
    b"Extended Instrument: ": xi,
    b"\xf0\x7e": sds,
    b"\0\0\0\0\1\0\0\0\1\0\0\0": mat4,
    b"\0\0\x03\xe8\0\0\0\1\0\0\0\1": mat4,
    b"MATLAB 5.0 MAT-file": mat5,
    b"PVF1\n": pvf,
    b"\x64\xa3": ircam,
    b" paf": paf,
    b"fap ": paf,
}
