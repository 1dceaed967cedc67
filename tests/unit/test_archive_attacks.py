"""Records of strangers' archives: whatever they name, nothing is read or written elsewhere."""

import copy
import json
import re
import stat
import struct
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from archives import snapshot, write

from izwi import untrusted
from izwi.errors import UserError
from izwi.reporting import archive_record, archive_zip, verify
from izwi.reporting.texts import FILES

KEY = "0123456789ab"
TEXTS = {
    "methods": "methods.md",
    "references": "references.bib",
    "table1_md": "table1.md",
    "table1_tex": "table1.tex",
    "model_card": "model_card.md",
    "citation": "CITATION.cff",
}
OUTSIDE = ("outside", "untouched")


def minimal():
    """A record with a unit of each stage."""
    table, split, model = f"labels/d-{KEY}", f"splits/d-{KEY}", f"models/svm-{KEY}"
    shared = {
        "tables": [f"results/{table}.parquet"],
        "table_reports": [f"results/{table}.json"],
        "split_report": f"results/{split}.json",
    }
    units = [
        {
            "stage": "describe",
            "label": "d",
            "spec": {"loads": [KEY], "names": ["d"]},
            "inputs": {
                **shared,
                "split": f"results/{split}.parquet",
                "seconds": f"results/descriptions/d-{KEY}.parquet",
            },
            "outputs": {"description": f"results/descriptions/d-{KEY}.json"},
        },
        {
            "stage": "ensemble",
            "label": "e",
            "spec": {"task": "classification", "method": "mean", "members": ["x"]},
            "inputs": {
                "predictions": [f"results/{model}/predictions.parquet"],
                "training": [f"results/{model}/training.json"],
                "inner": [f"results/inner/svm-{KEY}/predictions.parquet"],
                "inner_reports": [f"results/inner/svm-{KEY}/inner.json"],
                "split_report": f"results/{split}.json",
            },
            "outputs": {
                "predictions": f"results/ensembles/mean-{KEY}/predictions.parquet",
                "report": f"results/ensembles/mean-{KEY}/training.json",
            },
        },
        {
            "stage": "member_tests",
            "label": "e",
            "spec": {"task": "classification", "members": ["x"]},
            "inputs": {
                "ensemble": f"results/ensembles/mean-{KEY}/predictions.parquet",
                "members": [f"results/{model}/predictions.parquet"],
                "split_report": f"results/{split}.json",
            },
            "outputs": {"tests": f"results/ensembles/tests/{KEY}.json"},
        },
        {
            "stage": "evaluate",
            "label": "x",
            "spec": {"task": "classification", "target": "t", "measure": "uar", "seed": 1},
            "inputs": {
                **shared,
                "split": f"results/{split}.parquet",
                "predictions": f"results/{model}/predictions.parquet",
                "training": f"results/{model}/training.json",
                "feature_reports": [f"results/features/d-{KEY}/os-{KEY}.json"],
                "audit": [],
            },
            "outputs": {
                "metrics": f"results/evaluations/{KEY}/metrics.json",
                "predictions": f"results/evaluations/{KEY}/predictions.csv",
            },
        },
        {
            "stage": "experiment",
            "label": "x",
            "spec": {"name": "x", "control": None, "record": {}},
            "inputs": {
                "metrics": f"results/evaluations/{KEY}/metrics.json",
                "predictions": f"results/evaluations/{KEY}/predictions.csv",
                "training": f"results/{model}/training.json",
                "description": f"results/descriptions/d-{KEY}.json",
            },
            "outputs": {
                "metrics": "results/experiments/x/metrics.json",
                "predictions": "results/experiments/x/predictions.csv",
                "record": "results/experiments/x/experiment.json",
                **{role: f"results/experiments/x/{file}" for role, file in TEXTS.items()},
            },
        },
        {
            "stage": "summary",
            "label": "all_experiments",
            "spec": {"config": "c", "experiments": ["x"], "controls": []},
            "inputs": {
                "metrics": ["results/experiments/x/metrics.json"],
                "records": ["results/experiments/x/experiment.json"],
            },
            "outputs": {"summary": "results/summaries/c.csv"},
        },
        {
            "stage": "grid",
            "label": "g",
            "spec": {
                "name": "g",
                "config": "c",
                "axes": [],
                "members": [{"name": "x"}],
                "formats": [],
            },
            "inputs": {
                "metrics": ["results/experiments/x/metrics.json"],
            },
            "outputs": {
                "table": "results/grids/c/g/table.csv",
                "markdown": "results/grids/c/g/table.md",
                "cells": "results/plans/cells/grids/c/g.json",
            },
        },
        {
            "stage": "table",
            "label": "t",
            "spec": {"name": "t", "config": "c", "experiments": ["x"], "formats": []},
            "inputs": {
                "metrics": ["results/experiments/x/metrics.json"],
                "predictions": [f"results/{model}/predictions.parquet"],
            },
            "outputs": {
                **{ending: f"results/tables/c/t.{ending}" for ending in ("csv", "md", "tex")},
                "tests": "results/plans/tables/c/t-tests.json",
                "cells": "results/plans/cells/tables/c/t.json",
            },
        },
        {
            "stage": "comparisons",
            "label": "comparisons",
            "spec": {"config": "c"},
            "inputs": {"tables": ["results/plans/tables/c/t-tests.json"]},
            "outputs": {"comparisons": "results/tables/c/comparisons.csv"},
        },
        {
            "stage": "robustness",
            "label": "x",
            "spec": {"task": "classification", "measure": "uar", "seed": 1, "makers": {}},
            "inputs": {
                "predictions": f"results/degraded_predictions/svm-{KEY}/predictions.parquet",
                "report": f"results/degraded_predictions/svm-{KEY}/report.json",
            },
            "outputs": {
                "result": f"results/robustness/{KEY}.json",
                "table": f"results/robustness/{KEY}.csv",
            },
        },
    ]
    tables = [table, split, f"descriptions/d-{KEY}", f"{model}/predictions"]
    tables.append(f"inner/svm-{KEY}/predictions")
    tables.append(f"degraded_predictions/svm-{KEY}/predictions")
    return {
        "format": 3,
        "izwi": "0.1.0",
        "schemas": {f"results/{name}.parquet": {"a": ["str", ""]} for name in tables},
        "units": [{**unit, "key": KEY} for unit in units],
    }


