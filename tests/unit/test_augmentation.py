"""Copies of recordings: what is done to their sound, and which rows a model learns from."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import soundfile
from audio_tables import make_table
from scipy.signal import welch

from izwi import models
from izwi.augmentation import calls, degradations, makers, splicing, synthetic, writing
from izwi.augmentation.copies import copied, rows_of
from izwi.config.experiment import resolve
from izwi.data.audio import AudioError
from izwi.errors import UserError
from izwi.evaluation import robustness
from izwi.features.extraction import extract
from izwi.training import degraded, fit_predict, fitting, tuning
from izwi.training.fitting import Copies, Samples, TrainingSet

RATE = 16000
SOURCE = ("0123456789abcdef+maker", 0, -1)
SIGNAL = {"type": "signal", "options": {}}


def voice(seconds=1.0, seed=0, channels=1):
    """Bursts of tones with pauses."""
    time = np.arange(round(seconds * RATE)) / RATE
    rng = np.random.default_rng(seed)
    loud = np.sin(2 * np.pi * 2 * time) > 0
    tone = np.sin(2 * np.pi * 220 * time) + 0.01 * rng.standard_normal((channels, len(time)))
    return (0.3 * tone * np.where(loud, 1, 1e-3)).astype(np.float32)


def maker(kind, seed=42, copy=1, **options):
    return {"kind": kind, "options": options, "seed": seed, "copy": copy}


def db(power):
    return 10 * np.log10(power)


# ------------------------------------------------------------------- degradations


@pytest.mark.parametrize("snr", [20, 0, -5])
@pytest.mark.parametrize("kind", ["white", "pink", "speech", "babble"])
def test_added_noise_has_the_snr_that_was_asked_for(kind, snr):
    clean = voice(0.7, channels=2)
    noisy = makers.make(maker(kind, level=snr), SOURCE, clean, RATE)
    noise = noisy.astype(float) - clean
    assert noisy.shape == clean.shape and noisy.dtype == np.float32
    assert db(np.mean(clean.astype(float) ** 2) / np.mean(noise**2)) == pytest.approx(snr, abs=1e-3)
    # One noise at all strengths.
    other = makers.make(maker(kind, level=snr + 6), SOURCE, clean, RATE).astype(float) - clean
    assert np.corrcoef(noise.ravel(), other.ravel())[0, 1] > 0.9999


def test_spectra_of_noises_are_those_of_their_names():
    silence = np.full((1, 20 * RATE), 1e-3, dtype=np.float32)

    def bands(kind):
        noise = makers.make(maker(kind, level=0), SOURCE, silence, RATE)[0] - silence[0]
        frequency, density = welch(noise, RATE, nperseg=8192)
        edges = [(f * 2 ** (-1 / 6), f * 2 ** (1 / 6)) for f in (200, 400, 800, 1600, 3150, 6300)]
        return db(
            np.array(
                [density[(low <= frequency) & (frequency < high)].sum() for low, high in edges]
            )
        )

    # Per band of a constant share of its frequency: +3 dB an octave for white, 0 for pink.
    assert np.polyfit(np.arange(6), bands("white"), 1)[0] == pytest.approx(3.0, abs=0.3)
    assert np.polyfit(np.arange(6), bands("pink"), 1)[0] == pytest.approx(0.0, abs=0.3)
    # Byrne et al. (1994) at these bands.
    wanted = np.array([60.2, 62.1, 56.8, 52.0, 46.8, 44.3])
    found = bands("speech")
    assert found - found.mean() == pytest.approx(wanted - wanted.mean(), abs=1.0)


def test_babble_changes_its_level_like_syllables_do():
    steady = np.ones((1, 4 * RATE), dtype=np.float32)

    def spread(kind):
        noise = makers.make(maker(kind, level=0), SOURCE, steady, RATE)[0] - 1
        return np.std(db(np.mean(noise.reshape(-1, 800) ** 2, axis=1)))  # 50 ms

    assert spread("babble") > 2 * spread("speech")


@pytest.mark.parametrize("seconds", [0.3, 1.2])
def test_a_room_decays_by_60_db_in_its_reverberation_time(seconds):
    response = degradations.room(RATE, seconds, np.random.default_rng(1))
    decay = db(np.cumsum(response[:0:-1] ** 2)[::-1])  # Schroeder (1965)
    decay -= decay[0]
    time = np.arange(1, len(response)) / RATE
    inside = (decay < -5) & (decay > -35)
    slope = np.polyfit(time[inside], decay[inside], 1)[0]
    assert -60 / slope == pytest.approx(seconds, rel=0.05)
    assert np.sum(response[1:] ** 2) == pytest.approx(response[0] ** 2)
    wet = makers.make(maker("reverb", level=seconds), SOURCE, voice(), RATE)
    assert wet.shape == (1, RATE)
    assert np.mean(wet**2) == pytest.approx(np.mean(voice() ** 2), rel=1e-3)


def test_bands_and_clipping():
    noise = np.random.default_rng(2).standard_normal((1, 2 * RATE)).astype(np.float32) * 0.1
    before = welch(noise[0], RATE, nperseg=1024)[1]
    for kind, level, lost in (("telephone", None, 4200), ("lowpass", 2000, 3000)):
        made = makers.make(maker(kind, level=level), SOURCE, noise, RATE)
        frequency, after = welch(made[0], RATE, nperseg=1024)
        gain = db(after / before)
        assert made.shape == noise.shape
        assert gain[frequency > lost].max() < -25
        assert abs(np.median(gain[(frequency > 500) & (frequency < 1800)])) < 0.7
    clipped = makers.make(maker("clipping", level=5), SOURCE, noise, RATE)
    assert np.mean(clipped != noise) == pytest.approx(0.05, abs=1e-3)
    assert np.abs(clipped).max() == pytest.approx(np.quantile(np.abs(noise), 0.95), rel=1e-4)


def test_silence_and_short_signals_stay_usable():
    for kind in degradations.DEGRADATIONS:
        level = {"reverb": 0.3, "lowpass": 2000, "clipping": 5, "telephone": None}.get(kind, 10)
        for signal in (np.zeros((1, 400), np.float32), voice(0.004)):
            made = makers.make(maker(kind, level=level), SOURCE, signal, RATE)
            assert made.shape == signal.shape and np.isfinite(made).all()
        assert not makers.make(maker("white", level=10), SOURCE, np.zeros((1, 9)), RATE).any()


# ----------------------------------------------------------------------- splicing


def test_random_splicing_keeps_every_sample_of_every_piece():
    signal = voice(3.0, channels=2)
    borders = splicing.borders(signal, RATE, 12.0)
    assert len(borders) > 8
    made = makers.make(maker("random_splice", p_reverse=0.0, top_db=12.0), SOURCE, signal, RATE)
    pieces = [piece.T for piece in np.split(signal, borders, axis=1)]
    assert made.shape == signal.shape and not np.array_equal(made, signal)
    # At any place of the copy one piece begins, since no two of them begin alike.
    rest, found = made, []
    while rest.shape[1]:
        at = next(len(p) for p in pieces if np.array_equal(rest[:, : len(p)].T, p))
        found.append(rest[:, :at].tobytes())
        rest = rest[:, at:]
    assert sorted(found) == sorted(piece.T.tobytes() for piece in pieces)
    back = makers.make(maker("random_splice", p_reverse=1.0, top_db=12.0), SOURCE, signal, RATE)
    assert not np.array_equal(back, made)
    assert np.array_equal(np.sort(back, axis=1), np.sort(signal, axis=1))


def test_pauses_lie_where_the_level_is_low():
    borders = splicing.borders(voice(3.0), RATE, 12.0) / RATE
    # Bursts begin at 0, .5, 1 …, and last a quarter of a second; frames have 128 ms.
    assert np.abs(borders[:, None] - np.arange(0.25, 3, 0.25)).min(axis=1).max() < 0.1


# -------------------------------------------------------------------- traditional


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "Compose([x for x in ()])",
        "Compose([lambda: 1])",
        "Compose(**{'p': 1})",
        "(Shift)(p=0.5)(1)",
        "os.system",
        "1",
        "Compose([Shift(",
        "[" * 300,
        "Compose(f'{1}')",
    ],
)
def test_lists_of_transforms_are_never_evaluated(text):
    with pytest.raises(ValueError):
        calls.parse(text)


def test_unknown_transforms_and_arguments_are_told():
    pytest.importorskip("audiomentations")
    found = calls.problems(
        calls.parse("[AddGausianNoise(), Shift(rollo=1), Lambda(), SomeOf(2), Gain(-3, 3, p=1)]")
    )
    assert found == [
        "audiomentations has no transform AddGausianNoise, did you mean AddGaussianNoise?",
        "Shift has no argument rollo, did you mean rollover?",
        "Lambda takes a function, which is not possible here",
        "SomeOf needs transforms",
    ]
    assert not calls.problems(calls.parse(calls.DEFAULT))
    wrong = calls.parse("AddGaussianNoise(min_amplitude=0.5, max_amplitude=0.1)")
    with pytest.raises(UserError, match="AddGaussianNoise"):
        makers.check(maker("traditional", augmentations=wrong))


def test_transforms_are_those_of_audiomentations_and_leave_its_chance_alone():
    package = pytest.importorskip("audiomentations")
    gain = calls.parse("Compose([Gain(min_gain_db=6.0, max_gain_db=6.0, p=1.0)])")
    spec = maker("traditional", augmentations=gain)
    state = np.random.get_state()[1].copy()
    made = makers.make(spec, SOURCE, voice(), RATE)
    assert made == pytest.approx(voice() * 10 ** (6 / 20), rel=1e-5)
    assert np.array_equal(np.random.get_state()[1], state)
    noisy = calls.parse("AddGaussianNoise(min_amplitude=0.01, max_amplitude=0.01, p=1.0)")
    spec = maker("traditional", augmentations=noisy)
    noise = makers.make(spec, SOURCE, voice(5.0), RATE) - voice(5.0)
    assert noise.std() == pytest.approx(0.01, rel=0.02)
    assert package.AddGaussianNoise(p=1.0)(voice()[0], RATE).shape == (RATE,)


# ------------------------------------------------------------------------- chance


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    for i in range(6):
        soundfile.write(folder / f"{i}.wav", voice(0.6, seed=i)[0], RATE)
    return {f"{i}.wav": str(folder / f"{i}.wav") for i in range(6)}


def features_of(paths, specs, store, threads=1):
    table = make_table(paths).assign(database="db")
    by = {makers.key_of_maker(spec): spec for spec in specs}
    wanted = copied(table, np.arange(len(table)), by)
    matrix = extract(SIGNAL, wanted, paths, store=store, threads=threads, makers=by)
    return matrix.drop(columns=["start", "end"]).set_index("file")


def test_copies_depend_on_the_seed_and_their_own_source_alone(recordings, tmp_path):
    specs = [maker("white", level=10), maker("random_splice", p_reverse=0.5, top_db=12.0)]
    first = features_of(recordings, specs, tmp_path / "a")
    assert first.equals(features_of(recordings, specs, tmp_path / "b", threads=3))
    # From the store.
    assert first.equals(features_of(recordings, specs, tmp_path / "a"))
    other = [spec | {"seed": 43} for spec in specs]
    assert (features_of(recordings, other, tmp_path / "a") != first).any(axis=1).all()
    soundfile.write(tmp_path / "new.wav", voice(0.6, seed=9)[0], RATE)
    changed = features_of(recordings | {"3.wav": str(tmp_path / "new.wav")}, specs, tmp_path / "a")
    differs = (changed != first).any(axis=1)
    assert set(first.index[differs]) == {"3.wav"} and differs.sum() == 2


def test_what_cannot_be_made_is_told_of_its_file(monkeypatch):
    monkeypatch.setitem(degradations.DEGRADATIONS, "white", lambda *_: np.full((1, 4), np.nan))
    with pytest.raises(AudioError, match="not finite"):
        makers.make(maker("white", level=11), SOURCE, voice(), RATE)
    monkeypatch.setitem(degradations.DEGRADATIONS, "white", lambda *_: 1 / 0)
    with pytest.raises(AudioError, match="white does not work on it"):
        makers.make(maker("white", level=11), SOURCE, voice(), RATE)


def test_files_of_copies_are_those_that_features_are_computed_from(tmp_path):
    stereo = voice(1.0, channels=2)
    soundfile.write(tmp_path / "a.wav", stereo.T, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.flac", 3 * voice(0.5, seed=1)[0], 8000)
    paths = {"x/a.wav": str(tmp_path / "a.wav"), "../x/a.flac": str(tmp_path / "b.flac")}
    parts = [("x/a.wav", 0.0, 0.5), ("x/a.wav", 0.5, None), ("../x/a.flac", 0.0, None)]
    table = make_table(paths, parts).assign(database="d/b", speaker="s", truth="k", digest="0")
    specs = [maker("random_splice", copy=copy, p_reverse=0.5, top_db=12.0) for copy in (1, 2)]
    by = {makers.key_of_maker(spec): spec for spec in specs}
    copies = copied(table, np.arange(3), by)
    for name, threads in (("one", 1), ("two", 3)):
        found = writing.write_audio(copies, paths, by, tmp_path / name, threads=threads)
    assert list(found["file"][:3]) == [
        "audio/random_splice-1/d-b/x/a_0-500.wav",
        "audio/random_splice-1/d-b/x/a_500.wav",
        "audio/random_splice-1/d-b/x/a.wav",
    ]
    assert found["file"].is_unique and len(found) == 6
    for file in found["file"]:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    made, rate = soundfile.read(tmp_path / "one" / found["file"][0])
    (maker_key, *_) = by
    source = (f"0{makers.MARK}{maker_key}", 0, 500_000_000)
    wanted = makers.make(by[maker_key], source, stereo[:, : RATE // 2], RATE)
    assert rate == RATE and made == pytest.approx(wanted.T, abs=1 / 32768)
    writing.write_list(found.drop(columns="clipped"), "emotion", tmp_path / "list.csv")
    listed = pd.read_csv(tmp_path / "list.csv")
    assert list(listed) == ["file", "start", "end", "speaker", "emotion"]
    assert list(pd.to_timedelta(listed["end"]).dt.total_seconds()) == [0.5] * 2 + [1] + [
        0.5
    ] * 2 + [1]
    with pytest.raises(UserError, match=r"2 of 6 copies cannot be made"):
        gone = paths | {"../x/a.flac": str(tmp_path / "gone.flac")}
        writing.write_audio(copies, gone, by, tmp_path / "three", threads=1)


# ----------------------------------------------------------------------- training


def experiment(part=None, fold=0, dev_folds="", speakers=6, rows=5):
    """Tables, matrices and copies whose only feature is the number of their row."""
    n = speakers * rows
    table = pd.DataFrame(
        {
            "database": "db",
            "file": [f"{i:03}.wav" for i in range(n)],
            "start": pd.Timedelta(0),
            "end": pd.NaT,
            "digest": "0",
            "truth": np.resize(["a", "b"], n).astype(object),
        }
    )
    speaker = np.repeat([f"db/{i}" for i in range(speakers)], rows)
    split = table[["database", "file", "start", "end"]].assign(
        speaker=speaker,
        part=part if part is not None else np.asarray(fold).astype(str),
        fold=fold,
        dev_folds=dev_folds,
    )
    matrix = table[["file", "start", "end"]].assign(x=np.arange(n, dtype=float))
    rows = rows_of(split, "db", ["train"])
    copies = copied(table, rows, ["one", "two"])
    made = copies[["file", "start", "end"]].assign(x=copies["copied_row"] + 0.25)
    return table, matrix, split, [(copies, [made])]


def spec_of(kind="knn", **more):
    cls = models.model_class(kind)
    options = {option.name: option.default for option in cls.options if option.status == "ok"}
    return {
        "task": "classification",
        "model": {"type": kind, "options": options},
        "preprocessing": {"scale": None, "features": None},
        "features": [],
        "runs": 1,
        "seed": 42,
        "measure": "uar",
        "save": False,
        **more,
    }


@pytest.fixture
def fits(monkeypatch):
    """What models are fitted on: rows, copies by their sources, and speakers."""
    seen = []
    cls = models.model_class("knn")
    fit = cls.fit

    def spy(self, X, y, groups=None, dev=None):
        numbers = X[:, 0]
        real = numbers == np.floor(numbers)
        seen.append((numbers[real].astype(int), np.floor(numbers[~real]).astype(int), y, groups))
        return fit(self, X, y, groups=groups, dev=dev)

    monkeypatch.setattr(cls, "fit", spy)
    return seen


@pytest.mark.parametrize("folds", [0, 3])
def test_copies_are_of_training_rows_and_no_prediction_is_of_a_copy(fits, tmp_path, folds):
    if folds:
        table, matrix, split, copies = experiment(fold=np.repeat([1, 2, 3], 10))
    else:
        parts = np.repeat(["train", "train", "train", "dev", "test", ""], 5)
        table, matrix, split, copies = experiment(part=parts)
        assert set(copies[0][0]["copied_row"]) == set(range(15))
    arguments = (spec_of(), [table], [[matrix]], split, ["a", "b"])
    clean, plain = fit_predict.train(*arguments, tmp_path / "clean")
    fits.clear()
    predictions, report = fit_predict.train(*arguments, tmp_path / "more", copies=copies)
    for number, (rows, sources, y, groups) in enumerate(fits, start=1):
        own = split["fold"] == number if folds else split["part"] != "train"
        assert not set(sources) & set(np.flatnonzero(own))
        assert sorted(sources) == sorted([*rows, *rows])
        both = np.concatenate([rows, sources])
        assert list(y) == list(table["truth"][both]) and list(groups) == list(
            split["speaker"][both]
        )
    keys = ["row", "database", "file", "speaker", "fold", "run", "truth"]
    assert predictions[keys].equals(clean[keys])
    assert len(fits) == max(1, folds)
    n = plain["counts"]["train"]
    assert report["counts"] == {"train": n, "augmented": 2 * n}
    sizes = [fold["n_augmented"] / fold["n_train"] for fold in report["runs"][0]["folds"]]
    assert sizes == [2] * len(fits) and "augmented" not in plain["counts"]


def test_copies_of_a_second_database_are_those_of_its_rows():
    table, _, _, copies = experiment(part=np.repeat(["train"], 30))
    other = table.iloc[:7].assign(database="other")
    (one, (made,)) = copies[0]
    found = fit_predict.copies_of([other, table], ["x"], [(one, [made])])
    assert list(found.source) == list(one["copied_row"] + 7)
    found = fit_predict.copies_of([table, other], ["x"], [(one, [made])])
    assert list(found.source) == list(one["copied_row"])


def test_copies_that_cannot_be_used_are_left_out(fits, tmp_path):
    table, matrix, split, copies = experiment(part=np.repeat(["train", "test"], 15))
    (one, (made,)) = copies[0]
    made.attrs["excluded"] = [[0, "too short"], [16, "too short"]]
    made.loc[[0, 16], "x"] = np.nan
    _, report = fit_predict.train(
        spec_of(), [table], [[matrix]], split, ["a", "b"], tmp_path, copies=[(one, [made])]
    )
    assert report["counts"] == {"train": 15, "augmented": 28}
    ((_, sources, _, _),) = fits
    assert sorted(sources) == sorted([*range(1, 15), 0, *range(2, 15)])


def test_inner_folds_and_early_stopping_keep_copies_with_their_source(fits):
    table, matrix, split, copies = experiment(part=np.repeat(["train"], 30))
    values = matrix[["x"]].to_numpy()
    found = fit_predict.copies_of([table], ["x"], copies)
    assert list(found.values[:, 0]) == list(found.source + 0.25)
    data = TrainingSet(
        Samples(["x"], values, split, found),
        table["truth"].to_numpy(),
        np.arange(30),
        np.array([], dtype=int),
        ["a", "b"],
    )
    tuning.search(spec_of(tune={"values": {"K_val": [1, 3]}, "folds": 3}), data, 42)
    assert len(fits) == 6
    for rows, sources, _, _ in fits:
        assert len(rows) < 30 and set(sources) == set(rows)
    # Models that stop early learn from dev rows, which have no copies among the training rows.
    spec = spec_of("mlp")
    train, dev = fitting.with_dev(spec, split, data.truth, data.train, data.dev)
    prepared = fitting.prepare(spec, dataclasses.replace(data, train=train, dev=dev))
    assert not set(np.floor(prepared.X[:, 0]).astype(int)) & set(dev)
    assert len(prepared.dev[0]) == len(dev) and len(prepared.X) == 3 * len(train)


def test_inner_folds_of_models_know_whose_copy_is_whose():
    table, _, split, copies = experiment(part=np.repeat(["train"], 30))
    found = fit_predict.copies_of([table], ["x"], copies)
    samples = Samples(["x"], np.arange(30.0)[:, None], split.assign(speaker=None), found)
    data = TrainingSet(samples, table["truth"].to_numpy(), np.arange(30), np.array([]), ["a", "b"])
    prepared = fitting.prepare(spec_of(), data)
    assert prepared.groups is None
    assert list(prepared.sources) == list(np.floor(prepared.X[:, 0]).astype(int))
    bare = dataclasses.replace(data, samples=dataclasses.replace(samples, copies=None))
    assert fitting.prepare(spec_of(), bare).sources is None
    assert samples.number_of_copies(np.array([0, 7])) == 4
    assert Copies(np.ones((1, 1)), np.array([3])).source[0] == 3


def test_a_test_row_without_its_degraded_copy_is_not_tested_on_clean_audio(tmp_path):
    table, matrix, split, _ = experiment(part=np.repeat(["train", "train", "test"], 10))
    # A test row lies on a training row of its class, its copies on one of the other class.
    matrix.loc[20:, "x"] -= 20
    arguments = [table], [[matrix]], split, ["a", "b"]
    spec = spec_of()
    spec["model"]["options"]["K_val"] = 1
    _, training = fit_predict.train(spec, *arguments, tmp_path)
    copies = copied(table, np.arange(20, 30), ["noise", "phone"])
    made = copies[["file", "start", "end"]].assign(x=copies["copied_row"] - 20 + 1.0)
    # Row 22 could not be degraded by noise, row 25 has no copy of the telephone.
    noisy = (copies["maker"] == "noise") & (copies["copied_row"] == 22)
    made.loc[noisy, "x"] = np.nan
    there = ~((copies["maker"] == "phone") & (copies["copied_row"] == 25)).to_numpy()
    copies, made = (frame[there].reset_index(drop=True) for frame in (copies, made))
    made.attrs["excluded"] = [[int(np.flatnonzero(made["x"].isna())[0]), "too short"]]
    found = degraded.predict(training, *arguments, tmp_path, [(copies, [made])])
    rows = found.groupby("maker")["row"].apply(list)
    assert rows[""] == [*range(20, 30)]
    assert rows["noise"] == [row for row in range(20, 30) if row != 22]
    assert rows["phone"] == [row for row in range(20, 30) if row != 25]
    right = (found["prediction"] == found["truth"]).groupby(found["maker"]).mean()
    assert right.to_dict() == {"": 1.0, "noise": 0.0, "phone": 0.0}
    # What was lost is measured on the rows that have the copy.
    spec = {"task": "classification", "measure": "accuracy", "seed": 1, "ci": "auto"}
    spec["makers"] = {"noise": {"kind": "white", "level": 10}}
    clean, noise = robustness.table(spec, found, ["a", "b"])
    assert (clean["n"], noise["n"], noise["loss"]) == (10, 9, 1.0)


# --------------------------------------------------------------------------- inis

INI = {"DATA": {"databases": "['demo']", "demo.type": "demo", "target": "emotion"}}
SVM = {"FEATS": {"type": "os"}, "MODEL": {"type": "svm"}}


def solved(folder, **sections):
    lines = []
    for section, entries in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {value}" for name, value in entries.items()]
    (folder / "e.ini").write_text("\n".join(lines), encoding="utf-8")
    return resolve("e.ini", cwd=folder)


def with_data(**more):
    return {"DATA": INI["DATA"] | more}


def test_a_section_alone_changes_no_training(tmp_path):
    section = {"AUGMENT": {"augment": "['random_splice']", "p_reverse": ".1", "result": "a.csv"}}
    plain = solved(tmp_path, **INI, **SVM)
    noted = solved(tmp_path, **INI, **SVM, **section)
    assert plain.augment == noted.augment == {}
    assert [line for line in noted.notes if line.startswith("[AUGMENT] augment, p_reverse, result")]
    wanted = solved(tmp_path, **with_data(augment="True"), **SVM, **section)
    assert wanted.augment["kinds"] == [
        {"kind": "random_splice", "options": {"p_reverse": 0.1, "top_db": 12.0}}
    ]
    assert wanted.augment["rows"] == "train" and wanted.augment["result"] is None
    written = solved(tmp_path, **INI, **section)
    assert written.augment["result"] == "a.csv" and not written.trains


@pytest.mark.parametrize(
    ("more", "sections", "said"),
    [
        ({"augment": "['loud']"}, SVM, "'loud'"),
        ({"augment": "True"}, SVM, "which kinds"),
        ({"augment": "['random_splice']"}, SVM | {"FEATS": {"type": "metadata"}}, "not computed"),
        ({}, SVM | {"EXP": {"robustness": "['wite']"}}, "did you mean 'white'"),
        ({}, SVM | {"EXP": {"robustness": "True", "robustness.snr": "[999]"}}, "999"),
        (
            {"augment": "['traditional']"},
            SVM | {"AUGMENT": {"augmentations": "eval('1')"}},
            "no transform eval",
        ),
        (
            {"submodel": "gender"},
            SVM | {"EXP": {"robustness": "['white']"}},
            "does not go with MODEL.submodel",
        ),
    ],
)
def test_problems_are_told_before_work(tmp_path, more, sections, said):
    if "traditional" in str(more):
        pytest.importorskip("audiomentations")
    with pytest.raises(UserError) as error:
        solved(tmp_path, **with_data(**more), **sections)
    assert said in "\n".join(error.value.problems)


def test_an_absent_package_is_told_in_one_line(tmp_path, monkeypatch):
    from izwi.config.experiment import augmentation

    monkeypatch.setattr(augmentation, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs audiomentations: make augment") as error:
        solved(tmp_path, **with_data(augment="['traditional', 'random_splice']"), **SVM)
    assert len(error.value.problems) == 1


def test_degradations_have_all_their_strengths_once(tmp_path):
    exp = {"EXP": {"robustness": "['white', 'telephone']", "robustness.snr": "[10, 0, 10]"}}
    found = solved(tmp_path, **INI, **SVM, **exp).robustness
    assert found == {
        "kinds": [
            {"kind": "white", "options": {"level": 10}},
            {"kind": "white", "options": {"level": 0}},
            {"kind": "telephone", "options": {"level": None}},
        ],
        "seed": 42,
    }
    assert solved(tmp_path, **INI, **SVM).robustness == {}
    assert len(solved(tmp_path, **INI, **SVM, EXP={"robustness": "True"}).robustness["kinds"]) == 25


def test_auglib_mixes_in_recordings_of_a_folder(tmp_path, recordings):
    pytest.importorskip("auglib")
    folder = tmp_path / "rooms"
    folder.mkdir()
    impulse = np.zeros(800)
    impulse[400] = 0.5
    soundfile.write(folder / "delay.wav", impulse, RATE, subtype="FLOAT")
    sections = {"AUGMENT": {"transformations": "['room']", "bypass_prob": 0, "room": str(folder)}}
    wanted = with_data(augment="['auglib']")
    (kind,) = solved(tmp_path, **wanted, **SVM, **sections).augment["kinds"]
    assert kind["options"]["transformations"] == ["room"]
    spec = {**kind, "seed": 1, "copy": 1}
    made = makers.make(spec, SOURCE, voice(), RATE)
    # The room delays by 25 ms, and the level stays.
    delayed = np.pad(voice(), ((0, 0), (400, 0)))[:, :RATE]
    delayed *= np.sqrt(np.mean(voice() ** 2) / np.mean(delayed**2))
    assert made == pytest.approx(delayed, abs=1e-5)
    key = makers.key_of_maker(spec)
    soundfile.write(folder / "delay.wav", impulse[::-1], RATE, subtype="FLOAT")
    (kind,) = solved(tmp_path, **wanted, **SVM, **sections).augment["kinds"]
    assert makers.key_of_maker({**kind, "seed": 1, "copy": 1}) != key
    # Without recordings, what needs none; what is named without them is synthetic, and told.
    (kind,) = solved(tmp_path, **wanted, **SVM).augment["kinds"]
    assert kind["options"]["transformations"] == ["noise", "crop"]
    makers.check({**kind, "seed": 1, "copy": 1})
    named = {"AUGMENT": {"transformations": "['room', 'music', 'babble', 'cough']"}}
    named["AUGMENT"]["bypass_prob"] = 0
    found = solved(tmp_path, **wanted, **SVM, **named)
    (line,) = found.warnings
    assert "cough: no recordings are named" in line and "[AUGMENT] room = <folder>" in line
    spec = {**found.augment["kinds"][0], "seed": 1, "copy": 1}
    made = makers.make(spec, SOURCE, voice(), RATE)
    np.testing.assert_array_equal(makers.make(spec, SOURCE, voice(), RATE), made)
    # A cough is behind it, and music at 10 dB below it.
    assert made.shape[1] > RATE + 0.25 * RATE and not np.allclose(made[:, :RATE], voice())


@pytest.mark.parametrize("name", ["room", "babble", "music", "cough"])
def test_sounds_that_are_made_are_the_same_each_time(name):
    found = synthetic.made(name, RATE)
    assert len(found) == synthetic.NUMBER and len({sound.tobytes() for sound in found}) == 8
    assert all(np.isfinite(sound).all() and sound.shape[0] == 1 for sound in found)
    np.testing.assert_array_equal(synthetic.made(name, RATE)[3], found[3])
    if name == "room":
        # The direct sound is as strong as the rest, which decays by 60 dB in RT60.
        energy = found[0][0].astype(float) ** 2
        assert energy[0] == pytest.approx(energy[1:].sum(), rel=1e-6)
        seconds = len(energy) / RATE
        halves = energy[1 : len(energy) // 2].sum() / energy[len(energy) // 2 :].sum()
        assert 0.2 <= seconds <= 1 and 10 * np.log10(halves) == pytest.approx(30, abs=1.5)
    else:
        assert all(np.sqrt(np.mean(s.astype(float) ** 2)) == pytest.approx(0.1) for s in found)
