"""Configs of one name in a folder of results are told before they replace each other's tables."""

from pathlib import Path

import pytest

from izwi.engine.sources import clash


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("paper.yaml", "old/paper.yaml", "old/my.ini", "my.ini"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("")

    def one(name, path, write=True):
        ini = path.endswith(".ini")
        config, files = ({"ini": path}, []) if ini else ({}, [path])
        return clash("results", name, config, files, cwd=tmp_path, write=write)

    return one


@pytest.mark.parametrize(("name", "path"), [("paper", "paper.yaml"), ("my", "my.ini")])
def test_another_config_of_the_name_is_told(call, name, path):
    assert call(name, path) == call(name, path) == call(name, f"old/../{path}") == ""
    told = call(name, f"old/{path}", write=False)
    assert f"old/{path} replaces the tables of {path}" in told and "\n" not in told
    assert call(name, path) == ""
    assert call(name, f"old/{path}") == told
    assert f"{path} replaces the tables of old/{path}" in call(name, path)


def test_a_config_that_moved_or_is_linked_is_no_other(call):
    call("paper", "paper.yaml")
    Path("link.yaml").symlink_to("paper.yaml")
    assert call("paper", "link.yaml") == ""
    Path("link.yaml").unlink()
    assert call("paper", "old/paper.yaml") == ""


def test_what_is_written_there_by_hand_is_no_reason_to_stop(call):
    call("paper", "paper.yaml")
    for text in ("[", "[1]", '{"paper": 3}', '{"paper": ["/none"]}'):
        Path("results/plans/sources.json").write_text(text)
        assert call("paper", "old/paper.yaml") == ""
