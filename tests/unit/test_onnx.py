"""Exported models, run by onnxruntime, predict what izwi predicts."""

from __future__ import annotations

import json

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed: make onnx")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: make onnx")

from izwi.cli import main  # noqa: E402
from izwi.config.experiment import resolve  # noqa: E402
from izwi.errors import UserError  # noqa: E402
from izwi.models import MODELS, model_class  # noqa: E402
from izwi.onnx_export import writing  # noqa: E402
from izwi.onnx_export.models import CONVERTERS, convert  # noqa: E402
from izwi.preprocessing.pipeline import Preprocessing  # noqa: E402
from izwi.preprocessing.scalers import SCALERS  # noqa: E402
from izwi.training.fitting import Fitted  # noqa: E402

LABELS = ["sad", "calm", "angry", "never"]
NAMES = ["wav2vec2_0", "stft_1_mean", "lfcc_0_std", "f0", *(f"x{i}" for i in range(8))]
OPTIONS = {
    "mlp": {"layers": [9, 5], "activation": "gelu", "learning_rate": 0.01, "drop": 0.1},
    "mlp_reg": {"layers": [9], "activation": "leaky_relu", "learning_rate": 0.01},
    "adm": {"adm.hidden_dim": 8, "adm.fusion": "gated"},
    "rf": {"n_estimators": 7},
    "rf_reg": {"n_estimators": 7},
    "hgb": {"n_estimators": 5, "min_samples_leaf": 3},
    "hgb_reg": {"n_estimators": 5, "min_samples_leaf": 3},
    "xgb": {"n_estimators": 8},
    "xgr": {"n_estimators": 8},
    "vote": {"vote.models": ["svm", "knn", "logreg"], "vote.weights": [2, 1, 1]},
    "vote_reg": {"vote.models": ["svr", "tree_reg"]},
}
CASES = [
    *((name, {}) for name in CONVERTERS),
    *(("svm", {"kernel": kernel, "gamma": 0.1}) for kernel in ("linear", "poly", "sigmoid")),
    *((name, {"KNN_weights": "distance"}) for name in ("knn", "knn_reg")),
    *(("gmm", {"GMM_covariance_type": kind}) for kind in ("tied", "diag", "spherical")),
    *(("adm", {"adm.fusion": f}) for f in ("weighted", "avg", "max", "concat")),
    ("adm", {"loss": "cross"}),
    ("mlp", {"loss": "bce", "activation": "tanh"}),
    ("mlp", {"activation": "sigmoid"}),
]


def made_up(rows, classes, seed=0):
    """Correlated features of unlike size, with gaps."""
    rng = np.random.default_rng(seed)
    y = np.resize(LABELS[:classes], rows)
    codes = np.resize(np.arange(classes), rows)
    X = rng.normal(size=(rows, len(NAMES)))
    X = (X + 0.5 * X[:, ::-1] + codes[:, None] * 0.5) * 10.0 ** np.resize(range(-2, 3), len(NAMES))
    X[rng.random(X.shape) < 0.03] = np.nan
    return X, y, codes + rng.normal(size=rows)


def fitted(name, options, classes=3, scale="standard", chosen=None, rows=90):
    X, y, numbers = made_up(rows, classes)
    cls = model_class(name)
    steps = {"scale": scale, "features": chosen, "impute": not cls.handles_nan}
    preprocessing = Preprocessing(steps).fit(X, NAMES)
    labels = (LABELS if classes == 3 else LABELS[:2]) if cls.task == "classification" else None
    values = {"epochs": 2, **OPTIONS.get(name, {}), **options}
    model = cls(values, seed=1, labels=labels)
    model.features = preprocessing.features
    groups = np.resize([f"s{i}" for i in range(6)], rows)
    history = model.fit(
        preprocessing.transform(X), y if labels else numbers, groups=np.sort(groups)
    )
    return Fitted(preprocessing, model, history, NAMES)


def compare(own, classes=3, about=None):
    """The largest difference of what both predict on new samples."""
    X = made_up(80, classes, seed=7)[0]
    ours = own.decide(own.preprocessing.transform(X))
    made = convert(own, about or {})
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"features": X})
    if own.model.task == "regression":
        np.testing.assert_allclose(found[0], ours.decision, rtol=1e-5, atol=1e-5)
        return session
    np.testing.assert_allclose(found[1], ours.probabilities, atol=1e-5)
    np.testing.assert_array_equal(found[0], ours.decision)
    return session


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_same_is_predicted(name, options):
    compare(fitted(name, options))


@pytest.mark.parametrize(
    "name", [n for n in CONVERTERS if model_class(n).task == "classification" and n != "vote"]
)
def test_two_classes(name):
    options = {"threshold": 0.6} if name == "adm" else {}
    compare(fitted(name, options, classes=2), classes=2)


