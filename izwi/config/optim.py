"""nkululeko's ``[OPTIM]`` as lines of ``[MODEL]``: the same search, nested in the training data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from izwi.config import options as table
from izwi.config.ini import Value, literal, unquoted
from izwi.config.options import MEASURES, convert

# Its names of options → those of the models.
_NAMES = {"lr": "learning_rate", "do": "drop", "bs": "batch_size"}
_SETTINGS = ("model", "search_strategy", "metric", "n_iter", "cv_folds", "random_state")
_DEFAULTS = {"model": "mlp", "search_strategy": "grid", "n_iter": "50"}
# scikit-learn's names of measures.
_SCORINGS = {
    **dict.fromkeys(("recall_macro", "balanced_accuracy"), "uar"),
    **{"accuracy": "accuracy", "f1_macro": "f1"},
    **{"mean_squared_error": "mse", "mean_absolute_error": "mae"},
}
# Ranges of two numbers whose steps are factors.
_DOUBLED = ("nnodes", "bs")
_MOST_VALUES = 50


def as_tune(sections: Mapping[str, Mapping[str, Value]]) -> str:
    """What to write into ``[MODEL]``, on one line; empty if nothing can be searched over.

    Args:
        sections: of the ini, upper case → lower-case key → value
    """
    stated = {key: unquoted(value.text) for key, value in sections["OPTIM"].items()}
    setting = _DEFAULTS | {key: stated.pop(key) for key in _SETTINGS if key in stated}
    model = sections.get("MODEL", {})
    kind = setting["model"].lower()
    if kind not in table.registry("models"):
        return ""
    values = _values(kind, stated)
    if not values:
        return ""
    lines = [f"tune = {values}"]
    type_ = unquoted(model["type"].text) if "type" in model else ""
    if type_.lower() != kind:
        lines.insert(0, f"type = {kind}")
    from izwi.training.tuning import MOST_CANDIDATES

    strategy = setting["search_strategy"].lower()
    number = math.prod(map(len, values.values()))
    few = setting["n_iter"].isdecimal() and number <= int(setting["n_iter"])
    if (strategy.startswith("random") and not few) or (
        number > MOST_CANDIDATES and strategy != "tpe"
    ):
        lines += ["tune.search_strategy = random", f"tune.n_iter = {setting['n_iter']}"]
    elif strategy == "tpe":
        lines += ["tune.search_strategy = tpe", f"tune.n_iter = {setting['n_iter']}"]
    elif strategy.startswith("halving"):
        lines.append("tune.search_strategy = halving")
    if "cv_folds" in setting:
        lines.append(f"tune.folds = {setting['cv_folds']}")
    metric = setting.get("metric", "").lower()
    known = {name for names in MEASURES.values() for name in names}
    if metric in known and "measure" not in model:
        lines.append(f"measure = {metric}")
    return ", ".join(lines)


def in_place_of(model: Mapping[str, Value]) -> str:
    """Advice on ``tuning_params``, which names options of ``[MODEL]`` whose values are tried."""
    kind = unquoted(model["type"].text).lower() if "type" in model else ""
    if kind not in table.registry("models"):
        return ""
    names = [str(name).lower() for name in _listed("", model["tuning_params"].text)]
    values = _values(kind, {name: model[name].text for name in names if name in model})
    if not values:
        return ""
    lines = [f"tune = {values}"]
    if "scoring" in model:
        scoring = unquoted(model["scoring"].text).removeprefix("neg_")
        measure = _SCORINGS.get(scoring)
        lines += [f"measure = {measure}"] if measure and "measure" not in model else []
    gone = ", ".join(sorted({"tuning_params", "scoring", *names} & set(model)))
    return f"write {', '.join(lines)} in place of {gone}"


def _values(kind: str, stated: Mapping[str, str]) -> dict[str, list[Any]]:
    """Option of the model → the values that it can have."""
    found: dict[str, list[Any]] = {}
    own = table.own_options("models", kind)
    listed = {name: _listed(name, text) for name, text in stated.items()}
    numbers, widths = listed.pop("nlayers", []), listed.pop("nnodes", [])
    if "layers" in own and (numbers or widths):
        pairs = itertools.product(numbers or [1], widths or [64])
        listed["layers"] = [[width] * number for number, width in pairs if type(number) is int]
    for name, values in listed.items():
        option = own.get(_NAMES.get(name, name))
        if option is None or option.status != "ok":
            continue
        kept = []
        for value in values:
            try:
                kept.append(convert(option, value if isinstance(value, str) else repr(value)))
            except ValueError:
                # Another model's, or one that there is not here.
                continue
        if kept:
            found[option.name] = list(kept)
    return found


def _listed(name: str, text: str) -> list[Any]:
    """A list of values, or the values of a range ``(from, to)`` or ``(from, to, step)``."""
    try:
        value = literal(text)
    except ValueError:
        return []
    if not isinstance(value, tuple):
        return list(value) if isinstance(value, list) else [value]
    if len(value) not in (2, 3) or not all(isinstance(v, int | float) for v in value):
        return list(value)
    low, high, *step = value
    if not low < high or (step and step[0] <= 0) or (name in ("lr", *_DOUBLED) and low <= 0):
        return [low]
    if step or name not in ("lr", "do", *_DOUBLED):
        width = step[0] if step else 1
        number = min(int((high - low) / width + 1e-9) + 1, _MOST_VALUES)
        return [_short(low + i * width) for i in range(number)]
    if name in _DOUBLED:
        return [low * 2**i for i in range(int(math.log2(high / low) + 1e-9) + 1)]
    if name == "do":
        return [_short(low + i * (high - low) / 5) for i in range(6)]
    number = min(8, max(5, int(2 * math.log10(high / low))))
    return [_short(low * (high / low) ** (i / (number - 1))) for i in range(number)]


def _short(number: float) -> float:
    return number if isinstance(number, int) else float(f"{number:.4g}")
