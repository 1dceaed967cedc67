"""How the recordings of an experiment are cut into segments."""

from __future__ import annotations

from typing import Any

from izwi.config.experiment.entries import Entries
from izwi.config.experiment.exports import read_selection
from izwi.config.experiment.resolved import SegmentSpec, SplitSpec
from izwi.config.options.sections.others import OF_MODULES

# Seconds of a rest that is a segment of its own, as nkululeko has it.
_SHORTEST = 2.0
_ONLY = {
    "silero": ("max_length", "threshold", "min_speech", "min_silence", "pad"),
    "fixed": ("window", "hop"),
}


def read_segmentation(entries: Entries, split: SplitSpec, *, described: bool) -> SegmentSpec | None:
    """What ``[SEGMENT]`` asks for.

    Args:
        entries: of the ini
        split: of the recordings
        described: whether nothing is trained; then the section alone asks for segments

    Returns:
        None where samples are the rows of the databases
    """
    section = entries.ini.sections.get("SEGMENT")
    wanted = entries.get("DATA", "segment")
    if not wanted and (section is None or not described or ("DATA", "segment") in entries.general):
        given = [entries.spelt(lower) for lower in section or ()]
        if given:
            entries.notes.append(
                f"[SEGMENT] {', '.join(given)}: no effect here, {OF_MODULES}; DATA.segment = True "
                "trains on the segments"
            )
        return None
    if described and section is not None:
        entries.notes.append("[SEGMENT]: recordings are cut, the samples are their segments")
    method = _method(entries)
    value = {
        name: entries.get("SEGMENT", name)
        for name in (*_ONLY["silero"], *_ONLY["fixed"], "min_length", "include_silence_borders")
    }
    for name in ("min_length", "max_length"):
        if value[name] is True:
            entries.problem("SEGMENT", name, "True is no length, name seconds")
        value[name] = value[name] or None
    idle = [
        entries.spelt(name)
        for other, names in _ONLY.items()
        for name in names
        if other != method and ("SEGMENT", name) in entries.general
    ]
    if idle:
        entries.notes.append(f"[SEGMENT] {', '.join(idle)}: no effect with method = {method}")
    if method == "fixed":
        _windows(entries, value)
    else:
        from izwi.segmentation import silero

        value["window"] = value["hop"] = None
        if (lacks := silero.absent()) and method == "silero":
            entries.problem("SEGMENT", "method", lacks)
        if value["max_length"] and (value["min_length"] or 0) > value["max_length"]:
            entries.problem(
                "SEGMENT",
                "min_length",
                f"{value['min_length']:g} is more than max_length, {value['max_length']:g}",
            )
    rest = min(_SHORTEST, (value["max_length"] or 0) / 2)
    if value["min_length"] or ("SEGMENT", "min_length") in entries.general:
        rest = value["min_length"] or 0.0
    return SegmentSpec(
        method=method,
        min_rest=rest if method == "silero" else 0.0,
        selection=read_selection(entries, "SEGMENT", split),
        min_length=value["min_length"] or 0.0,
        max_length=value["max_length"],
        window=value["window"],
        hop=value["hop"],
        threshold=value["threshold"],
        min_speech=value["min_speech"],
        min_silence=value["min_silence"],
        pad=value["pad"],
        include_silence_borders=value["include_silence_borders"],
    )


def _method(entries: Entries) -> str:
    """The method; one that is not built is a problem."""
    given = entries.general.get(("SEGMENT", "method"))
    if given and given[1].text.strip("'\" ").lower() in ("pyannote", "ina", "inaspeechsegmenter"):
        entries.problem(
            "SEGMENT",
            "method",
            f"{given[1].text} is not built: take silero, which finds speech; "
            "PREDICT.targets = ['speaker'] groups recordings by voice",
        )
        return ""
    return str(entries.get("SEGMENT", "method"))


def _windows(entries: Entries, value: dict[str, Any]) -> None:
    """Check and complete the options of windows."""
    value["max_length"] = None
    if not value["window"]:
        entries.problem("SEGMENT", "window", "missing, name seconds, such as window = 3")
        return
    value["hop"] = value["hop"] or value["window"]
    if value["hop"] > value["window"]:
        entries.warnings.append(
            f"[SEGMENT] hop: {value['hop']:g} s is more than the window, {value['window']:g} s, so "
            "parts of the recordings are in no segment"
        )
    if value["min_length"] is None and ("SEGMENT", "min_length") not in entries.general:
        value["min_length"] = value["window"] / 2
    if (value["min_length"] or 0) > value["window"]:
        entries.problem(
            "SEGMENT",
            "min_length",
            f"{value['min_length']:g} is more than the window, {value['window']:g}: none is left",
        )
