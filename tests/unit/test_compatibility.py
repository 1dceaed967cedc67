"""What nkululeko does where an ini is silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from izwi.config.experiment import Experiment, resolve


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


def test_a_grid_may_vary_it(tmp_path):
    over = {"EXP.compatibility": "nkululeko"}
    assert experiment(tmp_path, "type = svr", overrides=over).model["options"]["C_val"] == 0.001
