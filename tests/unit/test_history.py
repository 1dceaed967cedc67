"""The history of experiments, what changed in it, and what is said of figures made earlier."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import izwi
from izwi.api import Result
from izwi.config.experiment import resolve
from izwi.errors import UserError
from izwi.reporting import changes, history, history_text, overview, record

INI = """\
[EXP]
name = x
[DATA]
databases = ['db']
db = db.csv
target = emotion
[FEATS]
type = os
scale = standard
[MODEL]
type = svm
"""
METRICS = {
    "name": "x", "type": "classification", "measure": "uar", "ci": [0.4, 0.6], "ci_method": "t",
    "chance": {"uar": 0.25}, "baseline": None, "n_train": 9, "n_test": 5, "n_evaluated": 5,
    "n_speakers": 2, "few_speakers": True, "transductive": False, "warnings": [],
}  # fmt: skip
DATABASE = {
    "name": "db", "type": "csv", "path": "db.csv", "options": {}, "content": "old", "load": "l",
    "listing": None, "header": None,
}  # fmt: skip


class Folder:
    """A working directory with results, as calls leave it, one figure after the other."""

    def __init__(self, path: Path) -> None:
        self.path, self.results = path, path / "results"
        (path / "db.csv").write_text("file,emotion\n")

    def made(self, value, ini=INI, *, name="x", told=True, setting=None, **metrics):
        """A call: the folder of an experiment, and its line in the history if that is ``told``."""
        path = self.path / f"{name}.ini"
        path.write_text(ini.replace("name = x", f"name = {name}"))
        found = resolve(f"{name}.ini", cwd=self.path, overrides=setting).as_dict()
        about = {**found, "setting": setting or {}, "key": f"k{value}", "izwi": "0"}
        about = json.loads(json.dumps({**about, "stages": {}, "packages": {}}))
        figures = METRICS | {"name": name, "value": value} | metrics
        folder = self.results / "experiments" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "experiment.json").write_text(json.dumps(about))
        (folder / "metrics.json").write_text(json.dumps(figures))
        if told:
            text = overview.text_of(f"{name}.ini", self.path)
            origin = {"config": "c", "text": text, "databases": [dict(DATABASE)]}
            entry = history.entry_of(about, figures, origin, 1_000_000_000 + value)
            history.add(self.results, name, entry)
        return path

    def status(self, content="old", name="x"):
        """What an overview of another call says of the experiment."""

        def content_of(database):
            if isinstance(content, Exception):
                raise content
            return content

        found = overview.others(str(self.results), {"other"}, content_of, cwd=self.path, write=True)
        return {one["name"]: one["status"] for one in found}.get(name)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def values(folder, name="x"):
    return [entry["row"]["value"] for entry in history.entries(folder.results, name)]


def test_each_figure_is_kept_once_in_its_order(folder):
    for value in (1, 1, 2, 1):
        folder.made(value)
    assert values(folder) == [1, 2, 1]
    last = history.last(folder.results, "x")
    assert (last["key"], last["made"], last["config"]) == ("k1", "2001-09-09T01:46:41Z", "c")
    assert last["text"] == INI and last["ini"] == "x.ini"
    assert history.names(folder.results) == ["x"]


def test_a_damaged_line_takes_no_other_away(folder):
    folder.made(1, INI + "# \u2028# a line to some\n")
    path = history.path_of(folder.results, "x")
    good = json.loads(path.read_text())
    wrong = [
        good | {name: 7} for name in ("key", "made", "ini", "text", "setting", "databases", "row")
    ]
    wrong += [good | {"row": {"name": "x"}}, good | {"databases": [{}]}]
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in wrong)
    path.write_bytes(path.read_bytes() + b'{"key": "half\n\xff\n[]\n{}\n' + lines)
    folder.made(2)
    assert values(folder) == [1, 2]
    assert b"half" in path.read_bytes()
    assert folder.status() == overview.CURRENT


def test_a_folder_without_history_is_taken_into_it(folder):
    folder.made(1, told=False)
    place = folder.results / "experiments/x"
    assert history.keep(place, write=False)["row"]["value"] == 1
    assert not values(folder)
    history.keep(place)
    folder.made(2)
    assert values(folder) == [1, 2]
    (place / "metrics.json").write_text("{")
    shutil.rmtree(folder.results / "history")
    assert history.keep(place) is None


def test_what_changed_between_figures(folder):
    folder.made(1)
    folder.made(2, INI.replace("scale = standard", "Scale = robust # more") + "C_val = 2\n")
    folder.made(3, INI.replace("[FEATS]\ntype = os\nscale = standard", "[FEATS]\ntype = praat"))
    found = [{o[0].lower(): o[1:] for o in step.options} for step in steps(folder)]
    assert found == [
        {},
        {"feats.scale": ("standard", "robust"), "model.c_val": (changes.ABSENT, "2")},
        {
            "feats.type": ("os", "praat"),
            "feats.scale": ("robust", changes.ABSENT),
            "model.c_val": ("2", changes.ABSENT),
        },
    ]


def steps(folder):
    return changes.steps(history.entries(folder.results, "x"))


def test_other_causes_of_another_figure(folder):
    folder.made(1, told=False)
    history.keep(folder.results / "experiments/x")
    folder.made(2)
    folder.made(3)
    path = history.path_of(folder.results, "x")
    lines = path.read_text().splitlines()
    new = json.loads(lines[-1]) | {"key": "k4"}
    new["databases"][0]["content"] = "new"
    path.write_text("\n".join([*lines, json.dumps(new)]) + "\n")
    first, unknown, otherwise, data = steps(folder)
    assert first.options == () and not unknown.known
    assert otherwise.lines == [changes.OTHERWISE]
    assert data.databases == ("db",) and data.lines == ["data of db"]


def test_options_that_a_grid_sets_are_told(folder):
    folder.made(1, setting={"MODEL.type": "knn", "FEATS.scale": None})
    folder.made(2, setting={"MODEL.type": "xgb", "FEATS.scale": None})
    assert steps(folder)[1].options == (("MODEL.type", "knn", "xgb"),)


def test_the_text_of_histories(folder):
    with pytest.raises(UserError, match="no history of 'x'"):
        history_text.told(str(folder.results), "x")
    folder.made(0.5)
    folder.made(0.625, INI.replace("svm", "xgb"), ci=[0.5, 0.75])
    folder.made(0.5, name="y")
    lines = history_text.told(str(folder.results), "x")
    assert any("uar 0.500 [0.400, 0.600] → uar 0.625 [0.500, 0.750]" in line for line in lines)
    assert any("MODEL.type: svm → xgb" in line for line in lines)
    x, y = history_text.listed(str(folder.results))
    assert x.startswith("x ") and "0.625" in x and "1 earlier" in x
    assert y.startswith("y ") and "0.500" in y
    with pytest.raises(UserError, match="no history of 'yy'"):
        history_text.told(str(folder.results), "yy")
    found = izwi.history("x", results=folder.results)
    assert found["value"].tolist() == [0.5, 0.625]
    assert found["changes"].tolist() == ["", "MODEL.type: svm → xgb"]
    for other in (folder.results / "experiments/x", Result("x", folder.results / "experiments/x")):
        assert izwi.history(other).equals(found)
    assert found["key"].tolist() == ["k0.5", "k0.625"] and (found["config"] == "c").all()


# ------------------------------------------------------- figures of earlier calls


def test_a_figure_of_another_call_is_current_while_ini_and_data_are(folder):
    ini = folder.made(1)
    assert folder.status() == overview.CURRENT
    assert folder.status("new") == overview.EARLIER_DATA
    assert folder.status(UserError("gone")) == overview.DATA_GONE
    # What changes no figure.
    ini.write_text("; another comment\n" + INI.replace("name = x", "name=x") + "\n\n")
    assert folder.status() == overview.CURRENT
    ini.write_text(INI + "[PLOT]\ntsne = True\n")
    assert folder.status() == overview.CURRENT
    # A default that is now written out.
    ini.write_text(INI + "C_val = 0.001\n")
    assert folder.status() in (overview.CURRENT, overview.EARLIER_INI)
    for other in (
        INI.replace("svm", "xgb"),
        INI.replace("db = db.csv", "db = db.csv\ndb.limit_samples = 3"),
        INI.replace("name = x", "name = z"),
        INI + "no = section of izwi\n",
        "",
    ):
        ini.write_text(other)
        assert folder.status() == overview.EARLIER_INI, other
        # Found again without resolving.
        assert folder.status("new") == f"{overview.EARLIER_INI}, {overview.EARLIER_DATA}"
    ini.unlink()
    assert folder.status() == overview.INI_GONE
    folder.made(2)
    assert folder.status() == overview.CURRENT


def test_a_figure_without_history_is_compared_with_its_record(folder):
    ini = folder.made(1, told=False)
    assert folder.status() == overview.CURRENT
    ini.write_text(INI.replace("svm", "xgb"))
    assert folder.status() == overview.EARLIER_INI
    assert values(folder) == [1]


def test_members_of_a_grid_are_compared_with_what_it_sets(folder):
    setting = {"MODEL.type": "knn"}
    ini = folder.made(1, setting=setting)
    ini.write_text(INI.replace("type = svm", "type = xgb"))
    assert folder.status() == overview.CURRENT
    ini.write_text(INI.replace("standard", "robust"))
    assert folder.status() == overview.EARLIER_INI


def test_folders_that_hold_no_figure_are_passed_over(folder):
    folder.made(1)
    folder.made(1, name="other")
    place = folder.results / "experiments"
    (place / "empty").mkdir()
    (place / "file").touch()
    assert folder.status(name="other") is None and folder.status(name="empty") is None
    (place / "x/metrics.json").unlink()
    assert folder.status() is None
    assert values(folder) == [1]


def test_a_copy_of_a_folder_goes_by_its_own_name(folder):
    folder.made(1)
    place = folder.results / "experiments"
    shutil.copytree(place / "x", place / "copy")
    assert folder.status(name="copy") == overview.CURRENT
    assert history.last(folder.results, "copy")["row"]["name"] == "copy"


def test_what_was_found_of_inis_may_be_damaged(folder):
    ini = folder.made(1)
    ini.write_text(INI.replace("svm", "xgb"))
    kept = folder.results / "plans/inis.json"
    for content in ('{"x": 7}', "[]", "{", '{"x": [1, 2, 3]}'):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(content)
        assert folder.status() == overview.EARLIER_INI


def test_broken_databases_of_other_calls_end_no_call(folder):
    folder.made(1)
    for error in (ValueError("x"), KeyError("x"), PermissionError("x")):
        assert folder.status(error) == overview.DATA_GONE


@pytest.mark.parametrize(
    ("split", "shown"),
    [
        ({"strategy": "cross_data", "trains": ["a"], "tests": ["b"]}, "a → b"),
        ({"strategy": "cross_data", "trains": ["a", "b"], "tests": ["c"]}, "a, b → c"),
        ({"tests": ["c"]}, "a, b → c"),
        ({"of": {"a": "train", "b": "test"}}, "a, c → b, c"),
        ({"of": {"a": "train", "b": "test", "c": "dev"}}, "a → b"),
        ({"of": {}}, "a, b, c"),
    ],
)
def test_rows_across_databases_say_which_way(split, shown):
    of = split.pop("of", {})
    tests = split.get("tests") or []
    strategies = {
        name: {"split_strategy": of.get(name) or ("test" if name in tests else "speaker_split")}
        for name in "abc"
    }
    found = {"strategy": "train_test", "trains": None, "tests": None, "databases": strategies}
    about = {"databases": [{"name": name} for name in "abc"], "split": found | split}
    assert record.databases_shown(about) == shown
