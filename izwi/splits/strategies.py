"""How a database may be split: the values of ``split_strategy``, an entry each.

Options, their reference page, checks, splits, keys and methods text follow from the entries.
"""

from __future__ import annotations

from dataclasses import dataclass

SIZES = ("test_size", "dev_size")
# Options for all databases that EXP.compatibility moves behind the split, in the order in which
# they act there.
AFTERWARDS = ("limit_samples", "limit_samples_per_speaker", "filter")


@dataclass(frozen=True)
class Strategy:
    """One value of ``split_strategy``.

    Args:
        words: a sentence of the methods text; ``{name}`` stands for the database, ``{size}`` for
            how many of how many speakers or samples were drawn, ``{fate}`` for what became of them,
            as behind *were*, ``{alike}`` for the balanced columns, ``{within}`` for what is drawn
            from, ``{tested}`` for the speakers in the ini, ``{column}`` for the column that says it
        function: module of `izwi.splits` and function that returns the part of each row, see
            `izwi.splits.holdout.Asked`; empty: all rows have the part that the strategy names
        reads: options of the split that it reads; the others change no key
        speakers: whether it needs the speaker of every row
        doc: one line for the reference page
    """

    words: str
    function: str = ""
    reads: tuple[str, ...] = ()
    speakers: bool = False
    doc: str = ""


STRATEGIES = {
    "database": Strategy(
        "The split of {name} was the one in its own tables.",
        "holdout:own_parts",
        doc="the train, dev and test tables that the database itself has for the target "
        "(audformat)",
    ),
    "specified": Strategy(
        "The split of {name} was given by the tables that the experiment names.",
        "holdout:own_parts",
        doc="the tables that the ini names in `train_tables`, `dev_tables`, `test_tables` "
        "(audformat)",
    ),
    "speaker_split": Strategy(
        "Of {name}, {size} {were} drawn at random and {fate}.",
        "holdout:by_speaker",
        SIZES,
        speakers=True,
        doc="`test_size` percent of the speakers, drawn at random, are tested; no speaker is in "
        "two parts",
    ),
    "speakers_stated": Strategy(
        "The speakers of each part of {name} were stated in advance{tested}.",
        "holdout:stated",
        ("train", "dev", "test"),
        speakers=True,
        doc="speakers that the ini names: `<db>.test = [...]`, perhaps `<db>.train` and "
        "`<db>.dev`; without `train` all others are trained on",
    ),
    "random": Strategy(
        "Of {name}, {size} {were} drawn at random{within}, whoever spoke, and {fate}.",
        "holdout:at_random",
        (*SIZES, "stratify"),
        doc="`test_size` percent of the rows, drawn at random, whoever speaks; `stratify` keeps "
        "the classes alike",
    ),
    "train": Strategy(
        "All of {name} was used for training.",
        doc="all rows are for training",
    ),
    "test": Strategy(
        "All of {name} was used for testing.",
        doc="all rows are for testing",
    ),
    "dev": Strategy(
        "All of {name} was used for development.",
        doc="all rows are for development",
    ),
    "column": Strategy(
        "The split of {name} was given by {column}.",
        "own_column:by_column",
        ("split_column", "train_vals", "test_vals", "dev_vals"),
        doc="what a column says: `split_column`, with `train_vals`, `test_vals`, `dev_vals`",
    ),
    "balanced": Strategy(
        "Of {name}, {size}, chosen to balance {alike}, {were} {fate}.",
        "holdout:balanced",
        (*SIZES, "balance", "age_bins", "stratify", "size_diff_weight"),
        speakers=True,
        doc="like speaker_split, but the speakers are chosen so that `balance` columns (the "
        "target by default) are alike in train and test",
    ),
}
# Known to nkululeko; they count as if no strategy were set.
UNSTATED = ("reuse", "train_test")
