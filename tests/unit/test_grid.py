"""Grids: which experiments they make, how these are called, and what is wrong with one."""

import itertools
import time

import pytest

from izwi.config import grid
from izwi.config.ini import parse
from izwi.config.result_set import read_config, resolve_all
from izwi.errors import UserError

INI = """\
[EXP]
name = ./results/exp_A
[DATA]
databases = ['a']
a.type = demo
a.testsplit = 40
target = emotion
[FEATS]
type = os
scaler = robust
[MODEL]
type = xgb
C_val = 2
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "exp.ini").write_text(INI)
    (tmp_path / "other.ini").write_text(INI.replace("exp_A", "other"))
    return tmp_path


def experiments(place, **config):
    config = {"experiments": ["exp.ini"], **config}
    config = {key: value for key, value in config.items() if value is not None}
    return resolve_all(read_config(config, cwd=place, fallback=place / "none.yaml"), cwd=place)


def names(place, **config):
    return [experiment.name for experiment in experiments(place, **config)]


def problems(place, **config):
    with pytest.raises(UserError) as error:
        experiments(place, **config)
    return error.value.problems


def test_all_combinations(place):
    features, kinds = ["os", ["os", "praat"]], ["xgb", "svm", "mlp"]
    found = experiments(place, grid={"FEATS.type": features, "MODEL.type": kinds})
    assert [e.name for e in found] == [
        f"exp_A--FEATS.type_{'+'.join([f] if isinstance(f, str) else f)}--MODEL.type_{m}"
        for f, m in itertools.product(features, kinds)
    ]
    assert [([f["type"] for f in e.features], e.model["type"]) for e in found] == [
        ([f] if isinstance(f, str) else f, m) for f, m in itertools.product(features, kinds)
    ]
    assert {e.grids for e in found} == {("exp_A",)}
    assert found[5].setting == {"FEATS.type": "['os', 'praat']", "MODEL.type": "mlp"}
    # What the ini says of a model that does not read it stays a note.
    assert found[1].model["options"]["C_val"] == 2
    assert "[MODEL] C_val: no effect with MODEL.type = mlp" in found[2].notes


def test_any_option_however_the_ini_spells_it(place):
    layers = [{"l1": 8}, [8, 4]]
    found = experiments(
        place,
        grid={
            "DATA.a.test_size": [30, 20.5],
            "feats.scale": ["standard", None],
            "EXP.traindevtest": [True],
            "MODEL.type": "mlp",
            "MODEL.layers": layers,
        },
    )
    assert len(found) == 8
    assert [e.split["databases"]["a"]["test_size"] for e in found[::4]] == [30, 20.5]
    # None: the option as if the ini did not have it
    assert [e.preprocessing["scale"] for e in found[::2]] == ["standard", None] * 2
    assert [e.model["options"]["layers"] for e in found[:2]] == layers
    assert found[0].traindevtest
    assert found[-1].name == (
        "exp_A--DATA.a.test_size_20.5--FEATS.scale_default--EXP.traindevtest_True--MODEL.type_mlp"
        "--MODEL.layers_8+4"
    )


def test_options_that_change_together(place):
    pairs = [["svm", 1], ["svm", 10], ["xgb", None]]
    found = experiments(place, grid={"MODEL.type, MODEL.C_val": pairs})
    assert [(e.model["type"], e.model["options"].get("C_val")) for e in found] == [
        ("svm", 1),
        ("svm", 10),
        ("xgb", None),
    ]
    assert found[2].name == "exp_A--MODEL.type_xgb--MODEL.C_val_default"


def test_lists_of_inis_and_grids(place):
    entries = [
        {"ini": "exp.ini", "grid": {"MODEL.type": ["svm", "xgb"]}},
        {"inis": ["*.ini"], "name": "both", "grid": {"MODEL.type": ["svm"]}},
    ]
    found = experiments(place, experiments=None, grid=entries)
    assert {e.name: e.grids for e in found} == {
        "exp_A--MODEL.type_svm": ("exp_A", "both"),
        "exp_A--MODEL.type_xgb": ("exp_A",),
        "other--MODEL.type_svm": ("both",),
    }
    tables = grid.tables(found)
    assert tables["both"]["axes"] == ["EXP.name", "MODEL.type"]
    assert [m["values"] for m in tables["both"]["members"]] == [
        {"EXP.name": "exp_A", "MODEL.type": "svm"},
        {"EXP.name": "other", "MODEL.type": "svm"},
    ]
    # An ini that no entry names runs as it is.
    assert names(place, experiments=["*.ini"], grid=entries[:1]) == [
        "exp_A--MODEL.type_svm",
        "exp_A--MODEL.type_xgb",
        "other",
    ]


def test_section_flags(place):
    flags = """\
