"""Files and names from others: none runs code, none makes anything lie outside the results."""

from __future__ import annotations

import csv
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import audformat
import numpy as np
import pytest
import soundfile

from izwi.config.experiment import resolve
from izwi.data import csv_safety
from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.engine.planner import make_plan
from izwi.errors import UserError
from izwi.models import persistence

ROOT = Path(__file__).resolve().parents[2]


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@pytest.fixture
def bomb(tmp_path):
    """A pickle that makes a folder, which stays away where no pickle is read."""
    place = tmp_path / "exploded"
    content = pickle.dumps(Bomb(place))
    pickle.loads(content)
    assert place.is_dir()
    place.rmdir()
    yield content
    assert not place.exists()


@pytest.mark.parametrize("storage_format", ["csv", "parquet"])
def test_a_pickle_beside_a_table_of_audformat_is_not_read(bomb, tmp_path, storage_format):
    folder = tmp_path / "db"
    folder.mkdir()
    files = [f"{i}.wav" for i in range(4)]
    for file in files:
        soundfile.write(folder / file, np.zeros(1600), 16000)
    database = audformat.Database("db")
    database["emotion"] = audformat.Table(audformat.filewise_index(files))
    database["emotion"]["emotion"] = audformat.Column()
    database["emotion"]["emotion"].set(["a", "b", "a", "b"])
    database.save(str(folder), storage_format=storage_format)
    # audformat itself would take it, since it is the newer one.
    (folder / "db.emotion.pkl").write_bytes(bomb)
    spec = {"name": "db", "type": "audformat", "path": str(folder), "options": {}}
    listing = scan(spec, cwd=tmp_path, cache=tmp_path / "cache")
    table, _ = load_table(spec | {"task": "classification", "target": "emotion"}, listing)
    assert table["truth"].tolist() == ["a", "b", "a", "b"]


def test_a_header_is_plain_yaml(tmp_path):
    place = tmp_path / "exploded"
    (tmp_path / "db.yaml").write_text(f"tables: !!python/object/apply:os.mkdir ['{place}']\n")
    spec = {"name": "db", "type": "audformat", "path": str(tmp_path), "options": {}}
    with pytest.raises(UserError, match="is not YAML"):
        scan(spec, cwd=tmp_path, cache=tmp_path / "cache")
    assert not place.exists()


def test_a_model_holds_what_izwi_writes_and_nothing_else(tmp_path):
    from sklearn.preprocessing import FunctionTransformer

    persistence.dump(FunctionTransformer(os.mkdir), tmp_path / "model.skops")
    with pytest.raises(UserError, match=r"not loaded, it holds types .*mkdir"):
        persistence.load(tmp_path / "model.skops")


def test_pickled_weights_are_read_as_tensors_alone(bomb, tmp_path):
    """By the script that converts them; nothing else reads them at all."""
    folder = tmp_path / "model"
    shutil.copytree(ROOT / "izwi/features/untrained/wav2vec2", folder)
    (folder / "pytorch_model.bin").write_bytes(bomb)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/fetch_model.py", folder, tmp_path / "converted"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"{folder} cannot be fetched: ")
    assert not (tmp_path / "converted").exists()