@pytest.mark.parametrize("scale", [s for s in SCALERS if s not in ("speaker", "standard")])
def test_each_scaler_is_exported_or_refused(scale):
    own = fitted("logreg", {"C_val": 0.1}, scale=scale)
    if scale == "quantiletransformer":
        with pytest.raises(UserError, match="quantiletransformer cannot be exported as ONNX"):
            convert(own, {})
    else:
        compare(own)
        compare(fitted("hgb", {}, scale=scale))


def test_chosen_features_temperature_and_metadata():
    own = fitted("xgb", {}, chosen=["x3", "f0", "x1"])
    own.temperature = 1.7
    session = compare(own, about={"experiment": "mine", "sampling": [1, 2]})
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["features"]) == NAMES and json.loads(told["labels"]) == LABELS
    assert (told["experiment"], told["sampling"]) == ("mine", "[1, 2]")
    assert json.loads(told["model"])["type"] == "xgb"
    assert session.get_inputs()[0].shape == ["samples", len(NAMES)]
    assert [out.name for out in session.get_outputs()] == ["label", "probabilities"]


def test_what_cannot_be_exported_is_told():
    left = set(MODELS) - set(CONVERTERS)
    assert left == {"cnn", "cnn_reg", "finetune", "finetune_reg", "majority", "mean"}
    with pytest.raises(UserError, match="a model of the type majority cannot be exported as ONNX"):
        convert(fitted("majority", {}), {})


@pytest.fixture
def results(tmp_path, monkeypatch):
    """The results of an experiment, as far as its model goes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/models/knn-0123456789ab/model"
    fitted("knn", {}).save(folder / "run2")
    kept = {"folds": 0, "best_run": 2, "features": NAMES, "task": "classification"}
    (folder / "model.json").write_text(json.dumps(kept | {"feature_sets": [{"type": "os"}]}))
    record = {"model": {"type": "knn"}, "stages": {"train": {"files": {"model": str(folder)}}}}
    place = tmp_path / "results/experiments/mine"
    place.mkdir(parents=True)
    (place / "experiment.json").write_text(json.dumps(record))
    return folder


def test_the_command_writes_the_best_run(results, capsys):
    assert main(["export", "mine", "--output", "x.onnx"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("x.onnx  ") and "64 random samples it differs from the model by" in err
    session = runtime.InferenceSession("x.onnx", providers=["CPUExecutionProvider"])
    told = session.get_modelmeta().custom_metadata_map
    assert told["experiment"] == "mine" and json.loads(told["feature_sets"]) == [{"type": "os"}]
    X = made_up(80, 3, seed=7)[0]
    own = Fitted.load(results / "run2", NAMES)
    ours = own.decide(own.preprocessing.transform(X))
    np.testing.assert_array_equal(session.run(["label"], {"features": X})[0], ours.decision)


def test_what_the_command_cannot_do_is_one_line(results, capsys, monkeypatch):
    kept = json.loads((results / "model.json").read_text())
    (results / "model.json").write_text(json.dumps(kept | {"folds": 5}))
    assert main(["export", "mine"]) == 1
    assert "there is no single model, but one for each fold" in capsys.readouterr().err
    monkeypatch.setattr("izwi.onnx_export.support.util.find_spec", lambda name: None)
    assert main(["export", "mine"]) == 1
    assert "needs onnx and onnxruntime, which are not installed" in capsys.readouterr().err


def test_a_graph_that_differs_is_not_written():
    own = fitted("ridge", {})
    made = convert(own, {})
    own.model.estimator.coef_[0] += 1
    with pytest.raises(UserError, match="the graph of ridge differs from the model by"):
        writing.compared(own, made, made_up(9, 3)[0])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ""),
        ({"MODEL type": "majority"}, "a model of the type majority cannot be exported as ONNX"),
        ({"FEATS scale": "speaker"}, "[FEATS] scale: speaker cannot be exported as ONNX: it"),
        ({"MODEL logo": "3"}, "there is no single model with logo, k_fold_cross or submodel"),
    ],
)
def test_what_cannot_be_exported_is_told_before_anything_runs(changed, told, tmp_path):
    ini = {"DATA databases": "['demo']", "DATA demo.type": "demo", "DATA target": "emotion"}
    ini |= {"FEATS type": "os", "MODEL type": "svm", "MODEL onnx": "True"} | changed
    lines: dict[str, list[str]] = {}
    for key, value in ini.items():
        section, name = key.split()
        lines.setdefault(section, [f"[{section}]"]).append(f"{name} = {value}")
    (tmp_path / "x.ini").write_text("\n".join(line for part in lines.values() for line in part))
    if not told:
        assert resolve("x.ini", cwd=tmp_path).onnx
        return
    with pytest.raises(UserError) as error:
        resolve("x.ini", cwd=tmp_path)
    assert any(told in problem for problem in error.value.problems)
