"""Embeddings through the workflow, against plain loops over transformers and scikit-learn."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from workflow import ROOT, Folder

from izwi.config.experiment import resolve
from izwi.features.extraction import extract
from izwi.stages.features import _extractor_key as extractor_key

torch = pytest.importorskip("torch")
import audresample  # noqa: E402
import transformers as tf  # noqa: E402
from sklearn.metrics import recall_score  # noqa: E402

SPEAKERS = [9, 8]
TEST_SPEAKERS = [8]
EMOTIONS = ["anger", "sadness"]


@pytest.fixture(scope="module")
def whisper_model(emodb):
    folder = emodb.parents[1] / "models" / "whisper-tiny.en"
    if not folder.is_dir():
        pytest.skip(f"no Whisper model in {folder}")
    return folder


@pytest.fixture(scope="module")
def wav2vec_model(tmp_path_factory):
    """A small model of random weights, as a clone of a repository would lie there."""
    folder = tmp_path_factory.mktemp("models") / "wav2vec2-small"
    torch.manual_seed(1)
    config = tf.Wav2Vec2Config(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=(64,) * 7,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
    )
    tf.Wav2Vec2Model(config).save_pretrained(folder)
    tf.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(emodb, tmp_path_factory):
    """Options of a few files, and their labels with signals at 16 kHz.

    Whisper takes each for 30 s, a second on a processor.
    """
    labels = pd.read_csv(emodb / "emodb.csv")
    labels = labels[labels["emotion"].isin(EMOTIONS)].groupby(["speaker", "emotion"]).head(2)
    labels["file"] = [str(emodb / file) for file in labels["file"]]
    path = tmp_path_factory.mktemp("data") / "some.csv"
    labels.to_csv(path, index=False)
    labels = labels[labels["speaker"].isin(SPEAKERS)].sort_values("file", ignore_index=True)
    signals = []
    for file in labels["file"]:
        signal, rate = soundfile.read(file, dtype="float32")
        assert rate == 22050
        signals.append(audresample.resample(signal, rate, 16000)[0])
    options = {
        "databases": "['some']",
        "some": path,
        "some.filter": [["speaker", SPEAKERS]],
        "some.split_strategy": TEST_SPEAKERS,
        "target": "emotion",
        "labels": EMOTIONS,
    }
    return options, labels, signals


@pytest.fixture(scope="module")
def run(data, whisper_model, wav2vec_model, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("embeddings"))
    options, _, _ = data
    inis = [
        folder.ini(
            "whisper",
            DATA=options,
            FEATS={"type": "whisper-tiny.en", "whisper.model": whisper_model, "scale": "standard"},
            MODEL={"type": "svm"},
        ),
        # As the post has it.
        folder.ini(
            "wav2vec",
            DATA=options,
            FEATS={"type": "wav2vec", "model": f"{wav2vec_model}/", "scale": "standard"},
            MODEL={"type": "svm"},
        ),
        folder.ini(
            "both",
            DATA=options,
            FEATS={
                "type": ["wav2vec2", "whisper-tiny.en"],
                "wav2vec2.model": wav2vec_model,
                "wav2vec2.layer": 1,
                "whisper.model": whisper_model,
            },
            MODEL={"type": "knn", "K_val": 3},
        ),
    ]
    folder.config(inis)
    return folder, folder.run("-c", "1", "--configfile", "config.yaml")


def predicted(embeddings: np.ndarray, labels: pd.DataFrame) -> dict[str, str]:
    """Predictions of a plain support vector machine by file."""
    test = labels["speaker"].isin(TEST_SPEAKERS).to_numpy()
    scaler = StandardScaler().fit(embeddings[~test])
    model = SVC().fit(scaler.transform(embeddings[~test]), labels["emotion"][~test])
    found = model.predict(scaler.transform(embeddings[test]))
    return dict(zip(labels["file"][test], found, strict=True))


def matrix_of(folder: Folder, feature_set: str) -> pd.DataFrame:
    """What the run extracted, by file."""
    (path,) = (folder.path / "results" / "features").glob(f"*/{feature_set}-*.parquet")
    return pd.read_parquet(path).set_index("file").drop(columns=["start", "end"])


def test_whisper_predicts_as_a_plain_loop(run, data, whisper_model):
    folder, _ = run
    _, labels, signals = data
    encoder = tf.WhisperModel.from_pretrained(whisper_model, dtype=torch.float32).eval().encoder
    front = tf.AutoFeatureExtractor.from_pretrained(whisper_model)
    found = []
    with torch.inference_mode():
        for signal in signals[::3]:
            inputs = front(signal, sampling_rate=16000, return_tensors="pt")["input_features"]
            # 2.0 s of the 30.
            found.append(encoder(inputs).last_hidden_state[0, :100].mean(dim=0).numpy())
    extracted = matrix_of(folder, "whisper-tiny.en-0-mean").loc[labels["file"]].to_numpy()
    np.testing.assert_allclose(extracted[::3], np.stack(found), atol=1e-4)
    rows = {row["file"]: row["prediction"] for row in folder.predictions("whisper")}
    assert rows == predicted(extracted, labels)
    truth = [row["truth"] for row in folder.predictions("whisper")]
    uar = recall_score(truth, list(rows.values()), average="macro")
    assert folder.metrics("whisper")["value"] == pytest.approx(uar)


def test_wav2vec_predicts_as_a_plain_loop(run, data, wav2vec_model):
    folder, _ = run
    _, labels, signals = data
    model = tf.AutoModel.from_pretrained(wav2vec_model).eval()
    front = tf.AutoFeatureExtractor.from_pretrained(wav2vec_model)
    found = []
    with torch.inference_mode():
        for signal in signals:
            inputs = front(signal, sampling_rate=16000, return_tensors="pt")
            found.append(model(**inputs).last_hidden_state[0].mean(dim=0).numpy())
    found = np.stack(found)
    extracted = matrix_of(folder, "wav2vec-0-mean").loc[labels["file"]].to_numpy()
    np.testing.assert_allclose(extracted, found, atol=1e-5)
    rows = {row["file"]: row["prediction"] for row in folder.predictions("wav2vec")}
    assert rows == predicted(found, labels)


def test_two_kinds_stand_side_by_side(run, data):
    folder, _ = run
    matrices = list((folder.path / "results" / "features").glob("*/w*.parquet"))
    # Two experiments share Whisper; another layer is a set of its own.
    assert sorted(m.stem.rpartition("-")[0] for m in matrices) == [
        "wav2vec-0-mean",
        "wav2vec2-1-mean",
        "whisper-tiny.en-0-mean",
    ]
    n_test = data[1]["speaker"].isin(TEST_SPEAKERS).sum()
    assert folder.metrics("both")["n_test"] == folder.metrics("whisper")["n_test"] == n_test == 4


def test_cores_and_place_of_the_model_change_nothing(run, wav2vec_model, data, tmp_path):
    folder, _ = run
    moved = folder.path / "elsewhere"
    shutil.copytree(wav2vec_model, moved)
    ini = folder.ini(
        "wav2vec",
        DATA=data[0],
        FEATS={"type": "wav2vec", "model": "elsewhere", "scale": "standard"},
        MODEL={"type": "svm"},
    )
    call = folder.run("-n", "--config", f"ini={ini}")
    assert call.jobs("features") == call.jobs("train") == 0
    (path,) = (folder.path / "results" / "labels").glob("some-*.parquet")
    (features,) = resolve(folder.path / ini, cwd=folder.path).features
    again = extract(
        features | {"options": {**features["options"], "wav2vec2.model": str(moved)}},
        table := pd.read_parquet(path),
        {file: file for file in table["file"]},
        store=tmp_path,
        threads=1,
    )
    pd.testing.assert_frame_equal(
        again.set_index("file").drop(columns=["start", "end"]),
        matrix_of(folder, "wav2vec-0-mean"),
        check_exact=True,
    )


def test_problems_are_told_before_anything_runs(run, data, wav2vec_model, tmp_path):
    folder, _ = run
    pointer = folder.path / "pointer"
    shutil.copytree(wav2vec_model, pointer)
    (pointer / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")

    def ini(name, **feats):
        return folder.ini(name, DATA=data[0], FEATS=feats, MODEL={"type": "svm"})

    inis = [
        ini("pointer", type="wav2vec", model="pointer"),
        ini("gone", type="wav2vec2", model="./gone"),
        ini("wrong", type="whisper", model=wav2vec_model),
        ini("deep", type="wav2vec2", **{"wav2vec2.model": wav2vec_model, "wav2vec2.layer": 9}),
        ini("variant", type="wav2vec2-huge"),
    ]
    folder.config(inis, "wrong.yaml")
    call = folder.run("-n", "--configfile", "wrong.yaml", ok=False)
    assert call.code != 0 and "Traceback" not in call.text
    lines = [line for line in call.text.splitlines() if ".ini: " in line]
    folder.config(inis[:1] + inis[2:4], "wrong.yaml")
    call = folder.run("-n", "--configfile", "wrong.yaml", ok=False)
    lines += [line for line in call.text.splitlines() if ".ini: " in line]
    said = {line.partition(".ini: ")[0]: line.partition(".ini: ")[2] for line in lines}
    assert set(said) == {"pointer", "gone", "wrong", "deep", "variant"}
    assert "is a Git-LFS pointer instead of the weights" in said["pointer"]
    assert said["gone"] == f"[FEATS] model: no such folder: {folder.path}/gone"
    assert "holds a model of the type wav2vec2" in said["wrong"]
    assert said["deep"] == "[FEATS] wav2vec2.layer: 9 is more than the 2 layers of the model"
    assert said["variant"].startswith("[FEATS] type: 'wav2vec2-huge' is no known variant")


def test_the_shipped_inis_are_sound(wav2vec_model, whisper_model, emodb, monkeypatch):
    monkeypatch.setenv("WAV2VEC_MODEL", str(wav2vec_model))
    monkeypatch.setenv("IZWI_DATA", str(emodb.parent))
    for name, model in (("wav2vec", wav2vec_model), ("whisper", whisper_model)):
        experiment = resolve(ROOT / "config" / "experiments" / f"{name}.ini", cwd=ROOT)
        (features,) = experiment.features
        assert features["type"] == name
        (kept,) = (v for k, v in features["options"].items() if k.endswith(".model"))
        assert Path(kept) == model
        assert extractor_key(features)
