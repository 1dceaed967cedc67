"""The page of samples: what it holds, what it leaves out, and that nothing in it is run."""

from __future__ import annotations

import os
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from page_example import EVIL, samples, unpacked
from test_page import Page

from izwi.reporting.page import markup
from izwi.reporting.spotlight import build


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return samples(tmp_path_factory.mktemp("samples"))


def column(content, name):
    (found,) = [one for one in content["columns"] if one["name"] == name]
    return found["values"]


def test_it_has_what_tables_predictions_and_features_say(made):
    content, frame, table = made["content"], made["frame"], made["table"][:60]
    names = [one["name"] for one in content["columns"]]
    assert names[:7] == [
        *("file", "speaker", "part", "emotion", "prediction", "right", "probability"),
    ]
    assert names[7:11] == ["age", "native", "text", "duration"]
    # The features asked for come first, and two components; what is izwi's own is not shown.
    assert names[11] == "component 1: %.0f %% of variance" % (100 * shares(made)[0])
    assert names[13:] == ["jitter", "F0", "age (feature)", EVIL]
    assert column(content, "speaker") == [f"s{i % 5}<i>" for i in range(60)]
    assert column(content, "emotion") == table["truth"].tolist()
    assert column(content, "age") == [None, *table["age"][1:].tolist()]
    assert column(content, "native") == ["yes", "no"] * 30
    assert column(content, "duration") == [0.5 + i for i in range(60)]
    assert column(content, "F0") == pytest.approx(made["features"]["F0"][:60], rel=1e-5)
    assert column(content, "prediction") == [*frame["prediction"], *[None] * 20]
    sure = frame[[name for name in frame if name.startswith("p_")]].max(axis=1)
    assert column(content, "probability")[:40] == pytest.approx(sure, rel=1e-5)
    right = (frame["truth"] == frame["prediction"]).map({True: "yes", False: "no"})
    assert column(content, "right") == [*right, *[None] * 20]
    assert "Predictions are those of the first of 2 runs." in content["notes"]


def shares(made):
    X = made["features"][:60].to_numpy()
    values = np.linalg.svd((X - X.mean(axis=0)) / X.std(axis=0), compute_uv=False) ** 2
    return values / values.sum()


def test_recordings_are_linked_from_where_the_page_lies(made):
    links = made["content"]["links"]
    base = made["page"].parent
    for link, file in zip(links[:40], made["frame"]["file"], strict=True):
        assert os.path.samefile(base / unquote(link), made["paths"][file])
    assert links[40:] == [None] * 20
    assert "The recordings of 20 samples were not found." in made["content"]["notes"]
    row = made["table"].loc[3].copy()
    row["start"], row["end"] = pd.Timedelta(seconds=0.25), pd.Timedelta(seconds=1.5)
    assert build._link(row, str(base), lambda *_: made["paths"][row["file"]]).endswith(
        "#t=0.25,1.5"
    )
    none = build.content(made["spec"], made["inputs"], str(base), None)
    assert none["links"] == [None] * 60 and not any("ecording" in line for line in none["notes"])


def test_what_it_leaves_out_is_told(made, monkeypatch):
    monkeypatch.setattr(build, "MOST_FEATURES", 2)
    spec = made["spec"] | {"most": 10}
    content = build.content(spec, made["inputs"], str(made["page"].parent), None)
    drawn = np.random.default_rng(3).choice(60, 10, replace=False)
    files = made["table"]["file"].tolist()
    assert column(content, "file") == [files[row] for row in sorted(drawn)]
    features = [one["name"] for one in content["columns"] if one["kind"] == "feature"]
    assert features[2:] == ["jitter", "F0"]
    assert content["notes"][0].startswith("10 of 60 samples, drawn at random (seed 3); 50 are left")
    assert "2 of 4 features; 2 are left out." in content["notes"][2]


def test_numbers_have_errors_and_data_alone_have_no_predictions(made, tmp_path):
    truth = np.arange(40.0)
    predicted = made["frame"].assign(truth=truth, prediction=truth + 0.5)
    predicted.to_parquet(tmp_path / "numbers.parquet")
    table = made["table"].assign(truth=np.arange(63.0))
    table.to_parquet(tmp_path / "table.parquet")
    inputs = made["inputs"] | {"predictions": str(tmp_path / "numbers.parquet")}
    inputs["tables"] = [str(tmp_path / "table.parquet")]
    spec = made["spec"] | {"task": "regression", "target": "age2"}
    found = build.content(spec, inputs, str(tmp_path), None)
    assert column(found, "error")[:41] == [*[0.5] * 40, None]
    bare = {name: path for name, path in inputs.items() if name not in ("predictions", "matrices")}
    found = build.content(spec, bare, str(tmp_path), None)
    assert {one["kind"] for one in found["columns"]} == {"text", "number"}
    assert "prediction" not in [one["name"] for one in found["columns"]]


def test_nothing_of_the_data_becomes_markup_or_tells_a_place(made):
    page = Page(made["text"])
    scripts = [a.get("type") for tag, a in page.elements if tag == "script"]
    assert sorted(scripts, key=str) == [None, "text/plain"]
    assert not [a for _, a in page.elements if any(key.startswith("on") for key in a)]
    assert "img" not in {tag for tag, _ in page.elements}
    (policy,) = [
        a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert markup.policy_hash(page.data[None]) in policy
    held = unpacked(page.data["data"])
    assert column(held, "text")[7] == EVIL and column(held, "text")[8] == "see …/8.txt"
    assert str(made["page"].parents[3]) not in made["text"]
    links = [a[key] for _, a in page.elements for key in ("src", "href") if key in a]
    assert links == ["data:,"]
    again = samples_again(made)
    assert again == made["text"]


def samples_again(made):
    base = str(made["page"].parent)
    content = build.content(made["spec"], made["inputs"], base, lambda _, f: made["paths"].get(f))
    from izwi.reporting.spotlight.write import document

    return document(content, f"first: {EVIL}", "60 samples")
