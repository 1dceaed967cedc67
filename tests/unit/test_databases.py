"""CSV databases, and what is done to the labels of every database."""

import csv
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile

from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.errors import UserError


@pytest.fixture
def load(tmp_path):
    """Write a CSV with its audio files (1, 2, 3 … tenths of a second) and load it."""

    def run(text, *, audio=True, **spec):
        path = tmp_path / "db.csv"
        path.write_text(text, encoding="utf-8")
        database = {"name": "db", "type": "csv", "path": str(path)}
        database["options"] = spec.pop("options", {})
        listing = scan(database, cwd=tmp_path, cache=tmp_path / "cache")
        if audio:
            for i, file in enumerate(listing.files, start=1):
                if not (tmp_path / file).exists():
                    soundfile.write(tmp_path / file, np.zeros(1600 * i), 16000)
            listing = scan(database, cwd=tmp_path, cache=tmp_path / "cache")
        spec = {"task": "classification", "target": "emotion", "seed": 1, **spec}
        return load_table(database | spec, listing)

    return run


def load_real(path, tmp_path, **spec):
    database = {"name": "real", "type": "csv", "path": str(path)}
    database["options"] = spec.pop("options", {})
    listing = scan(database, cwd=tmp_path, cache=tmp_path)
    spec = {"task": "classification", "target": "emotion", "seed": 1, **spec}
    return load_table(database | spec, listing)


def rows(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


SEED_POST = "file, speaker, sex, emotion\nb.wav, s1, female, happy\na.wav, 007, male , sad\n"
EMOTIONS = "file,emotion,speaker\n" + "".join(
    f"{i:02d}.wav,{emotion},{i % 3}\n"
    for i, emotion in enumerate(["anger", "fear", "joy", "joy", "sadness", "sadness", "sadness"])
)


def test_the_table_of_the_seed_post(load):
    table, report = load(SEED_POST)
    assert list(table) == [
        *["database", "file", "start", "end", "speaker", "digest", "truth", "gender", "emotion"]
    ]
    assert table["file"].tolist() == ["a.wav", "b.wav"]
    assert table["speaker"].tolist() == ["007", "s1"]
    assert table["gender"].tolist() == ["male", "female"]
    assert table["truth"].tolist() == ["sad", "happy"]
    assert (table["start"] == pd.Timedelta(0)).all() and table["end"].isna().all()
    assert report == {
        "notes": [],
        "warnings": [],
        "counts": {"listed": 2, "used": 2, "dropped": {}},
        # That of the end is empty: all are whole files.
        "columns": [name for name in table if name != "end"],
    }


def test_emodb_has_the_rows_of_its_file(emodb, tmp_path):
    table, _ = load_real(emodb / "emodb.csv", tmp_path)
    expected = sorted(rows(emodb / "emodb.csv"), key=lambda row: row["file"])
    assert len(table) == 535
    for column, name in (("file", "file"), ("speaker", "speaker"), ("truth", "emotion")):
        assert table[column].tolist() == [row[name] for row in expected]
    assert table["age"].tolist() == [int(row["age"]) for row in expected]
    assert table["age"].dtype == "int64"
    table.to_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), table)


def test_leading_zeros_and_texts_survive(speechocean, nemo, tmp_path):
    table, _ = load_real(speechocean / "speechocean.csv", tmp_path, target="age", task="regression")
    assert table["speaker"].iloc[0] == "0001"
    ages = {row["file"]: float(row["age"]) for row in rows(speechocean / "speechocean.csv")}
    assert table["truth"].tolist() == [ages[file] for file in table["file"]]
    table, _ = load_real(nemo / "nemo.csv", tmp_path)
    texts = {row["file"]: row["text"] for row in rows(nemo / "nemo.csv")}
    assert table["text"].tolist() == [texts[file] for file in table["file"]]


def test_nothing_depends_on_the_order_of_the_source(emodb, tmp_path):
    lines = (emodb / "emodb.csv").read_text().splitlines()
    options = {"audio_path": str(emodb), "limit_samples": 100, "limit_samples_per_speaker": 20}
    tables = []
    for body in (lines[1:], lines[:0:-1]):
        (tmp_path / "x.csv").write_text("\n".join([lines[0], *body]))
        tables.append(load_real(tmp_path / "x.csv", tmp_path, options=options)[0])
    pd.testing.assert_frame_equal(*tables)
    assert len(tables[0]) == 100
    other, _ = load_real(tmp_path / "x.csv", tmp_path, options=options, seed=2)
    assert set(other["file"]) != set(tables[0]["file"])


