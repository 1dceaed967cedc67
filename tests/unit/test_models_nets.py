"""The perceptrons against a training loop in plain torch, on real speech."""

from __future__ import annotations

import copy
import math
import sys
from importlib import util

import audmetric
import numpy as np
import pytest
from real_features import train_and_test
from sklearn.metrics import f1_score, recall_score

from izwi.errors import UserError
from izwi.models import mlp, model_class
from izwi.models.nets import layer_sizes

torch = pytest.importorskip("torch")
losses = pytest.importorskip("izwi.models.losses")

LABELS = ["sadness", "neutral", "anger", "boredom", "disgust", "fear", "happiness"]


@pytest.fixture
def parts(emodb):
    """Standardised features of train and test; the test part serves as dev as well."""
    train, test = train_and_test(emodb)
    mean, deviation = train.X.mean(axis=0), train.X.std(axis=0)
    return (
        train._replace(X=(train.X - mean) / deviation),
        test._replace(X=(test.X - mean) / deviation),
    )


def fitted(name, train, dev=None, seed=0, labels=LABELS, **options):
    cls = model_class(name)
    classify = name == "mlp"
    model = cls(options, seed=seed, labels=labels if classify else None)
    if dev is not None:
        dev = (dev.X, dev.emotion if classify else dev.age)
    y = train.emotion if classify else train.age
    model.report = model.fit(train.X, y, groups=train.speaker, dev=dev)
    return model


