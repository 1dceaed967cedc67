"""Bags of audio words against openSMILE, and k-means++ and nearest neighbours of scikit-learn."""

import numpy as np
import opensmile
import pandas as pd
import pytest
import soundfile
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from izwi.config.experiment import resolve
from izwi.errors import UserError
from izwi.features.xbow import Xbow
from izwi.preprocessing.pipeline import Preprocessing

SIZE, NEAREST = 20, 3


@pytest.fixture(scope="module")
def recordings(emodb):
    """Some of unequal duration, and openSMILE's frames of each; the last is longer than is kept."""
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors
    )
    extractor = Xbow({"xbow.duration": 1.0})
    vectors, frames = [], []
    for number, path in enumerate(sorted(emodb.glob("wav/*.wav"))[::90]):
        signal, rate = soundfile.read(path, dtype="float32", always_2d=True)
        signal = signal.T[:, : int(rate * (0.4 + 0.2 * number))]
        vectors.append(extractor(signal, rate))
        frames.append(smile.process_signal(signal, rate).to_numpy()[:100].astype(np.float64))
    return extractor.columns, np.stack(vectors), frames


def spec(codebook="random++", size=SIZE):
    return {"size": size, "assignments": NEAREST, "codebook": codebook, "seed": 5}


def expected(words, frames):
    _, near = NearestNeighbors(n_neighbors=NEAREST).fit(words).kneighbors(frames)
    return np.log10(1 + np.bincount(near.ravel(), minlength=SIZE))


@pytest.mark.parametrize("codebook", ["random++", "kmeans++"])
def test_words_are_of_the_training_rows_and_bags_are_counts(recordings, codebook, tmp_path):
    names, X, frames = recordings
    assert len(X) == 6 and np.isnan(X[0]).any() and not np.isnan(X[-1]).any()
    other = np.arange(6.0)[:, None]
    ours = Preprocessing({"bags": spec(codebook)})
    train = ours.fit_transform(np.hstack([X, other])[:4], [*names, "other"])
    scaler = StandardScaler().fit(np.concatenate(frames[:4]))
    scaled = [scaler.transform(one) for one in frames]
    of_train = np.concatenate(scaled[:4])
    words, _ = kmeans_plusplus(of_train, SIZE, random_state=5, n_local_trials=1)
    if codebook == "kmeans++":
        words = KMeans(SIZE, init=words, n_init=1, random_state=5).fit(of_train).cluster_centers_
    bags = np.array([expected(words, one) for one in scaled])
    assert ours.features == ["other", *(f"xbow_word_{i}" for i in range(SIZE))]
    np.testing.assert_allclose(train, np.hstack([other, bags])[:4])
    test = ours.transform(np.hstack([X, other])[4:])
    np.testing.assert_allclose(test, np.hstack([other, bags])[4:])
    ours.save(tmp_path)
    again = Preprocessing.load(tmp_path).transform(np.hstack([X, other])[4:])
    np.testing.assert_array_equal(again, test)


def test_drawn_words_are_frames(recordings):
    names, X, frames = recordings
    one = Preprocessing({"bags": {**spec("random"), "assignments": 1}}).fit(X[:4], names)
    # A frame that is a word is nearest to it, so each word is found.
    assert (one.transform(X[:4]) > 0).any(axis=0).all()
    with pytest.raises(UserError, match=r"9999 words need as many frames, .* have \d+"):
        Preprocessing({"bags": spec(size=9999)}).fit(X[:4], names)
    total = sum(map(len, frames[:4]))
    every = Preprocessing({"bags": spec("random", total)}).fit(X[:4], names)
    assert len(every.features) == total


INI = """\
[EXP]
name = bags
[DATA]
databases = ['a']
a.type = demo
target = emotion
[FEATS]
type = {type}
size = 50
scale = standard
[MODEL]
type = svm
{more}
"""


def test_options_of_nkululeko_and_what_has_no_features_yet(tmp_path):
    ini = tmp_path / "bags.ini"
    ini.write_text(INI.format(type="['xbow', 'os']", more=""))
    made = resolve(ini, cwd=tmp_path)
    assert made.preprocessing["bags"] == {**spec(size=50), "assignments": 10, "seed": made.seed}
    assert [one["type"] for one in made.features] == ["xbow", "os"]
    ini.write_text(INI.format(type="xbow", more="[PLOT]\ntsne = True\n[EXPL]\nplot_tree = True"))
    with pytest.raises(UserError) as error:
        resolve(ini, cwd=tmp_path)
    assert any("[PLOT] tsne: FEATS.type = xbow has no" in line for line in error.value.problems)
    ini.write_text(INI.format(type="os", more=""))
    made = resolve(ini, cwd=tmp_path)
    assert "bags" not in made.preprocessing
    assert any("size: no effect without FEATS.type = xbow" in note for note in made.notes)


def test_matrices_are_read_as_pandas_reads_them(tmp_path):
    from izwi.data.samples import read_matrix

    table = pd.DataFrame({"file": ["ä", "b"], "x": np.array([1, np.nan], np.float32)})
    table.insert(1, "start", pd.to_timedelta([0, 1], unit="s"))
    table.to_parquet(tmp_path / "m.parquet", index=False)
    pd.testing.assert_frame_equal(
        read_matrix(str(tmp_path / "m.parquet")), pd.read_parquet(tmp_path / "m.parquet")
    )
