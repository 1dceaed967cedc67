"""Features that were computed elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from izwi.config.options import feature_option
from izwi.errors import Problems, UserError
from izwi.features.base import TableExtractor
from izwi.untrusted import read_parquet, shown

if TYPE_CHECKING:
    import pandas as pd

    Place = tuple[str, int, int]

INDEX = ["file", "start", "end"]
WHERE = "[FEATS] import_file"


class Import(TableExtractor):
    """Features from CSV or Parquet files with the columns ``file[, start, end]`` and numbers.

    A row belongs to the row of the table with the same file (as the database writes it, or its
    absolute path), start and end. A whole file also takes the only row of that file, if it
    starts at 0: other tools write the file's duration as its end.
    """

    name = "import"
    prefix = "import."
    options = (
        feature_option(
            "import_file",
            kind="path|list",
            default=None,
            doc="import: your CSV or Parquet file of features, or a list of them, with the columns "
            "file, start and end (if rows are segments), and numbers",
        ),
        feature_option(
            "import_files_append",
            kind="bool",
            default=True,
            doc="import: several files hold different rows (True) or different features (False)",
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.files = _files(self.values)

    @classmethod
    def content(cls, options: dict[str, Any]) -> list[str]:
        """Digests of the imported files.

        Raises:
            UserError: if a file is missing
        """
        from izwi.engine.keys import file_digest

        files = _files(options)
        if lost := [file for file in files if not os.path.isfile(file)]:
            raise UserError([f"{WHERE}: no such file: {file}" for file in lost])
        return [file_digest(file) for file in files]

    def matrix(self, table: pd.DataFrame, paths: dict[str, str]) -> pd.DataFrame:
        """Features of all rows of a table; see the base class."""
        import pandas as pd

        problems = Problems()
        frames = []
        for file in self.files:
            try:
                frames.append(_load(file))
            except UserError as error:
                problems.extend(error)
        problems.raise_if_any()
        if self.values["import_files_append"]:
            for file, frame in zip(self.files[1:], frames[1:], strict=True):
                if odd := sorted(set(frame.columns) ^ set(frames[0].columns)):
                    problems.add(
                        f"{WHERE}: {file} and {self.files[0]} differ in the columns "
                        f"{', '.join(odd[:5])}; import_files_append = False joins columns"
                    )
            problems.raise_if_any()
            return _matched(pd.concat(frames), table, paths, ", ".join(self.files))
        matrices = []
        for file, frame in zip(self.files, frames, strict=True):
            try:
                matrices.append(_matched(frame, table, paths, file))
            except UserError as error:
                problems.extend(error)
        names = pd.Index([name for frame in frames for name in frame.columns])
        if names.has_duplicates:
            twice = ", ".join(names[names.duplicated()].unique()[:5])
            problems.add(f"{WHERE}: columns in more than one file: {twice}")
        problems.raise_if_any()
        return pd.concat(matrices, axis=1)


def _files(options: dict[str, Any]) -> list[str]:
    """The imported files.

    Raises:
        UserError: if none is given
    """
    files = options.get("import_file")
    if not files:
        raise UserError(f"{WHERE}: missing; type = import needs it")
    return [files] if isinstance(files, str) else list(files)


def _load(file: str) -> pd.DataFrame:
    """Features of one file, indexed by normalised file, start and end (ns; -1 is the end).

    Raises:
        UserError: if it cannot be read, lacks ``file``, or holds values that are not numbers
    """
    import pandas as pd

    try:
        if file.endswith((".parquet", ".pq")):
            frame = read_parquet(file).to_pandas()
        else:
            frame = pd.read_csv(file, dtype=dict.fromkeys(INDEX, str), compression=None)
    # What a stranger's table holds ends its readers in many ways.
    except Exception as error:
        reason = shown(" ".join(str(error).split()), 300)
        raise UserError(f"{WHERE}: {file} cannot be read: {reason}") from error
    if frame.index.names != [None]:
        frame = frame.reset_index()
    if "file" not in frame:
        raise UserError(f"{WHERE}: {file} has no column 'file'")
    if not all(isinstance(name, str) for name in frame["file"]):
        raise UserError(f"{WHERE}: {file} has rows that name no file")
    features = frame.drop(columns=INDEX, errors="ignore")
    texts = [
        name
        for name, kind in features.dtypes.items()
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind))
    ]
    if texts:
        raise UserError(f"{WHERE}: {file} has columns that are not numbers: {', '.join(texts[:5])}")
    if features.shape[1] == 0:
        raise UserError(f"{WHERE}: {file} has no features")
    places = _places(frame, f"{WHERE}: {file}")
    features.index = pd.MultiIndex.from_tuples(places, names=INDEX)
    return features.astype("float64")


def _places(frame: pd.DataFrame, where: str = WHERE) -> list[Place]:
    """Normalised file, start and end (ns) of each row; a missing start is 0, a missing end -1."""
    import pandas as pd

    from izwi.data import times

    def nanoseconds(name: str, absent: int) -> list[int]:
        if name not in frame:
            return [absent] * len(frame)
        found = times.parse(frame[name], name, where)
        return found.fillna(pd.Timedelta(absent, "ns")).astype("int64").tolist()

    files = [os.path.normpath(file) for file in frame["file"]]
    return list(zip(files, nanoseconds("start", 0), nanoseconds("end", -1), strict=True))


def _matched(
    features: pd.DataFrame, table: pd.DataFrame, paths: dict[str, str], source: str
) -> pd.DataFrame:
    """Rows of the features in the order of a table.

    Raises:
        UserError: if rows are missing or duplicated
    """
    problems = Problems()
    if features.index.has_duplicates:
        again = features.index[features.index.duplicated()]
        problems.add(f"{WHERE}: {source}: {len(again)} rows are there twice, such as {again[0][0]}")
    known = {place: row for row, place in enumerate(features.index)}
    of_file: dict[str, list[Place]] = {}
    for place in known:
        of_file.setdefault(place[0], []).append(place)

    found, lost = [], []
    for file, place in zip(table["file"], _places(table), strict=True):
        names = [place[0], os.path.normpath(paths.get(file) or file)]
        row = next((known[name, *place[1:]] for name in names if (name, *place[1:]) in known), None)
        if row is None and place[1:] == (0, -1):
            only = next((of_file[name] for name in names if name in of_file), [])
            if len(only) == 1 and only[0][1] == 0:
                row = known[only[0]]
        found.append(row)
        if row is None:
            lost.append(file)
    if lost:
        examples = ", ".join(dict.fromkeys(lost[:3]))
        problems.add(
            f"{WHERE}: {source}: no features for {len(lost)} of {len(table)} rows of the table, "
            f"such as {examples}"
        )
    problems.raise_if_any()
    return features.iloc[found].reset_index(drop=True)
