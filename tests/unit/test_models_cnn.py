"""The convolutional net: against plain torch, on real speech, and that it sees a picture."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from izwi.data import audio
from izwi.errors import UserError
from izwi.features.spectra import Spectra
from izwi.models import load_model, model_class

torch = pytest.importorskip("torch")

NAMES = [f"mel_{band}_{frame}" for band in range(9) for frame in range(14)]


def pictures(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(-60, 10, size=(rows, len(NAMES)))


def fitted(name: str, X: np.ndarray, y: np.ndarray, names=NAMES, seed=0, dev=None, **options):
    labels = sorted(set(y)) if name == "cnn" else None
    model = model_class(name)(options, seed=seed, labels=labels)
    model.features = names
    model.report = model.fit(X, y, dev=dev)
    return model


def test_it_is_plain_torch():
    nn = torch.nn
    X, y = pictures(30), np.array(["a", "b", "c"] * 10)
    model = fitted(
        "cnn", X, y, seed=5, layers=[12], drop=0.2, learning_rate=0.01, epochs=3, batch_size=10
    )
    torch.manual_seed(5)
    blocks = []
    for before, after in ((1, 16), (16, 32), (32, 32)):
        blocks += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
    # 9 bands become 5, 3, 2; of each of 32 channels mean and maximum over time.
    dense = nn.Sequential(nn.Linear(2 * 32 * 2, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3))
    norm, blocks = nn.BatchNorm1d(9), nn.Sequential(*blocks)

    def forward(x):
        cells = blocks(norm(x.reshape(-1, 9, 14))[:, None]).reshape(len(x), 64, -1)
        return dense(torch.cat([cells.mean(2), cells.max(2).values], dim=1))

    parts = nn.ModuleList([norm, blocks, dense])
    optimizer = torch.optim.AdamW(parts.parameters(), lr=0.01, weight_decay=0.01)
    x, target = torch.as_tensor(X, dtype=torch.float32), torch.as_tensor([0, 1, 2] * 10)
    losses = []
    for _ in range(3):
        order = torch.randperm(30)
        total = 0.0
        for rows in order.split(10):
            loss = nn.functional.cross_entropy(forward(x[rows]), target[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 3
        losses.append(total)
    np.testing.assert_allclose(
        [epoch["train_loss"] for epoch in model.report["epochs"]], losses, rtol=1e-3
    )
    parts.eval()
    with torch.no_grad():
        expected = forward(x).softmax(dim=1).numpy()
    np.testing.assert_allclose(model.predict(X).probabilities, expected, atol=1e-3)


def bursts(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a short tone, low or high, anywhere in time: no single cell tells which."""
    rng = np.random.default_rng(seed)
    X = pictures(rows, seed).reshape(rows, 9, 14)
    high = np.arange(rows) % 2 == 1
    for row, frame in enumerate(rng.integers(0, 12, rows)):
        X[row, 6 if high[row] else 2, frame : frame + 3] += 40
    return X.reshape(rows, -1), np.where(high, "high", "low")


def test_it_learns_what_is_where_in_frequency_whenever_it_is():
    X, y = bursts(60, 1)
    model = fitted("cnn", X, y, learning_rate=0.003, epochs=12, layers=[16])
    new, truth = bursts(200, 2)
    assert (model.predict(new).decision == truth).mean() > 0.95
    # Numbers are learnt by the same net.
    model = fitted(
        "cnn_reg", X, np.where(y == "high", 30.0, 10.0), learning_rate=0.003, epochs=12, layers=[16]
    )
    error = model.predict(new).decision - np.where(truth == "high", 30.0, 10.0)
    assert np.abs(error).mean() < 4


def test_many_rows_are_predicted_like_few(tmp_path):
    X, y = bursts(40, 3)
    model = fitted("cnn", X, y, epochs=2)
    model.save(tmp_path)
    new, _ = bursts(150, 4)  # more than one batch of predictions
    whole = load_model(tmp_path).predict(new).probabilities
    ones = np.concatenate([model.predict(new[i : i + 1]).probabilities for i in range(150)])
    np.testing.assert_allclose(whole, ones, atol=1e-5)


def test_dev_decides_and_dropout_is_off_there():
    X, y = bursts(40, 5)
    dev = bursts(40, 6)
    model = fitted("cnn", X, y, dev=dev, epochs=8, learning_rate=0.003, drop=0.5, patience=0)
    scores = [epoch["dev_measure"] for epoch in model.report["epochs"]]
    uar = recall_score(dev[1], model.predict(dev[0]).decision, average="macro")
    assert uar == pytest.approx(scores[model.report["best_epoch"] - 1])
    assert scores[model.report["best_epoch"] - 1] == max(scores)


def test_other_features_are_an_error():
    with pytest.raises(UserError, match=r"\[MODEL\] type: a cnn reads spectrograms"):
        fitted("cnn", pictures(4)[:, :2], np.array(["a", "b"] * 2), names=["jitter", "shimmer"])


def test_real_speech(emodb):
    """Angry and sad of half the speakers tell those of the other half apart."""
    table = pd.read_csv(emodb / "emodb.csv")
    table = table[table["emotion"].isin(["anger", "sadness"])].iloc[::2]
    extractor = Spectra({"spectra.duration": 1.5, "fft_nbands": 20, "fft_hop_dur": 20.0})
    X = np.stack([extractor(*audio.read(str(emodb / file))) for file in table["file"]])
    train = table["speaker"].isin([3, 9, 10, 11, 12]).to_numpy()
    y = table["emotion"].to_numpy(str)
    model = fitted(
        "cnn", X[train], y[train], names=extractor.columns, epochs=12, learning_rate=0.001
    )
    uar = recall_score(y[~train], model.predict(X[~train]).decision, average="macro")
    assert uar > 0.85
