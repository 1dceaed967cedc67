"""Gaussian mixtures as a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.config.options import model_option
from izwi.errors import UserError
from izwi.models.base import Model

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from izwi.models.base import Dev


class GMM(Model):
    """A Gaussian mixture per class and Bayes' rule.

    The classes' prior probabilities are their shares of the training samples; with
    ``class_weight`` they are equal.
    """

    name = "gmm"
    task = "classification"
    handles_class_weight = True
    options = (
        model_option(
            "GMM_components",
            "int",
            4,
            "Gaussians per class, not more than it has samples",
            minimum=1,
        ),
        model_option(
            "GMM_covariance_type",
            "str",
            "full",
            "shape of the Gaussians",
            choices=("full", "tied", "diag", "spherical"),
        ),
    )

    @classmethod
    def is_deterministic(cls, options: dict[str, Any]) -> bool:
        """A single Gaussian has no random start."""
        return options.get("GMM_components", 4) == 1

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        import numpy as np
        from sklearn.mixture import GaussianMixture

        warnings = []
        self.mixtures = []
        counts = []
        for label in self.classes:
            rows = y == label
            counts.append(int(rows.sum()))
            if counts[-1] < 2:
                raise UserError(f"[MODEL] type: gmm needs two training samples of {label!r}")
            components = min(self.values["GMM_components"], counts[-1])
            if components < self.values["GMM_components"]:
                warnings.append(
                    f"gmm: {components} Gaussians for {label!r}, which has as many samples"
                )
            mixture = GaussianMixture(
                components,
                covariance_type=self.values["GMM_covariance_type"],
                random_state=self.seed,
            ).fit(X[rows])
            if not mixture.converged_:
                warnings.append(f"gmm: the mixture for {label!r} has not converged")
            self.mixtures.append(mixture)
        equal = self.values.get("class_weight")
        self.priors = np.full(len(counts), 1 / len(counts)) if equal else np.divide(counts, len(y))
        return {"warnings": warnings}

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np
        from scipy.special import softmax

        likelihoods = np.column_stack([mixture.score_samples(X) for mixture in self.mixtures])
        joint = likelihoods + np.log(self.priors)
        return np.asarray(self.classes)[joint.argmax(axis=1)], softmax(joint, axis=1)

    def _save(self, folder: Path) -> dict[str, Any]:
        from izwi.models import persistence

        persistence.dump(self.mixtures, folder / "model.skops")
        return {"priors": self.priors.tolist()}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        import numpy as np

        from izwi.models import persistence

        self.mixtures = persistence.load(folder / "model.skops")
        self.priors = np.asarray(state["priors"])
