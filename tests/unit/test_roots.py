"""Root files: what one may hold, what wins over what, and where its paths lead."""

import pytest

from izwi.config.experiment import resolve
from izwi.config.result_set import read_config, resolve_all
from izwi.errors import UserError
from tests.conftest import ROOT

INI = """\
[DATA]
root_folders = roots/data_roots.ini
databases = ['emodb']
target = emotion
[FEATS]
type = os
[MODEL]
type = svm
"""
# As in the post, without a header; the other database does not concern the ini.
ROOTS = """\
emodb = ./d1/
emodb.split_strategy = speaker_split
emodb.testsplit = 40
dataset_2 = ./d2
dataset_2.files_tables = ['files_test', 'files_train']
dataset_2.nonsense = 1
"""


@pytest.fixture
def place(tmp_path):
    for folder in ("roots/d1", "d1", "mine/d1"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "db.yaml").write_text("name: x\n")
    (tmp_path / "roots" / "data_roots.ini").write_text(ROOTS)
    (tmp_path / "mine" / "roots.ini").write_text("emodb = d1\n")
    (tmp_path / "x.ini").write_text(INI)
    return tmp_path


def solve(place, **more):
    return resolve("x.ini", cwd=place, **more)


def problems(place, **more):
    with pytest.raises(UserError) as error:
        solve(place, **more)
    return error.value.problems


def told(experiment):
    split = experiment.split["databases"]["emodb"]
    return experiment.databases[0]["path"], split["split_strategy"], split["test_size"]


def test_paths_are_relative_to_the_root_file_first(place):
    experiment = solve(place)
    assert told(experiment) == (str(place / "roots" / "d1"), "speaker_split", 40.0)
    assert experiment.databases[0]["type"] == "audformat"
    assert experiment.notes == ()
    (place / "roots" / "d1" / "db.yaml").unlink()
    (place / "roots" / "d1").rmdir()
    assert told(solve(place))[0] == str(place / "d1")


@pytest.mark.parametrize("key", ["DATA.emodb.test_size", "DATA.emodb.testsplit", "DATA.test_size"])
def test_the_ini_wins_in_any_spelling(place, key):
    assert told(solve(place, overrides={key: "30"}))[2] == 30.0


def test_the_ini_wins_for_a_path(place):
    path, strategy, _ = told(solve(place, overrides={"DATA.emodb": "mine/d1"}))
    assert (path, strategy) == (str(place / "mine" / "d1"), "speaker_split")


def test_filters_of_both_hold(place):
    (place / "roots" / "data_roots.ini").write_text(ROOTS + "emodb.filter = {'sex': 'male'}\n")
    experiment = solve(place, overrides={"DATA.filter": "{'age': 3}"})
    assert experiment.databases[0]["options"]["filter"] == [["sex", ["male"]], ["age", [3]]]


def test_header_and_options_of_all_databases(place):
    (place / "roots" / "data_roots.ini").write_text("[DATA]\nemodb = d1\ntest_size = 30\n")
    assert told(solve(place)) == (str(place / "roots" / "d1"), None, 30.0)


def test_a_file_of_this_computer_fills_in_before_the_one_of_the_ini(place, monkeypatch):
    config = {"ini": "x.ini", "root_folders": "mine/roots.ini"}

    def path_of():
        settings = read_config(config, cwd=place, fallback=place / "none.yaml")
        return told(resolve_all(settings, cwd=place)[0])

    assert path_of() == (str(place / "mine" / "d1"), "speaker_split", 40.0)
    (place / "env.ini").write_text("emodb = d1\nemodb.testsplit = 50\n")
    monkeypatch.setenv("IZWI_ROOT_FOLDERS", "env.ini")
    assert path_of() == (str(place / "d1"), "speaker_split", 50.0)
    # Then the file that the ini names need not be on this computer.
    (place / "roots" / "data_roots.ini").unlink()
    assert path_of() == (str(place / "d1"), None, 50.0)
    monkeypatch.setenv("IZWI_ROOT_FOLDERS", "absent.ini")
    with pytest.raises(UserError) as error:
        path_of()
    assert error.value.problems == [f"IZWI_ROOT_FOLDERS: no such file: absent.ini (in {place})"]


def test_environment_variables_in_values(place, monkeypatch):
    root = place / "roots" / "data_roots.ini"
    root.write_text("emodb = ${PLACE}/d1\nother = ${UNSET}/x\n")
    monkeypatch.delenv("PLACE", raising=False)
    assert problems(place) == [
        "x.ini: [DATA] emodb: the environment variable PLACE, which "
        f"{root} names in line 1, is not set",
    ]
    monkeypatch.setenv("PLACE", str(place / "mine"))
    assert told(solve(place))[0] == str(place / "mine" / "d1")
    root.write_text("emodb = ${UNSET:-../mine}/d1\n")
    assert told(solve(place))[0] == str(place / "mine" / "d1")


def test_problems_name_the_line_of_the_root_file(place):
    root = place / "roots" / "data_roots.ini"
    root.write_text("emodb = ${X:-/absent}/d1\nemodb.tests_sizes = 4\n[EXP]\nname = x\n")
    assert problems(place) == [f"x.ini: {root}: [EXP]: a root file holds [DATA] alone"]
    root.write_text("emodb = ${X:-/absent}/d1\nemodb.tests_sizes = 4\nemodb.dev_size = x\n")
    assert problems(place) == [
        "x.ini: [DATA] emodb.tests_sizes: unknown option, did you mean 'emodb.test_size'? "
        f"(line 2 of {root})",
        "x.ini: [DATA] emodb: no such file or folder: /absent/d1; set X to the folder of your "
        f"data, see line 1 of {root}",
        f"x.ini: [DATA] emodb.dev_size: x is not a number (line 3 of {root})",
    ]
    for name in ("x.ini", "data_roots.ini"):
        root.write_text(f"root_folders = {name}\n")
        assert problems(place) == [f"x.ini: {root}: [DATA] root_folders: belongs in the ini itself"]
    root.unlink()
    root.symlink_to(place / "x.ini")
    (problem,) = problems(place)
    assert problem.endswith("[MODEL]: a root file holds [DATA] alone")
    root.unlink()
    root.write_text("databases = ['emodb']\n")
    assert problems(place)[0] == f"x.ini: {root}: [DATA] databases: belongs in the ini itself"
    root.unlink()
    assert problems(place)[0] == f"x.ini: [DATA] root_folders: no such file: {root}"


def test_shipped_root_file_follows_the_environment(place, monkeypatch):
    shipped = {"DATA.root_folders": str(ROOT / "config" / "data_roots.ini")}
    (place / "emodb").mkdir()
    (place / "emodb" / "emodb.csv").write_text("file,emotion\n")
    monkeypatch.setenv("IZWI_DATA", str(place))
    assert told(solve(place, overrides=shipped))[0] == str(place / "emodb" / "emodb.csv")
    monkeypatch.setenv("IZWI_DATA", str(place / "absent"))
    (problem,) = problems(place, overrides=shipped)
    assert "no such file or folder" in problem
    assert "set IZWI_DATA to the folder of your data" in problem