def read(index, names=("README.txt",)):
    return archive_record.read_record(json.dumps(index).encode(), names)


def refused(index, words=""):
    """The record is refused by one line, which is found by some words."""
    with pytest.raises(UserError, match=words) as error:
        read(index)
    (line,) = error.value.problems
    assert line.isprintable() and len(line) < 600
    return line


def test_a_record_as_izwi_writes_it_is_read():
    assert set(TEXTS.values()) == set(FILES)
    record = read(minimal())
    assert [unit.stage for unit in record.units] == list(archive_record.STAGES)
    assert not record.given & set(record.made)
    # In whatever order the units stand.
    index = minimal()
    index["units"].reverse()
    assert [unit.stage for unit in read(index).units] == list(archive_record.STAGES)


NAMES = (
    "/etc/passwd",
    "//etc/passwd",
    "../outside",
    "results/../../outside",
    "results/tables/../../../outside",
    "results/./summary.csv",
    "results//summary.csv",
    "results/",
    "results\\..\\..\\outside",
    "C:\\Windows\\x",
    "C:x",
    "file:///etc/passwd",
    "~/x\0",
    "results/summary.csv.",
    "results/summary.csv ",
    "results. /x",
    "results/x\0.json",
    "results/x\n.json",
    "results/\u202egnp.json",
    "",
    ".",
    "..",
    "results/" + "a" * 300,
    "a/" * 600 + "a",
    "ä" * 200,
    "results/\ud800.json",
    "archive.json",
    "results/summary.csv/../../x",
    7,
    None,
    True,
    ["results/x"],
    {"path": "results/x"},
)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:40])
def test_no_role_takes_another_name(name):
    """In each place of the record where a name stands."""
    for number, unit in enumerate(minimal()["units"]):
        for part in ("inputs", "outputs"):
            for role, value in unit[part].items():
                index = minimal()
                index["units"][number][part][role] = [name] if isinstance(value, list) else name
                refused(index)
                if isinstance(value, list):
                    index["units"][number][part][role] = [*value, name]
                    refused(index)
                    index["units"][number][part][role] = name
                    refused(index)
    index = minimal()
    if isinstance(name, str):
        index["schemas"][name] = {"a": ["str", ""]}
        refused(index)
    for number, unit in enumerate(minimal()["units"]):
        if unit["stage"] in ("experiment", "grid", "table"):
            index = minimal()
            index["units"][number]["label"] = name
            refused(index)


