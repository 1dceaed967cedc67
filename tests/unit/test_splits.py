"""Splits of real databases against hand-written sets, scikit-learn and brute force."""

from __future__ import annotations

import hashlib
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold

from izwi.errors import UserError
from izwi.splits import dev_from_train, folds, make_split, same_id
from izwi.splits.speakers import speaker_keys
from izwi.splits.subsets import stratified_sample

SPEAKERS = ["3", "8", "9", "10", "11", "12", "13", "14", "15", "16"]


def as_table(csv, target: str, name: str) -> pd.DataFrame:
    """A table as the load stage writes it."""
    data = pd.read_csv(csv, dtype={"speaker": str})
    data["database"] = name
    data["start"] = pd.Timedelta(0)
    data["end"] = pd.Series(pd.NaT, index=data.index, dtype="timedelta64[ns]")
    data["digest"] = data["file"].map(lambda file: f"{name} {file}")
    data["truth"] = data[target]
    return data.sort_values("file", ignore_index=True)


@pytest.fixture(scope="module")
def emo(emodb) -> pd.DataFrame:
    return as_table(emodb / "emodb.csv", "emotion", "emodb")


@pytest.fixture(scope="module")
def polish(nemo) -> pd.DataFrame:
    return as_table(nemo / "nemo.csv", "emotion", "nemo")


@pytest.fixture(scope="module")
def ages(speechocean) -> pd.DataFrame:
    table = as_table(speechocean / "speechocean.csv", "age", "ocean")
    table["truth"] = table["truth"].astype(float)
    return table


def spec(task="classification", target="emotion", seed=42, databases=None, **others):
    return {
        "task": task,
        "target": target,
        "seed": seed,
        "databases": databases or {},
        **others,
    }


def one(strategy, **options):
    """Spec for emodb alone."""
    return spec(databases={"emodb": {"split_strategy": strategy, **options}})


def ids(split: pd.DataFrame, part: str) -> set[str]:
    """Raw ids of the speakers of a part."""
    return {key.split("/")[1] for key in split["speaker"][split["part"] == part]}


def problems(made, *tables) -> list[str]:
    with pytest.raises(UserError) as error:
        make_split(made, list(tables))
    return error.value.problems


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize(
    ("wanted", "ids", "found"),
    [
        (3, ["3", "8"], "3"),
        ("0003", ["3", "8"], "3"),
        (3, ["0003", "0008"], "0003"),
        (3, ["3.0", "8.0"], "3.0"),
        (3, ["3", "03"], "3"),
        (3, ["003", "03"], None),
        (" EB0 ", ["EB0", "DS1"], "EB0"),
        ("EB", ["EB0", "DS1"], None),
        ("eb0", ["EB0"], None),
        (30, ["3"], None),
    ],
)
def test_same_id(wanted, ids, found):
    assert same_id(wanted, ids) == found


# ---------------------------------------------------------------- one database


def test_list_of_test_speakers_gives_the_known_sizes(emo):
    split, report = make_split(one([8, 10, 13, "0015"]), [emo])
    assert report["counts"] == {"train": 322, "dev": 0, "test": 213}
    assert report["speakers"] == {"train": 6, "dev": 0, "test": 4}
    expected = emo["speaker"].isin(["8", "10", "13", "15"])
    assert (split["part"] == expected.map({True: "test", False: "train"})).all()
    ((number, train, dev, test),) = folds(split)
    assert number == 0 and len(dev) == 0
    assert test.tolist() == np.flatnonzero(expected).tolist()
    assert train.tolist() == np.flatnonzero(~expected).tolist()
    assert report["labels"] == sorted(set(emo["emotion"]))
    assert report["warnings"] == [] and report["n_folds"] == 0
    assert list(split) == [
        "database",
        "file",
        "start",
        "end",
        "speaker",
        "part",
        "fold",
        "dev_folds",
    ]
    assert split["speaker"][0] == "emodb/3"


