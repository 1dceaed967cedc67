"""What looks equal and is not: labels, ids, names of files."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from izwi import splits
from izwi.config.options import other_names, owner, registry
from izwi.data import scan, spelling
from izwi.data.databases import load_table
from izwi.data.spelling import nearest
from izwi.errors import UserError

NFD = unicodedata.normalize("NFD", "Müller")
NFC = unicodedata.normalize("NFC", "Müller")


def load(folder: Path, text: str, **options: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    (folder / "db.csv").write_text(text, encoding="utf-8")
    place = {"name": "db", "type": "csv", "path": str(folder / "db.csv"), "options": options}
    found = scan.scan(place, cwd=folder, cache=folder / "cache", write=False)
    return load_table({**place, "task": "classification", "target": "emotion"}, found)


def sounds(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, np.full(1600, 0.1), 16000, format="WAV")


VARIANTS = ["Freude\u200b", "\ufeffFreude", "\u00a0Freude\u00a0", "Fre\u00adude", "\u2003Freude"]


@pytest.mark.parametrize("variant", VARIANTS, ids=ascii)
def test_labels_lose_what_nobody_sees(tmp_path, variant):
    sounds(tmp_path, "a.wav", "b.wav", "c.wav")
    text = f"file,speaker,emotion\na.wav,{NFC},Freude\nb.wav,{NFD},{variant}\nc.wav,s,x\n"
    table, report = load(tmp_path, text, label="emotion")
    assert table["truth"].tolist() == ["Freude", "Freude", "x"]
    assert table["speaker"].tolist() == [NFC, NFC, "s"]
    changed = [line for line in report["warnings"] if "1 cell of" in line]
    # Blanks at either end of a cell were never read.
    stripped = variant.strip() == "Freude"
    assert len(changed) == (1 if stripped else 2)


def test_the_ini_may_write_either_form(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav")
    text = f"file,speaker,emotion\na.wav,{NFD},x\nb.wav,s,y\n"
    table, _ = load(tmp_path, text, filter=[["speaker", NFC]])
    assert table["file"].tolist() == ["a.wav"]
    table, _ = load(tmp_path, text, mapping={"target": {"x\u200b": "z", "y": "y"}})
    assert table["truth"].tolist() == ["z", "y"]
    assert splits.same_id(NFD, [NFC, "s"]) == NFC


def test_what_looks_the_same():
    assert spelling.differ(["Fear", "fear"]) == "in case alone"
    assert spelling.differ(["straße", "strasse"]) == "and look alike"
    assert spelling.alike(["Sad", "sad", "ѕаd", "anger", "ａnger", "s 1", "s_1", "s2"]) == [
        ["Sad", "sad", "ѕаd"],
        ["anger", "ａnger"],
        ["s 1", "s_1"],
    ]
    numbers = ["01", "1", "1.0", "-1", "10", "0", "00.00", "s1", "9" * 20, "9" * 19 + "8"]
    assert spelling.alike(numbers) == [["0", "00.00"], ["01", "1", "1.0"]]


def test_classes_that_mean_the_same():
    def groups(*labels):
        return [" ".join(group) for group in spelling.same_meaning(labels)]

    assert groups("True", "False", "1", "0") == ["0 False", "1 True"]
    assert groups("yes", "no", "1") == ["1 yes"]
    assert groups("TRUE", "True", "Yes", "no") == ["TRUE True Yes"]
    assert groups("1", "1.0", "1e0", "2") == ["1 1.0 1e0"]
    assert groups("0.5", ".5", "50") == [".5 0.5"]
    assert groups("T", "F", "y", "n") == ["F n", "T y"]
    assert groups("y", "yes", "no") == ["y yes"]
    # EmoDB's letters, and scales.
    assert groups(*"WLEAFTN") == groups(*map(str, range(7))) == groups("yes", "no", "maybe") == []
    assert groups("-1", "1", "0", "anger") == groups("f", "m") == groups("9" * 20, "9" * 21) == []
    assert spelling.differ(["1", "True"]) == "and may mean the same"


@pytest.mark.parametrize(
    "one, other", [("True", "1"), ("1.5", "1.50"), ("Yes", "yes"), ("no", "0")]
)
def test_classes_of_two_databases_that_mean_the_same_are_told(one, other):
    first, second = people("anna", "bert"), people("carl", "dora").assign(database="other")
    first["truth"] = first["truth"].map({"a": one, "b": "x"})
    second["truth"] = second["truth"].map({"a": other, "b": "x"})
    spec = {"task": "classification", "target": "mood", "seed": 1}
    for more in ({}, {"labels": [one, other, "x"]}):
        _, report = splits.make_split({**spec, **more}, [first, second])
        (line,) = [line for line in report["warnings"] if "differ" in line]
        assert "they are 2 classes" in line
        assert f"8 rows {one} in db" in line and f"8 rows {other} in other" in line
        # What to do, which does it.
        name, mapping = re.search(r"(\w+)\.mapping = (.*)$", line).groups()
        changes = ast.literal_eval(mapping)["mood"]
        own = first if name == "db" else second
        own = own.assign(truth=own["truth"].replace(changes))
        rest = second if name == "db" else first
        _, report = splits.make_split(spec, [own, rest])
        assert not any("differ" in line for line in report["warnings"])
        assert len(report["labels"]) == 2


def test_what_an_option_drops_and_may_be_what_it_keeps(tmp_path):
    sounds(tmp_path, *(f"{i}.wav" for i in range(6)))
    answers = ["yes", "no", "Yes", "1", "no", "maybe"]
    text = "file,speaker,emotion\n" + "".join(f"{i}.wav,s,{a}\n" for i, a in enumerate(answers))
    for option in (
        {"mapping": {"target": {"yes": "p", "no": "n"}}},
        {"filter": [["emotion", ["yes", "no"]]]},
    ):
        _, report = load(tmp_path, text, **option)
        (line,) = [line for line in report["warnings"] if "another spelling" in line]
        name = next(iter(option))
        assert f"{name} drops '1' (1 row), 'Yes' (1 row) of 'emotion'" in line and "'yes'" in line
    _, report = load(tmp_path, text, filter=[["emotion", ["yes", "Yes", "1"]]])
    assert not any("spelling" in line for line in report["warnings"])


@pytest.mark.parametrize(
    "unseen", [0x034F, 0x115F, 0x2800, 0x3164, 0xFE0F, 0xFFA0, 0xE0100, 0x00AD]
)
def test_what_nobody_sees_is_left_out_whatever_its_category(unseen):
    assert spelling.clean(f"sad{chr(unseen)}") == "sad" == spelling.clean(f"s{chr(unseen)}ad")


@pytest.mark.parametrize(
    "one, other",
    [
        ("s01", "s1"),
        ("db/01", "db/1"),
        ("db/1.0", "db/1"),
        ("a-b", "a\u2013b"),
        ("it's", "it\u2019s"),
    ],
)
def test_ids_that_programs_write_in_two_ways(one, other):
    assert spelling.look(one) == spelling.look(other)
    assert spelling.look("s10") != spelling.look("s1") and spelling.look("1.05") != "1.5"
    assert spelling.look("a1.05") != spelling.look("a1.5")


def test_numbers_in_two_ways_are_one_speaker_on_both_sides():
    with pytest.raises(UserError, match=r"01 and 1 differ and look alike.*both sides"):
        split(people("01", "1", "2", "3"), strategy=["01", "2"])


def people(*speakers: str) -> pd.DataFrame:
    """Eight rows of each, of two classes."""
    rows = [(f"{s}{i}.wav", s, "ab"[i % 2]) for s in speakers for i in range(8)]
    table = pd.DataFrame(rows, columns=["file", "speaker", "truth"]).assign(database="db")
    return table.assign(start=pd.Timedelta(0), end=pd.NaT)


def split(table: pd.DataFrame, **spec: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    strategy = spec.pop("strategy", None)
    how = {} if strategy is None else {"split_strategy": strategy}
    base = {"task": "classification", "target": "truth", "seed": 1, "databases": {"db": how}}
    return splits.make_split({**base, **spec}, [table])


def test_ids_that_look_the_same_are_a_warning_and_on_both_sides_an_error():
    table = people("anna", "Anna", "bert", "carl")
    _, report = split(table, strategy=["bert"])
    assert any("Anna and anna differ in case alone" in line for line in report["warnings"])
    for spec in ({"strategy": ["anna"]}, {"strategy": ["Anna", "bert"]}, {"logo": 4}):
        with pytest.raises(UserError, match=r"Anna and anna differ in case alone.*both sides"):
            split(table, **spec)
    # Rows are split there, and the audit tells of speakers on both sides.
    _, report = split(table, strategy="random")
    assert any("differ in case alone" in line for line in report["warnings"])
    with pytest.raises(UserError, match=r"look alike.*both sides"):
        split(people("аnna", "anna", "bert"), strategy=["anna"])
    _, report = split(people("anna", "hanna", "bert"), strategy=["anna"])
    assert not any("differ" in line for line in report["warnings"])


@pytest.mark.parametrize(
    "there, written",
    [
        (f"wav/{NFD}.wav", f"wav/{NFC}.wav"),
        (f"{NFC}/a.wav", f"{NFD}/a.wav"),
        ("wav/sub/a.wav", "wav\\sub\\a.wav"),
        ("wav/A.WAV", "wav/a.wav"),
        ("Wav/a.wav", "wav/a.wav"),
        (f"Wav/{NFD}.wav", f"wav\\{NFC.upper()}.wav"),
        ("wav/a.wav", "wav/a.wav\u200b"),
        ("wav/b\u00ad.wav", "wav/b.wav"),
        ("wav/a.wav", "{folder}\\wav\\a.wav"),
    ],
    ids=ascii,
)
def test_names_of_files_match_by_what_they_mean(tmp_path, there, written):
    sounds(tmp_path, there)
    written = written.replace("{folder}", str(tmp_path).replace("/", "\\"))
    table, report = load(tmp_path, f"file,emotion\n{written},x\n")
    assert table["file"].tolist() == [written] and table["digest"].notna().all()
    assert any("found by another spelling" in line for line in report["notes"])


def test_two_files_that_differ_in_case_are_two(tmp_path):
    sounds(tmp_path, "a.wav", "A.wav", "B.wav", "b.WAV")
    table, report = load(tmp_path, "file,emotion\na.wav,x\nA.wav,y\n")
    assert len(table) == 2 and not any("spelling" in line for line in report["notes"])
    with pytest.raises(UserError, match="1 of 1 audio file is missing"):
        load(tmp_path, "file,emotion\nb.wav,x\n")


@pytest.mark.parametrize(
    "written, near",
    [
        ("wav/rec_01.mp3", "wav/rec_01.wav"),
        ("wav/rec01.wav", "wav/rec_01.wav"),
        ("rec_01.wav", "wav/rec_01.wav"),
    ],
)
def test_a_missing_file_names_what_is_near(tmp_path, written, near):
    sounds(tmp_path, "wav/rec_01.wav", "wav/rec_02.wav")
    with pytest.raises(UserError, match=f"is missing.*there is .*{near}"):
        load(tmp_path, f"file,emotion\n{written},x\n")
    with pytest.raises(UserError) as told:
        load(tmp_path, "file,emotion\nwav/rec_03.wav,x\n")
    assert "there is" not in told.value.problems[0]


def test_labels_that_do_not_occur_name_what_is_meant(tmp_path):
    sounds(tmp_path, "a.wav", "b.wav")
    text = "file,speaker,emotion\na.wav,s,sadness\nb.wav,t,anger\n"
    for labels, hint in ((["sad"], "'sadness' for 'sad'"), (["angre"], "'anger' for 'angre'")):
        (tmp_path / "db.csv").write_text(text)
        place = {"name": "db", "type": "csv", "path": str(tmp_path / "db.csv"), "options": {}}
        found = scan.scan(place, cwd=tmp_path, cache=tmp_path / "cache", write=False)
        spec = {**place, "task": "classification", "target": "emotion", "labels": labels}
        with pytest.raises(UserError, match=f"did you mean {hint}"):
            load_table(spec, found)
        with pytest.raises(UserError, match=f"did you mean {hint}"):
            table = people("s", "t").replace({"truth": {"a": "sadness", "b": "anger"}})
            split(table, labels=[*labels, "anger" if labels == ["sad"] else "sadness"])


# --------------------------------------------------------------------------- slips

COMPARE = "os with set = ComParE_2016"
MODELS = ["bayes", "cnn", "gmm", "knn", "lin_reg", "mlp", "svm", "svr", "tree", "xgb", "xgr"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("xbg", "xgb"), ("svmm", "svm"), ("SVM", "svm"), ("tre", "tree"), ("bays", "bayes"),
     ("svn", "svm"), ("lin", "lin_reg"), ("linreg", "lin_reg")],
)  # fmt: skip
def test_a_slip_is_recognised(word, meant):
    assert nearest(word, MODELS)[0] == meant


@pytest.mark.parametrize("word", ["forest", "logit", "opensmile", "lda", "dt", "lr", "x", ""])
def test_far_words_are_no_slips(word):
    assert nearest(word, MODELS) == []


@pytest.mark.parametrize(
    ("word", "own"),
    [("forest", "rf"), ("RandomForestClassifier", "rf"),
     ("random_forest_regressor", "rf_reg"), ("LinearSVC", "linear_svm"), ("lgbm", "hgb"),
     ("logistic regression", "logreg"), ("logit", "logreg"),
     ("nn", "mlp"), ("dt", "tree"), ("SVC", "svm"),
     ("nb", "bayes"), ("svm_reg", "svr"), ("mlp_regressor", "mlp_reg"), ("lasso", "ridge"),
     ("lstm", ""), ("svm", None), ("nonsense", None)],
)  # fmt: skip
def test_models_by_other_names(word, own):
    assert other_names.model_named(word) == own


@pytest.mark.parametrize(
    ("word", "own"),
    [("opensmile", "os"), ("openSMILE", "os"), ("eGeMAPS", "os"), ("compare", COMPARE),
     ("ComParE_2016", COMPARE), ("gemaps", "os with set = GeMAPSv01b"), ("nonsense", None)],
)  # fmt: skip
def test_features_by_other_names(word, own):
    assert other_names.features_named(word) == own


def test_what_is_advised_exists():
    words = [*other_names._MODELS, *other_names._FEATURES, *other_names._REGRESSORS.values()]
    there = {*registry("models"), *registry("features"), ""}
    assert {word.partition(" with ")[0] for word in words} <= there
    sets = owner("features", "os").options[0].choices
    assert {word.partition("set = ")[2] for word in words if "set = " in word} <= set(sets)


def test_classes_that_are_several():
    there = [
        "anger",
        "joy",
        "fear and joy",
        "joy; anger",
        "joy/joy",
        "fear",
        "joy+pain",
        "a;b",
        ";",
    ]
    assert spelling.composed(there) == {
        "fear and joy": ["fear", "joy"],
        "joy/joy": ["joy"],
        "joy; anger": ["joy", "anger"],
    }


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        ("neutral", "neutrl", True),
        ("disgust", "digsust", True),
        ("surprise", "suprise", True),
        # Words of their own: at an end, other letters, short, with digits.
        ("neutral", "neutrals", False),
        ("typical", "atypical", False),
        ("female", "male", False),
        ("sad", "said", False),
        ("class10", "class100", False),
        ("affect", "effect", False),
        ("happiness", "unhappiness", False),
        ("positive", "negative", False),
    ],
)
def test_slips_of_the_pen(one, other, slip):
    pairs = [sorted((one, other))] if slip else []
    assert [sorted(pair) for pair in spelling.slips([one, "calm", other])] == pairs
