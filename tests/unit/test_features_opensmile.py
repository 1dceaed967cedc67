from __future__ import annotations

import warnings
from pathlib import Path

import audresample
import numpy as np
import opensmile
import pandas as pd
import pytest
import soundfile
from audio_tables import make_table, some

from izwi import features
from izwi.data import audio
from izwi.features import extraction, picture
from izwi.features.opensmile import SETS, OpenSmile

FUNCTIONALS = opensmile.FeatureLevel.Functionals


def extract(
    paths: dict[str, str], store: Path, table: pd.DataFrame | None = None, **options
) -> np.ndarray:
    table = make_table(paths) if table is None else table
    spec = {"type": "os", "options": options}
    return extraction.extract(spec, table, paths, store=store, threads=2).iloc[:, 3:]


def test_sets_are_those_of_the_package():
    assert set(SETS) == set(opensmile.FeatureSet.__members__)
    assert OpenSmile.options[0].choices == SETS


@pytest.mark.parametrize("name", SETS)
def test_every_set_can_be_had(emodb, tmp_path, name):
    paths = some(emodb, "wav/*.wav", 300)
    matrix = extract(paths, tmp_path, set=name)
    with warnings.catch_warnings():
        # Some are called deprecated.
        warnings.simplefilter("ignore")
        smile = opensmile.Smile(opensmile.FeatureSet[name], FUNCTIONALS)
    expected = pd.concat([smile.process_file(path) for path in paths.values()])
    assert matrix.columns.tolist() == expected.columns.tolist()
    np.testing.assert_array_equal(matrix, expected)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("level", ["functionals", "lld"])
@pytest.mark.parametrize("name", SETS)
def test_what_came_before_changes_nothing(name, level):
    """One run of openSMILE takes many recordings; each is as if it were alone."""
    rng = np.random.default_rng(1)
    time = np.arange(8000) / 16000
    voice = np.sign(np.sin(2 * np.pi * 140 * time)) * np.abs(np.sin(9 * time)) * 0.3
    voice = (voice + rng.normal(scale=0.01, size=len(time))).astype(np.float32)
    signals = [
        (voice, 16000),
        (np.zeros(8000, np.float32), 16000),
        (voice[:80], 16000),
        (np.tile(voice, 2), 16000),
        (voice, 8000),
        (voice * 4, 16000),
        (voice, 16000),
    ]
    extractor = OpenSmile({"set": name, "level": level})
    for samples, rate in signals:
        found = extractor._frames([samples[None]], rate)
        bounded = np.clip(samples[None], -1, 32767 / 32768)
        expected = extractor.smile(bounded, rate)[0]
        np.testing.assert_array_equal(found, expected)
    assert extractor._kept[0] == 16000


@pytest.mark.parametrize(
    "database, pattern, step, rate",
    [
        ("emodb", "wav/*.wav", 60, 22050),
        ("nemo", "flac/*.flac", 100, 16000),
        ("fsdd", "wav/*.wav", 300, 8000),
    ],
)
def test_values_are_those_of_plain_opensmile(request, tmp_path, database, pattern, step, rate):
    paths = some(request.getfixturevalue(database), pattern, step)
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, FUNCTIONALS)
    expected = pd.concat([smile.process_file(path) for path in paths.values()])
    assert soundfile.info(next(iter(paths.values()))).samplerate == rate
    np.testing.assert_array_equal(extract(paths, tmp_path), expected)


def test_parts_of_files(emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 300)
    one, other = paths
    parts = [(other, 0.3, 1.1), (one, 0.0, 0.75), (one, 0.6, None), (one, 0.0, None)]
    matrix = extract(paths, tmp_path, make_table(paths, parts))
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, FUNCTIONALS)
    expected = pd.concat(
        [
            smile.process_file(paths[file], start=start, end=2.0 if end is None else end)
            for file, start, end in parts
        ]
    )
    np.testing.assert_array_equal(matrix, expected)


def test_low_level_descriptors(emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 200)
    matrix = extract(paths, tmp_path, level="lld")
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors
    )
    for row, path in enumerate(paths.values()):
        frames = smile.process_file(path).astype("float64")
        for name in frames:
            assert matrix.loc[row, f"{name}_mean"] == pytest.approx(frames[name].mean(), rel=1e-5)
            assert matrix.loc[row, f"{name}_std"] == pytest.approx(
                frames[name].std(ddof=0), rel=1e-5
            )
    assert matrix.shape[1] == 2 * frames.shape[1]


