"""Intervals against plain resampling, by hand, and by what they cover in simulations."""

from __future__ import annotations

import time

import audmetric
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit
from sklearn import metrics as sk

from benchmarks import coverage
from izwi.errors import UserError
from izwi.evaluation import intervals
from izwi.evaluation.measures import Recalls, Sample

LABELS = ["a", "b", "c", "d"]


def classes(seed=0, n=300, labels=LABELS, hit=0.6):
    random = np.random.default_rng(seed)
    truth = random.choice(labels, n, p=np.arange(1, len(labels) + 1) / sum(range(len(labels) + 1)))
    return truth, np.where(random.random(n) < hit, truth, random.choice(labels, n))


def numbers(seed=0, n=300):
    random = np.random.default_rng(seed)
    truth = random.normal(40, 12, n)
    return truth, 10 + 0.7 * truth + random.normal(0, 6, n)


def interval(
    truth,
    prediction,
    measure,
    *,
    task,
    labels=None,
    seed,
    scores=None,
    resamples=1000,
    speakers=None,
    method="auto",
):
    runs = prediction if np.ndim(prediction) == 2 else [prediction]
    sample = Sample(truth, runs, task, labels, None if scores is None else [scores])
    found = intervals.intervals(sample, speakers, seed=seed, method=method, resamples=resamples)
    return found.chosen[measure]


def naive_interval(truth, prediction, measure, n=1000):
    random = np.random.default_rng(99)
    values = []
    for _ in range(n):
        rows = random.integers(len(truth), size=len(truth))
        values.append(measure(truth[rows], prediction[rows]))
    return np.percentile(values, [2.5, 97.5])


def test_interval_is_that_of_a_plain_bootstrap():
    truth, prediction = classes()
    found = interval(truth, prediction, "uar", task="classification", labels=LABELS, seed=1)
    assert found == pytest.approx(
        naive_interval(truth, prediction, sk.balanced_accuracy_score), abs=0.01
    )
    truth, prediction = numbers()
    found = interval(truth, prediction, "ccc", task="regression", seed=1)
    assert found == pytest.approx(
        naive_interval(truth, prediction, audmetric.concordance_cc), abs=0.01
    )
    found = interval(truth, prediction, "pcc", task="regression", seed=1)
    assert found == pytest.approx(naive_interval(truth, prediction, audmetric.pearson_cc), abs=0.01)


def test_interval_of_eer_is_that_of_a_plain_bootstrap():
    random = np.random.default_rng(3)
    truth = random.choice(["n", "y"], 200)
    scores = random.normal(0, 1, 200) + (truth == "y")
    found = interval(
        truth, truth, "eer", task="classification", labels=["n", "y"], seed=1, scores=scores
    )
    expected = naive_interval(
        truth == "y", scores, lambda t, s: audmetric.equal_error_rate(t, s)[0], n=500
    )
    assert found == pytest.approx(expected, abs=0.015)


def test_interval_of_accuracy_is_close_to_the_binomial_one():
    truth, prediction = classes(n=400)
    low, high = interval(
        truth, prediction, "accuracy", task="classification", seed=5, resamples=4000
    )
    hits = int((truth == prediction).sum())
    exact = stats.binomtest(hits, 400).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.006)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_interval_is_seeded_and_ignores_the_order_of_rows(task):
    truth, prediction = classes() if task == "classification" else numbers()
    measure = "uar" if task == "classification" else "mse"
    order = np.random.default_rng(5).permutation(len(truth))
    kwargs = {"task": task, "labels": LABELS if task == "classification" else None}
    once = interval(truth, prediction, measure, seed=1, **kwargs)
    assert once == interval(truth, prediction, measure, seed=1, **kwargs)
    assert once == interval(truth[order], prediction[order], measure, seed=1, **kwargs)
    assert once != interval(truth, prediction, measure, seed=2, **kwargs)