def write_database(folder: Path, *, files=(), speakers=("s0", "s1", "s2", "s3"), labels=("a", "b")):
    with open(folder / "db.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "speaker", "emotion", "../../shoe"])
        for i in range(12):
            file = files[i] if i < len(files) else f"{i}.wav"
            writer.writerow([file, speakers[i % 4], labels[i % 2], "../size"])


HOSTILE = ("../../outside", "/outside", "$(touch outside)", "a;touch outside", "x{y}", "a\\..\\b")


def test_all_outputs_lie_in_the_results(tmp_path):
    """Whatever databases, columns, targets, labels and experiments are called."""
    write_database(tmp_path, labels=HOSTILE[:2], speakers=HOSTILE[:4])
    results = tmp_path / "results"
    for number, name in enumerate(HOSTILE):
        text = "\n".join(
            [
                f"[EXP]\nname = {name}\n[DATA]",
                f"databases = ['{name.replace('/', '').replace(chr(92), '')}..']",
                f"{name.replace('/', '').replace(chr(92), '')}.. = db.csv",
                "target = ../../shoe\nsubmodel = ../../shoe\nlabels = ['/etc/passwd', '../a']",
                "[FEATS]\ntype = os\n[MODEL]\ntype = svm\n[PLOT]",
                "value_counts = ['../../shoe', '/shoe']\ntsne = ['../../shoe']",
            ]
        )
        (tmp_path / f"{number}.ini").write_text(text)
        try:
            experiment = resolve(f"{number}.ini", cwd=tmp_path)
        except UserError as error:
            assert all("[EXP] name" in line for line in error.problems), error.problems
            assert name == "x{y}"
            continue
        plan = make_plan([experiment], str(results), str(results / "cache"), cwd=tmp_path)
        outputs = [
            path
            for stage, units in plan.units.items()
            for unit in units.values()
            for path in unit.output_files()
        ]
        assert len(outputs) > 15
        for path in outputs:
            assert Path(os.path.normpath(path)).is_relative_to(results)
            # Braces would be wildcards of Snakemake.
            assert not set("{}") & set(path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "db.csv",
        "results",
        *(f"{number}.ini" for number in range(len(HOSTILE))),
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a{b}", "holds '{' '}'"),
        ("a:b", "holds ':'"),
        ("what?", r"holds '\?'"),
        ("-rf", "begins or ends with '-'"),
        (".hidden", r"begins or ends with '\.'"),
        ("ä" * 101, "is longer than 200 bytes"),
    ],
)
def test_names_that_are_no_folders(tmp_path, name, words):
    write_database(tmp_path)
    text = "[EXP]\nname = {}\n[DATA]\ndatabases = ['d']\nd = db.csv\ntarget = emotion\n"
    text += "[FEATS]\ntype = os\n[MODEL]\ntype = svm\n"
    (tmp_path / "x.ini").write_text(text.format(name), encoding="utf-8")
    with pytest.raises(UserError, match=rf"^x\.ini: \[EXP\] name: '.*' {words}: take letters"):
        resolve("x.ini", cwd=tmp_path)
    for good in ("größe 2 (a+b)", "emodb.os,svm", "実験"):
        (tmp_path / "x.ini").write_text(text.format(good), encoding="utf-8")
        assert resolve("x.ini", cwd=tmp_path).name == good


def test_values_of_an_ini_are_never_evaluated(tmp_path):
    write_database(tmp_path)
    place = tmp_path / "exploded"
    call = f"__import__('os').mkdir('{place}')"
    for section, line in {
        "MODEL": f"C_val = {call}",
        "DATA": f"labels = [{call}]",
        "FEATS": f"scale = {call}",
    }.items():
        text = "[DATA]\ndatabases = ['d']\nd = db.csv\ntarget = emotion\n[FEATS]\ntype = os\n"
        text += "[MODEL]\ntype = svm\n"
        text = text.replace(f"[{section}]\n", f"[{section}]\n{line}\n")
        (tmp_path / "x.ini").write_text(text)
        with pytest.raises(UserError):
            resolve("x.ini", cwd=tmp_path)
    assert not place.exists()


def test_control_characters_move_no_cursor(tmp_path):
    write_database(tmp_path, labels=("a\x1b[2J\nb", "c\r\x07d"))
    spec = {"name": "d", "type": "csv", "path": str(tmp_path / "db.csv"), "options": {}}
    listing = scan(spec, cwd=tmp_path, cache=tmp_path / "cache")
    with pytest.raises(UserError) as error:
        load_table(spec | {"task": "classification", "target": "emotion", "labels": ["x"]}, listing)
    (line,) = error.value.problems
    assert line.isprintable() and r"a\x1b[2J\nb" in line and r"c\r\x07d" in line


