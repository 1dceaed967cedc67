"""audEERING's models against plain loops over their published code's steps."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_tables import make_table

from izwi import features
from izwi.config.experiment import resolve
from izwi.data import audio
from izwi.errors import UserError
from izwi.features import extraction
from izwi.features.audeering import AGE_GENDER, EMOTION
from izwi.stages.features import _extractor_key as extractor_key

torch = pytest.importorskip("torch")
import transformers as tf  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

# As in the published config.json, but small.
NET = {
    "architectures": ["Wav2Vec2ForSpeechClassification"],
    "model_type": "wav2vec2",
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": [32] * 7,
    "num_conv_pos_embeddings": 64,
    "num_conv_pos_embedding_groups": 4,
    "vocab_size": None,
    "pooling_mode": "mean",
}
HEADS = {"emotion": {"classifier": 3}, "age": {"age": 1, "gender": 3}}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders with the two architectures, random weights."""
    folder = tmp_path_factory.mktemp("audeering")
    for name, heads in HEADS.items():
        torch.manual_seed(5)
        net = tf.Wav2Vec2Model(tf.Wav2Vec2Config(**{k: v for k, v in NET.items() if v is not None}))
        weights = {f"wav2vec2.{key}": value for key, value in net.state_dict().items()}
        for head, size in heads.items():
            for part, rows in (("dense", 48), ("out_proj", size)):
                weights[f"{head}.{part}.weight"] = torch.randn(rows, 48) / 7
                weights[f"{head}.{part}.bias"] = torch.randn(rows)
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(NET))
        save_file(
            {key: value.contiguous().clone() for key, value in weights.items()},
            folder / name / "model.safetensors",
            {"format": "pt"},
        )
        tf.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> dict[str, str]:
    """Recordings of different lengths, three of which share a batch."""
    folder = tmp_path_factory.mktemp("noise")
    generator = np.random.default_rng(1)
    paths = {}
    for i, samples in enumerate((16000, 15800, 16100, 9000, 31000)):
        path = folder / f"{i}.wav"
        tone = np.sin(np.arange(samples) * (0.02 + 0.03 * i))
        soundfile.write(path, 0.3 * tone + 0.1 * generator.standard_normal(samples), 16000)
        paths[path.name] = str(path)
    return paths


def values(kind, paths, store, **options):
    found = extraction.extract(
        {"type": kind, "options": options}, make_table(paths), paths, store=store, threads=2
    )
    return found.columns[3:].tolist(), found.iloc[:, 3:].to_numpy()


def plain(folder, path, layer=0) -> np.ndarray:
    """The states of a layer of one file, by transformers."""
    model, rest = tf.Wav2Vec2Model.from_pretrained(folder, output_loading_info=True)
    assert not rest["missing_keys"]
    signal, rate = audio.read(path)
    normed = (signal[0] - signal[0].mean()) / np.sqrt(signal[0].var() + 1e-7)
    assert rate == 16000
    with torch.no_grad():
        inputs = torch.from_numpy(normed)[None].float()
        found = model.eval()(inputs, output_hidden_states=True)
    states = found.hidden_states[-1 - layer] if layer else found.last_hidden_state
    return states[0].numpy()


def head(folder, name, pooled) -> np.ndarray:
    w = {k: v.numpy() for k, v in load_file(folder / "model.safetensors").items()}
    hidden = np.tanh(pooled @ w[f"{name}.dense.weight"].T + w[f"{name}.dense.bias"])
    return hidden @ w[f"{name}.out_proj.weight"].T + w[f"{name}.out_proj.bias"]


def test_embeddings_as_one_by_one(models, noise, tmp_path):
    expected = np.stack([plain(models / "emotion", p).mean(axis=0) for p in noise.values()])
    for kind, option in (("audmodel", "audmodel.model"), ("audwav2vec2", "aud.model")):
        names, found = values(kind, noise, tmp_path / kind, **{option: str(models / "emotion")})
        assert names[:2] == [f"{kind}_0", f"{kind}_1"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(expected - expected[0]).max(axis=1)[1:].min() > 1e-3
    own = {"agender.model": str(models / "age"), "agender.layer": 1, "agender.pooling": "last"}
    _, found = values("agender", noise, tmp_path / "c", **own)
    expected = [plain(models / "age", p, 1)[-1] for p in noise.values()]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)


def test_dimensions_and_age_with_gender(models, noise, tmp_path):
    names, found = values("auddim", noise, tmp_path / "a", **{"aud.model": str(models / "emotion")})
    assert names == ["arousal", "dominance", "valence"]
    pooled = np.stack([plain(models / "emotion", p).mean(axis=0) for p in noise.values()])
    np.testing.assert_allclose(found, head(models / "emotion", "classifier", pooled), atol=1e-5)
    own = {"agender.model": str(models / "age")}
    names, found = values("agender_agender", noise, tmp_path / "b", **own)
    assert names == ["age", "female", "male", "child"]
    pooled = np.stack([plain(models / "age", p).mean(axis=0) for p in noise.values()])
    expected = [head(models / "age", name, pooled) for name in ("age", "gender")]
    np.testing.assert_allclose(found, np.hstack(expected), atol=1e-5)


