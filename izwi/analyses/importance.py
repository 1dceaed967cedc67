"""Which features a model relies on, and how features differ between classes.

The analyses load the saved model whose figures are reported; nothing is trained again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.errors import UserError
from izwi.files import read_json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from izwi.models.base import Prediction
    from izwi.preprocessing.binning import Fold
    from izwi.training.fitting import Fitted, Samples

REPEATS = 10
# Properties of the recording with which features are correlated.
RECORDING = ("duration", "level")


def permutation(
    spec: dict[str, Any],
    samples: Samples,
    truths: dict[int, np.ndarray],
    folds: list[Fold],
    labels: list[str] | None,
    folder: str | Path,
    repeats: int = REPEATS,
) -> pd.DataFrame:
    """How much worse the test figure gets if a feature's values are permuted.

    After Breiman, "Random forests" (Machine Learning 45, 2001), and Fisher et al. (JMLR 20, 2019).
    Values are permuted among the test rows of a fold, as the model sees them, after scaling; the
    predictions of all folds are measured together, like the experiment's figure.

    Args:
        spec: ``measure``, ``task``, ``seed``
        samples: all rows
        truths: fold → truth of all rows, shape (rows,)
        folds: number and row numbers of train, dev and test
        labels: classes in order, None for regression
        folder: of the trained models
        repeats: how often each feature is permuted

    Returns:
        per feature, the most important first: ``rank``, ``feature``, ``importance`` (mean over
        repeats of the loss in the measure; below 0 it improved by chance), ``sd`` over
        repeats, ``ci_low`` and ``ci_high`` (t interval of the jackknife over test speakers),
        ``measure``, ``figure`` (without permutation), ``n`` and ``n_speakers``
    """
    return of_models(
        spec, samples, truths, _tested(samples, truths, folds, folder), labels, repeats
    )


def of_models(
    spec: dict[str, Any],
    samples: Samples,
    truths: dict[int, np.ndarray],
    tested: Iterable[tuple[Fitted, int, np.ndarray, np.ndarray]],
    labels: list[str] | None,
    repeats: int = REPEATS,
) -> pd.DataFrame:
    """The same for models at hand.

    Args:
        spec: as of `permutation`
        samples: all rows
        truths: fold → truth of all rows, shape (rows,)
        tested: per fold its model, number, test rows with a truth, and the model's inputs
        labels: classes in order, None for regression
        repeats: how often each feature is permuted

    Returns:
        as `permutation`
    """
    import numpy as np
    import pandas as pd

    from izwi import splits
    from izwi.evaluation.intervals import jackknife
    from izwi.evaluation.measures import direction, mean_of

    measure, parts = spec["measure"], []
    for fitted, fold, rows, X in tested:
        parts.append((fitted, rows, X, fitted.preprocessing.features, truths[fold][rows]))
    rows = np.concatenate([part[1] for part in parts])
    truth = np.concatenate([part[4] for part in parts])
    base = _joined([fitted.model.predict(X) for fitted, _, X, _, _ in parts], labels)
    names = list(dict.fromkeys(name for part in parts for name in part[3]))
    speakers = samples.speakers(rows)
    codes = None
    if speakers is not None and not pd.isna(speakers).any() and len(set(speakers)) > 1:
        codes = np.unique(speakers.astype(str), return_inverse=True)[1]
    sign = direction(measure)
    found = []
    for name in names:
        rng = splits.generator(spec["seed"], f"permutation {name}")
        predicted = [_permuted(fitted, X, name, repeats, rng) for fitted, _, X, _, _ in parts]
        made = [_joined(list(of_folds), labels) for of_folds in zip(*predicted, strict=True)]
        drop = _drop(truth, [base, *made], spec["task"], labels, sign)
        per_run = drop.measures()
        figure, values = per_run[0][measure], [run[measure] for run in per_run[1:]]
        drops = [None if v is None or figure is None else sign * (figure - v) for v in values]
        defined = [value for value in drops if value is not None]
        limits = jackknife(drop, codes)[measure] if codes is not None and defined else (None, None)
        found.append(
            {
                "feature": name,
                "importance": mean_of([{"x": value} for value in drops])["x"],
                "sd": float(np.std(defined, ddof=1)) if len(defined) > 1 else None,
                "ci_low": limits[0],
                "ci_high": limits[1],
                "measure": measure,
                "figure": figure,
                "n": len(rows),
                "n_speakers": None if codes is None else len(np.unique(codes)),
            }
        )
    return _ranked(found, "importance")


def _permuted(
    fitted: Fitted, X: np.ndarray, name: str, repeats: int, rng: np.random.Generator
) -> list[Prediction]:
    """Predictions of the rows of a fold, each with another permutation of a feature's values."""
    import numpy as np

    orders = [rng.permutation(len(X)) for _ in range(repeats)]
    features = fitted.preprocessing.features
    if name not in features:
        # Undefined in this fold's training rows, so the model does not use it.
        return [fitted.model.predict(X)] * repeats
    place = features.index(name)
    stacked = np.tile(X, (repeats, 1))
    stacked[:, place] = X[np.concatenate(orders), place]
    return _cut(fitted.model.predict(stacked), repeats)


