"""Late fusion: the predictions of several experiments for the same rows become one.

========================  ==========================================================================
mean, sum                 mean of the members' probabilities (Kittler et al., IEEE PAMI 20, 1998);
                          the sum decides alike
max                       largest probability of each class, scaled to a sum of 1
majority                  share of votes; of classes with equal votes, that with the larger mean
                          probability
uncertainty_threshold     the least uncertain member decides where its uncertainty is at most a
                          threshold, else the mean
uncertainty_weighted      mean, weighted row by row by 1 / uncertainty
confidence_weighted       mean, weighted row by row by 1 - uncertainty
performance_weighted      mean, weighted by the members' measure on inner folds of the training rows
stacking                  logistic regression on the members' probabilities, fitted on those of
                          inner folds (Wolpert, Neural Networks 5, 1992)
median                    of a regression
========================  ==========================================================================

Uncertainty is the entropy of a member's probabilities as a share of the largest possible. Weights
come from rows that the members were trained on, predicted by models that had not seen them: no
function here reads the truth of a test row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from izwi.data.csv_files import KEY
from izwi.errors import UserError
from izwi.evaluation.calibration import entropies
from izwi.evaluation.measures import Sample, direction
from izwi.wording import count

# Less counts as certain; else one member could have all the weight by rounding.
LEAST_UNCERTAINTY = 1e-10
COLUMNS = ["row", *KEY, "speaker", "fold", "run", "truth"]


@dataclass(frozen=True)
class Members:
    """Predictions of all members for the same rows.

    Args:
        decisions: (members, rows), codes of classes, or numbers
        probabilities: (members, rows, classes); None in regression
    """

    decisions: np.ndarray
    probabilities: np.ndarray | None = None

    @property
    def p(self) -> np.ndarray:
        """The probabilities of a classification."""
        assert self.probabilities is not None, "a regression has none"
        return self.probabilities

    @property
    def uncertainty(self) -> np.ndarray:
        """Of each member in each row, shape (members, rows)."""
        return np.array([entropies(p) for p in self.p])


Fused = tuple[np.ndarray, np.ndarray | None]


# --------------------------------------------------------------------- by rows alone


def mean(members: Members, weights: np.ndarray | None = None) -> Fused:
    """Mean of probabilities or numbers, and the most probable class.

    Args:
        members: their predictions
        weights: (members,) or (members, rows), not negative; None for equal ones

    Returns:
        decisions and, of a classification, probabilities of shape (rows, classes)
    """
    n, rows = members.decisions.shape
    shares = np.ones((n, rows)) if weights is None else np.broadcast_to(weights.T, (rows, n)).T
    total = shares.sum(axis=0)
    shares = np.where(total > 0, shares / np.where(total > 0, total, 1), 1 / n)
    if members.probabilities is None:
        return (shares * members.decisions).sum(axis=0), None
    p = (shares[:, :, None] * members.p).sum(axis=0)
    return p.argmax(axis=1), p


def median(members: Members) -> Fused:
    """Median of numbers."""
    return np.median(members.decisions, axis=0), None


def largest(members: Members) -> Fused:
    """Largest probability of each class, scaled to a sum of 1."""
    p = members.p.max(axis=0)
    p = p / p.sum(axis=1, keepdims=True)
    return p.argmax(axis=1), p


def majority(members: Members) -> Fused:
    """Share of votes; a tie goes to the larger mean probability."""
    p = members.p.mean(axis=0)
    classes = np.arange(p.shape[1])
    votes = (members.decisions[:, :, None] == classes).sum(axis=0)
    tied = votes == votes.max(axis=1, keepdims=True)
    return np.where(tied, p, -1.0).argmax(axis=1), votes / len(members.decisions)


def uncertainty_threshold(members: Members, threshold: float) -> Fused:
    """The least uncertain member where it is certain enough, else the mean."""
    uncertainty = members.uncertainty
    best, rows = uncertainty.argmin(axis=0), np.arange(uncertainty.shape[1])
    certain = uncertainty[best, rows] <= threshold
    decision, p = mean(members)
    assert p is not None, "a classification has probabilities"
    return (
        np.where(certain, members.decisions[best, rows], decision),
        np.where(certain[:, None], members.p[best, rows], p),
    )


def uncertainty_weighted(members: Members) -> Fused:
    """Mean with weights 1 / uncertainty of each row."""
    return mean(members, 1 / np.maximum(members.uncertainty, LEAST_UNCERTAINTY))


def confidence_weighted(members: Members) -> Fused:
    """Mean with weights 1 - uncertainty of each row."""
    return mean(members, 1 - members.uncertainty)


_BY_ROWS: dict[str, Callable[[Members], Fused]] = {
    "mean": mean,
    "sum": mean,
    "max": largest,
    "majority": majority,
    "median": median,
    "uncertainty_weighted": uncertainty_weighted,
    "confidence_weighted": confidence_weighted,
}


# ------------------------------------------------------------------ learned weights


def performance_weights(scores: Sequence[float | None], measure: str) -> np.ndarray:
    """Weights of members by how good they are; equal ones where none is any good.

    Args:
        scores: the measure of each member on inner folds, None where it is undefined
        measure: errors weigh by their inverse, others as they are, at least 0

    Returns:
        shape (members,), sum 1
    """
    values = np.array([np.nan if score is None else score for score in scores], dtype=float)
    if direction(measure) < 0:
        values = 1 / np.maximum(values, 1e-12)
    values = np.where(np.isfinite(values), np.maximum(values, 0), 0)
    return values / values.sum() if values.sum() > 0 else np.full(len(values), 1 / len(values))


def stacked(inner: Members, truth: np.ndarray, test: Members, seed: int) -> Fused:
    """Logistic regression on the members' probabilities.

    Args:
        inner: of training rows, each predicted by a model that had not seen it
        truth: codes of their classes, shape (rows,)
        test: of test rows
        seed: of the fit

    Returns:
        decisions and probabilities of the test rows
    """
    from sklearn.linear_model import LogisticRegression

    def side_by_side(members: Members) -> np.ndarray:
        return np.hstack(list(members.p))

    model = LogisticRegression(solver="newton-cholesky", tol=1e-10, random_state=seed)
    model.fit(side_by_side(inner), truth)
    p = np.zeros((test.p.shape[1], test.p.shape[2]))
    p[:, model.classes_] = model.predict_proba(side_by_side(test))
    return p.argmax(axis=1), p


# ------------------------------------------------------------------------- together


def fuse(
    spec: Mapping[str, Any],
    predictions: Sequence[pd.DataFrame],
    inner: Sequence[pd.DataFrame],
    labels: Sequence[str] | None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fuse the predictions of members.

    Args:
        spec: ``method``, ``members`` (names), ``measure``, ``threshold``, ``seed``, ``task``
        predictions: of each member, as ``docs/data_contracts.md`` defines them
        inner: of each member those of training rows, see `izwi.training.inner`; none for methods
            without learned weights
        labels: classes, ordered, None for regression

    Returns:
        * predictions of the ensemble, in the rows of the first member
        * ``weights``: for each run and fold the weight of each member and, where that was
          learned, the measure behind it (``scores``) and how many rows it rests on

    Raises:
        UserError: if the members do not predict the same rows with the same truth
    """
    names, task = spec["members"], spec["task"]
    runs = max(int(one["run"].max()) for one in predictions)
    parts, learned = [], []
    for run in range(1, runs + 1):
        own = _aligned([_of_run(one, run) for one in predictions], names)
        inside = [_of_run(one, run) for one in inner]
        if spec["method"] not in LEARNED:
            parts.append(_part(own[0], run, _by_rows(spec, _members(own, task, labels)), labels))
            continue
        for fold in sorted(own[0]["fold"].unique()):
            tests = [one[one["fold"] == fold] for one in own]
            known = [one[one["fold"] == fold] for one in inside]
            fused, about = _learned(spec, tests, known, labels)
            parts.append(_part(tests[0], run, fused, labels))
            learned.append({"run": run, "fold": int(fold), **about})
    found = pd.concat(parts, ignore_index=True).sort_values(["run", "row"], ignore_index=True)
    return found, {"weights": learned}


