"""Trained models on other audio, as a user tries them: the command line and its predictor."""

import csv
import json
import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow import IZWI, Folder, izwi_environment

from izwi.cli import main
from izwi.errors import UserError
from izwi.serving.predictor import Predictor, model_folder

DATA = {
    "databases": "['demo']",
    "demo.type": "demo",
    "demo.limit_samples": 60,
    "demo.split_strategy": "speaker_split",
    "demo.test_size": 40,
    "target": "emotion",
}
OS = {"type": "os", "scale": "standard"}
# Rates at which the runs differ, and stop at different figures.
NET = {"type": "mlp", "layers": "[8]", "learning_rate": 0.01, "patience": 3}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Models of several kinds on the embedded data, in one call."""
    folder = Folder(tmp_path_factory.mktemp("demo"))
    inis = [
        folder.ini("svm", DATA=DATA, FEATS=OS, MODEL={"type": "svm"}),
        folder.ini("two_sets", DATA=DATA, FEATS={"type": "['praat', 'os']"}, MODEL={"type": "xgb"}),
        folder.ini(
            "net",
            EXP={"runs": 3, "epochs": 6, "traindevtest": True},
            DATA=DATA,
            FEATS=OS,
            MODEL=NET,
        ),
        folder.ini("speaker", DATA=DATA, FEATS=OS | {"scale": "speaker"}, MODEL={"type": "knn"}),
        folder.ini("folds", DATA=DATA, FEATS=OS, MODEL={"type": "knn", "k_fold_cross": 3}),
    ]
    folder.config(inis)
    folder.call = folder.run("-c", "2", "--verbose", "--configfile", "config.yaml")
    return folder


def rows_of(folder, name, run=1):
    """Rows of predictions.csv of a run, with the paths of their audio."""
    (database,) = (folder.path / "results" / "databases").iterdir()
    rows = [row for row in folder.predictions(name) if int(row["run"]) == run]
    return rows, [str(database / row["file"]) for row in rows]


def same(result, rows):
    """The very figures of predictions.csv."""
    assert result["problem"].isna().all()
    assert len(result) == len(rows) > 0
    labels = [column for column in rows[0] if column.startswith("p_")]
    assert [column for column in result if column.startswith("p_")] == labels
    numeric = not labels
    for predicted, row in zip(result.to_dict("records"), rows, strict=True):
        expected = float(row["prediction"]) if numeric else row["prediction"]
        assert predicted["prediction"] == expected
        assert [predicted[label] for label in labels] == [float(row[label]) for label in labels]


def predictor(folder, name):
    return Predictor(model_folder(name, folder.path / "results"))


@pytest.fixture
def call(monkeypatch, capsys):
    """The command line, in this process."""

    def call(folder, *arguments, code=0):
        monkeypatch.chdir(folder.path)
        capsys.readouterr()
        found = main(["predict", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert found == code, out + err
        return SimpleNamespace(stdout=out, stderr=err)

    return call


def test_the_scheduler_sleeps_while_jobs_wait_for_cores(run):
    jobs = sum(map(int, re.findall(r"^Execute (\d+) jobs", run.call.text, re.MULTILINE)))
    # Models of several kinds wait for two cores; a look for each job that starts or ends.
    assert run.call.jobs("train") > 2
    assert 0 < run.call.text.count("Ready jobs: ") <= 3 * jobs


def test_the_command_line_as_a_user_calls_it(run):
    rows, paths = rows_of(run, "svm")
    found = subprocess.run(
        [*IZWI, "predict", "--experiment", "svm", *paths],
        cwd=run.path,
        env=izwi_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0
    assert found.stderr.splitlines()[-1] == "svm: svm on os, its only run"
    assert [line.split()[:2] for line in found.stdout.splitlines()] == [
        [path, row["prediction"]] for path, row in zip(paths, rows, strict=True)
    ]


@pytest.mark.parametrize("name", ["svm", "two_sets"])
def test_it_predicts_what_the_experiment_did(run, name):
    rows, paths = rows_of(run, name)
    same(predictor(run, name).predict(paths), rows)


def test_the_run_is_the_best_on_dev(run):
    (training,) = (run.path / "results" / "models").glob("mlp-*/training.json")
    devs = [record["dev"] for record in json.loads(training.read_text())["runs"]]
    best = 1 + devs.index(max(devs))
    assert len(set(devs)) > 1 and best != 1
    model = predictor(run, "net")
    assert model.title == f"mlp on os, run {best} of 3 (best on dev)"
    rows, paths = rows_of(run, "net", best)
    same(model.predict(paths), rows)


def test_with_scale_speaker_the_files_of_a_call_are_one_speaker(run, call):
    rows, paths = rows_of(run, "speaker")
    speaker = rows[0]["speaker"]
    own = [i for i, row in enumerate(rows) if row["speaker"] == speaker]
    assert 1 < len(own) < len(rows)
    result = predictor(run, "speaker").predict([paths[i] for i in own])
    same(result, [rows[i] for i in own])
    assert result.attrs["notes"] == [
        f"scale = speaker: all {len(own)} files are taken as all of one speaker's"
    ]
    (alone, single) = predictor(run, "speaker").predict(paths[:1]).attrs["notes"]
    assert alone == "scale = speaker: the file is taken as all of one speaker's"
    assert "single sample" in single
    web = call(run, "--experiment", "speaker", "--web", code=1)
    assert "scale = speaker" in web.stderr and len(web.stderr.splitlines()) == 1


def test_the_folder_of_a_model_is_all_it_needs(run, tmp_path):
    rows, paths = rows_of(run, "svm")
    shutil.copytree(model_folder("svm", run.path / "results"), tmp_path / "elsewhere")
    same(Predictor(tmp_path / "elsewhere").predict(paths), rows)


def test_channels_that_cancel_out_are_noted(run, tmp_path):
    _, paths = rows_of(run, "svm")
    signal, rate = soundfile.read(paths[0], always_2d=True)
    soundfile.write(tmp_path / "anti.wav", signal[:, :1] * [1, -1], rate)
    notes = predictor(run, "svm").predict([paths[0], tmp_path / "anti.wav"]).attrs["notes"]
    (line,) = [note for note in notes if "cancel out" in note]
    assert line.startswith("1 of 2 rows of audio has") and line.endswith("(anti.wav)")


def test_a_part_of_a_file_is_that_part_alone(run, tmp_path):
    _, paths = rows_of(run, "svm")
    signal, rate = soundfile.read(paths[0], dtype="int16")
    soundfile.write(tmp_path / "part.wav", signal[rate // 2 : rate + rate // 2], rate)
    model = predictor(run, "svm")
    part = model.predict(
        pd.DataFrame({"file": [paths[0]], "start": [0.5], "end": [pd.Timedelta(seconds=1.5)]})
    )
    cut = model.predict([tmp_path / "part.wav"])
    columns = ["prediction", *(c for c in cut if c.startswith("p_"))]
    assert part[columns].equals(cut[columns])
    assert not part[columns].equals(model.predict([paths[0]])[columns])


def test_bad_files_cost_a_line_each_and_the_rest_is_predicted(run, tmp_path, call):
    rows, paths = rows_of(run, "svm")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "list.txt").write_text("\n".join(["empty.wav", paths[0], "gone.wav", paths[1]]))
    out = tmp_path / "out.csv"
    found = call(run, "--experiment", "svm", tmp_path / "list.txt", "--csv", out, code=1)
    assert found.stderr.splitlines() == [
        "svm: svm on os, its only run",
        f"{tmp_path}/empty.wav: no prediction, no audio in it, the file is empty",
        f"{tmp_path}/gone.wav: no prediction, there is no such file",
        "2 of 4 without a prediction",
    ]
    lines = found.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [paths[i], rows[i]["prediction"]] for i in (0, 1)
    ]
    labels = [column for column in rows[0] if column.startswith("p_")]
    for line, row in zip(lines, rows[:2], strict=True):
        ranked = sorted(labels, key=lambda label: -float(row[label]))
        expected = ", ".join(f"{label[2:]} {float(row[label]):.3f}" for label in ranked)
        assert f"  {expected}  " in line and line.endswith(" s")
    with open(out, newline="") as stream:
        written = list(csv.DictReader(stream))
    assert list(written[0]) == ["file", "start", "end", "prediction", *labels, "seconds"]
    assert [row["file"] for row in written] == paths[:2]
    for row, expected in zip(written, rows[:2], strict=True):
        assert [row[c] for c in ("prediction", *labels)] == [
            expected[c] for c in ("prediction", *labels)
        ]


def test_json_folders_and_csv_databases(run, call):
    rows, paths = rows_of(run, "svm")
    (database,) = (run.path / "results" / "databases").iterdir()
    # The database's own table, as far as the experiment tested it and a few files more.
    table = pd.read_csv(database / "demo.csv")
    tested = table["file"].isin([row["file"] for row in rows])
    table = table[tested | (np.arange(len(table)) < 4)]
    assert len(table) > len(rows)
    path = database / "some.csv"
    table.to_csv(path, index=False)
    found = json.loads(call(run, "--experiment", "svm", path, "--json").stdout)
    path.unlink()
    by_file = {entry["file"]: entry for entry in found["files"]}
    assert len(found["files"]) == len(table)
    for row, path in zip(rows, paths, strict=True):
        entry = by_file[path]
        assert entry["prediction"] == row["prediction"]
        assert entry["probabilities"] == {
            column[2:]: float(row[column]) for column in row if column.startswith("p_")
        }
        assert list(entry["probabilities"].values()) == sorted(
            entry["probabilities"].values(), reverse=True
        )
        assert 0 < entry["seconds"] < 60


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--experiment", "nothing", "x.wav"], "no experiment 'nothing' in results: there are "),
        (["--experiment", "folds", "x.wav"], "cross-validation trains a model for each of its 3"),
        (["--model", ".", "x.wav"], ".: no model here; name a folder such as results/models/svm-…"),
        (["--experiment", "svm", "none.txt"], "none.txt: cannot be read"),
        (["--experiment", "svm", "--web", "--port", "99999"], "--port: 99999 cannot be used"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run, arguments, message, call):
    found = call(run, *arguments, code=1)
    assert message in found.stderr and len(found.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "change, message",
    [
        ({"feature_sets": [{"type": "import", "options": {}, "versions": {}}]}, "from a file"),
        ({"submodels": {"column": "gender"}}, "for each value of gender"),
        ({"best_run": 9}, "run 9 is missing"),
        ({"features": ["other"]}, "not those that the model was trained on"),
    ],
)
def test_a_model_that_cannot_be_tried_says_why(run, tmp_path, change, message):
    _, paths = rows_of(run, "svm")
    shutil.copytree(model_folder("svm", run.path / "results"), tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=message) as caught:
        Predictor(tmp_path).predict(paths[:1])
    assert len(caught.value.problems) == 1


def test_another_version_of_the_extractor_is_noted(run, tmp_path):
    shutil.copytree(model_folder("svm", run.path / "results"), tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    kept = json.loads(path.read_text())
    here = kept["feature_sets"][0]["versions"]["opensmile"]
    assert Predictor(tmp_path).notes == []
    kept["feature_sets"][0]["versions"]["opensmile"] = "0.1"
    path.write_text(json.dumps(kept))
    assert Predictor(tmp_path).notes == [
        f"opensmile 0.1 trained the model, {here} is here: figures may differ"
    ]


def test_regression_on_human_speech(emodb, tmp_path, call):
    folder = Folder(tmp_path)
    ini = folder.ini(
        "age",
        DATA={
            "databases": "['emodb']",
            "emodb": emodb / "emodb.csv",
            "emodb.limit_samples": 30,
            "target": "age",
        },
        FEATS=OS | {"type": "['os', 'praat']"},
        MODEL={"type": "svr"},
    )
    folder.run("--config", f"ini={ini}")
    rows = folder.predictions("age")
    paths = [str(emodb / row["file"]) for row in rows]
    assert len({row["prediction"] for row in rows}) == len(rows) > 4
    same(predictor(folder, "age").predict(paths), rows)
    found = call(folder, "--experiment", "age", paths[0])
    assert found.stdout.split()[:2] == [paths[0], f"{float(rows[0]['prediction']):.1f}"]
