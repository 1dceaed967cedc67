import ast
import dataclasses
import importlib.util
import subprocess
import sys

import pytest

from izwi.config import options
from izwi.config.experiment import resolve
from izwi.config.options import Option, convert, values
from izwi.errors import UserError
from tests.conftest import ROOT

# Options that occur in nkululeko's published inis, or in its documentation.
PEER = {
    "EXP": "root name save epochs runs type language save_test traindevtest databases use_splits "
    "sample_selection random_seed no_reuse no_warnings store fig_dir res_dir models_dir "
    "export_onnx",
    "DATA": "databases target labels no_reuse mapping audio_path bins files_tables test_size tests "
    "colnames testsplit filter root_folders target_tables files_table balance sample_selection "
    "age_bins trains strategy type check_size limit_samples limit_samples_per_speaker "
    "target_tables_append size_diff_weight min_duration_of_sample max_duration_of_sample "
    "min_duration_of_samples max_duration_of_samples stratify scale reverse value_counts "
    "tests_size dev_size columns label required rename_speakers as_test as_train "
    "reverse.max min_dur_test target_divide_by check_vad filter.sample_selection absolute_path "
    "train_tables test_tables dev_tables split_strategy",
    "FEATS": "type scale store_format balancing no_reuse print_feats features sptk.features "
    "wav2vec2.model wav2vec2.layer needs_feature_extraction min_syls size assignments fft_win_dur "
    "fft_hop_dur fft_nbands bert.model bert.layer bert.text_column import_file os.set scaler set "
    "level import_files_append mld.model mld.df os.features praat.features audmodel.id "
    "audmodel.embeddings_name aud.model agender.model xbow.model trill.model fail_threshold "
    "with_os",
    "MODEL": "type save layers learning_rate C_val C patience drop measure device batch_size store "
    "loss n_jobs logo optimizer n_estimators max_depth kernel subsample k_fold_cross "
    "pretrained_model scoring class_weight gamma focal.alpha focal.gamma early_stopping_rounds "
    "validation_split eval_metric activation random_state random_seed GMM_components "
    "GMM_covariance_type push_to_hub max_duration balancing weight_decay momentum scheduler "
    "warmup_epochs scheduler.step_size scheduler.gamma label_smoothing K_val weights "
    "colsample_bytree tuning_params",
    "PLOT": "name epochs anim_progression fps epoch_progression best_model combine_per_speaker "
    "format ccc fill_areas uncertainty_threshold runs_compare titles kind sample_selection "
    "value_counts tsne",
    "EXPL": "feature_distributions ignore_gender model max_feats permutation scatter "
    "scatter.target scatter.dim plot_tree value_counts dist_type spotlight shap print_stats "
    "print_colvals plot_features regplot sample_selection",
    "PREDICT": "targets textclassifier.candidates target_language sample_selection",
    "EXPORT": "target_root orig_root data_name segments_as_files bundle_path",
    "CROSSDB": "train_extra",
    "RESAMPLE": "replace target sample_selection",
    "REPORT": "show fresh latex title author",
    "AUGMENT": "augment p_reverse top_db result augmentations transformations sample_selection",
    "SEGMENT": "result method min_length max_length output_audio audio_format audio_dir "
    "sampling_rate include_silence_borders sample_selection",
    "OPTIM": "model search_strategy metric n_iter cv_folds nlayers nnodes lr bs loss do C "
    "n_estimators max_depth",
    "FLAGS": "models features balancing scale name_target",
}


@pytest.mark.parametrize("section", PEER)
def test_every_option_of_nkululeko_is_known(section):
    known = options.elsewhere(section)
    assert [name for name in PEER[section].split() if name.lower() not in known] == []


def test_every_option_is_documented_and_consistent():
    for option in options.all_options():
        where = f"{option.section} {option.name}"
        assert option.section in options.SECTIONS, where
        assert option.doc or option.advice, where
        assert option.status in ("ok", "inert", "unsupported"), where
        assert option.status != "unsupported" or option.advice, where
        assert set(option.kind.split("|")) <= set(values._CONVERSIONS), where
        assert option.stage in (
            "load",
            "annotate",
            "soft_label",
            "segment",
            "export_data",
            "augment",
            "robustness",
            "split",
            "features",
            "audit",
            "train",
            "evaluate",
            "analyse",
            "soft_label",
            "plot",
            "none",
        ), where
        if option.choices and option.default is not None:
            given = option.default if isinstance(option.default, list) else [option.default]
            assert {*given} <= {*option.choices}, where
        assert not option.doc.endswith("."), where


def test_no_spelling_means_two_options():
    for section in options.SECTIONS:
        seen: dict[tuple[str, bool], str] = {}
        for option in options.GENERAL:
            if option.section != section:
                continue
            for spelling in {option.name.lower(), *(a.lower() for a in option.aliases)}:
                key = (spelling, option.database_only)
                assert key not in seen, (section, spelling)
                seen[key] = option.name


