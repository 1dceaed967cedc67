"""What files without a key in their name hold is known by content: times decide nothing."""

import json
import os
import shutil
import time

import pytest

from izwi.engine import stamps
from izwi.engine.plan import Unit, outputs_of

DAY = 86400


def unit_in(results, key="k1", **spec):
    """The folder of an experiment, with a copy of a file of another stage."""
    outputs = outputs_of("experiment", str(results), name="x")
    copy = str(results / "experiments" / "x" / "explain" / "shap.csv")
    return Unit("experiment", key, "x", {"copies": {copy: "elsewhere"}, **spec}, {}, outputs)


@pytest.fixture
def made(tmp_path):
    """A unit whose files were just made."""
    unit = unit_in(tmp_path / "results")
    for number, path in enumerate(unit.files):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(f"content {number}")
    stamps.write(unit)
    assert stamps.holds(unit)
    return unit


def test_it_is_made_for_one_key(made, tmp_path):
    assert stamps.key_in(made.outputs["metrics"]) == "k1"
    other = unit_in(tmp_path / "results", key="k2")
    assert not stamps.holds(other)
    stamps.write(other)
    assert stamps.holds(other) and not stamps.holds(made)
    stamps.remove(made)
    assert not stamps.holds(other) and stamps.key_in(made.outputs["metrics"]) is None
    stamps.remove(made)


@pytest.mark.parametrize("shift", [-1, 1, -400 * DAY, 400 * DAY, 0.001])
def test_clocks_that_go_ahead_or_behind_change_nothing(made, shift):
    for path in made.files:
        moment = time.time() + shift
        os.utime(path, (moment, moment))
    assert stamps.holds(made)
    # The stamp itself is as old as its file.
    os.utime(stamps.stamp_of(made.files[0]), (0, 0))
    assert stamps.holds(made)


def test_every_file_counts(made):
    for path in made.files:
        with open(path, encoding="utf-8") as stream:
            content = stream.read()
        for other in (content.swapcase(), content + "\n", content[:-1], ""):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(other)
            # An hour later, since a clock may be too coarse to tell two writes apart.
            os.utime(path, (time.time() + 3600,) * 2)
            assert not stamps.holds(made), (path, other)
        os.unlink(path)
        assert not stamps.holds(made), path
        os.mkdir(path)
        assert not stamps.holds(made), path
        os.rmdir(path)
        # Back again: content counts, not when it was written.
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(content)
        assert stamps.holds(made), path


@pytest.mark.parametrize("keep_times", [True, False])
def test_a_copy_of_the_folder_is_as_good(made, tmp_path, keep_times):
    copy = shutil.copy2 if keep_times else shutil.copyfile
    shutil.copytree(tmp_path / "results", tmp_path / "b" / "moved", copy_function=copy)
    there = unit_in(tmp_path / "b" / "moved")
    assert stamps.holds(there)
    shutil.rmtree(tmp_path / "results")
    assert stamps.holds(there) and not stamps.holds(made)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b'{"key": "k1"}', b"\xff", b"\0" * 100, b'"k1"', b"7"]
)
def test_a_stamp_that_is_none_holds_for_nothing(made, content):
    path = stamps.stamp_of(made.files[0])
    with open(path, "wb") as stream:
        stream.write(content)
    assert not stamps.holds(made)
    assert stamps.key_in(made.files[0]) in (None, "k1")
    stamps.write(made)
    assert stamps.holds(made)


@pytest.mark.parametrize("about", [None, [], [1, 2], "abc", {}, [1, 2, 3, 4]])
def test_a_stamp_with_odd_files_holds_for_nothing(made, about):
    path = stamps.stamp_of(made.files[0])
    with open(path, encoding="utf-8") as stream:
        stamp = json.load(stream)
    stamp["files"] = dict.fromkeys(stamp["files"], about)
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(stamp, stream)
    assert not stamps.holds(made)


def test_a_file_that_the_stamp_does_not_know_is_not_made(made, tmp_path):
    more = str(tmp_path / "results" / "experiments" / "x" / "soft_labels.csv")
    unit = unit_in(tmp_path / "results", copies={**made.spec["copies"], more: "elsewhere"})
    assert not stamps.holds(unit)
    with open(more, "w", encoding="utf-8") as stream:
        stream.write("file")
    assert not stamps.holds(unit)
