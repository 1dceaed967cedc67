"""Between features and model: selection, imputation, scaling, all fitted on training rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data.spelling import nearest
from izwi.errors import Problems, UserError
from izwi.preprocessing import scalers
from izwi.preprocessing.bags import Bags, has_frames
from izwi.preprocessing.scalers import FILLS, SCALERS
from izwi.wording import agreed, count

if TYPE_CHECKING:
    import numpy as np

    from izwi.config.experiment.resolved import PreprocessingSpec

    class Steps(PreprocessingSpec, total=False):
        """Scaler, features, and how the values are treated.

        Attributes:
            impute: False if the model handles NaN
            arrays: values are arrays, not numbers, and stay unchanged
        """

        impute: bool
        arrays: bool


# Limits of low, mid and high in scale = bins, as nkululeko has them
BINS = (0.33, 0.66)


class Preprocessing:
    """Steps in this order: bags of words, selection of features, imputation, scaling.

    - Frames become a bag of words, see `izwi.preprocessing.bags`.
    - A feature that is undefined in every training row is left out.
    - Other undefined values become the feature's median over the training rows, or what
      ``nan_strategy`` says.
    - ``bins`` gives 0, .5 or 1: below, between and from the quantiles .33 and .66.
    - ``speaker`` gives z-scores over the speaker's rows among those passed in, so every part
      is scaled by its own rows, without their labels. It is transductive.
    - A feature without variance becomes constant, never NaN.

    Args:
        spec: ``scale`` is one of :data:`SCALERS`; a scaler without ``gaps`` always imputes

    Raises:
        UserError: if there is no such scaler
    """

    def __init__(self, spec: Steps) -> None:
        self.spec: Steps = {
            "scale": "none",
            "features": None,
            "impute": True,
            "nan_strategy": "median",
            "arrays": False,
            **spec,
        }
        self.scale = self.spec["scale"] or "none"
        if self.scale not in SCALERS:
            near = nearest(str(self.scale), SCALERS)
            hint = f", did you mean {near[0]!r}?" if near else f", use one of {', '.join(SCALERS)}"
            raise UserError(f"[FEATS] scale: unknown scaler {self.scale!r}{hint}")
        self.names: list[str] = []  # of the features that come in
        self.kept: list[int] = []  # positions of those that go out
        self._fitted: dict[str, Any] = {}  # fill, scaler, limits
        self._bags: Bags | None = None
        self._notes: list[str] = []
        self._absent: list[str] = []  # features that are selected and not there
        self._imputed: Counter[str] = Counter()
        self._values = 0  # among which those were undefined
        self._counted: set[int] = set()  # rows
        self._single: set[str] = set()
        self._lacking: dict[str, set[str]] = {}  # features that a speaker has no value of
        self._constant: dict[str, set[str]] = {}  # features that do not vary within a speaker

    @property
    def features(self) -> list[str]:
        """Names of the features that go to the model."""
        return [self.names[i] for i in self.kept]

    @property
    def report(self) -> dict[str, Any]:
        """``notes``, ``warnings``, ``counts``, ``transductive``; grows with every transform."""
        warnings = []
        if self._absent:
            are = agreed(len(self._absent), "is no feature", "are no features")
            warnings.append(
                f"[FEATS] features: {', '.join(self._absent)} {are} here, of the selection "
                f"{count(len(self.kept), 'feature')} {agreed(len(self.kept), 'is', 'are')} left"
            )
        if self._imputed:
            worst = ", ".join(f"{name} {n}" for name, n in self._imputed.most_common(3))
            are = agreed(self._imputed.total(), "is", "are")
            warnings.append(
                f"{count(self._imputed.total(), 'undefined value')} of {self._values} in "
                f"{count(len(self._imputed), 'feature')} {are} replaced by "
                f"{FILLS[self.spec['nan_strategy']]} (most: {worst})"
            )
        if self._single:
            some = ", ".join(sorted(self._single)[:3])
            warnings.append(
                f"scale = speaker: {count(len(self._single), 'speaker has', 'speakers have')} a "
                "single sample in their part, so all their features are 0 "
                f"({some}{', …' * (len(self._single) > 3)})"
            )
        notes = list(self._notes)
        for found, what in (
            (self._lacking, "undefined in all samples of a speaker, and stay so"),
            (self._constant, "the same in all samples of a speaker, and become 0"),
        ):
            if found:
                number = len(set().union(*found.values()))
                notes.append(
                    f"scale = speaker: {number} of {len(self.kept)} features are {what} "
                    f""
                    f"({count(len(found), 'speaker')})"
                )
        return {
            "notes": notes,
            "warnings": warnings,
            "counts": {
                "features": len(self.kept),
                "imputed": dict(sorted(self._imputed.items())),
                "single_sample_speakers": len(self._single),
            },
            "transductive": self.scale == "speaker",
        }

    def fit(self, X: np.ndarray, names: Sequence[str]) -> Preprocessing:
        """Fit on training rows.

        Args:
            X: (rows, features), NaN where undefined
            names: of the features

        Returns:
            itself

        Raises:
            UserError: if a selected feature does not exist, or a value is infinite
        """
        import numpy as np

        self.names = [str(name) for name in names]
        if self.spec["arrays"]:
            self.kept = list(range(len(self.names)))
            return self
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != len(self.names):
            raise ValueError(f"X of shape {X.shape} does not fit {len(self.names)} names")
        if has_frames(self.names):
            self._bags = Bags(self.names, self.spec["bags"]).fit(X)
            X, self.names = self._bags.transform(X), self._bags.names
        self.kept = self.select(self.names)
        self.refuse_infinite(X, None)
        undefined = np.isnan(X[:, self.kept]).all(axis=0)
        if undefined.any():
            lost = [name for name, u in zip(self.features, undefined, strict=True) if u]
            self._left_out(lost)
            self.kept = [i for i, u in zip(self.kept, undefined, strict=True) if not u]
        if not self.kept:
            raise UserError("[FEATS] no feature is defined in the training samples")
        Z = np.ascontiguousarray(X[:, self.kept])
        if self.spec["impute"] or not SCALERS[self.scale].gaps:
            # scikit-learn's imputers take half a second to import.
            how = self.spec["nan_strategy"]
            self._fitted["fill"] = np.zeros(len(self.kept))
            if how != "zero":
                self._fitted["fill"] = (np.nanmean if how == "mean" else np.nanmedian)(Z, axis=0)
            Z = np.where(np.isnan(Z), self._fitted["fill"], Z)
        if self.scale == "bins":
            self._fitted["limits"] = np.nanquantile(Z, BINS, axis=0)
        elif SCALERS[self.scale].estimator:
            self._fitted["scaler"] = SCALERS[self.scale].make(len(Z)).fit(Z)
        return self

    def select(self, names: list[str]) -> list[int]:
        """Positions of the selected features, in the order of the matrix.

        Args:
            names: of all features

        Raises:
            UserError: if a name is a slip, or none of them is there
        """
        wanted = self.spec["features"]
        if not wanted:
            return list(range(len(names)))
        problems = Problems()
        self._absent = [str(name) for name in wanted if name not in names]
        slips = False
        for name in self._absent:
            near = nearest(name, names)
            slips |= bool(near)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {len(names)}"
            problems.add(f"[FEATS] features: no feature {name!r}, {hint}")
        # A slip of the pen, or features of another program's set.
        if slips or len(self._absent) == len(wanted):
            problems.raise_if_any()
        return [i for i, name in enumerate(names) if name in set(wanted)]

    def like(self, names: list[str]) -> Preprocessing:
        """The same steps for some of the features, not fitted."""
        other = Preprocessing({**self.spec, "features": None})
        other.names = names
        return other

    def join(self, parts: Sequence[Preprocessing], kept: list[int], selected: list[int]) -> None:
        """Take over steps that were fitted on some features each.

        Args:
            parts: fitted on the same rows
            kept: positions of their features, of all parts
            selected: positions of those that were asked for

        Raises:
            UserError: if there is none
        """
        import numpy as np

        self.keep(kept, selected)
        for name in parts[0]._fitted:
            values = [part._fitted[name] for part in parts]
            self._fitted[name] = (
                scalers.joined(values) if name == "scaler" else np.concatenate(values, axis=-1)
            )

    def keep(self, kept: list[int], selected: list[int]) -> None:
        """Take features over that are defined in some training row.

        Args:
            kept: their positions
            selected: positions of those that were asked for

        Raises:
            UserError: if there is none
        """
        if not kept:
            raise UserError("[FEATS] no feature is defined in the training samples")
        lost = [self.names[i] for i in selected if i not in set(kept)]
        if lost:
            self._left_out(lost)
        self.kept = kept

    @property
    def learns(self) -> bool:
        """Whether there is anything to fit but which features are defined."""
        return self.spec["impute"] or self.scale == "bins" or bool(SCALERS[self.scale].estimator)

    def _left_out(self, lost: list[str]) -> None:
        self._notes.append(
            f"{count(len(lost), 'feature is', 'features are')} undefined in all training "
            "samples and left out: " + ", ".join(lost)
        )

    def transform(
        self,
        X: np.ndarray,
        speakers: np.ndarray | None = None,
        files: Sequence[str] | None = None,
        rows: np.ndarray | None = None,
    ) -> np.ndarray:
        """Apply the fitted steps.

        Args:
            X: (rows, features) of one part (train, dev or test)
            speakers: (rows), read by ``scale = speaker``
            files: (rows), for messages
            rows: (rows) their numbers, so that those seen before are not counted again

        Returns:
            (rows, :attr:`features`), float64

        Raises:
            UserError: if a value is infinite, or a speaker is needed and not known
        """
        import numpy as np

        if self.spec["arrays"]:
            return X
        X = self._bagged(np.asarray(X, dtype=np.float64))
        self.refuse_infinite(X, files)
        Z = np.ascontiguousarray(X[:, self.kept])
        if "fill" in self._fitted:
            gaps = np.isnan(Z[self._not_counted(len(Z), rows)]).sum(axis=0)
            self._imputed.update(
                {name: int(n) for name, n in zip(self.features, gaps, strict=True) if n}
            )
            Z = np.where(np.isnan(Z), self._fitted["fill"], Z)
        if self.scale == "bins":
            low, high = self._fitted["limits"]
            Z = np.where(np.isnan(Z), np.nan, 0.5 * (low <= Z) + 0.5 * (high <= Z))
        elif self.scale == "speaker":
            Z = self._by_speaker(Z, speakers)
        elif "scaler" in self._fitted:
            Z = self._fitted["scaler"].transform(Z)
            wrong = np.isinf(Z).any(axis=0)
            if wrong.any():
                bad = [name for name, w in zip(self.features, wrong, strict=True) if w]
                raise UserError(
                    f"[FEATS] scale: {self.scale} overflows in {', '.join(bad)}; take standard, "
                    "robust or quantiletransformer"
                )
        return Z

    def infinite(self, X: np.ndarray) -> np.ndarray:
        """Rows that cannot be transformed, since a resulting value is infinite.

        Args:
            X: (rows, features)

        Returns:
            (rows,), bool
        """
        import numpy as np

        if self.spec["arrays"]:
            return np.zeros(len(X), dtype=bool)
        return np.isinf(self._bagged(X)[:, self.kept]).any(axis=1)

    def fit_transform(
        self,
        X: np.ndarray,
        names: Sequence[str],
        speakers: np.ndarray | None = None,
        files: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Fit on training rows, and transform them."""
        return self.fit(X, names).transform(X, speakers, files)

    def save(self, folder: str | Path) -> None:
        """Store the fitted steps, without pickle."""
        from izwi.models import persistence

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        stored: dict[str, Any] = {"spec": self.spec, "names": self.names, "kept": self.kept}
        fitted = dict(self._fitted)
        if self._bags:
            stored["frames"] = self._bags.incoming
            fitted["bags"] = self._bags.fitted
        text = json.dumps(stored, indent=2, ensure_ascii=False)
        (folder / "preprocessing.json").write_text(text + "\n", encoding="utf-8")
        persistence.dump(fitted, folder / "preprocessing.skops")

    @classmethod
    def load(cls, folder: str | Path) -> Preprocessing:
        """Read what was saved; the report starts empty."""
        from izwi.models import persistence

        folder = Path(folder)
        stored = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))
        preprocessing = cls(stored["spec"])
        preprocessing.names = stored["names"]
        preprocessing.kept = stored["kept"]
        preprocessing._fitted = persistence.load(folder / "preprocessing.skops")
        if "medians" in preprocessing._fitted:  # as version 0.1 called it
            preprocessing._fitted["fill"] = preprocessing._fitted.pop("medians")
        if "frames" in stored:
            preprocessing._bags = Bags(
                stored["frames"], stored["spec"]["bags"], preprocessing._fitted.pop("bags")
            )
        return preprocessing

    def _bagged(self, X: np.ndarray) -> np.ndarray:
        """With bags of words in place of frames, if there are any."""
        return self._bags.transform(X) if self._bags else X

    def _not_counted(self, n: int, rows: np.ndarray | None) -> np.ndarray:
        import numpy as np

        fresh = np.ones(n, dtype=bool)
        if rows is not None:
            fresh = np.array([int(row) not in self._counted for row in rows], dtype=bool)
            self._counted.update(int(row) for row in rows)
        self._values += int(fresh.sum()) * len(self.kept)
        return fresh

    def _by_speaker(self, Z: np.ndarray, speakers: np.ndarray | None) -> np.ndarray:
        """Z-scores over the rows of each speaker; 0 where there is no variance."""
        import numpy as np
        import pandas as pd
        from sklearn.preprocessing import StandardScaler

        if speakers is None:
            raise UserError("[FEATS] scale: speaker needs speakers, and the databases have none")
        missing = int(pd.isna(speakers).sum())
        if missing:
            raise UserError(
                f"[FEATS] scale: speaker needs the speaker of each sample, {missing} of "
                f"{len(Z)} have none"
            )
        scaled = np.empty_like(Z)
        for speaker, rows in pd.Series(range(len(Z))).groupby(np.asarray(speakers)):
            own = Z[rows.to_numpy()]
            gaps = np.isnan(own)
            with np.errstate(invalid="ignore"):  # 0/0, the mean of a feature without a value
                z = StandardScaler().fit_transform(own)
            same = np.fmax.reduce(own) == np.fmin.reduce(own)
            # Otherwise rounding leaves 1e-16, by which speakers could be recognised.
            z[:, same] = np.where(gaps[:, same], np.nan, 0)
            scaled[rows.to_numpy()] = z
            self._remember(self._lacking, speaker, gaps.all(axis=0))
            if len(rows) == 1:
                self._single.add(str(speaker))
            else:
                self._remember(self._constant, speaker, same)
        return scaled

    def _remember(self, found: dict[str, set[str]], speaker: Any, columns: np.ndarray) -> None:
        names = {name for name, c in zip(self.features, columns, strict=True) if c}
        if names:
            found.setdefault(str(speaker), set()).update(names)

    def refuse_infinite(self, X: np.ndarray, files: Sequence[str] | None = None) -> None:
        """Refuse infinite values of the kept features.

        Args:
            X: (rows, features)
            files: (rows), for messages

        Raises:
            UserError: if there are some
        """
        import numpy as np

        infinite = np.isinf(X[:, self.kept])
        if not infinite.any():
            return
        columns = infinite.any(axis=0)
        names = [name for name, c in zip(self.features, columns, strict=True) if c]
        rows = np.flatnonzero(infinite.any(axis=1))
        where = f"{len(rows)} samples" if files is None else f"{files[rows[0]]}"
        if files is not None and len(rows) > 1:
            where += f" and {len(rows) - 1} more"
        raise UserError(
            f"[FEATS] infinite values of {', '.join(names[:5])}{', …' * (len(names) > 5)} in "
            f"{where}: fix or leave out these features ([FEATS] features) or samples"
        )
