import hashlib
import json
import os
import time

import pytest

from izwi.data import scan as module
from izwi.data.scan import Listing, scan
from izwi.errors import UserError


def digest(path):
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


@pytest.fixture
def data(tmp_path):
    (tmp_path / "db" / "wav").mkdir(parents=True)
    for name in "abc":
        path = tmp_path / "db" / "wav" / f"{name}.wav"
        path.write_bytes(name.encode() * 1000)
        os.utime(path, ns=(10**18, 10**18))
    (tmp_path / "db" / "x.csv").write_text(
        "file, emotion\n wav/b.wav, happy\nwav/a.wav,sad\nwav/a.wav,sad\n\nwav/c.wav,sad\n"
    )
    return tmp_path


def run(tmp_path, **options):
    database = {"name": "x", "type": "csv", "path": str(tmp_path / "db" / "x.csv")}
    database["options"] = options
    return scan(database, cwd=tmp_path, cache=tmp_path / "cache")


@pytest.fixture
def hashed(monkeypatch):
    """Files hashed by the scan, once stats are old enough to be trusted."""
    monkeypatch.setattr(module, "_RACY", 0)
    rows = []
    real = module._hash_files

    def spy(name, todo, paths, *more):
        rows.extend(os.path.basename(paths[row]) for row in todo)
        real(name, todo, paths, *more)

    monkeypatch.setattr(module, "_hash_files", spy)
    return rows


def test_lists_each_file_once_with_its_digest(data):
    listing = run(data)
    assert listing.files == ["wav/a.wav", "wav/b.wav", "wav/c.wav"]
    assert listing.paths == [str(data / "db" / file) for file in listing.files]
    assert listing.digests == [digest(data / "db" / file) for file in listing.files]
    listing.save(data / "out" / "listing.json")
    assert Listing.load(data / "out" / "listing.json") == listing


def test_only_changed_files_are_hashed_again(data, hashed):
    first = run(data)
    assert hashed == ["a.wav", "b.wav", "c.wav"]
    assert run(data) == first
    assert len(hashed) == 3
    path = data / "db" / "wav" / "b.wav"
    os.utime(path)
    assert run(data) == first
    assert hashed[3:] == ["b.wav"]
    run(data)
    assert len(hashed) == 4


def test_same_size_and_mtime_with_other_content(data, hashed):
    first = run(data)
    path = data / "db" / "wav" / "b.wav"
    path.write_bytes(b"x" * 1000)
    os.utime(path, ns=(10**18, 10**18))
    second = run(data)
    assert second.digests[1] == digest(path) != first.digests[1]
    assert second.audio_digest != first.audio_digest
    assert second.label_digest == first.label_digest


def test_a_file_changed_a_moment_ago_is_not_trusted(data, monkeypatch):
    monkeypatch.setattr(module, "_RACY", 10**12)
    run(data)
    cache = next((data / "cache" / "scans").iterdir())
    assert json.loads(cache.read_text())["stats"] == [None] * 3


def test_the_version_of_the_decoder_is_part_of_the_digest_of_what_it_decodes(data, monkeypatch):
    (data / "db" / "wav" / "a.wav").write_bytes(b"#!AMR\n" + bytes(100))
    found = {}
    for version in (None, "18.1.0", "18.2.0"):
        monkeypatch.setattr(module, "version_of", {"av": version}.get)
        for _ in range(2):
            found[version] = run(data)
    assert len({listing.digests[0] for listing in found.values()}) == 3
    assert len({listing.audio_digest for listing in found.values()}) == 3
    for listing in found.values():
        assert listing.digests[1:] == [digest(data / "db" / file) for file in listing.files[1:]]


def test_labels_change_the_label_digest_only(data, hashed):
    first = run(data)
    path = data / "db" / "x.csv"
    path.write_text(path.read_text().replace("happy", "angry"))
    second = run(data)
    assert second.label_digest != first.label_digest
    assert second.audio_digest == first.audio_digest
    path.write_text("file\nwav/c.wav\n")
    third = run(data)
    assert third.files == ["wav/c.wav"]
    assert third.digests == [first.digests[2]]
    assert len(hashed) == 3


def test_removed_and_restored_file(data):
    first = run(data)
    path = data / "db" / "wav" / "a.wav"
    path.rename(data / "aside")
    second = run(data)
    assert second.paths[0] is None and second.digests[0] is None
    assert second.audio_digest != first.audio_digest
    assert second.tried == [str(data / "db"), str(data)]
    (data / "aside").rename(path)
    assert run(data) == first


