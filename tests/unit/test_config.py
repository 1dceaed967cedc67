import pytest

from izwi.config.result_set import name_of, read_config, resolve_all
from izwi.errors import UserError
from izwi.home import DEFAULT_CONFIG

INI = """\
[EXP]
name = {name}
[DATA]
databases = ['a']
a.type = demo
target = emotion
[FEATS]
type = os
[MODEL]
type = {model}
"""


@pytest.fixture
def place(tmp_path):
    for name in ("b", "a", "c"):
        ini = tmp_path / "inis" / f"{name}.ini"
        ini.parent.mkdir(exist_ok=True)
        ini.write_text(INI.format(name=name, model="svm"))
    (tmp_path / "flow" / "config" / "experiments").mkdir(parents=True)
    (tmp_path / "flow" / "config" / "experiments" / "demo.ini").write_text(
        INI.format(name="demo", model="svm")
    )
    (tmp_path / "flow" / "config" / "config.yaml").write_text(
        "experiments:\n  - config/experiments/demo.ini\nresults: out\n"
    )
    return tmp_path


def read(place, config):
    return read_config(config, cwd=place, fallback=place / "flow" / "config" / "config.yaml")


def problems(place, config):
    with pytest.raises(UserError) as error:
        resolve_all(read(place, config), cwd=place)
    return error.value.problems


def test_globs_are_sorted_and_files_taken_once(place):
    config = read(place, {"experiments": ["inis/c.ini", "inis/*.ini", "./inis/a.ini"]})
    assert config.experiments == ["inis/c.ini", "inis/a.ini", "inis/b.ini"]
    assert (config.results, config.cache) == ("results", "results/cache")
    experiments = resolve_all(config, cwd=place)
    assert [experiment.name for experiment in experiments] == ["c", "a", "b"]
    assert [experiment.ini for experiment in experiments] == config.experiments


def test_one_path_results_and_cache(place):
    config = read(place, {"experiments": "inis/a.ini", "results": "out", "cache": "/tmp/c"})
    assert (config.experiments, config.results, config.cache) == (["inis/a.ini"], "out", "/tmp/c")
    assert read(place, {"experiments": "inis/a.ini", "results": "out"}).cache == "out/cache"


def test_recursive_globs_and_absolute_paths(place):
    config = read(place, {"experiments": ["**/demo.ini", str(place / "inis" / "a.ini")]})
    assert config.experiments == [
        "flow/config/experiments/demo.ini",
        str(place / "inis" / "a.ini"),
    ]


def test_ini_wins(place):
    config = read(place, {"ini": "inis/a.ini", "experiments": ["none.ini"]})
    assert config.experiments == ["inis/a.ini"]


def test_the_fallback_is_for_its_own_folder(place):
    flow = place / "flow"
    at_home = read_config({}, cwd=flow, fallback=flow / "config" / "config.yaml")
    assert (at_home.experiments, at_home.results) == (["config/experiments/demo.ini"], "out")
    for config, told in (
        ({}, "izwi run my.ini"),
        ({"results": "mine"}, "izwi run --demo"),
        ({"ini": None}, "config: ini: has no value"),
    ):
        with pytest.raises(UserError) as error:
            read(place, config)
        assert len(error.value.problems) == 1 and told in error.value.problems[0]