def test_words_for_missing_values_are_labels(load):
    table, report = load("file,emotion\na.wav,None\nb.wav,NA\nc.wav,\nd.wav,nan\n")
    assert table["truth"].tolist() == ["None", "NA", "nan"]
    assert report["counts"] == {"listed": 4, "used": 3, "dropped": {"missing target": 1}}
    dropped, told = report["warnings"]
    assert dropped == "db: 1 of 4 rows dropped: no value of 'emotion'"
    assert "holds NA, None, nan, which are 3 classes here" in told


def test_gaps_in_other_columns_drop_nothing(load):
    table, _ = load("file,emotion,age,speaker\na.wav,x,,\nb.wav,y,20,3\nc.wav,y,30.5,4.5\n")
    assert len(table) == 3
    assert table["age"].tolist()[1:] == [20, 30.5] and np.isnan(table["age"][0])
    assert table["speaker"].isna().tolist() == [True, False, False]


def test_ids_of_a_column_with_gaps(load):
    table, _ = load("file,emotion,speaker\na.wav,x,3.0\nb.wav,y,\nc.wav,y,12.0\n")
    assert table["speaker"].tolist()[::2] == ["3", "12"]


def test_codes_are_no_numbers(load):
    table, _ = load("file,emotion,room,room_id\na.wav,007,01,5\nb.wav,010,2,6\n")
    assert table["truth"].tolist() == ["007", "010"]
    assert table["room"].tolist() == ["01", "2"]
    assert table["room_id"].tolist() == ["5", "6"]


@pytest.mark.parametrize("written", ["1.0,0.0,2.5", "1,0,2.5"])
def test_whole_numbers_are_classes_without_decimals(load, written):
    cells = written.split(",")
    text = "file,digit\n" + "".join(f"{i}.wav,{cell}\n" for i, cell in enumerate(cells))
    assert load(text, target="digit")[0]["truth"].tolist() == ["1", "0", "2.5"]
    table, _ = load(text, target="digit", labels=[0, 1.0])
    assert table["truth"].tolist() == ["1", "0"]


def test_regression(load):
    text = "file,age\na.wav,3\nb.wav,4.5\nc.wav,{}\n"
    table, _ = load(text.format(""), target="age", task="regression")
    assert table["truth"].tolist() == [3, 4.5] and table["truth"].dtype == "float64"
    for word in ("old", "nan", "inf"):
        with pytest.raises(UserError, match=f"1 value of 'age' in db is no number.*{word}"):
            load(text.format(word), target="age", task="regression")


def test_many_numbers_are_no_classes(load):
    text = "file,age\n" + "".join(f"{i}.wav,{20 + i}\n" for i in range(21))
    with pytest.raises(UserError, match=r"21 different numbers.*labels.*bins"):
        load(text, target="age")
    assert len(load(text[: text.rindex("20.wav")], target="age")[0]) == 20


BINS = {"target": "age", "continuous": True, "labels": ["u40", "40ies", "50ies"]}


def test_bins_hold_their_lower_limit(load):
    ages = [39.9, 40, 49.99, 50, 59.9, -5]
    text = "file,age\n" + "".join(f"{i}.wav,{age}\n" for i, age in enumerate(ages))
    table, _ = load(text, **BINS, bins=[-1000, 40, 50, 60])
    assert table["truth"].tolist() == ["u40", "40ies", "40ies", "50ies", "50ies", "u40"]
    assert table["value"].tolist() == ages
    with pytest.raises(UserError, match=r"2 values of 'age' in db lie outside 0 to 59.9.*-5"):
        load(text, **BINS, bins=[0, 40, 50, 59.9])
    with pytest.raises(UserError, match="3 limits make 2 bins, but there are 3 labels"):
        load(text, **BINS, bins=[0, 40, 50])
    table, report = load(text, **BINS)
    assert report["bin_later"] and table["truth"].isna().all()
    assert table["value"].tolist() == ages


def test_flat_mapping(load):
    mapping = {"anger, fear": "neg", "joy": "pos", "boredom": "neg"}
    table, report = load(EMOTIONS, options={"mapping": {"target": mapping}})
    assert table["truth"].tolist() == ["neg", "neg", "pos", "pos"]
    assert table["emotion"].tolist() == ["anger", "fear", "joy", "joy"]
    assert report["notes"] == ["db: 3 of 7 rows dropped: values not in the mapping (sadness 3)"]
    assert report["warnings"] == ["db: mapping: boredom does not occur in 'emotion'"]
    assert report["counts"]["dropped"] == {"mapping": 3}
    with pytest.raises(UserError, match=r"none of angry occurs in 'emotion'.*anger, fear, joy"):
        load(EMOTIONS, options={"mapping": {"target": {"angry": "x"}}})
    with pytest.raises(UserError, match="'joy' is mapped twice"):
        load(EMOTIONS, options={"mapping": {"target": {"joy, fear": "x", "joy": "y"}}})


