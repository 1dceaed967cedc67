"""Paired tests against scipy, brute force and calculation by hand."""

from __future__ import annotations

import itertools

import audmetric
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sk

from izwi.evaluation import comparison
from izwi.evaluation.holm import holm
from izwi.evaluation.measures import Sample
from izwi.reporting.compare import shown

LABELS = ["a", "b", "c"]


def predictions(truth, prediction, speakers, run=1, **more):
    n = len(truth)
    return pd.DataFrame(
        {
            "row": np.arange(n),
            "database": "db",
            "file": [f"{i:04d}.wav" for i in range(n)],
            "start": pd.to_timedelta([0] * n),
            "end": pd.to_timedelta([pd.NaT] * n),
            "speaker": speakers,
            "fold": 0,
            "run": run,
            "truth": truth,
            "prediction": prediction,
            **more,
        }
    )


def two(speakers=9, each=12, seed=0, better=0.15, task="classification"):
    """Truth and the predictions of two models; speakers have different numbers of all classes."""
    random = np.random.default_rng(seed)
    codes = random.integers(speakers, size=speakers * each)
    codes[:speakers] = np.arange(speakers)
    if task == "regression":
        truth = random.normal(40, 10, len(codes)) + random.normal(0, 5, speakers)[codes]
        a, b = (truth + random.normal(0, sd, len(codes)) for sd in (6, 6 + 20 * better))
    else:
        truth = random.choice(LABELS, len(codes), p=[0.6, 0.3, 0.1])
        a, b = (
            np.where(random.random(len(codes)) < hit, truth, random.choice(LABELS, len(codes)))
            for hit in (0.5 + better, 0.5)
        )
    return truth, a, b, np.array([f"db/{code:02d}" for code in codes])


def compare(truth, a, b, speakers, measure, task="classification", **more):
    frames = [predictions(truth, each, speakers) for each in (a, b)]
    labels = LABELS if task == "classification" else None
    return comparison.compare(*frames, measure, task=task, seed=1, **({"labels": labels} | more))


def samples(truth, a, b, task):
    labels = LABELS if task == "classification" else None
    return [Sample(truth, [each], task, labels) for each in (a, b)]


MEASURES = {
    "uar": sk.balanced_accuracy_score,
    "accuracy": sk.accuracy_score,
    "f1": audmetric.unweighted_average_fscore,
    "mse": audmetric.mean_squared_error,
    "mae": audmetric.mean_absolute_error,
    "ccc": audmetric.concordance_cc,
    "pcc": audmetric.pearson_cc,
}
TASKS = {name: "regression" if name in ("mse", "mae", "ccc", "pcc") else "classification"
         for name in MEASURES}  # fmt: skip


