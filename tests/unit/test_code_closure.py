"""Keys cover the code that can change a result, as the imports of the source name it."""

import ast
from pathlib import Path

import pytest

from izwi.engine import code, keys
from izwi.engine.stage import stages
from izwi.models import MODELS, model_class

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "izwi").rglob("*.py")
)
LIBRARIES = ("sklearn", "xgboost")


def parsed(module):
    """Modules of izwi, and of large libraries in functions, that the syntax tree names."""
    path = code.source(module)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own, libraries = set(), set()
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            members = []
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: keys know no relative import"
            names = [node.module]
            members = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        if names[0].split(".")[0] in LIBRARIES and id(node) not in top:
            libraries |= set(names)
        submodules = [name for name in members if code.source(name)]
        own |= set(submodules)
        if not members or len(submodules) < len(members):
            own |= {name for name in names if name.split(".")[0] == "izwi" and code.source(name)}
    return own, libraries


@pytest.mark.parametrize("module", MODULES)
def test_imports_are_those_of_the_syntax_tree(module):
    own, _ = parsed(module)
    found = code.imported(module)
    # An example in a docstring counts, too.
    assert found - {"izwi"} == (set() if module in code.REGISTRIES else own) - {"izwi"}


def test_libraries_are_those_that_functions_import():
    found = {model_class(name).__module__ for name in MODELS}
    named = {module: set(code.libraries(module)) for module in found}
    assert named == {module: parsed(module)[1] for module in found}
    assert sum(map(len, named.values())) > 5


def plumbing(name):
    own = code.PLUMBING[1:]
    return name == "izwi" or any(name == one or name.startswith(f"{one}.") for one in own)


def test_every_stage_is_in_its_own_closure():
    for name in stages():
        closure = code.closure(f"izwi.stages.{name}")
        assert f"izwi.stages.{name}" in closure
        assert not [m for m in closure if plumbing(m) and m != f"izwi.stages.{name}"]


def test_what_is_known_to_belong_together():
    fits = code.closure("izwi.training.fit_predict")
    assert {"izwi.training.runs", "izwi.preprocessing", "izwi.training"} <= fits
    assert not {m for m in fits if m.startswith(("izwi.plots", "izwi.reporting", "izwi.audit"))}
    assert not {"izwi.features.opensmile", "izwi.features.praat"} & fits
    # One model does not depend on another.
    tree = code.closure(model_class("tree").__module__)
    assert not tree & {model_class(name).__module__ for name in ("finetune", "mlp", "svm")}


# ------------------------------------------------------------ a package of its own


CACHES = (
    *(code.closure, code.code_of, code.imported, code.libraries, code.sources),
    keys.file_digest,
)
SOURCES = {
    "__init__": "",
    "a": "def run():\n    from izwi import b\n    return b\n",
    "b": "from izwi.pack import (\n    c,  # why\n    name,\n)\n\n# from izwi import unrelated\n",
    "pack/__init__": "name = 1\n",
    "pack/c": "import izwi.deep.d\nfrom izwi.engine import job\nfrom izwi.features import base\n",
    "pack/unasked": "",
    "deep/__init__": "",
    "deep/d": "from izwi import a\n",
    "unrelated": "",
    "engine/__init__": "",
    "engine/job": "from izwi import unrelated\n",
    "features/__init__": "from izwi import unrelated\n",
    "features/base": "from izwi.errors import UserError\n",
    "errors": "UserError = 1\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package called izwi with modules that import each other; gives its folder."""
    folder = tmp_path / "izwi"
    for name, text in SOURCES.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "pack" / "table.json").write_text("{}")
    monkeypatch.setattr(code, "PACKAGE", folder)
    forget()
    yield folder
    forget()


def forget():
    for cached in CACHES:
        cached.cache_clear()


def test_the_closure_of_a_small_package(package):
    assert code.closure("izwi.a") == {
        *("izwi.a", "izwi.b", "izwi.pack", "izwi.pack.c", "izwi.deep", "izwi.deep.d"),
        *("izwi.features", "izwi.features.base"),
    }
    with pytest.raises(ModuleNotFoundError, match=r"izwi\.none"):
        code.code_of("izwi.none")


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("a.py", True),
        ("b.py", True),
        ("pack/c.py", True),
        ("pack/__init__.py", True),
        ("pack/table.json", True),
        ("deep/d.py", True),
        ("deep/__init__.py", True),
        ("features/base.py", True),
        ("pack/unasked.py", False),
        ("unrelated.py", False),
        ("engine/job.py", False),
        ("errors.py", False),
        ("__init__.py", False),
    ],
)
def test_the_digest_follows_what_is_imported_and_nothing_else(package, file, changes):
    before = code.code_of("izwi.a")
    forget()
    assert code.code_of("izwi.a") == before
    with open(package / file, "a") as stream:
        stream.write("\n")
    forget()
    assert (code.code_of("izwi.a") != before) == changes
    # Wherever the package lies.
    with open(package / file, "rb+") as stream:
        stream.truncate(len(stream.read()) - 1)
    forget()
    assert code.code_of("izwi.a") == before
