"""Self-training: a model labels rows without labels, and learns from those it is sure of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from izwi.training import fitting

if TYPE_CHECKING:
    import numpy as np

    from izwi.training.fitting import Fitted, TrainingSet
    from izwi.training.types import TrainSpec


def fit(spec: TrainSpec, data: TrainingSet, seed: int, pool: np.ndarray) -> Fitted:
    """Fit, label, and fit again, until no prediction is sure enough or the rounds are used up.

    After Yarowsky, "Unsupervised word sense disambiguation rivaling supervised methods" (1995). A
    label once given stays. Scaler and balancing are fitted anew in each round, too.

    Args:
        spec: of the train stage; ``self_training`` has ``threshold`` (a row is taken where the
            probability of its prediction is higher) and ``rounds``
        data: the rows that have a truth; dev rows are used for early stopping alone
        seed: of the model
        pool: row numbers of training rows without truth

    Returns:
        the last fit; its history has ``self_training``: ``pool``, its size, and ``rounds``, per
        round the rows ``added`` by class and those that are ``left``
    """
    import numpy as np

    labels = data.labels
    assert labels is not None, "self-training is of classifications"
    options = spec["self_training"]
    data, left = replace(data, truth=data.truth.copy()), pool
    fitted = fitting.fit(spec, data, seed)
    rounds: list[dict[str, Any]] = []
    while len(left) and len(rounds) < options["rounds"]:
        predicted = fitted.predict(data.samples, left)
        place = [labels.index(name) for name in predicted.decision]
        confidence = predicted.class_probabilities()[np.arange(len(left)), place]
        sure = confidence > options["threshold"]
        names = predicted.decision[sure]
        rounds.append(
            {
                "round": len(rounds) + 1,
                "added": dict(sorted(Counter(map(str, names)).items())),
                "left": int((~sure).sum()),
            }
        )
        if not sure.any():
            break
        data.truth[left[sure]] = names
        data = replace(data, train=np.sort(np.concatenate([data.train, left[sure]])))
        left = left[~sure]
        fitted = fitting.fit(spec, data, seed)
    fitted.history["self_training"] = {"pool": len(pool), "rounds": rounds}
    return fitted
