"""Fits of rows on the disk give what fits in memory do."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from izwi.config.options import own_options
from izwi.data.rows import Rows
from izwi.data.samples import read_samples
from izwi.files import write_json
from izwi.models import model_class
from izwi.preprocessing.pipeline import Preprocessing
from izwi.preprocessing.scalers import SCALERS
from izwi.reporting.texts import model_methods
from izwi.training import fit_predict, out_of_core

ROWS, FEATURES, SPEAKERS = 900, 11, 12


@pytest.fixture
def small_limit(monkeypatch):
    """Data of a unit test are large, and take many blocks."""
    monkeypatch.setattr(out_of_core, "LIMIT", 300)
    monkeypatch.setattr(out_of_core, "AT_ONCE", 4)
    monkeypatch.setattr("izwi.data.rows.BLOCK", 4 * FEATURES * 64)
    monkeypatch.setattr("izwi.data.rows.COLUMNS", 4 * 720 * 8)


def samples_in(folder, *, gaps=False, task="classification", sets=1):
    """Tables, paths of matrices and a split of made-up data, as files of the workflow."""
    random = np.random.default_rng(3)
    code = random.integers(3, size=ROWS)
    speaker = random.integers(SPEAKERS, size=ROWS)
    X = random.normal(size=(ROWS, FEATURES)) * np.linspace(0.5, 20, FEATURES) + code[:, None]
    X = X.astype(np.float32)
    if gaps:
        X[random.random(X.shape) < 0.05] = np.nan
    truth = np.array(["a", "b", "c"])[code] if task == "classification" else X[:, 0] * 0.7 + code
    if task == "regression":
        truth = np.nan_to_num(truth).astype(float)
    index = {
        "file": [f"{i}.wav" for i in range(ROWS)],
        "start": pd.to_timedelta([0] * ROWS),
        "end": pd.to_timedelta([None] * ROWS),
    }
    names = [f"x{i}" for i in range(FEATURES)]
    table = pd.DataFrame({**index, "truth": truth, "database": "made"})
    table["speaker"] = [f"s{i}" for i in speaker]
    cuts = np.linspace(0, FEATURES, sets + 1).astype(int)
    paths = []
    for number, (first, last) in enumerate(pairwise(cuts)):
        paths.append(str(folder / f"{number}.parquet"))
        own = pd.DataFrame(X[:, first:last], columns=names[first:last])
        frame = pd.concat([pd.DataFrame(index), own], axis=1)
        frame.to_parquet(paths[-1], index=False, row_group_size=200)
    part = np.where(speaker < 8, "train", np.where(speaker < 10, "dev", "test"))
    split = table[["database", "file", "start", "end", "speaker"]].assign(
        part=part, fold=0, dev_folds=""
    )
    return table, paths, split, X


def trained(folder, name, options, kind, *, scale="standard", balancing=None, **data):
    """Predictions and report of a model, from the disk or from memory."""
    task = "regression" if name in ("ridge", "lin_reg", "mlp_reg", "xgr") else "classification"
    table, paths, split, _ = samples_in(folder, task=task, **data)
    read = out_of_core.StoredMatrix if kind == "disk" else pd.read_parquet
    values = {option.name: option.default for option in own_options("models", name).values()}
    spec = {
        "task": task,
        "model": {"type": name, "options": values | options},
        "preprocessing": {"scale": scale, "features": None},
        "features": [],
        "runs": 1,
        "seed": 5,
        "measure": "mse" if task == "regression" else "uar",
        "save": False,
    }
    if balancing:
        spec |= {"balancing": balancing, "balancing_seed": 1}
    labels = None if task == "regression" else ["a", "b", "c"]
    place = folder / kind
    place.mkdir()
    matrices = [[read(path) for path in paths]]
    return fit_predict.train(spec, [table], matrices, split, labels, place)


def numbers(predictions):
    own = [name for name in predictions if name.startswith("p_")] or ["prediction"]
    return predictions[own].to_numpy(float)


@pytest.mark.parametrize(
    ("name", "options", "near"),
    [
        ("logreg", {}, 2e-3),
        ("logreg", {"class_weight": True, "C_val": 0.1}, 2e-3),
        ("linear_svm", {}, 2e-3),
        ("linear_svm", {"class_weight": True}, 2e-3),
        ("ridge", {"alpha": 3.0}, 1e-5),
        ("lin_reg", {}, 1e-5),
        ("mlp", {"epochs": 2, "batch_size": 16}, 1e-6),
        ("mlp_reg", {"epochs": 2, "batch_size": 16}, 1e-5),
        ("knn", {}, 1e-12),  # in memory, from rows on the disk
    ],
)
def test_models_predict_what_they_do_in_memory(name, options, near, small_limit, tmp_path):
    disk, said = trained(tmp_path, name, options, "disk")
    memory, _ = trained(tmp_path, name, options, "memory")
    np.testing.assert_allclose(numbers(disk), numbers(memory), rtol=near, atol=near)
    pd.testing.assert_frame_equal(disk[["row", "file", "truth"]], memory[["row", "file", "truth"]])
    assert said["runs"][0]["folds"][0].get("out_of_core", False) == (name != "knn")


def test_boosted_trees_of_one_block_are_those_in_memory(small_limit, monkeypatch, tmp_path):
    monkeypatch.setattr("izwi.data.rows.BLOCK", 2**20)
    options = {"n_estimators": 8, "class_weight": True, "early_stopping_rounds": 3}
    disk, said = trained(tmp_path, "xgb", options, "disk", gaps=True, scale="none")
    memory, also = trained(tmp_path, "xgb", options, "memory", gaps=True, scale="none")
    np.testing.assert_array_equal(numbers(disk), numbers(memory))
    assert said["runs"][0]["folds"][0]["trees"] == also["runs"][0]["folds"][0]["trees"]


def test_boosted_trees_of_many_blocks_are_about_those_in_memory(small_limit, tmp_path):
    disk, _ = trained(tmp_path, "xgr", {"n_estimators": 8}, "disk", sets=2)
    memory, _ = trained(tmp_path, "xgr", {"n_estimators": 8}, "memory", sets=2)
    assert np.corrcoef(numbers(disk)[:, 0], numbers(memory)[:, 0])[0, 1] > 0.98


@pytest.mark.parametrize(
    "scale",
    [*SCALERS],
)
def test_steps_are_those_fitted_in_memory(scale, small_limit, tmp_path):
    _, _, split, X = samples_in(tmp_path, gaps=True)
    X[:, 3] = np.nan
    names = [f"x{i}" for i in range(FEATURES)]
    rows = np.flatnonzero(split["part"] == "train")
    speakers = split["speaker"].to_numpy()[rows]
    values = Rows(tmp_path, X.shape, np.float32)
    values.write(0, X)
    spec = {
        "scale": scale,
        "impute": scale != "none",
        "features": [names[i] for i in (1, 2, 3, 5, 6, 8, 9, 10)],
    }
    memory = Preprocessing(spec).fit(X[rows], names)
    expected = memory.transform(X[rows], speakers, rows=rows)
    disk = Preprocessing(spec)
    out_of_core.fit_preprocessing(disk, values, rows, names)
    found = out_of_core.transformed(disk, values, rows, speakers)
    assert disk.features == memory.features == ["x1", "x2", "x5", "x6", "x8", "x9", "x10"]
    np.testing.assert_allclose(found[:], expected, rtol=1e-5, atol=1e-6)
    assert disk.report == memory.report
    memory.save(tmp_path / "a")
    disk.save(tmp_path / "b")
    again = Preprocessing.load(tmp_path / "b").transform(X[rows], speakers)
    kept = Preprocessing.load(tmp_path / "a").transform(X[rows], speakers)
    np.testing.assert_allclose(again, kept, rtol=1e-9, atol=1e-9)


def test_rows_are_those_that_were_written(small_limit, tmp_path):
    X = np.random.default_rng(0).normal(size=(500, 7))
    rows = Rows(tmp_path, X.shape, np.float64)
    rows.write(0, X)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]
    order = np.random.default_rng(1).permutation(500)
    np.testing.assert_array_equal(rows[order], X[order])
    np.testing.assert_array_equal(rows[100:400], X[100:400])
    np.testing.assert_array_equal(rows[order > 250], X[order > 250])
    np.testing.assert_array_equal(np.vstack([b for _, b in rows.blocks(order)]), X[order])
    np.testing.assert_array_equal(rows.taken(np.array([3, 3, 1]))[:], X[[3, 3, 1]])
    with pytest.raises(IndexError):
        rows[[500]]


def test_small_data_and_copies_stay_in_memory(tmp_path, monkeypatch):
    table, paths, *_ = samples_in(tmp_path)
    assert not out_of_core.is_large(len(table), paths, None)
    monkeypatch.setattr(out_of_core, "LIMIT", 300)
    assert out_of_core.is_large(len(table), paths, None)
    assert not out_of_core.is_large(len(table), paths, ["copies.parquet"])
    text = pd.read_parquet(paths[0]).assign(x0="?")
    text.to_parquet(paths[0], index=False)
    assert not out_of_core.is_large(len(table), paths, None)


def test_machines_of_many_rows_are_told_what_they_take():
    svm, svr = model_class("svm"), model_class("svr")
    assert svm.slow(50_000, 88) is None and model_class("xgb").slow(10**6, 88) is None
    minutes = int(re.search(r"some (\d+) minutes", svr.slow(60_000, 100))[1])
    # 6 ns for each pair of rows and each root of a feature.
    assert minutes == round(60_000**2 * 10 * 6e-9 / 60)
    hours = int(re.search(r"some (\d+) hours", svm.slow(1_000_000, 100))[1])
    machines = 1 + 3 * (2 / 3) ** 2 + 2 * (1 / 2) ** 2
    assert hours == round(1e12 * 10 * 6e-9 * machines / 3600)


def test_the_methods_tell_how_rows_were_read():
    training = {"runs": [{"folds": [{"fold": 1, "out_of_core": True}, {"fold": 2}]}]}
    (said,) = model_methods._out_of_core("ridge", training)
    assert "from the disk in the larger folds in single precision" in said
    assert model_methods._out_of_core("ridge", {"runs": [{"folds": [{"fold": 0}]}]}) == []


def test_large_matrices_of_files_stay_on_the_disk(small_limit, tmp_path):
    table, paths, split, X = samples_in(tmp_path, sets=2)
    lost = pd.read_parquet(paths[1])
    lost.attrs["excluded"] = [[7, "it is silent"]]
    lost.to_parquet(paths[1], index=False)
    inputs = {"tables": [str(tmp_path / "table")], "matrices": paths}
    inputs |= {name: str(tmp_path / name) for name in ("split", "split_report")}
    table.to_parquet(inputs["tables"][0], index=False)
    split.to_parquet(inputs["split"], index=False)
    write_json(inputs["split_report"], {"labels": ["a", "b", "c"], "spec": {"labels": None}})
    assert isinstance(read_samples(inputs)[1][0][0], pd.DataFrame)
    found = read_samples(inputs, on_disk=True)
    samples = fit_predict.prepare(*found)[1]
    assert isinstance(samples.values, Rows) and samples.names == [f"x{i}" for i in range(FEATURES)]
    np.testing.assert_array_equal(samples.values[:], X)
    assert samples.split["part"][7] == "" and (samples.split["part"][:7] != "").all()
