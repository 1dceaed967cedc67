"""A real archive, forged in ways that leave its sums right: no wrong figure is called verified."""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow import Folder

from izwi.cli import main

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from archives import changed, contents, snapshot, unit, write

FEATS = {"type": "import", "import_file": "features.csv"}
RATE = 8000


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The files of an archive with experiments, a grid, a table and its tests."""
    folder = Folder(tmp_path_factory.mktemp("forged"))
    random = np.random.default_rng(3)
    rows = []
    for n in range(48):
        file, emotion = folder.path / f"{n}.wav", ("anger", "joy")[n % 2]
        soundfile.write(file, random.normal(0, 0.1, 800 + n), RATE)
        x, y = random.normal() + (emotion == "joy"), random.normal()
        rows.append((str(file), f"s{n // 8}", "fm"[n // 8 % 2], emotion, x, y))
    table = pd.DataFrame(rows, columns=["file", "speaker", "sex", "emotion", "x", "y"])
    table.drop(columns=["x", "y"]).to_csv(folder.path / "noises.csv", index=False)
    table[["file", "x", "y"]].to_csv(folder.path / "features.csv", index=False)
    data = {"databases": "['noises']", "noises": "noises.csv", "target": "emotion"}
    data |= {"noises.split_strategy": "['s4', 's5']"}
    inis = [
        folder.ini("one", DATA=data, FEATS=FEATS, MODEL={"type": "tree"}),
        folder.ini("two", DATA=data, FEATS=FEATS, MODEL={"type": "knn"}),
    ]
    tables = [{"name": "models", "rows": "MODEL.type", "columns": "FEATS.scale"}]
    config = folder.config(
        inis, grid={"FEATS.scale": ["standard", "robust"]}, tables=tables, name="forged.yaml"
    )
    folder.run("--configfile", config, "-c", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.path)
        call = ["--configfile", config, "--cache", folder.cache, "--output", "real.zip"]
        assert main(["archive", *call]) == 0
    return contents(folder.path / "real.zip")


@pytest.fixture
def verified(tmp_path, monkeypatch, capsys):
    """Verify some files; the code and what was said. Nothing else on the disk may change."""
    place = tmp_path / "here"
    place.mkdir()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (place / "mine.csv").write_text("mine")
    (tmp_path / "mine.json").write_text("{}")
    monkeypatch.chdir(place)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def run(files):
        path = write(tmp_path / "forged.zip", files)
        before = snapshot(tmp_path)
        code = main(["verify", str(path)])
        assert snapshot(tmp_path) == before
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        assert all(line.isprintable() for line in (said.out + said.err).splitlines())
        return code, said.out + said.err

    return run


def test_what_was_verified_is_told(real, verified):
    code, said = verified(real)
    assert code == 0, said
    files = int(re.search(r"^verified: (\d+) files", said, re.MULTILINE)[1])
    given = int(re.search(r"^taken as given: (\d+) files", said, re.MULTILINE)[1])
    assert files + given == len(real) and "not verified" not in said
    assert said.endswith("all figures follow from the predictions\n")


def false(content):
    """A file with figures that no model has."""
    text = re.sub(rb"0\.\d+", b"0.999", content)
    assert text != content
    return text


def experiments(index):
    return [one for one in index["units"] if one["stage"] == "experiment"]


def figures(files):
    return [
        name
        for name in files
        if re.match(r"results/(experiments|grids|summaries)/", name)
        or re.fullmatch(r"results/tables/forged/(models\.\w+|comparisons\.csv)", name)
    ]


def no_units(index, files):
    index["units"], index["schemas"] = [], {}


def no_experiments(index, files):
    index["units"] = [one for one in index["units"] if one["stage"] == "describe"]


def false_figures(index, files):
    for name in figures(files):
        if re.search(rb"0\.\d+", files[name]):
            files[name] = false(files[name])


def hidden_copies(index, files):
    """The units write to hidden places, where true copies lie; shown is something else."""
    text = json.dumps(index["units"])
    for name in figures(files):
        hidden = name.replace("results/", "results/.true/", 1)
        text = text.replace(json.dumps(name), json.dumps(hidden))
        files[hidden] = files[name]
    index["units"] = json.loads(text)
    false_figures(index, files)


def hidden_names(index, files):
    """Hidden experiments are computed again; those that are shown are nobody's."""
    text = json.dumps(index["units"])
    for one in experiments(index):
        text = text.replace(one["label"], f"hidden {one['label']}")
    for name in list(files):
        if name.startswith("results/experiments/"):
            head, _, tail = name.rpartition("experiments/")
            files[f"{head}experiments/hidden {tail}"] = files[name]
    index["units"] = json.loads(text)
    false_figures(index, files)


