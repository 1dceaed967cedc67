"""A trained model at work on other audio: the run that is best on dev, with its own features."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data import audio, bad_audio, channels
from izwi.engine.keys import versions_of
from izwi.errors import UserError
from izwi.features import TableExtractor, extractor_class
from izwi.reporting.record import check_trained, members
from izwi.training.fitting import Fitted
from izwi.untrusted import read_json, shown
from izwi.wording import count

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PROGRESS_SECONDS = 3.0


def model_folder(name: str, results: str | Path = "results") -> Path:
    """Where the models of an experiment lie.

    Args:
        name: of the experiment
        results: folder of results

    Raises:
        UserError: if there is no such experiment, or it keeps no model
    """
    experiments = Path(results) / "experiments"
    record = experiments / name / "experiment.json"
    if not record.is_file():
        there = sorted(path.parent.name for path in experiments.glob("*/experiment.json"))
        known = f"there are {', '.join(there)}" if there else "there are none"
        raise UserError(f"no experiment '{name}' in {results}: {known}; run its ini first")
    content = read_json(record)
    check_trained(content)
    if fused := members(content):
        raise UserError(
            f"'{name}' fuses the predictions of others and has no model; take one of its members: "
            f"{', '.join(fused)}"
        )
    kept = content["stages"]["train"]["files"]["model"]
    # If the results were moved, only the last parts of the path are still right.
    folder = Path(results, *Path(kept).parts[-3:])
    if not folder.is_dir():
        raise UserError(f"the model of '{name}' is not there: {folder} is missing; run its ini")
    return folder


class Predictor:
    """A trained model, loaded once and ready for any audio.

    Args:
        folder: as the workflow writes it, ``<results>/models/<type>-<key>`` or ``model`` in it;
            all that is needed lies in the latter

    Attributes:
        task: ``classification`` or ``regression``
        labels: classes in order, None in regression
        title: what kind of model on which features, and which run
        transductive: whether the files of a call change each other's predictions
        notes: what to know of all its predictions, one line each

    Raises:
        UserError: if there is no model in the folder, or none that can be used on other audio
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        if (folder / "model" / "model.json").is_file():
            folder = folder / "model"
        try:
            self._load(folder)
        except (UserError, MemoryError, ImportError):
            raise
        # A folder that was changed, or made by another izwi, ends its readers in many ways.
        except Exception as error:
            reason = shown(" ".join(str(error).split()) or type(error).__name__, 300)
            raise UserError(
                f"{folder}: the model cannot be read ({type(error).__name__}: {reason}); run the "
                "experiment again"
            ) from error

    def _load(self, folder: Path) -> None:
        kept = _description(folder)
        run = kept["best_run"]
        with _without_opensmile_warnings():
            self._extractors = [
                extractor_class(feature_set["type"])(feature_set["options"])
                for feature_set in kept["feature_sets"]
            ]
        self._fitted = Fitted.load(folder / f"run{run}", kept["features"])
        self.task: str = kept["task"]
        self.labels: list[str] | None = kept["labels"]
        self.transductive = self._fitted.preprocessing.report["transductive"]
        features = " + ".join(feature_set["type"] for feature_set in kept["feature_sets"])
        self.title = f"{kept['model']['type']} on {features}, {_which(run, kept['runs'])}"
        trained = [feature_set["versions"] for feature_set in kept["feature_sets"]]
        trained.append(read_json(folder / f"run{run}" / "model" / "model.json")["versions"])
        self.notes = _changes(trained)

    def predict(
        self,
        rows: Iterable[str | Path] | pd.DataFrame,
        *,
        progress: Callable[[str], None] | None = None,
    ) -> pd.DataFrame:
        """Predict audio files, or parts of them.

        Args:
            rows: paths, or ``file`` (a path), ``start`` and ``end`` (Timedelta, seconds or missing)
            progress: takes a line of text every few seconds

        Returns:
            a row for each of ``rows`` in their order: ``file, start, end, prediction``, for
            classification ``p_<label>`` for every label, ``seconds`` that it took, and ``problem``:
            why there is no prediction, or None. ``attrs["notes"]`` holds what to know of this call.
        """
        import numpy as np
        import pandas as pd

        table = _table(rows)
        say, last_said = progress or (lambda line: None), time.monotonic()
        seconds = np.zeros(len(table))
        problems: list[str | None] = [None] * len(table)
        vectors: dict[int, list[np.ndarray]] = {}
        kinds: dict[int, str] = {}
        with _without_opensmile_warnings():
            for row, (file, start, end) in enumerate(table.itertuples(index=False, name=None)):
                began = time.perf_counter()
                try:
                    vectors[row], kinds[row] = self._vectors(file, start, end)
                except audio.AudioError as error:
                    problems[row] = str(error)
                seconds[row] = time.perf_counter() - began
                if time.monotonic() - last_said > PROGRESS_SECONDS:
                    last_said = time.monotonic()
                    say(f"{row + 1} of {count(len(table), 'file')}")

        good = list(vectors)
        odd = bad_audio.remarks(table["file"].iloc[good].unique(), 1)
        names = [Path(file).name for file in table["file"].iloc[good]]
        odd += channels.warnings(names, kinds.values())
        features, notes = self._matrix(table.iloc[good], list(vectors.values()))
        infinite = self._fitted.preprocessing.infinite(features)
        for row in [row for row, wrong in zip(good, infinite, strict=True) if wrong]:
            problems[row] = "features that are infinite"
            good.remove(row)
        result = table.assign(prediction=None)
        if self.task == "regression":
            result["prediction"] = np.nan
        for label in self.labels or []:
            result[f"p_{label}"] = np.nan
        if good:
            began = time.perf_counter()
            # A copy, since its report grows with each call.
            preprocessing = copy.deepcopy(self._fitted.preprocessing)
            one = np.full(len(good), "the speaker of this call")
            predicted = self._fitted.decide(preprocessing.transform(features[~infinite], one))
            seconds[good] += (time.perf_counter() - began) / len(good)
            result.loc[good, "prediction"] = predicted.decision
            if predicted.probabilities is not None:
                for column, label in enumerate(self.labels or []):
                    result.loc[good, f"p_{label}"] = predicted.probabilities[:, column]
            if self.transductive:
                what = f"all {len(good)} files are" if len(good) > 1 else "the file is"
                notes.append(f"scale = speaker: {what} taken as all of one speaker's")
            notes += preprocessing.report["warnings"]
        result["seconds"] = seconds
        result["problem"] = pd.Series(problems, dtype=object)
        result.attrs["notes"] = odd + notes
        return result

    def _vectors(self, file: str, start: Any, end: Any) -> tuple[list[np.ndarray], str]:
        """Features of one row by all extractors, and what is odd about its channels."""
        import numpy as np

        signal, rate = audio.read(file, start, end)
        vectors = []
        for extractor in self._extractors:
            features = extractor(signal, rate)
            aside = np.asarray(extractor.aside(signal, rate), dtype=features.dtype)
            vectors.append(np.concatenate([features, aside]))
        averaged = any(one.name not in channels.NOT_AVERAGED for one in self._extractors)
        return vectors, channels.oddity(signal) if averaged else ""

    def _matrix(
        self, table: pd.DataFrame, vectors: list[list[np.ndarray]]
    ) -> tuple[np.ndarray, list[str]]:
        """Features in the order of training, shape (rows, features), and remarks on them."""
        import numpy as np
        import pandas as pd

        from izwi.training.fit_predict import stack

        table = table.reset_index(drop=True)
        matrices, remarks = [], []
        for position, extractor in enumerate(self._extractors):
            columns = [*extractor.columns, *extractor.asides]
            own = [row[position] for row in vectors]
            values = np.stack(own) if own else np.empty((0, len(columns)))
            frame = pd.DataFrame(values, columns=columns)
            if own:
                remarks += extractor.remarks(frame)
            matrices.append(pd.concat([table, frame[extractor.columns]], axis=1))
        _, features = stack([table], [matrices])
        if list(features.columns) != self._fitted.names:
            raise UserError(
                "the features are not those that the model was trained on: izwi or a package has "
                "changed; run the experiment again"
            )
        return features.to_numpy(), remarks