def test_speaker_split_takes_whole_speakers_floored(emo):
    for size, number in ((20, 2), (29, 2), (30, 3), (5, 1)):
        split, _ = make_split(one("speaker_split", test_size=size), [emo])
        assert len(ids(split, "test")) == number
        assert ids(split, "train") == set(SPEAKERS) - ids(split, "test")
    with_dev, report = make_split(one("speaker_split", test_size=30, dev_size=25), [emo])
    without, _ = make_split(one("speaker_split", test_size=30), [emo])
    assert ids(with_dev, "test") == ids(without, "test")
    assert report["speakers"] == {"train": 5, "dev": 2, "test": 3}
    for part in ("train", "dev", "test"):
        rows = with_dev["part"] == part
        assert report["counts"][part] == emo["speaker"].isin(ids(with_dev, part)).sum() == sum(rows)
    number = int.from_bytes(hashlib.blake2b(b"emodb", digest_size=8).digest(), "big")
    drawn = np.random.default_rng([42, number]).permutation(sorted(SPEAKERS))
    assert ids(without, "test") == set(drawn[:3]) and ids(with_dev, "dev") == set(drawn[3:5])
    sets = {
        frozenset(ids(make_split(one("speaker_split") | {"seed": s}, [emo])[0], "test"))
        for s in range(12)
    }
    assert len(sets) > 6


def test_traindevtest_gives_a_dev_part(emo):
    _, report = make_split(one("speaker_split") | {"traindevtest": True}, [emo])
    assert report["speakers"] == {"train": 6, "dev": 2, "test": 2}
    split, report = make_split(one([8, 10, 13, 15]) | {"traindevtest": True}, [emo])
    assert report["counts"]["test"] == 213 and report["speakers"]["dev"] == 1
    assert not ids(split, "dev") & (ids(split, "train") | ids(split, "test"))


def test_speaker_split_leaves_train_speakers(emo):
    (line,) = problems(one("speaker_split", test_size=60, dev_size=40), emo)
    assert line.startswith("[DATA] emodb.split_strategy: test_size 60 %, dev_size 40 % of 10")
    single = emo[emo["speaker"] == "3"].reset_index(drop=True)
    (line,) = problems(one("speaker_split"), single)
    assert "1 speaker leaves none for train" in line


def test_speakers_stated(emo):
    split, report = make_split(one("speakers_stated", test=[14, 8], dev=[12, "015"]), [emo])
    assert ids(split, "test") == {"14", "8"}
    assert ids(split, "dev") == {"12", "15"}
    assert ids(split, "train") == {"3", "9", "10", "11", "13", "16"}
    split, report = make_split(one("speakers_stated", test=[14], train=[3, 9]), [emo])
    unused = ~emo["speaker"].isin(["14", "3", "9"])
    assert (split["part"] == "").tolist() == unused.tolist()
    assert report["counts"]["unused"] == unused.sum()
    assert any(f"7 speakers ({unused.sum()} rows)" in note for note in report["notes"])


def test_wrong_lists_of_speakers(emo):
    (line,) = problems(one([8, 99]), emo)
    assert line.startswith("[DATA] emodb.split_strategy: no speaker 99, ")
    assert line.endswith("3, 8, 9, 10, 11, 12, 13, 14, 15, 16")
    lines = problems(one("speakers_stated", test=[14, 8, 77], dev=[8], train=["014", 9]), emo)
    assert len(lines) == 2 and "no speaker 77" in lines[0] and "8, 14 named twice" in lines[1]
    (line,) = problems(one("speakers_stated"), emo)
    assert line.startswith("[DATA] emodb.test: ")
    (line,) = problems(one(SPEAKERS), emo)
    assert "no row in train" in line


def test_random_takes_samples(emo):
    split, report = make_split(one("random", test_size=30, dev_size=10), [emo])
    assert report["counts"] == {"train": 535 - 160 - 53, "dev": 53, "test": 160}
    assert ids(split, "train") & ids(split, "test")
    table = emo.drop(columns="speaker")
    split, report = make_split(one("random"), [table])
    assert report["counts"]["test"] == 107 and split["speaker"].isna().all()
    assert any("535 rows of unknown speaker" in note for note in report["notes"])


