"""What a database contributed, in one sentence of a Methods section."""

from __future__ import annotations

from typing import Any

from izwi.config.experiment.resolved import DatabaseSpec
from izwi.reporting.texts.citations import IZWI, Cites, corpus_of
from izwi.reporting.texts.table1 import spread
from izwi.reporting.texts.words import listed
from izwi.wording import count

# Why rows of a database are unused → words behind *were left out*.
_DROPPED = {
    "limit_samples": "at random",
    "limit_samples_per_speaker": "at random within speakers",
    "labels": "because of other labels",
    "mapping": "because the mapping did not name their labels",
    "filter": "by filters",
    "predicted": "by their predicted properties",
    "missing target": "for lack of a label",
    "required": "for lack of a required value",
    "duration": "for their duration",
    "duplicates": "as duplicates",
    "less sure": "because their soft labels were too uncertain",
}
# Why a recording has no segment → the same.
_UNCUT = {
    "silent": "for lack of speech",
    "short": "for too short segments",
    "unusable": "for unusable audio",
}


def unit_of(description: dict[str, Any]) -> str:
    """What a row is, of all or of a part: a file, a segment, or either."""
    return str(description["unit"])


def contributed(
    database: DatabaseSpec, about: dict[str, Any], description: dict[str, Any], cites: Cites
) -> str:
    """What a database contributed, and what of it was left out.

    Args:
        database: as the ini describes it
        about: counts of it, of the stage ``describe``
        description: all of these
        cites: takes what is cited
    """
    name = database["name"]
    corpus = corpus_of(name)
    header = about.get("header") or {}
    if database["type"] == "demo":
        title = f"The embedded synthetic speech of izwi{cites(IZWI)}"
    elif database["type"] == "soft":
        title = f"The soft labels {name}, predictions of another experiment,"
    elif corpus:
        title = f"{corpus.title}{cites(corpus.key)}"
        title += f" (here named {name})" if corpus.title.lower() != name.lower() else ""
    else:
        title = f"The database {name}"
    if header.get("version"):
        title += f", version {header['version']},"
    counts = about["counts"]
    size = f"{about['samples']}"
    cut = counts.get("segmentation")
    if cut:
        recordings = count(about["files"], "recording")
        text = f"{title} contributed {count(about['samples'], 'sample')} of {recordings}"
    else:
        if counts["listed"] != about["samples"]:
            size += f" of its {counts['listed']}"
        text = f"{title} contributed {size} {unit_of(about)}s"
    text += _people(about)
    left = [(n, _DROPPED.get(why, f"for {why}")) for why, n in counts["dropped"].items() if n]
    left += [(cut[why], reason) for why, reason in _UNCUT.items() if cut and cut[why]]
    if left:
        (n, why), *others = left
        were = f"{count(n, 'recording') if cut else n} {'was' if n == 1 else 'were'} left out {why}"
        text += f"; {listed([were, *(f'{n} {why}' for n, why in others)])}"
    mapping = (database["options"].get("mapping") or {}).get("target")
    if mapping:
        pairs = ", ".join(f"{old} to {new}" for old, new in mapping.items() if str(old) != str(new))
        text += f"; labels were mapped ({pairs})" if pairs else ""
    return f"{text}."


def _people(cell: dict[str, Any]) -> str:
    """`` from 10 speakers (5 female, 5 male; age: mean 29.8, SD 4.2, range 21–35)``."""
    parts = []
    if cell["sex"]:
        parts.append(
            ", ".join(
                f"{n} {sex if sex.isalpha() else f'of gender {sex}'}"
                for sex, n in cell["sex"].items()
            )
        )
    if cell["age"]:
        parts.append(f"age: {mean(cell['age'])}")
    if cell["minutes"] is not None:
        parts.append(f"{cell['minutes']:.1f} minutes")
    of = f" from {count(cell['speakers'], 'speaker')}" if cell["speakers"] is not None else ""
    return f"{of} ({'; '.join(parts)})" if parts else of


def mean(values: dict[str, Any] | None) -> str:
    """Mean, standard deviation and range of a number."""
    if not values:
        return "unknown"
    text = spread(values)
    return f"mean {text.replace(' (', ', SD ').replace('), ', ', range ')}"