def _drop(
    truth: np.ndarray, predictions: list[tuple], task: str, labels: list[str] | None, sign: int
) -> Any:
    """A sample whose weighted measures are the losses of the later runs against the first."""
    import numpy as np

    from izwi.evaluation.measures import Sample

    class Drop(Sample):
        def mean_weighted(
            self, weights: np.ndarray, groups: np.ndarray | None = None
        ) -> dict[str, np.ndarray]:
            runs = [self.weighted(run, weights, groups) for run in range(len(self.predictions))]
            return {
                name: sign * (runs[0][name] - np.mean([run[name] for run in runs[1:]], axis=0))
                for name in runs[0]
            }

        def range_of(self, name: str) -> tuple[float, float]:
            return -np.inf, np.inf

    decisions, scores = zip(*predictions, strict=True)
    scored = list(scores) if scores[0] is not None else None
    if task == "classification":
        truth = truth.astype(str)
    return Drop(truth, decisions, task, labels, scored)


def _joined(predictions: list[Prediction], labels: list[str] | None) -> tuple:
    """Decisions and, with two classes, scores of the second one, of all folds."""
    import numpy as np

    decisions = np.concatenate([predicted.decision for predicted in predictions])
    if not labels or len(labels) != 2:
        return decisions, None
    return decisions, np.concatenate([p.class_probabilities()[:, 1] for p in predictions])


def _cut(predicted: Prediction, parts: int) -> list[Prediction]:
    """Predictions of stacked copies, copy by copy."""
    import numpy as np

    decisions = np.split(predicted.decision, parts)
    if predicted.probabilities is None:
        return [predicted._replace(decision=decision) for decision in decisions]
    probabilities = np.split(predicted.probabilities, parts)
    return [
        predicted._replace(decision=decision, probabilities=p)
        for decision, p in zip(decisions, probabilities, strict=True)
    ]


def shap(
    spec: dict[str, Any],
    samples: Samples,
    truths: dict[int, np.ndarray],
    folds: list[Fold],
    labels: list[str] | None,
    folder: str | Path,
) -> pd.DataFrame:
    """How much each feature moves the output of a tree or of boosted trees, over the test rows.

    The values are those of `izwi.analyses.tree_shap`: with the trees' own mean they add up to the
    output (for boosted trees, the output before the softmax, in log-odds).

    Args:
        spec: of the analysis
        samples: all rows
        truths: fold → truth of all rows, shape (rows,)
        folds: number and row numbers of train, dev and test
        labels: classes in order, None for regression
        folder: of the trained models

    Returns:
        per feature, the largest effect first: ``rank``, ``feature``, ``mean_abs_shap`` (mean over
        test rows of the absolute value; with several classes, averaged over them), ``n``, and
        with three or more classes ``mean_abs_shap_<class>``
    """
    import numpy as np

    from izwi.analyses.tree_shap import contributions

    outputs: list[str | None] = [*labels] if labels and len(labels) > 2 else [None]
    sums: dict[str, np.ndarray] = {}
    n = 0
    for fitted, _, _, X in _tested(samples, truths, folds, folder):
        n += len(X)
        totals = np.abs(contributions(fitted.model, X)).sum(axis=0)
        # Two classes share one output, even if a fold's training has only these two.
        known = [*fitted.model.classes] if len(outputs) > 1 else outputs
        totals = np.broadcast_to(totals, (len(known), X.shape[1]))
        for place, name in enumerate(fitted.preprocessing.features):
            own = sums.setdefault(name, np.zeros(len(outputs)))
            for output, of_output in zip(known, totals[:, place], strict=True):
                own[outputs.index(output)] += of_output
    found = []
    for name, own in sums.items():
        row = {"feature": name, "mean_abs_shap": float(own.mean() / n), "n": n}
        if len(outputs) > 1:
            row |= {f"mean_abs_shap_{o}": float(v / n) for o, v in zip(outputs, own, strict=True)}
        found.append(row)
    return _ranked(found, "mean_abs_shap")