@pytest.mark.parametrize(
    "config, problem",
    [
        (
            {"experiment": ["inis/*.ini"]},
            "config: experiment: unknown key, did you mean 'experiments'?",
        ),
        (
            {"experiments": ["inis/a.ini"], "workers": 3},
            "config: workers: unknown key (there are experiments, ini, grid, results, cache, "
            "root_folders, shards, ensembles, tables, formats, page)",
        ),
        (
            {"experiments": ["inis/a.ini"], "page": {"audio": "loud"}},
            "config: page: audio: 'loud' is none of embed, link, none",
        ),
        (
            {"experiments": ["inis/a.ini"], "page": {"megabytes": -1}},
            "config: page: megabytes: -1 is not a number from 0 to 500",
        ),
        (
            {"experiments": ["inis/a.ini"], "page": {"video": True}},
            "config: page: video: unknown key (there are audio, megabytes)",
        ),
        (
            {"experiments": ["inis/a.ini"], "page": 3},
            "config: page: 3 is neither none nor a mapping such as {audio: link}",
        ),
        (
            {"experiments": ["inis/a.ini"], "shards": "many"},
            "config: shards: 'many' is not a number of files for one job of extraction, nor auto "
            "or none",
        ),
        (
            {"experiments": ["inis/a.ini"], "formats": ["png", "jpg"]},
            "config: formats: ['png', 'jpg']: write one or more of png, pdf, svg, eps",
        ),
        (
            {"experiments": []},
            "config: experiments: name at least one ini, such as experiments: [my_paper/*.ini]",
        ),
        (
            {"experiments": {"a": 1}},
            "config: experiments: name at least one ini, such as experiments: [my_paper/*.ini]",
        ),
        ({"experiments": [3]}, "config: experiments: 3 is not the path of an ini"),
        ({"ini": 3}, "config: ini: 3 is not the path of an ini"),
        (
            {"experiments": "inis/a.ini", "results": 3},
            "config: results: 3 is not the path of a folder",
        ),
    ],
)
def test_bad_configs(place, config, problem):
    assert problems(place, config) == [problem]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("pdf", ["pdf"]), (["png", "pdf", "png"], ["png", "pdf"]), (None, ["png"])],
)
def test_one_option_sets_the_format_of_all_pictures(place, asked, expected):
    config = read(place, {"experiments": "inis/*.ini", "formats": asked})
    experiments = resolve_all(config, cwd=place)
    assert [one.plots["format"] for one in experiments] == [expected] * 3


def test_files_that_are_missing(place):
    assert problems(place, {"experiments": ["x/*.ini", "none.ini", "inis/a.ini"]}) == [
        f"config: experiments: no file matches x/*.ini (in {place})",
        f"config: experiments: no such file: none.ini (in {place})",
    ]
    assert problems(place, {"ini": "none.ini"}) == [
        f"config: ini: no such file: none.ini (in {place})"
    ]


def test_problems_of_all_inis_together(place):
    (place / "inis" / "b.ini").write_text(INI.format(name="b", model="svn").replace("os", "osm"))
    (place / "inis" / "c.ini").write_text(INI.format(name="A", model="svm"))
    (place / "inis" / "d.ini").write_text(INI.format(name="d", model="svm") + "x = 1\n")
    found = problems(place, {"experiments": "inis/*.ini"})
    assert found == [
        "inis/b.ini: [MODEL] type: 'svn' is unknown, did you mean 'svm'?",
        "inis/b.ini: [FEATS] type: 'osm' is unknown, did you mean 'os'?",
        "inis/c.ini: [EXP] name: 'A' is the name of inis/a.ini as well, give each its own",
        "inis/d.ini: [MODEL] x: unknown option",
    ]


@pytest.mark.parametrize(
    ("config", "files", "own", "name"),
    [
        ({"experiments": ["a.ini"]}, ["my_paper.yaml"], False, "my_paper"),
        ({"experiments": ["a.ini"]}, ["config/my_paper.yaml"], False, "my_paper"),
        ({"experiments": ["a.ini"]}, ["one/config.yaml"], False, "one-config"),
        ({"experiments": ["a.ini"]}, ["config.yaml"], False, "config"),
        ({"experiments": ["a.ini"]}, ["a.yaml", "b c.yaml"], False, "a+b-c"),
        ({"experiments": ["a.ini"], "ini": "inis/größe 2.ini"}, ["a.yaml"], False, "größe-2"),
        ({"experiments": ["a.ini", "b.ini"]}, ["a.yaml"], True, "inis"),
        ({"experiments": ["a.ini", "b.ini"]}, [], False, "inis"),
        ({"grid": [{"ini": "a.ini"}]}, [], False, "inis"),
        ({"results": "elsewhere"}, [], False, "demo"),
        ({"experiments": ["a.ini"]}, [DEFAULT_CONFIG], False, "demo"),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_the_name_of_a_result_set(tmp_path, config, files, own, name, absolute):
    paths = [tmp_path / file if absolute else file for file in files]
    assert name_of(config, paths, cwd=tmp_path, own=own) == name