def test_interval_draws_for_all_runs_at_once():
    truth, first = classes(hit=0.9)
    kwargs = {"task": "classification", "labels": LABELS, "seed": 1}
    single = interval(truth, first, "accuracy", **kwargs)
    # identical runs: not narrower than one, as it would be if each run drew its own resample
    assert interval(truth, [first] * 8, "accuracy", **kwargs) == pytest.approx(single)
    # one run always right, one always wrong: the mean is .5 in every resample, so there is no width
    wrong = np.where(truth == "a", "b", "a")
    assert interval(truth, [truth, wrong], "accuracy", **kwargs) == (None, None)


def test_interval_leaves_out_resamples_without_a_figure():
    kwargs = {"task": "classification", "labels": ["n", "y"], "seed": 1}
    scores = [0.1, 0.4, 0.35, 0.8]
    low, high = interval(list("nnyy"), list("nnyy"), "eer", scores=scores, **kwargs)
    assert 0 <= low <= high <= 1
    assert interval(list("yyyy"), list("yyyy"), "eer", scores=scores, **kwargs) == (
        None,
        None,
    )


def test_interval_in_several_chunks(monkeypatch):
    truth, prediction = classes()
    kwargs = {"task": "classification", "labels": LABELS, "seed": 1}
    whole = interval(truth, prediction, "uar", **kwargs)
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 7 * len(truth))
    assert interval(truth, prediction, "uar", **kwargs) == whole


def test_bootstrap_is_fast():
    truth, prediction = classes(n=535, labels=list("abcdefg"))
    took = []
    for _ in range(5):
        begin = time.process_time()
        interval(truth, prediction, "uar", task="classification", labels=list("abcdefg"), seed=1)
        took.append(time.process_time() - begin)
    assert min(took) < 0.1  # 0.02 s where nothing else runs


