"""The table of general options: one typed, documented line for each key of an ini."""

from __future__ import annotations

from izwi.config.options.option import Option
from izwi.config.options.sections import data, exp, feats, model, others, plot

GENERAL: tuple[Option, ...] = (
    *exp.OPTIONS,
    *data.OPTIONS,
    *feats.OPTIONS,
    *model.OPTIONS,
    *plot.OPTIONS,
    *others.OPTIONS,
)
SECTIONS = tuple(dict.fromkeys(option.section for option in GENERAL))
