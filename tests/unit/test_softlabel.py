"""Soft labels by hand-counted rows: what is written, what is selected, what leaks."""

import numpy as np
import pandas as pd
import pytest

from izwi.data.soft_labels import label, leaks, lineage, select
from izwi.errors import UserError


def table(database, files, speakers, truth=None):
    return pd.DataFrame(
        {
            "database": database,
            "file": files,
            "start": pd.to_timedelta([0] * len(files), unit="s"),
            "end": pd.to_timedelta([pd.NaT] * len(files)),
            "speaker": speakers,
            "digest": [f"digest of {file}" for file in files],
            "truth": pd.Series(truth or [None] * len(files), dtype="str"),
            "gender": "female",
        }
    )


def split_of(parts):
    return pd.DataFrame({"part": parts, "fold": 0, "dev_folds": ""})


TRAIN = table("a", ["1", "2"], ["x", "y"], ["u", "v"])
NEW = table("b", ["3", "4", "5"], ["x", "z", "z"])
PREDICTIONS = pd.DataFrame(
    {
        "row": [2, 3, 4] * 2,
        "run": [1, 1, 1, 2, 2, 2],
        "truth": pd.Series([None] * 6, dtype="str"),
        "prediction": ["u", "v", "u", "v", "v", "v"],
        "p_u": [1.0, 0.25, 0.5, 0.0, 0.0, 0.0],
        "p_v": [0.0, 0.75, 0.5, 1.0, 1.0, 1.0],
    }
)
PATHS = {"b": {"3": "/w/3", "4": "/w/sub/../4", "5": "/w/5"}}


def made(best_run=1, **limits):
    spec = {"target": "emotion", "task": "classification", **limits}
    return label(spec, PREDICTIONS, [TRAIN, NEW], PATHS, best_run)


def test_what_is_written():
    frame, report = made()
    assert frame.columns.tolist() == [
        *("file", "speaker", "emotion", "truth", "p_u", "p_v"),
        *("confidence", "entropy", "uncertainty", "database", "gender"),
    ]
    assert frame["file"].tolist() == ["/w/3", "/w/4", "/w/5"]
    assert frame["speaker"].tolist() == ["x", "z", "z"]
    assert frame["emotion"].tolist() == ["u", "v", "u"]
    assert frame["confidence"].tolist() == [1.0, 0.75, 0.5]
    np.testing.assert_allclose(frame["entropy"], [0, 0.5623351446, np.log(2)])
    np.testing.assert_allclose(frame["uncertainty"], [0, 0.8112781245, 1])
    assert report["counts"] == {"predicted": 3, "written": 3}
    assert made(best_run=2)[0]["emotion"].tolist() == ["v"] * 3


def test_selection():
    frame, report = made(min_confidence=0.75)
    assert frame["file"].tolist() == ["/w/3", "/w/4"]
    assert report["notes"] == ["[EXP] min_confidence: 1 of 3 rows are less sure, left out"]
    assert made(max_uncertainty=0.5)[0]["file"].tolist() == ["/w/3"]
    with pytest.raises(UserError, match=r"max_uncertainty: 0.1 leaves no row"):
        select(frame.iloc[1:], {"max_uncertainty": 0.1}, "[DATA] b.")
    with pytest.raises(UserError, match=r"\[DATA\] b.min_confidence: there is no column"):
        select(TRAIN, {"min_confidence": 0.1}, "[DATA] b.")


SEEN = lineage([TRAIN, NEW], split_of(["train", "dev", *["test"] * 3]), [2, 3, 4], ["A", "B"], [])
SOFT = table("soft", ["/w/3"], ["x"], ["u"])


def told(test, same_speakers=False, source="other", soft_part="train"):
    both = pd.concat([SOFT, test], ignore_index=True)
    return leaks(
        "soft",
        SEEN,
        both,
        split_of([soft_part, *["test"] * len(test)]),
        sources={"soft": "S", test["database"].iloc[0]: source},
        same_speakers=same_speakers,
    )


def test_lineage_holds_train_and_dev_and_what_is_labelled():
    rows = SEEN.sort_values(["role", "digest"])[["role", "source", "digest"]].to_numpy().tolist()
    assert rows == [
        *(["labelled", "B", f"digest of {file}"] for file in "345"),
        *(["seen", "A", f"digest of {file}"] for file in "12"),
    ]
    chain = lineage([SOFT], split_of(["train"]), [], ["S"], [SEEN])
    assert set(chain["digest"]) == {
        f"digest of {file}" for file in ("1", "2", "3", "4", "5", "/w/3")
    }
    assert set(chain["role"]) == {"seen"}


def test_files_and_speakers_that_teachers_have_seen():
    # Another database, by name and content: an id says nothing.
    assert told(table("c", ["8", "9"], ["x", "y"])) == []
    seen = "the teacher of these labels was trained on"
    by_name = told(table("a", ["8", "9"], ["y", "n"]))
    assert by_name == [f"[DATA] soft: leak: 1 of 2 speakers of the test set {seen}: y"]
    assert told(table("c", ["8", "9"], ["y", "n"]), source="A") == by_name
    assert told(table("c", ["8", "9"], ["y", "n"]), same_speakers=True) == by_name
    assert told(table("c", ["2", "9"], ["q", "n"])) == [
        f"[DATA] soft: leak: 1 of 2 rows of the test set are recordings that {seen}",
        f"[DATA] soft: leak: 1 of 2 speakers of the test set {seen}: q",
    ]
    assert told(table("b", ["8"], ["z"])) == [
        "[DATA] soft: leak: 1 of 1 speakers of the test set are in these labels, too: z"
    ]


def test_soft_labels_in_the_test_set():
    (line,) = told(table("c", ["8"], ["x"]), soft_part="test")
    assert line.startswith("[DATA] soft: 1 row of the test set has soft labels")
