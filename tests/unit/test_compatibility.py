"""What nkululeko does where an ini is silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from izwi.config import compatibility
from izwi.config.experiment import Experiment, resolve
from izwi.config.ini import read_ini
from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.errors import UserError
from izwi.splits import make_split


def experiment(folder: Path, model: str, exp: str = "", data: str = "", **how: Any) -> Experiment:
    (folder / "db.csv").write_text("file,speaker,emotion\n")
    text = f"[EXP]\n{exp}\n[DATA]\ndatabases = ['db']\ndb = db.csv\ntarget = emotion\n{data}\n"
    (folder / "x.ini").write_text(f"{text}[FEATS]\ntype = os\n[MODEL]\n{model}\n")
    return resolve("x.ini", cwd=folder, **how)


PEER = "compatibility = nkululeko"
# Model, an option of it, izwi's default, nkululeko's.
DEFAULTS = [
    ("svr", "C_val", 1.0, 0.001),
    ("svm", "C_val", 1.0, 1.0),
    ("mlp", "patience", 10, False),
    ("mlp_reg", "patience", 10, False),
    ("svm\ngamma = 0.01", "gamma", 0.01, "scale"),
    ("xgr\nn_estimators = 7", "n_estimators", 7, 100),
    ("xgb\nn_estimators = 7", "n_estimators", 7, 7),
    ("xgb\ncolsample_bytree = 0.5", "colsample_bytree", 0.5, 1.0),
    ("tree\nmax_depth = 3", "max_depth", 3, None),
    ("svr\nC = 5", "C_val", 5.0, 5.0),
    ("svr\nC_val = 5", "C_val", 5.0, 5.0),
    ("mlp\nlayers = [64, 16]", "layers", [64, 16], [16, 64]),
    ("mlp\nlayers = {'l1': 64, 'l2': 16}", "layers", {"l1": 64, "l2": 16}, [16, 64]),
    ("mlp\npatience = 3", "patience", 3, 3),
    ("mlp_reg", "scale_target", True, False),
    ("mlp_reg\nscale_target = True", "scale_target", True, True),
]


@pytest.mark.parametrize("model, option, own, peer", DEFAULTS)
def test_defaults_of_models(tmp_path, model, option, own, peer):
    model = f"type = {model}"
    found = experiment(tmp_path, model).model["options"][option]
    other = experiment(tmp_path, model, PEER)
    assert found == own and other.model["options"][option] == peer
    assert (own != peer) == any("compatibility" in n and option in n for n in other.notes)


def test_epochs_and_audio_that_cannot_be_used(tmp_path):
    found = experiment(tmp_path, "type = mlp", PEER)
    assert found.model["options"]["epochs"] == 1 and found.fail_threshold == 0.5
    found = experiment(tmp_path, "type = mlp", f"{PEER}\nepochs = 7")
    assert found.model["options"]["epochs"] == 7
    assert experiment(tmp_path, "type = svm").fail_threshold == 0.0


def test_speakers_are_drawn_where_no_strategy_is_stated(tmp_path):
    split = experiment(tmp_path, "type = svm", PEER).split
    assert split["databases"]["db"]["split_strategy"] == "speaker_split"
    split = experiment(tmp_path, "type = svm", PEER, "db.split_strategy = random").split
    assert split["databases"]["db"]["split_strategy"] == "random"
    split = experiment(tmp_path, "type = svm\nlogo = 3", PEER).split
    assert split["databases"]["db"]["split_strategy"] is None and split["logo"] == 3


def test_gaps_of_features_are_0(tmp_path):
    assert experiment(tmp_path, "type = svm", PEER).preprocessing["nan_strategy"] == "zero"
    assert "nan_strategy" not in experiment(tmp_path, "type = svm").preprocessing


@pytest.mark.parametrize(
    "feats, norm",
    [
        ("wav2vec2\nwav2vec2.layer = 2", True),
        ("wavlm-large\nlayer = 2", True),
        ("hubert-large-ll60k\nhubert.layer = 2\nfinal_norm = False", False),
        ("wav2vec2\nwav2vec2.layer = 0", False),
        ("wav2vec2", False),
    ],
)
def test_an_inner_layer_goes_through_the_last_norm(tmp_path, feats, norm):
    pytest.importorskip("transformers")
    ini = f"[EXP]\n{PEER}\n[FEATS]\ntype = {feats}\n[MODEL]\ntype = svm\n"
    (tmp_path / "x.ini").write_text(ini)
    found = read_ini(tmp_path / "x.ini")
    compatibility.apply(found)
    values = [v.text for key, v in found.sections["FEATS"].items() if key.endswith("final_norm")]
    assert ("True" in values) == norm


CELLS = [
    ("s0", "a1", "x"), ("s0", "a2", ""), ("s1", "b1", "x"), ("s1", "c", "x"),
    ("s2", "a1", "x"), ("s2", "b1", "y"), ("s3", "b1", ""), ("s3", "a2", "y"),
]  # fmt: skip


def split_of(folder: Path, data: str, exp: str = "", model: str = "svm") -> Any:
    rows = [f"{i}.wav,{','.join(cells)}" for i, cells in enumerate(CELLS)]
    for i in range(len(CELLS)):
        soundfile.write(folder / f"{i}.wav", np.full(800, i / 10), 8000)
    (folder / "db.csv").write_text("\n".join(["file,speaker,emotion,note", *rows]))
    (folder / "x.ini").write_text(
        f"[EXP]\n{exp}\n[DATA]\ndatabases = ['db']\ndb = db.csv\ntarget = emotion\n{data}\n"
        f"[FEATS]\ntype = os\n[MODEL]\ntype = {model}\n"
    )
    found = resolve("x.ini", cwd=folder)
    listing = scan(found.databases[0], cwd=folder, cache=folder, write=False)
    table, _ = load_table({**found.databases[0], **found.load}, listing)
    split, report = make_split(found.split, [table])
    split["emotion"] = table["truth"]
    return split, [*found.notes, *report["notes"]]


MAPPING = "db.mapping = {'a1, a2': 'a', 'b1': 'b'}\ndb.split_strategy = ['s2', 's3']\n"


def test_a_flat_mapping_drops_rows_with_a_gap_in_any_column(tmp_path):
    split, _ = split_of(tmp_path, MAPPING)
    assert len(split) == 7
    split, notes = split_of(tmp_path, MAPPING, PEER)
    assert sorted(split["file"]) == [f"{i}.wav" for i in (0, 2, 4, 5, 7)]
    assert any("required" in line for line in notes)
    nested = MAPPING.replace("{'a1", "{'emotion': {'a1").replace("'b'}", "'b', 'c': 'b'}}")
    assert len(split_of(tmp_path, nested, PEER)[0]) == 8


def test_a_filter_for_all_is_of_mapped_values_behind_the_split(tmp_path):
    data = MAPPING + "filter = [['emotion', ['a', 'b']], ['speaker', ['s0', 's1', 's2']]]"
    split, notes = split_of(
        tmp_path, data.replace("db.mapping", "db.required = emotion\ndb.mapping"), PEER
    )
    part = split.set_index("file")["part"]
    expected = ["train", "train", "train", "test", "test", "", ""]
    assert part.tolist() == expected and any("filter: 2 rows of 4 in test" in n for n in notes)
    # Without it the filter meets the values of the data.
    with pytest.raises(UserError, match=r"a1|leaves no row"):
        split_of(tmp_path, data)
    with pytest.raises(UserError, match="leaves no row of train, where 'emotion' has a, b"):
        split_of(tmp_path, MAPPING + "filter = [['emotion', ['a1']]]", PEER)
    with pytest.raises(UserError, match="no column 'nothing'"):
        split_of(tmp_path, MAPPING + "filter = [['nothing', ['a']]]", PEER)


@pytest.mark.parametrize(
    "limit, train, test",
    [
        ("limit_samples = 3", 3, 3),
        ("limit_samples_per_speaker = 1", 2, 2),
        ("limit_samples = 9", 3, 4),
    ],
)
def test_a_limit_for_all_is_of_each_part(tmp_path, limit, train, test):
    own = MAPPING.replace("db.mapping", "db.required = emotion\ndb.mapping")
    split, _ = split_of(tmp_path, own + limit, PEER)
    assert split["part"].value_counts().reindex(["train", "test"]).tolist() == [train, test]
    again, _ = split_of(tmp_path, own + limit, PEER)
    assert again["part"].tolist() == split["part"].tolist()
    if "speaker" in limit:
        assert split[split["part"] != ""].groupby("speaker").size().eq(1).all()
    # That of a database stays with its rows.
    split, _ = split_of(tmp_path, own + "db.limit_samples = 5", PEER)
    assert len(split) == 5
    folds = own.split("db.split")[0] + "filter = [['note', ['x', 'y']]]"
    split, _ = split_of(tmp_path, folds, PEER, "svm\nk_fold_cross = 2")
    assert (split["fold"] > 0).sum() == 5


def test_a_grid_may_vary_it(tmp_path):
    over = {"EXP.compatibility": "nkululeko"}
    assert experiment(tmp_path, "type = svr", overrides=over).model["options"]["C_val"] == 0.001