def metrics_as_given(index, files):
    """An experiment's metrics are a file of the archive, and no evaluation's output."""
    one = experiments(index)[0]
    name = "results/plans/metrics.json"
    files[name] = false(files[one["outputs"]["metrics"]])
    files[one["outputs"]["metrics"]] = files[name]
    one["inputs"]["metrics"] = name


def evaluations_as_given(index, files):
    """No evaluations: what they would write is in the archive."""
    for one in experiments(index):
        for role in ("metrics", "predictions"):
            files[one["inputs"][role]] = files[one["outputs"][role]]
    index["units"] = [one for one in index["units"] if one["stage"] != "evaluate"]
    false_figures(index, files)


def metrics_of_another(index, files):
    """Under the name of one experiment stand the figures of another."""
    one, two = experiments(index)[0], experiments(index)[2]
    one["inputs"] = dict(two["inputs"])
    for role in ("metrics", "predictions"):
        files[one["outputs"][role]] = files[two["outputs"][role]]


def record_of_another(index, files):
    one, two = experiments(index)[0], experiments(index)[2]
    one["spec"]["record"] = two["spec"]["record"]


def summary_without_one(index, files):
    summary = unit(index, "summary")
    for role in ("metrics", "records"):
        summary["inputs"][role] = summary["inputs"][role][1:]
    lines = files["results/summaries/forged.csv"].splitlines(keepends=True)
    files["results/summaries/forged.csv"] = b"".join([lines[0], *lines[2:]])


def summary_mixed(index, files):
    """The models' names in another order than their figures."""
    summary = unit(index, "summary")
    summary["inputs"]["records"].reverse()


def summary_not_computed(index, files):
    index["units"] = [one for one in index["units"] if one["stage"] != "summary"]
    files["results/summaries/forged.csv"] = false(files["results/summaries/forged.csv"])


def table_not_computed(index, files):
    index["units"] = [one for one in index["units"] if one["stage"] not in ("table", "comparisons")]


def table_of_other_predictions(index, files):
    unit(index, "table")["inputs"]["predictions"].reverse()


def grid_with_other_names(index, files):
    members = unit(index, "grid")["spec"]["members"]
    members[0]["name"], members[1]["name"] = members[1]["name"], members[0]["name"]


def one_experiment_not_computed(index, files):
    """It stands among the others, with its figures, and nobody computes it."""
    gone = experiments(index)[0]
    index["units"].remove(gone)
    for one in index["units"]:
        for role, value in one["inputs"].items():
            if isinstance(value, list):
                one["inputs"][role] = [
                    name for name in value if name not in gone["outputs"].values()
                ]


def more_figures(index, files):
    for name in (
        "results/experiments/best/metrics.json",
        "results/tables/best.csv",
        "results/experiments/one--FEATS.scale_robust/plots/better.md",
        "results/evaluations/x/metrics.json",
        "summary.csv",
        "results/index.html",
    ):
        files[name] = b'{"value": 0.999}'


def texts_that_say_more(index, files):
    for name in list(files):
        if name.endswith(("methods.md", "model_card.md")):
            files[name] += b"\nThe UAR was 0.999.\n"


def readme_that_says_more(index, files):
    files["README.txt"] += b"\nThe UAR was 0.999.\n"


