"""Numbers that no computer can take are told where they are read."""

from __future__ import annotations

import pytest

from izwi import models
from izwi.config import options
from izwi.config.options import values
from izwi.data.databases import load_table
from izwi.data.scan import scan
from izwi.errors import UserError

KINDS = ("int", "float", "number_list")
READ = [option for option in options.all_options() if option.status == "ok"]
NUMBERS = [option for option in READ if set(KINDS) & {*option.kind.split("|")}]
HUGE = ["99999999999999999999", "1" + "0" * 400, "1" * 5000, "1e300", "1e999", "nan", "[1e300]"]
LAYERS = [[10**12], [64, 10**400], {"l1": 10**12}, [64] * 10**4, [100_001], [1e12], [-(10**12)]]


@pytest.mark.parametrize("option", NUMBERS, ids=lambda o: f"{o.section}.{o.name}")
@pytest.mark.parametrize("number", HUGE)
def test_every_number_has_an_upper_bound(option, number):
    try:
        found = values.convert(option, number)
    except ValueError as error:
        assert len(str(error)) < 1000 and "\n" not in str(error)
    else:
        # Read as words, which the class of the model refuses, where words are taken.
        words = found if isinstance(found, list) else [found]
        assert all(isinstance(word, str) for word in words) and option.kind != "int", found


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("name", ["mlp", "mlp_reg", "cnn"])
def test_a_layer_has_an_upper_bound(name, layers):
    cls = models.model_class(name)
    defaults = {option.name: option.default for option in cls.options}
    assert not [line for line in cls.check(defaults) if "layers" in line]
    assert [line for line in cls.check(defaults | {"layers": layers}) if "[MODEL] layers" in line]


@pytest.mark.parametrize("target", ["1e300", "-1e300", "1e13", "1" + "0" * 400, "inf", "nan"])
@pytest.mark.parametrize("more", [{"task": "regression"}, {"continuous": True}])
def test_targets_that_leave_the_range_are_told(target, more, tmp_path):
    rows = "".join(f"{i}.wav,{i}\n" for i in range(4))
    (tmp_path / "db.csv").write_text(f"file,age\n{rows}4.wav,{target}\n")
    spec = {"name": "db", "type": "csv", "path": str(tmp_path / "db.csv"), "options": {}}
    listing = scan(spec, cwd=tmp_path, cache=tmp_path / "cache")
    spec |= {"task": "classification", "target": "age", **more}
    with pytest.raises(UserError, match=r"\[DATA\] target: "):
        load_table(spec, listing)


def test_more_classes_than_can_be_told_apart_are_told(tmp_path):
    rows = "".join(f"{i}.wav,c{i}\n" for i in range(10_000))
    (tmp_path / "db.csv").write_text(f"file,name\n{rows}")
    spec = {"name": "db", "type": "csv", "path": str(tmp_path / "db.csv"), "options": {}}
    listing = scan(spec, cwd=tmp_path, cache=tmp_path / "cache")
    spec |= {"task": "classification", "target": "name"}
    with pytest.raises(UserError, match=r"has 10000 values, at most 2000 classes"):
        load_table(spec, listing)
