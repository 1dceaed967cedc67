"""The leakage audit through the workflow, on a part of EmoDB with planted leaks."""

import json

import pandas as pd
import pytest
import soundfile
from workflow import Folder

from izwi.data import audio


@pytest.fixture(scope="module")
def folder(emodb, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("audit"))
    labels = pd.read_csv(emodb / "emodb.csv", dtype=str)
    chosen = labels[labels["emotion"].isin(["anger", "sadness"])].groupby(["speaker", "emotion"])
    chosen = chosen.head(4).reset_index(drop=True)
    chosen["file"] = [str(emodb / file) for file in chosen["file"]]
    chosen.to_csv(folder.path / "clean.csv", index=False)
    # Two recordings of speaker 3 again, coded anew, under the name of a test speaker.
    copies = chosen[chosen["speaker"] == "3"].head(2).assign(speaker="16")
    for i, file in enumerate(copies["file"]):
        signal, rate = audio.read(file)
        soundfile.write(folder.path / f"copy{i}.mp3", 0.7 * signal[0, rate // 10 :], rate)
    copies["file"] = [f"copy{i}.mp3" for i in range(2)]
    pd.concat([chosen, copies]).to_csv(folder.path / "leaky.csv", index=False)
    rows = [{"file": file, "number": i} for i, file in enumerate(chosen["file"])]
    pd.DataFrame(rows).to_csv(folder.path / "numbers.csv", index=False)

    def ini(name, database, leakage, feats=None, **model):
        data = {
            "databases": f"['{database}']",
            database: f"{database}.csv",
            f"{database}.split_strategy": "[15, 16]",
            "target": "emotion",
        }
        data |= {"leakage": leakage} if leakage else {}
        feats = {"type": "signal", "features": "['duration', 'level']", **(feats or {})}
        return folder.ini(name, DATA=data, FEATS=feats, MODEL={"type": "knn", **model})

    inis = [
        ini("warned", "leaky", None),
        ini("failed", "leaky", "error"),
        ini("ignored", "leaky", "ignore"),
        ini("fine", "clean", None, {"scale": "standard"}),
        ini(
            "unheard",
            "clean",
            "warn",
            {"type": "import", "import_file": "numbers.csv"} | {"features": "['number']"},
        ),
    ]
    folder.config(inis)
    folder.call = folder.run("--configfile", "config.yaml", "-c", "2", ok=False)
    return folder


def findings(folder, name):
    metrics = folder.metrics(name)
    lines = [f"audit: {finding['line']}" for finding in metrics["audit"]]
    assert set(lines) <= {*metrics["warnings"], *metrics["notes"]}
    return {finding["kind"]: finding for finding in metrics["audit"]}


def test_a_leak_is_a_warning_or_ends_the_experiment(folder):
    finding = findings(folder, "warned")["near-duplicates train/test"]
    assert finding["counts"] == {"rows": 2, "of": 18}
    assert sorted(pair[0] for pair in finding["examples"]) == ["copy0.mp3", "copy1.mp3"]
    line = f"audit: {finding['line']}"
    assert line in folder.metrics("warned")["warnings"]
    assert f"warning: {line}" in folder.call.text
    assert folder.call.code != 0
    told = [text for text in folder.call.text.splitlines() if text.startswith("failed.ini: ")]
    assert f"failed.ini: [DATA] leakage: {line}" in told
    assert not (folder.path / "results/experiments/failed/metrics.json").exists()


def test_what_is_ignored_is_not_looked_for(folder):
    metrics = folder.metrics("ignored")
    assert metrics["audit"] is None
    assert not any("audit" in line for line in metrics["warnings"] + metrics["notes"])
    # And changes no figure.
    assert metrics["value"] == folder.metrics("warned")["value"]
    record = json.loads((folder.path / "results/experiments/ignored/experiment.json").read_text())
    assert "audit" not in record["stages"]


def test_clean_data_have_no_leak(folder):
    kinds = findings(folder, "fine")
    assert not [f for f in kinds.values() if f["grade"] == "leak"]
    assert kinds["same sentence"]["grade"] == "note"


def test_audio_is_not_read_for_the_audit_alone(folder):
    assert "no audio" in findings(folder, "unheard")


def test_an_audit_is_not_made_again(folder):
    call = folder.run("--configfile", "config.yaml", "-n", ok=False)
    # The one that failed is tried again, from its audit on.
    assert call.jobs("features") == call.jobs("train") == 0
    assert call.jobs("audit") == 1
