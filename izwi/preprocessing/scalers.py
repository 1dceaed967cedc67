"""How features may be scaled: the values of ``FEATS.scale``, an entry each.

Options, their reference page, checks, pipeline and methods text follow from the entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scaler:
    """One value of ``FEATS.scale``.

    Args:
        words: text after *The features were* in the methods text
        estimator: class of `sklearn.preprocessing`; empty: the pipeline computes it itself
        options: of the class; a function takes the number of training rows
        fitted: whether it learns from the training rows
        gaps: whether it handles undefined values
    """

    words: str = ""
    estimator: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    fitted: bool = True
    gaps: bool = True

    def make(self, rows: int) -> Any:
        """The estimator, not fitted yet, for so many training rows."""
        from sklearn import preprocessing

        options = {k: v(rows) if callable(v) else v for k, v in self.options.items()}
        return getattr(preprocessing, self.estimator)(**options)


# Values of FEATS.nan_strategy, and what undefined values then become.
FILLS = {
    "median": "the median of the training samples",
    "mean": "the mean of the training samples",
    "zero": "0",
}
SCALERS = {
    "none": Scaler("not scaled", fitted=False),
    "standard": Scaler("standardised to zero mean and unit variance", "StandardScaler"),
    "robust": Scaler("scaled by median and interquartile range", "RobustScaler"),
    "minmax": Scaler("scaled to the range from 0 to 1", "MinMaxScaler"),
    "maxabs": Scaler("divided by their largest absolute value", "MaxAbsScaler"),
    "speaker": Scaler("standardised speaker by speaker", fitted=False),
    "bins": Scaler("put into three bins of equal frequency"),
    "normalizer": Scaler(
        "scaled to unit norm, sample by sample", "Normalizer", fitted=False, gaps=False
    ),
    "powertransformer": Scaler(
        "transformed by the Yeo–Johnson power transform", "PowerTransformer"
    ),
    "quantiletransformer": Scaler(
        "transformed to quantiles",
        "QuantileTransformer",
        # All rows, since a subsample would be random.
        {"n_quantiles": lambda rows: min(1000, rows), "subsample": None},
    ),
}


def joined(parts: Sequence[Any]) -> Any:
    """One estimator for all features, of estimators that were fitted on some each.

    Args:
        parts: of one class, fitted on the same rows
    """
    import numpy as np

    whole = copy(parts[0])
    widths = [part.n_features_in_ for part in parts]
    for name, value in vars(parts[0]).items():
        values = [vars(part)[name] for part in parts]
        if name == "n_features_in_":
            setattr(whole, name, sum(widths))
        elif name == "n_samples_seen_":
            # Without undefined values it is one number.
            each = [np.broadcast_to(v, width) for v, width in zip(values, widths, strict=True)]
            seen = np.concatenate(each)
            setattr(whole, name, seen if np.ptp(seen) else seen[0])
        elif hasattr(value, "n_features_in_"):
            setattr(whole, name, joined(values))
        elif isinstance(value, np.ndarray) and name != "references_":
            setattr(whole, name, np.concatenate(values, axis=-1))
    return whole
