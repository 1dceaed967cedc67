"""Statistics of many samples: sums over speakers give what sums over samples do."""

import audmetric
import numpy as np
import pytest

from izwi.evaluation import eer, intervals
from izwi.evaluation.eer import Scores, Swaps, equal_error_rate
from izwi.evaluation.measures import Sample


def by_hand(truth, scores, weights):
    """The equal error rate by a walk over all thresholds of repeated samples."""
    truth, scores = np.repeat(truth, weights), np.repeat(scores, weights)
    thresholds = [-np.inf, *np.unique(scores)]
    miss = np.array([(scores[truth == 1] <= t).mean() for t in thresholds])
    accepted = np.array([(scores[truth == 0] > t).mean() for t in thresholds])
    second = int(np.argmax(accepted <= miss))
    first = max(second - 1, 0)
    if accepted[second] == miss[second]:
        return (accepted[second] + miss[second]) / 2
    return min(accepted[first] + miss[first], accepted[second] + miss[second]) / 2


@pytest.mark.parametrize("digits", [1, 2, 12])
@pytest.mark.parametrize("grouped", [True, False])
def test_equal_error_rates_are_those_of_repeated_samples(digits, grouped):
    random = np.random.default_rng(digits)
    n, n_groups = 600, 20
    truth = random.integers(2, size=n)
    scores = np.round(truth + random.normal(scale=1.5, size=n), digits)
    groups = random.integers(n_groups, size=n) if grouped else None
    weights = random.integers(4, size=(4, n_groups if grouped else n))
    weights[0] = 1
    kept = Scores(truth, scores, groups, weights.shape[1])
    found = equal_error_rate(kept, weights.astype(float))
    each = weights[:, groups] if grouped else weights
    expected = [by_hand(truth, scores, row) for row in each]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)
    # Samples in any order have the same.
    shuffled = random.permutation(n)
    if not grouped:
        again = Scores(truth[shuffled], scores[shuffled], None, n)
        same = equal_error_rate(again, weights[:, shuffled].astype(float))
        np.testing.assert_array_equal(found, same)


@pytest.mark.parametrize("slices", [2, 5, 48])
@pytest.mark.parametrize("digits", [1, 9])
def test_swaps_of_speakers_are_weights_of_both(monkeypatch, digits, slices):
    """Both ways round, as with the weights written out and with samples one by one."""
    monkeypatch.setattr(eer, "SLICES", slices)
    rng = np.random.default_rng(slices)
    n, speakers = 3000, 12
    truth = np.tile(rng.integers(2, size=n), 2)
    scores = np.round(truth * 0.7 + rng.normal(size=2 * n), digits)
    speaker = rng.integers(speakers, size=n)
    swaps = rng.integers(2, size=(50, speakers)).astype(float)
    kept = Scores(truth, scores, np.concatenate([speaker, speakers + speaker]), 2 * speakers)
    found = equal_error_rate(kept, Swaps(swaps))
    weights = np.vstack([np.hstack([1 - swaps, swaps]), np.hstack([swaps, 1 - swaps])])
    assert found.tolist() == equal_error_rate(kept, weights).tolist()
    of_samples = np.hstack([weights[:, :speakers][:, speaker], weights[:, speakers:][:, speaker]])
    alone = equal_error_rate(Scores(truth, scores, None, 2 * n), of_samples)
    assert found.tolist() == alone.tolist()
    counted = of_samples[7] == 1
    wanted = audmetric.equal_error_rate(truth[counted] == 1, scores[counted])[0]
    assert found[7] == pytest.approx(wanted, abs=1e-12)


def test_equal_error_rates_without_one_of_the_classes_are_undefined():
    kept = Scores(np.array([0, 1, 1]), np.array([0.1, 0.3, 0.2]), np.array([0, 1, 1]), 2)
    found = equal_error_rate(kept, np.array([[1.0, 0], [0, 1], [0, 0], [1, 1]]))
    assert np.isnan(found[:3]).all() and found[3] == 0


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_resamples_do_not_depend_on_how_many_are_held_at_a_time(task, monkeypatch):
    random = np.random.default_rng(0)
    n = 200
    speakers = random.integers(30, size=n)
    if task == "regression":
        truth = random.normal(size=n)
        sample = Sample(truth, [truth + random.normal(size=n)], task)
    else:
        truth, labels = random.integers(2, size=n), np.array(["a", "b"])
        guess = np.where(random.random(n) < 0.7, truth, 1 - truth)
        scores = [truth + random.normal(size=n)]
        sample = Sample(labels[truth], [labels[guess]], task, ["a", "b"], scores)
    found = []
    for cells in (4_000_000, 1000):
        monkeypatch.setattr(intervals, "CELLS_AT_ONCE", cells)
        found.append(
            (
                intervals.bootstrap(sample, speakers, seed=1, resamples=50),
                intervals.bootstrap(sample, None, seed=1, resamples=50),
                intervals.jackknife(sample, speakers),
            )
        )
    assert found[0] == found[1]
