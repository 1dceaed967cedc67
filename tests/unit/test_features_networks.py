"""Published networks in izwi's own code, with small random weights.

The figures are those of the published code (FunASR's emotion2vec, speechbrain's ECAPA-TDNN and
x-vectors without their noise, torchaudio's SQUIM) for the same weights and the same wave.
"""

import json
import shutil

import numpy as np
import pytest
import soundfile
from audio_tables import make_table
from stand_ins import ecapa, emotion2vec, filled, squim, xvector

from izwi import features
from izwi.errors import UserError
from izwi.features import extraction

torch = pytest.importorskip("torch")
import transformers as tf  # noqa: E402
from safetensors.torch import save_file  # noqa: E402


def wave(samples, seed=2):
    generator, t = np.random.default_rng(seed), np.arange(samples) / 16000
    tone = np.sin(2 * np.pi * 220 * t * (1 + 0.1 * np.sin(7 * t)))
    return (0.3 * tone + 0.05 * generator.standard_normal(samples)).astype(np.float32)


# Type, shapes, length of the wave, name of the first feature, the published code's values.
NETWORKS = {
    "emotion2vec": ("emotion2vec", emotion2vec, 12345, "emotion2vec_0",
                    [-0.40538642, -1.3374126, -0.94384384, 1.4211434, 0.37427327]),
    "ecapa": ("spkrec-ecapa-voxceleb", ecapa, 20000, "spkrec_0",
              [-2.8745742, 0.47711143, -3.4807582, -1.3375932, 1.5348666]),
    "xvector": ("spkrec-xvect-voxceleb", xvector, 20000, "spkrec_0",
                [1.7820243, -0.55864471, -0.49770835, 1.2362551, -0.62583697]),
    "squim": ("squim", squim, 9100, "pesq", [3.2706194, -0.31214294, 0.48156014]),
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    for name, (_, shapes, *_) in NETWORKS.items():
        (folder / name).mkdir()
        save_file(filled(shapes()), folder / name / "model.safetensors", {"format": "pt"})
    return folder


def values(kind, options, paths, store, threads=2):
    found = extraction.extract(
        {"type": kind, "options": options}, make_table(paths), paths, store=store, threads=threads
    )
    return found.columns[3:].tolist(), found.iloc[:, 3:].to_numpy()


def written(folder, waves, rate=16000):
    paths = {}
    for i, samples in enumerate(waves):
        path = folder / f"{i}.wav"
        soundfile.write(path, samples, rate, "FLOAT")
        paths[path.name] = str(path)
    return paths


@pytest.mark.parametrize("network", NETWORKS)
def test_the_published_network(network, models, tmp_path):
    kind, _, samples, first, expected = NETWORKS[network]
    family = kind.partition("-")[0]
    paths = written(tmp_path, [wave(samples), wave(8000, 3), wave(samples, 4)])
    own = {f"{family}.model": str(models / network)}
    names, found = values(kind, own, paths, tmp_path / "a")
    assert names[0] == first and len(set(names)) == len(names)
    np.testing.assert_allclose(found[0, : len(expected)], expected, rtol=1e-5, atol=1e-5)
    # Alone and together, on one core and on two.
    only = dict(list(paths.items())[:1])
    np.testing.assert_array_equal(values(kind, own, only, tmp_path / "b", 1)[1][0], found[0])
    assert np.abs(found[0] - found[2]).max() > 1e-3
    if kind == "emotion2vec":
        named = values("emotion2vec-base", own, paths, tmp_path / "c")
        assert named[0] == names
        np.testing.assert_array_equal(named[1], found)
    cls = features.extractor_class(kind)
    assert len(cls.content({option.name: own[option.name] for option in cls.options})) == 1


def test_the_head_of_emotion2vec(models, tmp_path):
    weights = filled(emotion2vec())
    generator = torch.Generator().manual_seed(4)
    weights["proj.weight"] = torch.randn(9, 32, generator=generator)
    weights["proj.bias"] = torch.randn(9, generator=generator)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    paths = written(tmp_path, [wave(12345), wave(8000, 3)])
    own = {"emotion2vec.model": str(tmp_path)}
    names, found = values("emotion2vec_emotion", own, paths, tmp_path / "a")
    _, embedded = values("emotion2vec", own, paths, tmp_path / "b")
    scores = embedded @ weights["proj.weight"].numpy().T + weights["proj.bias"].numpy()
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, chances, rtol=1e-4, atol=1e-6)
    assert names[:2] == ["angry", "disgusted"] and len(names) == 9
    # The embeddings alone were published without a head.
    bare = str(models / "emotion2vec")
    assert "lack proj.bias" in problem("emotion2vec_emotion", **{"emotion2vec.model": bare})