def test_random_stratified_keeps_the_shares(emo):
    split, _ = make_split(one("random", test_size=20, stratify=True), [emo])
    test = emo["truth"][split["part"] == "test"].value_counts()
    expected = {name: math.floor(n * 0.2) for name, n in emo["truth"].value_counts().items()}
    assert test.to_dict() == expected


def test_the_last_row_of_a_class_stays_in_train():
    chosen = stratified_sample(np.array([0, 0, 0, 0, 1]), 0.5, np.random.default_rng(0))
    assert chosen[:4].sum() == 2 and not chosen[4]


def test_own_parts(emo):
    part = pd.Series("train", index=emo.index).mask(emo["speaker"].isin(["12", "16"]), "test")
    part[emo["speaker"] == "3"] = None
    part[0] = "test"
    table = emo.assign(part=part)
    for strategy in ("database", "specified", None, "reuse"):
        split, report = make_split(one(strategy), [table])
        assert (split["part"] == part.fillna("")).all()
        assert any("48 rows of 535 in none of its parts" in note for note in report["notes"])
        assert (strategy in ("database", "specified")) == (len(report["notes"]) == 1)
    assert report["warnings"] == []
    part[emo["speaker"] == "3"] = "train"
    part[0] = "test"
    split, _ = make_split(one("specified"), [emo.assign(part=part)])
    assert ids(split, "train") & ids(split, "test") == {"3"}
    (line,) = problems(one("database"), emo)
    assert "emodb.train_tables" in line
    (line,) = problems(one("specified"), emo.assign(part="Train"))
    assert "Train" in line


@pytest.mark.parametrize("strategy", [None, "reuse", "train_test"])
def test_absent_strategy_is_speaker_split(emo, strategy):
    split, report = make_split(one(strategy), [emo])
    expected, _ = make_split(one("speaker_split"), [emo])
    pd.testing.assert_frame_equal(split, expected)
    assert any("speaker_split taken" in note for note in report["notes"])
    assert any("counts as if" in note for note in report["notes"]) == (strategy is not None)


def test_no_speakers_names_the_remedy(emo):
    for table in (emo.drop(columns="speaker"), emo.assign(speaker=None)):
        for strategy in (None, "speaker_split", [3], "speakers_stated", "balanced"):
            (line,) = problems(one(strategy, test=[3]), table)
            assert line.endswith("set emodb.split_strategy = random")
    some = emo.assign(speaker=emo["speaker"].where(emo["speaker"] != "3"))
    (line,) = problems(one("speaker_split"), some)
    assert "49 rows of 535 without" in line
    (line,) = problems(one("speaker_split") | {"logo": 5}, some)
    assert line.startswith("[MODEL] logo: ") and "49 rows" in line


def test_balanced_is_the_best_of_all_sets(emo):
    made = one(
        "balanced",
        test_size=30,
        balance={"emotion": 2, "age": 1, "sex": 1},
        age_bins=2,
        size_diff_weight=3,
    )
    split, _ = make_split(made, [emo])
    old = emo["age"] > emo["age"].median()

    def cost(speakers):
        test = emo["speaker"].isin(speakers)
        total = 3 * abs(test.mean() - 0.3)
        for weight, column in ((2, emo["emotion"]), (1, old), (1, emo["gender"])):
            shares = pd.crosstab(column, test, normalize="columns")
            total += weight * jensenshannon(shares[True], shares[False], base=2)
        return total

    best = min(itertools.combinations(SPEAKERS, 3), key=cost)
    assert ids(split, "test") == set(best)
    assert ids(split, "train") == set(SPEAKERS) - set(best)
    other = dict(made["databases"]["emodb"], balance={"age": 1}, size_diff_weight=0)
    assert ids(make_split(spec(databases={"emodb": other}), [emo])[0], "test") != set(best)