def readme_of_another_version(index, files):
    index["izwi"] = "0.0.1"
    files["README.txt"] += b"\nThe UAR was 0.999.\n"


def figures_among_the_inis(index, files):
    for name in ("inis/summary.csv", "roots/metrics.json", "inis/a/b.ini", "tables.ini"):
        files[name] = b"0.999"


def grid_of_another(index, files):
    one, two = (unit(index, "grid", label) for label in ("one", "two"))
    one["spec"] = {**two["spec"], "name": "one"}


def keys_twice(index, files):
    name = experiments(index)[0]["outputs"]["metrics"]
    files[name] = files[name].replace(b"{", b'{"value": 0.999, ', 1)


def figures_in_the_description(index, files):
    """Texts of a database's origin are kept as they are; figures are none of them."""
    (name,) = (name for name in files if re.match(r"results/descriptions/.*json$", name))
    found = json.loads(files[name])
    found["databases"]["noises"]["header"]["uar"] = 0.999
    files[name] = json.dumps(found).encode()


def no_predictions(index, files):
    for name in list(files):
        if name.startswith("results/models/"):
            files[name] = b""


def garbage_as_given(index, files):
    for name in list(files):
        if name.startswith(("results/models/", "results/splits/")) and name.endswith("csv"):
            files[name] = b"row\n\0\xff\n"


FORGED = [
    no_units,
    no_experiments,
    false_figures,
    hidden_copies,
    hidden_names,
    metrics_as_given,
    evaluations_as_given,
    metrics_of_another,
    record_of_another,
    summary_without_one,
    summary_mixed,
    summary_not_computed,
    table_not_computed,
    table_of_other_predictions,
    grid_with_other_names,
    one_experiment_not_computed,
    more_figures,
    texts_that_say_more,
    readme_that_says_more,
    readme_of_another_version,
    figures_among_the_inis,
    grid_of_another,
    keys_twice,
    figures_in_the_description,
    no_predictions,
    garbage_as_given,
]


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_a_forged_archive_is_not_verified(real, verified, forge):
    code, said = verified(changed(real, forge))
    assert code == 1, said
    assert "all figures follow" not in said


@pytest.mark.parametrize(
    "forge", [no_units, table_not_computed, more_figures, summary_not_computed]
)
def test_each_file_that_nobody_computed_is_named(real, verified, forge):
    files = changed(real, forge)
    _, said = verified(files)
    left = {
        no_units: figures(real),
        table_not_computed: [n for n in figures(real) if "/tables/" in n],
        more_figures: sorted(set(files) - set(real)),
        summary_not_computed: ["results/summaries/forged.csv"],
    }[forge]
    assert left
    for name in left:
        assert f"not verified: {name}: no unit makes it" in said


def test_every_figure_of_every_file_is_compared(real, verified):
    """One false digit in each file that shows figures."""
    files = dict(real)
    for name in (names := [n for n in figures(real) if re.search(rb"0\.\d", real[n])]):
        found = re.search(rb"0\.(\d)", real[name])
        other = str((int(found[1]) + 5) % 10).encode()
        files[name] = real[name][: found.start(1)] + other + real[name][found.end(1) :]
    code, said = verified(files)
    assert code == 1 and len(names) > 15
    assert [name for name in names if f"not verified: {name}: " not in said] == []
    # One alone is found, too.
    assert verified({**real, names[-1]: files[names[-1]]})[0] == 1


# ------------------------------------------------------ what would write elsewhere


def everywhere(index, old, new):
    index["units"] = json.loads(
        json.dumps(index["units"]).replace(json.dumps(old), json.dumps(new))
    )