@pytest.mark.parametrize("measure", ["uar", "accuracy", "mse", "mae"])
def test_shares_of_speakers_add_up_and_their_signs_are_flipped(measure):
    task = TASKS[measure]
    truth, a, b, speakers = two(task=task)
    found = compare(truth, a, b, speakers, measure, task)
    codes = np.unique(speakers, return_inverse=True)[1]
    d = comparison.shares(*samples(truth, a, b, task), codes, measure)
    assert len(d) == 9
    assert d.sum() == pytest.approx(MEASURES[measure](truth, a) - MEASURES[measure](truth, b))
    assert found.difference == pytest.approx(d.sum())
    expected = stats.permutation_test(
        (d, np.zeros(9)),
        lambda x, y, axis: np.sum(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert len(expected.null_distribution) == 2**9
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert 2 / 2**9 <= found.p < 1
    assert found.test == "permutation over 9 speakers, all 512 swaps"


def test_shares_of_uar_by_hand():
    # 4 of class a, 1 of b: a hit counts 1/8 and 1/2
    truth = np.array(list("aaaab"))
    first = np.array(list("aabbb"))
    second = np.array(list("baaba"))
    codes = np.array([0, 0, 1, 1, 1])
    found = comparison.shares(*samples(truth, first, second, "classification"), codes, "uar")
    assert found == pytest.approx([1 / 8, -1 / 8 + 1 / 2])
    with pytest.raises(ValueError, match="not a sum"):
        comparison.shares(*samples(truth, first, second, "classification"), codes, "f1")


@pytest.mark.parametrize("measure", MEASURES)
def test_swaps_by_brute_force(measure):
    task = TASKS[measure]
    truth, a, b, speakers = two(speakers=7, each=8, task=task, seed=2)
    observed, reached = None, 0
    for swap in itertools.product([False, True], repeat=7):
        swapped = np.isin(speakers, np.unique(speakers)[list(swap)])
        one, other = np.where(swapped, b, a), np.where(swapped, a, b)
        difference = abs(MEASURES[measure](truth, one) - MEASURES[measure](truth, other))
        observed = difference if observed is None else observed
        reached += difference >= observed - 1e-12
    found = compare(truth, a, b, speakers, measure, task)
    assert found.p == reached / 2**7
    assert found.value_a == pytest.approx(MEASURES[measure](truth, a))
    assert found.value_b == pytest.approx(MEASURES[measure](truth, b))


def test_eer_is_tested_by_its_scores():
    random = np.random.default_rng(4)
    truth = random.choice(["n", "y"], 140)
    speakers = np.array([f"{i % 7}" for i in range(140)])
    scores = [random.normal(0, 1, 140) + gain * (truth == "y") for gain in (2.0, 0.8)]
    frames = [
        predictions(truth, np.where(s > 0.5, "y", "n"), speakers, p_n=-s, p_y=s) for s in scores
    ]

    def eer(score):
        return audmetric.equal_error_rate(truth == "y", score)[0]

    differences = []
    for swap in itertools.product([False, True], repeat=7):
        swapped = np.array(swap)[[int(s) for s in speakers]]
        one = np.where(swapped, scores[1], scores[0])
        differences.append(abs(eer(one) - eer(np.where(swapped, scores[0], scores[1]))))
    kwargs = {"task": "classification", "labels": ["n", "y"], "seed": 1}
    found = comparison.compare(*frames, "eer", **kwargs)
    assert found.p == np.mean(np.array(differences) >= differences[0] - 1e-12)
    assert found.value_a < found.value_b


def test_many_speakers_are_sampled():
    truth, a, b, speakers = two(speakers=18, each=20, better=0.1, seed=3)
    found = compare(truth, a, b, speakers, "uar")
    codes = np.unique(speakers, return_inverse=True)[1]
    d = comparison.shares(*samples(truth, a, b, "classification"), codes, "uar")
    signs = 1 - 2 * ((np.arange(2**18)[:, None] >> np.arange(18)) & 1)
    exact = np.mean(np.abs(signs @ d) >= abs(d.sum()) - 1e-12)
    error = np.sqrt(exact * (1 - exact) / 2**15)
    assert 0.0005 < exact < 0.5
    assert abs(found.p - exact) < 4 * error + 1 / 2**15
    assert found.test == "permutation over 18 speakers, 32768 random swaps"
    assert found == compare(truth, a, b, speakers, "uar")
    other = comparison.compare(
        *(predictions(truth, each, speakers) for each in (a, b)),
        "uar",
        task="classification",
        seed=2,
    )
    assert other.p != found.p
    # the observed one is among them
    sure = compare(truth, truth, np.where(truth == "a", "b", "a"), speakers, "uar")
    assert sure.p == pytest.approx(1 / 2**15, abs=2 / 2**15)
    assert sure.p > 0


@pytest.mark.parametrize(("measure", "worth"), [("uar", 1), ("f1", 1), ("ccc", 0.8), ("mae", 0.5)])
def test_interval_of_the_difference_leaves_each_speaker_out_of_both(measure, worth):
    truth, a, b, speakers = two(seed=3, task=TASKS[measure])
    truth = np.array(truth)
    found = compare(truth, a, b, speakers, measure, TASKS[measure])
    names, n = np.unique(speakers, return_counts=True)
    of = MEASURES[measure]
    without = [of(truth[k], a[k]) - of(truth[k], b[k]) for k in (speakers != s for s in names)]
    error = np.sqrt((len(names) - 1) * np.var(without))
    shares = (n / n.sum())[:, None]
    if measure in ("uar", "f1"):
        counts = pd.crosstab(speakers, truth).to_numpy()
        shares = counts / counts.sum(axis=0)
    freedom = max(1, worth * (1 / (shares.mean(axis=1) ** 2).sum() - 1))
    reach = stats.t.ppf(0.975, freedom) * error
    difference = of(truth, a) - of(truth, b)
    assert found.ci == pytest.approx((difference - reach, difference + reach), abs=1e-12)
    back = compare(truth, b, a, speakers, measure, TASKS[measure])
    assert back.ci == pytest.approx((-found.ci[1], -found.ci[0]), abs=1e-12)


def test_a_difference_has_no_interval_where_none_can_be_had():
    truth, a, b, speakers = two()
    assert compare(truth, a, a, speakers, "uar").ci == (None, None)
    assert compare(truth, a, b, ["db/1"] * len(truth), "uar").ci == (None, None)
    assert compare(truth, a, b, [None] * len(truth), "uar").ci == (None, None)
    # One speaker alone has a class: without her UAR is a mean over fewer.
    alone = np.where(truth == "c", "db/c", speakers)
    assert compare(truth, a, b, alone, "uar").ci == (None, None)
    low, high = compare(truth, a, b, alone, "accuracy").ci
    assert low < high


def test_few_speakers_are_not_testable_and_six_just_so():
    for count, p in ((5, None), (6, 2 / 64)):
        truth, _, _, speakers = two(speakers=count)
        wrong = np.where(truth == "a", "b", "a")
        found = compare(truth, truth, wrong, speakers, "uar")
        assert found.p == p
        assert (found.value_a, found.value_b, found.n_speakers) == (1, 0, count)
    truth, a, b, speakers = two(speakers=5)
    assert compare(truth, a, b, speakers, "uar").test == "not testable: 5 speakers, 6 are needed"
    assert compare(truth, a, b, None, "uar").test == "not testable: no speakers known"
    speakers = speakers.astype(object)
    speakers[3] = None
    assert compare(truth, a, b, speakers, "uar").test == "not testable: samples without a speaker"


def test_other_test_sets_are_not_compared():
    truth, a, b, speakers = two()
    frames = [predictions(truth, each, speakers) for each in (a, b)]
    kwargs = {"task": "classification", "seed": 1}
    shuffled = frames[1].sample(frac=1, random_state=1)
    assert comparison.compare(frames[0], shuffled, "uar", **kwargs) == comparison.compare(
        *frames, "uar", **kwargs
    )
    relabelled = frames[1].assign(truth=np.roll(truth, 1))
    for other in (frames[1][1:], relabelled, frames[1].assign(truth=None)):
        found = comparison.compare(frames[0], other, "uar", **kwargs)
        assert (found.p, found.test) == (None, "not testable: different test sets")
    found = comparison.compare(frames[0].assign(truth=None), frames[1], "uar", **kwargs)
    assert (found.p, found.test, found.difference) == (None, "not testable: no truth", None)


def test_no_difference_at_all():
    truth, a, _, speakers = two()
    found = compare(truth, a, a, speakers, "f1")
    assert (found.p, found.difference, found.mcnemar) == (1, 0, 1)


def test_chance_is_found_as_often_as_it_should_be():
    """Under equality, p below .05 in one of twenty at most (and not never)."""
    below = 0
    for seed in range(200):
        truth, a, b, speakers = two(speakers=8, each=10, better=0, seed=seed)
        below += compare(truth, a, b, speakers, "uar").p <= 0.05
    assert stats.binomtest(below, 200, 0.05).pvalue > 0.001


@pytest.mark.parametrize("runs", [(2, 2), (1, 3)])
def test_runs(runs):
    truth, a, b, speakers = two()
    random = np.random.default_rng(1)

    def several(prediction, count):
        noisy = [
            np.where(random.random(len(truth)) < 0.9, prediction, random.choice(LABELS, len(truth)))
            for _ in range(count)
        ]
        frames = [predictions(truth, p, speakers, run=i) for i, p in enumerate(noisy, start=1)]
        return noisy, pd.concat(frames)

    (noisy_a, frame_a), (noisy_b, frame_b) = several(a, runs[0]), several(b, runs[1])
    found = comparison.compare(frame_a, frame_b, "uar", task="classification", seed=1)
    assert found.value_b == pytest.approx(
        np.mean([sk.balanced_accuracy_score(truth, p) for p in noisy_b])
    )
    codes = np.unique(speakers, return_inverse=True)[1]
    several_a = Sample(truth, noisy_a, "classification", LABELS)
    several_b = Sample(truth, noisy_b, "classification", LABELS)
    d = comparison.shares(several_a, several_b, codes, "uar")
    signs = 1 - 2 * ((np.arange(2**9)[:, None] >> np.arange(9)) & 1)
    assert found.p == np.mean(np.abs(signs @ d) >= abs(d.sum()) - 1e-12)
    assert found.mcnemar is None


def test_mcnemar():
    truth, a, b, speakers = two()
    found = compare(truth, a, b, speakers, "uar")
    only_a = int(((a == truth) & (b != truth)).sum())
    only_b = int(((a != truth) & (b == truth)).sum())
    assert found.mcnemar == stats.binomtest(only_a, only_a + only_b, 0.5).pvalue
    truth, a, b, speakers = two(task="regression")
    assert compare(truth, a, b, speakers, "mae", "regression").mcnemar is None


def test_holm_by_hand():
    # .01 · 4, .02 · 3, .03 · 2 → not below the one before, .5 · 1
    found = holm([0.03, 0.01, None, 0.5, 0.02])
    assert found == [pytest.approx(0.06), pytest.approx(0.04), None, 0.5, pytest.approx(0.06)]
    assert holm([0.4, 0.6]) == [0.8, 0.8]
    assert holm([]) == []


def test_table():
    truth, a, b, speakers = two(speakers=10, better=0.4)
    wrong = np.where(truth == "a", "b", "a")
    frames = {name: predictions(truth, p, speakers) for name, p in
              {"good": a, "fair": b, "wrong": wrong}.items()}  # fmt: skip
    frames["other"] = predictions(truth[1:], a[1:], speakers[1:])
    kwargs = {"task": "classification", "seed": 1}
    found = comparison.comparisons(frames, "uar", **kwargs)
    assert list(zip(found["a"], found["b"], strict=True)) == list(itertools.combinations(frames, 2))
    tested = found["p"].notna()
    assert list(found.loc[~tested, "verdict"]) == ["not testable"] * 3
    assert set(found.loc[tested, "verdict"]) == {"a is better"}
    assert found.loc[tested, "p_holm"].tolist() == holm(found.loc[tested, "p"].tolist())
    pair = comparison.comparisons(frames, "uar", pairs=[("wrong", "good")], **kwargs)
    assert pair["verdict"].tolist() == ["b is better"]
    assert "mcnemar_p (accuracy, assumes independent samples)" in pair
    truth, a, b, speakers = two(task="regression", speakers=10, better=1)
    frames = {"good": predictions(truth, a, speakers), "bad": predictions(truth, b, speakers)}
    found = comparison.comparisons(frames, "mse", task="regression", seed=1)
    assert found["verdict"].tolist() == ["a is better"]
    found = comparison.comparisons(frames, "ccc", task="regression", seed=1)
    assert found["verdict"].tolist() == ["a is better"]


def test_comparisons_fit_a_narrow_terminal():
    truth, a, b, speakers = two(speakers=10, better=0.4)
    frames = {"a name of an experiment" * 2: predictions(truth, a, speakers),
              "another": predictions(truth, b, speakers)}  # fmt: skip
    found = comparison.comparisons(frames, "uar", task="classification", seed=1)
    wide, narrow = shown(found), shown(found, 80)
    assert len(wide.splitlines()) == 2 and len(wide.splitlines()[0]) > 80
    assert shown(found, 400) == wide
    assert max(map(len, narrow.splitlines())) <= 80
    # All that the table says, and the names whole.
    cells = [cell.strip() for cell in wide.splitlines()[1].split("  ") if cell.strip()]
    for cell in cells:
        assert cell in narrow
