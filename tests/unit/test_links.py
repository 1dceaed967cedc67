"""Links in results and cache that lead out: nothing is written, emptied or deleted through them."""

from __future__ import annotations

import os

import pytest

from izwi import files
from izwi.data import scan
from izwi.data.databases import demo
from izwi.engine import job, lock, pruning
from izwi.engine.plan import Plan, Unit
from izwi.errors import UserError
from izwi.stages import database


@pytest.fixture
def place(tmp_path):
    """Folders of results and cache, each a link itself, and the user's own folder beside them."""
    for name in ("results", "cache"):
        (tmp_path / "disk" / name).mkdir(parents=True)
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    (tmp_path / "own" / "deep").mkdir(parents=True)
    for file in ("own/metrics.json", "own/lock", "own/deep/metrics.json"):
        (tmp_path / file).write_text("mine")
    return tmp_path


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def plan_of(place, *units):
    plan = Plan(str(place / "results"), str(place / "cache"))
    for unit in units:
        plan.units[unit.stage][unit.key] = unit
    return plan


def unit_of(place, stage, **outputs):
    outputs = {role: str(place / "results" / path) for role, path in outputs.items()}
    return Unit(stage, "0123456789ab", "x", {}, {}, outputs)


WRITERS = {
    "atomic": lambda path: files.write_json(path, 1),
    "folder": lambda path: files.atomic_folder(path).__enter__(),
    "scratch": lambda path: files.write_scratch(str(path), 1),
    "changed": lambda path: files.write_if_changed(str(path), 1),
    "listing": lambda path: scan.Listing("x", "", [], [], [], "").save(path),
    "log": lambda path: job.Job(Plan("results", "cache"), 1, str(path)),
    "exclusive": lambda path: lock.exclusive(str(path)).__enter__(),
    "delete": lambda path: pruning.delete([pruning.Unused("x", path, 0)]),
}


@pytest.mark.parametrize("root", ["results", "cache"])
@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_is_written_or_deleted_through_a_link_that_leads_out(place, writer, root):
    plan_of(place)
    before = contents(place / "own")
    (place / root / "a").mkdir()
    for link, target in (("out", "../../../own"), ("loop", "loop"), ("gone", place / "nowhere")):
        (place / root / "a" / link).symlink_to(target)
        for path in (f"{link}/metrics.json", f"{link}/deep/metrics.json"):
            with pytest.raises(UserError) as caught:
                WRITERS[writer](place / root / "a" / path)
            (problem,) = caught.value.problems
            assert f"{root}/a/{link} is a link that leads to" in problem
    assert contents(place / "own") == before and not (place / "nowhere").exists()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_link_in_the_place_of_a_file_goes_and_what_it_leads_to_stays(place, writer):
    plan_of(place)
    before = contents(place / "own")
    for name in ("metrics.json", "deep"):
        target = place / "results" / "target"
        target.symlink_to(place / "own" / name)
        try:
            WRITERS[writer](target)
        except IsADirectoryError:
            assert name == "deep"
        assert contents(place / "own") == before
        if target.is_symlink() or target.is_file():
            target.unlink()


def test_results_that_are_a_link_and_links_within_them_stay_allowed(place):
    plan_of(place)
    (place / "results" / "models").mkdir()
    (place / "results" / "again").symlink_to("models")
    # A cache within results may lie on another disk.
    (place / "results" / "cache").symlink_to(place / "own")
    Plan(str(place / "results"), str(place / "results" / "cache"))
    for path in ("metrics.json", "again/metrics.json", "cache/scans/new.json"):
        files.write_json(place / "results" / path, 1)
    assert (place / "disk/results/models/metrics.json").read_text() == "1\n"
    # Nothing is known of folders that are neither.
    (place / "elsewhere").symlink_to("own")
    files.write_json(place / "elsewhere" / "new.json", 1)


def test_the_lock_empties_no_file_of_the_user(place):
    (place / "results" / "plans").mkdir()
    (place / "results" / "plans" / "lock").symlink_to(place / "own" / "lock")
    assert lock.hold(str(place / "results"))
    lock.release(str(place / "results"))
    assert (place / "own" / "lock").read_text() == "mine"


@pytest.mark.parametrize(
    "link",
    [
        *("experiments", "experiments/x", "experiments/x/plots", "experiments/x/explain"),
        *("experiments/x/.keys", "models", "models/m-0123456789ab", "logs", "logs/train"),
        *("benchmarks/train", "plans", "plans/problems"),
    ],
)
def test_links_are_told_before_work_starts(place, link):
    units = [
        unit_of(place, "experiment", metrics="experiments/x/metrics.json"),
        unit_of(place, "train", report="models/m-0123456789ab/training.json"),
    ]
    assert plan_of(place, *units).links_out() == []
    (place / "results" / link).parent.mkdir(parents=True, exist_ok=True)
    (place / "results" / link).symlink_to(place / "own")
    (place / "cache" / "scans").symlink_to(place / "own")
    in_cache, in_results = plan_of(place, *units).links_out()
    assert in_cache.startswith(f"{place}/cache/scans is a link that leads to {place}/own: ")
    assert in_results.startswith(f"{place}/results/{link} is a link that leads to {place}/own: ")


def test_a_folder_of_a_database_is_cleared_of_links(place, monkeypatch):
    unit = unit_of(place, "database", header="databases/demo-0123456789ab/done.json")
    unit.spec["type"] = "demo"
    folder = place / "results" / "databases" / "demo-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "wav").symlink_to(place / "own")
    (folder / "demo.csv").symlink_to(place / "own" / "metrics.json")
    before = contents(place / "own")

    def synthesise(folder):
        (folder / "wav").mkdir(parents=True, exist_ok=True)
        (folder / "wav" / "metrics.json").write_text("new")
        (folder / "demo.csv").write_text("new")

    monkeypatch.setattr(demo, "synthesise", synthesise)
    database.run(unit, job.Job(plan_of(place, unit)))
    assert contents(place / "own") == before
    assert os.path.isfile(folder / "wav" / "metrics.json")
