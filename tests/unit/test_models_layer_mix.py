"""The learned mean of layers against plain numpy, on layers of which one tells the classes."""

import numpy as np
import pytest

from izwi.errors import UserError
from izwi.models import model_class

torch = pytest.importorskip("torch")

LAYERS, SIZE = 4, 6
NAMES = [f"hubert_layer{k}_{i}" for k in range(LAYERS) for i in range(SIZE)]
OPTIONS = {"layer_mix": True, "layers": [8], "learning_rate": 0.03, "batch_size": 24, "epochs": 20}


def samples(seed, n=240):
    """Noise, but for layer 2, in which the classes lie apart."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, n)
    X = generator.standard_normal((n, LAYERS, SIZE))
    X[:, 2] += 1.5 * (2 * y[:, None] - 1) * np.array([1, -1, 1, -1, 1, -1])
    return X.reshape(n, -1), np.array(["no", "yes"])[y]


def fitted(names, X, y, **options):
    model = model_class("mlp")(OPTIONS | options, seed=1, labels=["no", "yes"])
    model.features = names
    return model, model.fit(X, y)


def test_the_layer_that_tells_the_classes_weighs_most(tmp_path):
    X, y = samples(0)
    model, report = fitted(NAMES, X, y)
    state = model.net.state_dict()
    weights = np.exp(state["0.weights.0"].numpy())
    weights /= weights.sum()
    assert weights.argmax() == 2 and weights[2] > 0.4
    note = next(note for note in report["notes"] if note.startswith("layer_mix"))
    assert f"layers of hubert, from the first: 0: {weights[0]:.3f}, 1: {weights[1]:.3f}" in note
    # The net behind it sees the mean of the layers alone.
    new, truth = samples(1)
    mean = np.einsum("nls,l->ns", new.reshape(-1, LAYERS, SIZE), weights)
    hidden = np.maximum(0, mean @ state["1.weight"].numpy().T + state["1.bias"].numpy())
    scores = hidden @ state["3.weight"].numpy().T + state["3.bias"].numpy()
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    decided, probabilities = model.predict(new)[:2]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert np.mean(decided == truth) > 0.95
    model.save(tmp_path)
    again = model_class("mlp").load(tmp_path)
    np.testing.assert_array_equal(again.predict(new)[1], probabilities)


def test_other_features_pass_by_and_start_even():
    X, y = samples(0)
    names = ["pitch", *NAMES, "level"]
    X = np.column_stack([np.zeros(len(X)), X, np.ones(len(X))])
    model, _ = fitted(names, X, y, epochs=1, learning_rate=1e-12)
    mixed = model.net[0](torch.from_numpy(X).float()).detach().numpy()
    expected = X[:, 1:-1].reshape(-1, LAYERS, SIZE).mean(axis=1)
    np.testing.assert_allclose(mixed[:, :SIZE], expected, atol=1e-5)
    np.testing.assert_array_equal(mixed[:, SIZE:], X[:, [0, -1]])


def test_features_that_are_no_layers():
    X, y = samples(0)
    with pytest.raises(UserError, match=r"layer_mix: no features of all layers, such as"):
        fitted([f"f{i}" for i in range(X.shape[1])], X, y)
    with pytest.raises(UserError, match="features of hubert are missing"):
        fitted(NAMES[1:], X[:, 1:], y)