def _by_rows(spec: Mapping[str, Any], members: Members) -> Fused:
    if spec["method"] == "uncertainty_threshold":
        return uncertainty_threshold(members, spec["threshold"])
    return _BY_ROWS[spec["method"]](members)


def _learned(
    spec: Mapping[str, Any],
    tests: list[pd.DataFrame],
    known: list[pd.DataFrame],
    labels: Sequence[str] | None,
) -> tuple[Fused, dict[str, Any]]:
    """One fold of one run, by weights from inner folds."""
    names, task = spec["members"], spec["task"]
    members = _members(tests, task, labels)
    if spec["method"] == "stacking":
        assert labels is not None, "stacking is of classes"
        inside = _common(known)
        truth = inside[0]["truth"].map({label: i for i, label in enumerate(labels)})
        fused = stacked(_members(inside, task, labels), truth.to_numpy(int), members, spec["seed"])
        return fused, {"n": len(inside[0])}
    scores = [
        Sample.of_runs([one], task, list(labels or [])).measures()[0][spec["measure"]]
        for one in known
    ]
    weights = performance_weights(scores, spec["measure"])
    about = {
        "weights": dict(zip(names, weights.tolist(), strict=True)),
        "scores": dict(zip(names, scores, strict=True)),
        "n": {name: len(one) for name, one in zip(names, known, strict=True)},
    }
    return mean(members, weights), about


