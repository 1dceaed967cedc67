"""One decision per speaker: the figures of speakers, against pandas and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from izwi.config.experiment import resolve
from izwi.evaluation import scoring

LABELS = ["f", "m"]
SPEC = {
    **{"task": "classification", "target": "sex", "measure": "uar", "ci": "auto"},
    **{"seed": 1, "labels": LABELS},
}


def predictions(seed=0, speakers=14, each=6):
    rng = np.random.default_rng(seed)
    n = speakers * each
    owner = np.arange(n) % speakers
    truth = np.array(LABELS, dtype=object)[owner % 2]
    p = np.clip(rng.normal(0.5, 0.25, n) + 0.08 * np.where(truth == "m", 1, -1), 0.01, 0.99)
    return pd.DataFrame(
        {
            "row": np.arange(n),
            "database": "d",
            "file": [f"{i}.wav" for i in range(n)],
            "start": pd.Timedelta(0),
            "end": pd.NaT,
            "speaker": [f"d/{i:02}" for i in owner],
            "fold": 0,
            "run": 1,
            "truth": truth,
            "prediction": np.where(p > 0.5, "m", "f"),
            "p_f": 1 - p,
            "p_m": p,
        }
    )


def evaluated(frame, **more):
    reports = {"training": {"counts": {"train": 9}}, "split": {}, "tables": []}
    return scoring.evaluate({**SPEC, **more}, frame, **reports)


@pytest.mark.parametrize("how", ["mode", "mean"])
def test_a_speaker_counts_once(how):
    frame = predictions()
    found = evaluated(frame, combine_per_speaker=how)["by_speaker"]
    own = frame.groupby("speaker")
    share = own["prediction"].agg(lambda values: (values == "m").mean())
    mean = own["p_m"].mean()
    decided = mean > 0.5
    if how == "mode":
        assert (share == 0.5).any()
        decided = share.where(share != 0.5, mean) > 0.5
    truth = own["truth"].first()
    expected = balanced_accuracy_score(truth, np.where(decided, "m", "f"))
    assert found["value"] == found["metrics"]["uar"] == pytest.approx(expected)
    assert (found["n_evaluated"], found["several_classes"], found["unknown"]) == (14, 0, 0)
    assert np.sum(found["confusion"]["counts"]) == 14
    low, high = found["ci"]
    assert 0 <= low < found["value"] < high <= 1 and "speakers" in found["ci_method"]
    # The headline is that of samples.
    plain = evaluated(frame)
    assert "by_speaker" not in plain
    assert plain["value"] == evaluated(frame, combine_per_speaker=how)["value"]


def test_numbers_are_averaged_and_runs_too():
    frame = predictions().drop(columns=["p_f", "p_m"])
    truth = frame["speaker"].str[-2:].astype(float)
    rng = np.random.default_rng(2)
    runs = [
        frame.assign(run=run, truth=truth, prediction=truth + rng.normal(0, 2, len(frame)))
        for run in (1, 2)
    ]
    found = evaluated(
        pd.concat(runs),
        combine_per_speaker="mean",
        **{"task": "regression", "measure": "mae", "labels": None},
    )["by_speaker"]
    errors = [
        (run.groupby("speaker")["prediction"].mean() - run.groupby("speaker")["truth"].first())
        .abs()
        .mean()
        for run in runs
    ]
    assert found["value"] == pytest.approx(np.mean(errors)) and found["confusion"] is None


def test_speakers_without_a_single_truth_are_left_out_and_told():
    frame = predictions()
    frame.loc[0, "truth"] = "m"
    frame.loc[1, "speaker"] = None
    metrics = evaluated(frame, combine_per_speaker="mode")
    found = metrics["by_speaker"]
    assert (found["n_evaluated"], found["several_classes"], found["unknown"]) == (13, 1, 1)
    alone = frame[frame["speaker"].isin(["d/02", "d/04", "d/06", "d/07"])]
    found = evaluated(alone, combine_per_speaker="mode")["by_speaker"]
    assert found["ci"] == [None, None] and found["interval_reasons"]["uar"]
    (line,) = [line for line in metrics["warnings"] if "combine_per_speaker" in line]
    assert "1 of 14 speakers have samples of several classes of sex" in line
    every = frame.assign(truth=np.where(np.arange(len(frame)) // 14 % 2, "m", "f"))
    for how in ("mode", "mean"):
        found = evaluated(every[every["speaker"].notna()], combine_per_speaker=how)["by_speaker"]
        assert found["n_evaluated"] == 0 < found["several_classes"] and found["value"] is None
    nobody = evaluated(frame.assign(speaker=None), combine_per_speaker="mode")["by_speaker"]
    assert (nobody["n_evaluated"], nobody["value"], nobody["confusion"]) == (0, None, None)


@pytest.mark.parametrize("how", ["mode", "mean"])
def test_where_no_speaker_has_a_single_truth_there_is_no_figure(how):
    frame = predictions()
    frame["truth"] = np.array(LABELS)[np.arange(len(frame)) // 14 % 2]
    found = evaluated(frame, combine_per_speaker=how)
    own = found["by_speaker"]
    assert (own["value"], own["n_evaluated"], own["several_classes"]) == (None, 0, 14)
    assert found["value"] is not None
    assert any("14 of 14 speakers" in line for line in found["warnings"])
    none = evaluated(frame.assign(speaker=None), combine_per_speaker=how)["by_speaker"]
    assert (none["value"], none["unknown"]) == (None, len(frame))


@pytest.mark.parametrize("ci", ["speakers", "samples"])
def test_intervals_of_speakers_are_by_the_method_that_was_asked_for(ci):
    found = evaluated(predictions(), combine_per_speaker="mode", ci=ci)["by_speaker"]
    assert found["ci_method"] == f"bootstrap over {ci} (1000)"


def test_numbers_have_no_majority(tmp_path):
    text = "[DATA]\ndatabases = ['a']\na.type = demo\ntarget = age\n[FEATS]\ntype = os\n"
    text += "[MODEL]\ntype = lin_reg\n[PLOT]\ncombine_per_speaker = {}\n"
    (tmp_path / "a.ini").write_text(f"[EXP]\nname = a\n{text.format('mode')}")
    mode = resolve("a.ini", cwd=tmp_path)
    (line,) = mode.warnings
    assert "combine_per_speaker: numbers have no majority" in line
    assert mode.evaluation["combine_per_speaker"] == "mean"
    (tmp_path / "a.ini").write_text(f"[EXP]\nname = a\n{text.format('mean')}")
    found = resolve("a.ini", cwd=tmp_path)
    assert found.evaluation["combine_per_speaker"] == "mean"