def test_reference_page_is_current():
    path = ROOT / "scripts" / "make_option_reference.py"
    spec = importlib.util.spec_from_file_location("make_option_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert page == module.page(), "run: python scripts/make_option_reference.py"
    for option in options.all_options():
        assert f"`{option.name}`" in page or f"`<db>.{option.name}`" in page


def test_parse_time_imports_nothing_heavy():
    code = (
        "import sys; from izwi.config.result_set import resolve_all; "
        "from izwi.config.options import all_options; "
        "all_options(); "
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'torch', 'opensmile', 'xgboost', "
        "'matplotlib', 'parselmouth', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def option(kind, **more):
    return Option("S", "x", kind, **more)


@pytest.mark.parametrize(
    "spec, text, value",
    [
        (option("str"), "my name", "my name"),
        (option("str"), "'my name'", "my name"),
        (option("str"), "['my name']", "my name"),
        (option("str"), "2024_01", "2024_01"),
        (option("path"), r"C:\new\table.csv", r"C:\new\table.csv"),
        (option("path"), r"'C:\new\table.csv'", r"C:\new\table.csv"),
        (option("int"), "3", 3),
        (option("int"), "3.0", 3),
        (option("float"), ".5", 0.5),
        (option("float"), "'2'", None),
        (option("bool"), "True", True),
        (option("bool"), "'yes'", True),
        (option("bool"), "1", True),
        (option("bool"), "no", False),
        (option("list"), "os", ["os"]),
        (option("list"), "['os', 'praat']", ["os", "praat"]),
        (option("list"), "os, praat", ["os", "praat"]),
        (option("list"), "'a, b'", ["a, b"]),
        (option("list"), "\"['os']\"", ["os"]),
        (option("list"), "('os',)", ["os"]),
        (option("list"), "[]", []),
        (option("list"), "5", [5]),
        (option("number_list"), "[-100, 40, 0.5]", [-100, 40, 0.5]),
        (option("number_list"), "1, 2", [1, 2]),
        (option("dict"), "{'a': 1}", {"a": 1}),
        (option("list|dict"), "{'l1':64}", {"l1": 64}),
        (option("list|dict"), "[64, 16]", [64, 16]),
        (option("float|str"), "scale", "scale"),
        (option("float|str"), "0.1", 0.1),
        (option("str|list", choices=("train", "test")), "TRAIN", "train"),
        (option("str|list", choices=("train", "test")), "[12]", [12]),
        (option("str", choices=("functionals", "lld")), "functional", "functionals"),
        (option("bool|str", choices=(True, False, "auto")), "auto", "auto"),
        (option("bool|str", choices=(True, False, "auto")), "True", True),
        (option("list"), "False", None),
        (option("int"), "None", None),
        (option("bool", default=False), "False", False),
    ],
)
def test_conversions(spec, text, value):
    if value is None and not options.is_off(text):
        with pytest.raises(ValueError):
            convert(spec, text)
        return
    assert convert(spec, text) == value
    assert type(convert(spec, text)) is type(value)


@pytest.mark.parametrize(
    "spec, text, problem",
    [
        (option("str"), "", "has no value: give one, or leave the line out"),
        (option("int"), "many", "many is not a whole number"),
        (option("int"), "1.5", "1.5 is not a whole number"),
        (option("int"), "True", "True is not a whole number"),
        (option("float"), "[1]", "[1] is not a number"),
        (option("float"), "1e999", "inf is not a number to compute with"),
        (option("bool"), "maybe", "maybe is not True or False"),
        (option("dict"), "['a']", "['a'] is not a dictionary like {'a': 'b'}"),
        (option("list"), "{'a': 1}", "{'a': 1} is not a list like ['a', 'b']"),
        (option("number_list"), "['a']", "['a'] is not a list of numbers like [1, 2]"),
        (
            option("float", minimum=1, maximum=99, hint="percent"),
            "0.4",
            "0.4 is less than 1 (percent)",
        ),
        (option("float", maximum=99), "100", "100 is more than 99"),
        (
            option("str", choices=("standard", "robust")),
            "standart",
            "'standart' is none of standard, robust, did you mean 'standard'?",
        ),
        (
            option("bool|str", choices=(True, False, "auto")),
            "often",
            "'often' is none of True, False, auto",
        ),
        (option("list", choices=("a", "b")), "['a', 'c']", "'c' is none of a, b"),
    ],
)
def test_refusals(spec, text, problem):
    with pytest.raises(ValueError) as error:
        convert(spec, text)
    assert str(error.value) == problem


# ------------------------------------------------------------ nothing without effect unsaid

_DATA = {"databases": "['db']", "db": "db.csv", "target": "emotion"}
_BASES = {
    "classification": {"DATA": _DATA, "FEATS": {"type": "os"}, "MODEL": {"type": "svm"}},
    "without a model": {"DATA": _DATA},
    "regression": {
        "EXP": {"type": "regression"},
        "DATA": {**_DATA, "target": "age"},
        "FEATS": {"type": "praat"},
        "MODEL": {"type": "mlp_reg"},
    },
    "folds": {
        "EXP": {"epochs": 3},
        "DATA": {**_DATA, "databases": "['db', 'two']", "two": "db.csv"},
        "FEATS": {"type": "['os', 'praat']"},
        "MODEL": {"type": "mlp", "logo": 2},
    },
}
# What the value says already: (section, option) → value.
_SAME = {("EXP", "type"): "classification", ("DATA", "strategy"): "train_test"}
_SAME |= {("FEATS", "balancing"): "none"}
# Read before an ini is resolved, when it becomes several experiments.
_BEFORE = {
    **{("FLAGS", name): "grid.py" for name in ("models", "features", "balancing", "scale")},
    **{("FLAGS", name): "grid.py" for name in ("target", "name_target")},
    **{("EXP", name): "multidb.py" for name in ("databases", "use_splits")},
}


def _values(option):
    """Values of an option, one of which is valid in most inis."""
    found = [value for value in option.choices if value != option.default]
    for kind in option.kind.split("|"):
        if kind == "bool":
            found.append(not option.default if isinstance(option.default, bool) else True)
        elif kind in ("int", "float"):
            low = 1 if option.minimum is None else option.minimum
            numbers = [low, low + 1, 3, 7 if kind == "int" else 0.5, option.upper]
            found += [int(n) if kind == "int" else n for n in numbers if n != option.default]
        elif kind == "list":
            found += [["emotion"], ["age"], ["db"]]
        elif kind == "number_list":
            found += [[1.0, 2.0], [25.0]]
        elif kind == "dict":
            found += [{"emotion": 1}, {"a": "x", "b": "y"}]
        else:
            found += ["abc", "db.csv"]
    return found


@pytest.mark.parametrize("base", _BASES)
def test_every_option_changes_something_or_is_told(tmp_path, base):
    rows = "".join(f"{i}.wav,s{i % 4},{'ab'[i % 2]},{i}\n" for i in range(16))
    (tmp_path / "db.csv").write_text("file,speaker,emotion,age\n" + rows)

    def resolved(sections):
        lines = []
        for section, entries in sections.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in entries.items())]
        (tmp_path / "x.ini").write_text("\n".join(lines))
        found = resolve(tmp_path / "x.ini", cwd=tmp_path)
        fields = {field.name for field in dataclasses.fields(found)} - {"notes", "warnings"}
        return {name: repr(getattr(found, name)) for name in fields}, {
            *found.notes,
            *found.warnings,
        }

    plain = {"EXP": {"name": "x"} | _BASES[base].get("EXP", {})}
    plain = {**_BASES[base], **plain}
    before, said = resolved(plain)
    silent = []
    for option, _ in options.options_with_owners():
        place = (option.section, option.name)
        key = f"db.{option.name}" if option.database_only else option.name
        own = plain.get(option.section, {})
        if place in _BEFORE or key in own:
            continue
        outcome = "refused"
        for value in _values(option):
            if _SAME.get(place) == value:
                continue
            try:
                after, told = resolved({**plain, option.section: {**own, key: value}})
            except UserError:
                continue
            # By its name or its value, or all options of the section at once.
            words = (option.name.rpartition(".")[2].lower(), str(value).strip("[]'").lower())
            words += (f"[{option.section}] type: missing".lower(),)
            new = [line.lower() for line in told - said]
            outcome = "silent"
            if after != before or any(word in line for line in new for word in words):
                outcome = "effect"
                break
        if outcome == "silent":
            silent.append(place)
    assert silent == []