def test_mapping_of_numbers_matches_text(load):
    text = "file,emotion\na.wav,1\nb.wav,2\nc.wav,3\n"
    for keys in ((1, 2), ("1", "2"), (1.0, 2.0)):
        mapping = dict(zip(keys, ("low", 5), strict=True))
        table, _ = load(text, options={"mapping": {"target": mapping}})
        assert table["truth"].tolist() == ["low", "5"]


def test_mapping_by_column(load):
    mapping = {"emotion": {"joy": "pos", "fear, sadness": "neg"}, "speaker": {"0": "zero"}}
    table, report = load(EMOTIONS, options={"mapping": {"columns": mapping}})
    assert table["truth"].tolist() == ["anger", "neg", "pos", "pos", "neg", "neg", "neg"]
    assert Counter(table["speaker"]) == {"zero": 3, "1": 2, "2": 2}
    assert report["counts"]["dropped"] == {}
    with pytest.raises(UserError, match=r"db\.mapping: db has no column 'emotoin'.*'emotion'\?"):
        load(EMOTIONS, options={"mapping": {"columns": {"emotoin": {"a": "b"}}}})


def test_labels(load):
    table, report = load(EMOTIONS, labels=["joy", "sadness", "disgust"])
    assert Counter(table["truth"]) == {"joy": 2, "sadness": 3}
    assert report["notes"] == [
        "db: labels that do not occur: disgust",
        "db: 2 of 7 rows dropped: values not in labels (anger 1, fear 1)",
    ]
    with pytest.raises(UserError, match=r"none of Joy occurs.*anger, fear, joy, sadness"):
        load(EMOTIONS, labels=["Joy"])


def test_filter_comes_before_mapping(load):
    mapping = {"target": {"joy": "pos", "fear": "neg", "sadness": "neg"}}
    filters = [["emotion", ["joy", "fear", "disgust"]], ["speaker", [1, 2]]]
    table, report = load(EMOTIONS, options={"mapping": mapping, "filter": filters})
    assert table["file"].tolist() == ["01.wav", "02.wav"]
    assert report["counts"]["dropped"] == {"filter": 5}
    assert report["warnings"] == [
        "db: filter: 'disgust' does not occur in 'emotion'",
        "db: mapping: sadness does not occur in 'emotion'",
    ]
    mapping = {"columns": {"emotion": {"joy": "fear", "fear": "joy"}}}
    options = {"mapping": mapping, "filter": [["emotion", ["joy"]]]}
    assert load(EMOTIONS, options=options)[0]["truth"].tolist() == ["fear", "fear"]
    with pytest.raises(UserError, match=r"\[DATA\] db\.filter: leaves no row: 'emotion' has"):
        load(EMOTIONS, options={"filter": [["emotion", ["x"]]]})
    with pytest.raises(UserError, match=r"db\.filter: db has no column 'sex' but file"):
        load(EMOTIONS, options={"filter": [["sex", ["x"]]]})


def test_filter_finds_gender_by_either_name(load):
    for name in ("sex", "gender"):
        table, _ = load(SEED_POST, options={"filter": [[name, ["female"]]]})
        assert table["file"].tolist() == ["b.wav"]


def test_required(load):
    text = "file,emotion,gender\na.wav,x,\nb.wav,y,f\n"
    table, _ = load(text, options={"required": ["gender"]})
    assert table["file"].tolist() == ["b.wav"]
    with pytest.raises(UserError, match=r"db\.required: db has no column 'age'"):
        load(text, options={"required": ["age"]})


def test_label_and_colnames(load):
    text = "Path,ID,Sex,expression,emotion\na.wav,1,m,joy,old\nb.wav,2,f,fear,old\n"
    names = {"Path": "file", "ID": "speaker", "Sex": "gender"}
    reverse = {"file": "Path", "speaker": "ID", "gender": "Sex"}
    tables = [
        load(text, options={"colnames": colnames, "label": "expression"})[0]
        for colnames in (names, reverse)
    ]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0]["truth"].tolist() == ["joy", "fear"]
    assert tables[0]["speaker"].tolist() == ["1", "2"]
    assert tables[0]["gender"].tolist() == ["m", "f"]
    options = {"colnames": {"expression": "stress", "Path": "file"}}
    assert load(text, target="stress", options=options)[0]["truth"].tolist() == ["joy", "fear"]
    options = {"colnames": {"Path": "file", "nothing": "age", "expression": "emotion"}}
    with pytest.raises(UserError) as error:
        load(text, options=options)
    assert "no column 'nothing'; there are Path, ID" in error.value.problems[0]
    assert "two columns would be named 'emotion'" in error.value.problems[1]
    with pytest.raises(UserError, match=r"target: db has no column 'emotoin'.*mean 'emotion'"):
        load(text, target="emotoin", options={"colnames": names})