def test_names_go_through_no_shell():
    """Commands of jobs hold names in quotes alone, Python calls no shell."""
    files = sorted((ROOT / "rules").glob("*.smk"))
    commands = [c for path in files for c in path.read_text().split("shell:")[1:]]
    assert len(commands) > 15
    assert all(re.match(r"\s+RUN\n(\n|$)", command) for command in commands)
    session = (ROOT / "izwi" / "engine" / "session.py").read_text()
    (made,) = re.findall(r'return f"{command} (.*)"\n', session)
    assert re.findall(r"{{([^}]*)}}", made) == ["log:q", "threads", "output:q"]
    for path in [*(ROOT / "izwi").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if path.name == "run_notebook.py":  # it runs the notebook of the docs
            text = re.sub(r"(exec|eval)\(compile\(", "", text)
        assert not re.search(r"shell=True|os\.system|os\.popen|[^_.]eval\(|[^_.]exec\(", text), path
        assert not re.search(r"pickle\.loads?\(|read_pickle|joblib", text), path
        # torch reads tensors alone so.
        loads = re.findall(r"torch\.load\(([^)]*)\)", text)
        assert all("weights_only=True" in call for call in loads), path


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+49 30 1", "'+49 30 1"),
        ("-a", "'-a"),
        ("\t=1", "'\t=1"),
        ("-1.5e-3", "-1.5e-3"),
        ("--", "--"),
        ("a=b", "a=b"),
        ("", ""),
        (-0.5, -0.5),
        (None, None),
    ],
)
def test_cells(value, cell):
    assert csv_safety.harmless(value) == cell


def test_tables_for_people_hold_no_formula(tmp_path):
    """summary.csv; the lists of files and predictions are tested where they are made."""
    from izwi.engine.job import Job
    from izwi.engine.plan import Plan, Unit
    from izwi.stages import summary

    metrics = dict.fromkeys(("value", "ci_method", "n_train", "n_test", "n_speakers"))
    metrics |= {"name": "=cmd|x", "type": "classification", "measure": "uar", "ci": None}
    metrics |= {"chance": {}, "baseline": None, "n_evaluated": 1}
    metrics |= {"few_speakers": False, "transductive": False, "warnings": []}
    record = {"databases": [{"name": "@d"}], "features": [{"type": "os"}], "target": "-t"}
    record |= {"split": {"strategy": "train_test", "databases": {}, "tests": None}}
    record |= {"preprocessing": {"scale": None}, "model": {"type": "svm"}}
    for name, content in (("metrics", metrics), ("record", record)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    unit = Unit(
        *("summary", "k", "all", {"experiments": ["=cmd|x"], "controls": []}),
        inputs={role: [str(tmp_path / f"{role[:-1] if role == 'records' else role}.json")]
                for role in ("metrics", "records")},
        outputs={"summary": str(tmp_path / "summary.csv")},
    )  # fmt: skip

    summary.run(unit, Job(Plan(str(tmp_path), str(tmp_path))))
    with open(tmp_path / "summary.csv", newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["name"], row["databases"], row["target"]) == ("'=cmd|x", "'@d", "'-t")


def test_packages_that_were_not_looked_up_are_not_called_safe(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    from audit_packages import verdict

    fine = {"name": "a", "version": "1", "vulns": []}
    bad = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
    unknown = {"name": "c", "skip_reason": "not found"}
    assert verdict([{"dependencies": [unknown]}]) == (
        ["none of 1 packages could be looked up: nothing is known of them"],
        0,
    )
    lines, code = verdict([{"dependencies": [fine, unknown]}])
    assert lines == ["1 of 2 packages looked up, 0 with known vulnerabilities"] and code == 0
    lines, code = verdict([{"dependencies": [fine]}, {"dependencies": [bad, unknown]}])
    assert lines[0] == "b 2: CVE-1, mended in 3" and code == 1
    assert lines[1].startswith("2 of 3 packages")
