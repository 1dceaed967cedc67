"""Metadata of a recording: columns of the database, one-hot encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.annotation import MARK
from izwi.config.options import feature_option
from izwi.errors import UserError
from izwi.features.base import TableExtractor

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("gender", "age", "language", "sentence", "text", "sampling_rate")
# Comes from the audio files, not from the table.
SAMPLING_RATE = "sampling_rate"
# Columns of the table that are not from the database.
_NO_METADATA = ("file", "start", "end", "digest", "truth", "value", "part", "fold")
_MARK = "metadata."
# Values of a column that are features, the most frequent: of a column of texts there are many.
MOST_VALUES = 1000


class Metadata(TableExtractor):
    """One feature for each value of each column: 1 where a row has it, else 0.

    Nothing is fitted. An unknown value is 0 in all features. A value that occurs only in the test
    set is 0 throughout training, and a feature without variance does not affect a model. A value
    that only one row has is not a feature. Numbers are treated as values, except the age and
    predicted properties (``snr_pred``), which stay numbers.
    """

    name = "metadata"
    packages = ("pandas", "soundfile")
    options = (
        feature_option(
            "metadata.columns",
            "list",
            list(COLUMNS),
            "metadata: columns of the database to use as features; missing columns are ignored, "
            "sampling_rate is that of the audio files",
        ),
    )

    def matrix(self, table: pd.DataFrame, paths: dict[str, str]) -> pd.DataFrame:
        """Features of all rows of a table; see the base class.

        Args:
            table: of the load stage, with the columns of the database
            paths: absolute path of each file

        Raises:
            UserError: if there is no such column, or one is not metadata
        """
        import pandas as pd

        wanted = list(dict.fromkeys(map(_unified, self.values["metadata.columns"] or [])))
        found = []
        for column in wanted:
            if column in _NO_METADATA:
                raise UserError(
                    f"[FEATS] metadata.columns: '{column}' is not metadata, leave it out"
                )
            if column == SAMPLING_RATE:
                values = table["file"].map(_rates(table["file"], paths))
            elif column in table:
                values = table[column]
            else:
                continue
            found.append(_features(column, values))
        if not found:
            raise UserError(
                f"[FEATS] metadata.columns: the database has none of {', '.join(wanted) or 'none'}"
            )
        return pd.concat(found, axis=1)


def unknown(feature: str) -> float | None:
    """Value of a feature in rows of a database that lacks it; None for other features."""
    if not feature.startswith(_MARK):
        return None
    return 0.0 if "=" in feature else float("nan")


def _unified(column: Any) -> str:
    return "gender" if str(column) == "sex" else str(column)


def _features(column: str, values: pd.Series) -> pd.DataFrame:
    import pandas as pd

    is_number = column == "age" or column.endswith(MARK)
    if is_number and pd.api.types.is_numeric_dtype(values):
        return pd.DataFrame({f"{_MARK}{column}": values.astype("float64").to_numpy()})
    texts = values.astype(object).map(_text, na_action="ignore")
    counts = texts.value_counts()
    # Of ties the first by name, regardless of the order of the rows.
    kept = counts[counts > 1].sort_index().sort_values(ascending=False, kind="stable")
    names = sorted(kept.index[:MOST_VALUES])
    hot = {f"{_MARK}{column}={name}": (texts == name).to_numpy(float) for name in names}
    return pd.DataFrame(hot, index=range(len(values)))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rates(files: pd.Series, paths: dict[str, str]) -> dict[str, int | None]:
    """Sampling rate of each file in Hz, from its header; None where it cannot be read."""
    from izwi.data.audio import AudioError
    from izwi.data.lengths import lengths

    # Extractors that read the audio report what is wrong with a file.
    wanted = files.unique()
    found = lengths([paths.get(file, "") for file in wanted])
    return {
        file: None if isinstance(length, AudioError) else length[1]
        for file, length in zip(wanted, found, strict=True)
    }
