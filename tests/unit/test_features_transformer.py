"""Embeddings against a plain loop over transformers, one file at a time."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from audio_tables import make_table, some

from izwi import features
from izwi.data import audio
from izwi.engine.keys import LargeFiles
from izwi.errors import UserError
from izwi.features import batches, extraction
from izwi.features.pretrained_names import TRANSFORMER
from izwi.features.transformer import padded_length
from izwi.stages.features import _extractor_key as extractor_key

torch = pytest.importorskip("torch")
import transformers as tf  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
NET = {
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": (32,) * 7,
    "num_conv_pos_embeddings": 64,
    "num_conv_pos_embedding_groups": 4,
}
GROUP = {"feat_extract_norm": "group", "do_stable_layer_norm": False}
LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
WAVES = {
    "wav2vec-group": ("wav2vec", tf.Wav2Vec2Config, tf.Wav2Vec2Model, GROUP),
    "wav2vec2-layer": ("wav2vec2", tf.Wav2Vec2Config, tf.Wav2Vec2Model, LAYER),
    "hubert-group": ("hubert", tf.HubertConfig, tf.HubertModel, GROUP),
    "hubert-layer": ("hubert", tf.HubertConfig, tf.HubertModel, LAYER),
    "wavlm-group": ("wavlm", tf.WavLMConfig, tf.WavLMModel, GROUP),
    "wavlm-layer": ("wavlm", tf.WavLMConfig, tf.WavLMModel, LAYER),
    "data2vec": (
        "data2vec",
        tf.Data2VecAudioConfig,
        tf.Data2VecAudioModel,
        {"num_conv_pos_embeddings": 3},
    ),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of small models with random weights, by name."""
    folder = tmp_path_factory.mktemp("models")
    front = tf.Wav2Vec2FeatureExtractor(return_attention_mask=True, do_normalize=True)
    for name, (_, config, model, more) in WAVES.items():
        torch.manual_seed(3)
        model(config(**NET | more)).save_pretrained(folder / name)
        front.save_pretrained(folder / name)
    torch.manual_seed(4)
    config = tf.ASTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_length=200,
    )  # fmt: skip
    tf.ASTModel(config).save_pretrained(folder / "ast")
    tf.ASTFeatureExtractor(max_length=200).save_pretrained(folder / "ast")
    return folder


@pytest.fixture(scope="module")
def speech(nemo) -> dict[str, str]:
    """Utterances of different lengths, two of the same."""
    return some(nemo, "**/*.flac", 45)


@pytest.fixture(scope="module")
def whisper() -> Path:
    data = os.environ.get("IZWI_DATA", ROOT.parent / "shared" / "data")
    folder = Path(data).resolve().parent / "models" / "whisper-tiny.en"
    if not folder.is_dir():
        pytest.skip(f"no Whisper model in {folder}")
    return folder


def spec(kind: str, folder: Path, **options) -> dict:
    family = TRANSFORMER[kind][0]
    values = {"model": str(folder), "layer": 0, "pooling": "mean"} | options
    return {"type": kind, "options": {f"{family}.{k}": v for k, v in values.items()}}


def values_of(what, paths, store, threads=2, table=None) -> np.ndarray:
    table = make_table(paths) if table is None else table
    matrix = extraction.extract(what, table, paths, store=store, threads=threads)
    return matrix.iloc[:, 3:].to_numpy()


def mono(path: str) -> np.ndarray:
    signal, rate = audio.read(path)
    return audio.resample(audio.mix(signal), rate, 16000)[0]