def spoken(task, speakers=6, each=30, seed=0):
    """Truth, prediction and speakers who differ in how well they are recognised."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(speakers), each)
    if task == "regression":
        truth = random.normal(40, 12, len(codes))
        prediction = truth + random.normal(0, 6, speakers)[codes] + random.normal(0, 3, len(codes))
    else:
        truth = random.choice(LABELS, len(codes))
        hit = random.random(len(codes)) < random.uniform(0.3, 0.9, speakers)[codes]
        prediction = np.where(hit, truth, random.choice(LABELS, len(codes)))
    return truth, prediction, np.array([f"db/{code:02d}" for code in codes])


MEASURED = [
    ("classification", "uar", sk.balanced_accuracy_score),
    ("classification", "f1", audmetric.unweighted_average_fscore),
    ("regression", "ccc", audmetric.concordance_cc),
    ("regression", "mae", audmetric.mean_absolute_error),
]


@pytest.mark.parametrize("task, name, measure", MEASURED)
def test_bootstrap_over_speakers_is_that_of_whole_speakers(task, name, measure):
    truth, prediction, speakers = spoken(task, speakers=25, each=20)
    kwargs = {"task": task, "seed": 1}
    found = interval(truth, prediction, name, speakers=speakers, method="speakers", **kwargs)
    random = np.random.default_rng(7)
    rows_of = [np.flatnonzero(speakers == speaker) for speaker in np.unique(speakers)]
    values = []
    for _ in range(1000):
        rows = np.concatenate([rows_of[i] for i in random.integers(25, size=25)])
        values.append(measure(truth[rows], prediction[rows]))
    low, high = np.percentile(values, [2.5, 97.5])
    assert found == pytest.approx((low, high), abs=0.12 * (high - low))
    # these speakers differ, so that samples alone promise too much
    narrow = interval(truth, prediction, name, speakers=speakers, method="samples", **kwargs)
    assert narrow[1] - narrow[0] < 0.8 * (high - low)


def test_a_resample_draws_as_many_as_there_are():
    truth, prediction, speakers = spoken("classification", speakers=7)
    drawn = []

    class Seen(Sample):
        def mean_weighted(self, weights, groups=None):
            drawn.append(weights)
            return super().mean_weighted(weights, groups)

    sample = Seen(truth, [prediction], "classification", LABELS)
    codes = np.unique(speakers, return_inverse=True)[1]
    for groups, n in ((codes, 7), (None, len(truth))):
        drawn.clear()
        intervals.bootstrap(sample, groups, seed=1, resamples=50)
        weights = np.concatenate(drawn)
        assert weights.shape == (50, n) and (weights.sum(axis=1) == n).all()
        assert weights.max() > 1 and weights.min() == 0


def test_a_speaker_for_each_sample_is_a_sample():
    truth, prediction = classes()
    sample = Sample(truth, [prediction], "classification", LABELS)
    found = intervals.intervals(sample, [f"{i}" for i in range(300)], seed=1)
    assert found.chosen is found.jackknife
    assert found.speakers["uar"] == pytest.approx(found.samples["uar"], abs=0.01)


LOGIT, FISHER, LOG = (logit, expit), (np.arctanh, np.tanh), (np.log, np.exp)
WORTH = {"uar": 1, "f1": 1, "ccc": 0.8, "mae": 0.5}  # of the degrees of freedom
SCALES = {"uar": LOGIT, "f1": LOGIT, "ccc": FISHER, "mae": LOG}


@pytest.mark.parametrize("task, name, measure", MEASURED)
@pytest.mark.parametrize("uneven", [False, True])
def test_jackknife_by_leaving_out(task, name, measure, uneven):
    truth, prediction, speakers = spoken(task)
    if uneven:
        rows = np.r_[0:90, 90:94, 120:180]
        truth, prediction, speakers = truth[rows], prediction[rows], speakers[rows]
    there, back = SCALES[name]
    without = there(
        [measure(truth[speakers != s], prediction[speakers != s]) for s in np.unique(speakers)]
    )
    error = np.sqrt(5 / 6 * np.sum((without - np.mean(without)) ** 2))
    classes_of = LABELS if name in ("uar", "f1") else [None]
    of_classes = [(truth == label) | (label is None) for label in classes_of]
    shares = [
        np.mean([(speakers[rows] == s).mean() for rows in of_classes]) for s in np.unique(speakers)
    ]
    freedom = (1 / np.sum(np.square(shares)) - 1) * WORTH[name]
    assert (freedom < 0.9 * 5 * WORTH[name]) == uneven
    expected = back(stats.t.interval(0.95, freedom, there(measure(truth, prediction)), error))
    found = interval(truth, prediction, name, task=task, seed=1, speakers=speakers)
    assert found == pytest.approx(tuple(expected))


def test_limits_stay_in_the_range_of_the_measure():
    truth = np.array(["a", "b"] * 20)
    prediction = truth.copy()
    prediction[0:8] = "b"
    speakers = np.repeat(["s", "t", "u", "v"], 10)
    low, high = interval(truth, prediction, "uar", task="classification", seed=1, speakers=speakers)
    assert 0 < low < 0.9 < high < 1
    error = np.zeros(40)
    error[:10] = 1
    low, high = interval(np.zeros(40), error, "mse", task="regression", seed=1, speakers=speakers)
    assert 0 < low < 0.25 < high


@pytest.mark.parametrize("method", ["auto", "speakers", "samples"])
def test_a_class_of_a_single_speaker_has_no_interval_but_a_reason(method):
    truth, prediction, speakers = spoken("classification", speakers=10)
    # all samples of d are of one speaker; for samples, there is one alone
    truth[(truth == "d") & (speakers != "db/03")] = "a"
    if method == "samples":
        truth[np.flatnonzero(truth == "d")[1:]] = "a"
    sample = Sample(truth, [prediction], "classification", LABELS)
    found = intervals.intervals(sample, speakers, seed=1, method=method)
    for name in ("uar", "f1"):
        assert found.chosen[name] == (None, None)
        assert "'d'" in found.reasons[name] and "single" in found.reasons[name]
    assert found.chosen["accuracy"][0] is not None and "accuracy" not in found.reasons
    recalls, _, why = intervals.by_method(Recalls.like(sample), speakers, seed=1, method=method)
    assert recalls["3"] == (None, None) and "'d'" in why["3"]
    assert None not in recalls["0"] and "0" not in why


def test_a_replicate_without_a_class_is_no_mean_over_fewer():
    # Two speakers have d; resamples of speakers without both are left out.
    truth, prediction, speakers = spoken("classification", speakers=10)
    truth[(truth == "d") & ~np.isin(speakers, ["db/03", "db/04"])] = "a"
    prediction = np.where(truth == "d", np.where(speakers == "db/03", "d", "a"), truth)
    prediction[::7] = "b"
    sample = Sample(truth, [prediction], "classification", LABELS)
    low, high = intervals.intervals(sample, speakers, seed=1, method="speakers").chosen["uar"]
    # Over three classes it would be .8 at least.
    assert low < 0.75
    assert high < 0.99


@pytest.mark.parametrize("method", ["auto", "speakers", "samples"])
def test_recalls_of_all_and_of_none_have_no_interval_but_a_reason(method):
    truth, prediction, speakers = spoken("classification")
    prediction = np.where(truth == "a", "a", np.where(truth == "b", "a", prediction))
    sample = Recalls.like(Sample(truth, [prediction], "classification", LABELS))
    limits, _, why = intervals.by_method(sample, speakers, seed=1, method=method)
    for place in ("0", "1"):
        assert limits[place] == (None, None) and "no width" in why[place]
    assert None not in limits["2"] and "2" not in why


def test_jackknife_has_no_limits_where_a_measure_needs_a_speaker():
    truth = np.array(["n"] * 10 + ["y"] * 5)
    speakers = np.repeat(["s", "t", "u"], 5)
    scores = np.linspace(0, 1, 15)
    kwargs = {"task": "classification", "labels": ["n", "y"], "scores": scores, "seed": 1}
    assert interval(truth, truth, "eer", speakers=speakers, **kwargs) == (None, None)
    assert interval(truth, truth, "uar", speakers=speakers, **kwargs) == (None, None)


def test_which_method():
    def method(speakers, n=40, **more):
        truth, prediction = classes(n=n)
        sample = Sample(truth, [prediction], "classification", LABELS)
        return intervals.intervals(sample, speakers, seed=1, **more)

    many = [f"s{i % 20}" for i in range(40)]
    few = [f"s{i % 19}" for i in range(40)]
    assert method(many).method == "jackknife over speakers (t)"
    assert method(few).method == "jackknife over speakers (t)"
    assert method(few).chosen is not method(few).speakers
    assert method(many, method="samples").method == "bootstrap over samples (1000)"
    assert method(few, method="speakers").method == "bootstrap over speakers (1000)"
    assert method(many, method="jackknife").method == "jackknife over speakers (t)"
    none = method(None)
    assert none.method == "bootstrap over samples (1000), no speakers known"
    assert none.chosen == none.samples
    assert none.speakers["uar"] == none.jackknife["uar"] == (None, None)
    some = [None, *many[1:]]
    assert method(some).method == "bootstrap over samples (1000), 1 of them without a speaker"
    assert method(["s"] * 40).method == "bootstrap over samples (1000), one speaker"
    for speakers, told in ((None, "no speakers known"), (["s"] * 40, "one speaker")):
        with pytest.raises(UserError, match=rf"\[EXP\] ci: jackknife needs .*{told}; use samples"):
            method(speakers, method="jackknife")


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("method", ["speakers", "jackknife"])
def test_intervals_over_speakers_ignore_the_order_of_rows(task, method):
    truth, prediction, speakers = spoken(task)
    kwargs = {"task": task, "seed": 3, "method": method}
    names = ["uar", "f1"] if task == "classification" else ["mse", "ccc", "pcc"]
    order = np.random.default_rng(5).permutation(len(truth))
    for name in names:
        once = interval(truth, prediction, name, speakers=speakers, **kwargs)
        again = interval(truth[order], prediction[order], name, speakers=speakers[order], **kwargs)
        assert again == once


def test_intervals_over_speakers_in_several_chunks(monkeypatch):
    truth, prediction, speakers = spoken("regression")
    sample = Sample(truth, [prediction], "regression")
    whole = intervals.intervals(sample, speakers, seed=1)
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 4 * len(truth))
    assert intervals.intervals(sample, speakers, seed=1) == whole


def test_runs_are_drawn_with_the_same_speakers():
    truth, first, speakers = spoken("classification")
    wrong = np.where(truth == "a", "b", "a")
    kwargs = {"task": "classification", "seed": 1, "speakers": speakers}
    for method in ("speakers", "jackknife"):
        # one run always right, one always wrong: the mean is .5 whoever speaks
        found = interval(truth, [truth, wrong], "accuracy", method=method, **kwargs)
        assert found == (None, None)
        twice = interval(truth, [first] * 2, "accuracy", method=method, **kwargs)
        assert twice == interval(truth, first, "accuracy", method=method, **kwargs)


def test_many_resamples_of_many_samples_are_fast():
    truth, prediction, speakers = spoken("classification", speakers=50, each=200)
    sample = Sample(truth, [prediction], "classification", LABELS)
    numbers, guesses, _ = spoken("regression", speakers=50, each=200)
    codes = np.unique(speakers, return_inverse=True)[1]
    answers = np.where(np.arange(len(truth)) % 2, "n", "y")
    scores = np.random.default_rng(1).random(len(truth))
    scored = Sample(answers, [answers], "classification", ["n", "y"], [scores])
    for kind in (sample, scored, Sample(numbers, [guesses], "regression")):
        for groups in (None, codes):
            begin = time.process_time()
            intervals.bootstrap(kind, groups, seed=1, resamples=1000)
            assert time.process_time() - begin < 1.5  # 0.4 s at most where nothing else runs


def simulated(speakers, random, each=15):
    """Speakers who differ: the chance of a hit is normal over them, .7 ± .12, with limits."""
    hits = np.clip(random.normal(0.7, 0.12, speakers), 0, 1)
    codes = np.repeat(np.arange(speakers), each)
    truth = np.where(random.random(len(codes)) < 0.4, "a", "b")
    other = np.where(truth == "a", "b", "a")
    prediction = np.where(random.random(len(codes)) < hits[codes], truth, other)
    return Sample(truth, [prediction], "classification", ["a", "b"]), codes


# The mean of that normal distribution with limits at 0 and 1: what UAR and accuracy estimate.
POPULATION = stats.norm(0.7, 0.12).expect(lambda x: min(max(x, 0.0), 1.0), lb=-1, ub=2)


def covered(speakers, method, simulations=150):
    """How often the interval holds what it should."""
    random = np.random.default_rng(speakers)
    hits = 0
    for _ in range(simulations):
        sample, codes = simulated(speakers, random)
        names = [f"{code}" for code in codes]
        found = intervals.intervals(sample, names, seed=1, method=method, resamples=250)
        low, high = found.chosen["uar"]
        hits += low <= POPULATION <= high
    return stats.binomtest(hits, simulations)


@pytest.mark.parametrize("scenario", coverage.SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_default_covers_what_it_promises(scenario):
    # Uneven speakers, the harder case; the whole table is that of the benchmark.
    for speakers, least in ((4, 0.9), (10, 0.92)):
        holds, below, above, _ = coverage.covered(scenario, speakers, 150, even=False)
        test = stats.binomtest(holds, holds + below + above)
        assert test.proportion_ci(0.99).high >= least, speakers


@pytest.mark.parametrize("method", ["samples", "speakers"])
def test_bootstraps_cover_too_little_with_few_speakers(method):
    # Why the default is another: were these good enough, the test above could not fail.
    test = covered(4, method)
    assert test.proportion_ci(0.9).high < 0.9
