"""Tables of inis that cross databases, see `izwi.config.multidb`."""

from __future__ import annotations

from collections.abc import Iterable

from izwi.config.experiment import Experiment
from izwi.reporting.tables.wanted import Wanted

_LABELS = {"train": "trained on", "test": "tested on"}


def tables(experiments: Iterable[Experiment], others: Iterable[str]) -> list[Wanted]:
    """The table of each ini that crosses databases.

    Args:
        experiments: all of the config
        others: names of the tables of the config, which these do not replace
    """
    members: dict[str, list[str]] = {}
    for experiment in experiments:
        if experiment.crossed:
            members.setdefault(experiment.crossed, []).append(experiment.name)
    taken = {name.lower() for name in others}
    return [
        Wanted(
            name=name,
            rows=("train",),
            columns=("test",),
            experiments=tuple(own),
            controls=("chance",),
            caption=f"{name}: trained on the databases of the rows, tested on those of the columns",
            labels=_LABELS,
        )
        for name, own in members.items()
        if name.lower() not in taken
    ]