def test_resampled(emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 200)
    matrix = extract(paths, tmp_path / "a", sampling_rate=16000)
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, FUNCTIONALS, sampling_rate=16000, resample=True
    )
    loud = 0
    for row, path in enumerate(paths.values()):
        signal = audresample.resample(*soundfile.read(path, dtype="float32"), 16000)
        if np.abs(signal).max() < 1:
            np.testing.assert_array_equal(matrix.iloc[[row]], smile.process_file(path))
        else:
            # Plain openSMILE lets the overshoot of the filter wrap around.
            loud += 1
            clipped = np.clip(signal, -1, 32767 / 32768)
            np.testing.assert_array_equal(matrix.iloc[[row]], smile.process_signal(clipped, 16000))
    assert 0 < loud < len(paths)
    assert not np.array_equal(matrix, extract(paths, tmp_path / "b"))


def test_stereo(emodb, tmp_path):
    left, right = (
        soundfile.read(path, dtype="float32")[0] for path in some(emodb, "wav/*.wav", 300).values()
    )
    path = str(tmp_path / "stereo.wav")
    soundfile.write(path, np.stack([left, right], axis=1), 22050)
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, FUNCTIONALS, channels=[0, 1], mixdown=True
    )
    np.testing.assert_array_equal(
        extract({"stereo.wav": path}, tmp_path / "s"), smile.process_file(path)
    )


def test_samples_beyond_full_scale_do_not_wrap_around(emodb):
    signal, rate = audio.read(next(iter(some(emodb, "wav/*.wav", 535).values())))
    extractor = OpenSmile({})
    loud = signal / np.abs(signal).max() * 1.001
    clipped = np.clip(loud, -1, 32767 / 32768)
    np.testing.assert_array_equal(extractor(loud, rate), extractor(clipped, rate))
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, FUNCTIONALS)
    np.testing.assert_array_equal(
        extractor(loud, rate), smile.process_signal(clipped, rate).to_numpy()[0]
    )


def test_nothing_is_printed(emodb, tmp_path, capfd, recwarn):
    paths = some(emodb, "wav/*.wav", 200)
    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16000)
    paths["short.wav"] = str(tmp_path / "short.wav")
    with pytest.raises(features.BadFiles, match=r"0\.006 s are too short for eGeMAPS"):
        extract(paths, tmp_path / "s", set="eGeMAPS")
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_resampling_is_that_of_audresample():
    signal = np.random.default_rng(0).normal(0, 0.1, (1, 22050)).astype(np.float32)
    expected = audresample.resample(signal, 22050, 16000)
    np.testing.assert_array_equal(audio.resample(signal, 22050, 16000), expected)


def test_frames_are_the_descriptors_over_time(emodb, tmp_path):
    paths = some(emodb, "wav/*.wav", 260)
    smile = opensmile.Smile(
        opensmile.FeatureSet.GeMAPSv01b, opensmile.FeatureLevel.LowLevelDescriptors
    )
    plain = [smile.process_file(path).to_numpy().T for path in paths.values()]
    told = []
    for seconds in (1.5, 3):
        frames = round(seconds * 100)
        matrix = extraction.extract(
            {
                "type": "os",
                "options": {"set": "GeMAPSv01b", "level": "frames", "os.duration": seconds},
            },
            make_table(paths),
            paths,
            store=tmp_path / str(seconds),
            threads=1,
            warn=told.append,
        )
        shape = picture.grid(list(matrix)[3:])
        assert shape == (len(smile.feature_names), frames)
        found = matrix.iloc[:, 3:].to_numpy().reshape(len(paths), *shape)
        for row, expected in zip(found, plain, strict=True):
            kept = min(frames, expected.shape[1])
            np.testing.assert_array_equal(row[:, :kept], expected[:, :kept])
            assert not row[:, kept:].any()
    assert told == [
        f"os: {len(paths)} of {len(paths)} rows are longer than 1.5 s (up to 2.00 s) and cut "
        "there; more is seen with a higher os.duration"
    ]


@pytest.mark.parametrize("level", ["functionals", "lld"])
@pytest.mark.parametrize("name", SETS)
def test_long_recordings_are_read_from_a_file_to_the_same_values(emodb, monkeypatch, name, level):
    paths = list(some(emodb, "wav/*.wav", 300).values())
    signal = 2 * np.concatenate([audio.read(path)[0] for path in paths], axis=1)
    extractor = OpenSmile({"set": name, "level": level})
    expected = extractor(signal, 16000)
    monkeypatch.setattr(extractor, "smile", Unused(extractor.smile))
    monkeypatch.setattr("izwi.features.opensmile.LONG", 0.0)
    monkeypatch.setattr("izwi.features.opensmile.BLOCK", 5000)
    np.testing.assert_array_equal(extractor(signal, 16000), expected)


class Unused:
    """An openSMILE that must not be given a signal."""

    def __init__(self, smile):
        self.smile = smile

    def __getattr__(self, name):
        return getattr(self.smile, name)

    def __call__(self, signal, rate):
        raise AssertionError("given a signal")
