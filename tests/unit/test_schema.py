"""The JSON schema of the config: current, and of one opinion with the checks of izwi itself."""

import importlib.util
import json

import jsonschema
import pytest
import yaml

from izwi.config import ensembles
from izwi.config.result_set import KEYS, read_config
from izwi.config.schema import ensemble_keys, grid_keys, keys, page_keys, schema, table_keys
from izwi.errors import UserError
from izwi.reporting.page.options import DEFAULTS
from izwi.reporting.tables import wanted
from tests.conftest import ROOT

CONFIGS = sorted(
    path for path in (ROOT / "config").rglob("*.yaml") if "experiments" not in path.parts
)
TABLE = {"name": "t", "rows": "FEATS.type", "columns": ["MODEL.type", "train"]}
METHODS = ["mean", "uncertainty_threshold", "stacking"]
ENSEMBLE = {"name": "e", "members": ["a", "b*"], "methods": METHODS}
PUBLISHED = dict(zip(wanted.PUBLISHED, ("os", "svm", 0.7, "A 2020, Table 3", "LOSO"), strict=True))
INI = {"experiments": "a.ini"}
GOOD = [
    {},
    {"ini": "a.ini"},
    {"experiments": ["*.ini", "a.ini"], "results": "out", "cache": "/tmp/c", "root_folders": None},
    *(INI | {"shards": value} for value in ("auto", "none", 7, "7")),
    *(INI | {"page": value} for value in (None, True, False, "none", {}, {"audio": "link"})),
    INI | {"page": {"audio": False, "megabytes": 0.5}},
    INI | {"grid": {"FEATS.type": ["os", "praat", ["os", "praat"]], "model.C_val": 3}},
    INI | {"grid": {"FEATS.type, EXP.epochs": [["os", None], ["praat", 3]]}},
    {"grid": [{"ini": "a.ini", "name": "exp_A", "grid": {"MODEL.type": ["svm"]}}]},
    INI | {"ensembles": {"name": "e"}},
    INI | {"ensembles": [ENSEMBLE | {"folds": "3", "threshold": "0.5"}]},
    INI | {"ensembles": [ENSEMBLE | {"measure": "UAR", "folds": 3, "threshold": 0.5}]},
    INI | {"tables": TABLE},
    INI | {"tables": [TABLE | {"name": 3, "measure": "UAR", "best": "row", "caption": "C"}]},
    INI | {"tables": [TABLE | {"controls": False, "labels": {"os": "eGeMAPS"}}]},
    INI | {"tables": [TABLE | {"controls": ["chance"], "published": [PUBLISHED]}]},
    INI | {"tables": [TABLE | {"experiments": ["a", "b*"], "controls": "level"}]},
]
BAD = [
    {"experiment": ["a.ini"]},
    {"experiments": []},
    {"experiments": [3]},
    {"experiments": {"a": 1}},
    {"ini": 3},
    INI | {"results": 3},
    INI | {"results": "{a}"},
    INI | {"cache": ""},
    INI | {"root_folders": 3},
    *(INI | {"shards": value} for value in ("many", 0, -1, "0", [])),
    *(INI | {"page": value} for value in (3, {"video": True}, {"audio": "loud"}, "some")),
    *(INI | {"page": {"megabytes": value}} for value in (-1, 501, "20", True)),
    *(INI | {"grid": value} for value in ({}, 3, "x", {"type": ["os"]}, {"FLAGS.models": ["os"]})),
    *(INI | {"grid": value} for value in ({"FEATZ.type": ["os"]}, {"FEATS.type": []}, [3])),
    *(INI | {"grid": [value]} for value in ({"inis": "a.ini"}, {"grid": {"A": [1]}})),
    INI | {"grid": [{"grid": {"MODEL.type": ["svm"]}, "iniss": "a.ini"}]},
    INI | {"grid": [{"grid": {"MODEL.type": ["svm"]}, "name": "a b"}]},
    *(INI | {"ensembles": value} for value in (3, [3], {"methods": "mean"}, {"name": "a/b"})),
    *(INI | {"ensembles": ENSEMBLE | {"methods": value}} for value in ("maen", [], 3)),
    *(INI | {"ensembles": ENSEMBLE | {"folds": value}} for value in (1, 2.5, "x", True)),
    INI | {"ensembles": ENSEMBLE | {"threshold": 2}},
    INI | {"ensembles": ENSEMBLE | {"members": []}},
    INI | {"ensembles": ENSEMBLE | {"member": "a"}},
    INI | {"ensembles": ENSEMBLE | {"measure": "uarr"}},
    *(INI | {"tables": value} for value in (3, [3], {"rows": "FEATS.type"}, {"name": "t"})),
    INI | {"tables": TABLE | {"row": "FEATS.type"}},
    INI | {"tables": TABLE | {"name": "a/b"}},
    INI | {"tables": TABLE | {"measure": "uarr"}},
    INI | {"tables": TABLE | {"best": "cell"}},
    INI | {"tables": TABLE | {"controls": ["chanse"]}},
    INI | {"tables": TABLE | {"labels": [1]}},
    INI | {"tables": TABLE | {"published": 3}},
    INI | {"tables": TABLE | {"published": [{"row": "os"}]}},
    INI | {"tables": TABLE | {"experiments": []}},
    INI | {"tables": TABLE | {"rows": []}},
]


def script():
    path = ROOT / "scripts" / "make_config_schema.py"
    spec = importlib.util.spec_from_file_location("make_config_schema", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fits(config) -> bool:
    # Through JSON, as an editor would see it.
    found = json.loads(json.dumps(config))
    return not list(jsonschema.Draft7Validator(schema()).iter_errors(found))


def is_read(config, folder) -> bool:
    for name in ("a.ini", "b.ini"):
        (folder / name).write_text("[EXP]\nname = x\n")
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "config.yaml").write_text("experiments: a.ini\n")
    try:
        read_config(config, cwd=folder, fallback=folder / "config" / "config.yaml")
    except UserError as error:
        assert all(line.startswith("config: ") for line in error.problems)
        return False
    return True


def test_schema_and_its_page_are_current():
    made = script()
    for path, text in ((made.SCHEMA, made.as_text()), (made.README, made.readme())):
        assert path.read_text(encoding="utf-8") == text, "run: make docs"
    jsonschema.Draft7Validator.check_schema(schema())


def test_every_key_is_explained():
    def names(known):
        return sorted(key.name.rpartition(".")[2] for key in known)

    assert names(keys()) == sorted(KEYS)
    assert names(ensemble_keys()) == sorted(ensembles.KEYS)
    assert names(table_keys()) == sorted(wanted.KEYS)
    assert names(page_keys()) == sorted(DEFAULTS)
    for key in (*keys(), *grid_keys(), *ensemble_keys(), *table_keys(), *page_keys()):
        assert key.doc.endswith("."), key.name


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_fit(path):
    assert fits(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("config", GOOD, ids=str)
def test_what_izwi_reads_fits(config, tmp_path):
    assert is_read(config, tmp_path)
    assert fits(config)


@pytest.mark.parametrize("config", BAD, ids=str)
def test_what_izwi_refuses_does_not_fit(config, tmp_path):
    assert not is_read(config, tmp_path)
    assert not fits(config)
