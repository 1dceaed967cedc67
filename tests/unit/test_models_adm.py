"""Artefact detection modules and schedules of the step size, against numpy and plain torch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf, softmax

torch = pytest.importorskip("torch")

from izwi.errors import UserError  # noqa: E402
from izwi.models import load_model, model_class, schedules  # noqa: E402
from izwi.models.adm import FUSIONS, branches_of  # noqa: E402

NAMES = [
    *("wav2vec2_0", "stft_0_mean", "wav2vec2_1", "lfcc_0_std", "fbank_3_mean", "stft_1_mean"),
    *("sptk.stft_2_std", "F0semitoneFrom27.5Hz_sma3nz_amean", "wav2vec2_2"),
]
BRANCHES = {"time": [0, 2, 8], "spectral": [4, 7], "phase": [1, 5, 6], "lfcc": [3]}


def made_up(rows=60, classes=("fake", "real"), seed=0):
    rng = np.random.default_rng(seed)
    y = np.resize(classes, rows)
    X = rng.normal(size=(rows, len(NAMES))) + 1.5 * (y == classes[0])[:, None]
    return X, y


def fitted(options, classes=("fake", "real"), name="adm", rows=60, **given):
    X, y = made_up(rows, classes)
    model = model_class(name)({"epochs": 2, **options}, seed=3, labels=list(classes))
    model.features = NAMES
    model.report = model.fit(X, y, **given)
    return model, X


def test_branches_follow_from_names():
    assert branches_of(NAMES) == BRANCHES
    assert branches_of(["7", "mel_3_4", "mfcc_2_mean"]) == {"time": [0], "spectral": [1, 2]}


def normalised(x, gain, bias):
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * gain + bias


def scores_by_hand(weights, branch, x):
    """A branch as numpy has it: three layers, the second added to its input, then scores."""

    def layer(x, name):
        w = {key: weights[f"branches.{branch}.{name}.{key}"] for key in ("0.weight", "0.bias")}
        n = {key: weights[f"branches.{branch}.{name}.{key}"] for key in ("1.weight", "1.bias")}
        x = normalised(x @ w["0.weight"].T + w["0.bias"], n["1.weight"], n["1.bias"])
        return x * 0.5 * (1 + erf(x / np.sqrt(2)))

    x = layer(x, "first")
    x = layer(x + layer(x, "second"), "third")
    return (
        x @ weights[f"branches.{branch}.score.weight"].T + weights[f"branches.{branch}.score.bias"]
    )


@pytest.mark.parametrize(
    ("fusion", "classes"),
    [*((f, ("fake", "real")) for f in FUSIONS), ("gated", ("a", "b", "c"))],
)
def test_probabilities_by_hand(fusion, classes, tmp_path):
    options = {"adm.fusion": fusion, "adm.hidden_dim": 6, "adm.branches": ["time", "phase", "cqcc"]}
    model, X = fitted(options, classes)
    assert model.report["notes"][-1] == (
        "adm: branches time (3 features), phase (3 features); "
        "left out: spectral (2 features), lfcc (1 feature)"
    )
    weights = {name: w.double().numpy() for name, w in model.net.state_dict().items()}
    scores = np.stack(
        [scores_by_hand(weights, i, X[:, BRANCHES[b]]) for i, b in enumerate(("time", "phase"))]
    )
    flat = np.hstack(list(scores))
    if fusion == "weighted":
        out = np.tensordot(softmax(weights["weights"]), scores, 1)
    elif fusion == "concat":
        out = flat @ weights["join.weight"].T + weights["join.bias"]
    elif fusion == "gated":
        gates = 1 / (1 + np.exp(-(flat @ weights["gate.weight"].T + weights["gate.bias"])))
        out = np.sum(np.split(gates * flat, 2, axis=1), axis=0)
    else:
        out = scores.mean(axis=0) if fusion == "avg" else scores.max(axis=0)
    # The loss is binary, so that each class has a probability of its own.
    expected = 1 / (1 + np.exp(-out))
    expected /= expected.sum(axis=1, keepdims=True)
    ours = model.predict(X)
    np.testing.assert_allclose(ours.probabilities, expected, atol=1e-5)
    model.save(tmp_path)
    again = load_model(tmp_path).predict(X)
    np.testing.assert_array_equal(again.probabilities, ours.probabilities)


def test_adm_learns_and_the_threshold_moves_its_decisions():
    options = {"adm.hidden_dim": 16, "learning_rate": 0.01, "epochs": 8, "warmup_epochs": 1}
    model, X = fitted(options)
    _, y = made_up()
    ours = model.predict(X)
    assert (ours.decision == y).mean() > 0.9
    strict = fitted(options | {"threshold": 0.9})[0].predict(X)
    np.testing.assert_array_equal(strict.probabilities, ours.probabilities)
    expected = np.where(ours.probabilities[:, 1] > 0.9, "real", "fake")
    np.testing.assert_array_equal(strict.decision, expected)
    with pytest.raises(UserError, match="decides between two classes, there are 3"):
        fitted({"threshold": 0.9}, ("a", "b", "c"))
    with pytest.raises(UserError, match="no feature belongs to cqcc, there are features of time"):
        fitted({"adm.branches": ["cqcc"]})


@pytest.mark.parametrize("kind", ["step", "exponential"])
def test_step_sizes_are_those_of_torch(kind):
    weights = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = torch.optim.SGD(weights, lr=1.0)
    values = {"scheduler": kind, "scheduler.step_size": 3, "scheduler.gamma": None}
    of_step = schedules.factor(values, epochs=9, steps=4)
    plain = {
        "step": lambda: torch.optim.lr_scheduler.StepLR(optimizer, 3, gamma=0.5),
        "exponential": lambda: torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.95),
    }[kind]()
    for epoch in range(9):
        found = [of_step(4 * epoch + step) for step in range(4)]
        assert found == pytest.approx([optimizer.param_groups[0]["lr"]] * 4)
        optimizer.step()
        plain.step()


def test_cosine_rises_first_and_falls_to_nothing():
    values = {"scheduler": "cosine", "warmup_epochs": None}
    of_step = schedules.factor(values, epochs=20, steps=2)
    sizes = [of_step(step) for step in range(41)]
    np.testing.assert_allclose(sizes[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(sizes[10:], (1 + np.cos(np.pi * np.arange(31) / 30)) / 2)
    assert schedules.factor({"scheduler": "none", "warmup_epochs": 0}, 9, 2) is None
    rising = schedules.factor({"warmup_epochs": 2}, 9, 2)
    assert [rising(step) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_mlp_with_a_schedule_and_clipped_gradients_is_plain_torch():
    options = {"layers": [5], "scheduler": "exponential", "scheduler.gamma": 0.5, "epochs": 3}
    options |= {"learning_rate": 0.1, "optimizer": "sgd", "max_grad_norm": 0.2, "batch_size": 16}
    model, X = fitted(options, name="mlp")
    _, y = made_up()
    target = torch.as_tensor((y == "real").astype(int))
    x = torch.as_tensor(X, dtype=torch.float32)
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Linear(9, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    clipped = []
    for _ in range(3):
        for rows in torch.randperm(60).split(16):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[rows]), target[rows]).backward()
            clipped.append(float(torch.nn.utils.clip_grad_norm_(net.parameters(), 0.2)) > 0.2)
            optimizer.step()
        schedule.step()
    assert any(clipped)
    with torch.no_grad():
        expected = net(x).softmax(dim=1).numpy()
    np.testing.assert_allclose(model.predict(X).probabilities, expected, atol=1e-5)


def test_noise_changes_the_training_alone():
    runs = [
        fitted({"layers": [4], "feature_noise": noise}, name="mlp")[0] for noise in (0, 0.5, 0.5)
    ]
    X, _ = made_up()
    plain, noisy, again = (run.predict(X).probabilities for run in runs)
    assert np.array_equal(noisy, again) and not np.allclose(plain, noisy)
    np.testing.assert_array_equal(runs[1].predict(X).probabilities, noisy)


def test_options_of_both_are_those_that_are_told():
    own = {option.name for option in model_class("finetune").options}
    assert not own & {option.name for option in schedules.OPTIONS}
    wanted = {"scheduler": "cosine", "loss": "bce", "batch_size": 32, "drop": 0.2}
    found = {o.name: o.default for o in model_class("adm").options}
    assert {name: found[name] for name in wanted} == wanted
    assert not {"layers", "activation"} & set(found)
