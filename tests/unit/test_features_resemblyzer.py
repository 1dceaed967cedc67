"""Resemblyzer's embeddings with its real weights, against its own code, and as what they are."""

import sys
import types

import numpy as np
import pytest
import soundfile
from audio_tables import make_table, some
from scipy import ndimage

from izwi import features
from izwi.data import audio
from izwi.errors import UserError
from izwi.features import bundled, extraction

torch = pytest.importorskip("torch")
try:
    bundled.file_of("Resemblyzer", "resemblyzer", "pretrained.pt", "this test")
except UserError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(scope="module")
def package():
    """The package's own code, in which every frame counts as speech: pauses stay.

    Its spectra come from librosa, which takes 10 s to load; torch's STFT and transformers' filters
    are the same (librosa itself was compared once).
    """
    from transformers import audio_utils

    class Vad:
        def __init__(self, mode):
            pass

        def is_speech(self, frame, sample_rate):
            return True

    def melspectrogram(y, sr, n_fft, hop_length, n_mels):
        spectrum = torch.stft(
            torch.from_numpy(y).float(),
            n_fft,
            hop_length,
            window=torch.hann_window(n_fft),
            pad_mode="constant",
            return_complex=True,
        )
        mel = audio_utils.mel_filter_bank(
            n_fft // 2 + 1, n_mels, 0, sr / 2, sr, norm="slaney", mel_scale="slaney"
        )
        return mel.T @ spectrum.abs().numpy() ** 2

    librosa = types.SimpleNamespace(
        feature=types.SimpleNamespace(melspectrogram=melspectrogram),
        resample=lambda wave, orig_sr, target_sr: wave,
    )
    stubs = {
        "librosa": librosa,
        "webrtcvad": types.SimpleNamespace(Vad=Vad),
        "scipy.ndimage.morphology": types.SimpleNamespace(binary_dilation=ndimage.binary_dilation),
    }
    kept = {name: sys.modules.get(name) for name in stubs}
    sys.modules.update(stubs)
    try:
        import resemblyzer
    finally:
        for name, module in kept.items():
            sys.modules.pop(name) if module is None else sys.modules.update({name: module})
    return resemblyzer


def values(paths, store, threads=2):
    table = make_table(paths)
    what = {"type": "resemblyzer", "options": {}}
    found = extraction.extract(what, table, paths, store=store, threads=threads)
    assert found.columns[3] == "resemblyzer_0" and found.shape[1] == 3 + 256
    return found.iloc[:, 3:].to_numpy()


def test_as_the_package_has_it(package, nemo, tmp_path):
    """Recordings of one, several and many windows, one of them quiet."""
    speech = [audio.read(path)[0][0] for path in some(nemo, "**/*.flac", 500).values()]
    rate = audio.read(next(iter(some(nemo, "**/*.flac", 500).values())))[1]
    whole = audio.resample(np.concatenate(speech)[None], rate, 16000)[0]
    paths = {}
    for name, samples in {"a": 8000, "b": 30000, "c": 39500, "d": len(whole)}.items():
        # The package cuts what is less than a frame of 30 ms.
        part = whole[: samples // 480 * 480] * (0.02 if name == "b" else 1)
        soundfile.write(tmp_path / f"{name}.wav", part, 16000, "FLOAT")
        paths[f"{name}.wav"] = str(tmp_path / f"{name}.wav")
    encoder = package.VoiceEncoder("cpu", verbose=False)
    expected = []
    for path in paths.values():
        wave = package.preprocess_wav(soundfile.read(path, dtype="float32")[0], 16000)
        expected.append(encoder.embed_utterance(wave))
    found = values(paths, tmp_path / "a", threads=1)
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-4)
    np.testing.assert_array_equal(values(paths, tmp_path / "b"), found)


def test_speakers_are_nearer_to_themselves(emodb, tmp_path):
    """Pairs of recordings of other texts and emotions: of one speaker, and of two."""
    paths = some(emodb, "wav/*.wav", 18)
    found = values(paths, tmp_path)
    near = found @ found.T
    names = [path.split("/")[-1] for path in paths]
    speaker = np.array([name[:2] for name in names])
    text = np.array([name[2:5] for name in names])
    pairs = np.triu(np.ones_like(near), 1).astype(bool) & (text[:, None] != text)
    same = near[pairs & (speaker[:, None] == speaker)]
    other = near[pairs & (speaker[:, None] != speaker)]
    assert len(same) > 20 and len(other) > 200
    # The share of pairs of one speaker that are nearer than a pair of two.
    share = np.mean(same[:, None] > other)
    assert share > 0.8


def test_what_cannot_be_used(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    with pytest.raises(features.BadFiles, match="silent"):
        values({"a.wav": str(tmp_path / "a.wav")}, tmp_path / "s")
    monkeypatch.setattr("importlib.machinery.PathFinder.find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs Resemblyzer, not installed; type: make bundled"):
        features.extractor_class("resemblyzer").content({})
