"""What a paper needs beside figures: methods, references, Table 1, model card, citation data."""

from __future__ import annotations

from typing import Any

from izwi.reporting import escaping
from izwi.reporting.record import Metrics, Record
from izwi.training.types import TrainingReport

FILES = ("methods.md", "references.bib", "table1.md", "table1.tex", "model_card.md", "CITATION.cff")
CITED = (
    "\n<!-- Written by izwi. What is cited stands in references.bib: "
    "pandoc --citeproc --bibliography references.bib methods.md -->\n"
)


def texts(
    record: Record,
    metrics: Metrics,
    training: TrainingReport | None,
    description: dict[str, Any],
) -> dict[str, str]:
    """All texts of one experiment.

    Args:
        record: content of its experiment.json
        metrics: content of its metrics.json
        training: report of its train stage, None without a model
        description: what `izwi.data.description.describe` found of its split

    Returns:
        file of :data:`FILES` → its content
    """
    from izwi.reporting.texts import card, citations, methods, table1

    record, metrics, training, description = map(
        escaping.one_line, (record, metrics, training, description)
    )
    cites = citations.Cites()
    written = {
        "methods.md": methods.methods(record, metrics, training, description, cites),
        "table1.md": table1.markdown(record, metrics, description),
        "model_card.md": card.card(record, metrics, training, description),
    }
    written = {file: escaping.markdown(text) for file, text in written.items()}
    # A comment, which escaping would show.
    written["methods.md"] += CITED
    written["table1.tex"] = table1.latex(record, metrics, description)
    written["references.bib"] = citations.bibliography(cites, record, description)
    written["CITATION.cff"] = citations.citation(record, cites)
    return {file: written[file] for file in FILES}