def test_places_in_their_order(data):
    for folder in ("db/audio/wav", "wav"):
        (data / folder).mkdir(parents=True)
    here = data / "wav" / "d.wav"
    here.write_bytes(b"cwd")
    (data / "db" / "x.csv").write_text(f"file\nwav/d.wav\n{data / 'db' / 'wav' / 'a.wav'}\n")
    relative = lambda listing: listing.paths[listing.files.index("wav/d.wav")]  # noqa: E731
    assert relative(run(data, audio_path="audio")) == str(here)
    beside = data / "db" / "wav" / "d.wav"
    beside.write_bytes(b"csv folder")
    assert relative(run(data, audio_path="audio", absolute_path=True)) == str(beside)
    audio = data / "db" / "audio" / "wav" / "d.wav"
    audio.write_bytes(b"audio path")
    listing = run(data, audio_path="audio")
    assert relative(listing) == str(audio)
    assert str(data / "db" / "wav" / "a.wav") in listing.paths
    assert run(data, audio_path=str(data / "db" / "audio")).digests == listing.digests


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"version": 1}', '{"version": 0}'])
def test_corrupt_cache_is_rebuilt(data, content):
    first = run(data)
    cache = next((data / "cache" / "scans").iterdir())
    cache.write_text(content)
    assert run(data) == first
    assert run(data) == first


def test_byte_order_mark_renamed_column_and_quotes(data):
    path = data / "db" / "x.csv"
    path.write_bytes('﻿"Path" ,emotion\n"wav/a.wav", "sad, very"\n'.encode())
    assert run(data, colnames={"Path": "file"}).files == ["wav/a.wav"]
    assert run(data, colnames={"file": "Path"}).files == ["wav/a.wav"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,emotion\na.wav,sad\n", "no column 'file' but name, emotion"),
        ("", "is empty"),
        ("file,emotion\nwav/a.wav,very, sad\n", "more cells than columns in line 2: quote"),
        ("file,emotion\nwav/a.wav,sad\n,sad\n", "names no file in row 2"),
        ('file,emotion\nwav/a.wav,"sad\nwav/b.wav,sad\n', "a quote in line 2 is never closed"),
        ('file,"emotion\nwav/a.wav,sad\n', "a quote in line 1 is never closed"),
        ("file,emotion,emotion\n", "two columns named emotion"),
        (b"file,emotion\nwav/a.wav,fr\xf6hlich\n", "is not UTF-8"),
    ],
)
def test_bad_csv(data, content, message):
    path = data / "db" / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message) as error:
        run(data)
    assert len(error.value.problems) == 1
    path.unlink()
    with pytest.raises(UserError, match="no CSV file"):
        run(data)


def test_emodb_as_csv_and_audformat(emodb, tmp_path):
    listings = [
        scan(
            {"name": "emodb", "type": kind, "path": str(path), "options": {}},
            cwd=tmp_path,
            cache=tmp_path,
        )
        for kind, path in (("csv", emodb / "emodb.csv"), ("audformat", emodb))
    ]
    assert len(listings[0].files) == 535
    assert listings[0].files == listings[1].files
    assert listings[0].digests == listings[1].digests
    assert listings[0].audio_digest == listings[1].audio_digest
    assert listings[0].label_digest != listings[1].label_digest
    assert listings[0].digests[7] == digest(emodb / listings[0].files[7])


def test_audformat_needs_no_pickle(tmp_path):
    (tmp_path / "db.yaml").write_text("name: x\ntables:\n  files: {type: filewise}\n")
    (tmp_path / "db.files.pkl").write_bytes(b"not read")
    database = {"name": "x", "type": "audformat", "path": str(tmp_path), "options": {}}
    with pytest.raises(UserError, match=r"db\.files\.pkl .*storage_format='csv'"):
        scan(database, cwd=tmp_path, cache=tmp_path / "cache")
    (tmp_path / "db.files.csv").write_text("file\na.wav\n")
    assert scan(database, cwd=tmp_path, cache=tmp_path / "cache").files == ["a.wav"]


def test_ten_thousand_files_are_listed_in_a_moment(tmp_path, monkeypatch):
    (tmp_path / "wav").mkdir()
    for i in range(10_000):
        (tmp_path / "wav" / f"{i}").write_bytes(b"%d" % i)
    (tmp_path / "x.csv").write_text("file\n" + "".join(f"wav/{i}\n" for i in range(10_000)))
    database = {"name": "x", "type": "csv", "path": str(tmp_path / "x.csv"), "options": {}}
    monkeypatch.setattr(module, "_RACY", 0)
    scan(database, cwd=tmp_path, cache=tmp_path)
    seconds = []
    for _ in range(5):
        started = time.process_time()
        scan(database, cwd=tmp_path, cache=tmp_path)
        seconds.append(time.process_time() - started)
    # 0.07 s on the machine where this was written; a slow one gets its share.
    assert min(seconds) < 0.2


def test_progress_and_interim_results(data, monkeypatch, capsys):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    run(data)
    assert "x: read 3 of 3 audio files" in capsys.readouterr().err
