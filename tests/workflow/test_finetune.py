"""Finetuning from the ini to the figure, and on new files: low and high tones of five speakers."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import recall_score
from workflow import ROOT, Folder

from izwi.cli import main
from izwi.config.experiment import resolve
from izwi.data.samples import read_samples
from izwi.engine.config_plan import planned
from izwi.models import model_class
from izwi.serving.predictor import Predictor, model_folder
from izwi.training import fit_predict

torch = pytest.importorskip("torch")
tf = pytest.importorskip("transformers")

RATE = 16000
MODEL = {
    "type": "finetune",
    "pretrained_model": "small",
    "max_duration": 0.3,
    "learning_rate": 0.002,
    "freeze": "none",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with a database of tones and a small pretrained model."""
    folder = Folder(tmp_path_factory.mktemp("finetune"))
    torch.manual_seed(1)
    config = tf.Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        conv_dim=(24,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer", do_stable_layer_norm=True,
    )  # fmt: skip
    tf.Wav2Vec2Model(config).save_pretrained(folder.path / "small")
    front = tf.Wav2Vec2FeatureExtractor(return_attention_mask=True, do_normalize=True)
    front.save_pretrained(folder.path / "small")
    rng = np.random.default_rng(1)
    rows = []
    for number in range(45):
        high = number % 3 == 0
        pitch = rng.uniform(2000, 3000) if high else rng.uniform(150, 400)
        time = np.arange(int(RATE * (0.4 if number == 0 else rng.uniform(0.15, 0.3)))) / RATE
        wave = 0.5 * np.sin(2 * np.pi * pitch * time) + 0.02 * rng.normal(size=len(time))
        soundfile.write(folder.path / f"{number}.wav", wave, RATE)
        tone = "high" if high else "low"
        rows.append((f"{number}.wav", f"s{number % 5}", tone, pitch))
    table = pd.DataFrame(rows, columns=["file", "speaker", "tone", "pitch"])
    table.to_csv(folder.path / "tones.csv", index=False)
    return folder


def data(target):
    return {
        "databases": "['tones']",
        "tones": "tones.csv",
        "tones.split_strategy": "['s1', 's2']",
        "target": target,
    }


@pytest.fixture(scope="module")
def run(folder):
    inis = [
        folder.ini(
            "tones",
            EXP={"epochs": 5},
            DATA=data("tone"),
            FEATS={"type": "[]", "scale": "standard"},
            MODEL={**MODEL, "push_to_hub": True},
        ),
        folder.ini(
            "pitch",
            EXP={"epochs": 8},
            DATA=data("pitch"),
            MODEL={**MODEL, "type": "finetune_reg", "measure": "pcc"},
        ),
        folder.ini(
            "balanced",
            EXP={"epochs": 2, "runs": 2},
            DATA=data("tone"),
            FEATS={"type": "wave", "balancing": "ros"},
            MODEL={**MODEL, "freeze": 1},
            PLOT={"epoch_progression": True},
        ),
    ]
    folder.config(inis)
    # On one core, so that all are trained by one worker: torch is slow to import.
    return folder.run("-c", "1", "--configfile", "config.yaml")


def test_it_learns(run, folder):
    rows = folder.predictions("tones")
    assert sorted({row["speaker"] for row in rows}) == ["s1", "s2"]
    uar = recall_score([r["truth"] for r in rows], [r["prediction"] for r in rows], average="macro")
    metrics = folder.metrics("tones")
    assert metrics["value"] == pytest.approx(uar) and uar > 0.9
    assert folder.metrics("pitch")["value"] > 0.9
    said = "\n".join(metrics["notes"])
    assert "[FEATS] type: MODEL.type = finetune brings its own, wave" in said
    assert "[FEATS] scale: no effect with MODEL.type = finetune" in said
    assert "push_to_hub: no effect here, izwi uploads nothing" in said
    assert "set aside from the training part as dev" in said
    (line,) = (line for line in metrics["warnings"] if "wave" in line)
    assert "wave: 1 of 45 rows are longer than 0.3 s (up to 0.40 s) and cut there" in line


def test_the_recordings_are_shared_by_all(run, folder):
    # One for each target.
    matrices = list((folder.path / "results" / "features").glob("*/wave*.parquet"))
    assert [path.stem.rpartition("-")[0] for path in matrices] == ["wave-0.3", "wave-0.3"]
    for path in matrices:
        assert pd.read_parquet(path)["wave"].map(len).max() == 0.3 * RATE
    assert not list((folder.path / "results" / "cache").glob("features/*"))


def test_balancing_and_runs(run, folder):
    (training,) = [
        found
        for path in (folder.path / "results" / "models").glob("finetune-*/training.json")
        if "balancing" in (found := json.loads(path.read_text()))["spec"]
    ]
    first, second = (record["folds"][0] for record in training["runs"])
    counts = first["balancing"]["after"]
    assert counts["high"] == counts["low"] > first["balancing"]["before"]["high"]
    losses = [[epoch["train_loss"] for epoch in fold["epochs"]] for fold in (first, second)]
    assert losses[0] != losses[1]
    plots = folder.path / "results" / "experiments" / "balanced" / "plots"
    assert (plots / "epoch_progression.png").stat().st_size > 5000


