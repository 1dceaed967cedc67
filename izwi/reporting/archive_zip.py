"""The zip of an archive, perhaps a stranger's: names and sizes before any content."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator

from izwi.errors import UserError
from izwi.reporting.archive_record import INDEX, Record, read_record
from izwi.untrusted import check_names, shown

# More than any result set has, less than a computer has.
MOST_FILES = 500_000
MOST_BYTES = 2 * 2**30
MOST_INDEX_BYTES = 128 * 2**20
# Text as izwi writes it takes a tenth of its space in a zip; below this size nobody counts.
MOST_RATIO, FEW_BYTES = 100, 64 * 2**20
# Size and checksum may stand behind a file.
LONGEST_GAP = 24


def read_zip(archive: zipfile.ZipFile, size: int) -> tuple[dict[str, bytes], Record]:
    """Read an archive, once its names, its sizes and its record are found to be in order.

    Args:
        archive: an open zip
        size: of its file, in bytes

    Returns:
        * name → content
        * its record

    Raises:
        UserError: one line that says what is wrong
    """
    entries = [entry for entry in archive.infolist() if not _is_folder(entry)]
    check_names(entry.filename for entry in entries)
    for entry in entries:
        _check_entry(entry)
    if len(entries) > MOST_FILES:
        raise UserError(f"holds {len(entries)} files, more than any archive of izwi")
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES or (total > FEW_BYTES and total > MOST_RATIO * size):
        raise UserError(f"would take {total / 2**20:.0f} MB unpacked, too much for what it is")
    _check_layout(archive)
    by_name = {entry.filename: entry for entry in entries}
    if INDEX not in by_name:
        raise UserError(f"has no {INDEX}, so it is no archive of izwi")
    if by_name[INDEX].file_size > MOST_INDEX_BYTES:
        raise UserError(f"{INDEX} is larger than that of any archive of izwi")
    record = read_record(_content(archive, by_name[INDEX]), by_name)
    return {name: _content(archive, entry) for name, entry in by_name.items()}, record


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith("/") and entry.file_size == 0


def _check_entry(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise UserError(f"{shown(entry.filename)} is no plain file but a link or the like")
    if entry.flag_bits & 0x1:
        raise UserError(f"{shown(entry.filename)} is encrypted")
    # By a second name other programs would unpack it elsewhere.
    if entry.orig_filename != entry.filename or b"up" in _extras(entry.extra):
        raise UserError(f"{shown(entry.filename)} has two names")


def _check_layout(archive: zipfile.ZipFile) -> None:
    """Refuse bytes that the list of the zip names twice or not at all: others may unpack them."""
    end = 0
    stream = archive.fp
    assert stream is not None
    places = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    for entry in places:
        if not end <= entry.header_offset <= end + LONGEST_GAP:
            raise UserError(f"{shown(entry.filename)} does not follow the file before it")
        stream.seek(entry.header_offset + 26)
        lengths = stream.read(4)
        name, extra = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
        end = entry.header_offset + 30 + name + extra + entry.compress_size
    if not end <= archive.start_dir <= end + LONGEST_GAP:
        raise UserError("holds bytes that are none of its files")


def _extras(extra: bytes) -> Iterator[bytes]:
    while len(extra) >= 4:
        yield extra[:2]
        extra = extra[4 + int.from_bytes(extra[2:4], "little") :]


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as stream:
        content = stream.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise UserError(f"{shown(entry.filename)} has another size than the zip says")
    return content
