from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from izwi.engine.planner import make_plan
from izwi.errors import UserError
from izwi.features import store as store_module
from izwi.features.store import MANY_PARTS, Store, keys_in
from izwi.files import check_cache_settings

COLUMNS = ["a", "b", "c"]


def keys(first: int, stop: int) -> list[tuple[str, int, int]]:
    return [(f"digest{number}", 0, -1) for number in range(first, stop)]


def vectors(first: int, stop: int, dtype=np.float32) -> list[np.ndarray]:
    return [np.array([n, n / 3, np.nan], dtype=dtype) for n in range(first, stop)]


def put(folder: Path, first: int, stop: int, **options) -> None:
    store = Store(folder, COLUMNS, **options)
    store.add(keys(first, stop), vectors(first, stop))
    store.flush()


@contextmanager
def simple_atomic(path: Path) -> Iterator[Path]:
    """Without the deletion of its temporary file."""
    temporary = path.with_name(f".{path.name}")
    yield temporary
    temporary.replace(path)


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_come_back_bit_by_bit(tmp_path, dtype):
    store = Store(tmp_path / "new", COLUMNS)
    assert store.missing(keys(0, 3)) == keys(0, 3)
    store.add(keys(0, 10), vectors(0, 10, dtype))
    store.flush()
    values, lost = Store(tmp_path / "new", COLUMNS).read([*keys(7, 9), *keys(2, 4), *keys(7, 8)])
    assert values.dtype == dtype
    assert lost == []
    expected = np.stack(vectors(0, 10, dtype))[[7, 8, 2, 3, 7]]
    np.testing.assert_array_equal(values, expected)


def test_missing_keeps_order_and_names_each_once(tmp_path):
    put(tmp_path, 0, 5)
    wanted = [*keys(8, 10), *keys(3, 6), *keys(8, 9)]
    assert Store(tmp_path, COLUMNS).missing(wanted) == [*keys(8, 10), *keys(5, 6)]
    values, lost = Store(tmp_path, COLUMNS).read(keys(4, 6))
    assert lost == keys(5, 6)
    assert np.isnan(values[1]).all()


def test_parts_of_a_file_are_rows_of_their_own(tmp_path):
    store = Store(tmp_path, COLUMNS)
    store.add([("d", 0, -1), ("d", 0, 5), ("d", 5, -1)], vectors(0, 3))
    store.flush()
    assert store.missing([("d", 0, 6), ("d", 5, -1)]) == [("d", 0, 6)]
    assert store.read([("d", 5, -1)])[0][0, 0] == 2