def test_balanced_with_dev_and_many_speakers(ages):
    options = {"split_strategy": "balanced", "test_size": 20, "dev_size": 10}
    options["balance"] = {"age": 1, "gender": 1}
    made = spec("regression", "age", databases={"ocean": options})
    split, report = make_split(made, [ages])
    assert report["speakers"] == {"train": 88, "dev": 12, "test": 25}
    ranks = pd.qcut(ages["age"], 4, labels=False)

    def cost(test):
        total = 0
        for column in (ranks, ages["gender"]):
            shares = pd.crosstab(column, test, normalize="columns")
            total += jensenshannon(shares[True], shares[False], base=2)
        return total

    rng = np.random.default_rng(0)
    names = ages["speaker"].unique()
    chance = [cost(ages["speaker"].isin(rng.permutation(names)[:25])) for _ in range(50)]
    assert cost(split["part"] == "test") < min(chance)
    assert report["labels"] == []


def test_balanced_errors_are_told_together(emo):
    lines = problems(one("balanced", balance={"accent": 1, "gender": "2"}), emo)
    assert len(lines) == 2
    assert "no column 'accent'" in lines[0] and "weight of 'gender'" in lines[1]


# ---------------------------------------------------------------- several databases


def test_whole_databases(emo, polish):
    databases = {"emodb": {"split_strategy": "train"}, "nemo": {"split_strategy": "test"}}
    emo7 = emo.assign(truth=emo["truth"].replace("disgust", "boredom"))
    split, report = make_split(spec(databases=databases), [emo7, polish])
    assert (split["part"] == ["train"] * 535 + ["test"] * 530).all()
    assert report["counts"] == {"train": 535, "dev": 0, "test": 530}
    surprised = (polish["truth"] == "surprised").sum()
    assert (
        "[DATA] split_strategy: classes in test that train never sees: "
        f"surprised ({surprised} rows)" in report["warnings"]
    )
    assert "[DATA] split_strategy: classes absent from test: boredom" in report["warnings"]

    databases["nemo"] = {"split_strategy": "dev"}
    (line,) = problems(spec(databases=databases), emo, polish)
    assert line.startswith("[DATA] split_strategy: no row in test: emodb is 535 train")
    (line,) = problems(one("train"), emo)
    assert "add a database" in line


def test_cross_data(emo, polish):
    made = spec(strategy="cross_data", trains=["nemo"], tests=["emodb"])
    split, report = make_split(made, [emo, polish])
    assert (split["part"] == ["test"] * 535 + ["train"] * 530).all()
    for trains, tests in ((None, ["nemo"]), (["emodb"], None)):
        swapped, _ = make_split(made | {"trains": trains, "tests": tests}, [emo, polish])
        assert (swapped["part"] == ["train"] * 535 + ["test"] * 530).all()
    third = emo.assign(database="more")
    split, report = make_split(made, [emo, polish, third])
    assert (split["part"][1065:] == "").all() and report["counts"]["unused"] == 535
    assert any("more: 535 rows unused" in line for line in report["notes"])


def test_same_speakers_in_two_databases(emo):
    first = emo[emo.index % 2 == 0].reset_index(drop=True)
    second = emo[emo.index % 2 == 1].reset_index(drop=True).assign(database="again")
    second["speaker"] = second["speaker"].str.zfill(4)
    databases = {"emodb": {"split_strategy": "train"}, "again": {"split_strategy": [8, 10]}}
    split, _ = make_split(spec(databases=databases), [first, second])
    assert "again/0008" in set(split["speaker"])
    (line,) = problems(spec(databases=databases, same_speakers=True), first, second)
    assert line.startswith(
        "[DATA] again.split_strategy: a list of test speakers promises test speakers that nothing "
        "is trained on, but 8, 10 are in train or dev with rows of emodb: "
    )
    databases["again"] = {"split_strategy": "test"}
    split, _ = make_split(spec(databases=databases, same_speakers=True), [first, second])
    assert set(split["speaker"]) == set(SPEAKERS)
    databases["again"] = {"split_strategy": "speaker_split", "test_size": 10}
    (line,) = problems(spec(databases=databases, same_speakers=True), first, second)
    assert "again.split_strategy: speaker_split promises" in line and "is in train" in line
    split, report = make_split(spec(same_speakers=True, logo=10), [first, second])
    assert report["n_folds"] == 10 and (split.groupby("speaker")["fold"].nunique() == 1).all()