def test_a_name_that_is_right_already_stays(load):
    table, report = load("file,emotion,age\na.wav,x,5\n", options={"colnames": {"Age": "age"}})
    assert "age" in table
    assert report["warnings"] == ["[DATA] db.colnames: no column 'Age', but there is 'age' already"]


def test_columns(load):
    text = "file,emotion,speaker,text,room\na.wav,x,1,t,r\n"
    table, _ = load(text, options={"columns": ["room"]})
    assert "room" in table and "text" not in table and "speaker" in table


def test_segments(load):
    text = (
        "file,start,end,emotion\n"
        "a.wav,0.05,,x\na.wav,0,0.05,y\nb.wav,0 days 00:00:00.1,0 days 00:00:00.15,x\nc.wav,,,z\n"
    )
    table, _ = load(text)
    seconds = zip(
        table["file"],
        table["start"].dt.total_seconds(),
        table["end"].dt.total_seconds(),
        strict=True,
    )
    expected = [("a.wav", 0, 0.05), ("a.wav", 0.05, None), ("b.wav", 0.1, 0.15), ("c.wav", 0, None)]
    assert [(f, s, None if np.isnan(e) else e) for f, s, e in seconds] == expected
    assert table["truth"].tolist() == ["y", "x", "x", "z"]
    # a lasts 0.1 s, b 0.2 s, c 0.3 s
    table, _ = load(text, options={"min_duration_of_sample": 0.06})
    assert table["file"].tolist() == ["c.wav"]
    table, _ = load(text, options={"max_duration_of_sample": 0.051})
    assert len(table) == 3
    for bad, message in (("1,0.5", "ends before it starts"), ("soon,", "is no time")):
        with pytest.raises(UserError, match=message):
            load(f"file,start,end,emotion\na.wav,{bad},x\n")


def test_durations_of_real_files(nemo, tmp_path):
    lengths = {
        row["file"]: soundfile.info(nemo / row["file"]).duration for row in rows(nemo / "nemo.csv")
    }
    options = {"min_duration_of_sample": 2.0, "max_duration_of_sample": 3.0}
    table, report = load_real(nemo / "nemo.csv", tmp_path, options=options)
    expected = sorted(file for file, length in lengths.items() if 2 <= length <= 3)
    assert table["file"].tolist() == expected
    assert report["counts"]["dropped"] == {"duration": 530 - len(expected)}
    with pytest.raises(UserError, match=r"real\.min_duration_of_sample: leaves no row"):
        load_real(nemo / "nemo.csv", tmp_path, options={"min_duration_of_sample": 1000})


def test_limits_per_speaker(emodb, tmp_path):
    table, _ = load_real(emodb / "emodb.csv", tmp_path, options={"limit_samples_per_speaker": 7})
    assert set(table["speaker"].value_counts()) == {7} and len(table) == 70
    assert table["file"].is_monotonic_increasing


def test_rename_speakers(load):
    table, _ = load(SEED_POST, options={"rename_speakers": True})
    assert table["speaker"].tolist() == ["db007", "dbs1"]


def test_missing_audio(load, tmp_path):
    soundfile.write(tmp_path / "03.wav", np.zeros(100), 16000)
    with pytest.raises(UserError) as error:
        load(EMOTIONS, audio=False)
    assert error.value.problems == [
        "[DATA] db: 6 of 7 audio files are missing: 00.wav, 01.wav, 02.wav, 04.wav, 05.wav "
        f"and 1 more; looked in {tmp_path}"
    ]
    # Links that lead in circles are no audio, and it is told what they are.
    for link, target in (("00.wav", "01.wav"), ("01.wav", "00.wav")):
        (tmp_path / link).symlink_to(target)
    with pytest.raises(UserError) as error:
        load(EMOTIONS, audio=False)
    (problem,) = error.value.problems
    assert problem.endswith(f"looked in {tmp_path}; {tmp_path}/00.wav is a link that leads nowhere")
    # What is not asked for may be missing.
    soundfile.write(tmp_path / "02.wav", np.zeros(100), 16000)
    assert len(load(EMOTIONS, audio=False, labels=["joy"])[0]) == 2


