import json
import time
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from izwi.config.experiment import resolve
from izwi.config.options import registry
from izwi.data import soft_labels
from izwi.errors import UserError

BASE = {
    "EXP": {},
    "DATA": {"databases": "['a']", "a": "a.csv", "target": "emotion"},
    "FEATS": {"type": "os"},
    "MODEL": {"type": "svm"},
}


@pytest.fixture
def place(tmp_path):
    """A folder with two CSV databases and an audformat one, all without content."""
    for name in ("a.csv", "b.csv", "words.txt"):
        (tmp_path / name).write_text("file,emotion\n")
    (tmp_path / "audb").mkdir()
    (tmp_path / "audb" / "db.yaml").write_text("name: x\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


def write(place, changes=None, name="x.ini", **sections):
    """Write BASE with changes, ``{"SECTION key": value or None}``."""
    content = {section: dict(entries) for section, entries in BASE.items()}
    for where, value in (changes or {}).items():
        section, key = where.split(" ", 1)
        content.setdefault(section, {})
        if value is None:
            content[section].pop(key, None)
        else:
            content[section][key] = value
    lines = []
    for section, entries in content.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in entries.items()]
    (place / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def solve(place, changes=None, **more):
    return resolve(write(place, changes), cwd=place, **more)


def problems(place, changes=None):
    with pytest.raises(UserError) as error:
        solve(place, changes)
    assert all(line.startswith("x.ini: ") for line in error.value.problems)
    return [line.removeprefix("x.ini: ") for line in error.value.problems]


def test_defaults(place):
    experiment = solve(place)
    assert (experiment.ini, experiment.name, experiment.task) == ("x.ini", "x", "classification")
    assert (experiment.seed, experiment.runs, experiment.epochs) == (42, 1, None)
    assert (experiment.target, experiment.labels, experiment.save) == ("emotion", None, True)
    assert experiment.databases[0]["name"] == "a"
    assert experiment.databases[0]["type"] == "csv"
    assert experiment.databases[0]["path"] == str(place / "a.csv")
    given = {k: v for k, v in experiment.databases[0]["options"].items() if v not in (None, False)}
    assert given == {}
    assert experiment.load == {
        "task": "classification",
        "target": "emotion",
        "labels": None,
        "continuous": False,
        "bins": None,
        "seed": None,
    }
    split = dict(experiment.split)
    databases = split.pop("databases")
    assert split == {
        "task": "classification",
        "target": "emotion",
        "labels": None,
        "seed": 42,
        "same_speakers": False,
        "traindevtest": False,
        "strategy": "train_test",
        "trains": None,
        "tests": None,
        "logo": None,
        "k_fold_cross": None,
    }
    assert {k: v for k, v in databases["a"].items() if v is not None} == {"test_size": 20}
    assert experiment.features == (
        {
            "type": "os",
            "options": {"set": "eGeMAPSv02", "level": "functionals", "sampling_rate": None},
        },
    )
    assert experiment.preprocessing == {"scale": None, "features": None}
    assert experiment.model["type"] == "svm"
    assert experiment.model["options"]["C_val"] == 1.0
    assert experiment.model["options"]["kernel"] == "rbf"
    assert experiment.evaluation == {"measure": "uar", "ci": "auto"}
    assert experiment.plots == {
        "value_counts": None,
        "value_counts_of": [],
        "maps": {},
        "of_metrics": [],
        "max_feats": 10,
        "plot_features": [],
        "regplot": [],
        "tree": False,
        "epoch_progression": False,
        "format": ["png"],
    }
    assert experiment.warnings == experiment.notes == ()
    assert json.loads(json.dumps(experiment.as_dict()))["split"] == experiment.split
    with pytest.raises(FrozenInstanceError):
        experiment.name = "y"


def test_a_name_that_is_a_path(place):
    experiment = solve(place, {"EXP name": "results/my_exp"})
    assert experiment.name == "my_exp"
    assert experiment.notes == (
        "[EXP] name: 'results/my_exp' is a path, the experiment is called 'my_exp'",
    )


def test_a_whole_ini(place):
    (place / "full.ini").write_text(
        "\ufeff[exp]\r\n"
        "root = ./results/ ; as in the old days\r\n"
        "Name = my exp\r\n"
        "runs = 3\r\n"
        "random_seed = 7\r\n"
        "[DATA]\r\n"
        "databases = ['crema-d', 'b']\r\n"
        "crema-d = ./audb/\r\n"
        "CREMA-D.split_strategy = specified\r\n"
        "crema-d.files_table = ['files']\r\n"
        "crema-d.train_tables = ['emotion.train']\r\n"
        "crema-d.test_tables = emotion.test\r\n"
        "crema-d.mapping = {'anger, disgust': 'angry', 'neutral': 'neutral'}\r\n"
        "crema-d.filter = {'gender': 'female'}\r\n"
        "b = b.csv\r\n"
        "b.split_strategy = train\r\n"
        "b.mapping = {'gender': {0: 'female'}, 'age': {'1': 2}}\r\n"
        "b.limit_samples = 20\r\n"
        "filter = [['task', ['interview', 'story']]]\r\n"
        "limit_samples = 30\r\n"
        "target = emotion\r\n"
        "labels = ['angry',\r\n"
        "   'neutral']\r\n"
        "[FEATS]\r\n"
        "type = os, praat\r\n"
        "os.set = egemapsv02\r\n"
        "level = functional\r\n"
        "praat.f0_max = 500\r\n"
        "scaler = Standard\r\n"
        "features = ['F0semitoneFrom27.5Hz_sma3nz_amean']\r\n"
        "[MODEL]\r\n"
        "type = svm\r\n"
        "c_val = .001\r\n"
        "class_weight = True\r\n"
        "measure = f1\r\n"
        "save = False\r\n"
        "[PLOT]\r\n"
        "tsne = yes\r\n"
        "format = pdf\r\n",
        newline="",
        encoding="utf-8",
    )
    experiment = resolve(place / "full.ini", cwd="/")
    assert experiment.name == "my exp"
    assert (experiment.runs, experiment.seed, experiment.save) == (3, 7, False)
    assert experiment.labels == ["angry", "neutral"]
    crema, other = experiment.databases
    assert (crema["name"], crema["type"], crema["path"]) == (
        "crema-d",
        "audformat",
        str(place / "audb"),
    )
    assert crema["options"]["files_tables"] == ["files"]
    assert crema["options"]["test_tables"] == ["emotion.test"]
    assert crema["options"]["mapping"] == {
        "target": {"anger": "angry", "disgust": "angry", "neutral": "neutral"}
    }
    assert crema["options"]["filter"] == [
        ["gender", ["female"]],
        ["task", ["interview", "story"]],
    ]
    assert crema["options"]["limit_samples"] == 30
    assert other["options"]["mapping"] == {"columns": {"gender": {"0": "female"}, "age": {"1": 2}}}
    assert other["options"]["filter"] == [["task", ["interview", "story"]]]
    assert other["options"]["limit_samples"] == 20
    assert experiment.load["seed"] == 7
    assert experiment.split["databases"]["crema-d"]["split_strategy"] == "specified"
    assert experiment.split["databases"]["b"]["split_strategy"] == "train"
    opensmile, praat = experiment.features
    assert opensmile == {
        "type": "os",
        "options": {"set": "eGeMAPSv02", "level": "functionals", "sampling_rate": None},
    }
    assert praat["type"] == "praat"
    assert praat["options"]["praat.f0_max"] == 500.0
    assert praat["options"]["praat.f0_min"] == 75.0
    assert experiment.preprocessing == {
        "scale": "standard",
        "features": ["F0semitoneFrom27.5Hz_sma3nz_amean"],
    }
    assert experiment.model["options"]["C_val"] == 0.001
    assert experiment.model["options"]["class_weight"] is True
    assert experiment.evaluation == {"measure": "f1", "ci": "auto"}
    assert experiment.plots["maps"] == {"tsne": ["target"]}
    assert experiment.plots["format"] == ["pdf"]
    assert experiment.warnings == ()
    assert experiment.notes == ("[EXP] root: no effect here",)


ERRORS = [
    # misspelt
    ({"FEATS scael": "standard"}, "[FEATS] scael: unknown option, did you mean 'scale'?"),
    ({"FEAT type": "os"}, "[FEAT]: unknown section, did you mean [FEATS]?"),
    ({"XYZ a": "1"}, "[XYZ]: unknown section"),
    ({"DATA a.tset_size": "2"}, "[DATA] a.tset_size: unknown option, did you mean 'a.test_size'?"),
    ({"DATA traget": "x"}, "[DATA] traget: unknown option, did you mean 'target'?"),
    ({"MODEL kernal": "rbf"}, "[MODEL] kernal: unknown option, did you mean 'kernel'?"),
    ({"EXP qqq": "1"}, "[EXP] qqq: unknown option"),
    ({"FEATS scale": "standart"}, "[FEATS] scale: 'standart' is none of none, standard, robust, "
     "minmax, maxabs, speaker, bins, normalizer, powertransformer, quantiletransformer, did you "
     "mean 'standard'?"),
    (
        {"FEATS type": "ceptsra"},
        "[FEATS] type: 'ceptsra' is unknown, "
        "docs/features.md has all 38 feature types",
    ),
    ({"FEATS type": "prat"}, "[FEATS] type: 'prat' is unknown, did you mean 'praat'?"),
    ({"MODEL type": "xbg"}, "[MODEL] type: 'xbg' is unknown, did you mean 'xgb'?"),
    ({"MODEL kernel": "rbv"}, "[MODEL] kernel: 'rbv' is none of rbf, linear, poly, sigmoid, did "
     "you mean 'rbf'?"),
    # known to nkululeko, not built
    ({"EXP save_test": "x"}, "[EXP] save_test: 'x' is not a CSV file, such as x.csv"),
    ({"FLAGS modles": "['xgb']"}, "[FLAGS] modles: unknown option, did you mean 'models'?"),
    # missing
    ({"DATA target": None}, "[DATA] target: missing, name the column to predict"),
    ({"DATA databases": None, "DATA a": None},
     "[DATA] databases: missing, such as databases = ['emodb']"),
    ({"DATA a": None}, "[DATA] a: no path, add a line a = <its CSV, or its audformat folder>"),
    ({"FEATS set": ""}, "[FEATS] set: has no value: give one, or leave the line out"),
    # out of range, wrong kind
    ({"DATA a.test_size": "0.4"},
     "[DATA] a.test_size: 0.4 is less than 1 (percent meant? Write 20 for 20 %)"),
    ({"DATA a.testsplit": "100"},
     "[DATA] a.testsplit: 100 is more than 99 (percent meant? Write 20 for 20 %)"),
    ({"EXP runs": "0"}, "[EXP] runs: 0 is less than 1"),
    ({"EXP seed": "-1"}, "[EXP] seed: -1 is less than 0"),
    ({"EXP seed": "2147483648"}, "[EXP] seed: 2147483648 is more than 2147483647"),
    ({"EXP runs": "few"}, "[EXP] runs: few is not a whole number"),
    ({"MODEL logo": "1"}, "[MODEL] logo: 1 is less than 2 (with as many groups as speakers, it is "
     "leave-one-speaker-out)"),
    ({"DATA labels": "['x', 'y'"}, "[DATA] labels: ['x', 'y' lacks a closing ']'"),
    ({"DATA labels": "{'x': 1}"}, "[DATA] labels: {'x': 1} is not a list like ['a', 'b']"),
    ({"MODEL C_val": "big"}, "[MODEL] C_val: big is not a number"),
    ({"MODEL C_val": "-1"}, "[MODEL] C_val: -1 is less than 0"),
    ({"DATA a.mapping": "['x']"},
     "[DATA] a.mapping: ['x'] is not a dictionary like {'a': 'b'}"),
    ({"DATA a.mapping": "{'x': 'y', 'z': {'u': 'v'}}"},
     "[DATA] a.mapping: mixes {value: new value} with {column: {value: new value}}"),
    ({"DATA a.mapping": "{'x, y': 'u', 'y': 'v'}"}, "[DATA] a.mapping: 'y' is mapped twice"),
    ({"DATA a.filter": "[['x', 'y', 'z']]"},
     "[DATA] a.filter: ['x', 'y', 'z'] is not a pair: write [[column, values], ...]"),
    ({"DATA a.colnames": "{'x': 'u', 'y': 'u'}"},
     "[DATA] a.colnames: two columns would be named 'u'"),
    # contradictions
    ({"EXP type": "regression"},
     "[EXP] type: is regression, but MODEL.type = svm is a model of classification: use svr"),
    ({"EXP type": "classification", "MODEL type": "tree_reg"},
     "[EXP] type: is classification, but MODEL.type = tree_reg is a model of regression: use tree"),
    ({"MODEL measure": "mse"},
     "[MODEL] measure: 'mse' is not a measure of classification, one of accuracy, eer, f1, uar"),
    ({"DATA bins": "[0, 40, 100]"}, "[DATA] bins: labels are missing: name the 2 bins"),
    ({"DATA bins": "[0, 40, 100]", "DATA labels": "['u', 'v', 'w']"},
     "[DATA] bins: 3 labels need 4 limits, there are 3"),
    ({"DATA bins": "[0, 140, 100]", "DATA labels": "['u', 'v']"},
     "[DATA] bins: [0, 140, 100] are not ascending"),
    (
        {"DATA type": "continuous"},
        "[DATA] type: continuous needs labels of the bins, such as labels = ['low', 'high']; "
        "their limits are in bins, or else quantiles of the training rows",
    ),
    ({"DATA labels": "['u', 'u', 'v']"}, "[DATA] labels: 'u' is named twice"),
    ({"DATA labels": "['u']"}, "[DATA] labels: a classification needs at least two"),
    ({"MODEL type": "knn", "MODEL class_weight": "True"},
     "[MODEL] class_weight: knn cannot weight classes; remove it"),
    ({"DATA a.testsplit": "30", "DATA a.test_size": "40"},
     "[DATA] a.test_size: is the same option as a.testsplit (line 6), keep one of them"),
    ({"EXP seed": "1", "MODEL random_state": "2"},
     "[MODEL] random_state: is 2, but EXP.seed is 1: keep one"),
    ({"EXP name": ".."}, "[EXP] name: '..' is not a name, such as my_name"),
    ({"DATA a.min_duration_of_sample": "2", "DATA max_duration_of_sample": "1"},
     "[DATA] a.min_duration_of_sample: 2 is more than max_duration_of_sample, 1"),
    # databases
    ({"DATA databases": "['a', 'A']"}, "[DATA] databases: 'A' is named twice"),
    ({"DATA databases": "['a', '']"}, "[DATA] databases: a name is empty"),
    ({"DATA databases": "[]"}, "[DATA] databases: is empty, name at least one"),
    ({"DATA databases": "['a', 'target']"},
     "[DATA] databases: 'target' is an option's name: choose another"),
    ({"DATA databases": "['a', 'data/x']"}, "[DATA] databases: 'data/x' is a path: give a name "
     "here, and the path as <name> = data/x"),
    ({"DATA root_folder": "x/roots.ini"},
     "[DATA] root_folder: 'root_folder' is not in databases, did you mean 'root_folders'?"),
    ({"DATA databases": "['a', 'emodb']", "DATA emodb": "b.csv", "DATA emobd.type": "csv"},
     "[DATA] emobd.type: 'emobd' is not in databases, did you mean 'emodb'?"),
    ({"DATA a.type": "cvs"},
     "[DATA] a.type: 'cvs' is none of csv, audformat, audb, demo, did you mean 'csv'?"),
    ({"DATA a.type": "audb"}, "[DATA] a.version: missing, an audb database needs it, such as "
     "a.version = 1.0.0"),
    # splits
    ({"DATA a.split_strategy": "speakers_split"}, "[DATA] a.split_strategy: 'speakers_split' is "
     "none of database, specified, speaker_split, speakers_stated, random, train, test, dev, "
     "column, balanced, reuse, train_test, did you mean 'speaker_split'?"),
    ({"DATA a.split_strategy": "specified"}, "[DATA] a.split_strategy: a CSV has no tables for "
     "'specified', use train, test, dev or speaker_split"),
    ({"DATA a": "audb", "DATA a.split_strategy": "specified"},
     "[DATA] a.split_strategy: specified needs a.train_tables or a.test_tables"),
    ({"DATA a.split_strategy": "speakers_stated"},
     "[DATA] a.split_strategy: speakers_stated needs a.test = [speakers]"),
    ({"DATA a.split_strategy": "[]"},
     "[DATA] a.split_strategy: the list of test speakers is empty"),
    ({"DATA a.split_strategy": "[0003]"},
     "[DATA] a.split_strategy: [0003] is not a Python literal: "
     "put words in quotes, and commas between them"),
    ({"DATA a.split_strategy": "train"}, "[DATA] split_strategy: there is no test set, give a "
     "database split_strategy = test"),
    ({"DATA a.split_strategy": "test"}, "[DATA] split_strategy: there is no training set, give a "
     "database split_strategy = train"),
    ({"DATA a.test_size": "60", "DATA a.dev_size": "40"},
     "[DATA] a.test_size: 60 % and dev_size 40 % leave nothing to train on"),
    ({"DATA a.split_strategy": "balanced", "DATA balance": "{'age': 'much'}"},
     "[DATA] a.balance: weight 'much' is not a number >= 0"),
    ({"DATA strategy": "cross_data"},
     "[DATA] strategy: cross_data needs tests = [databases to test on]"),
    ({"DATA tests": "['b']"},
     "[DATA] b: no path, add a line b = <its CSV, or its audformat folder>"),
    ({"DATA trains": "['a']", "DATA tests": "['b']"},
     "[DATA] tests: 'b' is not in databases, add it there"),
    ({"DATA tests": "['a']"}, "[DATA] tests: no database is left to train on"),
    ({"DATA trains": "['a']"}, "[DATA] trains: no database is left to test on"),
    ({"DATA databases": "['a', 'b']", "DATA b": "b.csv", "DATA trains": "['a', 'b']",
      "DATA tests": "['b']"}, "[DATA] tests: 'b' is in trains as well"),
    ({"DATA databases": "['a', 'b']", "DATA b": "b.csv", "DATA trains": "['a']",
      "DATA tests": "['b']", "DATA strategy": "train_test"},
     "[DATA] strategy: train_test contradicts trains and tests"),
]  # fmt: skip


@pytest.mark.parametrize("changes, problem", ERRORS)
def test_errors(place, changes, problem):
    assert problems(place, changes) == [problem]


MODEL_TYPES = f"docs/models.md has all {len(registry('models'))} models"
# Variants of a family of models have a dash in their name.
FAMILIES = [name for name in registry("features") if "-" not in name]
FEATURE_TYPES = f"docs/features.md has all {len(FAMILIES)} feature types"


def test_types_not_built_yet(place):
    assert problems(place, {"FEATS type": "['os', 'xlm-roberta']", "MODEL type": "hmm"}) == [
        f"[MODEL] type: 'hmm' is not built yet, the nearest are gmm; {MODEL_TYPES}",
        f"[FEATS] type: 'xlm-roberta' is not built yet, {FEATURE_TYPES}",
    ]


def test_missing_sections(place):
    (place / "x.ini").write_text("[EXP]\nname = x\n")
    with pytest.raises(UserError) as error:
        resolve("x.ini", cwd=place)
    assert error.value.problems == [
        "x.ini: [DATA] databases: missing, such as databases = ['emodb']",
        f"x.ini: [MODEL] type: missing, {MODEL_TYPES}",
        f"x.ini: [FEATS] type: missing, {FEATURE_TYPES}",
        "x.ini: [DATA] target: missing, name the column to predict",
    ]


def test_all_problems_at_once(place):
    found = problems(
        place,
        {
            "FEATS scael": "standard",
            "DATA target": None,
            "EXP runs": "0",
            "MODEL C_val": "[1",
            "DATA a": "none.csv",
        },
    )
    assert sorted(line.split(":")[0] for line in found) == [
        "[DATA] a",
        "[DATA] target",
        "[EXP] runs",
        "[FEATS] scael",
        "[MODEL] C_val",
    ]


def test_mistakes_of_form_and_of_content_together(place):
    (place / "x.ini").write_text("[EXP]\nruns = 1\nruns = 2\nwhat\nseed = x\n")
    with pytest.raises(UserError) as error:
        resolve("x.ini", cwd=place)
    assert error.value.problems[:2] == [
        "x.ini: line 3: [EXP] runs is already on line 2: keep one of them",
        "x.ini: line 4: 'what' is neither a [SECTION] nor a 'key = value' (further lines of a "
        "value are indented)",
    ]
    assert "x.ini: [EXP] seed: x is not a whole number" in error.value.problems


def test_missing_ini(place):
    with pytest.raises(UserError) as error:
        resolve("none.ini", cwd=place)
    assert error.value.problems == ["none.ini: no such file"]


def test_paths_beside_the_ini_then_in_cwd(place):
    beside, cwd = place / "inis", place / "work"
    for folder in (beside, cwd):
        folder.mkdir()
        (folder / "b.csv").write_text("file\n")
    (cwd / "c.csv").write_text("file\n")
    write(beside, {"DATA databases": "b, c", "DATA a": None, "DATA b": "b.csv", "DATA c": "c.csv"})
    found = resolve(beside / "x.ini", cwd=cwd)
    assert [database["path"] for database in found.databases] == [
        str(beside / "b.csv"),
        str(cwd / "c.csv"),
    ]
    (cwd / "c.csv").unlink()
    with pytest.raises(UserError) as error:
        resolve("../inis/x.ini", cwd=cwd)
    assert error.value.problems == [
        f"../inis/x.ini: [DATA] c: no such file or folder: {beside / 'c.csv'} or {cwd / 'c.csv'}"
    ]


def test_kinds_of_databases(place):
    def kind(changes):
        database = solve(place, changes).databases[0]
        return database["type"], database["path"]

    assert kind({"DATA a": "audb"}) == ("audformat", str(place / "audb"))
    assert kind({"DATA a": str(place / "a.csv")}) == ("csv", str(place / "a.csv"))
    assert kind({"DATA a": ".\\audb"}) == ("audformat", str(place / "audb"))
    assert kind({"DATA a": "words.txt", "DATA a.type": "csv"}) == ("csv", str(place / "words.txt"))
    assert kind({"DATA a.type": "demo", "DATA a": None}) == ("demo", None)
    assert kind({"DATA a.version": "1.1.0", "DATA a": "emodb"}) == ("audb", "emodb")
    assert kind({"DATA a.version": "1.1.0", "DATA a": None}) == ("audb", "a")
    assert problems(place, {"DATA a": "folder"}) == [
        f"[DATA] a: {place / 'folder'} is a folder without db.yaml; name its CSV file, or set "
        "a.type"
    ]
    assert problems(place, {"DATA a": "words.txt"}) == [
        f"[DATA] a: {place / 'words.txt'} is neither *.csv nor *.tsv nor a folder; name its "
        "CSV file, or set a.type"
    ]
    assert problems(place, {"DATA a": "folder", "DATA a.type": "csv"}) == [
        f"[DATA] a: {place / 'folder'} is a folder; name the CSV file in it"
    ]
    assert problems(place, {"DATA a": "a.csv", "DATA a.type": "audformat"}) == [
        f"[DATA] a: {place / 'a.csv'} is not an audformat database (a folder with db.yaml); for a "
        "CSV file set a.type = csv"
    ]


def test_databases_named_train_and_test(place):
    found = solve(
        place,
        {
            "DATA databases": "['train', 'test']",
            "DATA a": None,
            "DATA train": "a.csv",
            "DATA train.split_strategy": "train",
            "DATA test": "b.csv",
            "DATA test.split_strategy": "test",
        },
    )
    assert [d["path"] for d in found.databases] == [str(place / "a.csv"), str(place / "b.csv")]
    assert {k: v["split_strategy"] for k, v in found.split["databases"].items()} == {
        "train": "train",
        "test": "test",
    }


def split_of(place, changes):
    spec = solve(place, changes).split["databases"]["a"]
    return {key: value for key, value in spec.items() if value is not None}


def test_a_split_holds_what_its_strategy_reads(place):
    given = {
        "DATA a.testsplit": "40",
        "DATA a.dev_size": "10",
        "DATA a.test": "[3, '0004']",
        "DATA balance": "{'age': 2}",
        "DATA age_bins": "3",
        "DATA stratify": "True",
    }
    sizes = {"test_size": 40.0, "dev_size": 10.0}
    wanted = {
        "speaker_split": sizes,
        "random": sizes | {"stratify": True},
        "balanced": sizes
        | {"balance": {"age": 2}, "age_bins": 3, "stratify": True, "size_diff_weight": 1},
        "speakers_stated": {"test": ["3", "0004"]},
    }
    for strategy, expected in wanted.items():
        found = split_of(place, given | {"DATA a.split_strategy": strategy})
        assert found == expected | {"split_strategy": strategy}
    assert split_of(place, given | {"DATA a.split_strategy": "[12, '0014']"}) == {
        "split_strategy": ["12", "0014"]
    }
    assert split_of(place, given) == sizes
    # With a stated size, reuse is the split of a first run with it, under the same key.
    again = split_of(place, given | {"DATA a.split_strategy": "reuse"})
    assert again == split_of(place, given | {"DATA a.split_strategy": "speaker_split"})
    assert split_of(place, {"DATA a.split_strategy": "reuse"}) == split_of(place, {})
    # A default that is written out changes no key, 20 being 20.0.
    assert repr(split_of(place, {"DATA a.test_size": "20"})) == repr(split_of(place, {}))
    notes = solve(place, given | {"DATA a.split_strategy": "random"}).notes
    assert notes == (
        "[DATA] a.test: no effect with split_strategy = random",
        "[DATA] balance: no effect with these splits",
        "[DATA] age_bins: no effect with these splits",
    )


def test_traindevtest_cuts_a_dev_set(place):
    assert split_of(place, {"EXP traindevtest": "True"}) == {"test_size": 20, "dev_size": 20}
    assert solve(place, {"EXP traindevtest": "True"}).split["traindevtest"] is True


def test_overrides_are_warned_of(place):
    changes = {
        "MODEL k_fold_cross": "5",
        "DATA a.split_strategy": "speaker_split",
        "DATA a.test_size": "30",
    }
    found = solve(place, changes)
    assert found.warnings == ("[DATA] a.split_strategy: overridden by MODEL.k_fold_cross",)
    assert found.notes == ("[DATA] a.test_size: no effect with this kind of split",)
    assert found.split["k_fold_cross"] == 5
    assert set(found.split["databases"]["a"].values()) == {None}
    found = solve(place, changes | {"MODEL logo": "10"})
    assert found.warnings == (
        "[MODEL] k_fold_cross: overridden by MODEL.logo",
        "[DATA] a.split_strategy: overridden by MODEL.logo",
    )
    assert (found.split["logo"], found.split["k_fold_cross"]) == (10, None)
    # What is overridden is in no spec, so it changes no key.
    assert found.split == solve(place, {"MODEL logo": "10"}).split


def test_cross_data(place):
    two = {"DATA databases": "['a', 'B']", "DATA b": "b.csv"}
    found = solve(place, two | {"DATA tests": "b", "DATA strategy": "cross_data"})
    assert (found.split["strategy"], found.split["trains"], found.split["tests"]) == (
        "cross_data",
        ["a"],
        ["B"],
    )
    found = solve(place, two | {"DATA trains": "a"})
    assert found.notes == ("[DATA] trains, tests: taken as DATA.strategy = cross_data",)
    # Tests alone leave the others to their splits, and need not be among databases.
    for names in ({}, {"DATA databases": "['a']"}):
        found = solve(place, two | names | {"DATA tests": "b", "DATA a.split_strategy": "random"})
        assert (found.split["strategy"], found.split["trains"]) == ("train_test", None)
        assert [name.lower() for name in found.split["tests"]] == ["b"]
        strategies = [s["split_strategy"] for s in found.split["databases"].values()]
        assert strategies == ["random", "test"]
    found = solve(
        place,
        two
        | {
            "DATA strategy": "cross_data",
            "DATA trains": "['a']",
            "DATA a.split_strategy": "random",
            "DATA b.split_strategy": "test",
        },
    )
    assert found.split["tests"] == ["B"]
    assert found.warnings == ("[DATA] a.split_strategy: overridden by DATA.strategy = cross_data",)
    three = two | {"DATA databases": "['a', 'b', 'c']", "DATA c": "a.csv"}
    found = solve(place, three | {"DATA trains": "['a']", "DATA tests": "['b']"})
    assert found.warnings == ("[DATA] c: unused, neither in trains nor in tests",)


def test_soft_labels(place):
    found = solve(place, {"EXP save_test": "./soft.csv"})
    assert found.save_test == str(place.resolve() / "soft.csv")
    assert "unlabelled" not in found.databases[0]
    # What is only predicted need not have the target.
    two = {"DATA databases": "['a', 'b']", "DATA b": "b.csv", "DATA b.split_strategy": "test"}
    found = solve(place, two | {"EXP save_test": "soft.csv"})
    assert [database.get("unlabelled", False) for database in found.databases] == [False, True]
    assert "unlabelled" not in solve(place, two).databases[1]
    # A file of the user's is not replaced, a link is.
    (problem,) = problems(place, {"EXP save_test": "a.csv"})
    assert "exists already and would be replaced" in problem
    (place / "link.csv").symlink_to("nowhere.csv")
    assert solve(place, {"EXP save_test": "link.csv"}).save_test.endswith("/link.csv")
    for link, target in (("loop.csv", "loop.csv"), ("one", "two"), ("two", "one")):
        (place / link).symlink_to(target)
    assert solve(place, {"EXP save_test": "loop.csv"}).save_test.endswith("/loop.csv")
    for path in ("one/x.csv", "one/deep/x.csv", "a.csv/x.csv"):
        (problem,) = problems(place, {"EXP save_test": path})
        assert f"/{path.split('/')[0]} is no folder, nor a link to one" in problem


def test_a_database_that_another_ini_makes(place):
    write(place, {"EXP save_test": "made.csv"}, name="teacher.ini")
    student = {"DATA a": "made.csv"}
    (problem,) = problems(place, student)
    assert problem.endswith(
        "teacher.ini makes it (save_test): add teacher.ini to the experiments of the config"
    )
    made = soft_labels.makers(["teacher.ini", "x.ini"], cwd=place)
    assert made == {str(place.resolve() / "made.csv"): "teacher.ini"}
    database = solve(place, student, made=made).databases[0]
    assert (database["type"], database["path"]) == ("soft", str(place.resolve() / "made.csv"))


def test_regression(place):
    found = solve(
        place, {"MODEL type": "svr", "DATA labels": "['u', 'v']", "DATA bins": "[0, 1, 2]"}
    )
    assert (found.task, found.labels) == ("regression", None)
    # For a confusion matrix beside it.
    assert found.evaluation == {
        "measure": "mse",
        "ci": "auto",
        "bins": [0, 1, 2],
        "bin_labels": ["u", "v"],
    }
    assert (found.load["bins"], found.load["continuous"], found.notes) == (None, False, ())
    found = solve(place, {"MODEL type": "svr", "DATA labels": "['u', 'v']"})
    assert found.evaluation == {"measure": "mse", "ci": "auto"}
    assert found.notes == ("no effect in regression: [DATA] labels",)


def test_binned_target(place):
    changes = {"DATA labels": "['u40', 'ü40']", "DATA bins": "[-100, 40, 100]"}
    found = solve(place, changes | {"DATA type": "continuous"})
    assert found.load["continuous"] is True
    assert found.load["bins"] == [-100, 40, 100]
    assert found.notes == ()
    found = solve(place, changes)
    assert found.load["continuous"] is True
    assert found.notes == ("[DATA] bins: taken as DATA.type = continuous",)


def test_notes_on_what_has_no_effect(place):
    found = solve(
        place,
        {
            "EXP root": "./results",
            "EXP save": "True",
            "EXP epochs": "100",
            "DATA no_reuse": "False",
            "FEATS store_format": "csv",
            "FEATS print_feats": "False",
            "FEATS balancing": "False",
            "FEATS praat.f0_max": "500",
            "FEATS wav2vec2.model": "/models/w2v2",
            "MODEL n_jobs": "8",
            "MODEL layers": "{'l1': 64}",
            "EXPL segment_target": "_segmented",
            "PLOT sample_selection": "train",
        },
    )
    assert found.warnings == ()
    assert set(found.notes) == {
        "[EXP] epochs: no effect with MODEL.type = svm",
        "[MODEL] layers: no effect with MODEL.type = svm",
        "[FEATS] praat.f0_max: no effect with FEATS.type = os",
        "[EXP] root, save; [DATA] no_reuse; [FEATS] store_format, print_feats; "
        "[MODEL] n_jobs: no effect here",
        "[FEATS] wav2vec2.model: no effect with FEATS.type = os",
        "[EXPL] segment_target: no effect here, nor in nkululeko: the ending of the lists of "
        "segments is SEGMENT.segment_target",
        "[PLOT] sample_selection: no effect here, EXPL.sample_selection restricts pictures of the "
        "data",
    }
    # What has no effect is in no spec.
    plain = solve(place)
    for part in ("databases", "load", "split", "features", "preprocessing", "model"):
        assert getattr(found, part) == getattr(plain, part)


def test_epochs_reach_the_net(place):
    found = solve(place, {"MODEL type": "mlp", "EXP epochs": "7", "MODEL layers": "[8]"})
    assert found.model["options"]["epochs"] == 7
    assert found.model["options"]["layers"] == [8]
    assert found.model["options"]["measure"] == "uar"
    assert "epochs" not in solve(place, {"MODEL type": "mlp"}).model["options"]


def test_seed_in_the_model_section(place):
    assert solve(place, {"MODEL random_seed": "3"}).seed == 3
    assert solve(place, {"MODEL random_seed": "False"}).seed == 42
    assert solve(place, {"EXP random_state": "5"}).seed == 5


def test_overrides_replace_values(place):
    found = solve(place, overrides={"MODEL.type": "knn", "FEATS.scale": "robust"})
    assert found.model["type"] == "knn"
    assert found.preprocessing["scale"] == "robust"
    with pytest.raises(UserError, match=r"^x.ini: \[FEATS\] scael: unknown option"):
        solve(place, overrides={"FEATS.scael": "robust"})


def test_imported_features_are_found_beside_the_ini(place):
    found = solve(place, {"FEATS type": "import", "FEATS import_file": "['b.csv']"})
    assert found.features[0]["options"]["import_file"] == [str(place / "b.csv")]
    assert problems(place, {"FEATS type": "import", "FEATS import_file": "f.csv"}) == [
        f"[FEATS] import_file: no such file: {place / 'f.csv'}"
    ]


def test_a_thousand_inis_are_fast(place):
    name = write(place, {"FEATS scale": "standard", "DATA labels": "['a', 'b', 'c']"})
    resolve(name, cwd=place)
    took = []
    for _ in range(200):
        start = time.process_time()
        resolve(name, cwd=place)
        took.append(time.process_time() - start)
    # 1 ms an ini where this was written; the limit allows for slower machines.
    assert min(took) < 0.004


@settings(max_examples=60, deadline=None)
@given(
    name=st.from_regex(r"\A[A-Za-z][A-Za-z0-9_. -]{0,20}[A-Za-z0-9]\Z"),
    labels=st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1
        ),
        min_size=2,
        max_size=6,
        unique=True,
    ),
    test_size=st.integers(1, 99),
    seed=st.integers(0, 2**31 - 1),
    cost=st.floats(1e-6, 1e6),
    scale=st.sampled_from(["standard", "robust", "MinMax", "'maxabs'"]),
    upper=st.booleans(),
)
def test_valid_inis_resolve_to_what_they_say(
    tmp_path_factory, name, labels, test_size, seed, cost, scale, upper
):
    place = tmp_path_factory.getbasetemp()
    (place / "a.csv").write_text("file,emotion\n")

    def key(text):
        return text.upper() if upper else text

    write(
        place,
        {
            f"EXP {key('name')}": name,
            f"EXP {key('seed')}": str(seed),
            f"DATA {key('labels')}": repr(labels),
            f"DATA {key('a.test_size')}": str(test_size),
            f"FEATS {key('scale')}": scale,
            f"MODEL {key('C_val')}": repr(cost),
        },
        name="random.ini",
    )
    found = resolve("random.ini", cwd=place)
    assert found.name == name
    assert found.seed == seed
    assert found.labels == labels
    assert found.split["databases"]["a"]["test_size"] == test_size
    assert found.preprocessing["scale"] == scale.strip("'").lower()
    assert found.model["options"]["C_val"] == cost
    assert found.notes == found.warnings == ()


def test_options_that_play_no_part_are_in_no_key(place):
    plain = solve(place, {"FEATS type": "os"})
    given = solve(place, {"FEATS type": "os", "FEATS os.duration": "2"})
    assert given.features == plain.features
    assert "[FEATS] os.duration: no effect with these options of os" in given.notes
    frames = solve(place, {"FEATS type": "os", "FEATS level": "frames", "FEATS os.duration": "2"})
    assert frames.features[0]["options"]["os.duration"] == 2
