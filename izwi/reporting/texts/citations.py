"""Works to cite: the entries of references.bib that an experiment rests on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from izwi import __version__
from izwi.config.experiment.resolved import DatabaseSpec
from izwi.home import HOME
from izwi.reporting import escaping
from izwi.reporting.record import Record

HERE = Path(__file__).parent
CITATION = HOME / "CITATION.cff"
IZWI = "izwi"
_ENTRY = re.compile(r"^@(\w+)\{([^,\s]+),\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^ *(\w+) *= *\{(.*)\},?$", re.MULTILINE)
# BibTeX's kind of entry → that of the Citation File Format.
_KINDS = {
    "article": "article",
    "inproceedings": "conference-paper",
    "book": "book",
    "incollection": "book",
    "misc": "data",
    "software": "software",
}


@dataclass(frozen=True)
class Corpus:
    """A published database.

    Args:
        title: its name
        key: of its entry in references.bib
        licence: as published
    """

    title: str
    key: str
    licence: str | None = None


# Beginning of a database's name, letters and digits alone → what it is.
CORPORA = {
    "emodb": Corpus("Berlin EmoDB", "burkhardt2005emodb", "CC0 1.0 (as published by audEERING)"),
    "nemo": Corpus("nEMO", "christop2024nemo", "CC BY-NC-SA 4.0"),
    "speechocean": Corpus(
        "speechocean762", "zhang2021speechocean762", "free for any purpose, with citation"
    ),
    "fsdd": Corpus("Free Spoken Digit Dataset", "jackson2018fsdd", "CC BY-SA 4.0"),
    "cremad": Corpus("CREMA-D", "cao2014cremad", "Open Database License"),
    "iemocap": Corpus("IEMOCAP", "busso2008iemocap", "by agreement with its authors"),
    "msppodcast": Corpus("MSP-Podcast", "lotfian2019msppodcast", "by agreement with its authors"),
    "mspimprov": Corpus("MSP-IMPROV", "busso2017mspimprov", "by agreement with its authors"),
    "ravdess": Corpus("RAVDESS", "livingstone2018ravdess", "CC BY-NC-SA 4.0"),
}


class Cites:
    """Collects what is cited, in the order of its first mention."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        """Cite works, as pandoc writes it: `` [@a; @b]``.

        Raises:
            KeyError: if references.bib has no such entry
        """
        for key in keys:
            if key != IZWI:
                entries()[key]
            if key not in self.keys:
                self.keys.append(key)
        return f" [{'; '.join(f'@{key}' for key in keys)}]"


def corpus_of(name: str) -> Corpus | None:
    """The published database that a name stands for, if it is a known one."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((found for begin, found in CORPORA.items() if plain.startswith(begin)), None)


@cache
def entries() -> dict[str, tuple[str, dict[str, str], str]]:
    """All entries of references.bib: key → kind, fields, text."""
    text = (HERE / "references.bib").read_text(encoding="utf-8")
    return {
        found[2]: (found[1], dict(_FIELD.findall(found[3])), found[0])
        for found in _ENTRY.finditer(text)
    }


@cache
def izwi_citation() -> dict[str, Any]:
    """CITATION.cff of izwi itself."""
    import yaml

    return yaml.safe_load(CITATION.read_text(encoding="utf-8"))


def bibliography(cites: Cites, record: Record, description: dict[str, Any]) -> str:
    """BibTeX of what was cited, with a note on each database that has no entry.

    Args:
        cites: what was cited
        record: content of experiment.json
        description: of the split; with the headers of its databases
    """
    blocks = []
    for database in record["databases"]:
        about = description["databases"].get(database["name"]) or {}
        blocks.append(_database_note(database, about.get("header") or {}))
    blocks += [_izwi_bibtex() if key == IZWI else entries()[key][2] for key in cites.keys]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _database_note(database: DatabaseSpec, header: dict[str, str]) -> str:
    name = database["name"]
    corpus = corpus_of(name)
    if database["type"] == "demo":
        lines = [f"% {name}: the embedded synthetic speech of izwi, cited with it"]
    elif database["type"] == "soft":
        lines = [f"% {name}: predictions of another experiment, see its references.bib"]
    elif corpus:
        lines = [f"% {name}: taken for {corpus.title} by its name; check that it is this one"]
    else:
        lines = [f"% {name}: add the reference of this database"]
    lines += [f"%   {key}: {' '.join(text.split())}" for key, text in header.items()]
    return "\n".join(map(escaping.bibtex_comment, lines))


def _izwi() -> dict[str, str]:
    about = izwi_citation()
    authors = " and ".join(f"{{{_name(author)}}}" for author in about["authors"])
    return {"author": authors, "title": about["title"], "version": __version__}


def _izwi_bibtex() -> str:
    fields = ",\n".join(f"  {key:9} = {{{value}}}" for key, value in _izwi().items())
    return f"@software{{{IZWI},\n{fields}\n}}"


def _name(author: dict[str, str]) -> str:
    first = f"{author['given-names']} " if "given-names" in author else ""
    return author.get("name") or f"{first}{author['family-names']}"


def citation(record: Record, cites: Cites) -> str:
    """Citation data of an experiment, in the Citation File Format 1.2.0.

    Args:
        record: content of experiment.json
        cites: what was cited
    """
    lines = [
        "cff-version: 1.2.0",
        f"message: {_text('Cite the works below with the results of this experiment.')}",
        "type: dataset",
        f"title: {_text('Results of the experiment ' + record['name'])}",
        "authors:",
        "  - name: " + _text("The authors of the experiment (put your names here)"),
        "references:",
    ]
    for key in cites.keys:
        kind, fields = ("software", _izwi()) if key == IZWI else entries()[key][:2]
        lines += _reference(kind, fields)
    return "\n".join(lines) + "\n"


def _reference(kind: str, fields: dict[str, str]) -> list[str]:
    lines = [f"  - type: {_KINDS[kind]}", f"    title: {_text(fields['title'])}", "    authors:"]
    for author in fields["author"].split(" and "):
        family, _, first = author.partition(", ")
        if author == "others":
            lines.append(f"      - name: {_text('others')}")
        elif first:
            lines.append(f"      - family-names: {_text(family)}")
            lines.append(f"        given-names: {_text(first)}")
        else:
            lines.append(f"      - name: {_text(author)}")
    begin, _, end = fields.get("pages", "").partition("--")
    more = {
        "journal": fields.get("journal"),
        "collection-title": fields.get("booktitle"),
        "volume": fields.get("volume"),
        "issue": fields.get("number"),
        "start": begin,
        "end": end,
        "doi": fields.get("doi"),
        "url": fields.get("url"),
        "version": fields.get("version"),
    }
    lines += [f"    {key}: {_text(value)}" for key, value in more.items() if value]
    if "publisher" in fields:
        lines += ["    publisher:", f"      name: {_text(fields['publisher'])}"]
    if "year" in fields:
        lines.append(f"    year: {fields['year']}")
    return lines


def _text(text: str) -> str:
    """A YAML scalar; what BibTeX protects or escapes is plain."""
    return json.dumps(re.sub(r"[{}]", "", text).replace("\\&", "&"), ensure_ascii=False)