def problem(kind, **options) -> str:
    cls = features.extractor_class(kind)
    defaults = {option.name: option.default for option in cls.options}
    with pytest.raises(UserError) as caught:
        cls.content(defaults | options)
    (line,) = caught.value.problems
    return line


def test_weights_as_they_are_published_are_converted(models, tmp_path, monkeypatch):
    """Pickled, under the names that their authors use; the values stay the same."""
    from izwi.features import model_cache

    monkeypatch.setenv("IZWI_MODELS", str(tmp_path))
    paths = written(tmp_path, [wave(9100)])
    names = {"emotion2vec": ("model.pt", "model"), "ecapa": ("embedding_model.ckpt", ""),
             "squim": ("squim_objective_dns2020.pth", "")}  # fmt: skip
    for network, (file, inside) in names.items():
        kind = NETWORKS[network][0]
        family = f"{kind.partition('-')[0]}.model"
        weights = filled(NETWORKS[network][1]())
        source, target = tmp_path / f"{network}-pickled", tmp_path / f"{network}-new"
        source.mkdir()
        target.mkdir()
        torch.save({inside: weights, "step": 3} if inside else weights, source / file)
        if network != "squim":
            line = problem(kind, **{family: str(source)})
            assert "a pickle" in line and f"scripts/fetch_model.py {source} <new folder>" in line
        model_cache.convert("x", source, target)
        found = values(kind, {family: str(target)}, paths, tmp_path / f"{network}-a")[1]
        kept = values(kind, {family: str(models / network)}, paths, tmp_path / f"{network}-b")[1]
        np.testing.assert_array_equal(found, kept)


def test_what_does_not_fit_is_told_while_planning(models, tmp_path, monkeypatch):
    monkeypatch.setenv("IZWI_MODELS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "put https://download.pytorch.org/" in problem("squim")
    assert "lack modality_encoders.AUDIO.alibi_scale" in problem(
        "emotion2vec-large", **{"emotion2vec.model": str(models / "squim")}
    )
    assert "neither of ECAPA-TDNN" in problem("spkrec", **{"spkrec.model": str(models / "squim")})
    assert problem("emotion2vec").endswith("fetch it once: izwi fetch emotion2vec/emotion2vec_base")
    shapes = ecapa()
    del shapes["asp.conv.conv.bias"]
    save_file(filled(shapes), tmp_path / "model.safetensors")
    paths = written(tmp_path, [wave(20000)])
    with pytest.raises(UserError, match=r"do not fit spkrec: 'asp\.conv\.conv\.bias'"):
        values("spkrec", {"spkrec.model": str(tmp_path)}, paths, tmp_path / "s")
    with pytest.raises(features.BadFiles, match=r"0\.050 s are too short for spkrec"):
        paths = written(tmp_path, [wave(800)])
        values("spkrec", {"spkrec.model": str(models / "ecapa")}, paths, tmp_path / "t")


@pytest.fixture(scope="module")
def clap(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clap")
    torch.manual_seed(6)
    audio = {"patch_embeds_hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2],
             "hidden_size": 32, "num_hidden_layers": 2, "window_size": 4, "spec_size": 128,
             "num_mel_bins": 32, "fusion_num_hidden_layers": 1}  # fmt: skip
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 16, "vocab_size": 50}  # fmt: skip
    config = tf.ClapConfig(text_config=text, audio_config=audio, projection_dim=24)
    tf.ClapModel(config).save_pretrained(folder)
    front = tf.ClapFeatureExtractor(feature_size=32, truncation="rand_trunc", max_length_s=2)
    front.save_pretrained(folder)
    return folder


def test_clap(clap, tmp_path):
    """One window as transformers has it; two are averaged by the audio in them."""
    waves = [wave(48000), wave(96000, 3), wave(3 * 48000, 4)]
    paths = written(tmp_path, waves, 48000)
    names, found = values("clap", {"clap.model": str(clap)}, paths, tmp_path / "a")
    assert names == [f"clap_{i}" for i in range(24)]
    model = tf.ClapModel.from_pretrained(clap).eval()
    front = tf.ClapFeatureExtractor.from_pretrained(clap)

    def embedded(part):
        inputs = front(part, sampling_rate=48000, return_tensors="pt")
        with torch.no_grad():
            return model.get_audio_features(**inputs).pooler_output[0].numpy()

    two = 2 * embedded(waves[2][:96000]) + embedded(waves[2][96000:])
    expected = [embedded(waves[0]), embedded(waves[1]), two / np.linalg.norm(two)]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-4
    shutil.copytree(clap, tmp_path / "other")
    (tmp_path / "other" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "type bert, FEATS.type = clap takes clap" in problem(
        "clap", **{"clap.model": str(tmp_path / "other")}
    )
