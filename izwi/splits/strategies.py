"""How a database may be split: the values of ``split_strategy``, an entry each.

Options, their reference page, checks, splits, keys and methods text follow from the entries.
"""

from __future__ import annotations

from dataclasses import dataclass

SIZES = ("test_size", "dev_size")


@dataclass(frozen=True)
class Strategy:
    """One value of ``split_strategy``.

    Args:
        words: a sentence of the methods text; ``{name}`` stands for the database, ``{size}`` for
            how many of how many speakers or samples were drawn, ``{fate}`` for what became of them,
            as behind *were*, ``{alike}`` for the balanced columns, ``{within}`` for what is drawn
            from, ``{tested}`` for the speakers in the ini
        function: module of `izwi.splits` and function that returns the part of each row, see
            `izwi.splits.holdout.Asked`; empty: all rows have the part that the strategy names
        reads: options of the split that it reads; the others change no key
        speakers: whether it needs the speaker of every row
    """

    words: str
    function: str = ""
    reads: tuple[str, ...] = ()
    speakers: bool = False


STRATEGIES = {
    "database": Strategy("The split of {name} was the one in its own tables.", "holdout:own_parts"),
    "specified": Strategy(
        "The split of {name} was given by the tables that the experiment names.",
        "holdout:own_parts",
    ),
    "speaker_split": Strategy(
        "Of {name}, {size} were drawn at random and {fate}.",
        "holdout:by_speaker",
        SIZES,
        speakers=True,
    ),
    "speakers_stated": Strategy(
        "The speakers of each part of {name} were stated in advance{tested}.",
        "holdout:stated",
        ("train", "dev", "test"),
        speakers=True,
    ),
    "random": Strategy(
        "Of {name}, {size} were drawn at random{within}, whoever spoke, and {fate}.",
        "holdout:at_random",
        (*SIZES, "stratify"),
    ),
    "train": Strategy("All of {name} was used for training."),
    "test": Strategy("All of {name} was used for testing."),
    "dev": Strategy("All of {name} was used for development."),
    "column": Strategy(
        "The split of {name} was given by one of its columns.",
        "own_column:by_column",
        ("split_column", "train_vals", "test_vals", "dev_vals"),
    ),
    "balanced": Strategy(
        "Of {name}, {size}, chosen to balance {alike}, were {fate}.",
        "holdout:balanced",
        (*SIZES, "balance", "age_bins", "stratify", "size_diff_weight"),
        speakers=True,
    ),
}
# Known to nkululeko; they count as if no strategy were set.
UNSTATED = ("reuse", "train_test")