def test_flush_every_two_seconds(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(store_module.time, "monotonic", lambda: now)
    store = Store(tmp_path, COLUMNS)
    store.add(keys(0, 1), vectors(0, 1))
    assert parts(tmp_path) == []
    now = 102.5
    store.add(keys(1, 2), vectors(1, 2))
    assert len(parts(tmp_path)) == 1
    assert store.missing(keys(0, 3)) == keys(2, 3)


def test_readable_by_pandas(tmp_path):
    put(tmp_path, 3, 5)
    frame = pd.read_parquet(parts(tmp_path)[0])
    assert frame["digest"].tolist() == ["digest3", "digest4"]
    np.testing.assert_array_equal(np.stack(frame["values"]), np.stack(vectors(3, 5)))


def test_temporary_files_are_no_parts(tmp_path):
    put(tmp_path, 0, 2)
    (tmp_path / ".part-1-unfinished.parquet").write_bytes(b"half a part")
    assert Store(tmp_path, COLUMNS).missing(keys(0, 3)) == keys(2, 3)


def test_the_first_of_two_equal_rows_wins(tmp_path):
    put(tmp_path, 0, 2)
    other = Store(tmp_path, COLUMNS)
    other.add(keys(1, 3), [v + 100 for v in vectors(1, 3)])
    other.flush()
    assert Store(tmp_path, COLUMNS).read(keys(0, 3))[0][:, 0].tolist() == [0, 1, 102]


def damage(kind: str, path: Path) -> None:
    raw = bytearray(path.read_bytes())
    if kind == "cut":
        raw = raw[: len(raw) // 2]
    elif kind == "empty":
        raw = bytearray()
    elif kind == "value":
        # The first bytes behind the magic are of the first column, the values come last.
        raw = raw.replace(np.float32(1.0).tobytes(), np.float32(2.0).tobytes())
    else:
        raw[10:14] = b"????"
    path.write_bytes(raw)


@pytest.mark.parametrize("kind", ["cut", "empty", "page", "value"])
def test_damaged_part_is_set_aside_and_told(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(store_module, "COMPRESSION", "none")
    put(tmp_path, 0, 2)
    put(tmp_path, 2, 4)
    damage(kind, parts(tmp_path)[0])
    said: list[str] = []
    store = Store(tmp_path, COLUMNS, said.append)
    values, lost = store.read(keys(0, 4))
    assert lost == keys(0, 2)
    np.testing.assert_array_equal(values[2:], np.stack(vectors(2, 4)))
    assert store.missing(keys(0, 4)) == keys(0, 2)
    assert len(said) == 1
    assert "damaged" in said[0]
    assert len(parts(tmp_path)) == 1
    assert len(list(tmp_path.glob("damaged-*"))) == 1


def test_part_with_other_features_is_set_aside(tmp_path):
    put(tmp_path, 0, 2)
    said: list[str] = []
    assert Store(tmp_path, ["x", "y", "z"], said.append).missing(keys(0, 1)) == keys(0, 1)
    assert "other features" in said[0]


def test_merge(tmp_path):
    for number in range(70):
        put(tmp_path, number, number + 2)
    store = Store(tmp_path, COLUMNS)
    abandoned = tmp_path / ".part-old.parquet"
    recent = tmp_path / ".part-new.parquet"
    abandoned.touch()
    recent.touch()
    os.utime(abandoned, (0, 0))
    store.merge()
    assert len(parts(tmp_path)) == 1
    assert not abandoned.exists()
    assert recent.exists()
    frame = pd.read_parquet(parts(tmp_path)[0])
    assert len(frame) == 71
    assert frame["digest"].is_unique
    values, lost = store.read(keys(0, 71))
    assert lost == []
    np.testing.assert_array_equal(values, np.stack(vectors(0, 71)))
    store.merge()
    assert len(parts(tmp_path)) == 1


def test_parts_that_hold_the_same_rows_are_merged(tmp_path):
    for _ in range(MANY_PARTS + 1):
        put(tmp_path, 0, 2)
    # Rows of which none is left do not become a row group.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "ROW_GROUP", 1)
        Store(tmp_path, COLUMNS).merge()
    assert len(parts(tmp_path)) == 1
    assert len(pd.read_parquet(parts(tmp_path)[0])) == 2


def test_one_process_merges_at_a_time(tmp_path):
    for number in range(MANY_PARTS + 1):
        put(tmp_path, number, number + 1)
    before = parts(tmp_path)
    code = f"""
import fcntl, sys
stream = open({str(tmp_path / store_module.LOCK)!r}, "w")
fcntl.flock(stream, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "held\n"
        Store(tmp_path, COLUMNS).merge()
        assert parts(tmp_path) == before
    finally:
        # A killed process holds no lock.
        other.kill()
        other.communicate()
    Store(tmp_path, COLUMNS).merge()
    assert len(parts(tmp_path)) == 1
    assert Store(tmp_path, COLUMNS).missing(keys(0, MANY_PARTS + 1)) == []


def test_a_merge_that_was_killed_leaves_rows_once(tmp_path, monkeypatch):
    for number in range(MANY_PARTS + 1):
        put(tmp_path, number, number + 1)

    def killed(path, **_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        patch.setattr(store_module, "atomic", simple_atomic)
        with pytest.raises(KeyboardInterrupt):
            Store(tmp_path, COLUMNS).merge()
    assert len(parts(tmp_path)) == MANY_PARTS + 2
    Store(tmp_path, COLUMNS).merge()
    (part,) = parts(tmp_path)
    assert len(pd.read_parquet(part)) == MANY_PARTS + 1


def test_few_parts_are_not_merged(tmp_path):
    for number in range(5):
        put(tmp_path, number, number + 1)
    Store(tmp_path, COLUMNS).merge()
    assert len(parts(tmp_path)) == 5


def test_merge_leaves_rows_of_a_damaged_part_out(tmp_path):
    for number in range(70):
        put(tmp_path, number, number + 1)
    damage("cut", parts(tmp_path)[3])
    store = Store(tmp_path, COLUMNS)
    store.merge()
    assert len(parts(tmp_path)) == 1
    assert store.missing(keys(0, 70)) == keys(3, 4)


def test_a_merge_while_reading_loses_nothing(tmp_path, monkeypatch):
    for number in range(70):
        put(tmp_path, number, number + 1)
    reader = Store(tmp_path, COLUMNS)
    listed = reader._parts

    def parts_then_merge(folder: Path) -> list[Path]:
        found = listed(folder)
        monkeypatch.setattr(reader, "_parts", listed)
        Store(tmp_path, COLUMNS).merge()
        return found

    monkeypatch.setattr(reader, "_parts", parts_then_merge)
    assert reader.missing(keys(0, 72)) == keys(70, 72)


def test_a_long_run_keeps_its_parts_few(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "FLUSH_SECONDS", 0)
    store = Store(tmp_path, COLUMNS)
    for number in range(300):
        store.add(keys(number, number + 1), vectors(number, number + 1))
    assert len(parts(tmp_path)) <= 65 + 4
    assert Store(tmp_path, COLUMNS).missing(keys(0, 301)) == keys(300, 301)


def test_a_disk_error_is_no_damage(tmp_path, monkeypatch):
    put(tmp_path, 0, 1)

    def fail(*args, **kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pyarrow.parquet.ParquetFile", fail)
    with pytest.raises(OSError, match="Input/output"):
        Store(tmp_path, COLUMNS).missing(keys(0, 1))
    assert len(parts(tmp_path)) == 1


def test_a_part_that_may_not_be_read_is_told_and_stays(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    put(tmp_path, 0, 3)
    put(tmp_path, 3, 6)
    (closed, _) = parts(tmp_path)
    real = pq.ParquetFile

    def opened(path, *rest, **more):
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(pq, "ParquetFile", opened)
    said = []
    store = Store(tmp_path, COLUMNS, said.append)
    assert store.missing(keys(0, 6)) == keys(0, 3)
    assert store.read(keys(0, 6))[1] == keys(0, 3)
    (line,) = said
    assert f"{closed} cannot be read (Permission denied)" in line and "cannot write" not in line
    assert closed.exists()
    store.add(keys(0, 3), vectors(0, 3))
    store.flush()
    assert store.read(keys(0, 6))[1] == []


def test_a_disk_that_fails_is_no_missing_right(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    put(tmp_path, 0, 3)

    def failing(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(pq, "ParquetFile", failing)
    with pytest.raises(OSError, match="Input/output"):
        Store(tmp_path, COLUMNS).missing(keys(0, 3))


def test_what_others_put_into_a_cache_is_not_read_where_the_user_says_so(tmp_path, monkeypatch):
    put(tmp_path, 0, 3)
    said = []
    store = Store(tmp_path, COLUMNS, said.append)
    monkeypatch.setenv("IZWI_CACHE", "own")
    assert store.missing(keys(0, 3)) == []
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    assert store.missing(keys(0, 3)) == keys(0, 3)
    assert store.read(keys(0, 3))[1] == keys(0, 3)
    (line,) = said
    assert "parts of other users are not read: 1 " in line
    monkeypatch.delenv("IZWI_CACHE")
    assert store.missing(keys(0, 3)) == []


def test_a_cache_that_is_read_alone(tmp_path, monkeypatch):
    shared = tmp_path / "shared" / "features" / "set-1"
    own = tmp_path / "own" / "features" / "set-1"
    put(shared, 0, 3)
    (part,) = parts(shared)
    before = part.read_bytes()
    store = Store(own, COLUMNS)
    assert store.missing(keys(0, 5)) == keys(0, 5)
    monkeypatch.setenv("IZWI_CACHE_READ", str(tmp_path / "shared"))
    check_cache_settings()
    assert store.missing(keys(0, 5)) == keys(3, 5) and keys_in(own) == set(keys(0, 3))
    store.add(keys(3, 5), vectors(3, 5))
    store.flush()
    found, lost = store.read(keys(0, 5))
    np.testing.assert_array_equal(found, np.stack(list(vectors(0, 5))))
    assert lost == [] and len(parts(own)) == 1
    # Nothing in it changes, not even what is damaged; it is told once.
    for _ in range(MANY_PARTS + 1):
        store.add(keys(5, 6), vectors(5, 6))
        store.flush()
    assert parts(shared) == [part] and part.read_bytes() == before
    part.write_bytes(b"x")
    said: list[str] = []
    store = Store(own, COLUMNS, said.append)
    assert store.missing(keys(0, 5)) == keys(0, 3) == store.missing(keys(0, 3))
    assert parts(shared) == [part] and len(said) == 1 and "damaged, its rows" in said[0]


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("IZWI_CACHE", "Own", "the only value is own"),
        ("IZWI_CACHE", "1", "the only value is own"),
        ("IZWI_CACHE_READ", "/nowhere", "/nowhere is no cache"),
    ],
)
def test_a_slip_in_what_is_trusted_is_told(monkeypatch, name, value, told):
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=told):
        make_plan([], "results", "cache", cwd=Path())


def test_a_damaged_part_of_another_user_stays_and_is_told_once(tmp_path, monkeypatch):
    put(tmp_path, 0, 3)
    (part,) = parts(tmp_path)
    part.write_bytes(b"x")

    def refused(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", refused)
    said = []
    store = Store(tmp_path, COLUMNS, said.append)
    assert store.missing(keys(0, 3)) == keys(0, 3) == store.missing(keys(0, 3))
    assert len(said) == 1 and "damaged" in said[0]


AS_USER = """
import os, sys, tempfile
import numpy as np, pyarrow.parquet
from pathlib import Path
from izwi.features.store import MANY_PARTS, Store, keys_in
from izwi.files import check_cache_settings
folder, user, mask, value = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3], 8), sys.argv[4]
keys = [("digest", 0, -1)]
with tempfile.TemporaryDirectory() as other:
    # All modules are loaded while Python itself may be read.
    store = Store(Path(other), ["a"], print)
    store.add(keys, [np.ones(1, dtype="float32")])
    store.flush()
    store.read(keys)
os.umask(mask)
os.setgroups([])
os.setgid(user)
os.setuid(user)
store = Store(folder, ["a"], print)
if store.missing(keys):
    store.add(keys, [np.array([value], dtype="float32")])
    store.flush()
print(store.read(keys)[0][0, 0])
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")
def test_a_cache_of_two_accounts():
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "cache"
        folder.mkdir()
        for shared in (Path(place), folder):
            shared.chmod(0o777)

        def user(number, mask, value, **more):
            done = subprocess.run(
                [sys.executable, "-c", AS_USER, folder, str(number), mask, value],
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **more},
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout.splitlines()

        assert user(12345, "077", "1") == ["1.0"]
        told, value = user(12346, "022", "2")
        assert "cannot be read (Permission denied)" in told and value == "2.0"
        # The third could read the part of the second, and is told that it does not.
        assert user(12347, "022", "3", IZWI_CACHE="own")[-1] == "3.0"
        assert user(12348, "022", "4")[-1] == "2.0"