def plain_training(X, target, net, loss_of, optimizer, epochs, batch_size, after=None):
    """A usual loop; yields the mean loss of each epoch."""
    X = torch.as_tensor(X, dtype=torch.float32)
    for _ in range(epochs):
        net.train()
        order = torch.randperm(len(X))
        losses = []
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            loss = loss_of(net(X[rows]), target[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses += [loss.item()] * len(rows)
        yield np.mean(losses)


def test_mlp_is_plain_torch(parts):
    train, test = parts
    model = fitted(
        "mlp",
        train,
        seed=11,
        layers={"l2": 8, "l1": 32},
        drop=[0.3],
        activation="tanh",
        learning_rate=0.01,
        optimizer="adam",
        batch_size=16,
        epochs=4,
        class_weight=True,
    )
    torch.manual_seed(11)
    net = torch.nn.Sequential(
        torch.nn.Linear(88, 32),
        torch.nn.Tanh(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(32, 8),
        torch.nn.Tanh(),
        torch.nn.Linear(8, 7),
    )
    classes, codes = np.unique(train.emotion, return_inverse=True)
    weight = torch.tensor(len(codes) / (7 * np.bincount(codes)), dtype=torch.float32)
    losses = list(
        plain_training(
            train.X,
            torch.as_tensor(codes),
            net,
            torch.nn.CrossEntropyLoss(weight),
            torch.optim.Adam(net.parameters(), lr=0.01),
            4,
            16,
        )
    )
    np.testing.assert_allclose(
        [epoch["train_loss"] for epoch in model.report["epochs"]], losses, rtol=1e-4
    )
    net.eval()
    with torch.no_grad():
        expected = net(torch.as_tensor(test.X, dtype=torch.float32)).softmax(dim=1).numpy()
    ours = model.predict(test.X)
    order = [classes.tolist().index(label) for label in LABELS]
    np.testing.assert_allclose(ours.probabilities, expected[:, order], atol=1e-4)
    np.testing.assert_array_equal(ours.decision, classes[expected.argmax(axis=1)])
    np.testing.assert_allclose(ours.probabilities.sum(axis=1), 1, rtol=1e-12)


def test_mlp_reg_is_plain_torch_on_a_standardised_target(parts):
    train, test = parts
    model = fitted("mlp_reg", train, seed=12, layers=[16], epochs=5, learning_rate=0.003)
    torch.manual_seed(12)
    net = torch.nn.Sequential(torch.nn.Linear(88, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    mean, deviation = train.age.mean(), train.age.std()
    target = torch.as_tensor((train.age - mean) / deviation, dtype=torch.float32)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.003, weight_decay=0.01)
    for _ in plain_training(
        train.X,
        target,
        net,
        lambda output, truth: torch.nn.functional.mse_loss(output[:, 0], truth),
        optimizer,
        5,
        8,
    ):
        pass
    with torch.no_grad():
        output = net(torch.as_tensor(test.X, dtype=torch.float32))[:, 0].double().numpy()
    np.testing.assert_allclose(model.predict(test.X).decision, output * deviation + mean, rtol=1e-4)


def test_mlp_reg_may_learn_the_target_as_it_is(parts):
    train, _ = parts
    options = {"layers": [4], "epochs": 1, "learning_rate": 0.0, "scale_target": False}
    model = fitted("mlp_reg", train, seed=5, **options)
    output = model.predict(train.X).decision
    # Nothing moved, so that the loss is that of the first outputs, in years.
    loss = model.report["epochs"][0]["train_loss"]
    assert loss == pytest.approx(np.mean((output - train.age) ** 2), rel=1e-5) and loss > 100
    scaled = fitted("mlp_reg", train, seed=5, **(options | {"scale_target": True}))
    expected = output * train.age.std() + train.age.mean()
    np.testing.assert_allclose(scaled.predict(train.X).decision, expected, rtol=1e-5)


def test_sgd_has_momentum_and_no_decay(parts):
    train, _ = parts
    options = {"layers": [8], "epochs": 2, "optimizer": "sgd", "learning_rate": 0.01}
    model = fitted("mlp", train, seed=13, momentum=0.5, **options)
    torch.manual_seed(13)
    net = torch.nn.Sequential(torch.nn.Linear(88, 8), torch.nn.ReLU(), torch.nn.Linear(8, 7))
    codes = np.unique(train.emotion, return_inverse=True)[1]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
    loss_of = torch.nn.CrossEntropyLoss()
    list(plain_training(train.X, torch.as_tensor(codes), net, loss_of, optimizer, 2, 8))
    for ours, plain in zip(model.net.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "mlp_reg"])
def test_weights_are_the_same_bit_by_bit(parts, name):
    train, test = parts
    options = {"epochs": 4, "drop": 0.2}
    first = fitted(name, train, test, seed=1, **options)
    threads = torch.get_num_threads()
    torch.manual_seed(99)
    state = torch.get_rng_state()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        again = fitted(name, train, test, seed=1, **options)
        assert torch.equal(torch.get_rng_state(), state)  # nobody else's numbers are touched
        assert torch.get_num_threads() == (1 if threads > 1 else 2)
    finally:
        torch.set_num_threads(threads)
    assert not torch.are_deterministic_algorithms_enabled()
    assert first.report == again.report
    for one, other in zip(first.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(one, other)
    other = fitted(name, train, test, seed=2, **options)
    assert not torch.equal(first.net[0].weight, other.net[0].weight)


def test_the_epoch_that_is_best_on_dev_is_kept(parts):
    train, dev = parts
    options = {"learning_rate": 0.01, "layers": [32], "drop": 0.3}
    model = fitted("mlp", train, dev, epochs=25, patience=0, **options)
    report = model.report
    assert report["measure"] == "uar"
    assert len(report["epochs"]) == 25
    scores = [(epoch["dev_measure"], -epoch["dev_loss"]) for epoch in report["epochs"]]
    best = report["best_epoch"]
    assert scores[best - 1] == max(scores)
    assert best < 25  # else the test tells nothing
    decision = model.predict(dev.X).decision
    uar = recall_score(dev.emotion, decision, average="macro")
    assert uar == pytest.approx(scores[best - 1][0])
    # Dev is predicted without dropout and changes nothing in what is learnt: training that ends
    # there without dev gives the same weights.
    short = fitted("mlp", train, epochs=best, **options)
    assert torch.equal(short.net[0].weight, model.net[0].weight)


def test_of_equal_measures_the_smaller_loss_is_better(parts):
    # Steps this small change the loss, but no decision.
    report = fitted("mlp", *parts, epochs=4, patience=0, learning_rate=1e-6).report
    losses = [epoch["dev_loss"] for epoch in report["epochs"]]
    assert len({epoch["dev_measure"] for epoch in report["epochs"]}) == 1
    assert losses[0] > min(losses)
    assert report["best_epoch"] == np.argmin(losses) + 1


def test_of_equal_epochs_the_first_is_kept(parts):
    # A step this small changes no weight.
    report = fitted("mlp", *parts, epochs=9, patience=3, learning_rate=1e-30).report
    assert len({epoch["dev_loss"] for epoch in report["epochs"]}) == 1
    assert (report["best_epoch"], len(report["epochs"])) == (1, 4)


def test_patience(parts):
    train, dev = parts
    options = {"learning_rate": 0.01, "layers": [32], "epochs": 60}
    model = fitted("mlp", train, dev, patience=4, **options)
    report = model.report
    assert len(report["epochs"]) == report["best_epoch"] + 4 < 60
    assert f"stopped after epoch {len(report['epochs'])}" in report["notes"][0]


@pytest.mark.parametrize("measure", ["mse", "ccc"])
def test_regression_is_stopped_by_the_chosen_measure(parts, measure):
    train, dev = parts
    options = {"learning_rate": 0.01, "epochs": 15, "patience": False, "measure": measure}
    model = fitted("mlp_reg", train, dev, **options)
    values = [epoch["dev_measure"] for epoch in model.report["epochs"]]
    pick = {"mse": min, "ccc": max}[measure]
    assert values.index(pick(values)) == model.report["best_epoch"] - 1
    metric = {"mse": audmetric.mean_squared_error, "ccc": audmetric.concordance_cc}[measure]
    assert metric(dev.age, model.predict(dev.X).decision) == pytest.approx(pick(values))


def test_classification_is_stopped_by_the_chosen_measure(parts):
    train, dev = parts
    model = fitted("mlp", train, dev, learning_rate=0.01, epochs=8, measure="f1")
    best = model.report["epochs"][model.report["best_epoch"] - 1]
    f1 = f1_score(dev.emotion, model.predict(dev.X).decision, average="macro")
    assert best["dev_measure"] == pytest.approx(f1)
    f1 = f1_score(train.emotion, model.predict(train.X).decision, average="macro")
    assert best["train_measure"] == pytest.approx(f1)
    binary = [
        part._replace(emotion=np.where(part.emotion == "anger", "hot", "cold")) for part in parts
    ]
    model = fitted("mlp", *binary, labels=["hot", "cold"], epochs=8, measure="eer")
    best = model.report["epochs"][model.report["best_epoch"] - 1]
    assert best["dev_measure"] == min(e["dev_measure"] for e in model.report["epochs"])
    cold = model.predict(dev.X).probabilities[:, 1]
    eer = audmetric.equal_error_rate(binary[1].emotion == "cold", cold)[0]
    assert best["dev_measure"] == pytest.approx(eer)


def test_without_dev_all_epochs_are_trained(parts):
    train, _ = parts
    report = fitted("mlp", train, epochs=3, patience=1).report
    assert report["best_epoch"] == len(report["epochs"]) == 3
    assert "dev_loss" not in report["epochs"][0]
    assert report["notes"] == ["mlp: no dev samples, all 3 epochs are trained"]


def test_dev_samples_of_a_class_that_is_missing_in_training(parts):
    train, dev = parts
    keep = train.emotion != "boredom"
    some = train._replace(X=train.X[keep], emotion=train.emotion[keep], speaker=train.speaker[keep])
    report = fitted("mlp", some, dev, epochs=2).report
    n = (dev.emotion == "boredom").sum()
    assert n > 0
    assert report["notes"][0].startswith(f"{n} dev samples of classes that do not occur")
    assert all(math.isfinite(epoch["dev_loss"]) for epoch in report["epochs"])


@pytest.mark.parametrize("loss", ["f1", "cross"])
def test_classification_losses_learn(parts, loss):
    train, _ = parts
    model = fitted("mlp", train, loss=loss, learning_rate=0.003, epochs=15, batch_size=32)
    epochs = model.report["epochs"]
    assert epochs[-1]["train_loss"] < 0.75 * epochs[0]["train_loss"]


@pytest.mark.parametrize("loss", ["mse", "mae", "1-ccc", "1-pcc"])
def test_regression_losses_learn(parts, loss):
    train, _ = parts
    # 82 training samples: the last of these batches has one sample only.
    model = fitted("mlp_reg", train, loss=loss, learning_rate=0.003, epochs=20, batch_size=27)
    epochs = model.report["epochs"]
    assert len(train.age) % 27 == 1
    assert epochs[-1]["train_loss"] < 0.75 * epochs[0]["train_loss"]
    assert np.isfinite(model.predict(train.X).decision).all()


def test_label_smoothing(parts):
    train, _ = parts
    smoothed, same, sharp = (
        fitted("mlp", train, epochs=2, label_smoothing=share).report["epochs"]
        for share in (True, 0.1, 0.0)
    )
    assert smoothed == same != sharp


def test_loss_functions_by_hand():
    rng = np.random.default_rng(3)
    truth, output = rng.normal(size=40), rng.normal(size=40)
    t, o = torch.tensor(truth), torch.tensor(output)
    assert float(losses.ccc_loss(o, t)) == pytest.approx(
        1 - audmetric.concordance_cc(truth, output)
    )
    assert float(losses.pcc_loss(o, t)) == pytest.approx(1 - audmetric.pearson_cc(truth, output))
    codes = rng.integers(0, 3, 40)
    # Sure of itself, soft F1 is F1.
    logits = torch.tensor(1000.0 * np.eye(3)[rng.permutation(codes)])
    f1 = f1_score(codes, logits.argmax(dim=1), average=None)
    assert float(losses.soft_f1_loss(logits, torch.tensor(codes))) == pytest.approx(1 - f1.mean())
    weight = torch.tensor([1.0, 2.0, 5.0])
    weighted = losses.soft_f1_loss(logits, torch.tensor(codes), weight)
    assert float(weighted) == pytest.approx(1 - np.average(f1, weights=[1, 2, 5]))


def test_gradients_of_correlation_losses_are_finite_for_one_sample():
    for loss in (losses.ccc_loss, losses.pcc_loss):
        output = torch.tensor([0.3], requires_grad=True)
        loss(output, torch.tensor([0.3])).backward()
        assert torch.isfinite(output.grad).all()


def test_unscaled_features_that_diverge_are_an_error(parts):
    train, _ = parts
    huge = train._replace(X=copy.deepcopy(train.X) * 1e6)
    with pytest.raises(UserError, match=r"\[MODEL\] learning_rate: training diverged in epoch"):
        fitted("mlp_reg", huge, epochs=5, learning_rate=10.0, optimizer="sgd")


def test_layer_sizes():
    assert layer_sizes([64, 16]) == [64, 16]
    assert layer_sizes({"l10": 3, "l2": 2, "l1": 1}) == [1, 2, 3]
    assert layer_sizes({"l2": 64, "l1": 32}) == [32, 64]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"layers": []}, "[MODEL] layers: [] is not a list of sizes"),
        ({"layers": [64, "a"]}, "[MODEL] layers: [64, 'a'] is not a list of sizes"),
        ({"layers": {"l1": 0}}, "[MODEL] layers: {'l1': 0} is not a list of sizes"),
        ({"drop": 1.0}, "[MODEL] drop: 1.0 is not a probability"),
        ({"drop": True}, "[MODEL] drop: True is not a probability"),
        ({"drop": [0.1, 0.1, 0.1]}, "[MODEL] drop: 3 probabilities for 2 hidden layers"),
        ({"patience": True}, "[MODEL] patience: True is not a number of epochs"),
        ({"loss": "f1", "label_smoothing": 0.1}, "[MODEL] label_smoothing: only with"),
    ],
)
def test_bad_options(options, line):
    with pytest.raises(UserError) as caught:
        model_class("mlp")(options, labels=LABELS)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(line)