def test_names_of_other_places_of_the_results_are_no_better():
    """A name may be plain and still be that of another role, unit or stage."""
    every = {
        name
        for unit in minimal()["units"]
        for part in ("inputs", "outputs")
        for value in unit[part].values()
        for name in ([value] if isinstance(value, str) else value)
    } | {"results/x.json", "results/experiments/x/more.json", "README.txt", "inis/x.ini"}
    for number, unit in enumerate(minimal()["units"]):
        for part in ("inputs", "outputs"):
            for role, value in unit[part].items():
                for name in every - {value if isinstance(value, str) else None, *value}:
                    index = minimal()
                    index["units"][number][part][role] = [name] if isinstance(value, list) else name
                    refused(index)


def test_roles_and_stages_are_those_of_izwi():
    for stage in (
        "train",
        "load",
        "database",
        "verdict",
        "page",
        "plot",
        "heat_map",
        "features",
        "",
        "x",
        7,
        [],
    ):
        index = minimal()
        index["units"][2]["stage"] = stage
        refused(index, "is none of|key")
    for number, unit in enumerate(minimal()["units"]):
        for part in ("inputs", "outputs"):
            for role in ("link", "soft_labels", "store", "log", "png"):
                index = minimal()
                index["units"][number][part][role] = "results/x.csv"
                refused(index, f"role {role} is missing or not of this stage")
            for role in unit[part]:
                index = minimal()
                del index["units"][number][part][role]
                # Without a model an experiment has no training, its evaluation neither.
                refused(index, "is missing or not of this stage|not of the model that was")
    index = minimal()
    index["units"][0]["sources"] = ["/etc/passwd"]
    refused(index, "has other entries")
    for stage, formats in (("grid", ["png"]), ("table", ["../../x"])):
        index = minimal()
        unit = next(unit for unit in index["units"] if unit["stage"] == stage)
        unit["spec"]["formats"] = formats
        refused(index, "asks for pictures")


WRONG = (None, 7, 1.5, True, "x", "", [], {}, [[]], [None], {"a": 1}, float("inf"), 10**30)


def places(value, place=()):
    """Each place of a record."""
    yield place
    parts = value.items() if isinstance(value, dict) else ()
    for key, own in enumerate(value) if isinstance(value, list) else parts:
        yield from places(own, (*place, key))


def test_wrong_types_in_each_place_end_in_one_line_or_harm_nothing():
    whole = minimal()
    for place in places(whole):
        for wrong in (*WRONG, "missing"):
            index = copy.deepcopy(whole)
            if not place:
                index = wrong
            else:
                inner = index
                for key in place[:-1]:
                    inner = inner[key]
                if wrong == "missing":
                    inner.pop(place[-1])
                else:
                    inner[place[-1]] = wrong
            try:
                record = read(index)
            except UserError as error:
                (line,) = error.problems
                assert line.isprintable() and len(line) < 600
                continue
            # What may be anything: what a stage is asked for, and texts.
            assert all(untrusted.not_plain(name) == "" for name in (*record.given, *record.made)), (
                place,
                wrong,
            )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"format": 3}',
        b'{"format": true, "izwi": "1", "schemas": {}, "units": []}',
        b'{"format": 1, "izwi": "0.9", "schemas": {}, "units": []}',
        b'{"format": 3, "format": 3, "izwi": "1", "schemas": {}, "units": []}',
        b'{"format": 3, "izwi": "\\u001b[2J", "schemas": {}, "units": []}',
        b"[" * 10**6,
        b'{"a":' * 10**5,
        b"9" * 10**5,
    ],
    ids=lambda content: ascii(content[:20]),
)
def test_what_is_no_record_is_told_in_one_line(content, tmp_path):
    path = write(tmp_path / "x.zip", {"archive.json": content})
    with pytest.raises(UserError) as error:
        verify.verify(path)
    (line,) = error.value.problems
    assert str(path) in line and line.isprintable() and len(line) < 600


@pytest.mark.parametrize(
    ("kind", "fine"),
    [("float64", True), ("timedelta64[ns]", True), ("str", True), ("S999999999", False)]
    + [
        (kind, False)
        for kind in ("", "V8", "U9999999", "complex128", "period[D]", "<M8", "float128")
    ],
)
def test_types_of_columns_are_those_of_tables(kind, fine):
    index = minimal()
    name = next(iter(index["schemas"]))
    index["schemas"][name]["a"] = [kind, ""]
    if fine:
        read(index)
    else:
        refused(index, "is no type of a column")


