"""What goes with a paper: methods, Table 1, references, archive, and where a number comes from."""

import hashlib
import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from workflow import Folder

from izwi.cli import main

RATE = 8000
EMOTIONS = ["anger", "joy"]
FEATS = {"type": "import", "import_file": "features.csv"}
AUDITED = (
    "Before training, the split was audited for leakage, and nothing was found that could have "
    "inflated the figures."
)


def database(path: Path, name: str, speakers: int, per_speaker: int, seed: int) -> pd.DataFrame:
    """Noises with a speaker, sex, age and emotion, that features of their own tell a little of."""
    random = np.random.default_rng(seed)
    rows = []
    for speaker in range(speakers):
        for n in range(per_speaker):
            file = path / name / f"{speaker}_{n}.wav"
            file.parent.mkdir(exist_ok=True)
            length = 800 + 80 * n + speaker
            soundfile.write(file, random.normal(0, 0.1, length), RATE)
            emotion = EMOTIONS[n % 2]
            rows.append(
                {
                    "file": str(file),
                    "speaker": f"s{speaker:02}",
                    "sex": "fm"[speaker % 2],
                    "age": 20 + speaker,
                    "emotion": emotion,
                    "seconds": length / RATE,
                    "x": random.normal() + (emotion == "joy"),
                    "y": random.normal() + speaker / 10,
                }
            )
    table = pd.DataFrame(rows)
    table.drop(columns=["x", "y", "seconds"]).to_csv(path / f"{name}.csv", index=False)
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One call over five kinds of experiments."""
    folder = Folder(tmp_path_factory.mktemp("paper"))
    tables = {
        "emodb": database(folder.path, "emodb", 6, 8, 1),
        "my_db": database(folder.path, "my_db", 24, 4, 2),
    }
    features = pd.concat(tables.values())[["file", "x", "y"]]
    features.to_csv(folder.path / "features.csv", index=False)
    (folder.path / "roots.ini").write_text("emodb = emodb.csv\nmy_db = my_db.csv\n")
    data = {"root_folders": "roots.ini", "databases": "['emodb']", "target": "emotion"}
    both = data | {"databases": "['emodb', 'my_db']", "trains": "['emodb']", "tests": "['my_db']"}
    inis = [
        folder.ini(
            "hold",
            DATA=data | {"emodb.split_strategy": "['s04', 's05']"},
            FEATS=FEATS | {"scale": "standard"},
            MODEL={"type": "svm", "C_val": 10},
        ),
        folder.ini(
            "folds",
            EXP={"seed": 7},
            DATA=data,
            FEATS=FEATS | {"scale": "speaker"},
            MODEL={"type": "knn", "logo": 6},
        ),
        folder.ini(
            "age",
            DATA=data
            | {
                "databases": "['my_db']",
                "target": "age",
                "my_db.split_strategy": "random",
                "my_db.test_size": 60,
                "my_db.filter": "{'emotion': 'joy'}",
            },
            FEATS=FEATS,
            MODEL={"type": "knn_reg", "K_val": 3, "measure": "ccc"},
        ),
        folder.ini(
            "cross",
            DATA=both | {"my_db.mapping": "{'anger': 'joy', 'joy': 'anger'}"},
            FEATS=FEATS | {"scale": "robust", "balancing": "ros"},
            MODEL={"type": "tree", "tune": "{'max_depth': [1, 2, 3]}"},
        ),
    ]
    folder.tables = tables
    folder.config(inis, name="paper.yaml")
    folder.call = folder.run("--configfile", "paper.yaml", "-c", "1")
    return folder


def place(folder, name, file):
    return folder.path / "results" / "experiments" / name / file


def text(folder, name, file="methods.md"):
    return place(folder, name, file).read_text(encoding="utf-8")


def paragraphs(folder, name):
    """Title → text of each paragraph of the methods."""
    found = re.findall(r"^\*\*(\w+)\.\*\* (.*)$", text(folder, name), re.MULTILINE)
    return dict(found)


def software(folder, name):
    record = json.loads(text(folder, name, "experiment.json"))
    return record["packages"], record["izwi"]


def test_methods_of_a_hold_out(folder):
    version, izwi = software(folder, "hold")
    assert paragraphs(folder, "hold") == {
        "Data": "The target was *emotion* with 2 classes (anger, joy). Berlin EmoDB "
        "[@burkhardt2005emodb] (here named emodb) contributed 48 files from 6 speakers (3 female, "
        "3 male; age: mean 22.5, SD 1.9, range 20–25; 0.1 minutes).",
        "Split": "Speakers s04 and s05 of emodb were held out for testing. This gave 32 files of 4 "
        "speakers for training and 16 files of 2 speakers for testing. No speaker was in both the "
        f"training and the test set. {AUDITED}",
        "Features": "The features were imported features, with 2 values per sample.",
        "Preprocessing": "The features were standardised to zero mean and unit variance, with "
        "parameters fitted on the training samples alone.",
        "Model": "The model was a support vector machine [@pedregosa2011sklearn] in scikit-learn "
        f"{version['scikit-learn']} (C_val = 10; by default kernel = rbf, gamma = scale). Its "
        "probabilities were coupled from those of pairs of classes, which came from sigmoids "
        "[@platt1999probabilistic] fitted on inner folds of "
        "the training samples.",
        "Evaluation": "The measure was the unweighted average recall (UAR), computed over the "
        "pooled predictions (n = 16 samples of 2 speakers). Its 95 % interval was the t interval "
        "of the delete-one-speaker jackknife [@efron1993bootstrap] on the logit scale, with 1 "
        "degree of freedom from Kish's effective number of speakers; it holds for the model as it "
        "was fitted. With only 2 test speakers, the figures depend on who they are.",
        "Software": f"Everything was run with izwi {izwi} [@izwi], a Snakemake workflow "
        f"[@moelder2021snakemake], using Python {version['python']}, Snakemake "
        f"{version['snakemake']}, NumPy {version['numpy']}, pandas {version['pandas']}, SciPy "
        f"{version['scipy']} and scikit-learn {version['scikit-learn']}. The seed of the split "
        "and the intervals was 42.",
    }


def test_methods_of_cross_validation_and_a_transductive_scaler(folder):
    found = paragraphs(folder, "folds")
    assert found["Split"] == (
        "The evaluation was a leave-one-speaker-out cross-validation with 6 folds; each fold had 8 "
        "files. Each of the 48 files was tested once, by a model trained on other folds. No "
        "speaker was in more than one fold. Before training, the split was audited for "
        "leakage; what was found may have inflated the figures (transductive)."
    )
    assert found["Preprocessing"] == (
        "The features were standardised speaker by speaker over all samples of that speaker in the "
        "same part, test speakers included. This step was transductive: a test sample was scaled "
        "with the help of the speaker's other test samples."
    )
    assert "pooled predictions of all folds (n = 48 samples of 6 speakers)" in found["Evaluation"]
    assert found["Software"].endswith("The seed of the split and the intervals was 7.")


def test_methods_of_a_regression(folder):
    found = paragraphs(folder, "age")
    n_test = len(folder.predictions("age"))
    assert "The target was *age*, a number (of all used samples: mean " in found["Data"]
    assert "The database my_db contributed 48 of its 96 files from 24 speakers" in found["Data"]
    assert found["Data"].endswith("; 48 were left out by filters.")
    assert re.search(
        r"Of my_db, \d+ of 48 samples \(60 % were requested\) were drawn at random, whoever spoke, "
        r"and held out for testing\. .* \d+ speakers "
        r"were in both the training and the test set, so the test was not speaker-independent\. "
        r"Before",
        found["Split"],
    )
    speakers = folder.metrics("age")["n_speakers"]
    assert speakers >= 20
    assert found["Evaluation"].startswith(
        "The measure was the concordance correlation coefficient (CCC) [@lin1989ccc], computed "
        f"over the pooled predictions (n = {n_test} samples of {speakers} speakers). Its 95 % "
        "interval was the t interval of the delete-one-speaker jackknife [@efron1993bootstrap] on "
        "the scale of Fisher's z, with "
    )


def test_methods_across_databases(folder):
    found = paragraphs(folder, "cross")
    assert found["Data"].endswith("; labels were mapped (anger to joy, joy to anger).")
    assert found["Split"] == (
        "Training was on emodb and testing on my_db. This gave 48 files of 6 speakers for training "
        "and 96 files of 24 speakers for testing. No speaker was in both the training and the test "
        # Speakers of both are called s00 to s05.
        f"set, if equal ids in different databases stand for different people. {AUDITED}"
    )
    assert "balanced by random oversampling [@lemaitre2017imblearn]" in found["Preprocessing"]
    tuning = folder.metrics("cross")["tuning"]
    (search,) = tuning["searches"]
    value, chosen = folder.metrics("cross")["value"], search["chosen"]["max_depth"]
    assert found["Model"].endswith(
        "(by default min_samples_leaf = 1). max_depth (1, 2, 3) was chosen by a nested search over "
        f"3 combinations, by the mean UAR on {search['folds']} inner folds of the training "
        f"samples, with speakers kept apart. The search chose max_depth = {chosen}. The inner "
        f"score was {search['inner']:.3f}; on test samples, the same models scored {value:.3f} "
        f"(optimism {search['inner'] - value:.3f})."
    )


@pytest.mark.parametrize("name", ["hold", "folds", "age", "cross"])
def test_what_is_cited_is_in_the_references_and_nothing_else(folder, name):
    cited = set(re.findall(r"(?<=[\[ ])@(\w+)(?=[\];])", text(folder, name)))
    bib = text(folder, name, "references.bib")
    assert set(re.findall(r"^@\w+\{(\w+),$", bib, re.MULTILINE)) == cited
    reference = yaml.safe_load(text(folder, name, "CITATION.cff"))
    assert len(reference["references"]) == len(cited)
    known = "emodb" in folder.metrics(name)["per_database"] or name == "cross"
    assert ("burkhardt2005emodb" in cited) == known
    assert ("% my_db: add the reference of this database" in bib) == (name in ("age", "cross"))


def test_table_1_counts_what_is_there(folder):
    rows = folder.tables["emodb"]
    test = rows["speaker"].isin(["s04", "s05"])
    joy = rows[test & (rows["emotion"] == "joy")]
    lines = text(folder, "hold", "table1.md").splitlines()
    minutes = joy["seconds"].sum() / 60
    assert f"| test | joy | {len(joy)} | 2 | 1/1 | 24.5 (0.7), 24–25 | {minutes:.1f} |" in lines
    everyone = rows[~test].drop_duplicates("speaker")["age"]
    age = f"{everyone.mean():.1f} ({everyone.std():.1f}), {everyone.min()}–{everyone.max()}"
    minutes = rows[~test]["seconds"].sum() / 60
    assert f"| train | all | {(~test).sum()} | 4 | 2/2 | {age} | {minutes:.1f} |" in lines
    (description,) = (folder.path / "results/descriptions").glob("emodb-my_db-*.json")
    found = json.loads(description.read_text())["databases"]
    for name, table in folder.tables.items():
        assert found[name]["minutes"] == pytest.approx(table["seconds"].sum() / 60)


def test_model_card(folder):
    card, metrics = text(folder, "hold", "model_card.md"), folder.metrics("hold")
    low, high = metrics["ci"]
    assert f"| **uar** | {metrics['value']:.3f} | [{low:.3f}, {high:.3f}] |" in card
    joy = metrics["per_class"]["joy"]
    figures = " | ".join(f"{joy[key]:.3f}" for key in ("recall", "precision", "f1"))
    assert f"| joy | {figures} | {joy['n']} |" in card
    assert f"Gap {metrics['fairness']['gender']['gap']:.3f}: not testable" in card
    assert "CC0 1.0 (as published by audEERING) (if it is Berlin EmoDB)" in card
    assert "transductive" in text(folder, "folds", "model_card.md")
    assert "a model for each fold" in text(folder, "folds", "model_card.md")


# --------------------------------------------------------------------- explain


def test_explain_names_lines_files_and_counts(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder.path)
    assert main(["explain", "hold"]) == 0
    lines = capsys.readouterr().out.splitlines()
    metrics = folder.metrics("hold")
    given = (folder.path / "hold.ini").read_text().splitlines()
    line = given.index("C_val = 10") + 1
    assert any(
        re.fullmatch(rf"  hold\.ini:{line} +\[MODEL\] C_val = 10 +→ train", x) for x in lines
    )
    root = re.compile(r"  roots\.ini:1 +\[DATA\] emodb = emodb\.csv +→ load")
    assert any(map(root.fullmatch, lines))
    assert "  test: 16 rows of 2 speakers" in lines
    record = json.loads(text(folder, "hold", "experiment.json"))
    split = record["stages"]["split"]
    assert f"  file: {split['files']['split']}, key {split['key']}" in lines
    hits = [row[i] for i, row in enumerate(metrics["confusion"]["counts"])]
    told = f"mean recall of anger {hits[0]}/8, joy {hits[1]}/8"
    assert f"  uar = {metrics['value']:.3f}: {told}" in lines
    assert not any("changed since" in line for line in lines)


def test_explain_elsewhere_and_after_a_change(folder, tmp_path, monkeypatch, capsys):
    copy = tmp_path / "results"
    shutil.copytree(folder.path / "results", copy, ignore=shutil.ignore_patterns("*.parquet"))
    monkeypatch.chdir(tmp_path)
    assert main(["explain", str(copy / "experiments" / "age")]) == 0
    found = capsys.readouterr().out
    assert "asked for by age.ini\n  which is not here" in found
    assert f"{copy}/splits/" in found and ".parquet  (not here), key" in found
    for name in ("emodb.csv", "features.csv", "roots.ini"):
        (tmp_path / name).write_bytes((folder.path / name).read_bytes())
    ini = (folder.path / "hold.ini").read_text().replace("C_val = 10", "C_val = 3")
    (tmp_path / "hold.ini").write_text(ini)
    assert main(["explain", "hold"]) == 0
    found = capsys.readouterr().out
    assert "changed since" in found and "model.options.C_val: 10.0 then, 3.0 now" in found
    assert main(["explain", "hould"]) == 1
    assert capsys.readouterr().err == "no experiment 'hould' in results, did you mean 'hold'?\n"


# --------------------------------------------------------------------- archive


@pytest.fixture(scope="module")
def packed(folder):
    """The archive of all experiments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.path)
        assert main(archive_call(folder, "first.zip")) == 0
        assert main(archive_call(folder, "second.zip")) == 0
    return folder.path / "first.zip"


