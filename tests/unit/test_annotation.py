"""Predicted properties: the columns, what they leave out, how they go with the target."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import adjusted_rand_score, pairwise_distances, silhouette_score

from izwi.annotation import bias, columns, listing
from izwi.annotation import speakers as speaking
from izwi.annotation.targets import ABSENT, TARGETS, built, column_of
from izwi.config.experiment import resolve
from izwi.engine.planner import make_plan
from izwi.errors import UserError
from izwi.features import EXTRACTORS, extractor_class
from izwi.features.metadata import Metadata
from izwi.features.pretrained_names import EMOTIONS
from izwi.reporting.texts.citations import entries

ROOT = Path(__file__).resolve().parents[2]
DATA = {"databases": "['a']", "a": "a.csv", "a.split_strategy": "random", "target": "emotion"}
# Columns of features whose models are not here.
UNREAD = {
    "squim": ("pesq", "sdr", "stoi"),
    "emotion2vec_emotion": EMOTIONS,
    "transcript_text": ("text",),
}


@pytest.fixture
def solve(tmp_path):
    (tmp_path / "a.csv").write_text("file,emotion\n")

    def run(**sections):
        lines = []
        for section, values in ({"DATA": DATA} | sections).items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items())]
        (tmp_path / "x.ini").write_text("\n".join(lines) + "\n")
        return resolve("x.ini", cwd=tmp_path)

    return run


def table(n=6, **more):
    frame = pd.DataFrame({"database": "a", "file": [f"{i}.wav" for i in range(n)]})
    frame["start"] = pd.to_timedelta([0] * n, unit="s")
    frame["end"] = pd.to_timedelta([None] * n)
    return frame.assign(**more)


def spec(targets, **more):
    return {"targets": targets, "min": {}, "max": {}, "filter": {}, "selection": "all"} | more


def test_every_target_reads_columns_of_its_features():
    assert {"snr", "mos"} <= set(built()) and not set(ABSENT) & set(TARGETS)
    for name, target in TARGETS.items():
        assert target.model and target.title and column_of(name).endswith("_pred")
        assert len(target.source) == (len(target.labels) or target.kind != "group")
        assert (target.kind == "label") == bool(target.labels)
        assert set(target.cites) <= set(entries())
        if target.features in EXTRACTORS:
            cls = extractor_class(target.features)
            # Those of pretrained models are known without the model.
            heads = [n for names in getattr(cls, "heads", {}).values() for n in names]
            named = heads or UNREAD.get(target.features) or cls({}).columns
            assert set(target.source) <= set(named)


def test_each_target_has_an_ini():
    """That names it, and is found by the page of targets."""
    page = (ROOT / "docs/predicted_properties.md").read_text(encoding="utf-8")
    asked = set()
    for path in (ROOT / "config/experiments").rglob("annotate*.ini"):
        place = path.relative_to(ROOT / "config/experiments")
        (line,) = [one for one in page.splitlines() if one.startswith(f"| `{place}` |")]
        found = resolve(path, cwd=ROOT)
        assert found.name == path.stem
        targets = found.annotation["targets"]
        assert re.findall(r"`(\w+)`", line.split("|")[2]) == targets
        asked |= set(targets)
    assert asked == set(built())


def test_numbers_are_scaled_and_labels_are_the_largest():
    features = pd.DataFrame(
        {
            "age": [0.31, 0.5, np.nan],
            "female": [0.7, 0.2, np.nan],
            "male": [0.2, 0.7, np.nan],
            "child": [0.1, 0.1, np.nan],
        }
    )
    assert columns.values_of("age", features).tolist()[:2] == pytest.approx([31, 50])
    gender = columns.values_of("gender", features)
    assert gender.tolist()[:2] == ["female", "male"] and gender.isna().tolist() == [
        False,
        False,
        True,
    ]


def test_columns_are_added_and_rows_left_out_are_counted():
    own = table(snr_pred=["x"] * 6)
    matrices = {"snr": pd.DataFrame({"snr": [1.0, 5, 10, 15, 20, np.nan]})}
    found, report = columns.annotate(own, matrices, spec(["snr"]))
    assert found["original_snr_pred"].eq("x").all() and report["dropped"] == 0
    assert found["snr_pred"].tolist()[:5] == [1, 5, 10, 15, 20]
    assert "1 row without snr_pred" in report["warnings"][0]
    limited = spec(["snr"], min={"snr": 5}, max={"snr": 15})
    found, report = columns.annotate(table(), matrices, limited)
    assert found["snr_pred"].tolist() == [5, 10, 15] and found.index.tolist() == [0, 1, 2]
    assert report["dropped"] == 3 and len(report["notes"]) == 2
    loaded = {"notes": ["n"], "warnings": [], "counts": {"listed": 8, "used": 6, "dropped": {}}}
    merged = columns.merged(loaded, report, found)
    assert merged["counts"] == {"listed": 8, "used": 3, "dropped": {"predicted": 3}}
    with pytest.raises(UserError, match="leaves no row of a: snr_pred is 1 to 20"):
        columns.annotate(table(), matrices, spec(["snr"], min={"snr": 50}))


def test_a_filter_keeps_labels():
    matrix = pd.DataFrame(
        {"age": 0.5, "female": [0.9, 0.1] * 3, "male": [0.0, 0.8] * 3, "child": [0.1] * 6}
    )
    wanted = spec(["gender"], filter={"a": [["gender_pred", ["female", "robot"]]]})
    found, report = columns.annotate(table(), {"agender_agender": matrix}, wanted)
    assert found["gender_pred"].tolist() == ["female"] * 3
    assert any("'robot' does not occur" in line for line in report["warnings"])


def speakers(rng, effect=0.0, slope=0.0):
    """10 speakers with 3 rows of each of 2 classes; a property that goes with the class or not."""
    rows = []
    for speaker in range(10):
        own = rng.normal() * 3
        for truth in ("calm", "loud"):
            for _ in range(3):
                value = 10 + own + effect * (truth == "loud") + rng.normal()
                rows.append({"speaker": str(speaker), "truth": truth, "snr_pred": value})
    return pd.DataFrame(rows)


def test_an_effect_within_speakers_is_found_by_their_means():
    frame = speakers(np.random.default_rng(0), effect=2)
    (row,) = bias.associations(frame, ["snr"])
    means = frame.groupby(["speaker", "truth"])["snr_pred"].mean().unstack()
    assert row["unit"] == "speaker and class" and row["n"] == 20
    assert row["means"] == pytest.approx(means.mean().to_dict())
    # Two classes of each speaker: the F test within speakers is the paired t test.
    assert row["p"] == pytest.approx(stats.ttest_rel(means["loud"], means["calm"]).pvalue)
    assert row["p_holm"] == row["p"] < 1e-3
    flat = means.stack()
    between = 10 * ((means.mean() - flat.mean()) ** 2).sum()
    assert row["effect"] == pytest.approx(np.sqrt(between / ((flat - flat.mean()) ** 2).sum()))


def test_repeated_rows_of_speakers_are_no_evidence():
    """A property of speakers, of whom each has one class: rows alone would be sure."""
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        who = np.repeat(np.arange(8), 20)
        frame = pd.DataFrame({"speaker": who.astype(str), "truth": np.where(who < 4, "a", "b")})
        frame["snr_pred"] = rng.normal(size=8)[who] + 0.1 * rng.normal(size=160)
        (row,) = bias.associations(frame, ["snr"])
        hits += row["p"] < 0.05
    assert hits <= 5


def test_holm_is_over_all_properties_and_labels_are_shares():
    frame = speakers(np.random.default_rng(1), effect=2)
    frame["mos_pred"] = np.random.default_rng(2).normal(size=len(frame))
    frame["gender_pred"] = np.where(frame["speaker"].astype(int) % 2, "female", "male")
    rows = bias.associations(frame, ["snr", "mos", "gender"])
    assert [(row["property"], row["label"]) for row in rows] == [
        ("snr_pred", None),
        ("mos_pred", None),
        ("gender_pred", "male"),
    ]
    tested = sorted(row["p"] for row in rows if row["p"] is not None)
    assert rows[0]["p_holm"] == pytest.approx(rows[0]["p"] * len(tested))
    assert rows[2]["means"] == pytest.approx({"calm": 0.5, "loud": 0.5})
    assert rows[2]["effect"] == pytest.approx(0)


def test_a_number_is_correlated_over_means_of_speakers():
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(9), 4)
    frame = pd.DataFrame({"speaker": who.astype(str), "truth": 20.0 + who})
    frame["snr_pred"] = who + rng.normal(size=36) * 2
    (row,) = bias.associations(frame, ["snr"])
    means = frame.groupby("speaker")[["truth", "snr_pred"]].mean()
    r, p = stats.pearsonr(means["truth"], means["snr_pred"])
    assert (row["measure"], row["unit"], row["n"]) == ("r", "speaker", 9)
    assert row["effect"] == pytest.approx(r) and row["p"] == pytest.approx(p)


def test_rows_without_a_predicted_label_tell_nothing():
    frame = speakers(np.random.default_rng(6), effect=1)
    frame["gender_pred"] = np.where(
        frame["snr_pred"] > frame["snr_pred"].median(), "male", "female"
    )
    bare = frame.assign(gender_pred=None)
    both = pd.concat([frame, bare], ignore_index=True)
    assert bias.associations(both, ["gender"]) == bias.associations(frame, ["gender"])


def test_rows_without_a_label_tell_nothing():
    frame = speakers(np.random.default_rng(5), effect=1)
    bare = frame.assign(truth=None, snr_pred=99.0)
    both = pd.concat([frame, bare], ignore_index=True)
    assert bias.associations(both, ["snr"]) == bias.associations(frame, ["snr"])


def test_without_speakers_rows_count():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"truth": ["a"] * 10 + ["b"] * 10, "snr_pred": rng.normal(size=20)})
    (row,) = bias.associations(frame, ["snr"])
    p = stats.ttest_ind(frame["snr_pred"][:10], frame["snr_pred"][10:]).pvalue
    assert row["unit"] == "row" and row["p"] == pytest.approx(p)


def test_predictions_are_compared_with_what_is_known():
    frame = pd.DataFrame(
        {
            "age": [20, 30, 40, None],
            "age_pred": [22.0, 29, 46, 50],
            "gender": ["f", "m", "male", "w"],
            "gender_pred": ["female", "female", "male", "female"],
            "snr_pred": 1.0,
        }
    )
    age, gender = bias.agreements(frame, ["age", "gender", "snr"])
    assert age["n"] == 3 and age["mae"] == pytest.approx(3)
    assert age["r"] == pytest.approx(stats.pearsonr([20, 30, 40], [22, 29, 46])[0])
    assert gender["accuracy"] == 0.75 and gender["uar"] == 0.75


def test_a_text_is_written_from_its_letters():
    matrix = pd.DataFrame({"text": [np.array([ord(c) for c in "Grüß Gott"]), np.array([]), None]})
    found = columns.values_of("text", matrix)
    assert found.tolist()[:2] == ["Grüß Gott", ""] and found.isna().tolist() == [False, False, True]
    own, report = columns.annotate(table(3), {"transcript_text": matrix}, spec(["text"]))
    assert own["text_pred"][0] == "Grüß Gott" and "1 row without text_pred" in report["warnings"][0]


@pytest.mark.parametrize("number", [None, 4])
def test_speakers_are_groups_of_alike_embeddings(number):
    rng = np.random.default_rng(5)
    who = np.array([2, 2, 0, 1, 3, 1, 0, 3] * 6)
    voices = np.abs(rng.normal(size=(4, 32)))
    vectors = voices[who] + 0.15 * rng.normal(size=(48, 32))
    matrix = pd.DataFrame(vectors).rename(columns="resemblyzer_{}".format)
    matrix.loc[7] = np.nan
    found = columns.values_of("speaker", matrix, number)
    assert found[:3].tolist() == ["1", "1", "2"] and found.isna().sum() == 1
    known = found.notna()
    assert adjusted_rand_score(who[known], found[known]) == 1
    assert speaking.groups(vectors[:2]).tolist() == [0, 0]
    assert len(np.unique(speaking.groups(vectors, 7))) == 7


def test_silhouettes_are_those_of_scikit_learn():
    rng = np.random.default_rng(6)
    vectors, found = rng.normal(size=(30, 5)), rng.integers(0, 4, 30)
    found[3] = 9
    distance = pairwise_distances(vectors, metric="cosine")
    expected = silhouette_score(vectors, found, metric="cosine")
    assert speaking.silhouette(distance, found) == pytest.approx(expected)


def test_texts_and_speakers_are_compared_with_what_is_known():
    said = ["Der Zug kommt heute.", "ja", None]
    frame = pd.DataFrame({"text": said, "speaker": ["x", "y", "y"], "truth": ["a", "b", "a"]})
    frame["text_pred"] = ["der Zug, kam heut noch", "", "nein"]
    frame["speaker_pred"] = ["1", "2", "2"]
    text, speaker = bias.agreements(frame, ["text", "speaker"])
    # Two words are wrong, one is too many, one is missing, of five.
    assert (text["n"], text["word_error_rate"]) == (2, pytest.approx(4 / 5))
    assert speaker["adjusted_rand"] == 1 and speaker["groups"] == speaker["known_groups"] == 2
    assert bias.associations(frame, ["text", "speaker"]) == []


def test_the_language_of_the_ini_is_that_of_its_transcripts(solve):
    found = solve(EXP={"language": "de"}, PREDICT={"targets": "['text', 'speaker']"})
    kinds = {one["type"]: one["options"] for one in found.annotation["features"]}
    if "transcript_text" in kinds:
        assert kinds["transcript_text"]["transcript.language"] == "de"
    (line,) = [n for n in solve(EXP={"language": "de"}).notes if "language" in n]
    assert line == "[EXP] language: no effect without PREDICT.targets = ['text']"


def test_the_csv_has_the_rows_that_are_selected():
    own = table(truth=["x", "y"] * 3, emotion=["X", "Y"] * 3, digest="d", snr_pred=np.arange(6.0))
    split = pd.DataFrame({"part": ["train"] * 3 + ["dev"] + ["test"] * 2, "fold": 0})
    places = {"a": {f"{i}.wav": f"/audio/{i}.wav" for i in range(6)}}
    found = listing.rows(own, split, "emotion", "all", places)
    assert list(found) == ["file", "start", "end", "emotion", "snr_pred"] and len(found) == 6
    assert found["emotion"].tolist() == ["x", "y"] * 3 and found["file"][0] == "/audio/0.wav"
    assert listing.rows(own, split, "emotion", "test", places)["snr_pred"].tolist() == [4, 5]
    folds = pd.DataFrame({"part": ["1", "2", "1", "", "2", "1"], "fold": [1, 2, 1, 0, 2, 1]})
    found = listing.rows(own, folds, "emotion", "test", places)
    assert found["snr_pred"].tolist() == [0, 1, 2, 4, 5]


def test_an_ini_without_a_model_asks_for_the_tables_alone(solve):
    found = solve(PREDICT={"targets": "['snr']"})
    assert found.annotation["targets"] == ["snr"] and not found.trains
    assert found.leakage == "ignore" and found.plots["value_counts"] is None
    assert any("properties are predicted" in line for line in found.warnings)
    asked = solve(
        DATA={**DATA, "leakage": "warn"},
        PREDICT={"targets": "['snr']"},
        PLOT={"value_counts": "[['snr_pred']]"},
    )
    assert asked.leakage == "warn" and ["snr_pred"] in asked.plots["value_counts"]
    assert solve(FEATS={"type": "os"}, MODEL={"type": "knn"}).annotation is None


def test_options_of_the_features_of_a_target_are_read(solve):
    predict = {"targets": "['snr']", "min": "{'snr': 3}", "max": "{'snr_pred': 40}"}
    found = solve(FEATS={"snr.method": "quartiles"}, PREDICT=predict)
    assert found.annotation["features"] == [{"type": "snr", "options": {"snr.method": "quartiles"}}]
    assert found.annotation["min"] == {"snr": 3} and found.annotation["max"] == {"snr": 40}
    data = {**DATA, "a.filter": "[['snr_pred', 3], ['emotion', 'x']]"}
    found = solve(DATA=data, PREDICT={"targets": "['snr']"}, FEATS={"type": "os"})
    assert found.annotation["filter"] == {"a": [["snr_pred", [3]]]}
    assert found.databases[0]["options"]["filter"] == [["emotion", ["x"]]]


def test_what_cannot_be_predicted_is_told(solve):
    notes = solve(PREDICT={"targets": "['snr', 'translation', 'textclassification']"}).notes
    assert any("translation, textclassification: not built yet" in line for line in notes)
    with pytest.raises(UserError, match=r"'snrr' is unknown.*'snr'"):
        solve(PREDICT={"targets": "['snrr']"})
    with pytest.raises(UserError, match="is not in PREDICT"):
        solve(PREDICT={"targets": "['snr']", "min": "{'mos': 3}"})
    notes = solve(FEATS={"type": "os"}, MODEL={"type": "knn"}, PREDICT={"min": "{'snr': 3}"}).notes
    assert any("no effect without PREDICT.targets" in line for line in notes)


def test_weights_that_are_not_there_stop_what_needs_them(solve, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    trained = {"FEATS": {"type": "os"}, "MODEL": {"type": "knn"}}
    found = solve(PREDICT={"targets": "['snr', 'age', 'stoi']"}, **trained)
    assert found.annotation["targets"] == ["snr"] and found.trains
    age, stoi = (line for line in found.warnings if line.startswith("[PREDICT] targets"))
    assert "no column of age" in age and "izwi fetch audeering/" in age
    assert "no column of stoi" in stoi and "squim.model" in stoi
    assert solve(PREDICT={"targets": "['age']"}, **trained).annotation is None
    seen = {"type": "metadata", "metadata.columns": "['age_pred']"}
    needed = [
        solve(PREDICT={"targets": "['snr', 'age', 'gender', 'stoi']"}),
        solve(PREDICT={"targets": "['age']", "min": "{'age': 18}"}, **trained),
        solve(PREDICT={"targets": "['age']"}, FEATS=seen, MODEL={"type": "knn"}),
    ]
    for experiment, number in zip(needed, (2, 1, 1), strict=True):
        assert "age" in experiment.annotation["targets"]
        with pytest.raises(UserError) as error:
            make_plan([experiment], "results", "cache", cwd=tmp_path, write=False)
        # All at once.
        assert len(error.value.problems) == number
        assert "izwi fetch audeering/" in error.value.problems[0]


def test_metadata_takes_a_predicted_number_as_it_is():
    own = table(snr_pred=[1.5, 2, 3, 4, 5, np.nan], gender_pred=["female", "male"] * 3)
    found = Metadata({"metadata.columns": ["snr_pred", "gender_pred"]}).matrix(own, {})
    assert found["metadata.snr_pred"].tolist()[:5] == [1.5, 2, 3, 4, 5]
    assert found["metadata.gender_pred=female"].tolist() == [1, 0] * 3
