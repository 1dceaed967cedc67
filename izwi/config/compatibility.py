"""``EXP.compatibility``: what nkululeko does where an ini is silent, as far as it leaks nothing.

Read from its source, version 1.14: ``config_val(section, option, default)``.
"""

from __future__ import annotations

import ast
from typing import Any

from izwi.config.ini import Ini, Value
from izwi.splits.strategies import AFTERWARDS

NKULULEKO = "nkululeko"
_NETS = ("mlp", "mlp_reg", "cnn", "cnn_reg")
_FINETUNED = ("finetune", "finetune_reg")
# Families of transformers that it reads by cutting layers off.
_WAVES = ("wav2vec2", "hubert", "wavlm")
# Options that its model does not read.
_UNREAD = {
    **dict.fromkeys(("svm", "svr"), ("gamma", "degree", "epsilon")),
    **dict.fromkeys(("tree", "tree_reg"), ("max_depth", "min_samples_leaf", "class_weight")),
    **dict.fromkeys(
        _NETS,
        (
            *("scheduler", "scheduler.step_size", "scheduler.gamma", "warmup_epochs"),
            *("max_grad_norm", "feature_noise"),
        ),
    ),
    "xgb": ("colsample_bytree", "min_child_weight", "gamma", "reg_lambda"),
    "xgr": (
        *("n_estimators", "max_depth", "learning_rate", "subsample"),
        *("colsample_bytree", "min_child_weight", "gamma", "reg_lambda"),
    ),
}
# What says which rows are tested, without a strategy of each database.
_SPLITS = {"MODEL": ("logo", "k_fold_cross"), "DATA": ("trains", "tests", "split_strategy")}
_ALIASES = {
    "c_val": ("c",),
    "whisper.pooling": ("pooling",),
    **{f"{family}.final_norm": ("final_norm",) for family in _WAVES},
}


def wants(ini: Ini) -> bool:
    """Whether an ini asks for nkululeko's defaults."""
    return _word(ini, "EXP", "compatibility") == NKULULEKO


def apply(ini: Ini) -> list[str]:
    """Write nkululeko's defaults of model and features into an ini, take out what it does not read.

    Args:
        ini: changed in place

    Returns:
        notes on what was changed
    """
    model = _word(ini, "MODEL", "type")
    regression = model.endswith("_reg") or _word(ini, "EXP", "type") == "regression"
    defaults = [("FEATS", "fail_threshold", "0.5")]
    if model not in _FINETUNED:
        defaults.append(("FEATS", "nan_strategy", "zero"))
    if model == "mlp_reg":
        defaults.append(("MODEL", "scale_target", "False"))
    if model in _FINETUNED:
        defaults.append(("MODEL", "gradient_accumulation_steps", "4"))
    if model == "svr":
        defaults.append(("MODEL", "C_val", "0.001"))
    if model in (*_NETS, *_FINETUNED):
        defaults.append(("EXP", "epochs", "1"))
    if model in _NETS:
        defaults.append(("MODEL", "patience", "False"))
    if model in _FINETUNED and regression:
        defaults += [("MODEL", "loss", "1-ccc"), ("MODEL", "measure", "ccc")]
    if _word(ini, "FEATS", "type").startswith("whisper"):
        defaults.append(("FEATS", "whisper.pooling", "all"))
    defaults += _norms(ini)
    notes = [note for default in defaults if (note := _set(ini, *default))]
    entries = ini.sections.get("MODEL", {})
    if model in _NETS and (note := _sort_layers(entries)):
        notes.append(note)
    for name in _UNREAD.get(model, ()):
        if entries.pop(name, None) is not None:
            notes.append(f"[EXP] compatibility: MODEL.{name} is not read, as nkululeko's {model}")
    return notes


def _norms(ini: Ini) -> list[tuple[str, str, str]]:
    """The last norm behind an inner layer, for each family whose layer is asked for."""
    feats = ini.sections.get("FEATS", {})
    types = _word(ini, "FEATS", "type")
    return [
        ("FEATS", f"{family}.final_norm", "True")
        for family in _WAVES
        if family in types
        and any(
            feats[key].text.strip() != "0" for key in (f"{family}.layer", "layer") if key in feats
        )
    ]


def _sort_layers(entries: dict[str, Value]) -> str:
    """Hidden layers from the smallest on; a note on it, empty where they are so."""
    try:
        layers = ast.literal_eval(entries["layers"].text)
        sizes = list(layers.values()) if isinstance(layers, dict) else list(layers)
        ordered = sorted(sizes)
    # What is wrong with them is told where they are read.
    except (KeyError, ValueError, SyntaxError, TypeError):
        return ""
    if sizes == ordered:
        return ""
    entries["layers"] = entries["layers"]._replace(text=str(ordered))
    return f"[EXP] compatibility: MODEL.layers = {ordered}, sorted as nkululeko does"


def split(ini: Ini, databases: list[str]) -> list[str]:
    """The same for databases: rows with gaps, and the split.

    Speakers are drawn, where tables of the database may say more; a flat mapping drops all rows
    with a gap.

    Args:
        ini: changed in place, with what root files say
        databases: names of its databases

    Returns:
        notes on what was changed
    """
    data = ini.sections.get("DATA", {})
    found = [
        _set(ini, "DATA", f"{name}.required", "['*']")
        for name in databases
        if "required" not in data and _is_flat(data, name)
    ]
    later = [name for name in AFTERWARDS if name in data]
    if later:
        found.append(f"[EXP] compatibility: DATA.{', '.join(later)} behind the split, on each part")
    if any(name in ini.sections.get(s, {}) for s, names in _SPLITS.items() for name in names):
        return [note for note in found if note]
    found += [_set(ini, "DATA", f"{name}.split_strategy", "speaker_split") for name in databases]
    return [note for note in found if note]


def _is_flat(data: dict[str, Value], name: str) -> bool:
    """Whether the mapping of a database is one of values, not of columns."""
    entry = data.get(f"{name.lower()}.mapping") or data.get("mapping")
    try:
        mapping = ast.literal_eval(entry.text) if entry else None
    # What is wrong with it is told where it is read.
    except (ValueError, SyntaxError):
        return False
    return isinstance(mapping, dict) and not any(isinstance(v, dict) for v in mapping.values())


def _set(ini: Ini, section: str, name: str, text: str) -> str:
    """Set an option that an ini does not; a note on it, empty where it does."""
    entries, lower = ini.sections.setdefault(section, {}), name.lower()
    if lower in entries or any(other in entries for other in _ALIASES.get(lower, ())):
        return ""
    entries[lower] = Value(text, 0)
    ini.spelling.setdefault(lower, name)
    return f"[EXP] compatibility: {section}.{name} = {text}, as nkululeko has it"


def _word(ini: Ini, section: str, name: str) -> str:
    found: Any = ini.sections.get(section, {}).get(name)
    return found.text.strip(" []'\"").lower() if found else ""
