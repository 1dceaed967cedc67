"""Every picture that a stage can make has a caption of its own."""

import runpy
from pathlib import Path

import pytest

from izwi import captions, pictures

# Names of the files of kinds that draw more than one, or one by another name.
DRAWN = {kind: list(names) for kind, (names, _) in pictures.OF_METRICS.items()}
DRAWN |= {"database_counts": ["value_counts_of_emodb"], "value_counts": ["value_counts_age"]}
ROOT = Path(__file__).resolve().parents[2]
KINDS = runpy.run_path(str(ROOT / "scripts/plot.py"), run_name="plot")["KINDS"]


@pytest.mark.parametrize("kind", [*KINDS, "heat_map"])
def test_it_has_a_caption(kind):
    for stem in DRAWN.get(kind, [kind]):
        own = captions.kind_of(stem)
        assert own and captions.seen(stem).endswith("."), stem
        assert captions.title(stem).startswith(captions.KINDS[own][0])


def test_kinds_are_told_apart():
    assert captions.kind_of("value_counts_of_emodb") == "value_counts_of"
    assert captions.kind_of("tsne_gender") == "tsne"
    assert captions.kind_of("picture_of_another_tool") is None
    assert set(pictures.MAPS) <= set(captions.KINDS)