def test_ids_of_several_databases_on_both_sides_are_told(emo):
    halves = [emo[emo.index % 2 == i].reset_index(drop=True) for i in (0, 1)]
    second = halves[1].assign(database="again", speaker=halves[1]["speaker"].str.zfill(4))
    databases = {"emodb": {"split_strategy": "train"}, "again": {"split_strategy": "test"}}
    made = spec(databases=databases)

    def told(first, second, made=made):
        report = make_split(made, [first, second])[1]
        return [[w for w in report[kind] if "same_speakers" in w] for kind in ("warnings", "notes")]

    (warning,), notes = told(halves[0], second)
    assert "10 speaker ids of several databases on both sides" in warning and notes == []
    assert "though the ages are the same" in warning
    # Without ages it may be chance, in another order of ages or with another sex it surely is.
    bare = [half.drop(columns=["age", "gender"]) for half in (halves[0], second)]
    warnings, (note,) = told(*bare)
    assert warnings == [] and "though" not in note and "same_speakers = True" in note
    swapped = second["gender"].map({"male": "female", "female": "male"})
    assert told(halves[0], second.assign(gender=swapped)) == [[], []]
    assert told(halves[0], second.assign(age=second["age"] + 1)) == [[], []]
    # Nothing where an id is one person, or on one side alone.
    assert told(*bare, made | {"same_speakers": True}) == [[], []]
    lists = {name: {"split_strategy": [8, 10]} for name in databases}
    assert told(*bare, made | {"databases": lists}) == [[], []]
    # In other folds than its namesake.
    assert len(told(*bare, made | {"logo": 3, "databases": {key: {} for key in databases}})[1]) == 1


def test_ids_that_a_database_tells_apart_are_not_one_person():
    frame = pd.DataFrame({"database": ["a", "a", "b", "b"], "speaker": ["3", "03", "003", "4"]})
    assert speaker_keys(frame, same_speakers=True).tolist() == ["3", "03", "003", "4"]


# ---------------------------------------------------------------- classes


def test_labels(emo):
    made = one([8, 10, 13, 15]) | {"labels": ["sadness", "anger"]}
    split, report = make_split(made, [emo])
    used = emo["emotion"].isin(["sadness", "anger"])
    assert report["labels"] == ["sadness", "anger"]
    assert (split["part"] != "").tolist() == used.tolist()
    test = used & emo["speaker"].isin(["8", "10", "13", "15"])
    assert report["counts"]["test"] == test.sum()
    assert sum("unused, not among them" in note for note in report["notes"]) == 5
    _, found = make_split(made | {"labels": ["sadness", "pride", "anger"]}, [emo])
    assert found["labels"] == ["sadness", "anger"] and found["counts"] == report["counts"]
    (line,) = set(found["warnings"]) - set(report["warnings"])
    assert line.startswith("[DATA] labels: no row has pride, 'emotion' of the rows in use holds")
    (line,) = problems(one([8]) | {"labels": ["anger", "angr", "sadnes"]}, emo)
    assert line.startswith(
        "[DATA] labels: no row has angr, sadnes, 'emotion' of the rows in use holds anger, "
    )


def test_numeric_labels_are_ordered_by_value(fsdd):
    table = as_table(fsdd / "fsdd.csv", "digit", "fsdd")
    table["truth"] = (table["truth"] + 5).astype(str)
    _, report = make_split(spec(target="digit", databases={"fsdd": {}}), [table])
    assert report["labels"] == [str(n) for n in range(5, 15)]


def test_train_with_one_class(emo):
    part = emo["truth"].map({"anger": "train"}).fillna("test")
    (line,) = problems(one("specified"), emo.assign(part=part))
    assert "train holds one class only, anger" in line


