"""`izwi new`: the ini that it writes for data of all kinds is one that a call runs."""

import csv
from pathlib import Path

import pytest

from izwi.cli import main
from izwi.config.experiment import resolve
from izwi.data import scan
from izwi.data.databases import load_table
from izwi.splits import make_split

EMOTIONS = ("anger", "neutral", "sadness")
SPEAKERS = tuple(f"s{number}" for number in range(1, 5))
HEADER = ["file", "speaker", "sex", "age", "emotion", "words"]


def rows(speakers=SPEAKERS, place="wav/", ending=".wav", takes=3):
    return [
        [f"{place}{who}_{what}_{take}{ending}", who, "fm"[n % 2], 20 + n, what, f"text {n}{take}"]
        for n, who in enumerate(speakers)
        for what in EMOTIONS
        for take in range(takes)
    ]


def write(path, header, table, *, audio=None, delimiter=",", encoding="utf-8"):
    """A CSV, and an empty file for each recording that it names: labels need no more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *table])
    for file in audio if audio is not None else [row[0] for row in table]:
        place = path.parent / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return path


@pytest.fixture
def new(tmp_path, monkeypatch, capsys):
    """Call `izwi new` in a folder; what it says, and the experiment that it wrote, split."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def call(*arguments, code=0):
        assert main(["new", *map(str, arguments)]) == code
        out, err = capsys.readouterr()
        return (out, err) if code else (out + err, *made(work))

    return call


def made(work):
    (ini,) = work.rglob("*.ini")
    experiment = resolve(ini.name, cwd=ini.parent)
    (database,) = experiment.databases
    listing = scan.scan(database, cwd=work, cache=work / "none", write=False)
    table, _ = load_table({**database, **experiment.load}, listing)
    split, _ = make_split(experiment.split, [table])
    return experiment, split


def test_a_plain_csv(new, tmp_path):
    said, experiment, split = new(write(tmp_path / "data" / "mine.csv", HEADER, rows()))
    assert experiment.target == "emotion"
    assert experiment.labels == list(EMOTIONS)
    assert split["fold"].nunique() == len(SPEAKERS)
    assert "36 files, 4 speakers" in said
    assert "anger 12" in said
    assert "sex (2 classes), age (20 to 23)" in said.partition("also possible: ")[2]


def test_comments_are_those_of_the_option_table(new, tmp_path):
    from izwi.config.options import PER_DATABASE

    new(write(tmp_path / "data" / "mine.csv", HEADER, rows(map("s{}".format, range(40)))))
    text = Path("mine.ini").read_text()
    assert "mine.split_strategy = speaker_split" in text
    assert PER_DATABASE["test_size"].doc[:40] in text


def odd_names(path):
    header = ["Filename", "ActorID", "Geschlecht", "Age", "Emotion", "words"]
    return write(path, header, rows())


def semicolons(path):
    table = [[*row[:3], f"{row[3]},5", *row[4:]] for row in rows()]
    return write(path, HEADER, table, delimiter=";", encoding="cp1252")


def bare_names(path):
    table = rows(place="", ending="")
    return write(path, HEADER, table, audio=[f"deep/{row[0]}.wav" for row in table])


def unknown_names(path):
    header = ["Aufnahme", "VP", "Geschlecht", "Alter (Jahre)", "Emotion", "words"]
    table = rows(place="", ending="")
    return write(path, header, table, audio=[f"deep/{row[0]}.wav" for row in table])


def another_folder(path):
    table = rows(place="")
    return write(path, HEADER, table, audio=[f"deep/er/{row[0]}" for row in table])


@pytest.mark.parametrize("kind", [odd_names, semicolons, bare_names, unknown_names, another_folder])
def test_odd_tables(new, tmp_path, kind):
    _, experiment, split = new(kind(tmp_path / "data" / "mine.csv"))
    assert experiment.target.lower() == "emotion"
    assert experiment.split["logo"] == len(SPEAKERS)
    assert len(split) == 36
    assert split["speaker"].nunique() == len(SPEAKERS)


def test_a_number_of_the_row_is_no_target(new, tmp_path):
    table = [[*row, str(i + 1)] for i, row in enumerate(rows())]
    said, _, _ = new(write(tmp_path / "mine.csv", [*HEADER, "Nr"], table))
    assert "Nr" not in said and "also possible" in said


def test_decimal_commas_are_numbers(new, tmp_path):
    _, experiment, _ = new(semicolons(tmp_path / "mine.csv"), "--target", "age")
    assert experiment.task == "regression"


def test_without_speakers_it_says_what_follows(new, tmp_path):
    table = [[row[0], row[4]] for row in rows()]
    said, _, split = new(write(tmp_path / "mine_too.csv", ["file", "emotion"], table))
    assert set(split["part"]) == {"train", "test"}
    assert "note: no column names the speakers" in said


def test_rows_without_a_speaker_are_left_out_aloud(new, tmp_path):
    table = rows()
    table[0][1] = table[5][1] = ""
    said, _, split = new(write(tmp_path / "gaps.csv", HEADER, table))
    assert len(split) == 34
    assert "2 rows without a speaker are left out" in said


def test_a_split_of_its_own(new, tmp_path):
    table = [[*row, "test" if row[1] == "s4" else "train"] for row in rows()]
    _, experiment, split = new(write(tmp_path / "own.csv", [*HEADER, "Partition"], table))
    assert set(split.loc[split["part"] == "test", "speaker"]) == {"own/s4"}
    assert "Partition" not in experiment.target


