"""Finetuning: small pretrained models with random weights learn low and high tones."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
from audio_tables import make_table
from sklearn.metrics import recall_score

from izwi import features
from izwi.data import audio
from izwi.errors import UserError
from izwi.models import load_model, model_class
from izwi.stages.features import _extractor_key as extractor_key
from izwi.stages.train import without_places
from izwi.training import fitting

torch = pytest.importorskip("torch")
tf = pytest.importorskip("transformers")

from izwi.features import extraction, pretrained  # noqa: E402
from izwi.models.finetune_net import WaveEncoder, WhisperEncoder  # noqa: E402

RATE = 16000
NET = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": (24,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
WAVES = {
    "group": (tf.Wav2Vec2Config, tf.Wav2Vec2Model, {"feat_extract_norm": "group"}),
    "layer": (
        tf.Wav2Vec2Config,
        tf.Wav2Vec2Model,
        {"feat_extract_norm": "layer", "do_stable_layer_norm": True},
    ),
    "hubert": (tf.HubertConfig, tf.HubertModel, {"feat_extract_norm": "group"}),
    "wavlm": (tf.WavLMConfig, tf.WavLMModel, {"feat_extract_norm": "layer"}),
    "data2vec": (
        tf.Data2VecAudioConfig,
        tf.Data2VecAudioModel,
        {"num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 7},
    ),
}
FAST = {"learning_rate": 0.002, "epochs": 6, "max_duration": 0.5, "freeze": "none"}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of small models with random weights, by name."""
    folder = tmp_path_factory.mktemp("models")
    front = tf.Wav2Vec2FeatureExtractor(return_attention_mask=True, do_normalize=True)
    for name, (config, model, more) in WAVES.items():
        torch.manual_seed(3)
        model(config(**NET | more)).save_pretrained(folder / name)
        front.save_pretrained(folder / name)
    torch.manual_seed(4)
    whisper = tf.WhisperConfig(
        d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=48, vocab_size=50,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    tf.WhisperModel(whisper).save_pretrained(folder / "whisper")
    tf.WhisperFeatureExtractor().save_pretrained(folder / "whisper")
    return folder


def tones(rows: int, seed: int, seconds: tuple[float, float] = (0.2, 0.4)):
    """Recordings of shape (rows, 1), low and high tones in turn, and their pitch in Hz."""
    rng = np.random.default_rng(seed)
    X = np.empty((rows, 1), dtype=object)
    pitch = np.where(
        np.arange(rows) % 2, rng.uniform(2000, 3000, rows), rng.uniform(150, 400, rows)
    )
    for row in range(rows):
        time = np.arange(int(rng.uniform(*seconds) * RATE)) / RATE
        wave = 0.5 * np.sin(2 * np.pi * pitch[row] * time) + 0.02 * rng.normal(size=len(time))
        X[row, 0] = np.round(wave * 32767).astype(np.int16)
    return X, pitch


def labelled(rows: int, seed: int):
    X, pitch = tones(rows, seed)
    return X, np.where(pitch > 1000, "high", "low")


def fitted(folder, X, y, *, seed=0, dev=None, name="finetune", **options):
    labels = sorted(set(y)) if name == "finetune" else None
    model = model_class(name)(
        FAST | {"pretrained_model": str(folder)} | options, seed=seed, labels=labels
    )
    model.report = model.fit(X, y, dev=dev)
    return model


@pytest.mark.parametrize(("name", "rate"), [("group", 0.002), ("layer", 0.002), ("whisper", 0.01)])
def test_it_learns(name, rate, models):
    X, y = labelled(32, 1)
    model = fitted(models / name, X, y, learning_rate=rate)
    losses = [epoch["train_loss"] for epoch in model.report["epochs"]]
    assert losses[-1] < losses[0] / 2
    new, truth = labelled(20, 2)
    predicted = model.predict(new)
    assert recall_score(truth, predicted.decision, average="macro") > 0.9
    np.testing.assert_allclose(predicted.probabilities.sum(axis=1), 1)


def test_numbers_are_learnt_by_the_same_net(models):
    X, pitch = tones(32, 1)
    model = fitted(models / "layer", X, pitch, name="finetune_reg")
    new, truth = tones(20, 2)
    assert np.corrcoef(model.predict(new).decision, truth)[0, 1] > 0.9


def weights(model) -> dict[str, torch.Tensor]:
    return dict(model.net.named_parameters())


@pytest.mark.parametrize(
    ("name", "freeze", "kept"),
    [
        ("group", "features", ["feature_extractor"]),
        ("layer", "encoder", ["encoder."]),
        ("group", 1, ["feature_extractor", "feature_projection", "pos_conv", "encoder.layer_norm",
                      "layers.0"]),
        ("layer", 1, ["feature_extractor", "feature_projection", "pos_conv", "layers.0"]),
        ("group", "none", []),
        ("whisper", 1, ["conv", "layers.0", "embed_positions"]),
    ],
)  # fmt: skip
def test_what_is_frozen_stays_and_all_else_moves(name, freeze, kept, models):
    X, y = labelled(8, 3)
    # Without decay nothing moves but by its gradient.
    options = {"freeze": freeze, "epochs": 1, "weight_decay": 0}
    before = weights(fitted(models / name, X, y, **options, learning_rate=1e-12, optimizer="sgd"))
    model = fitted(models / name, X, y, **options, learning_rate=0.01, batch_size=4)
    moved = 0
    for key, weight in weights(model).items():
        # Heads apart; the vector for masked input has no part in this.
        if "masked_spec" in key:
            continue
        here = any(part in key for part in kept) and not key.startswith("head")
        if here or not key.startswith("head"):
            same = torch.equal(weight, before[key])
            # A bias under softmax, or of keys, has no gradient.
            assert same if here else (not same or "k_proj.bias" in key), key
        moved += not here
    assert moved
    counts = model.report["notes"][-1]
    trained = sum(w.numel() for w in weights(model).values() if w.requires_grad)
    assert f"{trained:,} of " in counts and f"freeze = {freeze}" in counts


def test_frozen_parts_compute_without_dropout(models):
    X, y = labelled(8, 3)
    net = fitted(models / "group", X, y, freeze="encoder", epochs=1, drop=0.0).net.train()
    with torch.no_grad():
        assert torch.equal(net(list(X[:, 0])), net(list(X[:, 0])))
    net = fitted(models / "group", X, y, freeze="features", epochs=1, drop=0.0).net.train()
    with torch.no_grad():
        assert not torch.equal(net(list(X[:, 0])), net(list(X[:, 0])))


def test_gradients_of_several_batches_are_one_step(models):
    X, y = labelled(20, 3)
    options = {"freeze": "encoder", "drop": 0.0, "epochs": 2, "optimizer": "sgd"}
    one = fitted(models / "layer", X, y, **options, batch_size=8)
    several = fitted(models / "layer", X, y, **options, batch_size=2, gradient_accumulation_steps=4)
    small = fitted(models / "layer", X, y, **options, batch_size=2)
    heads = [key for key in weights(one) if key.startswith("head")]
    assert heads
    for key in heads:
        torch.testing.assert_close(weights(several)[key], weights(one)[key], rtol=1e-4, atol=1e-6)
    assert not torch.allclose(weights(small)[heads[0]], weights(one)[heads[0]], rtol=1e-3)
    losses = [[epoch["train_loss"] for epoch in m.report["epochs"]] for m in (one, several)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_the_epoch_that_is_best_on_dev_is_kept(models):
    X, y = labelled(16, 5)
    rng = np.random.default_rng(1)
    dev = (X[:12], np.where(rng.random(12) < 0.3, "low", y[:12]))
    model = fitted(models / "layer", X, y, dev=dev, patience=2, epochs=12, learning_rate=0.004)
    scores = [epoch["dev_measure"] for epoch in model.report["epochs"]]
    best = model.report["best_epoch"]
    assert scores[best - 1] == max(scores) > min(scores)
    uar = recall_score(dev[1], model.predict(dev[0]).decision, average="macro")
    assert uar == pytest.approx(scores[best - 1])
    # Two epochs without a better one end it.
    assert len(scores) == min(best + 2, 12)


def test_a_seed_gives_the_same_bytes_whatever_the_threads(models, tmp_path):
    X, y = labelled(12, 6)
    threads = torch.get_num_threads()
    stored = []
    try:
        for run, (seed, number) in enumerate([(1, 1), (1, 2), (2, 1)]):
            torch.set_num_threads(number)
            fitted(models / "group", X, y, seed=seed, epochs=2).save(tmp_path / str(run))
            stored.append((tmp_path / str(run) / "model.safetensors").read_bytes())
    finally:
        torch.set_num_threads(threads)
    assert stored[0] == stored[1] != stored[2]


@pytest.mark.parametrize("name", WAVES)
def test_a_row_does_not_depend_on_its_batch(name, models):
    front = pretrained.front_end(models / name)
    plain = tf.AutoModel.from_pretrained(models / name, dtype=torch.float32).eval()
    encoder = WaveEncoder(plain, front).eval()
    X, _ = tones(5, 7, (0.1, 1.0))
    X[3, 0] = X[1, 0][::-1].copy()  # as long as another
    with torch.no_grad():
        together = encoder(list(X[:, 0]))
        for row, (wave,) in enumerate(X):
            inputs = front(wave / 32768, sampling_rate=RATE, return_tensors="pt")["input_values"]
            alone = plain(inputs.float()).last_hidden_state[0].mean(dim=0)
            torch.testing.assert_close(together[row], alone, rtol=1e-4, atol=1e-5)
    assert encoder.pads == (name in ("layer", "wavlm"))


def test_whisper_of_30_seconds_is_plain_whisper(models):
    front = pretrained.front_end(models / "whisper")
    (wave,), _ = tones(1, 8, (0.9, 1.0))
    encoder = tf.WhisperModel.from_pretrained(models / "whisper").eval().encoder
    inputs = front(wave[0] / 32768, sampling_rate=RATE, return_tensors="pt")["input_features"]
    with torch.no_grad():
        states = encoder(inputs).last_hidden_state[0]
        own = states[: -(-len(wave[0]) // 320)].mean(dim=0)
        model = tf.WhisperModel.from_pretrained(models / "whisper").eval()
        found = WhisperEncoder(model, front, 30.0)([wave[0]])[0]
        torch.testing.assert_close(found, own, rtol=1e-4, atol=1e-5)
        # Cut to 2 s, it sees as many positions, and other recordings change nothing.
        model = tf.WhisperModel.from_pretrained(models / "whisper").eval()
        short = WhisperEncoder(model, front, 2.0)
        assert short.model.embed_positions.weight.shape == (100, 32)
        torch.testing.assert_close(short([wave[0], wave[0][:4000]])[0], short([wave[0]])[0])


@pytest.mark.parametrize("name", ["layer", "whisper"])
def test_a_saved_model_needs_the_pretrained_one_no_more(name, models, tmp_path):
    shutil.copytree(models / name, tmp_path / "pretrained")
    X, y = labelled(8, 9)
    model = fitted(tmp_path / "pretrained", X, y, epochs=1)
    model.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "pretrained")
    again = load_model(tmp_path / "model")
    new, _ = labelled(4, 10)
    np.testing.assert_array_equal(
        again.predict(new).probabilities, model.predict(new).probabilities
    )
    files = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert files == {".json", ".safetensors"}


def test_rows_are_repeated_to_balance_the_classes(models):
    X, y = labelled(12, 11)
    y[:] = ["low"] * 9 + ["high"] * 3
    spec = {
        "model": {
            "type": "finetune",
            "options": FAST | {"pretrained_model": str(models / "layer"), "epochs": 1},
        },
        "preprocessing": {"scale": None, "features": None},
        "balancing": "ros",
        "balancing_seed": 1,
    }
    split = pd.DataFrame({"speaker": [f"s{i % 3}" for i in range(12)]})
    samples = fitting.Samples(["wave"], X, split)
    rows = np.arange(12)
    fit = fitting.fit(spec, fitting.TrainingSet(samples, y, rows, rows[:0], ["high", "low"]), 0)
    assert fit.history["balancing"]["after"] == {"high": 9, "low": 9}
    assert fit.model.schedule.last_epoch == 3  # 18 recordings by 8


def values(folder, **options) -> dict:
    model = model_class("finetune")
    return {o.name: o.default for o in model.options} | {"pretrained_model": str(folder)} | options


def test_options_that_do_not_fit_are_one_line(models, tmp_path):
    cls = model_class("finetune")
    assert cls.check(values("")) == []
    assert cls.check(values("", freeze="half")) == [
        "[MODEL] freeze: 'half' is none of none, features, encoder and no number of layers"
    ]
    tf.BertConfig().save_pretrained(tmp_path / "bert")
    shutil.copytree(models / "layer", tmp_path / "pointer")
    pointer = tmp_path / "pointer" / "model.safetensors"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\n")
    for folder, options, said in (
        (models / "layer", {"freeze": 3}, r"freeze: 3 is more than the 2 layers"),
        (models / "whisper", {"max_duration": 31}, r"max_duration: 31 s are more than the 30 s"),
        (tmp_path / "bert", {}, r"pretrained_model: .*/bert holds a model of the type bert"),
        (tmp_path / "pointer", {}, r"is a Git-LFS pointer"),
        ("no/model", {}, r"'no/model' is neither a folder nor a model on this computer"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            cls.content(values(folder, **options))
        assert len(caught.value.problems) == 1


def test_the_weights_are_in_the_key_their_place_is_not(models, tmp_path):
    cls = model_class("finetune")
    shutil.copytree(models / "layer", tmp_path / "moved")
    assert cls.content(values(models / "layer")) == cls.content(values(tmp_path / "moved"))
    assert cls.content(values(models / "layer")) != cls.content(values(models / "group"))
    specs = [
        without_places({"model": {"type": "finetune", "options": values(folder)}})
        for folder in (models / "layer", tmp_path / "moved")
    ]
    assert specs[0] == specs[1] and "freeze" in specs[0]["model"]["options"]


def test_recordings_as_a_feature(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    stereo = 0.3 * rng.normal(size=(22050, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", stereo, 22050, "FLOAT")
    soundfile.write(tmp_path / "b.wav", rng.integers(-32768, 32768, 48000).astype(np.int16), RATE)
    paths = {name: str(tmp_path / name) for name in ("a.wav", "b.wav")}
    table = make_table(paths, [("a.wav", 0.0, None), ("b.wav", 0.5, 1.0), ("b.wav", 0.0, None)])
    said: list[str] = []
    spec = {"type": "wave", "options": {"seconds": 2.0}}
    folder = tmp_path / "store"
    matrix = extraction.extract(spec, table, paths, store=folder, threads=2, warn=said.append)
    matrix.to_parquet(tmp_path / "matrix.parquet", index=False)
    waves = pd.read_parquet(tmp_path / "matrix.parquet")["wave"]
    exact, _ = soundfile.read(tmp_path / "b.wav", dtype="int16")
    np.testing.assert_array_equal(waves[1], exact[8000:16000])
    np.testing.assert_array_equal(waves[2], exact[:32000])
    assert waves[0].dtype == np.int16
    plain = audio.resample(stereo.mean(axis=1)[None], 22050, RATE)[0]
    assert np.abs(waves[0] / 32768 - plain.clip(-1, 1)).max() < 2 / 32768
    (line,) = said
    assert line.startswith("wave: 1 of 3 rows are longer than 2 s (up to 3.00 s) and cut there")
    assert not folder.exists()
    monkeypatch.setattr("izwi.features.store.LONGEST_COLUMN", 50000)
    with pytest.raises(UserError, match="56,000 samples are more than the 50,000 that fit"):
        extraction.extract(spec, table, paths, store=folder, threads=1)
    longer = {"type": "wave", "options": {"seconds": 3.0}}
    assert extractor_key(spec) != extractor_key(longer)
    soundfile.write(tmp_path / "b.wav", exact[:300], RATE)
    with pytest.raises(features.BadFiles, match="wave cannot use 1 of 2 rows") as caught:
        extraction.extract(spec, make_table(paths), paths, store=folder, threads=1)
    assert caught.value.rows == [("b.wav", "0.019 s are too short for wave")]