@pytest.mark.parametrize(
    "name",
    [
        "{tmp}/mine.json",
        "../../mine.json",
        "results/../../../mine.json",
        "results\\..\\mine.json",
        "../../../here/mine.csv",
        "{tmp}/here/mine.csv",
        "C:/mine.json",
        "results/summary.csv/",
        "results/x\0.json",
    ],
)
def test_nothing_is_read_or_written_elsewhere(real, verified, tmp_path, name):
    name = name.replace("{tmp}", str(tmp_path))
    index = json.loads(real["archive.json"])
    for number, about in enumerate(index["units"]):
        # One of each stage.
        if about["stage"] in {one["stage"] for one in index["units"][:number]}:
            continue
        for part in ("inputs", "outputs"):
            for value in about[part].values():
                for old in [value] if isinstance(value, str) else value[:1]:
                    forged = changed(real, lambda index, _, old=old: everywhere(index, old, name))
                    code, said = verified(forged)
                    assert code == 1 and len(said.splitlines()) == 1, said

    def schema(index, files):
        old = next(iter(index["schemas"]))
        index["schemas"][f"{name}.parquet"] = index["schemas"].pop(old)

    assert verified(changed(real, schema))[0] == 1


def test_no_link_is_made(real, verified, tmp_path):
    for target in (str(tmp_path / "here" / "mine.csv"), "results/x.csv"):

        def link(index, files, target=target):
            one = unit(index, "experiment")
            one["outputs"] |= {"link": target, "soft_labels": "results/soft.csv"}

        code, said = verified(changed(real, link))
        assert code == 1 and "role link" in said and len(said.splitlines()) == 1


def test_no_path_is_taken_from_a_spec(real, verified, tmp_path):
    """Stages that would delete or write what a spec names are none of an archive."""
    mine = str(tmp_path / "here" / "mine.csv")

    def plot(index, files):
        index["units"].append(
            {
                **{"stage": "plot", "key": "0" * 12, "label": "x", "spec": {"store": mine}},
                **{"inputs": {}, "outputs": {"picture": "results/experiments/x/plots/x.png"}},
            }
        )

    code, said = verified(changed(real, plot))
    assert code == 1 and "stage plot is none of" in said
    for name, value in (("link", mine), ("copies", {mine: mine}), ("pictures", [mine])):

        def entry(index, files, name=name, value=value):
            unit(index, "experiment")["spec"][name] = value

        code, said = verified(changed(real, entry))
        assert code == 1 and "other entries than name, control and record" in said

    def specs(index, files):
        for one in index["units"]:
            if one["stage"] != "summary":
                spec = one["spec"]["record"] if one["stage"] == "experiment" else one["spec"]
                spec |= dict.fromkeys(
                    ("path", "folder", "store", "plots", "file", "cache", "results", "copies"), mine
                )

    code, _ = verified(changed(real, specs))
    assert os.path.exists(mine) and code in (0, 1)

    def pictures(index, files):
        for one in index["units"]:
            if "formats" in one["spec"]:
                one["spec"]["formats"] = [mine]

    code, said = verified(changed(real, pictures))
    assert code == 1 and "asks for pictures" in said


def test_specs_of_any_kind_end_in_lines(real, verified):
    """What a stage cannot take is told, experiment by experiment."""
    for wrong in (None, 7, "x", [], {}, [[]], float("1e300"), -1, True):

        def specs(index, files, wrong=wrong):
            for one in index["units"]:
                keep = {
                    "name",
                    "config",
                    "members",
                    "experiments",
                    "formats",
                    "control",
                    "controls",
                }
                record = one["spec"].get("record", {})
                one["spec"] = {k: v if k in keep else wrong for k, v in one["spec"].items()}
                if record:
                    one["spec"]["record"] = dict.fromkeys(record, wrong)

        code, said = verified(changed(real, specs))
        assert code == 1 and "NOT verified" in said, wrong


def test_what_is_given_may_be_anything(real, verified):
    """Reports and records with other content than they should have."""
    for content in (b"null", b"[]", b"7", b'"x"', b"{}", b"{", b"", b"[" * 10**5, b"\xff", b"\0"):

        def given(index, files, content=content):
            for name in files:
                if name.startswith("results/") and name.endswith(".json"):
                    files[name] = content

        code, said = verified(changed(real, given))
        assert code == 1 and "NOT verified" in said