def onnx_model(path: Path) -> None:
    """A graph with the inputs and outputs of the published one: frames of 400 samples, averaged."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(2)
    weights = {
        "frames": generator.standard_normal((8, 1, 400)).astype(np.float32),
        "out": generator.standard_normal((8, 3)).astype(np.float32),
        "one": np.array([1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Unsqueeze", ["signal", "one"], ["wave"]),
        helper.make_node("Conv", ["wave", "frames"], ["states"], strides=[320]),
        helper.make_node("ReduceMean", ["states"], ["hidden_states"], axes=[2], keepdims=0),
        helper.make_node("MatMul", ["hidden_states", "out"], ["logits"]),
    ]
    shapes = {"hidden_states": [1, 8], "logits": [1, 3]}
    graph = helper.make_graph(
        nodes,
        "w2v2",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, [1, None])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path / "model.onnx")
    np.savez(path / "weights.npz", **weights)


def test_the_onnx_model_of_zenodo(noise, tmp_path):
    pytest.importorskip("onnxruntime")
    onnx_model(tmp_path)
    w = np.load(tmp_path / "weights.npz")
    expected = []
    for path in noise.values():
        signal = audio.read(path)[0][0]
        frames = np.stack([signal[i : i + 400] for i in range(0, len(signal) - 399, 320)])
        expected.append((frames @ w["frames"][:, 0].T).mean(axis=0))
    names, found = values("audmodel", noise, tmp_path / "a", **{"audmodel.model": str(tmp_path)})
    assert len(names) == 8
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-4)
    names, found = values("auddim", noise, tmp_path / "b", **{"aud.model": str(tmp_path)})
    assert names == ["arousal", "dominance", "valence"]
    np.testing.assert_allclose(found, np.stack(expected) @ w["out"], atol=1e-3)
    own = {"audmodel.model": str(tmp_path), "audmodel.embeddings_name": "logits"}
    assert len(values("audmodel", noise, tmp_path / "c", **own)[0]) == 3
    own["audmodel.embeddings_name"] = "states"
    with pytest.raises(UserError, match="has no output states, only hidden_states, logits"):
        values("audmodel", noise, tmp_path / "c", **own)
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"model\.onnx cannot be read"):
        values("auddim", noise, tmp_path / "d", **{"aud.model": str(tmp_path)})


def problem(kind, **options) -> str:
    cls = features.extractor_class(kind)
    defaults = {option.name: option.default for option in cls.options}
    with pytest.raises(UserError) as caught:
        cls.content(defaults | options)
    (line,) = caught.value.problems
    return line


def test_what_does_not_fit_is_told_while_planning(models, tmp_path, monkeypatch):
    line = problem("agender_agender", **{"agender.model": str(models / "emotion")})
    assert "lack age.dense.weight" in line and line.startswith("[FEATS] agender.model:")
    assert "'1c250fd7-1.1.1' is not public" in problem(
        "audmodel", **{"audmodel.id": "1c250fd7-1.1.1"}
    )
    own = {"audmodel.model": str(models / "emotion"), "audmodel.embeddings_name": "logits"}
    assert "needs a folder with model.onnx" in problem("audmodel", **own)
    shutil.copytree(models / "emotion", tmp_path / "m")
    (tmp_path / "m" / "model.onnx").write_bytes(b"x")
    found = problem("audwav2vec2", **{"aud.model": str(tmp_path / "m"), "aud.layer": 2})
    assert found.startswith("[FEATS] aud.layer:")
    monkeypatch.setattr("izwi.engine.keys.version_of", lambda name: None)
    assert "needs onnxruntime" in problem("auddim", **{"aud.model": str(tmp_path / "m")})


def test_nkululekos_inis(models, tmp_path, monkeypatch):
    """Its types and options, and which model they mean."""
    monkeypatch.setenv("IZWI_MODELS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "a.csv").write_text("file,emotion\n")
    start = "[DATA]\ndatabases = ['a']\na = a.csv\ntarget = emotion\n[MODEL]\ntype = svm\n[FEATS]\n"
    lines = {
        "type = ['audmodel']\nscale = standard": EMOTION,
        "type = ['audmodel']\naudmodel.id = 25c844af-1.1.1": AGE_GENDER,
        "type = ['audwav2vec2']\nstore_format = csv\naud.model = models": str(tmp_path / "models"),
        "type = ['audmodel']\nwav2vec2.layer = 2\naud.model = models": str(tmp_path / "models"),
        "type = ['agender']\nagender.model = models": str(tmp_path / "models"),
    }
    shutil.copytree(models / "age", tmp_path / "models")
    for text, model in lines.items():
        (tmp_path / "my.ini").write_text(start + text)
        (found,) = resolve("my.ini", cwd=tmp_path).features
        cls = features.extractor_class(found["type"])
        assert cls.named(found["options"]) == model
        if "layer" in text:
            assert found["options"]["audmodel.layer"] == 2
        if "models" in text:
            assert extractor_key(found)
    assert problem("auddim").endswith(f"fetch it once: izwi fetch {EMOTION}")
