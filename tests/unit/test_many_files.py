"""Very many files: their lengths by headers alone, their digests, columns by their values."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from izwi.data import audio, lengths, scan
from izwi.splits import own_column

RATE = 16000


def written(folder: Path) -> list[str]:
    """Files of many kinds, whole and broken."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE // 10, 2))
    kinds = {
        "wav": ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "MS_ADPCM"),
        "flac": ("PCM_16",),
        "aiff": ("PCM_16",),
        "ogg": ("VORBIS",),
    }
    paths = []
    for ending, subtypes in kinds.items():
        for subtype in subtypes:
            for channels in (1, 2):
                path = folder / f"{subtype}-{channels}.{ending}"
                soundfile.write(path, noise[:, :channels], RATE, subtype=subtype)
                paths.append(path)
    raw = (folder / "PCM_16-1.wav").read_bytes()
    listed = struct.pack("<4sI", b"LIST", 6) + b"INFO\0\0"
    odd = {
        "cut": raw[:-100],
        "longer": raw + b"\1" * 4000,
        "pipe": raw[:40] + b"\xff\xff\xff\xff" + raw[44:],
        "no samples": raw[:4] + struct.pack("<I", 36) + raw[8:40] + bytes(4),
        "list first": raw[:4] + struct.pack("<I", len(raw) + 6) + raw[8:36] + listed + raw[36:],
        "list behind": raw[:4] + struct.pack("<I", len(raw) + 6) + raw[8:] + listed,
        "half a frame": raw[:4] + struct.pack("<I", len(raw) - 9) + raw[8:-1],
        "no rate": raw[:24] + bytes(4) + raw[28:],
        "empty": b"",
        "text": b"file,speaker\n" * 20,
    }
    for name, content in odd.items():
        paths.append(folder / f"{name}.wav")
        paths[-1].write_bytes(content)
    return [str(path) for path in paths] + [str(folder / "missing.wav"), str(folder)]


def outcome(function, path):
    try:
        return function(path)
    except audio.AudioError as error:
        return str(error)


def test_lengths_are_those_of_the_reader_whatever_the_header_says(tmp_path):
    paths = written(tmp_path)
    found = [str(one) if isinstance(one, Exception) else one for one in lengths.lengths(paths)]
    assert found == [outcome(audio.length, path) for path in paths]
    assert list(lengths.remarks(paths)) == [audio.remarks(path) for path in paths]


def test_plain_files_need_no_decoder(tmp_path, monkeypatch):
    paths = written(tmp_path)
    monkeypatch.setattr(audio, "length", lambda path: pytest.fail(path))
    plain = [path for path in paths if lengths.plain(path)]
    assert len(plain) == 9  # four whole numbers of one and two channels, and a list before them
    assert list(lengths.lengths(plain)) == [(RATE // 10, RATE)] * 9


def test_results_keep_their_order_over_many_chunks():
    items = range(5 * lengths.CHUNK + 3)
    assert list(lengths.each(lambda item: item**2, items)) == [item**2 for item in items]


def test_digests_of_large_and_small_files(tmp_path):
    sizes = [1, scan._BLOCK - 1, scan._BLOCK, 3 * scan._BLOCK + 7]
    for size in sizes:
        (tmp_path / f"{size}.wav").write_bytes(np.random.default_rng(size).bytes(size))
    (tmp_path / "x.csv").write_text("file\n" + "".join(f"{size}.wav\n" for size in sizes))
    database = {"name": "x", "type": "csv", "path": str(tmp_path / "x.csv")}
    found = scan.scan(database, cwd=tmp_path, cache=tmp_path)
    for path, digest in zip(found.paths, found.digests, strict=True):
        assert digest == hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()


def test_what_is_hashed_is_kept_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "_KEEP_SECONDS", 0.0)
    monkeypatch.setattr(scan, "_KEEP_SHARE", 1e9)
    kept = []
    real = scan._write_json
    monkeypatch.setattr(
        scan,
        "_write_json",
        lambda path, content: (
            kept.append(sum(digest is not None for digest in content["digests"])),
            real(path, content),
        ),
    )
    for number in range(200):
        (tmp_path / f"{number:03}.wav").write_bytes(bytes([number]))
    (tmp_path / "x.csv").write_text("file\n" + "".join(f"{n:03}.wav\n" for n in range(200)))
    database = {"name": "x", "type": "csv", "path": str(tmp_path / "x.csv")}
    scan.scan(database, cwd=tmp_path, cache=tmp_path)
    assert kept[0] < 200 and kept[-1] == 200 and sorted(kept) == kept
    cache = next((tmp_path / "scans").iterdir())
    assert len(json.loads(cache.read_text())["files"]) == 200


@pytest.mark.parametrize(
    "values, parts",
    [
        (["train", "test", "train", None], {"train", "test"}),
        ([1.0, 2.0, float("nan")], {"1", "2"}),
        (pd.to_timedelta([0, 1], unit="s"), {"0 days 00:00:00", "0 days 00:00:01"}),
        ([True, False], {"True", "False"}),
    ],
)
def test_the_different_values_of_a_column_are_what_its_parts_are_told_by(values, parts):
    assert own_column._parts_of(pd.Series(values)) == parts
    assert own_column._parts_of(pd.Series(values).astype("str")) >= (
        parts if parts == {"train", "test"} else set()
    )