@pytest.mark.parametrize("name", ["tones", "pitch"])
def test_new_files_get_the_figures_of_the_experiment(run, folder, name):
    rows = folder.predictions(name)
    paths = [str(folder.path / row["file"]) for row in rows]
    found = Predictor(model_folder(name, folder.path / "results")).predict(paths)
    assert found["problem"].isna().all()
    for predicted, row in zip(found.to_dict("records"), rows, strict=True):
        truth = row["prediction"]
        assert predicted["prediction"] == (truth if name == "tones" else float(truth))
        for column in set(row) & {"p_high", "p_low"}:
            assert predicted[column] == float(row[column])


def test_the_command_line_needs_no_pretrained_model(run, folder, monkeypatch, capsys):
    hidden = folder.path / "hidden"
    (folder.path / "small").rename(hidden)
    soundfile.write(folder.path / "click.wav", np.ones(100), RATE)
    monkeypatch.chdir(folder.path)
    arguments = ["--experiment", "tones", "0.wav", "1.wav", "click.wav"]
    capsys.readouterr()
    try:
        assert main(["predict", *arguments]) == 1
    finally:
        hidden.rename(folder.path / "small")
    out, err = capsys.readouterr()
    assert "tones: finetune on wave, its only run" in err
    assert "click.wav: no prediction, 0.006 s are too short for wave" in err
    lines = [line.split()[:2] for line in out.splitlines()]
    assert lines == [["0.wav", "high"], ["1.wav", "low"]]


def test_again_elsewhere_and_with_other_weights(run, folder, tmp_path, monkeypatch):
    assert folder.run("-c", "1", "--configfile", "config.yaml").nothing_to_do
    shutil.copytree(folder.path / "small", folder.path / "moved")
    sections = {"EXP": {"epochs": 5}, "DATA": data("tone")}
    ini = folder.ini("tones", **sections, MODEL={**MODEL, "pretrained_model": "moved"})
    call = folder.run("-n", "--config", f"ini={ini}")
    assert call.jobs("features") == call.jobs("train") == 0
    # Trained once more, by another process.
    monkeypatch.chdir(folder.path)
    units = planned("config.yaml", cache=folder.cache, ini=ini).plan.units["train"]
    (unit,) = units.values()
    assert unit.spec["model"]["options"]["pretrained_model"].endswith("moved")
    predictions, _ = fit_predict.train(unit.spec, *read_samples(unit.inputs), tmp_path)
    pd.testing.assert_frame_equal(
        predictions, pd.read_parquet(unit.outputs["predictions"]), check_exact=True
    )
    first = Path(unit.outputs["model"])
    for kept in ("model.safetensors", "pretrained/config.json"):
        path = Path("run1/model") / kept
        assert (tmp_path / path).read_bytes() == (first / path).read_bytes()
    model = tf.Wav2Vec2Model.from_pretrained(folder.path / "moved")
    with torch.no_grad():
        model.encoder.layer_norm.bias += 1
    model.save_pretrained(folder.path / "moved")
    call = folder.run("-n", "--config", f"ini={ini}")
    assert call.jobs("features") == 0 and call.jobs("train") > 0


def test_what_does_not_fit_is_one_line(run, folder):
    def ini(name, feats=None, model=None, **more):
        sections = {"FEATS": feats} if feats else {}
        return folder.ini(name, DATA=data("tone"), MODEL=model or MODEL, **sections, **more)

    inis = [
        ini("a", {"type": "os"}),
        ini("b", {"type": "wave"}, {"type": "svm"}),
        ini("c", {"type": "wave", "balancing": "smote"}),
        ini("d", EXPL={"clusters": 2}),
        ini("e", PLOT={"tsne": True}),
        ini("f", EXP={"type": "regression"}),
        ini("g", model={**MODEL, "freeze": "most"}),
    ]
    folder.config(inis, "wrong.yaml")
    text = folder.run("-n", "--configfile", "wrong.yaml", ok=False).text
    for line in (
        "a.ini: [MODEL] type: finetune reads wave alone, but FEATS.type is os",
        "b.ini: [FEATS] type: wave is no vector, svm cannot read it",
        "c.ini: [FEATS] balancing: smote computes with features, finetune learns from recordings",
        "d.ini: [EXPL] clusters: needs features, finetune learns from recordings",
        "e.ini: [PLOT] tsne: needs features, finetune learns from recordings",
        "f.ini: [EXP] type: is regression, but MODEL.type = finetune is a model of classification: "
        "use finetune_reg",
        "g.ini: [MODEL] freeze: 'most' is none of none, features, encoder and no number of layers",
    ):
        assert line in text
    assert "Traceback" not in text
    deep = ini("h", model={**MODEL, "freeze": 3})
    text = folder.run("-n", "--config", f"ini={deep}", ok=False).text
    assert "h.ini: [MODEL] freeze: 3 is more than the 2 layers of the model" in text


def test_the_shipped_ini_is_sound(emodb, monkeypatch):
    whisper = emodb.parents[1] / "models" / "whisper-tiny.en"
    if not whisper.is_dir():
        pytest.skip(f"no Whisper model in {whisper}")
    monkeypatch.setenv("IZWI_DATA", str(emodb.parent))
    experiment = resolve(ROOT / "config" / "experiments" / "finetune.ini", cwd=ROOT)
    assert model_class("finetune").content(experiment.model["options"])
    (wave,) = experiment.features
    assert wave == {"type": "wave", "options": {"seconds": 2.0}}
