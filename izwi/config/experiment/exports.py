"""Data that an ini asks to be written: segments, resampled audio, exported databases."""

from __future__ import annotations

import os
from typing import Any

from izwi.config.experiment.entries import Entries
from izwi.config.experiment.names import no_folder
from izwi.config.experiment.resolved import ExportSpec, SegmentSpec, SplitSpec
from izwi.config.options.sections.others import OF_MODULES
from izwi.data import soft_labels

_AUDIO = "audio"
# Sections to which EXP.sample_selection belongs where they are there; else it is of pictures.
SELECTING = ("SEGMENT", "RESAMPLE", "EXPORT", "AUGMENT", "PREDICT")
# Tables of an export, without ending; files and folders of an experiment.
_OWN = ("db.files",)
_TAKEN = ("explain", "export", "plots", "predictions", "resample", "soft_labels")


def read_exports(
    entries: Entries,
    name: str,
    split: SplitSpec,
    segmentation: SegmentSpec | None,
    *,
    described: bool,
) -> tuple[ExportSpec, ...]:
    """What ``[SEGMENT]``, ``[RESAMPLE]`` and ``[EXPORT]`` ask to be written.

    Args:
        entries: of the ini
        name: of the experiment
        split: of its data
        segmentation: how recordings are cut, None if they are not
        described: whether nothing is trained; then a section alone asks for it
    """
    found = []
    if segmentation is not None:
        found.append(_segments(entries, name, segmentation))
    for section in ("RESAMPLE", "EXPORT"):
        given = entries.ini.sections.get(section)
        if given is None:
            continue
        if not described and not entries.get(section, "always"):
            taken = [entries.spelt(key) for (own, _), (key, _) in _general(entries, section)]
            if taken:
                entries.notes.append(
                    f"[{section}] {', '.join(taken)}: no effect here, {OF_MODULES}; "
                    f"{section}.always = True does it beside a model, too"
                )
            continue
        found.append((_resampled if section == "RESAMPLE" else _exported)(entries, split))
        entries.notes.append(
            f"[{section}]: audio and tables are written, experiments/{name}/{section.lower()} in "
            "the results is a link to their folder"
        )
    of_pictures = described and not any(name in entries.ini.sections for name in SELECTING)
    if not found and not of_pictures and entries.get("EXP", "sample_selection") != "all":
        entries.notes.append(f"[EXP] sample_selection: no effect here, {OF_MODULES}")
    return tuple(found)


def _general(entries: Entries, section: str) -> list[Any]:
    return [item for item in entries.general.items() if item[0][0] == section]


def _segments(entries: Entries, name: str, segmentation: SegmentSpec) -> ExportSpec:
    ending = entries.get("SEGMENT", "segment_target")
    result = entries.get("SEGMENT", "result")
    if result is None:
        result = f"{name}{ending}" if ending else "segmented"
    elif ending:
        entries.overridden("[SEGMENT] segment_target", "SEGMENT.result")
    return _spec(
        entries,
        "SEGMENT",
        name=_name(entries, "SEGMENT", "result", result),
        audio=entries.get("SEGMENT", "output_audio"),
        folder=_name(entries, "SEGMENT", "audio_dir", entries.get("SEGMENT", "audio_dir")),
        format=entries.get("SEGMENT", "audio_format"),
        segments_as_files=True,
        selection=segmentation["selection"],
    )


def _resampled(entries: Entries, split: SplitSpec) -> ExportSpec:
    if entries.get("RESAMPLE", "replace"):
        entries.notes.append(
            "[RESAMPLE] replace: originals are never overwritten, the resampled files are new"
        )
    target = entries.get("RESAMPLE", "target")
    return _spec(
        entries,
        "RESAMPLE",
        name=_name(entries, "RESAMPLE", "target", target),
        format=entries.get("RESAMPLE", "format"),
        mono=True,
        selection=read_selection(entries, "RESAMPLE", split),
    )


def _exported(entries: Entries, split: SplitSpec) -> ExportSpec:
    root = entries.get("EXPORT", "orig_root")
    orig_root = None
    if root:
        orig_root, tried = entries.locate(root)
        if orig_root is None:
            entries.notes.append(
                f"[EXPORT] orig_root: no such folder: {' or '.join(tried)}; paths are kept below "
                "what all files share"
            )
    return _spec(
        entries,
        "EXPORT",
        name=_name(entries, "EXPORT", "data_name", entries.get("EXPORT", "data_name")),
        format=entries.get("EXPORT", "format"),
        segments_as_files=entries.get("EXPORT", "segments_as_files"),
        selection=read_selection(entries, "EXPORT", split),
        orig_root=orig_root,
        place=_place(entries),
    )


def _spec(entries: Entries, section: str, **own: Any) -> ExportSpec:
    """What a section asks for, with the defaults of what it does not know."""
    spec: dict[str, Any] = {
        "section": section,
        "audio": True,
        "folder": _AUDIO,
        "rate": entries.get(section, "sampling_rate"),
        "mono": False,
        "bit_depth": entries.get(section, "bit_depth"),
        "segments_as_files": False,
        "orig_root": None,
        "place": None,
        **own,
    }
    if spec["rate"] is not None and spec["format"] is None:
        # Others than the original are new files.
        spec["format"] = "wav"
    kind, bits = spec["format"], spec["bit_depth"]
    if bits == 32 and kind == "flac":
        entries.problem(section, "bit_depth", "flac holds integers: 16 or 24, or take wav")
    if (section, "bit_depth") in entries.general and kind in (None, "mp3"):
        what = "mp3" if kind else "copies of the originals"
        entries.notes.append(f"[{section}] bit_depth: no effect with {what}")
    return ExportSpec(**spec)  # type: ignore[typeddict-item]


def _name(entries: Entries, section: str, key: str, text: str) -> str:
    """A name of tables or of a folder; of a path the last part."""
    text = text.removesuffix(".csv")
    name = os.path.basename(os.path.normpath(text.replace("\\", "/")))
    if name != text:
        entries.notes.append(
            f"[{section}] {key}: '{text}' is a path, '{name}' is written in the folder of results"
        )
    if name.lower() in (*_OWN, *(_TAKEN if section == "SEGMENT" else ())):
        entries.problem(section, key, f"'{name}' is what izwi writes there itself: take another")
    if why := no_folder(name) or ("is no name" if name in (".", "..", "") else ""):
        entries.problem(section, key, f"'{name}' {why}: take letters, digits, - and _")
    return name


def _place(entries: Entries) -> str | None:
    """Where a link to the exported folder goes; what is there is replaced only if it is a link."""
    text = entries.get("EXPORT", "target_root")
    if text is None:
        return None
    place = soft_labels.place_of(os.path.normpath(text), entries.cwd)
    if os.path.lexists(place) and not os.path.islink(place):
        entries.problem(
            "EXPORT",
            "target_root",
            f"{place} exists already: move it away, or name another, a link is made there",
        )
    return place


def read_selection(entries: Entries, section: str, split: SplitSpec) -> str:
    """The part that a section is about, by its own option or that of ``[EXP]``."""
    if (section, "sample_selection") not in entries.general:
        chosen = str(entries.get("EXP", "sample_selection"))
    else:
        chosen = str(entries.get(section, "sample_selection"))
    if chosen != "all" and (split["logo"] or split["k_fold_cross"]):
        entries.problem(
            section, "sample_selection", "in cross-validation each recording is in both: all"
        )
    return chosen
