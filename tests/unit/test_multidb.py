"""One ini that crosses databases: its pairs, and the same experiments written by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from izwi.config.result_set import read_config, resolve_all
from izwi.engine.planner import make_plan
from izwi.errors import UserError
from izwi.splits import make_split

INI = """\
[EXP]
name = {name}
{exp}
[DATA]
{data}
a.type = demo
a.test_size = 30
b.type = demo
c.type = demo
target = emotion
[FEATS]
type = os
[MODEL]
type = svm
{model}
"""
CROSSED = {"name": "m", "exp": "databases = ['a', 'b']", "data": "", "model": ""}


def write(place, file="m.ini", **parts):
    (place / file).write_text(INI.format(**{**CROSSED, **parts}))


def planned(place, *inis, **more):
    config = read_config({"experiments": list(inis), **more}, cwd=place, fallback="none")
    return make_plan(
        resolve_all(config, cwd=place),
        *("results", "results/cache"),
        cwd=place,
        write=False,
        tables=config.tables,
    )


def keys(plan):
    """Name of an experiment → key of its evaluation, which covers all before it."""
    return {
        unit.label: unit.spec["record"]["stages"]["evaluate"]["key"]
        for unit in plan.of("experiment")
    }


def test_pairs_are_the_experiments_that_one_would_write_by_hand(tmp_path):
    write(tmp_path)
    for a, b in (("a", "b"), ("b", "a")):
        write(
            tmp_path,
            f"{a}{b}.ini",
            name=f"hand_{a}{b}",
            exp="",
            data=f"databases = ['{a}', '{b}']\n{a}.split_strategy = train\n"
            f"{b}.split_strategy = test",
        )
    for a in "ab":
        write(tmp_path, f"{a}.ini", name=f"hand_{a}{a}", exp="", data=f"databases = ['{a}']")
    crossed = planned(tmp_path, "m.ini")
    found = keys(crossed)
    by_hand = keys(planned(tmp_path, "a.ini", "ab.ini", "ba.ini", "b.ini"))
    assert list(found) == [f"m--{x}_to_{y}" for x in "ab" for y in "ab"]
    assert found == {f"m--{k[-2]}_to_{k[-1]}": key for k, key in by_hand.items()}
    # A row and a column for each database, with chance, and one heat map.
    (table,) = crossed.of("table")
    labels = [one["label"] for one in table.spec["rows"] if not one["control"]]
    assert (table.label, labels) == ("m", ["a", "b"])
    assert [one["label"] for one in table.spec["columns"]] == ["a", "b"]
    cells = {
        (c["row"], c["column"]): c["experiment"] for c in table.spec["cells"] if not c["control"]
    }
    assert cells[0, 1] == "m--a_to_b" and cells[1, 0] == "m--b_to_a"
    assert [unit.label for unit in crossed.of("heat_map")] == ["m.png"]
    # A table of the config with that name replaces it.
    own = {"name": "m", "rows": "test", "columns": "train", "controls": False}
    (table,) = planned(tmp_path, "m.ini", tables=[own]).of("table")
    assert table.spec["row_options"] == ["test"]


def test_with_their_own_splits_pairs_share_models(tmp_path):
    """The model of a diagonal is that of its row: what differs is what is tested."""
    write(tmp_path, exp="databases = ['a', 'b', 'c']\nuse_splits = True")
    plan = planned(tmp_path, "m.ini")
    assert len(plan.of("experiment")) == 9
    assert len(plan.of("train")) == 3 and len(plan.of("predict")) == 6


def test_further_databases_are_trained_on_in_each_pair(tmp_path):
    write(tmp_path, model="logo = 4\n[CROSSDB]\ntrain_extra = ['c']")
    plan = planned(tmp_path, "m.ini")
    record = {unit.label: unit.spec["record"] for unit in plan.of("experiment")}
    assert [d["name"] for d in record["m--a_to_b"]["databases"]] == ["a", "b", "c"]
    split = record["m--a_to_b"]["split"]
    stated = {name: one["split_strategy"] for name, one in split["databases"].items()}
    # Whole databases have no folds.
    assert stated == {"a": "train", "b": "test", "c": "train"} and split["logo"] is None
    assert record["m--a_to_a"]["split"]["logo"] == 4
    assert not any("not in databases" in line for line in record["m--a_to_b"]["notes"])


@pytest.mark.parametrize(
    "parts, line",
    [
        ({"exp": "databases = ['a']"}, "[EXP] databases: name two at least, to train on each"),
        ({"exp": "databases = ['a', 'a']"}, "[EXP] databases: 'a' is named twice, or in"),
        ({"exp": "databases = {'a': 1}"}, "[EXP] databases: "),
        ({"exp": "databases = ['a', 'b']\nuse_splits = some"}, "[EXP] use_splits: "),
        ({"model": "[FLAGS]\nmodels = ['svm', 'xgb']"}, "[EXP] databases: a grid cannot vary"),
        ({"data": "a.labls = 3"}, "[DATA] a.labls: unknown option"),
    ],
)
def test_what_is_wrong_is_told_once(tmp_path, parts, line):
    write(tmp_path, **parts)
    with pytest.raises(UserError) as error:
        planned(tmp_path, "m.ini")
    (told,) = error.value.problems
    assert told.startswith(f"m.ini: {line}")


@pytest.mark.parametrize("only, kept", [("test", {"test"}), ("train", {"train"})])
def test_a_database_confined_to_a_part(only, kept):
    table = pd.DataFrame(
        {
            "database": "a",
            "file": [f"{i}.wav" for i in range(24)],
            "start": pd.Timedelta(0),
            "end": pd.NaT,
            "speaker": [f"s{i // 4}" for i in range(24)],
            "truth": ["x", "y"] * 12,
        }
    )
    other = table.assign(database="b")
    spec = {
        **{"task": "classification", "target": "t", "seed": 1, "same_speakers": False},
        "databases": {"a": {"split_strategy": ["s4", "s5"], "only": only}, "b": {}},
    }
    split, report = make_split(spec, [table, other])
    plain, _ = make_split(
        {**spec, "databases": {"a": {"split_strategy": ["s4", "s5"]}, "b": {}}}, [table, other]
    )
    own = split["database"] == "a"
    inside = plain["part"].isin(kept)
    assert (split["part"][own & inside] == plain["part"][own & inside]).all()
    assert set(split["part"][own & ~inside]) == {""}
    pd.testing.assert_series_equal(split["part"][~own], plain["part"][~own])
    assert any(line.startswith(f"[DATA] a.as_{only}: ") for line in report["notes"])
