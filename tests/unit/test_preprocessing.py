"""Selection, imputation and scaling against scikit-learn and counts by hand, on real speech."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from real_features import train_and_test
from sklearn import preprocessing as sk

from izwi.errors import UserError
from izwi.preprocessing.pipeline import SCALERS, Preprocessing


@pytest.fixture
def parts(emodb):
    return train_and_test(emodb)


def with_gaps(X):
    """The same with five values undefined in two features."""
    X = X.copy()
    X[:3, 2] = np.nan
    X[4:6, 7] = np.nan
    return X


@pytest.mark.parametrize("how, fill", [("mean", np.nanmean), ("median", np.nanmedian), ("zero", 0)])
def test_gaps_become_what_nan_strategy_says(parts, tmp_path, how, fill):
    train, test = parts
    gaps, new = with_gaps(train.X), with_gaps(test.X)
    ours = Preprocessing({"nan_strategy": how})
    found = ours.fit_transform(gaps, train.names)
    values = fill(gaps, axis=0) if fill else np.zeros(gaps.shape[1])
    np.testing.assert_array_equal(found, np.where(np.isnan(gaps), values, gaps))
    np.testing.assert_array_equal(ours.transform(new), np.where(np.isnan(new), values, new))
    (line,) = ours.report["warnings"]
    assert f"the {how} of" in line if fill else "replaced by 0 " in line
    ours.save(tmp_path)
    again = Preprocessing.load(tmp_path)
    np.testing.assert_array_equal(again.transform(new), ours.transform(new))


@pytest.mark.parametrize(
    ("scale", "scaler"),
    [
        ("standard", sk.StandardScaler()),
        ("robust", sk.RobustScaler()),
        ("minmax", sk.MinMaxScaler()),
        ("maxabs", sk.MaxAbsScaler()),
        ("normalizer", sk.Normalizer()),
        ("powertransformer", sk.PowerTransformer()),
    ],
)
def test_scalers_learn_from_train_alone(parts, scale, scaler):
    train, test = parts
    ours = Preprocessing({"scale": scale})
    scaled_train = ours.fit_transform(train.X, train.names)
    scaled_test = ours.transform(test.X)
    scaler.fit(train.X)
    np.testing.assert_array_equal(scaled_train, scaler.transform(train.X))
    np.testing.assert_array_equal(scaled_test, scaler.transform(test.X))
    if scale != "normalizer":
        assert not np.allclose(scaled_test, scaler.fit_transform(test.X))
    assert ours.report["warnings"] == []
    assert ours.report["transductive"] is False


def test_quantiletransformer_is_the_empirical_distribution(parts):
    train, test = parts
    ours = Preprocessing({"scale": "quantiletransformer"}).fit(train.X, train.names)
    scaled = ours.transform(test.X)
    for column in (0, 10, 40):
        known = np.sort(train.X[:, column])
        ranks = np.interp(test.X[:, column], known, np.linspace(0, 1, len(known)))
        np.testing.assert_allclose(scaled[:, column], ranks, atol=1e-9)


def test_none_changes_nothing(parts):
    train, test = parts
    ours = Preprocessing({"scale": "none"}).fit(train.X, train.names)
    np.testing.assert_array_equal(ours.transform(test.X), test.X)


def test_bins_have_the_limits_of_the_training_rows(parts):
    train, test = parts
    binned = Preprocessing({"scale": "bins"}).fit(train.X, train.names).transform(test.X)
    low, high = np.quantile(train.X, 0.33, axis=0), np.quantile(train.X, 0.66, axis=0)
    by_hand = np.full(test.X.shape, 0.5)
    by_hand[low > test.X] = 0
    by_hand[high <= test.X] = 1
    np.testing.assert_array_equal(binned, by_hand)
    assert set(np.unique(binned)) == {0, 0.5, 1}
    own = np.quantile(test.X, 0.33, axis=0)
    assert not np.array_equal(binned == 0, own > test.X)


def test_speaker_is_the_z_score_of_the_speakers_own_rows_in_the_part(parts):
    train, test = parts
    ours = Preprocessing({"scale": "speaker"}).fit(train.X, train.names)
    scaled = ours.transform(test.X, test.speaker)
    for speaker in np.unique(test.speaker):
        rows = test.speaker == speaker
        mean, deviation = test.X[rows].mean(axis=0), test.X[rows].std(axis=0)
        np.testing.assert_allclose(scaled[rows], (test.X[rows] - mean) / deviation, atol=1e-9)
    assert ours.report["transductive"] is True
    # The order of the rows does not matter.
    order = np.random.default_rng(1).permutation(len(test.X))
    np.testing.assert_allclose(ours.transform(test.X[order], test.speaker[order]), scaled[order])


def test_speaker_with_one_sample_or_no_variance(parts):
    train, test = parts
    ours = Preprocessing({"scale": "speaker"}).fit(train.X, train.names)
    speakers = test.speaker.astype(object)
    speakers[3] = "alone"
    X = test.X.copy()
    X[speakers == "8", 5] = 1.7
    scaled = ours.transform(X, speakers)
    assert np.isfinite(scaled).all()
    assert (scaled[3] == 0).all()
    assert (scaled[speakers == "8", 5] == 0).all()
    assert ours.report["counts"]["single_sample_speakers"] == 1
    assert "1 speaker has a single sample" in ours.report["warnings"][0]


@pytest.mark.parametrize("impute", [False, True])
def test_speakers_who_lack_a_feature_or_do_not_vary_are_told_once_with_counts(
    parts, impute, recwarn
):
    train, test = parts
    speakers = test.speaker.astype(object)
    one, other = np.unique(test.speaker)[:2]
    X = test.X.copy()
    X[speakers == one, 2] = np.nan
    X[speakers == other, 2:4] = np.nan
    X[speakers == one, 5] = 0.1
    X[np.flatnonzero(speakers == one)[0], 5] = np.nan
    ours = Preprocessing({"scale": "speaker", "impute": impute}).fit(train.X, train.names)
    for _ in range(2):
        scaled = ours.transform(X, speakers)
    assert not recwarn.list
    notes = [line for line in ours.report["notes"] if line.startswith("scale = speaker: ")]
    of = len(train.names)
    if impute:
        assert np.isfinite(scaled).all()
        assert [f"2 of {of} features are the same" in line for line in notes] == [True]
        return
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(X))
    own = scaled[speakers == one, 5]
    assert (own[1:] == 0).all()
    assert len(notes) == 2
    assert f"2 of {of} features are undefined" in notes[0]
    assert notes[0].endswith("(2 speakers)")
    assert f"1 of {of} features are the same" in notes[1]
    assert notes[1].endswith("(1 speaker)")


def test_speaker_without_speakers(parts):
    train, test = parts
    ours = Preprocessing({"scale": "speaker"}).fit(train.X, train.names)
    with pytest.raises(UserError, match=r"\[FEATS\] scale: speaker needs speakers"):
        ours.transform(test.X)
    speakers = test.speaker.astype(object)
    speakers[[0, 4]] = None
    with pytest.raises(UserError, match=f"2 of {len(test.X)} have none"):
        ours.transform(test.X, speakers)


@pytest.mark.parametrize("scale", SCALERS)
def test_constant_features_do_not_become_nan(parts, scale):
    train, test = parts
    X_train, X_test = train.X.copy(), test.X.copy()
    X_train[:, 0], X_test[:, 0] = 0, 0
    X_train[:, 1], X_test[:, 1] = 3.7, 3.7
    X_train[:, 2] = -1e-5  # constant in training only
    ours = Preprocessing({"scale": scale})
    assert np.isfinite(ours.fit_transform(X_train, train.names, train.speaker)).all()
    scaled = ours.transform(X_test, test.speaker)
    assert np.isfinite(scaled).all()
    if scale != "normalizer":
        assert len(np.unique(scaled[:, 0])) == len(np.unique(scaled[:, 1])) == 1


def test_gaps_become_the_median_of_the_training_rows(parts):
    train, test = parts
    X_train, X_test = with_gaps(train.X), with_gaps(test.X)
    ours = Preprocessing({"scale": "none"})
    filled = ours.fit_transform(X_train, train.names)
    median = np.median(train.X[3:, 2])
    assert (filled[:3, 2] == median).all()
    assert (ours.transform(X_test)[:3, 2] == median).all()
    assert median != np.median(test.X[3:, 2])
    # 3 + 2 in train, the same in test
    assert ours.report["counts"]["imputed"] == {train.names[2]: 6, train.names[7]: 4}
    values = (len(X_train) + len(X_test)) * len(train.names)
    assert ours.report["warnings"] == [
        f"10 undefined values of {values} in 2 features are replaced by the median of the training "
        f"samples (most: {train.names[2]} 6, {train.names[7]} 4)"
    ]


def test_rows_that_are_transformed_twice_are_counted_once(parts):
    _, test = parts
    ours = Preprocessing({"scale": "none"}).fit(with_gaps(test.X), test.names)
    rows = np.arange(len(test.X))
    for _ in range(2):
        ours.transform(with_gaps(test.X), rows=rows)
    assert ours.report["counts"]["imputed"] == {test.names[2]: 3, test.names[7]: 2}
    assert f"5 undefined values of {test.X.size} in" in ours.report["warnings"][0]


def test_imputation_comes_before_scaling(parts):
    train, _ = parts
    X = with_gaps(train.X)
    scaled = Preprocessing({"scale": "standard"}).fit_transform(X, train.names)
    filled = np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
    np.testing.assert_array_equal(scaled, sk.StandardScaler().fit_transform(filled))


@pytest.mark.parametrize("scale", [s for s in SCALERS if s != "normalizer"])
def test_gaps_stay_for_models_that_cope(parts, scale):
    train, _ = parts
    X = with_gaps(train.X)
    ours = Preprocessing({"scale": scale, "impute": False})
    scaled = ours.fit_transform(X, train.names, train.speaker)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(X))
    assert ours.report["counts"]["imputed"] == {}


def test_normalizer_always_imputes(parts):
    train, _ = parts
    ours = Preprocessing({"scale": "normalizer", "impute": False})
    scaled = ours.fit_transform(with_gaps(train.X), train.names)
    np.testing.assert_allclose(np.linalg.norm(scaled, axis=1), 1)


def test_a_feature_without_any_value_is_left_out(parts):
    train, test = parts
    X = train.X.copy()
    X[:, 4] = np.nan
    ours = Preprocessing({}).fit(X, train.names)
    np.testing.assert_array_equal(ours.transform(test.X), np.delete(test.X, 4, axis=1))
    assert train.names[4] not in ours.features
    assert ours.report["notes"] == [
        "1 feature is undefined in all training samples and left out: " + train.names[4]
    ]


def test_selection_keeps_the_order_of_the_matrix(parts):
    train, test = parts
    ours = Preprocessing({"features": [train.names[9], train.names[2]], "scale": "standard"})
    ours.fit(train.X, train.names)
    known, new = (np.ascontiguousarray(part.X[:, [2, 9]]) for part in parts)
    expected = sk.StandardScaler().fit(known).transform(new)
    np.testing.assert_array_equal(ours.transform(test.X), expected)
    assert ours.features == [train.names[2], train.names[9]]


def test_unknown_features_are_all_told(parts):
    train, _ = parts
    with pytest.raises(UserError) as caught:
        Preprocessing({"features": [train.names[0] + "x", train.names[1], "zzzz"]}).fit(
            train.X, train.names
        )
    assert caught.value.problems == [
        f"[FEATS] features: no feature '{train.names[0]}x', did you mean '{train.names[0]}'?",
        "[FEATS] features: no feature 'zzzz', there are 88",
    ]


def test_features_of_other_programs_are_told_and_left_out(parts):
    train, _ = parts
    ours = Preprocessing({"features": [train.names[3], "pF", "zzzz"]}).fit(train.X, train.names)
    assert ours.features == [train.names[3]]
    line = "[FEATS] features: pF, zzzz are no features here, of the selection 1 feature is left"
    assert line in ours.report["warnings"]
    with pytest.raises(UserError, match="no feature 'pF', there are 88"):
        Preprocessing({"features": ["pF", "zzzz"]}).fit(train.X, train.names)


def test_unknown_scaler():
    with pytest.raises(UserError, match=r"\[FEATS\] scale: .*did you mean 'standard'"):
        Preprocessing({"scale": "standart"})


def test_infinite_values_name_feature_and_file(parts):
    train, test = parts
    X = test.X.copy()
    X[6, 11] = -np.inf
    X[8, 11] = np.inf
    ours = Preprocessing({"scale": "standard"}).fit(train.X, train.names)
    with pytest.raises(UserError) as caught:
        ours.transform(X, files=[f"wav/{i}.wav" for i in range(len(X))])
    assert train.names[11] in str(caught.value)
    assert "wav/6.wav and 1 more" in str(caught.value)
    with pytest.raises(UserError, match="2 samples"):
        ours.fit(X, train.names)
    # What is not selected does not matter.
    Preprocessing({"features": [train.names[0]]}).fit(X, train.names)


@pytest.mark.parametrize("scale", SCALERS)
def test_saved_and_loaded(parts, scale, tmp_path):
    train, test = parts
    spec = {"scale": scale, "features": train.names[:30]}
    ours = Preprocessing(spec).fit(with_gaps(train.X), train.names)
    expected = ours.transform(with_gaps(test.X), test.speaker)
    ours.save(tmp_path)
    loaded = Preprocessing.load(tmp_path)
    np.testing.assert_array_equal(loaded.transform(with_gaps(test.X), test.speaker), expected)
    assert loaded.features == ours.features
    assert loaded.report["transductive"] == (scale == "speaker")
    with zipfile.ZipFile(tmp_path / "preprocessing.skops") as archive:
        assert not any(name.endswith((".pkl", ".pickle", ".bin")) for name in archive.namelist())
