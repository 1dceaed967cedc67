"""Temperature scaling and what is certain enough, against scipy and calculation by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit, softmax
from scipy.stats import t
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss
from test_tuning import made_up, spec_of

from izwi import models
from izwi.errors import UserError
from izwi.evaluation import scoring
from izwi.models import temperature
from izwi.training import runs
from izwi.training.fitting import Fitted

LABELS = ["a", "b", "c"]


def boasting(n=400, seed=0, factor=3.0):
    """Logits from which the truth is drawn, exaggerated."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 3))
    truth = np.array([rng.choice(3, p=p) for p in softmax(logits, axis=1)])
    return factor * logits, truth


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_has_the_least_loss(factor):
    logits, truth = boasting(factor=factor)

    def loss(parameters):
        return log_loss(truth, softmax(logits / parameters[0], axis=1))

    best = minimize(loss, [1.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-13})
    found = temperature.fit(softmax(logits, axis=1), truth)
    assert found == pytest.approx(best.x[0], rel=1e-4)
    assert found == pytest.approx(factor, rel=0.25)
    np.testing.assert_allclose(
        temperature.scale(softmax(logits, axis=1), found), softmax(logits / found, axis=1)
    )


def test_limits_and_zeros():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]] * 3)
    assert temperature.fit(sure, np.array([0, 1] * 3)) < 1.1
    wrong = temperature.fit(sure, np.array([1, 0] * 3))
    assert wrong == pytest.approx(temperature.HIGHEST, rel=1e-3)
    assert np.isfinite(temperature.scale(sure, wrong)).all()


def trained(tmp_path, part, kind="bayes", **more):
    samples, y, _ = made_up(6, seed=3)
    speaker = samples.split["speaker"]
    samples.split["part"] = speaker.map(lambda name: part.get(name, "train"))
    from izwi import splits

    spec = {key: value for key, value in spec_of(kind, {}, **more).items() if key != "tune"}
    folds = list(splits.folds(samples.split))
    return (samples, y, folds), runs.train_folds(spec, samples, {0: y}, folds, LABELS, tmp_path)


def test_scaled_on_dev_alone(tmp_path):
    parts = {"db/0": "test", "db/1": "test", "db/2": "dev"}
    (samples, y, folds), (plain, _) = trained(tmp_path / "plain", parts)
    _, (scaled, report) = trained(tmp_path / "scaled", parts, calibrate="temperature")
    assert scaled["prediction"].tolist() == plain["prediction"].tolist()
    p, raw = ([f"{kind}_{label}" for label in LABELS] for kind in ("p", "raw"))
    np.testing.assert_array_equal(scaled[raw], plain[p])
    # The temperature by the saved model, on dev.
    from izwi.preprocessing.pipeline import Preprocessing

    _, _, dev, test = folds[0]
    folder = tmp_path / "scaled" / "run1"
    fitted = Fitted(
        Preprocessing.load(folder / "preprocessing"),
        models.load_model(folder / "model"),
        {},
        samples.names,
    )
    of_dev = fitted.predict(samples, dev).probabilities
    truth = np.searchsorted(LABELS, y[dev].astype(str))

    def loss(parameters):
        logits = np.log(np.maximum(of_dev, 1e-12))
        return log_loss(truth, softmax(logits / parameters[0], axis=1), labels=[0, 1, 2])

    found = minimize(loss, [1.0], method="Nelder-Mead", options={"xatol": 1e-8}).x[0]
    (told,) = report["runs"][0]["folds"]
    assert told["temperature"] == pytest.approx(found, rel=1e-4) and abs(found - 1) > 0.05
    expected = softmax(np.log(np.maximum(plain[p], 1e-12)) / found, axis=1)
    np.testing.assert_allclose(scaled[p], expected, atol=1e-4)

    def figures(predictions, report):
        spec = {"task": "classification", "measure": "uar", "labels": LABELS, "seed": 1}
        return scoring.evaluate(spec, predictions, training=report, split={}, tables=[])

    metrics, before = figures(scaled, report), figures(plain, report)
    assert metrics["value"] == before["value"] and metrics["confusion"] == before["confusion"]
    assert metrics["calibration"]["before"] == before["calibration"]
    assert metrics["calibration"]["ece"] != before["calibration"]["ece"]
    assert metrics["calibration"]["temperatures"] == [
        {"run": 1, "fold": 0, "temperature": told["temperature"]}
    ]
    assert "before" not in before["calibration"] and len(test) == len(scaled)


