"""Pictures of pairs of features and of a tree, against numpy, scipy and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from test_importance import written
from test_plots import assert_legible, drawn, texts

from izwi import plots
from izwi.analyses import correlation, importance
from izwi.config import pictures
from izwi.config.experiment import resolve
from izwi.errors import UserError
from izwi.plots import columns, kinds, style

__all__ = ["drawn"]
N = 120


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    speaker = pd.Series([f"db/{i % 8}" for i in range(N)])
    own = speaker.map({name: i for i, name in enumerate(sorted(set(speaker)))}).to_numpy(float)
    x = pd.Series(own + rng.normal(size=N), name="F0")
    # Within a speaker they go apart, between speakers together.
    y = pd.Series(2 * own - x + rng.normal(size=N) / 4, name="intensity")
    return x, y, speaker, rng


def test_correlations_are_over_speakers_and_corrected(data):
    x, y, speaker, rng = data
    noise = pd.Series(rng.normal(size=N), name="noise")
    constant = pd.Series(np.ones(N), name="constant")
    found = plots.correlations([(x, y), (x, noise), (x, constant)], speaker)
    means = pd.DataFrame({"x": x, "y": y, "noise": noise}).groupby(speaker).mean()
    plain = [stats.spearmanr(means["x"], means[name]) for name in ("y", "noise")]
    corrected = stats.false_discovery_control([one.pvalue for one in plain])
    for ours, theirs, p in zip(found, plain, corrected, strict=False):
        assert (ours.rho, ours.p) == pytest.approx((theirs.statistic, p))
        assert (ours.n, ours.unit) == (8, "speaker means")
    assert found[0].rho > 0.9 and found[0].within == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found[2][:2] == (None, None)
    (alone,) = plots.correlations([(x, y)], pd.Series(["db/1"] * N))
    assert (alone.unit, alone.n, alone.rho) == ("samples", N, pytest.approx(found[0].within))


@pytest.mark.parametrize("numbers", [False, True], ids=["classes", "numbers"])
def test_lines_are_of_least_squares(data, drawn, tmp_path, numbers):
    x, y, speaker, rng = data
    x[3] = np.nan
    groups = pd.Series(rng.integers(20, 60, N)) if numbers else pd.Series(["a", "b", None] * 40)
    (found,) = plots.correlations([(x, y)], speaker)
    rows = plots.regplot(
        x, y, groups, speaker, found, tmp_path / "pair.png", title="emodb: praat", name="age"
    )
    (figure,) = drawn
    assert_legible(figure)
    axes = figure.axes[0]
    lines = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(lines) == (4 if numbers else 2)
    if not numbers:
        for line, label in zip(lines, "ab", strict=True):
            own = (groups == label) & x.notna()
            slope, shift = np.polyfit(x[own], y[own], 1)
            ends = np.array([x[own].min(), x[own].max()])
            np.testing.assert_allclose(line.get_ydata(), slope * ends + shift)
    (means,) = [line for line in axes.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(means.get_xdata(), x.groupby(speaker).mean())
    assert len(rows) == N - 1 and set(rows[0]) == {"F0", "intensity", "group", "speaker"}
    assert "8 speakers" in " ".join(texts(figure))


@pytest.mark.parametrize("cls", [DecisionTreeClassifier, DecisionTreeRegressor])
def test_a_tree_says_what_scikit_learn_has(drawn, tmp_path, cls):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N, 3))
    names = ["F0", "intensity", "a_feature_with_a_very_long_name_that_does_not_fit"]
    y = X[:, 0] * X[:, 2] + X[:, 1]
    fitted = cls(random_state=0).fit(X, np.where(y > 0, "yes", "no") if "C" in cls.__name__ else y)
    rows = plots.tree(fitted, names, tmp_path / "tree.png", title="emodb: praat, tree")
    (figure,) = drawn
    assert_legible(figure, widest=2 * style.COLUMN)
    assert f"{fitted.get_n_leaves()} leaves" in " ".join(texts(figure))
    assert len(rows) == fitted.tree_.node_count
    # Down the rows, as the picture is read, each sample comes where the tree puts it.
    for sample, place in zip(X[:10], fitted.apply(X[:10]), strict=True):
        row = rows[0]
        while row["feature"]:
            below = np.float32(sample[names.index(row["feature"])]) <= row["threshold"]
            row = rows[row["yes" if below else "no"]]
        assert row["node"] == place
        said = fitted.predict([sample])[0]
        assert row["decision"] == (said if isinstance(said, str) else f"{said:.3g}")


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
def test_correlations_of_all_pairs_are_those_of_scipy(data, drawn, tmp_path, gaps):
    x, y, speaker, rng = data
    features = pd.DataFrame({"F0": x, "intensity": y, "jitter": rng.normal(size=N), "one": 1.0})
    if gaps:
        features.loc[5, "jitter"] = np.nan
    table = pd.DataFrame({"truth": np.where(x > x.median(), "a", "b"), "speaker": speaker})
    recording = pd.DataFrame({"duration": rng.random(N), "level": rng.random(N)})
    found = correlation.correlation(table, features, recording, ["a", "b"])
    assert len(found) == 6 and found["place"].min() == 1
    ps = []
    for _, row in found.iterrows():
        both = features[[row["feature"], row["other"]]]
        if "one" in both:
            assert pd.isna(row["rho"]) and pd.isna(row["p_bh"])
            continue
        means = both.groupby(speaker).mean()
        plain = stats.spearmanr(*means.to_numpy().T)
        assert (row["rho"], row["p"]) == pytest.approx((plain.statistic, plain.pvalue))
        known = both.dropna()
        assert row["rho_samples"] == pytest.approx(stats.spearmanr(*known.to_numpy().T).statistic)
        away = (both - both.groupby(speaker).transform("mean")).dropna()
        assert row["rho_within"] == pytest.approx(stats.spearmanr(*away.to_numpy().T).statistic)
        ps.append(plain.pvalue)
    np.testing.assert_allclose(found["p_bh"].dropna(), stats.false_discovery_control(ps))
    assert found["rho"].iloc[0] > 0.9 > 0 > found["rho_within"].iloc[0]
    rows = plots.feature_correlation(found, tmp_path / "c.png", number=3, title="emodb: praat")
    (figure,) = drawn
    assert_legible(figure)
    second = f"{found['rho'].iloc[1]:.2f}".replace("0.", ".")
    assert len(rows) == 3 and {second, "1.00", "F0  1"} <= set(texts(figure))


def test_tests_in_words():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"truth": ["a", "b"] * 60, "speaker": [f"db/{i % 10}" for i in range(N)]})
    features = pd.DataFrame({"F0": rng.normal(size=N) + (table["truth"] == "a"), "one": 1.0})
    recording = pd.DataFrame({"duration": rng.random(N), "level": rng.random(N)})
    found = importance.distributions(table, features, recording, ["a", "b"])
    first, last = importance.tests_in_words(found)
    row = found.iloc[0]
    assert first.startswith(f"F0: Kruskal-Wallis {row['statistic']:.3f} over 10 speaker means, ε² ")
    assert last == "one: not testable"


def test_numbers_as_quarters(tmp_path):
    """Which columns of numbers become classes, and where these are cut."""
    spec = {"target": "Age", "bin_reals": ["age"]}
    ages = pd.Series(np.random.default_rng(1).normal(40, 10, 101), name="truth")
    found, order = kinds.classes_of(ages, "target", None, spec)
    inner = np.percentile(ages, [25, 50, 75])
    assert [(found == name).sum() for name in order] == np.diff(
        [0, *np.searchsorted(np.sort(ages), inner, side="right"), 101]
    ).tolist()
    same = (ages.rename("f0"), "F0", ["a", "b"])
    assert kinds.classes_of(*same, spec) == (same[0], None)
    assert len(kinds.classes_of(*same, spec | {"bin_reals": []})[1]) == 4
    words = pd.Series(list("abab"), name="truth")
    assert kinds.classes_of(words, "target", ["b", "a"], spec) == (words, ["b", "a"])
    given = "age.bin_reals = True\nF0.bin_reals = False\nbin_reals = ['Duration']"
    looks = "scatter = ['pca']\nscatter.dim = 3\ndist_type = kde\nignore_gender = True"
    made = written(tmp_path, "looks.ini", EXPL=f"{given}\n{looks}\nvalue_counts = True")
    assert made.plots["bin_reals"] == ["duration", "age"] and not made.notes
    specs = {picture.kind: picture.spec for picture in pictures.wanted(made, "emodb", "os")}
    assert specs["pca"]["dim"] == 3 and specs["pca"]["bin_reals"] == ["duration", "age"]
    assert specs["value_counts"]["dist_type"] == "kde" and specs["value_counts"]["ignore_gender"]
    # What is not asked for is in no spec, so that a picture keeps its key.
    plain = written(tmp_path, "plain.ini", EXPL="scatter = ['pca']\nvalue_counts = True")
    for picture in pictures.wanted(plain, "emodb", "os"):
        assert not {"dim", "bin_reals", "dist_type", "ignore_gender"} & set(picture.spec)


def test_what_is_explored(tmp_path):
    pairs = "regplot = [['F0', 'intensity'], ['F0', 'intensity', 'gender']]"
    more = "plot_tree = True\nprint_stats = True\nplot_features = ['F0']"
    made = written(
        tmp_path,
        "tree.ini",
        MODEL="type = tree",
        EXPL=f"feature_distributions = True\n{pairs}\n{more}",
    )
    assert made.plots["regplot"] == [["F0", "intensity", "target"], ["F0", "intensity", "gender"]]
    assert made.plots["tree"] and made.analyses["feature_distributions"] == {"told": 10}
    made = written(tmp_path, "xgb.ini", EXPL="plot_tree = True\nplot_features = ['F0']")
    assert not made.plots["tree"]
    assert sum("no effect" in note for note in made.notes) == 2
    with pytest.raises(UserError) as error:
        written(
            tmp_path,
            "folds.ini",
            MODEL="type = tree\nlogo = 3\nsave = False",
            EXPL="plot_tree = True\nregplot = [['F0']]",
        )
    assert len(error.value.problems) == 2


def test_columns_and_their_values(tmp_path, drawn):
    frame = pd.DataFrame(
        {
            **{"file": [f"{i}.wav" for i in range(6)], "part": "train", "truth": list("aabbbc")},
            **{"emotion": list("aabbbc"), "gender": ["f", None, "m", "f", "f", None]},
            **{"age": [30.0, 41, 30, np.nan, 25, 30], "note": None},
        }
    )
    rows = plots.column_values(frame, tmp_path / "a.png", "db", target="emotion")
    shown = pd.DataFrame(rows)
    # Where a sample is, and the truth a second time, are no columns of the data.
    assert list(dict.fromkeys(shown["column"])) == ["emotion", "gender", "age", "note"]
    assert shown.groupby("column")["samples"].sum().eq(6).all()
    ages = shown[shown["column"] == "age"]
    assert list(zip(ages["value"][1:], ages["samples"][1:], strict=True)) == [
        *((25.0, 1), (30.0, 3), (41.0, 1))
    ]
    (figure,) = drawn
    assert_legible(figure, widest=2 * style.COLUMN)
    widths = [axes.patches[0].get_width() for axes in figure.axes]
    assert widths == pytest.approx([1, 4 / 6, 5 / 6, 0])
    assert "2 values: f (3), m (1)" in texts(figure)
    assert columns.told("x", pd.Series(range(99))) == "x: 99 values: 0 to 98"
    many = pd.Series([f"w{i}" for i in range(1500)])
    last = list(columns._rows("x", many))[-1]
    assert last == {"column": "x", "value": "… 500 more", "samples": 500}


@pytest.mark.parametrize("part, wanted", [("test", 40), ("train", 80)])
def test_pictures_of_one_part(tmp_path, monkeypatch, part, wanted):
    frame = pd.DataFrame({"truth": ["a", "b"] * 60, "part": ["train"] * 80 + ["test"] * 40})
    frame = frame.assign(speaker="s", database="db", age=range(120))
    monkeypatch.setattr(kinds, "samples", lambda inputs: (frame.copy(), ["a", "b"]))
    spec = {"kind": "value_counts", "selection": part, "target": "mood", "title": "", "files": []}
    spec |= {"columns": {"value_counts": ["target"]}, "databases": {"of": "db"}}
    for kind in (kinds.value_counts, kinds.database_counts):
        for draw in kind(spec, {}).values():
            rows = draw(tmp_path / "a.png")
            assert {row["group"] for row in rows if row["group"] in ("train", "test")} == {part}
            assert sum(row["samples"] for row in rows if row["group"] == part) == wanted
    nothing = spec | {"selection": "dev", "files": ["value_counts.png"]}
    lines = {"value_counts": ["[EXPL] sample_selection: no sample is in dev"]}
    assert kinds.lacking(nothing, {}) == lines
    assert kinds.value_counts(nothing, {})["value_counts"](tmp_path / "a.png") == []


def test_which_part_pictures_are_about(tmp_path):
    def resolved(expl="", exp="", model="", more=""):
        (tmp_path / "db.csv").write_text("file,emotion\na.wav,x\n")
        text = f"[EXP]\nname = x\n{exp}\n[DATA]\ndatabases = ['db']\ndb = db.csv\n"
        text += f"target = emotion\n[EXPL]\n{expl}\n{more}\n"
        if model:
            text += f"[FEATS]\ntype = os\n[MODEL]\ntype = svm\n{model}\n"
        (tmp_path / "x.ini").write_text(text)
        return resolve(tmp_path / "x.ini", cwd=tmp_path)

    test = "sample_selection = test"
    assert resolved(test).plots["selection"] == "test"
    assert resolved(exp=test).plots["selection"] == "test"
    assert resolved("sample_selection = train", exp=test).plots["selection"] == "train"
    assert "selection" not in resolved("sample_selection = all", exp=test).plots
    # There EXP.sample_selection is about what is written.
    assert "selection" not in resolved(exp=test, more="[EXPORT]\n").plots
    trained = resolved(exp=test, model="C_val = 2")
    assert "selection" not in trained.plots
    assert any("[EXP] sample_selection: no effect here" in note for note in trained.notes)
    folds = resolved(test, model="logo = 3")
    assert "selection" not in folds.plots
    assert any("sample_selection: no effect in cross-validation" in n for n in folds.notes)
