"""The search for near-duplicates: what it finds is what comparing all with all finds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from izwi.audit import duplicates, neighbours
from izwi.audit.duplicates import JITTER, NEAR, NEAR_ALONE, Prints
from izwi.features.fingerprint import STEP


def recordings(number: int, seed: int = 0) -> Prints:
    """Anchors at least 50 ms apart, whose pictures differ more in some directions."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(0.05 + rng.exponential(0.1, (number, 4)), axis=1)
    spread = 2.7 / np.arange(1, 65) ** 0.5
    pictures = rng.normal(0, 1, (number, 4, 64)) * spread / STEP
    return Prints(times, np.rint(pictures).astype(np.int16))


def changed(prints: Prints, rows: np.ndarray, seed: int = 1) -> Prints:
    """Copies that are near, nearly near, or short of anchors."""
    rng = np.random.default_rng(seed)
    times = prints.times[rows] + rng.uniform(0, 1, (len(rows), 1))
    times += rng.uniform(-0.004, 0.004, times.shape)
    noise = rng.normal(0, 1, (len(rows), 4, 64)) * rng.uniform(0, 14, (len(rows), 4, 1))
    pictures = prints.pictures[rows] + np.rint(noise).astype(np.int16)
    gone = rng.random(times.shape) < 0.3
    times[gone], pictures[gone] = np.nan, 0
    return Prints(times, pictures)


def joined(*parts: Prints) -> Prints:
    return Prints(*(np.concatenate([getattr(p, k) for p in parts]) for k in ("times", "pictures")))


def compared(prints: Prints, files: np.ndarray) -> set[tuple[int, int]]:
    """All with all, by the definition."""
    number = (~np.isnan(prints.times)).sum(axis=1)
    pictures = prints.pictures * STEP
    found = set()
    for a, b in itertools.combinations(range(len(files)), 2):
        if files[a] == files[b]:
            continue
        distance = np.linalg.norm(pictures[a][:, None] - pictures[b][None], axis=2)
        shift = prints.times[a][:, None] - prints.times[b][None]
        hits = (distance <= NEAR) & ~np.isnan(shift)
        near = np.sort(shift[hits])
        alone = min(number[a], number[b]) == 1 and (distance[hits] <= NEAR_ALONE).any()
        if alone or (np.diff(near) <= JITTER).any():
            found.add((a, b))
    return found


@pytest.mark.parametrize("part", [8, 96])
def test_what_is_found_is_what_the_definition_says(monkeypatch, part):
    monkeypatch.setattr(neighbours, "PART", part)
    monkeypatch.setattr(neighbours, "POINTS", 10 * part)
    one = recordings(90)
    both = joined(one, changed(one, np.arange(60)))
    files = np.arange(150)
    files[90:105] = files[:15]  # copies of one file are known by their times
    wanted = compared(both, files)
    assert 10 < len(wanted) < 50
    found = duplicates.pairs(both, files)
    assert [tuple(pair) for pair in found] == sorted(wanted)


def test_recordings_of_one_anchor(monkeypatch):
    one = recordings(70)
    one.times[:, 1:] = np.nan
    both = joined(one, Prints(one.times, one.pictures + np.int16(2)))
    both.times[80:90] = np.nan
    found = duplicates.pairs(both)
    assert [tuple(pair) for pair in found] == sorted(compared(both, np.arange(140)))
    assert len(found) == 60


def test_pairs_that_are_too_many_are_given_up(monkeypatch):
    one = recordings(1)
    same = Prints(np.repeat(one.times, 60, axis=0), np.repeat(one.pictures, 60, axis=0))
    assert len(duplicates.pairs(same)) == 60 * 59 / 2
    monkeypatch.setattr(duplicates, "MOST_PAIRS", 1000)
    assert duplicates.pairs(same) is None


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["distinct", "alike"])
def test_the_search_among_very_many_needs_little_memory(kind):
    """100,000 recordings, and as many that are all alike: half a gigabyte beside the prints."""

    def memory(key: str) -> float:
        with open("/proc/self/status") as stream:
            return next(int(line.split()[1]) for line in stream if line.startswith(key)) / 1024

    many = joined(*(recordings(50_000, seed) for seed in range(2)))
    if kind == "alike":
        many = Prints(many.times, np.repeat(many.pictures[:1], len(many.times), axis=0))
    with open("/proc/self/clear_refs", "w") as stream:
        stream.write("5")
    before = memory("VmRSS")
    found = duplicates.pairs(many)
    assert memory("VmHWM") - before < 600
    assert found is None if kind == "alike" else len(found) == 0