# -------------------------------------------------------------- chains of units


def unit_of(index, stage):
    return next(unit for unit in index["units"] if unit["stage"] == stage)


def second(index, stage, **more):
    """The record with another unit of a stage."""
    index["units"].append({**copy.deepcopy(unit_of(index, stage)), **more})
    return index


def test_units_that_write_the_same_are_refused():
    for stage in archive_record.STAGES:
        refused(second(minimal(), stage), "have the key")
        if stage not in ("describe", "evaluate", "ensemble", "member_tests", "robustness"):
            refused(second(minimal(), stage, key="f" * 12), "two units write")


def test_names_that_are_one_on_some_computers_are_refused():
    for label in ("X", "t", "T"):
        index = minimal()
        other = json.loads(
            json.dumps(unit_of(index, "table"))
            .replace("/t.", f"/{label}.")
            .replace("/t-", f"/{label}-")
        )
        other |= {"label": label, "key": "f" * 12}
        other["spec"]["name"] = label
        index["units"].append(other)
        unit_of(index, "comparisons")["inputs"]["tables"].append(other["outputs"]["tests"])
        if label == "X":
            read(index)
        else:
            refused(index, "beside|two units write")
    for names in (
        ["a", "A"],
        ["a/b", "A/B"],
        ["a", "a/b"],
        ["A/b/c", "a"],
        ["\u00e9", "e\u0301"],
        ["ﬁ", "FI"],
        ["a", "a"],
    ):
        with pytest.raises(UserError):
            untrusted.check_names(names)


def test_figures_come_from_what_belongs_to_them():
    """A figure's inputs are those of one experiment, and a summary leaves nothing out."""
    other = "f" * 12
    with_two = second(minimal(), "evaluate", key=other)
    with_two["units"][-1]["outputs"] = {
        "metrics": f"results/evaluations/{other}/metrics.json",
        "predictions": f"results/evaluations/{other}/predictions.csv",
    }
    read(with_two)
    index = copy.deepcopy(with_two)
    unit_of(index, "experiment")["inputs"]["predictions"] = (
        f"results/evaluations/{other}/predictions.csv"
    )
    refused(index, "not of one evaluation")
    index = minimal()
    unit_of(index, "experiment")["inputs"]["training"] = f"results/models/a-{other}/training.json"
    refused(index, "training is not of the model")
    # Members of an ensemble are experiments of the archive, and its predictions are theirs.
    for name, words in (("y", "is no experiment of the archive"), (3, "has no members")):
        index = minimal()
        unit_of(index, "ensemble")["spec"]["members"] = [name]
        refused(index, words)
    index = minimal()
    elsewhere = [f"results/models/a-{other}/predictions.parquet"]
    unit_of(index, "ensemble")["inputs"]["predictions"] = elsewhere
    refused(index, "predictions are not those of all that it shows")
    index = minimal()
    unit_of(index, "member_tests")["spec"]["members"] = ["x", "x"]
    refused(index, "its members are not those of its ensemble")
    index = minimal()
    unit_of(index, "evaluate")["inputs"]["training"] = f"results/models/a-{other}/training.json"
    refused(index, "not of one model")
    index = minimal()
    unit_of(index, "evaluate")["inputs"]["split_report"] = f"results/splits/d-{other}.json"
    refused(index, "split_report of the description")
    index = minimal()
    unit_of(index, "evaluate")["inputs"]["split"] = f"results/splits/d-{other}.parquet"
    refused(index, "split of the description")
    index = minimal()
    unit_of(index, "describe")["inputs"]["split"] = f"results/splits/d-{other}.parquet"
    refused(index, "not of one split")
    index = minimal()
    unit_of(index, "evaluate")["inputs"]["tables"] = []
    refused(index, "not of the same tables")
    index = minimal()
    unit_of(index, "table")["inputs"]["predictions"] = [
        f"results/models/a-{other}/predictions.parquet"
    ]
    refused(index, "predictions are not those")
    index = minimal()
    unit_of(index, "summary")["inputs"] |= {"metrics": [], "records": []}
    refused(index, "not those of all that it shows")
    index = minimal()
    unit_of(index, "comparisons")["inputs"]["tables"] = []
    refused(index, "not those of all that it shows")
    for members in (None, [], [{"name": "y"}], ["x"], [{}]):
        index = minimal()
        unit_of(index, "grid")["spec"]["members"] = members
        refused(index, "its (members|experiments)")
    index = minimal()
    unit_of(index, "table")["spec"]["experiments"] = ["y"]
    refused(index, "its experiments are not those")
    index = minimal()
    unit_of(index, "experiment")["spec"]["name"] = "y"
    refused(index, "another name than its label")
    index = minimal()
    unit_of(index, "experiment")["spec"]["control"] = "majority"
    refused(index, "says that it is a control")