def test_classes_missing_from_a_part(emo):
    part = pd.Series("train", index=emo.index)
    part[emo["speaker"].isin(["3", "10"])] = "test"
    part[emo["speaker"] == "16"] = "dev"
    part[(emo["truth"] == "disgust")] = "test"
    part[(emo["truth"] == "anger") & (part == "dev")] = "train"
    _, report = make_split(one("specified"), [emo.assign(part=part)])
    assert (
        "[DATA] split_strategy: classes in test that train never sees: disgust (46 rows)"
        in report["warnings"]
    )
    assert "[DATA] split_strategy: classes absent from dev: anger, disgust" in report["warnings"]


def test_no_rows(emo):
    lines = problems(spec(databases={"emodb": {}, "gone": {}}), emo)
    assert lines[0].startswith("[DATA] gone: no rows")
    gaps = emo.assign(truth=emo["truth"].where(emo["speaker"] != "3"))
    (line,) = problems(one([8]), gaps)
    assert line == "[DATA] target: 49 rows in train or dev without a value"


# ---------------------------------------------------------------- cross-validation


def test_logo_with_as_many_groups_as_speakers(emo):
    split, report = make_split(spec(logo=10), [emo])
    expected = {
        tuple(test): tuple(train)
        for train, test in LeaveOneGroupOut().split(emo, emo["truth"], emo["speaker"])
    }
    got = {tuple(test): tuple(train) for _, train, dev, test in folds(split)}
    assert got == expected
    assert [number for number, *_ in folds(split)] == list(range(1, 11))
    assert sorted(np.concatenate([test for *_, test in folds(split)])) == list(range(535))
    assert (split["part"] == split["fold"].astype(str)).all()
    assert report["counts"]["1"] == 49 and report["n_folds"] == 10
    by_fold = split.drop_duplicates("fold").sort_values("fold")["speaker"]
    assert [key.split("/")[1] for key in by_fold] == SPEAKERS


@pytest.mark.parametrize("n", [2, 4, 7])
def test_logo_groups_of_speakers(emo, n):
    split, report = make_split(spec(logo=n), [emo])
    assert sorted(report["counts"]) == [str(i + 1) for i in range(n)]
    assert (split.groupby("speaker")["fold"].nunique() == 1).all()
    for _, train, dev, test in folds(split):
        assert len(dev) == 0 and len(train) + len(test) == 535
        assert set(split["speaker"][train]).isdisjoint(split["speaker"][test])
    others = [make_split(spec(logo=n, seed=s), [emo])[0]["fold"].tolist() for s in range(5)]
    assert len({tuple(folds_) for folds_ in others}) > 1


def test_logo_groups_are_balanced(ages):
    split, report = make_split(spec("regression", "age", logo=5), [ages])
    assert set(report["counts"].values()) == {100}
    means = ages["age"].groupby(split["fold"]).mean()
    assert means.max() - means.min() < 1.5


def test_logo_never_leaves_a_group_empty():
    """Speakers of one class each: the greedy search alone puts some into one group."""
    rows = [(f"s{i}", f"c{i % 3}") for i in range(7) for _ in range(i + 1)]
    table = pd.DataFrame(rows, columns=["speaker", "truth"]).assign(database="toy")
    table["file"] = [f"{i:02}.wav" for i in range(len(table))]
    table["start"] = table["end"] = pd.Timedelta(0)
    for seed in range(20):
        split, report = make_split(spec(logo=6, seed=seed), [table])
        assert min(report["counts"].values()) > 0
        assert (split.groupby("speaker")["fold"].nunique() == 1).all()


