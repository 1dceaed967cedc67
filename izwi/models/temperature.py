"""Temperature scaling: one number, fitted on dev, makes probabilities less or more extreme.

After Guo et al., "On calibration of modern neural networks" (ICML 2017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# A probability of 0 has no logarithm.
FLOOR = 1e-12
LOWEST, HIGHEST = 0.01, 100.0


def fit(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature with the least mean of -log p(truth).

    Args:
        probabilities: shape (samples, classes), of samples that the model was not trained on
        truth: position of the true class, shape (samples,)

    Returns:
        from :data:`LOWEST` to :data:`HIGHEST`; above 1 the model was overconfident
    """
    import numpy as np
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = np.log(np.maximum(probabilities, FLOOR))
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, truth].mean()

    # In 1/T the loss is convex, so it has one minimum.
    limits = (np.log(LOWEST), np.log(HIGHEST))
    found = minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at a temperature: softmax of their logarithms divided by it.

    The ranking of the classes stays the same.

    Args:
        probabilities: shape (samples, classes)
        temperature: above 0

    Returns:
        of the same shape
    """
    import numpy as np
    from scipy.special import softmax

    return softmax(np.log(np.maximum(probabilities, FLOOR)) / temperature, axis=1)