def _description(folder: Path) -> dict[str, Any]:
    """model.json of a folder, if its model can be used on other audio."""
    if not (folder / "model.json").is_file():
        raise UserError(f"{folder}: no model here; name a folder such as results/models/svm-…")
    kept = read_json(folder / "model.json")
    if not isinstance(kept, dict) or "feature_sets" not in kept:
        raise UserError(f"{folder}: made by an older izwi; run the experiment again")
    if kept["folds"]:
        raise UserError(
            f"{folder}: cross-validation trains a model for each of its {kept['folds']} folds and "
            "none for all data; run the ini once more under another name without logo and "
            "k_fold_cross, and try that"
        )
    if kept.get("submodels"):
        raise UserError(
            f"{folder}: holds a model for each value of {kept['submodels']['column']}; run the ini "
            "once more under another name without submodel, and try that"
        )
    if type(kept["best_run"]) is not int:
        raise UserError(f"{folder}: model.json names no run; run the experiment again")
    for feature_set in kept["feature_sets"]:
        if issubclass(extractor_class(feature_set["type"]), TableExtractor):
            raise UserError(
                f"{folder}: it reads features from a file (FEATS.type = {feature_set['type']}), "
                "so izwi cannot compute them for other audio"
            )
    if not (folder / f"run{kept['best_run']}" / "preprocessing").is_dir():
        raise UserError(f"{folder}: run {kept['best_run']} is missing; run the experiment again")
    return kept


def _which(run: int, runs: list[dict[str, Any]]) -> str:
    if len(runs) == 1:
        return "its only run"
    why = "best on dev" if runs[run - 1]["dev"] is not None else "the first, there is no dev set"
    return f"run {run} of {len(runs)} ({why})"


def _changes(trained: list[dict[str, str | None]]) -> list[str]:
    """Packages whose version differs from that of the training."""
    lines = []
    for name, before in {name: v for versions in trained for name, v in versions.items()}.items():
        now = versions_of((name,))[name]
        if now != before:
            lines.append(f"{name} {before} trained the model, {now} is here: figures may differ")
    return lines


def _table(rows: Iterable[str | Path] | pd.DataFrame) -> pd.DataFrame:
    """``file``, ``start``, ``end`` of what is to be predicted."""
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        table = rows.reindex(columns=["file", "start", "end"]).reset_index(drop=True)
    else:
        table = pd.DataFrame({"file": list(rows), "start": None, "end": None})
    table["file"] = table["file"].map(str)
    return table


@contextmanager
def _without_opensmile_warnings() -> Iterator[None]:
    """Silence openSMILE, which calls sets deprecated that papers use."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="opensmile")
        yield