def test_logo_pools_databases_and_wins(emo, polish):
    made = spec(logo=19, k_fold_cross=3, strategy="cross_data", trains=["emodb"])
    made["databases"] = {"emodb": {"split_strategy": "train"}, "nemo": {}}
    split, report = make_split(made, [emo, polish])
    assert report["n_folds"] == 19 and sum(report["counts"].values()) == 1065
    expected = LeaveOneGroupOut().split(split, groups=split["speaker"])
    assert {tuple(test) for *_, test in folds(split)} == {tuple(test) for _, test in expected}
    more, found = make_split(made | {"logo": 20}, [emo, polish])
    pd.testing.assert_frame_equal(more, split)
    (line,) = set(found["warnings"]) - set(report["warnings"])
    assert line == "[MODEL] logo: 20 groups of 19 speakers: each is a group of its own"


def test_folds_of_the_data(emo):
    fold = emo["speaker"].map({s: i % 4 for i, s in enumerate(SPEAKERS)})
    split, report = make_split(spec(logo=10), [emo.assign(fold=fold)])
    assert (split["fold"] == fold + 1).all()
    assert report["n_folds"] == 4
    assert any("10 folds wanted, the column 'fold' has 4" in w for w in report["warnings"])
    _, report = make_split(spec(logo=4), [emo.assign(fold=fold + 1)])
    assert not any("wanted" in w for w in report["warnings"])
    split, _ = make_split(spec(logo=4), [emo.assign(fold=emo.index % 4)])
    assert (split["fold"] == emo.index % 4 + 1).all()
    (line,) = problems(spec(logo=4), emo.assign(fold=fold.where(emo.index > 2)))
    assert "3 rows of 535 without" in line


def test_k_fold_is_stratified(emo):
    split, _ = make_split(spec(k_fold_cross=5), [emo])
    tests = [test for *_, test in folds(split)]
    assert sorted(np.concatenate(tests)) == list(range(535))
    reference = list(StratifiedKFold(5).split(emo, emo["truth"]))
    assert sorted(map(len, tests)) == sorted(len(test) for _, test in reference)
    for label, total in emo["truth"].value_counts().items():
        numbers = {(emo["truth"][test] == label).sum() for test in tests}
        assert numbers <= {total // 5, total // 5 + 1}
    (line,) = problems(spec(k_fold_cross=600), emo)
    assert line.startswith("[MODEL] k_fold_cross: 600 folds of 535 rows")


def test_stratified_folds_follow_the_seed(emo):
    first, again, other = (
        make_split(spec(k_fold_cross=5, seed=seed), [emo])[0]["fold"] for seed in (1, 1, 2)
    )
    assert first.equals(again) and (first != other).mean() > 0.5


def test_k_fold_for_numbers(ages):
    split, report = make_split(spec("regression", "age", k_fold_cross=4), [ages])
    assert set(report["counts"].values()) == {125}
    means = ages["age"].groupby(split["fold"]).mean()
    assert means.max() - means.min() < 2


def test_dev_in_folds(emo):
    split, report = make_split(spec(logo=5, traindevtest=True), [emo])
    assert report["n_folds"] == 5
    for number, train, dev, test in folds(split):
        parts = [set(split["speaker"][rows]) for rows in (train, dev, test)]
        assert sum(map(len, parts)) == 10 and len(parts[1]) == 1
        assert len(train) + len(dev) + len(test) == 535
        assert all(str(number) in text.split(",") for text in split["dev_folds"][dev])
        assert (split["fold"][test] == number).all()


# ---------------------------------------------------------------- order and storage

MADE = {
    "speaker_split": {"split_strategy": "speaker_split", "dev_size": 10},
    "random": {"split_strategy": "random", "dev_size": 10},
    "stratified": {"split_strategy": "random", "stratify": True},
    "balanced": {"split_strategy": "balanced", "balance": {"emotion": 1}, "dev_size": 20},
    "list": {"split_strategy": [8, 10]},
}


@pytest.mark.parametrize("case", [*MADE, "logo", "k_fold_cross", "traindevtest"])
def test_order_of_rows_changes_nothing(emo, polish, case):
    if case in MADE:
        made = spec(databases={"emodb": MADE[case], "nemo": {"split_strategy": "test"}})
    else:
        made = spec(**{case: 4})
    if case == "traindevtest":
        made |= {"logo": 4}
    key = ["database", "file"]
    expected, report = make_split(made, [emo, polish])
    permuted = [t.sample(frac=1, random_state=1, ignore_index=True) for t in (polish, emo)]
    split, again = make_split(made, permuted)
    assert split["file"].tolist() == pd.concat(permuted)["file"].tolist()
    pd.testing.assert_frame_equal(
        split.sort_values(key, ignore_index=True), expected.sort_values(key, ignore_index=True)
    )
    assert again == report
    pd.testing.assert_frame_equal(make_split(made, [emo, polish])[0], expected)


def test_other_databases_change_no_split(emo, polish):
    alone, _ = make_split(one("speaker_split"), [emo])
    made = spec(databases={"nemo": {}, "emodb": {"split_strategy": "speaker_split"}})
    both, _ = make_split(made, [polish, emo])
    assert both["part"][530:].tolist() == alone["part"].tolist()


def test_a_split_survives_parquet(emo, tmp_path):
    for made in (one("speaker_split"), spec(logo=5, traindevtest=True)):
        split, _ = make_split(made, [emo.drop(columns="digest")])
        split.to_parquet(tmp_path / "split.parquet")
        again = pd.read_parquet(tmp_path / "split.parquet")
        for one_, other in zip(folds(split), folds(again), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one_, other, strict=True))