def test_what_makes_several_experiments_of_an_ini_is_read():
    for (_, name), module in _BEFORE.items():
        assert f'"{name}"' in (ROOT / "izwi" / "config" / module).read_text()


@pytest.mark.parametrize("package", ["features", "models"])
def test_every_option_of_a_model_or_extractor_is_read_in_its_package(package):
    """By its name, or the part of it behind the prefix, outside of its definition."""
    read = set()
    for path in (ROOT / "izwi" / package).rglob("*.py"):
        tree, passed = ast.parse(path.read_text()), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if called in ("model_option", "feature_option", "option", "Option"):
                    passed |= {id(inner) for inner in ast.walk(node)}
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                first = node.body[0]
                passed |= {id(first.value)} if isinstance(first, ast.Expr) else set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                read |= set() if id(node) in passed else {node.value.lstrip(".")}
            elif isinstance(node, ast.keyword) and node.arg:
                read.add(node.arg)
    section = {"features": "FEATS", "models": "MODEL"}[package]
    unread = [
        option.name
        for option, owners in options.options_with_owners()
        # With a single value there is nothing to read.
        if owners and option.section == section and option.status == "ok"
        if option.choices != (option.default,)
        if not {option.name, option.name.partition(".")[2]} & read
    ]
    assert unread == []