def test_duplicates(load):
    text = "file,emotion,speaker,take\na.wav,x,1,2\na.wav,x,1,2\na.wav,x,1,1\nb.wav,y,1,3\n"
    table, report = load(text)
    assert table["take"].tolist() == [1, 3]
    assert report["counts"] == {"listed": 4, "used": 2, "dropped": {"duplicates": 2}}
    assert len(report["warnings"]) == 1
    with pytest.raises(UserError, match=r"1 file or segment has several labels.*a\.wav: x, y"):
        load("file,emotion\na.wav,x\n./a.wav,y\nb.wav,z\n")
    with pytest.raises(UserError, match=r"several speakers, such as a\.wav: 1, 2"):
        load("file,emotion,speaker\na.wav,x,1\na.wav,x,2\n")
    mapping = {"target": {"x, y": "n"}}
    assert len(load("file,emotion\na.wav,x\na.wav,y\n", options={"mapping": mapping})[0]) == 1


def test_columns_with_names_of_the_table_move_aside(load):
    text = "database,file,emotion,part,truth,value,digest\nold,a.wav,x,test,p,5,d\n"
    table, _ = load(text)
    assert table["database"].tolist() == ["db"] and table["truth"].tolist() == ["x"]
    assert table["original_database"].tolist() == ["old"]
    assert table["original_value"].tolist() == [5]
    assert "part" not in table and "value" not in table
    assert load(text, target="truth")[0]["truth"].tolist() == ["p"]


def test_fold_column(load):
    text = "file,emotion,fold\na.wav,x,{}\nb.wav,y,{}\n"
    assert load(text.format(2, "3.0"))[0]["fold"].tolist() == [2, 3]
    table, report = load(text.format("B", "A"))
    assert table["fold"].tolist() == [2, 1] and "A is 1, B is 2" in report["notes"][0]
    table, report = load(text.format(1, ""))
    assert "fold" not in table and "1 row has no fold" in report["warnings"][0]


def test_tables_mean_nothing_to_a_csv(load):
    _, report = load(SEED_POST, options={"test_tables": ["x"]})
    assert report["warnings"] == ["[DATA] db.test_tables: has no effect, a CSV file has no tables"]


def test_unknown_type(load, tmp_path):
    with pytest.raises(UserError, match="expected one of csv, audformat, audb, demo"):
        load_table({"name": "x", "type": "excel", "path": "x"}, None)


SMALL = "file,emotion\na.wav,x\nb.wav,y\nc.wav,x\n"


def test_small_files_are_left_out(load, tmp_path):
    # 44 bytes of header, two for each sample
    table, report = load(SMALL, options={"check_size": 44 + 2 * 3200})
    assert table["file"].tolist() == ["b.wav", "c.wav"]
    assert report["counts"]["dropped"] == {"file size": 1}
    with pytest.raises(UserError, match=r"check_size: leaves no row: the largest file has 9644"):
        load(SMALL, options={"check_size": 10**6})


AGES = "file,age\na.wav,20\nb.wav,30\nc.wav,45\nd.wav,65\n"
SCALED = (np.array([20, 30, 45, 65]) - 40) / np.std([20, 30, 45, 65])


@pytest.mark.parametrize(
    ("options", "truth"),
    [
        ({"reverse": True}, [45, 35, 20, 0]),
        ({"reverse": True, "reverse.max": 100.0}, [80, 70, 55, 35]),
        ({"target_divide_by": 10.0}, [2, 3, 4.5, 6.5]),
        ({"scale": True}, SCALED),
        ({"scale": True, "reverse": True}, -SCALED),
    ],
)  # fmt: skip
def test_a_numeric_target_is_transformed(load, options, truth):
    table, report = load(AGES, task="regression", target="age", options=options)
    np.testing.assert_allclose(table["truth"], truth, rtol=1e-12)
    assert table["age"].tolist() == [20, 30, 45, 65]
    assert len(report["notes"]) == len(options.keys() & {"reverse", "scale", "target_divide_by"})


def test_a_constant_target_cannot_be_scaled(load):
    with pytest.raises(UserError, match=r"\[DATA\] scale: all values of 'age' are 20"):
        load(AGES.replace("30", "20").replace("45", "20").replace("65", "20"), task="regression",
             target="age", options={"scale": True})  # fmt: skip


def test_the_database_can_be_the_target(load):
    table, _ = load(SMALL, target="database")
    assert table["truth"].tolist() == ["db"] * 3 and list(table).count("database") == 1
    own, _ = load("file,database\na.wav,u\nb.wav,v\n", target="database")
    assert own["truth"].tolist() == ["u", "v"]