def test_without_dev_it_says_so(tmp_path):
    with pytest.raises(UserError, match=r"\[MODEL\] calibrate: temperature is fitted on a dev set"):
        trained(tmp_path, {"db/0": "test"}, calibrate="temperature")


def test_dev_that_decides_nothing_is_told(tmp_path):
    parts = {"db/0": "test", "db/2": "dev"}
    # A tree is sure of all that it has learnt by heart, and wrong about some of dev.
    _, (_, report) = trained(tmp_path, parts, kind="tree", calibrate="temperature")
    assert any("dev samples no chance to be what they are" in line for line in report["warnings"])
    (told,) = report["runs"][0]["folds"]
    at_limit = told["temperature"] > 0.99 * temperature.HIGHEST
    assert at_limit == any("at its limit" in line for line in report["warnings"])


def test_a_class_that_training_lacks_stays_impossible():
    p = np.array([[0.7, 0.3, 0.0]])
    made = models.base.Prediction(np.array(["a"]), p).at_temperature(2.0, [0, 1])
    expected = np.sqrt([0.7, 0.3]) / np.sqrt([0.7, 0.3]).sum()
    np.testing.assert_allclose(made.probabilities, [[*expected, 0.0]])
    assert made.uncalibrated is p


def predictions(p, truth, run=1):
    p = np.asarray(p, dtype=float)
    n = len(p)
    return pd.DataFrame(
        {
            "row": range(n),
            "database": "db",
            "file": [f"{i}.wav" for i in range(n)],
            "speaker": [f"db/{i % 4}" for i in range(n)],
            "fold": 0,
            "run": run,
            "truth": [LABELS[i] for i in truth],
            "prediction": [LABELS[i] for i in p.argmax(axis=1)],
            **{f"p_{label}": p[:, i] for i, label in enumerate(LABELS)},
        }
    )


def test_what_is_certain_enough():
    logits, truth = boasting(200, factor=2.0)
    p = softmax(logits, axis=1)
    spec = {"task": "classification", "measure": "uar", "labels": LABELS, "seed": 1}
    report = {"runs": []}

    def figures(frame, **more):
        return scoring.evaluate(spec | more, frame, training=report, split={}, tables=[])

    whole = figures(predictions(p, truth))
    found = figures(predictions(p, truth), uncertainty_threshold=0.4)
    certain = found.pop("certain")
    # The headline and all else stay what they are.
    assert found == whole
    left = -(p * np.log(p)).sum(axis=1) / np.log(3) < 0.4
    assert certain["n_evaluated"] == left.sum() and certain["share"] == left.mean()
    assert 0.1 < left.mean() < 0.9
    decided = p.argmax(axis=1)
    assert certain["value"] == pytest.approx(balanced_accuracy_score(truth[left], decided[left]))
    counts = confusion_matrix(truth[left], decided[left], labels=[0, 1, 2])
    assert certain["confusion"]["counts"] == counts.tolist()
    low, high = certain["intervals"]["uar"]
    assert low < certain["value"] < high
    # Of several runs the mean; each keeps other rows.
    other, _ = boasting(200, seed=5)
    both = pd.concat([predictions(p, truth), predictions(softmax(other, axis=1), truth, run=2)])
    assert figures(both, uncertainty_threshold=0.4)["certain"]["runs"] == 2
    none = figures(predictions(p, truth), uncertainty_threshold=0.0)["certain"]
    assert (none["n_evaluated"], none["value"], none["confusion"]) == (0, None, None)


def test_intervals_of_recalls():
    logits, truth = boasting(300)
    frame = predictions(softmax(logits, axis=1), truth)
    spec = {"task": "classification", "measure": "uar", "labels": LABELS, "seed": 1}
    metrics = scoring.evaluate(spec, frame, training={"runs": []}, split={}, tables=[])
    own = frame[frame["truth"] == "b"]
    right = (own["prediction"] == "b").to_numpy()
    # The jackknife over four speakers on the logit scale, by hand.
    speakers = own["speaker"].to_numpy()
    names = sorted(set(speakers))
    without = logit([right[speakers != name].mean() for name in names])
    error = np.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())
    shares = np.array([(speakers == name).mean() for name in names])
    half = t.ppf(0.975, 1 / (shares**2).sum() - 1) * error
    expected = expit(logit(right.mean()) + np.array([-half, half])).tolist()
    assert metrics["per_class"]["b"]["recall_ci"] == pytest.approx(expected)