def archive_call(folder, output, *more):
    return [
        "archive",
        "--configfile",
        "paper.yaml",
        "--cache",
        folder.cache,
        "--output",
        output,
        *more,
    ]


def test_two_archives_are_the_same_bytes(folder, packed):
    assert packed.read_bytes() == (folder.path / "second.zip").read_bytes()
    with zipfile.ZipFile(packed) as opened:
        names = set(opened.namelist())
        assert f"pandas=={pd.__version__}" in opened.read("lock.txt").decode().splitlines()
    wanted = {
        "inis/hold.ini",
        "configs/paper.yaml",
        "roots/roots.ini",
        "results/summaries/paper.csv",
    }
    assert wanted <= names
    assert not [name for name in names if name.endswith((".wav", ".parquet"))]


def test_all_is_computed_again_from_the_zip_alone(packed, tmp_path, monkeypatch, capsys):
    (tmp_path / "paper.zip").write_bytes(packed.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert main(["verify", "paper.zip"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ("hold", "folds", "age", "cross", "summary.csv"):
        assert any(re.fullmatch(rf"{re.escape(name)}: ok, \d+ values", line) for line in lines)
    assert lines[-1] == "all figures follow from the predictions"


def changed(packed, path, edits):
    """The archive with some files edited and its sums made to fit."""
    with zipfile.ZipFile(packed) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    for pattern, edit in edits.items():
        (name,) = [name for name in files if re.fullmatch(pattern, name)]
        new = edit(files[name].decode())
        assert new != files[name].decode()
        files[name] = new.encode()
    sums = [
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(files.items())
        if name != "SHA256SUMS"
    ]
    files["SHA256SUMS"] = "".join(sums).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def other_digit(text, before):
    """The text with a digit of the number behind a text changed, the seventh or its last."""
    found = re.search(rf"{before}(\d*\.\d{{1,6}})", text)
    digit = (int(found[1][-1]) + 5) % 10
    return f"{text[: found.end(1) - 1]}{digit}{text[found.end(1) :]}"


def test_a_changed_digit_is_found(packed, tmp_path, capsys):
    """In figures, predictions, tables and texts, though the sums fit."""
    one = tmp_path / "one.zip"
    edits = {
        "results/experiments/hold/metrics.json": lambda t: other_digit(t, '"value": '),
        "results/experiments/folds/predictions.csv": lambda t: other_digit(t, "joy,"),
        "results/experiments/age/methods.md": lambda t: t.replace("from 24 sp", "from 25 sp"),
        "results/summaries/paper.csv": lambda t: other_digit(t, "tree,uar,"),
        "results/splits/emodb-my_db-.*csv": lambda t: t.replace(",emodb/s01,", ",emodb/s02,", 1),
    }
    changed(packed, one, edits)
    assert main(["verify", str(one)]) == 1
    found = capsys.readouterr().out
    assert re.search(r"experiments/hold/metrics\.json: value is .* computed again", found)
    assert re.search(r"folds/predictions\.csv: line \d+, p_\w+ is", found)
    assert re.search(r"experiments/age/methods\.md: line 3 is", found)
    assert re.search(r"summaries/paper\.csv: line 5, value is", found)
    assert re.search(r"counts of emodb\+my_db: differs", found)
    assert found.endswith("NOT verified, see above\n")


def test_a_changed_prediction_changes_the_figures(packed, tmp_path, capsys):
    one = tmp_path / "one.zip"
    edit = {
        "results/predictions/tree-.*/predictions.*csv": lambda t: t.replace(
            ",joy,joy,", ",joy,anger,", 1
        )
    }
    changed(packed, one, edit)
    assert main(["verify", str(one)]) == 1
    found = capsys.readouterr().out
    assert re.search(r"cross/metrics\.json: value is", found)
    assert "hold: ok" in found


def test_a_file_that_was_replaced_or_no_archive(packed, tmp_path, capsys):
    other = tmp_path / "other.zip"
    shutil.copy(packed, other)
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("more.txt", "more")
    assert main(["verify", str(other)]) == 1
    assert "more.txt: was not in the archive when it was made" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    assert main(["verify", str(tmp_path / "none.zip")]) == 1
    assert "is no archive of izwi" in capsys.readouterr().err


def test_what_is_not_made_is_not_archived(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder.path)
    folder.ini(
        "later",
        DATA={"databases": "['my_db']", "my_db": "my_db.csv", "target": "emotion"},
        FEATS=FEATS,
        MODEL={"type": "tree"},
    )
    folder.config(["hold.ini", "later.ini"], name="more.yaml")
    assert main(["archive", "--configfile", "more.yaml", "--cache", folder.cache]) == 1
    assert capsys.readouterr().err == (
        "archive: later: not made yet, or out of date; first type izwi run more.yaml\n"
    )