# ---------------------------------------------------------------- dev for nets


def test_dev_from_train_takes_speakers(emo):
    split, _ = make_split(one([8, 10, 13, 15]), [emo])
    ((_, train_rows, _, test),) = folds(split)
    frame = split.assign(truth=emo["truth"])
    for share, number in ((0.2, 1), (0.5, 3)):
        train, dev = dev_from_train(frame, train_rows, seed=1, share=share)
        assert sorted([*train, *dev]) == train_rows.tolist()
        assert set(split["speaker"][dev]).isdisjoint(split["speaker"][train])
        assert split["speaker"][dev].nunique() == number
        assert set(dev).isdisjoint(test)
        assert set(emo["truth"][train]) == set(emo["truth"])
    shuffled = frame.sample(frac=1, random_state=3)
    rows = np.flatnonzero(shuffled["part"] == "train")
    _, other = dev_from_train(shuffled.reset_index(drop=True), rows, seed=1, share=0.5)
    assert set(shuffled["file"].iloc[other]) == set(frame["file"].iloc[dev])


def test_dev_from_train_keeps_classes_in_train(emo):
    """Only speakers 3 and 9 have disgust and 3 alone boredom: neither class may vanish."""
    rare = emo["truth"].isin(["disgust", "boredom"]) & (emo["speaker"] != "3")
    rare &= ~((emo["speaker"] == "9") & (emo["truth"] == "disgust"))
    table = emo[~rare].reset_index(drop=True)
    for seed in range(5):
        train, dev = dev_from_train(table, np.arange(len(table)), seed=seed, share=0.4)
        assert set(table["truth"][train]) == set(table["truth"])
        assert "3" not in set(table["speaker"][dev])


def test_dev_from_train_without_speakers(emo):
    rows = np.arange(0, 535, 2)
    for table in (emo.drop(columns="speaker"), emo.assign(speaker="x"), emo.assign(speaker=None)):
        train, dev = dev_from_train(table, rows, seed=1)
        assert sorted([*train, *dev]) == rows.tolist()
        expected = {n: int(k * 0.2) for n, k in emo["truth"][rows].value_counts().items()}
        assert emo["truth"][dev].value_counts().to_dict() == expected
        other = table.iloc[::-1].reset_index(drop=True)
        _, same = dev_from_train(other, np.sort(534 - rows), seed=1)
        assert set(534 - same) == set(dev)
    with pytest.raises(UserError):
        dev_from_train(emo, rows[:1], seed=1)


def test_dev_from_train_of_numbers(ages):
    train, dev = dev_from_train(ages, np.arange(500), seed=1)
    assert ages["speaker"][dev].nunique() == 25 and len(train) == 400
    assert abs(ages["age"][dev].mean() - ages["age"][train].mean()) < 2