def distributions(
    table: pd.DataFrame, features: pd.DataFrame, recording: pd.DataFrame, labels: list[str] | None
) -> pd.DataFrame:
    """How features differ between classes or correlate with a number, and with the recording.

    The tests use the means of each speaker in each class, since samples of one speaker resemble
    each other: Kruskal-Wallis, or Spearman's rank correlation for a number. They are corrected
    for the number of features (Benjamini & Hochberg, JRSS B 57, 1995).

    Args:
        table: ``truth`` and ``speaker`` (may be missing) of some rows, shape (rows, …)
        features: of the same rows, shape (rows, features)
        recording: ``duration`` and ``level`` of the same rows
        labels: classes in order, None for regression

    Returns:
        per feature, the largest effect first: ``rank``, ``feature``; ``n``, number of means;
        ``unit``, ``speaker means`` or ``samples``; ``test``, ``statistic``, ``p``, ``p_bh``; with
        classes ``epsilon2`` = H/(n - 1) and ``eta2`` = (H - k + 1)/(n - k) (Tomczak & Tomczak,
        Trends in Sport Sciences 1, 2014), and ``cohens_d`` of the two classes ``d_between`` that
        differ most, with the pooled standard deviation; for a number ``rho``;
        ``rho_duration``, ``rho_level``: rank correlation with these, over the rows
    """
    import numpy as np
    import pandas as pd
    from scipy import stats

    known = table["truth"].notna().to_numpy()
    speaker = table["speaker"] if "speaker" in table else pd.Series(None, index=table.index)
    by_speaker = bool(speaker[known].notna().all()) and speaker[known].nunique() > 1
    truth = table["truth"][known].reset_index(drop=True)
    values = features[known].reset_index(drop=True)
    if by_speaker:
        keys = [speaker[known].to_numpy()]
        keys += [truth.to_numpy().astype(str)] if labels is not None else []
        grouped = values.groupby(keys, sort=True)
        means = grouped.mean()
        truth = (
            pd.Series(means.index.get_level_values(1))
            if labels is not None
            else truth.astype(float).groupby(keys, sort=True).mean()
        )
        values = means
    truth = truth.to_numpy()
    ranks = {name: stats.rankdata(recording[name][known]) for name in RECORDING}
    found = []
    for name in features:
        own = values[name].to_numpy(dtype=float)
        there = np.isfinite(own)
        row: dict[str, Any] = {
            "feature": name,
            "n": int(there.sum()),
            "unit": "speaker means" if by_speaker else "samples",
        }
        if labels is None:
            row |= _with_number(own[there], truth[there].astype(float))
        else:
            row |= _between([own[there & (truth == label)] for label in labels], labels)
        raw = features[name][known].to_numpy(dtype=float)
        finite = np.isfinite(raw)
        for other, of_other in ranks.items():
            whole = finite.all()
            other_ranks = of_other if whole else stats.rankdata(of_other[finite])
            row[f"rho_{other}"] = _correlation(stats.rankdata(raw[finite]), other_ranks)
        found.append(row)
    tested = [row for row in found if row["p"] is not None]
    corrected = stats.false_discovery_control([row["p"] for row in tested]) if tested else []
    for row, p in zip(tested, corrected, strict=True):
        row["p_bh"] = float(p)
    return _ranked(found, "epsilon2" if labels is not None else "rho")


