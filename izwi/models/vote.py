"""Several models that vote: the mean of their probabilities or, in regression, of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.config.options import Option, convert, model_option, own_options, registry
from izwi.errors import UserError
from izwi.models.base import Model

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from izwi.models.base import Dev


def _models(*default: str) -> Option:
    return model_option(
        "vote.models", "list", list(default), "types of the models that vote, two or more"
    )


_OPTIONS = (
    model_option(
        "vote.options",
        "dict",
        None,
        "options of the models, such as {'svm': {'C_val': 10}, 'rf': {'n_estimators': 300}}; "
        "others have their default",
    ),
    model_option(
        "vote.weights",
        "number_list",
        None,
        "weight of each model, in their order (default: all the same)",
    ),
)


class _Vote(Model):
    packages = ("scikit-learn", "xgboost-cpu")
    members: list[Model]

    @classmethod
    def is_deterministic(cls, options: dict[str, Any]) -> bool:
        return all(kind.is_deterministic(own) for kind, own in cls._members(options, []))

    @classmethod
    def check(cls, options: dict[str, Any]) -> list[str]:
        problems = super().check(options)
        names = options["vote.models"]
        members = cls._members(options, problems)
        if not problems and len(members) < 2:
            problems.append(f"[MODEL] vote.models: {names!r} are fewer than two models")
        weights = options["vote.weights"]
        if weights is not None and (
            len(weights) != len(names) or min(weights) < 0 or not sum(weights)
        ):
            problems.append(
                f"[MODEL] vote.weights: {weights!r} are not {len(names)} weights, none below 0 and "
                "one above"
            )
        return problems

    @classmethod
    def content(cls, options: dict[str, Any]) -> Any:
        from izwi.engine.code import code_of

        return code_of(*(kind.__module__ for kind, _ in cls._members(options, [])))

    @classmethod
    def _members(
        cls, options: dict[str, Any], problems: list[str]
    ) -> list[tuple[type[Model], dict[str, Any]]]:
        """Class and options of each model that votes; what is wrong is added to the problems."""
        from izwi.models import model_class

        found = []
        options = {option.name: option.default for option in cls.options} | options
        wanted = dict(options.get("vote.options") or {})
        for name in options["vote.models"]:
            if name not in registry("models"):
                problems.append(f"[MODEL] vote.models: there is no model {name!r}")
                continue
            kind = model_class(name)
            if kind.task != cls.task or kind.group != "core" or issubclass(kind, _Vote):
                problems.append(
                    f"[MODEL] vote.models: {name} cannot vote, "
                    + (
                        f"it is no model of {cls.task}"
                        if kind.task != cls.task
                        else "only models of scikit-learn and xgboost can"
                    )
                )
                continue
            own = _values(name, wanted.pop(name, {}), problems)
            if options.get("class_weight"):
                own["class_weight"] = True
            if kind.stops_early(own):
                problems.append(f"[MODEL] vote.options: {name} cannot stop early when it votes")
            problems += [line for line in kind.check(own) if line not in problems]
            found.append((kind, own))
        problems += [f"[MODEL] vote.options: {name!r} is not in vote.models" for name in wanted]
        return found

    def _fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, dev: Dev | None
    ) -> dict[str, Any]:
        told: dict[str, list[str]] = {"notes": [], "warnings": []}
        self.members = []
        for kind, own in self._members(self.values, []):
            member = kind(own, seed=self.seed, labels=self.classes or None)
            member.features = self.features
            member.sources = self.sources
            report = member.fit(X, y, groups=groups)
            for level, lines in told.items():
                lines += [line for line in report[level] if line not in lines]
            self.members.append(member)
        return told

    def _mean(self, votes: list[np.ndarray]) -> np.ndarray:
        import numpy as np

        return np.average(votes, axis=0, weights=self.values["vote.weights"])

    def _save(self, folder: Path) -> dict[str, Any]:
        folders = [f"{i}-{member.name}" for i, member in enumerate(self.members, start=1)]
        for name, member in zip(folders, self.members, strict=True):
            member.save(folder / name)
        return {"members": folders}

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        from izwi.models import load_model

        known = [f"{i}-{n}" for i, n in enumerate(self.values["vote.models"], start=1)]
        if state["members"] != known:
            raise UserError(f"{folder}: its members are not those that vote: {known}")
        self.members = [load_model(folder / name) for name in known]


class Vote(_Vote):
    """Soft voting: the class with the highest mean of the probabilities of several models."""

    name = "vote"
    task = "classification"
    handles_class_weight = True
    options = (_models("svm", "rf", "logreg"), *_OPTIONS)

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        import numpy as np

        p = self._mean([member.predict(X).class_probabilities() for member in self.members])
        return np.asarray(self.classes)[p.argmax(axis=1)], p


class VoteRegression(_Vote):
    """The mean of the predictions of several models."""

    name = "vote_reg"
    task = "regression"
    options = (_models("svr", "rf_reg", "ridge"), *_OPTIONS)

    def _predict(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return self._mean([member.predict(X).decision for member in self.members]), None


def _values(name: str, stated: Any, problems: list[str]) -> dict[str, Any]:
    """Every option of a model with its value."""
    own = own_options("models", name)
    values = {option.name: option.default for option in own.values() if option.status == "ok"}
    if not isinstance(stated, dict):
        problems.append(f"[MODEL] vote.options: {stated!r} are no options of {name}")
        return values
    for key, value in stated.items():
        option = own.get(str(key).lower())
        if option is None or option.status != "ok":
            there = ", ".join(sorted(values)) or "none"
            problems.append(
                f"[MODEL] vote.options: {key!r} is no option of {name}, there are {there}"
            )
            continue
        try:
            found = convert(option, value if isinstance(value, str) else repr(value))
        except ValueError as error:
            problems.append(f"[MODEL] vote.options: {name}, {option.name}: {error}")
            continue
        values[option.name] = list(found) if isinstance(found, tuple) else found
    return values
