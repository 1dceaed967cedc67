from __future__ import annotations

from pathlib import Path

import numpy as np
import opensmile
import pandas as pd
import pytest
from audio_tables import make_table, some

from izwi.errors import UserError
from izwi.features import extraction
from izwi.features.imported import Import


@pytest.fixture
def paths(emodb: Path) -> dict[str, str]:
    return some(emodb, "wav/*.wav", 120)


def extract(
    table: pd.DataFrame, paths: dict[str, str], files: str | list[str], append: bool = True
) -> pd.DataFrame:
    options = {"import_file": files, "import_files_append": append}
    return extraction.extract(
        {"type": "import", "options": options}, table, paths, store=Path("/none"), threads=1
    )


def numbers(files: list[str], **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"file": files, **columns})


def write(frame: pd.DataFrame, path: Path) -> str:
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_are_matched_by_file(paths, tmp_path, suffix):
    names = list(paths)
    frame = numbers([*names[::-1], "other.wav"], f=np.arange(len(names) + 1.0), g=0.5)
    matrix = extract(make_table(paths), paths, write(frame, tmp_path / f"f{suffix}"))
    assert matrix.columns.tolist() == ["file", "start", "end", "f", "g"]
    assert matrix["file"].tolist() == names
    assert matrix["f"].tolist() == list(range(len(names)))[::-1]


def test_absolute_and_untidy_paths(paths, tmp_path):
    names = list(paths)
    files = [paths[names[0]], f"./{names[1]}", *names[2:]]
    frame = numbers(files, f=range(len(names)))
    matrix = extract(make_table(paths), paths, write(frame, tmp_path / "f.csv"))
    assert matrix["f"].tolist() == list(range(len(names)))


def test_features_as_opensmile_saves_them(paths, tmp_path):
    """Its end is the file's duration, where the table has the whole file."""
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    frame = smile.process_files(list(paths.values()))
    frame.to_csv(tmp_path / "f.csv")
    matrix = extract(make_table(paths), paths, str(tmp_path / "f.csv"))
    np.testing.assert_allclose(matrix.iloc[:, 3:], frame.to_numpy(), rtol=1e-6)
    frame.to_parquet(tmp_path / "f.parquet")
    matrix = extract(make_table(paths), paths, str(tmp_path / "f.parquet"))
    np.testing.assert_array_equal(matrix.iloc[:, 3:], frame.to_numpy())


def test_parts_are_matched_by_their_times(paths, tmp_path):
    one, other = list(paths)[:2]
    table = make_table(paths, [(one, 0.0, 0.5), (one, 0.5, None), (other, 0.0, None)])
    frame = pd.DataFrame(
        {
            "file": [other, one, one],
            "start": ["0 days", "0 days 00:00:00.500000", "0 days"],
            "end": [None, None, "0 days 00:00:00.500000"],
            "f": [3.0, 2.0, 1.0],
        }
    )
    assert extract(table, paths, write(frame, tmp_path / "f.csv"))["f"].tolist() == [1, 2, 3]
    seconds = frame.assign(start=[0, 0.5, 0], end=[np.nan, np.nan, 0.5])
    assert extract(table, paths, write(seconds, tmp_path / "s.csv"))["f"].tolist() == [1, 2, 3]
    whole = frame.drop(columns=["start", "end"]).iloc[:2]
    with pytest.raises(UserError, match="no features for 2 of 3 rows"):
        extract(table, paths, write(whole, tmp_path / "w.csv"))


def test_a_part_is_not_taken_for_the_file(paths, tmp_path):
    one = next(iter(paths))
    table = make_table({one: paths[one]})
    halves = pd.DataFrame({"file": [one, one], "start": [0, 1], "end": [1, 2], "f": [1, 2]})
    late = halves.iloc[1:]
    for frame in (halves, late):
        with pytest.raises(UserError, match="no features for 1 of 1 rows"):
            extract(table, paths, write(frame, tmp_path / "f.csv"))


def test_missing_rows_are_counted_and_named(paths, tmp_path):
    names = list(paths)
    path = write(numbers(names[2:], f=1), tmp_path / "f.csv")
    with pytest.raises(UserError) as error:
        extract(make_table(paths), paths, path)
    (line,) = error.value.problems
    assert line.startswith("[FEATS] import_file: ")
    assert f"no features for 2 of {len(names)} rows" in line
    assert names[0] in line


def test_files_row_by_row(paths, tmp_path):
    names = list(paths)
    files = [
        write(numbers(names[:2], f=[1, 2]), tmp_path / "a.csv"),
        write(numbers(names[2:], f=range(3, 1 + len(names))), tmp_path / "b.csv"),
    ]
    matrix = extract(make_table(paths), paths, files)
    assert matrix["f"].tolist() == list(range(1, 1 + len(names)))
    other = write(numbers(names[2:], g=1), tmp_path / "c.csv")
    with pytest.raises(UserError, match="import_files_append = False"):
        extract(make_table(paths), paths, [files[0], other])
    with pytest.raises(UserError, match="2 rows are there twice"):
        extract(make_table(paths), paths, [*files, files[0]])


def test_files_column_by_column(paths, tmp_path):
    names = list(paths)
    files = [
        write(numbers(names, f=range(len(names))), tmp_path / "a.csv"),
        write(numbers(names[::-1], g=range(len(names))), tmp_path / "b.csv"),
    ]
    matrix = extract(make_table(paths), paths, files, append=False)
    assert matrix.columns[3:].tolist() == ["f", "g"]
    assert (matrix["f"] + matrix["g"] == len(names) - 1).all()
    with pytest.raises(UserError, match="more than one file: f"):
        extract(make_table(paths), paths, [files[0], files[0]], append=False)


def test_what_is_no_feature_file(paths, tmp_path):
    table, names = make_table(paths), list(paths)
    text = write(numbers(names, f=1, mood="good"), tmp_path / "text.csv")
    nameless = write(pd.DataFrame({"name": names, "f": 1}), tmp_path / "nameless.csv")
    with pytest.raises(UserError) as error:
        extract(table, paths, [text, nameless])
    assert len(error.value.problems) == 2
    assert "not numbers: mood" in error.value.problems[0]
    assert "no column 'file'" in error.value.problems[1]
    (tmp_path / "broken.parquet").write_text("no parquet")
    with pytest.raises(UserError, match="cannot be read"):
        extract(table, paths, str(tmp_path / "broken.parquet"))


def test_gaps_stay_gaps(paths, tmp_path):
    names = list(paths)
    frame = numbers(names, f=[np.nan, *range(1, len(names))])
    matrix = extract(make_table(paths), paths, write(frame, tmp_path / "f.csv"))
    assert np.isnan(matrix["f"][0])
    assert matrix["f"][1] == 1


def test_key_follows_the_content(paths, tmp_path):
    one = write(numbers(list(paths), f=1), tmp_path / "one.csv")
    other = write(numbers(list(paths), f=2), tmp_path / "other.csv")
    assert Import.content({"import_file": one}) != Import.content({"import_file": [other]})
    with pytest.raises(UserError, match=r"no such file: /none/f.csv"):
        Import.content({"import_file": "/none/f.csv"})
    with pytest.raises(UserError, match="import_file: missing"):
        Import.content({})