def plain_states(folder: Path, path: str, layer: int) -> np.ndarray:
    """States of a layer, from the whole model and one file."""
    model = tf.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    front = tf.AutoFeatureExtractor.from_pretrained(folder)
    inputs = front(mono(path), sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        out = model(inputs["input_values"], output_hidden_states=True)
    return (out.hidden_states[-1 - layer] if layer else out.last_hidden_state)[0].numpy()


def close(found, expected):
    scale = np.abs(expected).max(axis=-1, keepdims=True)
    np.testing.assert_array_less(np.abs(found - expected) / scale, 1e-4)


@pytest.mark.parametrize("name", WAVES)
def test_both_norms_as_one_by_one(name, models, speech, tmp_path):
    kind = WAVES[name][0]
    found = values_of(spec(kind, models / name), speech, tmp_path)
    assert found.dtype == np.float32
    expected = [plain_states(models / name, path, 0).mean(axis=0) for path in speech.values()]
    close(found, np.stack(expected))
    # They tell files apart, so that the comparison says something.
    assert np.abs(found - found[0]).max(axis=1)[1:].min() > 1e-3


@pytest.mark.parametrize("name", ["wav2vec-group", "wav2vec2-layer", "wavlm-layer"])
@pytest.mark.parametrize(("layer", "pooling"), [(1, "mean"), (3, "mean"), (0, "last")])
def test_layer_and_pooling(name, layer, pooling, models, speech, tmp_path):
    paths = dict(list(speech.items())[:3])
    what = spec(WAVES[name][0], models / name, layer=layer, pooling=pooling)
    states = [plain_states(models / name, path, layer) for path in paths.values()]
    expected = [s[-1] if pooling == "last" else s.mean(axis=0) for s in states]
    close(values_of(what, paths, tmp_path), np.stack(expected))


def test_all_layers_side_by_side(models, speech, tmp_path):
    """The states that transformers returns, from what goes into the first layer to the last."""
    paths = dict(list(speech.items())[:3])
    for name in ("wav2vec-group", "wavlm-layer"):
        what = spec(WAVES[name][0], models / name, layer="all")
        found = values_of(what, paths, tmp_path / name).reshape(3, 4, 48)
        model = tf.AutoModel.from_pretrained(models / name, dtype=torch.float32).eval()
        front = tf.AutoFeatureExtractor.from_pretrained(models / name)
        for row, path in enumerate(paths.values()):
            inputs = front(mono(path), sampling_rate=16000, return_tensors="pt")["input_values"]
            with torch.no_grad():
                out = model(inputs, output_hidden_states=True)
            states = [*out.hidden_states[:-1], out.last_hidden_state]
            close(found[row], np.stack([state[0].mean(dim=0).numpy() for state in states]))
    names = features.extractor_class("wavlm")(what["options"]).columns
    assert names[:2] == ["wavlm_layer0_0", "wavlm_layer0_1"] and names[-1] == "wavlm_layer3_47"
    assert problem("wavlm", models / "wavlm-layer", layer="some") == (
        "[FEATS] wavlm.layer: 'some' is neither a number nor all"
    )


def test_batches_hold_what_may_share_one(models, speech, tmp_path, monkeypatch):
    seen = []
    original = features.extractor_class("wav2vec2")._states

    def watch(self, inputs, mask=None):
        seen.append((inputs.shape, None if mask is None else mask.sum(axis=1).tolist()))
        return original(self, inputs, mask)

    monkeypatch.setattr("izwi.features.transformer.Transformer._states", watch)
    lengths = [len(mono(path)) for path in speech.values()]
    values_of(spec("wav2vec2", models / "wav2vec2-layer"), speech, tmp_path / "a", threads=1)
    # Files of one padded length share a batch; one that has no other of its kind stands alone.
    alone = list(Counter(map(padded_length, lengths)).values()).count(1)
    assert sum(len(mask) for _, mask in seen if mask) >= len(speech) - alone
    assert any(len(set(mask)) > 1 for _, mask in seen if mask)
    assert all(shape[1] in map(padded_length, lengths) for shape, _ in seen)
    seen.clear()
    values_of(spec("wav2vec", models / "wav2vec-group"), speech, tmp_path / "b", threads=1)
    assert all(mask is None and shape[1] in lengths for shape, mask in seen)


@pytest.mark.parametrize("name", ["wav2vec-group", "wavlm-layer"])
def test_the_last_norm_behind_an_inner_layer(name, models, speech, tmp_path):
    """As of a model whose upper layers are cut off, which is how nkululeko reads a layer."""
    paths = dict(list(speech.items())[:1])
    plain = tf.AutoModel.from_pretrained(models / name, dtype=torch.float32).eval()
    with torch.no_grad():  # weights of the norm that tell it from none
        plain.encoder.layer_norm.bias.copy_(torch.arange(plain.config.hidden_size) / 10)
    plain.save_pretrained(tmp_path / "model")
    tf.AutoFeatureExtractor.from_pretrained(models / name).save_pretrained(tmp_path / "model")
    cut = tf.AutoModel.from_pretrained(tmp_path / "model", dtype=torch.float32, num_hidden_layers=2)
    cut.eval()
    front = tf.AutoFeatureExtractor.from_pretrained(tmp_path / "model")
    expected = []
    for path in paths.values():
        inputs = front(mono(path), sampling_rate=16000, return_tensors="pt")["input_values"]
        with torch.no_grad():
            expected.append(cut(inputs).last_hidden_state[0].mean(dim=0).numpy())
    kind = WAVES[name][0]
    what = spec(kind, tmp_path / "model", layer=1, final_norm=True)
    close(values_of(what, paths, tmp_path / "a"), np.stack(expected))
    other = values_of(spec(kind, tmp_path / "model", layer=1), paths, tmp_path / "b")
    norm = WAVES[name][3].get("do_stable_layer_norm", False)
    assert norm != np.allclose(other, np.stack(expected), atol=1e-4)


@pytest.mark.parametrize("name", ["wav2vec-group", "wav2vec2-layer", "data2vec"])
def test_a_vector_depends_on_its_audio_alone(name, models, speech, tmp_path):
    what = spec(WAVES[name][0], models / name)
    table = make_table(speech)
    whole = values_of(what, speech, tmp_path / "a", threads=2)
    np.testing.assert_array_equal(values_of(what, speech, tmp_path / "b", threads=1), whole)
    # In pieces, and in another order.
    for part in (table.iloc[7:], table.iloc[:2], table.iloc[2:5].iloc[::-1]):
        values_of(what, speech, tmp_path / "c", table=part)
    np.testing.assert_array_equal(values_of(what, speech, tmp_path / "c"), whole)


def test_padding_is_a_sixteenth_at_most():
    for samples in (400, 16000, 32000, 32768, 50001, 4_800_000):
        assert samples <= padded_length(samples) <= samples * 17 / 16
        assert padded_length(padded_length(samples)) == padded_length(samples)


def test_any_rate_and_stereo(models, speech, tmp_path):
    path = next(iter(speech.values()))
    signal, rate = soundfile.read(path, dtype="float32")
    up = audio.resample(signal[None], rate, 22050)
    soundfile.write(tmp_path / "a.wav", np.stack([up[0] * 0.5, up[0] * 1.5]).T, 22050, "FLOAT")
    soundfile.write(tmp_path / "b.wav", up[0], 22050, "FLOAT")
    paths = {name: str(tmp_path / name) for name in ("a.wav", "b.wav")}
    found = values_of(spec("wav2vec2", models / "wav2vec2-layer"), paths, tmp_path / "s")
    close(found[0], found[1])
    expected = plain_states(models / "wav2vec2-layer", paths["b.wav"], 0).mean(axis=0)
    close(found[1], expected)


def test_segments(models, speech, tmp_path):
    file, path = next(iter(speech.items()))
    table = make_table(speech, [(file, 0.2, 0.9), (file, 0.5, None)])
    what = spec("hubert", models / "hubert-group")
    found = values_of(what, speech, tmp_path / "s", table=table)
    signal, rate = soundfile.read(path, dtype="float32")
    for row, part in enumerate((signal[3200:14400], signal[8000:])):
        soundfile.write(tmp_path / "part.wav", part, rate, "FLOAT")
        expected = plain_states(models / "hubert-group", str(tmp_path / "part.wav"), 0)
        close(found[row], expected.mean(axis=0))


def test_bad_audio_is_told_and_the_rest_kept(models, speech, tmp_path):
    paths = dict(list(speech.items())[:2])
    soundfile.write(tmp_path / "short.wav", np.ones(200), 16000)
    (tmp_path / "text.wav").write_text("no audio")
    paths |= {name: str(tmp_path / name) for name in ("short.wav", "text.wav", "gone.wav")}
    what = spec("wav2vec2", models / "wav2vec2-layer")
    with pytest.raises(features.BadFiles) as caught:
        values_of(what, paths, tmp_path / "s")
    reasons = dict(caught.value.rows)
    assert reasons["short.wav"] == "0.013 s are too short for wav2vec2"
    assert reasons["text.wav"].startswith("unreadable") and reasons["gone.wav"] == "missing"
    stored = pd.concat(map(pd.read_parquet, (tmp_path / "s").glob("*.parquet")))
    assert len(stored) == 2


def test_too_long_for_one_piece(models, tmp_path, monkeypatch):
    monkeypatch.setattr("izwi.features.transformer.LONGEST_SECONDS", 2)
    soundfile.write(tmp_path / "a.wav", np.zeros(48000), 16000)
    paths = {"a.wav": str(tmp_path / "a.wav")}
    with pytest.raises(features.BadFiles, match=r"3 s are too long .* list its segments"):
        values_of(spec("wav2vec2", models / "wav2vec2-layer"), paths, tmp_path / "s")


def test_what_waits_is_bounded(models, speech, tmp_path, monkeypatch):
    """With room for a second of waiting audio, batches are small, and the values the same."""
    what = spec("wav2vec2", models / "wav2vec2-layer")
    whole = values_of(what, speech, tmp_path / "a")
    monkeypatch.setattr(batches, "WAITING_SECONDS", 1.0)
    waited = []
    add = batches._Groups.add

    def watch(self, rows):
        add(self, rows)
        waited.append(self.seconds)

    monkeypatch.setattr(batches._Groups, "add", watch)
    np.testing.assert_array_equal(values_of(what, speech, tmp_path / "b", threads=1), whole)
    longest = max(len(mono(path)) / 16000 for path in speech.values())
    assert max(waited) <= 1 + 2 * longest


def test_one_row_by_itself(models, speech):
    path = next(iter(speech.values()))
    what = spec("wavlm", models / "wavlm-layer")
    extractor = features.extractor_class("wavlm")(what["options"])
    expected = plain_states(models / "wavlm-layer", path, 0).mean(axis=0)
    close(extractor(*audio.read(path)), expected)


# ---------------------------------------------------------------------- windows


def plain_whisper(folder: Path, signals: list[np.ndarray]) -> list[np.ndarray]:
    """States of the encoder for each signal of at most 30 s."""
    encoder = tf.WhisperModel.from_pretrained(folder, dtype=torch.float32).eval().encoder
    front = tf.AutoFeatureExtractor.from_pretrained(folder)
    states = []
    with torch.no_grad():
        for signal in signals:
            inputs = front(signal, sampling_rate=16000, return_tensors="pt")["input_features"]
            states.append(encoder(inputs).last_hidden_state[0].numpy())
    return states


def test_whisper_is_the_mean_over_its_own_frames(whisper, emodb, nemo, tmp_path):
    paths = some(emodb, "wav/*.wav", 535) | some(nemo, "**/*.flac", 535)
    signals = [mono(path) for path in paths.values()]
    states = plain_whisper(whisper, signals)
    own = [-(-len(signal) // 320) for signal in signals]
    assert own[0] == 100  # 2.0 s at 50 frames a second
    close(
        values_of(spec("whisper", whisper), paths, tmp_path / "a"),
        np.stack([s[:n].mean(axis=0) for s, n in zip(states, own, strict=True)]),
    )
    close(
        values_of(spec("whisper", whisper, pooling="all"), paths, tmp_path / "b"),
        np.stack([s.mean(axis=0) for s in states]),
    )
    close(
        values_of(spec("whisper", whisper, pooling="last"), paths, tmp_path / "c"),
        np.stack([s[n - 1] for s, n in zip(states, own, strict=True)]),
    )


def test_whisper_reads_all_of_long_audio(whisper, nemo, tmp_path):
    speech = np.concatenate([mono(path) for path in some(nemo, "**/*.flac", 25).values()])
    speech = speech[: 16000 * 40]
    assert len(speech) == 16000 * 40
    soundfile.write(tmp_path / "long.wav", speech, 16000, "FLOAT")
    paths = {"long.wav": str(tmp_path / "long.wav")}
    first, rest = plain_whisper(whisper, [speech[:480000], speech[480000:]])
    own = np.concatenate([first, rest[:500]])
    close(values_of(spec("whisper", whisper), paths, tmp_path / "a")[0], own.mean(axis=0))
    weighted = 0.75 * first.mean(axis=0) + 0.25 * rest.mean(axis=0)
    found = values_of(spec("whisper", whisper, pooling="all"), paths, tmp_path / "b")[0]
    close(found, weighted)


def test_whisper_layer_counts_back(whisper, emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 535)
    model = tf.WhisperModel.from_pretrained(whisper, dtype=torch.float32).eval().encoder
    front = tf.AutoFeatureExtractor.from_pretrained(whisper)
    expected = []
    for path in paths.values():
        inputs = front(mono(path), sampling_rate=16000, return_tensors="pt")["input_features"]
        with torch.no_grad():
            states = model(inputs, output_hidden_states=True).hidden_states
        assert len(states) == 5
        expected.append(states[-3][0, :100].mean(dim=0).numpy())
    found = values_of(spec("whisper", whisper, layer=2), paths, tmp_path)
    close(found, np.stack(expected))


def test_ast_windows_and_patches(models, tmp_path, nemo):
    folder = models / "ast"
    speech = np.concatenate([mono(path) for path in some(nemo, "**/*.flac", 150).values()])
    window = 199 * 160 + 400
    speech = speech[: window + 8000]
    soundfile.write(tmp_path / "long.wav", speech, 16000, "FLOAT")
    soundfile.write(tmp_path / "short.wav", speech[:8000], 16000, "FLOAT")
    paths = {name: str(tmp_path / name) for name in ("long.wav", "short.wav")}
    model = tf.AutoModel.from_pretrained(folder).eval()
    front = tf.AutoFeatureExtractor.from_pretrained(folder)

    def states(part):
        with torch.no_grad():
            inputs = front(part, sampling_rate=16000, return_tensors="pt")
            return model(**inputs).last_hidden_state[0].numpy()

    # 12 bands of patches, 19 steps of 10 spectra; half a second makes 48 spectra.
    grid = [states(p)[2:].reshape(12, 19, 24) for p in (speech[:8000], speech[window:])]
    whole = states(speech[:window])[2:].reshape(12, 19, 24)
    found = values_of(spec("ast", folder), paths, tmp_path / "a")
    close(found[1], grid[0][:, :5].mean(axis=(0, 1)))
    own = np.concatenate([whole, grid[1][:, :5]], axis=1)
    close(found[0], own.mean(axis=(0, 1)))
    found = values_of(spec("ast", folder, pooling="all"), paths, tmp_path / "b")
    close(found[1], states(speech[:8000]).mean(axis=0))


# -------------------------------------------------------- folders, keys, errors


def problem(kind: str, folder, **options) -> str:
    what = spec(kind, folder, **options)
    with pytest.raises(UserError) as caught:
        features.extractor_class(kind).content(what["options"])
    (line,) = caught.value.problems
    return line


def test_planning_imports_nothing_heavy(models):
    code = (
        "import sys; from izwi import features\n"
        f"cls = features.extractor_class('wav2vec2')\n"
        f"found = cls.content({spec('wav2vec2', models / 'wav2vec2-layer')['options']!r})\n"
        "assert len(found) == 3\n"
        "assert not {'torch', 'transformers', 'numpy', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_key_follows_the_weights_and_not_their_place(models, tmp_path):
    what = spec("wav2vec2", models / "wav2vec2-layer")
    key = extractor_key(what)
    shutil.copytree(models / "wav2vec2-layer", tmp_path / "copy")
    assert extractor_key(spec("wav2vec2", tmp_path / "copy")) == key
    assert extractor_key(spec("wav2vec2", tmp_path / "copy", layer=1)) != key
    assert extractor_key(spec("wav2vec2", tmp_path / "copy", pooling="last")) != key
    assert extractor_key(spec("wav2vec", tmp_path / "copy")) != key
    with open(tmp_path / "copy" / "model.safetensors", "r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        last = stream.read(1)
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([last[0] ^ 1]))
    assert extractor_key(spec("wav2vec2", tmp_path / "copy")) != key


def test_large_files_are_read_once(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    files = LargeFiles()
    files.keep_in(tmp_path / "kept.json")
    old = files.digest(str(path))
    assert not (tmp_path / "kept.json").exists()  # so young that it may still change unseen
    files.YOUNG_NS = 0
    files.digest(str(path))
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept[str(path)][1] == old
    kept[str(path)][1] = "from the file"
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    again = LargeFiles()
    again.keep_in(tmp_path / "kept.json")
    assert again.digest(str(path)) == "from the file"
    path.write_bytes(b"2")
    assert again.digest(str(path)) not in ("from the file", old)


def test_pointer_pickle_and_missing_weights(models, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(models / "wav2vec2-layer", folder)
    weights = folder / "model.safetensors"
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    assert problem("wav2vec2", folder) == (
        f"[FEATS] wav2vec2.model: {weights} is a Git-LFS pointer instead of the weights; "
        f"type: git -C {folder} lfs pull"
    )
    weights.rename(folder / "pytorch_model.bin")
    assert "pytorch_model.bin is a Git-LFS pointer" in problem("wav2vec2", folder)
    (folder / "pytorch_model.bin").write_bytes(b"PK")
    line = problem("wav2vec2", folder)
    assert "a pickle" in line and f"scripts/fetch_model.py {folder} <new folder>" in line
    (folder / "pytorch_model.bin").unlink()
    assert "no weights, model.safetensors is missing" in problem("wav2vec2", folder)


def test_folders_that_hold_no_fitting_model(models, tmp_path):
    assert "no config.json" in problem("wav2vec2", tmp_path)
    assert problem("hubert", models / "wav2vec2-layer").endswith(
        "holds a model of the type wav2vec2, FEATS.type = hubert takes hubert"
    )
    assert problem("wav2vec2", models / "wav2vec2-layer", layer=4) == (
        "[FEATS] wav2vec2.layer: 4 is more than the 3 layers of the model"
    )
    shutil.copytree(models / "ast", tmp_path / "m")
    (tmp_path / "m" / "preprocessor_config.json").unlink()
    assert "has no preprocessor_config.json" in problem("ast", tmp_path / "m")


def test_without_torch(models, monkeypatch):
    monkeypatch.setattr(
        "izwi.engine.keys.version_of", lambda name: None if name == "torch" else "1"
    )
    assert problem("wavlm", models / "wavlm-layer") == (
        "[FEATS] type: wavlm needs torch, not installed; type: make deep "
        "(or: pip install -r requirements-deep.txt)"
    )


def test_weights_that_are_not_whole(models, speech, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "m"
    shutil.copytree(models / "wav2vec2-layer", folder)
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in weights if "layers.2" in name)
    del weights[lost]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=f"lack 1 of the model's, such as {lost}"):
        values_of(spec("wav2vec2", folder), speech, tmp_path / "s")


def test_names_on_the_hub(models, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("IZWI_MODELS", str(tmp_path))
    what = {"type": "wavlm-large", "options": spec("wavlm", None)["options"]}
    what["options"]["wavlm.model"] = None
    cls = features.extractor_class("wavlm-large")
    with pytest.raises(UserError) as caught:
        cls.content(what["options"])
    assert caught.value.problems == [
        "[FEATS] wavlm.model: 'microsoft/wavlm-large' is neither a folder nor a model on this "
        "computer; fetch it once: izwi fetch microsoft/wavlm-large"
    ]
    cached = tmp_path / "models--microsoft--wavlm-large"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc123")
    shutil.copytree(models / "wavlm-layer", cached / "snapshots" / "abc123")
    assert extractor_key(what) == extractor_key(
        {"type": "wavlm-large", "options": spec("wavlm", models / "wavlm-layer")["options"]}
    )
    assert len(cls(what["options"]).columns) == 48


def test_fetching_converts_pickled_weights(models, speech, tmp_path, monkeypatch):
    folder = tmp_path / "pickled"
    shutil.copytree(models / "hubert-layer", folder)
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "a pickle" in problem("hubert", folder)
    script = str(ROOT / "scripts" / "fetch_model.py")
    monkeypatch.setattr(sys, "argv", [script, str(folder), str(tmp_path / "new")])
    runpy.run_path(script, run_name="__main__")
    paths = dict(list(speech.items())[:2])
    found = values_of(spec("hubert", tmp_path / "new"), paths, tmp_path / "a")
    expected = values_of(spec("hubert", models / "hubert-layer"), paths, tmp_path / "b")
    np.testing.assert_array_equal(found, expected)