def test_correlation_needs_batches():
    with pytest.raises(UserError, match=r"\[MODEL\] batch_size: loss = 1-ccc needs 2"):
        model_class("mlp_reg")({"loss": "1-ccc", "batch_size": 1})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(parts):
    train, _ = parts
    made = {d: fitted("mlp", train, device=d, epochs=1) for d in ("cuda", "auto")}
    told = {d: [n for n in m.report["notes"] if "no GPU" in n] for d, m in made.items()}
    assert told["auto"] == [] and told["cuda"] == [
        "[MODEL] device: there is no GPU for cuda here, trained on the processor"
    ]


def test_without_torch_one_line_says_what_to_type(monkeypatch):
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "torch" else find(name))
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("mlp", "mlp_reg"):
        with pytest.raises(UserError) as caught:
            model_class(name)({}, labels=LABELS)
        assert caught.value.problems == [
            f"[MODEL] type: {name} needs torch, which is not installed; type: make deep "
            "(or: pip install -r requirements-deep.txt)"
        ]
    assert model_class("svm").absent() is None


def test_losses_by_their_formulas():
    rng = np.random.default_rng(0)
    output, target, weight = rng.normal(size=(6, 3)), np.array([0, 1, 2, 2, 1, 0]), [0.5, 1, 2]
    p = np.exp(output) / np.exp(output).sum(axis=1, keepdims=True)
    truth, of_truth = np.eye(3)[target], p[range(6), target]
    sigmoid = 1 / (1 + np.exp(-output))
    o, t, w = torch.tensor(output), torch.tensor(target), torch.tensor(weight)
    single = -truth * np.log(sigmoid) - (1 - truth) * np.log(1 - sigmoid)
    weights = np.asarray(weight)[target]
    for found, expected in (
        (losses.focal_loss(o, t, 2, 0.5), np.mean(-0.5 * (1 - of_truth) ** 2 * np.log(of_truth))),
        (losses.focal_loss(o, t, 0, 1, w), np.average(-np.log(of_truth), weights=weights)),
        (losses.one_against_rest_loss(o, t), single.mean()),
        (losses.squared_loss(o, t), np.mean((p - truth) ** 2)),
        (losses.absolute_loss(o, t), np.mean(abs(p - truth))),
        (losses.squared_loss(o, t, w), np.average(((p - truth) ** 2).mean(1), weights=weights)),
    ):
        assert float(found) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("loss", mlp.LOSSES)
def test_every_loss_learns(loss):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 4))
    y = np.where(X[:, 0] > 0, "a", "b")
    model = mlp.MLP({"loss": loss, "learning_rate": 0.01, "epochs": 20}, seed=1, labels=["a", "b"])
    model.fit(X, y)
    predicted = model.predict(X)
    assert (predicted.decision == y).mean() > 0.9
    np.testing.assert_allclose(predicted.probabilities.sum(axis=1), 1)