[FLAGS]
models = ['xgb', 'svm']
features = os
scale = ['none', 'standard']
model_n_estimators = [10]
exp_runs = [1]
name_target = [('grade', 'emotion'), ('who', 'gender')]
"""
    (place / "exp.ini").write_text(INI + flags)
    found = experiments(place)
    assert len(found) == 8
    end = "--FEATS.type_os--FEATS.scale_none--MODEL.n_estimators_10--EXP.runs_1"
    assert [e.name for e in found[:2]] == [
        f"grade--MODEL.type_xgb{end}",
        f"who--MODEL.type_xgb{end}",
    ]
    assert [e.target for e in found[:2]] == ["emotion", "gender"]
    assert {e.model["options"].get("n_estimators") for e in found} == {10, None}
    assert grid.tables(found)["exp_A"]["axes"][-2:] == ["EXP.name", "DATA.target"]
    # The config varies an option instead.
    found = experiments(place, grid={"MODEL.type": ["knn"]})
    assert len(found) == 4 and {e.model["type"] for e in found} == {"knn"}


def test_names_are_short_and_differ(place):
    texts = ["a b", "a:b", "A  b"]
    assert [grid.slug(text) for text in [*texts, "", None, "(1, 2)", "Größe/x"]] == [
        "a-b", "a-b", "A-b", "empty", "default", "1+2", "Größe-x",
    ]  # fmt: skip
    found = names(place, grid={"DATA.a.filter": [{"text": text} for text in texts]})
    assert len({name.lower() for name in found}) == 3
    assert all(name.startswith("exp_A--DATA.a.filter_text-") for name in map(str, found))
    many = {f"DATA.a.{key}": [["x" * 60], ["y" * 60]] for key in ("columns", "required")}
    found = names(place, grid={**many, "DATA.labels": [["ü" * 60, "b"]]})
    assert len(set(found)) == 4
    assert max(len(name.encode()) for name in found) <= 150


@pytest.mark.parametrize(
    "value, expected",
    [
        (
            {"MODEL.type": ["xbg", "svm"]},
            "exp.ini: grid: [MODEL] type: 'xbg' is unknown, did you mean 'xgb'?",
        ),
        (
            {"MODEL.type": ["svm"], "FEATS.scael": ["none", "robust"]},
            "exp.ini: grid: [FEATS] scael: unknown option, did you mean 'scale'?",
        ),
        ({"type": ["svm"]}, "config: grid: 'TYPE' is not an option, write SECTION.option, such as"),
        (
            {"FEAT.type": ["os"]},
            "config: grid: 'FEAT.type' is not an option, did you mean 'FEATS'?",
        ),
        ({"MODEL.type": []}, "config: grid: MODEL.type: has no values"),
        ({"MODEL.type": ["svm", "svm"]}, "config: grid: MODEL.type: 'svm' is named twice"),
        ({"MODEL.type, MODEL.C_val": [["svm"]]}, "config: grid: MODEL.type, MODEL.C_val: ['svm']"),
        ({}, "config: grid: is empty"),
        ("MODEL.type", "config: grid: write {option: [values]}"),
        ([{"grid": {"MODEL.type": ["svm"]}, "in": "x"}], "config: grid: in: unknown key, did you"),
        ([{"ini": "no.ini", "grid": {"MODEL.type": ["svm"]}}], "config: experiments: no such file"),
        ([{"ini": "exp.ini"}], "config: grid: an entry of the list needs grid"),
        ([{"grid": {"MODEL.type": ["svm"]}, "name": "a/b"}], "config: grid: name: 'a/b' is no"),
        ({"EXP.seed": list(range(20_001))}, "exp.ini: the grid has 20001 members; at most 20000"),
    ],
)
def test_problems(place, value, expected):
    (line,) = problems(place, grid=value)
    assert line.startswith(expected), line


def test_a_problem_of_some_members_is_told_once(place):
    (place / "exp.ini").write_text(INI.replace("C_val = 2", "kernel = rbv"))
    kinds = ["svm", "svr", "xgb"]
    found = problems(place, grid={"MODEL.type": kinds, "EXP.seed": [1, 2]})
    assert found == [
        "exp.ini: [MODEL] kernel: 'rbv' is none of rbf, linear, poly, sigmoid, did you mean "
        "'rbf'? (in 4 of 6 members of the grid)"
    ]


def test_flags_that_are_unknown():
    ini = parse("[FLAGS]\nmodles = ['svm']\nlearning_rate = [1]\nscale = []\n")
    assert grid.flags(ini) == ()
    assert ini.problems == [
        "[FLAGS] modles: unknown option, did you mean 'models'?",
        "[FLAGS] learning_rate: unknown option, did you mean 'model_learning_rate'?",
        "[FLAGS] scale: has no values",
    ]


def test_a_thousand_members_from_one_reading(place, monkeypatch):
    readings = []
    read = grid.read_ini
    monkeypatch.setattr(grid, "read_ini", lambda path: readings.append(path) or read(path))
    costs = [i / 100 for i in range(1, 501)]
    began = time.process_time()
    found = experiments(
        place, grid={"MODEL.type": ["svm"], "MODEL.C_val": costs, "EXP.seed": [1, 2]}
    )
    assert time.process_time() - began < 5
    assert len({experiment.name for experiment in found}) == 1000
    assert len(readings) == 1