def tests_in_words(found: pd.DataFrame) -> list[str]:
    """A line for each row of `distributions`: its test, p and size of the effect."""
    import pandas as pd

    from izwi.reporting.numbers import probability

    lines = []
    for _, row in found.iterrows():
        if pd.isna(row["p_bh"]):
            lines.append(f"{row['feature']}: not testable")
            continue
        symbol, size = ("ε²", row["epsilon2"]) if "epsilon2" in row else ("ρ", row["rho"])
        over = f"over {row['n']} {row['unit']}"
        lines.append(
            f"{row['feature']}: {row['test']} {row['statistic']:.3f} {over}, "
            f"{symbol} {size:.3f}, p {probability(row['p'], '= ')}, corrected "
            f"{probability(row['p_bh'])}"
        )
    return lines


def _between(groups: list[np.ndarray], labels: list[str]) -> dict[str, Any]:
    """Kruskal-Wallis test and effect sizes of a feature in classes."""
    import numpy as np
    from scipy import stats

    there = [(label, group) for label, group in zip(labels, groups, strict=True) if len(group)]
    row: dict[str, Any] = {"test": "Kruskal-Wallis", "statistic": None, "p": None, "p_bh": None}
    row |= dict.fromkeys(("epsilon2", "eta2", "cohens_d", "d_between"))
    values = np.concatenate([group for _, group in there]) if there else np.zeros(0)
    n, k = len(values), len(there)
    if k < 2 or np.ptp(values) == 0:
        return row
    h, p = stats.kruskal(*(group for _, group in there))
    row |= {"statistic": float(h), "p": float(p), "epsilon2": float(h / (n - 1))}
    if n > k:
        row["eta2"] = float((h - k + 1) / (n - k))
    pairs = [
        (d, f"{a[0]}, {b[0]}")
        for a, b in itertools.combinations(there, 2)
        if (d := cohens_d(a[1], b[1])) is not None
    ]
    if pairs:
        row["cohens_d"], row["d_between"] = max(pairs, key=lambda pair: abs(pair[0]))
    return row


def cohens_d(a: np.ndarray, b: np.ndarray) -> float | None:
    """Difference of means in pooled standard deviations (Cohen, 1988); None if undefined."""
    import numpy as np

    if len(a) + len(b) < 3:
        return None
    squares = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
    deviation = np.sqrt(squares / (len(a) + len(b) - 2))
    return float((a.mean() - b.mean()) / deviation) if deviation > 0 else None


def _with_number(values: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Rank correlation of a feature with a number."""
    import numpy as np
    from scipy import stats

    row: dict[str, Any] = {"test": "Spearman", "statistic": None, "p": None, "p_bh": None}
    if len(values) < 3 or np.ptp(values) == 0 or np.ptp(truth) == 0:
        return row | {"rho": None}
    rho, p = stats.spearmanr(values, truth)
    return row | {"statistic": float(rho), "p": float(p), "rho": float(rho)}


def _correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    import numpy as np

    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _tested(
    samples: Samples, truths: dict[int, np.ndarray], folds: list[Fold], folder: str | Path
) -> Iterator[tuple[Fitted, int, np.ndarray, np.ndarray]]:
    """Per fold its saved model, number, test rows with a truth, and the model's inputs."""
    import pandas as pd

    from izwi.training.fitting import Fitted

    run = read_json(Path(folder) / "model.json")["best_run"]
    for fold, _, _, rows in folds:
        own = Path(folder) / (f"run{run}-fold{fold}" if fold else f"run{run}")
        if not (own / "model").is_dir():
            raise UserError("[EXPL] the models of the folds are not kept: set MODEL.save = True")
        rows = rows[~pd.isna(truths[fold][rows])]
        fitted = Fitted.load(own, samples.names)
        yield fitted, fold, rows, fitted.transform(samples, rows)


def _ranked(rows: list[dict[str, Any]], by: str) -> pd.DataFrame:
    """Rows by the size of a figure, the largest first; those without one come last."""
    import pandas as pd

    size = [abs(row[by]) if by == "rho" and row[by] is not None else row[by] for row in rows]
    size = [float("-inf") if value is None else value for value in size]
    order = sorted(range(len(rows)), key=lambda i: (-size[i], rows[i]["feature"]))
    return pd.DataFrame([{"rank": r, **rows[i]} for r, i in enumerate(order, start=1)])
