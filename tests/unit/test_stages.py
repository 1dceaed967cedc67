"""Every stage is one module and one rule of the same name, and they say the same."""

import os
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from izwi.config.result_set import read_config, resolve_all
from izwi.engine import stage
from izwi.engine.plan import Unit, outputs_of
from izwi.engine.planner import make_plan
from izwi.stages import experiment

ROOT = Path(__file__).resolve().parents[2]
NAMES = list(stage.stages())
SCOPES = ("data", "experiment", "results")
OUTPUT = re.compile(
    r'(\w+)=(?:(directory)\(|SESSION\.shown\(\s*"(\w+)",\s*)?"<results>/([^"]+)"', re.DOTALL
)
INI = """
[EXP]
name = {name}
save_test = ./{name}.csv
[DATA]
databases = ['demo']
demo.type = demo
demo.value_counts = True
target = emotion
segment = True
[SEGMENT]
method = fixed
window = 1
output_audio = True
[EXPORT]
always = True
[FEATS]
type = ['os', 'praat']
scale = standard
[MODEL]
type = {model}
save = True
onnx = True
[EXPL]
permutation = True
feature_distributions = True
value_counts = [['gender', 'age']]
spotlight = True
[PLOT]
tsne = ['gender']
calibration = True
format = ['png', 'svg', 'pdf']
"""


@cache
def rules():
    """Name → text of all rules that make units."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    parts = re.split(r"^rule (\w+):\n", text, flags=re.MULTILINE)[1:]
    names = parts[::2]
    assert len(names) == len(set(names))
    return dict(zip(names, parts[1::2], strict=True))


def entry(name, keyword):
    """What stands under a keyword of a rule."""
    found = re.search(rf"^    {keyword}:(.*?)(?=^    \w|^\S|\Z)", rules()[name], re.M | re.S)
    return found[1].strip()


def outputs(name):
    return {role: path for role, _, _, path in OUTPUT.findall(entry(name, "output"))}


def test_modules_and_rules_are_the_same():
    modules = {path.stem for path in (ROOT / "izwi/stages").glob("*.py")} - {"__init__"}
    assert set(NAMES) == modules == set(rules())
    assert [module.STAGE.name for module in stage.stages().values()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_rule_says_what_the_stage_says(name):
    own = stage.stage(name)
    text = rules()[name]
    assert re.match(r'    """[A-Z].+\."""\n', text)
    assert outputs(name) == own.outputs
    # The report looks a caption up by the role.
    assert all(role == told for role, _, told, _ in OUTPUT.findall(text) if told)
    folders = {role for role, kind, _, _ in OUTPUT.findall(text) if kind}
    assert folders == {role for role, path in own.outputs.items() if path.endswith("/model")}
    assert entry(name, "input") == f'SESSION.made_of("{name}"),'
    assert entry(name, "shell") == "RUN"
    resources = entry(name, "resources")
    asked = re.search(
        r"mem_mb=SESSION\.each_try\((\d+)\),\s+runtime=SESSION\.each_try\((\d+)\),", resources
    )
    assert (int(asked[1]), int(asked[2])) == (own.mem_mb, own.minutes)
    assert (ROOT / "rules" / entry(name, "conda").strip('"')).is_file()
    assert entry(name, "threads") in ("1", "THREADS")


@pytest.mark.parametrize("name", NAMES)
def test_each_log_lies_with_its_stage_and_belongs_to_one_job(name):
    (log,) = re.findall(r'"([^"]+)"', entry(name, "log"))
    assert log.startswith(f"<logs>/{name}/") and log.endswith(".log")
    for path in stage.stage(name).outputs.values():
        assert set(re.findall(r"{\w+}", path)) == set(re.findall(r"{\w+}", log))


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_says_what_it_is(name):
    module = stage.stages()[name]
    own = module.STAGE
    for described in (module, module.plan, module.run):
        assert described.__doc__ and described.__doc__.strip().split("\n")[0].endswith((".", "…"))
    assert own.scope in SCOPES and own.mem_mb > 0 and own.minutes > 0
    assert (ROOT / f"envs/{own.environment}.yaml").is_file()
    assert all(find_spec(wanted) for wanted in own.imports)
    assert own.keyed or all(stage.KEY not in path for path in own.outputs.values())
    # Planned later than what it is made of.
    for other in own.after:
        assert NAMES.index(other) < NAMES.index(name)
        assert SCOPES.index(stage.stage(other).scope) <= SCOPES.index(own.scope)


def test_stages_of_a_scope_come_before_those_of_the_next():
    found = [module.STAGE.name for scope in SCOPES for module in stage.stages_of(scope)]
    assert sorted(found) == sorted(NAMES)
    for name in NAMES:
        assert all(found.index(other) < found.index(name) for other in stage.stage(name).after)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A grid, a table with controls, pictures, analyses, soft labels, predictions, the page."""
    folder = tmp_path_factory.mktemp("plan")
    for name, model in (("a--b", "xgb"), ("größe 2 (a+b)", "tree")):
        (folder / f"{name}.ini").write_text(INI.format(name=name, model=model), encoding="utf-8")
    text = INI.format(name="g", model="knn").replace("save_test = ./g.csv\n", "")
    (folder / "g.ini").write_text(text)
    further = text.replace("name = g", "name = t").replace("['demo']", "['demo', 'other']")
    further = further.replace(
        "demo.type = demo", "demo.type = demo\nother.type = demo\ntests = ['other']"
    )
    further = further.replace("name = t", "name = t\nrobustness = ['white']\nruns = 2")
    further = further.replace("[FEATS]", "augment = ['random_splice']\n[FEATS]")
    further = further.replace("[PLOT]", "[PLOT]\nruns_compare = True")
    (folder / "t.ini").write_text(f"{further}[PREDICT]\ntargets = ['snr']\n")
    written = "[DATA]\ndatabases = ['demo']\ndemo.type = demo\n"
    (folder / "w.ini").write_text(written + "[AUGMENT]\naugment = ['random_splice']\n")
    config = {
        "experiments": ["a--b.ini", "größe 2 (a+b).ini", "t.ini", "w.ini"],
        "grid": [{"ini": "g.ini", "grid": {"FEATS.scale": ["none", "robust"]}}],
        "ensembles": [{"name": "e", "members": ["g--*"], "methods": ["mean", "stacking"]}],
        "tables": [{"name": "models", "rows": "MODEL.type", "columns": "FEATS.scale"}],
    }
    settings = read_config(config, cwd=folder, fallback="none")
    return make_plan(
        resolve_all(settings, cwd=folder),
        "results",
        "results/cache",
        cwd=folder,
        fused=settings.ensembles,
        tables=settings.tables,
        page=settings.page,
    )