def test_speakers_as_classes_and_very_many_classes(new, tmp_path):
    data = write(tmp_path / "mine.csv", HEADER, rows())
    said, _, split = new(data, "--target", "speaker")
    assert "the speakers are the classes" in said
    assert split.loc[split["part"] == "test", "speaker"].nunique() == len(SPEAKERS)
    table = [[*row[:5], f"word {n % 30}"] for n, row in enumerate(rows(takes=20))]
    said, _, _ = new(write(data, HEADER, table), "--target", "words", "--force")
    assert "… (30 in all)" in said
    assert max(map(len, said.splitlines())) < 800


def test_folds_of_its_own(new, tmp_path):
    table = [[*row, SPEAKERS.index(row[1]) % 2] for row in rows()]
    _, experiment, split = new(write(tmp_path / "own.csv", [*HEADER, "fold"], table))
    assert experiment.split["logo"] == split["fold"].nunique() == 2


def test_segments_of_a_file(new, tmp_path):
    table = [
        [f"{who}.wav", n, n + 1, who, what] for who in SPEAKERS for n, what in enumerate(EMOTIONS)
    ]
    header = ["file", "start", "end", "speaker", "emotion"]
    said, _, split = new(write(tmp_path / "parts.csv", header, table))
    assert "4 files, 12 segments" in said
    assert len(split) == 12


def test_numbers_are_a_regression(new, tmp_path):
    table = [[row[0], row[1], n / 7] for n, row in enumerate(rows())]
    _, experiment, _ = new(write(tmp_path / "scores.csv", ["file", "speaker", "mos"], table))
    assert (experiment.task, experiment.model["type"]) == ("regression", "svr")


def test_folders_of_audio(new, tmp_path):
    for who in SPEAKERS:
        for what in EMOTIONS:
            for take in "12":
                place = tmp_path / "Sound Files" / what / f"Actor_{who[1]}" / f"{take}.wav"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
    said, experiment, split = new(tmp_path / "Sound Files")
    assert experiment.labels == list(EMOTIONS)
    assert split["speaker"].nunique() == len(SPEAKERS)
    assert "sound_files.csv holds the labels anew" in said


def test_a_folder_with_one_table_and_an_audformat_folder(new, emodb):
    _, experiment, split = new(emodb)
    assert experiment.databases[0]["type"] == "audformat"
    assert (split["part"] == "test").sum() == 231


@pytest.mark.parametrize("name", ["nemo", "speechocean", "fsdd"])
def test_real_data(new, name, request):
    folder = request.getfixturevalue(name)
    _, experiment, split = new(folder)
    wanted = {"nemo": "emotion", "speechocean": "gender", "fsdd": "digit"}
    assert experiment.target == wanted[name]
    lines = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    assert len(split) == len(lines) - 1


def test_files_that_are_there_stay(new, tmp_path):
    data = write(tmp_path / "data" / "mine.csv", HEADER, rows())
    Path("mine.ini").write_text("mine")
    _, said = new(data, code=1)
    assert "--force" in said
    assert Path("mine.ini").read_text() == "mine"
    assert not Path("mine.yaml").exists()
    new(data, "--force")


def test_the_data_are_never_written_over(new, tmp_path):
    data = semicolons(tmp_path / "mine.csv")
    before = data.read_bytes()
    _, said = new(data, "--output", tmp_path, "--force", code=1)
    assert "--name" in said
    assert data.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "arguments", "wanted"),
    [
        ({"audio": []}, (), "36 of 36 audio files are not there"),
        ({}, ("--target", "emotoin"), "did you mean 'emotion'?"),
        ({}, ("--split", "own"), "the data name no split"),
        ({}, ("--target", "file"), "nothing to learn"),
        ({"header": ["a", "speaker", "sex", "age", "emotion", "b"], "ending": ""}, (), "'file'"),
    ],
)
def test_what_cannot_be_is_one_line(new, tmp_path, change, arguments, wanted):
    table = rows(ending=change.get("ending", ".wav"))
    header = change.get("header", HEADER)
    data = write(tmp_path / "mine.csv", header, table, audio=change.get("audio"))
    _, said = new(data, *arguments, code=1)
    assert wanted in said
    assert len(said.splitlines()) == 1
    assert not list(Path().iterdir())


def test_on_a_terminal_it_asks_for_the_target(new, tmp_path, monkeypatch):
    answers = iter(["nothing", "gender"])
    monkeypatch.setattr("izwi.cli.new._is_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda: next(answers))
    _, experiment, _ = new(write(tmp_path / "mine.csv", HEADER, rows()))
    assert experiment.target == "sex"


def test_a_name_that_the_ini_needs_itself(new, tmp_path):
    _, experiment, _ = new(write(tmp_path / "Target.csv", HEADER, rows()))
    assert experiment.name == "my_target"


@pytest.mark.parametrize(("ill", "number"), [(3, 3), (2, 2)])
def test_where_a_speaker_has_one_class_each_fold_tests_all(new, tmp_path, ill, number):
    people = [f"p{i}" for i in range(6)]
    lines = [(f"{p}_{k}.wav", p, "ill" if i < ill else "well") for i, p in enumerate(people)
             for k in range(4)]  # fmt: skip
    data = tmp_path / "data" / "mine.csv"
    said, _, split = new(write(data, ("file", "speaker", "diagnosis"), lines))
    assert f"{number} folds of speakers" in said and "absent from test" not in said
    ini_of = {file: state for file, _, state in lines}
    state = split["file"].map(ini_of)
    assert split["fold"].nunique() == number
    assert state.groupby(split["fold"]).nunique().eq(2).all()
    assert split.groupby("speaker")["fold"].nunique().eq(1).all()
