"""Base classes of feature extractors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from izwi.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    import pandas as pd

    from izwi.config.options import Option


class Extractor:
    """Turns the audio of one row into one vector of features.

    A subclass states the class attributes, sets ``columns`` in its constructor and implements
    ``__call__``. Its module imports nothing heavy at module level, since the attributes are read
    whenever a workflow is planned.

    Attributes:
        name: value of ``FEATS.type``
        options: its options; they are part of the key
        title: names of the options that belong in the name of its files
        prefix: goes before its column names if several feature sets share a name
        packages: pip distributions whose version can change a value
        located: options with the location of files that ``content`` digests; they are not part
            of the key, so a moved file is still the same
        environment: the file in envs/, without its ending, that lists what it needs
        parallel: ``threads`` if the work releases Python's global interpreter lock, else
            ``processes``
        asides: names of values that the store keeps beside the features for :meth:`remarks`
        remarked: names of the features that :meth:`remarks` reads
        is_vector: False if a feature is an array of any length instead of a number; only models
            that name the type in ``reads`` accept those, and no store keeps them beside the matrix
        columns: names of the features
    """

    name: ClassVar[str]
    options: ClassVar[tuple[Option, ...]] = ()
    title: ClassVar[tuple[str, ...]] = ()
    prefix: ClassVar[str] = ""
    packages: ClassVar[tuple[str, ...]] = ()
    located: ClassVar[tuple[str, ...]] = ()
    environment: ClassVar[str] = "core"
    parallel: ClassVar[str] = "threads"
    asides: tuple[str, ...] = ()
    remarked: ClassVar[tuple[str, ...]] = ()
    is_vector: ClassVar[bool] = True
    columns: list[str]

    def __init__(self, options: dict[str, Any]) -> None:
        """Take the options.

        Args:
            options: value of each option by its name; missing ones have their default

        Raises:
            ValueError: if an option is not one of this extractor
        """
        self.values = {option.name: option.default for option in self.options}
        if unknown := set(options) - set(self.values):
            raise ValueError(f"not options of {self.name}: {sorted(unknown)}")
        self.values |= options

    @classmethod
    def is_stored(cls) -> bool:
        """Whether extraction fills the feature store."""
        return cls.is_vector

    @classmethod
    def idle(cls, options: dict[str, Any]) -> tuple[str, ...]:
        """Names of options that have no effect given the values of the others."""
        return ()

    @classmethod
    def form(cls, options: dict[str, Any]) -> str:
        """The name by which models request these features: their type, if that is enough."""
        return cls.name

    @classmethod
    def on_hub(cls, options: dict[str, Any]) -> tuple[str, str] | None:
        """Name and commit of a model of the hub that it needs, None for what lies elsewhere."""
        return None

    @classmethod
    def content(cls, options: dict[str, Any]) -> Any:
        """Digests, for the key, of what the options point to (other files, weights).

        Called when a workflow is planned, so it also checks options against each other.

        Raises:
            UserError: if a file is missing or options contradict each other
        """
        return None

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row.

        Args:
            signal: shape (channels, samples), float32
            rate: sampling rate in Hz

        Returns:
            shape (features,), NaN where a feature is undefined; float32 or float64

        Raises:
            AudioError: if the signal cannot be used
        """
        raise NotImplementedError

    def take(self, box: list[np.ndarray], rate: int) -> np.ndarray:
        """Compute the features of the one signal in a list.

        See `FrugalExtractor`; others implement ``__call__`` alone.
        """
        return self(box[0], rate)

    def aside(self, signal: np.ndarray, rate: int) -> list[float]:
        """Values of ``asides`` for one row: not features, but needed for :meth:`remarks`."""
        return []

    def remarks(self, matrix: pd.DataFrame) -> list[str]:
        """Warnings about all rows of a table, such as how many were cut.

        Args:
            matrix: a row for each of the table that has features, the columns ``asides``
                and ``remarked``
        """
        return []


class FrugalExtractor(Extractor):
    """Needs much memory, so it removes the signal from its list and frees it early."""

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        return self.take([signal], rate)

    def take(self, box: list[np.ndarray], rate: int) -> np.ndarray:
        """Compute the features of the one signal in a list, which is empty then.

        Args:
            box: a signal of shape (channels, samples), float32
            rate: sampling rate in Hz

        Returns:
            as ``__call__``

        Raises:
            AudioError: if the signal cannot be used
        """
        raise NotImplementedError


class TableExtractor(Extractor):
    """Finds the features of rows without reading audio."""

    @classmethod
    def is_stored(cls) -> bool:
        """See the base class."""
        return False

    def matrix(self, table: pd.DataFrame, paths: dict[str, str]) -> pd.DataFrame:
        """Features of all rows of a table, in its order.

        Args:
            table: of the load stage; ``file``, ``start``, ``end``, and columns of the database
            paths: absolute path of each file

        Raises:
            UserError: if there are rows without features
        """
        raise NotImplementedError


class BatchExtractor(Extractor):
    """Takes many rows at once; one instance serves all workers.

    A vector must not depend on the other rows of its batch.
    """

    def load(self) -> None:
        """Load large data, such as a model; called once, before anything else."""

    def start_thread(self) -> None:
        """Called in each worker thread when it starts."""

    def prepare(self, signal: np.ndarray, rate: int) -> tuple[Hashable, Any]:
        """Convert one row to the form that batches consist of.

        Args:
            signal: shape (channels, samples), float32
            rate: sampling rate in Hz

        Returns:
            its group, since only rows of one group share a batch, and the row

        Raises:
            AudioError: if the signal cannot be used
        """
        raise NotImplementedError

    def capacity(self, group: Any) -> int:
        """Maximum number of rows in a batch of this group."""
        raise NotImplementedError

    def batch(self, group: Any, items: list[Any]) -> list[np.ndarray]:
        """Features of prepared rows of one group, each of shape (features,), in their order."""
        raise NotImplementedError

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        self.load()
        group, item = self.prepare(signal, rate)
        return self.batch(group, [item])[0]


class BadFiles(UserError):
    """Audio is unusable.

    Args:
        name: the extractor
        rows: file and reason, one pair for each unusable row
        total: rows in the table
        threshold: share of them that was allowed
    """

    SHOWN = 10

    def __init__(
        self, name: str, rows: list[tuple[str, str]], total: int, threshold: float = 0.0
    ) -> None:
        self.rows = rows
        allowed = f", more than fail_threshold = {threshold:g} allows" if threshold else ""
        advice = (
            "fix them or take them out of the database"
            if threshold
            else "fix them, take them out of the database, or allow a share with fail_threshold"
        )
        lines = [
            f"[FEATS] type: {name} cannot use {len(rows)} of {total} rows of audio{allowed}; "
            f"{advice} (all others are extracted and kept)"
        ]
        lines += [f"[FEATS] type: {file}: {reason}" for file, reason in rows[: self.SHOWN]]
        if len(rows) > self.SHOWN:
            lines.append(f"[FEATS] type: … and {len(rows) - self.SHOWN} more")
        super().__init__(lines)