def test_each_output_is_that_of_one_rule(plan):
    """As Snakemake looks for it: by the patterns of all rules and what wildcards may be."""
    text = (ROOT / "rules/common.smk").read_text()
    constraints = dict(re.findall(r'^    (\w+)="(.+)",$', text.partition("wildcard_c")[2], re.M))

    def pattern(path):
        parts = re.split(r"{(\w+)}", path)
        seen, built = set(), []
        for number, part in enumerate(parts):
            if number % 2 == 0:
                built.append(re.escape(part))
            elif part in seen:
                built.append(f"(?P={part})")
            else:
                seen.add(part)
                built.append(f"(?P<{part}>{constraints[part]})")
        return re.compile("".join(built))

    patterns = [
        (name, role, pattern(path)) for name in NAMES for role, path in outputs(name).items()
    ]
    assert {unit.stage for unit in plan.each()} == set(NAMES) - {"shard", "fetch_model"}
    for unit in plan.each():
        for role, path in unit.outputs.items():
            place = path.removeprefix("results/")
            found = [(name, own) for name, own, regex in patterns if regex.fullmatch(place)]
            # A rule without wildcards goes before all others.
            plain = [one for one in found if "{" not in "".join(outputs(one[0]).values())]
            assert (plain or found) == [(unit.stage, role)], path


def test_nothing_is_made_twice(plan):
    paths = [path for unit in plan.each() for path in unit.files]
    assert len(paths) == len(set(paths))
    for unit in plan.each():
        assert not set(unit.input_files()) & set(unit.files)
        # Planned after all that it is made of.
        for maker in plan.made_of(unit):
            own = stage.stage(unit.stage)
            assert maker.stage in (unit.stage, *own.after, *own.adds)


def test_the_page_waits_for_all_that_it_shows(plan):
    (page,) = plan.of("page")
    shown = [unit.outputs["metrics"] for unit in plan.of("experiment")]
    shown += [unit.outputs["page"] for unit in plan.of("spotlight")]
    shown += [unit.outputs["picture"] for unit in plan.of("plot", "heat_map", "runs_compare")]
    shown += [path for unit in plan.of("grid", "table", "comparisons") for path in unit.files]
    assert set(shown) <= set(page.input_files())


def test_what_an_ini_no_longer_asks_for_goes_away(tmp_path):
    """And nothing else: pictures of other jobs may be half drawn."""
    folder = tmp_path / "experiments" / "x"
    copy = str(folder / "explain" / "shap.csv")
    spec = {"name": "x", "pictures": ["a.png"], "copies": {copy: "elsewhere"}}
    outputs = outputs_of("experiment", str(tmp_path), name="x")
    kept = {*outputs.values(), copy}
    kept |= {str(folder / "plots" / name) for name in ("a.png", ".b-0123.png", ".keys/a.png.json")}
    kept |= {str(folder / name) for name in ("mine.txt", "mine.csv")}
    gone = ("plots/b.png", "explain/old.csv", "OUTDATED.txt", "cut.csv", "cut_silence.csv")
    gone = (*gone, "spotlight.html")
    others = {str(folder / name) for name in gone}
    for path in kept | others:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).touch()
    experiment._tidy(Unit("experiment", "k", "x", spec, {}, outputs))
    assert {str(path) for path in tmp_path.rglob("*") if path.is_file()} == kept