# ----------------------------------------------------------------------- zips


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """A folder beside the archive, which must stay as it is."""
    place = tmp_path / OUTSIDE[0]
    place.mkdir()
    (place / OUTSIDE[1]).write_text("untouched")
    monkeypatch.chdir(place)
    before = snapshot(tmp_path)
    yield place
    now = snapshot(tmp_path)
    assert {name: now[name] for name in before} == before
    assert all(name.endswith(".zip") for name in set(now) - set(before))


def entry(name, mode=0o100644):
    info = zipfile.ZipInfo("x")
    info.filename = name
    info.external_attr = mode << 16
    return info


def zip_of(path, entries, index=None):
    """A zip with entries as they are given, names and all."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive.json", json.dumps(index or minimal()))
        for info, content in entries:
            archive.writestr(info, content)
    return path


@pytest.mark.parametrize("name", [n for n in NAMES if isinstance(n, str) and n.isascii() and n])
def test_an_entry_with_such_a_name_is_refused(name, beside, tmp_path):
    if "\0" in name:
        return
    path = zip_of(tmp_path / "x.zip", [(entry(name), "x")])
    with pytest.raises(UserError) as error:
        verify.verify(path)
    assert len(error.value.problems) == 1


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(mode, beside, tmp_path):
    path = zip_of(tmp_path / "x.zip", [(entry("results/summary.csv", mode | 0o777), "/etc/passwd")])
    with pytest.raises(UserError, match="is no plain file"):
        verify.verify(path)


def test_an_entry_has_one_name(beside, tmp_path):
    # Behind a NUL, and for programs that know of Unicode names.
    path = zip_of(tmp_path / "x.zip", [(entry("results/a_b"), "x")])
    path.write_bytes(path.read_bytes().replace(b"results/a_b", b"results/a\0b"))
    with pytest.raises(UserError, match=r"has two names|no plain"):
        verify.verify(path)
    info = entry("results/a")
    other = b"results/summary.csv"
    info.extra = b"up" + struct.pack("<HBI", len(other) + 5, 1, 0) + other
    with pytest.raises(UserError, match="has two names"):
        verify.verify(zip_of(tmp_path / "y.zip", [(info, "x")]))
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zip_of(tmp_path / "z.zip", [(entry("results/a"), "x"), (entry("results/a"), "y")])
    with pytest.raises(UserError, match="twice"):
        verify.verify(path)


def test_a_zip_holds_what_its_list_names(beside, tmp_path):
    """Programs that do not read the list would unpack what else is there."""
    whole = zip_of(tmp_path / "whole.zip", [(entry("results/summary.csv"), "a")]).read_bytes()
    hidden = zip_of(tmp_path / "hidden.zip", [(entry("results/x.csv"), "x" * 50)]).read_bytes()
    for name, content in (
        ("before.zip", hidden[: hidden.index(b"PK\x01\x02")] + whole),
        ("twice.zip", hidden + whole),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=r"does not follow|none of its files"):
            verify.verify(tmp_path / name)


def test_an_archive_that_would_fill_the_memory_is_not_read(beside, tmp_path, monkeypatch):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive.json", json.dumps(minimal()))
        archive.writestr("results/summary.csv", bytes(100 * 2**20))

    def none_is_read(*_):
        raise AssertionError("read before its size was looked at")

    monkeypatch.setattr(zipfile.ZipFile, "open", none_is_read)
    with pytest.raises(UserError, match="would take 100 MB unpacked"):
        verify.verify(path)
    monkeypatch.setattr(archive_zip, "MOST_FILES", 1)
    with pytest.raises(UserError, match="holds 2 files"):
        verify.verify(path)


def test_sizes_that_are_not_true_are_found(beside, tmp_path):
    """A size in the list of the zip that is less, or more, than what comes out."""
    for told in (3, 2**31):
        path = tmp_path / f"{told}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive.json", json.dumps(minimal()))
            archive.writestr("results/summary.csv", bytes(10**6))
        raw = bytearray(path.read_bytes())
        listed = raw.rindex(b"PK\x01\x02")
        raw[listed + 24 : listed + 28] = struct.pack("<I", told)
        path.write_bytes(raw)
        with pytest.raises(UserError) as error:
            verify.verify(path)
        assert len(error.value.problems) == 1


def test_broken_zips_end_in_one_line(beside, tmp_path):
    whole = zip_of(tmp_path / "whole.zip", [(entry("results/summary.csv"), "a\n" * 100)])
    raw = whole.read_bytes()
    path = tmp_path / "broken.zip"
    for at in range(0, len(raw), 37):
        for broken in (raw[:at], raw[:at] + b"\xff\xff\xff" + raw[at + 3 :]):
            path.write_bytes(broken)
            try:
                found = verify.verify(path)
            except UserError as error:
                assert len(error.problems) == 1
            else:
                assert not found.ok
    for name in ("locked", "method"):
        raw = bytearray(whole.read_bytes())
        listed = raw.index(b"PK\x01\x02")
        where, what = {"locked": (8, 1), "method": (10, 99)}[name]
        raw[listed + where] |= what
        path.write_bytes(raw)
        with pytest.raises(UserError):
            verify.verify(path)


@pytest.mark.parametrize("units", [[], "some"])
def test_nothing_verified_is_not_verified(units, beside, tmp_path, capsys):
    """No units at all beside fine figures, and units without what they read."""
    index = minimal()
    if not units:
        index |= {"units": [], "schemas": {}}
    shown = {
        "results/experiments/x/metrics.json": b'{"value": 0.999}',
        "results/summaries/c.csv": b"name,value\nx,0.999\n",
        "results/tables/c/t.csv": b"0.999\n",
    }
    path = write(tmp_path / "x.zip", {"archive.json": json.dumps(index).encode(), **shown})
    found = verify.verify(path)
    assert not found.ok and not found.verified and not found.damaged
    for name in shown:
        assert any(line.startswith(f"{name}: ") for line in found.unverified)
    if not units:
        assert any("names no experiment" in line for line in found.unverified)


@pytest.mark.parametrize("name", ["../c", "..", "a/b", "", None, 3, "c\n", "other"])
@pytest.mark.parametrize("stage", ["summary", "grid", "table", "comparisons"])
def test_the_name_of_a_config_leads_nowhere_and_is_one(stage, name):
    index = minimal()
    unit = unit_of(index, stage)
    unit["spec"]["config"] = name
    text = json.dumps(unit["outputs"]).replace("/c", f"/{name}")
    unit["outputs"] = json.loads(text) if name != "c\n" else unit["outputs"]
    refused(index)


def test_one_json_key_stands_once_and_a_place_is_one_place():
    """What a reader sees first must be what is compared."""
    made = json.dumps({"a": {"b": 0.5}, "value": 0.5}).encode()
    for kept in (
        b'{"value": 0.999, "value": 0.5, "a": {"b": 0.5}}',
        b'{"a.b": 0.999, "a": {"b": 0.5}, "value": 0.5}',
        b'{"a": {"b": 0.5}, "value": 0.5, "more": {}}',
        b'{"a": {"b": 0.5}, "value": [0.5]}',
        b'{"a": {"b": 0.5}, "value": ' + b"9" * 4000 + b"}",
        b'{"a": {"b": 0.5}, "value": ' + b"[" * 10**5,
        b'{"a": {"b": 0.5}, "value": NaN}',
    ):
        found, _ = verify.compare("metrics.json", kept, made)
        assert found, kept[:60]
    assert verify.compare("x.csv", b'"a,b"\n1,2\n', b"a,b\n1,2\n")[0]
    assert verify.compare("x.csv", b"a,a\n0.9,0.5\n", b"a,b\n0.5,0.5\n")[0]
    assert verify.compare("x.csv", b"a\n1_0.5\n", b"a\n10.5\n")[0]
    assert verify.compare("x.md", b"UAR .999\x0bUAR .5\n", b"UAR .999\nUAR .5\n")[0]


def test_the_check_is_in_one_place():
    """Nothing but the reader of records opens a zip, and verify has no path of its own."""
    root = Path(verify.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"extractall|unpack_archive|\.extract\(", text), path
    assert "read_zip" in (root / "verify.py").read_text(encoding="utf-8")


def test_output_moves_no_cursor(tmp_path, capsys):
    index = minimal()
    index["units"][0]["label"] = "d\x1b[2J"
    refused(index, "is no name")