LEARNED = ("performance_weighted", "stacking")


def _of_run(predictions: pd.DataFrame, run: int) -> pd.DataFrame:
    """The rows of a run; a model that the seed does not change was fitted once."""
    number = run if (predictions["run"] == run).any() else 1
    return predictions[predictions["run"] == number].reset_index(drop=True)


def _sorted(predictions: pd.DataFrame) -> pd.DataFrame:
    # The table may list a file twice, with two labels.
    return predictions.sort_values([*KEY, "truth"], kind="stable", ignore_index=True)


def _aligned(members: list[pd.DataFrame], names: Sequence[str]) -> list[pd.DataFrame]:
    """Predictions of all members in one order.

    Raises:
        UserError: if their rows or the truth of these differ
    """
    found = [_sorted(one) for one in members]
    columns = [*KEY, "fold", "truth"]
    first = found[0][columns].astype(object).fillna("")
    for name, one in zip(names[1:], found[1:], strict=True):
        if not one[columns].astype(object).fillna("").equals(first):
            raise UserError(
                f"{names[0]} and {name} predict other rows, or rows with another truth "
                f"({len(first)} and {len(one)} rows): where audio cannot be used by one of them, "
                "leave it out of all"
            )
    return found


def _common(members: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """The training rows that all members predict, in one order."""
    keyed = []
    for one in members:
        one = _sorted(one)
        names = one[[*KEY]].astype(object).fillna("").astype(str)
        # A file that is listed twice is told apart by its place.
        place = names.groupby([*KEY]).cumcount()
        keyed.append(one.set_index(pd.MultiIndex.from_frame(names.assign(place=place))))
    both = keyed[0].index
    for one in keyed[1:]:
        both = both[both.isin(one.index)]
    if both.empty:
        raise UserError("stacking: no training row is predicted by all members")
    return [one.loc[both].reset_index(drop=True) for one in keyed]


def _members(
    predictions: Sequence[pd.DataFrame], task: str, labels: Sequence[str] | None
) -> Members:
    if task != "classification":
        return Members(np.array([one["prediction"].to_numpy(float) for one in predictions]))
    labels = list(labels or [])
    codes = {label: i for i, label in enumerate(labels)}
    lacking = [f"p_{label}" for one in predictions for label in labels if f"p_{label}" not in one]
    if lacking:
        raise UserError(f"{count(len(lacking), 'column')} of probabilities missing: {lacking[0]}")
    columns = [f"p_{label}" for label in labels]
    return Members(
        np.array([one["prediction"].map(codes).to_numpy(int) for one in predictions]),
        np.array([one[columns].to_numpy(float) for one in predictions]),
    )


def _part(rows: pd.DataFrame, run: int, fused: Fused, labels: Sequence[str] | None) -> pd.DataFrame:
    """Fused predictions as a table."""
    decision, p = fused
    part = rows[[name for name in COLUMNS if name in rows]].reset_index(drop=True)
    part["run"] = run
    part["prediction"] = decision if p is None else np.array(labels, dtype=object)[decision]
    for column, label in enumerate(labels or [] if p is not None else []):
        assert p is not None
        part[f"p_{label}"] = p[:, column]
    return part
