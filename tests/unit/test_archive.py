"""Archives: tables as text and back, comparison of files."""

import json

import numpy as np
import pandas as pd
import pytest

from izwi.errors import UserError
from izwi.reporting import archive, verify


def test_a_table_comes_back_from_csv(tmp_path):
    table = pd.DataFrame(
        {
            "row": np.arange(4),
            "part": pd.Series(["train", "", "NA", "test"], dtype="str"),
            "speaker": pd.Series(["007", None, 'a,b\n"c"', "NA"], dtype="str"),
            "prediction": [0.1 + 0.2, np.nan, 1e-300, -0.0],
            "p_x": np.array([0.1, 2 / 3, 1, 0], dtype="float32"),
            "end": pd.to_timedelta(["0 days 00:00:01.000000001", None, "3 days", "1us"]),
            "tested": [True, False, True, True],
        }
    )
    path = tmp_path / "x.parquet"
    table.to_parquet(path, index=False)
    content, schema = archive.as_csv(str(path))
    pd.testing.assert_frame_equal(
        archive.from_csv(content, schema), pd.read_parquet(path), check_exact=True
    )


def test_what_people_said_stays_at_home(tmp_path):
    path = tmp_path / "table.parquet"
    table = pd.DataFrame({"file": ["a"], "truth": ["x"], "age": [30], "text": ["private"]})
    table.to_parquet(path, index=False)
    content, schema = archive.as_csv(str(path))
    assert list(schema) == ["file", "truth", "age"] and b"private" not in content


@pytest.mark.parametrize(
    ("name", "kept", "made", "told"),
    [
        ("a.json", {"x": [0.1, 2]}, {"x": [0.1 + 1e-12, 2]}, []),
        ("a.json", {"x": [1, 2]}, {"x": [1, 3]}, ["x[1] is 2 there, but 3 computed again"]),
        ("a.json", {"x": True}, {"x": 1}, ["x is true there, but 1 computed again"]),
        ("a.json", {}, {"x": "a"}, ["x is missing there, but 'a' computed again"]),
        ("a.csv", "n,v\n007,.5\n", "n,v\n007,0.50\n", []),
        ("a.csv", "n,v\n7,1.5\n", "n,v\n007,1.5\n", ["line 2, n is '7' there, but '007'"]),
        ("a.csv", "n\n1\n2\n", "n\n1\n", ["line 3, n is '2' there, but missing computed again"]),
        ("a.md", "a\nb\n", "a\nc\n", ["line 2 is 'b' there, but 'c' computed again"]),
        ("a.json", "{", {}, ["cannot be read: "]),
    ],
)
def test_differences_are_named(name, kept, made, told):
    def content(value):
        return (value if isinstance(value, str) else json.dumps(value)).encode()

    found, _ = verify.compare(name, content(kept), content(made))
    found = [line for line in found if not line.startswith(" is {}")]
    assert len(found) >= len(told)
    if not told:
        assert found == []
    for line in told:
        assert any(one.startswith(line) for one in found), found


def test_many_differences_are_counted():
    kept, made = ({"x": list(range(n, n + 20))} for n in (0, 100))
    found, count = verify.compare("a.json", json.dumps(kept).encode(), json.dumps(made).encode())
    assert len(found) == 6 and found[-1] == "… and 15 more" and count == 20


def test_a_zip_does_not_reach_out_of_its_folder(tmp_path):
    path = tmp_path / "bad.zip"
    archive.write_zip(path, {"../evil.txt": b"x", archive.INDEX: b"{}"})
    with pytest.raises(UserError, match=r"outside of its folder: \.\./evil\.txt"):
        verify.verify(path)
    with pytest.raises(UserError, match="no such file"):
        verify.verify(tmp_path / "none.zip")
