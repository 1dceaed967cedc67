"""Counts of a split: parts, classes, speakers, sex, age, minutes."""

import numpy as np
import pandas as pd
import pytest

from izwi.data.description import describe, durations


def samples(n=12, **columns):
    table = pd.DataFrame(
        {
            "database": "db",
            "file": [f"{i}.wav" for i in range(n)],
            "start": pd.to_timedelta(np.zeros(n)),
            "end": pd.to_timedelta([None] * n),
            "truth": ["a", "b"] * (n // 2),
            "gender": ["F", "male", None] * (n // 3),
            "age": [20, 30, np.nan] * (n // 3),
        }
    )
    split = pd.DataFrame(
        {
            "part": ["train"] * (n // 2) + ["test"] * (n // 2 - 1) + [""],
            "fold": 0,
            "speaker": [f"db/{i % 3}" for i in range(n)],
        }
    )
    return table.assign(**columns), split


def cell(found, part, label=None):
    (own,) = [c for c in found["parts"] if c["part"] == part and c["class"] == label]
    return own


def test_people_are_counted_once():
    table, split = samples()
    found = describe(table, split, ["a", "b"], seconds=pd.Series(np.full(12, 30.0)))
    train = cell(found, "train")
    assert (train["samples"], train["files"], train["speakers"]) == (6, 6, 3)
    assert train["sex"] == {"female": 1, "male": 1} and train["sex_unknown"] == 1
    assert train["age"] == {"n": 2, "mean": 25, "sd": pytest.approx(50**0.5), "min": 20, "max": 30}
    assert train["minutes"] == 3
    assert cell(found, "test")["samples"] == 5 and found["unused"] == 1
    assert cell(found, "test", "a")["samples"] == 3
    assert found["shared_speakers"] == 3 and not found["segments"]


def test_without_speakers_samples_are_counted():
    table, split = samples()
    found = describe(table, split.assign(speaker=None), ["a", "b"])
    train = cell(found, "train")
    assert train["speakers"] is None and train["sex"] == {"female": 2, "male": 2}
    assert train["minutes"] is None and found["shared_speakers"] is None


def test_folds_have_their_rows_if_they_are_few():
    table, split = samples()
    split["fold"] = [1, 2, 3] * 4
    split["part"] = split["fold"].astype(str)
    found = describe(table, split, ["a", "b"])
    assert [c["part"] for c in found["parts"]] == ["all"] * 3 + ["fold 1", "fold 2", "fold 3"]
    assert found["folds"] == 3 and found["shared_speakers"] == 0
    split["fold"] = split["part"] = range(1, 13)
    assert {c["part"] for c in describe(table, split, ["a", "b"])["parts"]} == {"all"}
    assert describe(table, split, ["a", "b"])["shared_speakers"] == 3


def test_a_number_is_summed_up_and_segments_share_files():
    table, split = samples(truth=np.arange(12.0), file="long.wav")
    table["start"] = pd.to_timedelta(range(12), unit="s")
    table["end"] = table["start"] + pd.Timedelta("1.5s")
    table.loc[11, "end"] = pd.NaT
    seconds = durations(table, {"long.wav": 20.0})
    assert list(seconds) == [1.5] * 11 + [9]
    assert np.isnan(durations(table, {}).iloc[11])
    found = describe(table, split, None, seconds=seconds)
    test = cell(found, "test")
    assert (test["samples"], test["files"]) == (5, 1) and found["segments"]
    assert test["target"]["mean"] == 8 and test["target"]["n"] == 5
    assert cell(found, "train")["minutes"] == pytest.approx(0.15)
    assert [found["unit"], test["unit"]] == ["segment", "segment"]
    # Whole recordings are tested, as with sample_selection = train.
    table.loc[split["part"] == "test", ["start", "end"]] = [pd.Timedelta(0), pd.NaT]
    found = describe(table, split, None)
    units = [cell(found, part)["unit"] for part in ("train", "test")]
    assert [*units, found["unit"]] == ["segment", "file", "sample"]
