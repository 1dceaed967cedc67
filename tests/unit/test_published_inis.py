"""Inis that nkululeko's users write: what its main command ignores, and those without a model."""

import itertools
from collections import Counter

import pytest

from izwi.config.experiment import resolve
from izwi.config.ini import parse
from izwi.config.optim import as_tune
from izwi.config.pictures import wanted
from izwi.errors import UserError

DATA = {"databases": "['a']", "a": "a.csv", "a.split_strategy": "random", "target": "emotion"}
OS, SVM = {"type": "['os']"}, {"type": "svm"}
# What its other modules read, in the manner of its examples.
SECTIONS = {
    "AUGMENT": {"augment": "['traditional', 'random_splice']", "p_reverse": ".3"},
    "SEGMENT": {"method": "silero", "min_length": "2", "max_length": "10", "result": "cut.csv"},
    "PREDICT": {"targets": "['age', 'snr']", "sample_selection": "all"},
    "EXPORT": {"root": "./out", "data_name": "copy"},
    "RESAMPLE": {"replace": "True", "sample_selection": "all"},
    "OPTIM": {"model": "svm", "c_val": "[0.1, 1]", "metric": "uar"},
    "EXPL": {"value_counts": "[['gender']]", "feature_distributions": "all", "scatter": "['pca']"},
    "CROSSDB": {"train_extra": "['b']"},
    "REPORT": {"latex": "out"},
}


@pytest.fixture
def solve(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("file,emotion\n")

    def run(**sections):
        lines = []
        for section, entries in sections.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in entries.items())]
        (tmp_path / "x.ini").write_text("\n".join(lines) + "\n")
        return resolve("x.ini", cwd=tmp_path)

    return run


def test_inis_as_they_are_published_are_accepted(solve):
    """Each combination of the main sections, with a quarter of the pairs of the others."""
    tried, refused = 0, []
    cores = itertools.product(
        (DATA, {**DATA, "labels": "['anger', 'sadness']", "check_size": "1000"}),
        (OS, OS | {"scale": "standard", "scale_speakers": "True"}, {"type": "[]"}, {}, None),
        (SVM, {"type": "xgb", "scoring": "recall_macro", "n_jobs": "2"}, {}, None),
    )
    pairs = list(itertools.combinations(SECTIONS, 2))
    for number, (data, feats, model) in enumerate(cores):
        for pair in pairs[number % 4 :: 4]:
            given = {"EXP": {"root": "./", "name": "results/x"}, "DATA": data}
            given |= {"FEATS": feats} if feats is not None else {}
            given |= {"MODEL": model} if model is not None else {}
            given |= {name: SECTIONS[name] for name in pair}
            tried += 1
            try:
                found = solve(**given)
            except UserError as error:
                refused.append((given, error.problems))
                continue
            # Each is told of, by its name.
            said = " ".join((*found.notes, *found.warnings))
            for name in set(pair) - {"EXPL", "PREDICT"}:
                assert f"[{name}]" in said
            assert found.trains == bool(model and feats and feats["type"] != "[]")
    # A model that lacks features is a slip, unless another module was meant.
    meant = {"AUGMENT", "SEGMENT", "PREDICT", "EXPORT", "RESAMPLE"}
    for given, lines in refused:
        assert given.get("MODEL") and not (given.get("FEATS") or {}).get("type", "[]").strip("[]")
        assert not meant & set(given) or not given.get("FEATS")
        assert all("[FEATS] type" in line for line in lines)
    assert tried == 360
    assert len(refused) / tried < 0.25


CORPUS = {
    "databases": "['learn', 'tune', 'judge']", "learn": "a.csv", "learn.type": "csv",
    "learn.absolute_path": "False", "learn.split_strategy": "train", "tune": "b.csv",
    "tune.type": "csv", "tune.absolute_path": "False", "tune.split_strategy": "train",
    "judge": "c.csv", "judge.type": "csv", "judge.absolute_path": "False",
    "judge.split_strategy": "test", "judge.audio_path": "./clips/", "target": "emotion",
    "labels": "['anger', 'joy', 'sadness']",
}  # fmt: skip
TABLES = {
    "databases": "['emo']", "emo": "emo/", "emo.split_strategy": "specified",
    "emo.files_tables": "['files']", "emo.test_tables": "['emo.test']",
    "emo.train_tables": "['emo.train']", "emo.mapping": "{'glad': 'joy', 'cross': 'anger'}",
    "target": "emotion", "labels": "['joy', 'anger']", "no_reuse": "True",
}  # fmt: skip
AGES = DATA | {
    "target": "age", "bins": "[-1000, 35, 1000]", "labels": "['young', 'old']",
    "type": "continuous", "a.split_strategy": "balanced", "balance": "{'age': 1, 'gender': 1}",
    "age_bins": "2", "size_diff_weight": "1",
}  # fmt: skip
HEAD = {"root": "./out/", "name": "./out/tried", "runs": "1", "epochs": "1", "save": "True"}
NET = {
    "type": "mlp", "layers": "{'l1': 64, 'l2': 16}", "drop": "[.3, .2]", "learning_rate": "0.001",
    "batch_size": "16", "patience": "3", "device": "cpu", "loss": "focal", "save": "True",
    "optimizer": "adam", "activation": "leaky_relu", "store": "1",
}  # fmt: skip
TESTED = {
    "learn": DATA | {"databases": "['a', 'b']", "b": "b.csv", "trains": "['a']",
                     "tests": "['b']", "strategy": "cross_data"},
    "limits": DATA | {"limit_samples_per_speaker": "8", "min_duration_of_sample": "1.5",
                      "filter": "[['task', 'read'], ['gender', 'female']]", "check_size": "1000",
                      "a.colnames": "{'Sex': 'gender'}", "sample_selection": "all"},
}  # fmt: skip
FEATURES = (
    {"type": "['os']", "set": "eGeMAPSv02", "scale": "standard", "store_format": "csv"},
    {"type": "os", "scaler": "robust", "no_reuse": "True", "print_feats": "False"},
    {"type": "['praat', 'os']", "features": "['duration', 'pF', 'meanF0Hz']", "scale": "speaker"},
    {"type": '["os"]', "balancing": "smoteenn", "needs_feature_extraction": "True"},
    {"type": "['spectra']", "fft_nbands": "64", "fft_win_dur": "25", "fft_hop_dur": "10"},
    {"type": "['sptk']", "sptk.features": "['fbank']", "sptk.fft_length": "512"},
    {"type": "mld", "mld": "/somebody/mld/src/", "min_syls": "4", "with_os": "True"},
)
MODELS = (
    {"type": "xgb", "n_estimators": "50", "max_depth": "4", "subsample": ".8", "n_jobs": "8"},
    {"type": "svm", "c_val": ".001", "kernel": "poly", "gamma": "scale", "logo": "10"},
    {"type": "xgb", "C": "[10, 1]", "scoring": "recall_macro", "class_weight": "True"},
    {"type": "xgb", "early_stopping_rounds": "2", "validation_split": ".2", "eval_metric": "auc"},
    {"type": "gmm", "GMM_components": "3", "GMM_covariance_type": "diag"},
    {"type": "knn", "k_fold_cross": "5"},
    {"type": "bayes"},
    NET,
)
MORE = (
    {},
    {"EXPL": {"model": "['tree', 'xgb']", "max_feats": "7", "feature_distributions": "True",
              "dist_type": "kde", "permutation": "True", "plot_tree": "True",
              "value_counts": "[['age'], ['gender', 'duration']]", "spotlight": "True",
              "scatter": "['pca', 'tsne']", "scatter.target": "['age']", "print_stats": "True",
              "scatter.dim": "3", "age.bin_reals": "True", "ignore_gender": "True",
              "sample_selection": "all "}},
    {"PLOT": {"best_model": "True", "epoch_progression": "True", "format": "pdf",
              "combine_per_speaker": "mode", "uncertainty_threshold": ".4", "name": "mine",
              "runs_compare": "features", "anim_progression": "True"}},
    {"REPORT": {"latex": "paper", "title": "Mine", "author": "Me", "fresh": "True"},
     "PREDICT": {"targets": "['age', 'mos', 'snr', 'emotion']", "sample_selection": "test"}},
    {"AUGMENT": {"augment": "['auglib']", "transformations": "['room', 'cough']",
                 "bypass_prob": ".5"},
     "RESAMPLE": {"replace": "True", "sample_selection": "all", "target": "new.csv"}},
    {"SEGMENT": {"segment_target": "_cut", "method": "silero", "max_length": "12",
                 "output_audio": "True"},
     "EXPORT": {"root": "./copy/", "orig_root": "./clips", "data_name": "copy"}},
    {"OPTIM": {"model": "svm", "c_val": "[.1, 1]", "search_strategy": "random", "n_iter": "5",
               "metric": "uar", "cv_folds": "3", "random_state": "1"}},
    {"FLAGS": {"models": "['xgb', 'knn']", "scale": "['none', 'standard']"}},
)  # fmt: skip


def test_nearly_all_that_is_written_as_published_inis_are_is_accepted(solve, tmp_path):
    """Every manner of data with each of features, models and the other sections."""
    (tmp_path / "c.csv").write_text("file,emotion\n")
    (tmp_path / "emo").mkdir()
    (tmp_path / "emo" / "db.yaml").write_text("name: emo\n")
    data = (CORPUS, TABLES, AGES, TESTED["learn"], TESTED["limits"])
    kinds = [
        (d, f, m, MORE[(i + j) % len(MORE)])
        for d in data
        for i, f in enumerate(FEATURES)
        for j, m in enumerate(MODELS)
    ]
    kinds += [(d, None, None, more) for d in data for more in MORE[1:-1]]
    refused = []
    for own, feats, model, more in kinds:
        given = {"EXP": HEAD, "DATA": own, "FEATS": feats or {}, "MODEL": model or {}} | more
        try:
            solve(**given)
        except UserError as error:
            refused.append(error.problems)
    share = 1 - len(refused) / len(kinds)
    told = Counter(line for lines in refused for line in lines)
    assert len(kinds) == 310 and share >= 0.95, told.most_common(9)


def test_sections_of_other_modules_are_a_line_each(solve):
    notes = solve(DATA=DATA, FEATS=OS, MODEL=SVM, **SECTIONS).notes
    for name in set(SECTIONS) - {"EXPL", "PREDICT"}:
        assert sum(line.startswith(f"[{name}] ") for line in notes) == 1
    with pytest.raises(UserError, match=r"\[AUGMENT\] agument: unknown option, did you mean"):
        solve(DATA=DATA, FEATS=OS, MODEL=SVM, AUGMENT={"agument": "['traditional']"})


def test_options_of_explorations_do_what_they_say(solve):
    """None is read without effect."""
    given = {"EXPL": MORE[1]["EXPL"], "PLOT": MORE[2]["PLOT"], "EXP": HEAD | {"runs": "3"}}
    found = solve(DATA=DATA, FEATS=OS, MODEL={"type": "xgb"}, **given)
    assert {key: found.plots[key] for key in ("dim", "dist_type", "bin_reals", "spotlight")} == {
        "dim": 3,
        "dist_type": "kde",
        "bin_reals": ["age"],
        "spotlight": 2000,
    }
    assert found.plots["ignore_gender"] and found.plots["runs_compare"] == "features"
    told = " ".join(note for note in found.notes if note.startswith(("[EXPL]", "[PLOT]")))
    assert "[EXPL] plot_tree" in told and "sample_selection" not in told
    assert "[PLOT] best_model: no effect here, a choice on test rows" in told
    for name in ("spotlight", "dist_type", "scatter", "bin_reals", "gender", "runs_compare"):
        assert name not in told
    one = solve(DATA=DATA, FEATS=OS, MODEL={"type": "xgb"}, EXP=HEAD, PLOT=given["PLOT"])
    assert "[PLOT] runs_compare: no effect on one run: set EXP.runs" in one.notes
    assert "runs_compare" not in one.plots


@pytest.mark.parametrize(
    ("section", "name", "value", "place"),
    [("FEATS", "class_weight", "True", "MODEL"), ("MODEL", "scale", "standard", "FEATS")],
)
def test_an_option_in_a_wrong_section_is_a_warning(solve, section, name, value, place):
    found = {"FEATS": dict(OS), "MODEL": dict(SVM)}
    found[section][name] = value
    plain, moved = solve(DATA=DATA, FEATS=OS, MODEL=SVM), solve(DATA=DATA, **found)
    assert moved.warnings == (
        f"[{section}] {name}: no effect in this section, it belongs in [{place}]",
    )
    assert moved.model == plain.model and moved.preprocessing == plain.preprocessing


def test_databases_that_are_not_used(solve):
    rest = {"FEATS": OS, "MODEL": SVM}
    found = solve(DATA=DATA | {"b": "b.csv", "b.type": "csv", "c.mapping": "{'x': 'y'}"}, **rest)
    assert [db["name"] for db in found.databases] == ["a"]
    assert found.notes == (
        "[DATA] b: not in databases, so it is not used",
        "[DATA] c: not in databases, so it is not used",
    )
    # Without a path of its own it may be a slip.
    several = {"databases": "['emodb', 'a']", "emodb": "b.csv", "emobd.type": "csv"}
    with pytest.raises(UserError, match="'emobd' is not in databases, did you mean 'emodb'"):
        solve(DATA=DATA | several, **rest)
    # With one, two databases are called alike.
    assert solve(DATA=DATA | several | {"emobd": "a.csv"}, **rest).notes


def test_a_database_may_be_called_as_an_option_is(solve):
    own = DATA | {"databases": "['a', 'augment']", "augment": "b.csv", "augment.type": "csv"}
    found = solve(DATA=own | {"augment.split_strategy": "train"}, FEATS=OS, MODEL=SVM)
    assert [db["name"] for db in found.databases] == ["a", "augment"]
    assert found.databases[1]["path"].endswith("b.csv") and found.augment == {}
    # Options that begin with the name of a database stay options.
    own = DATA | {"databases": "['a', 'reverse']", "reverse": "./b.csv", "type": "continuous"}
    own |= {"labels": "['low', 'high']", "reverse.max": "7", "a.reverse": "True"}
    found = solve(DATA=own, FEATS=OS, MODEL=SVM).databases
    assert [db["options"]["reverse.max"] for db in found] == [7, 7]
    for value in ("['traditional']", "True"):
        with pytest.raises(UserError, match="'augment' is an option's name: choose another"):
            solve(DATA=DATA | {"databases": "['a', 'augment']", "augment": value}, FEATS=OS)


@pytest.mark.parametrize(
    ("wanted", "meant"), [("hubert_xlarge", "hubert-xlarge-ll60k"), ("wavlm_large", "wavlm-large")]
)
def test_a_name_of_a_model_in_short(solve, wanted, meant):
    found = solve(DATA=DATA, FEATS={"type": f"['{wanted}']"}, MODEL=SVM)
    assert [spec["type"] for spec in found.features] == [meant]
    assert found.warnings == (f"[FEATS] type: '{wanted}' is taken as {meant}",)
    with pytest.raises(UserError, match="'wav2vec2_xls' is no known variant of wav2vec2"):
        solve(DATA=DATA, FEATS={"type": "['wav2vec2_xls']"}, MODEL=SVM)


def test_a_folder_of_the_author_stands_for_the_model_that_it_is_called_after(solve):
    place = "/home/somebody/models/wav2vec2-large-robust-ft-swbd-300h"
    found = solve(DATA=DATA, FEATS={"type": "wav2vec", "model": place}, MODEL=SVM)
    hub = "facebook/wav2vec2-large-robust-ft-swbd-300h"
    assert found.features[0]["options"]["wav2vec2.model"] == hub
    (line,) = found.warnings
    assert place in line and hub in line
    # Not for another family, nor for a name that nobody knows.
    for kind, name in (("wavlm", place), ("wav2vec", "/home/somebody/models/my-own")):
        with pytest.raises(UserError, match="model: no such folder"):
            solve(DATA=DATA, FEATS={"type": kind, "model": name}, MODEL=SVM)


def test_without_a_model_data_and_features_are_described(solve):
    given = {"EXPL": SECTIONS["EXPL"] | {"clusters": "3", "permutation": "True"}}
    found = solve(DATA=DATA, FEATS=OS | {"scale": "standard"}, **given)
    assert not found.trains and [spec["type"] for spec in found.features] == ["os"]
    assert set(found.analyses) == {"clusters", "feature_distributions"}
    drawn = {name for picture in wanted(found, "a", "os") for name in picture.names}
    assert drawn == {"value_counts", "value_counts_gender", "pca", "feature_distributions"}
    assert found.warnings == (
        "[MODEL] type: missing, so nothing is trained: only the data are described",
    )
    assert "no effect without a model: [FEATS] scale" in found.notes
    bare = solve(DATA=DATA, **given)
    assert bare.features == () and bare.analyses == {}
    assert {name for picture in wanted(bare, "a", "") for name in picture.names} == {
        "value_counts",
        "value_counts_gender",
    }


def test_without_a_target_rows_are_counted_by_database(solve):
    data = {key: value for key, value in DATA.items() if key != "target"}
    found = solve(DATA=data | {"labels": "['u', 'v']", "a.mapping": "{'x': 'u'}"})
    assert found.target == "database" and found.labels is None
    assert found.databases[0]["options"]["mapping"] is None
    assert "no effect without DATA.target: [DATA] labels, [DATA] a.mapping" in found.notes
    with pytest.raises(UserError, match=r"\[DATA\] target: missing"):
        solve(DATA=data, FEATS=OS, MODEL=SVM)


def test_a_forgotten_type_is_an_error(solve):
    with pytest.raises(UserError, match=r"\[MODEL\] type: missing"):
        solve(DATA=DATA, FEATS=OS, MODEL={"C_val": "1"})
    with pytest.raises(UserError, match=r"\[FEATS\] type: missing"):
        solve(DATA=DATA, MODEL=SVM)
    with pytest.raises(UserError, match="save_test: without a model there are no predictions"):
        solve(EXP={"save_test": "soft.csv"}, DATA=DATA, FEATS=OS)
    one = DATA | {"labels": "['anger']"}
    with pytest.raises(UserError, match="needs at least two"):
        solve(DATA=one, FEATS=OS, MODEL=SVM)
    assert not solve(DATA=one, FEATS=OS, MODEL=SVM, PREDICT=SECTIONS["PREDICT"]).trains


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model = svm\nC_val = [0.1, 1]\nkernel = ['rbf', 'new']",
         "type = svm, tune = {'C_val': [0.1, 1.0], 'kernel': ['rbf']}"),
        ("nlayers = [1, 2]\nnnodes = (16, 32)\nlr = [0.1]\ndo = (0, .5, .25)\nbs = 4",
         "type = mlp, tune = {'learning_rate': [0.1], 'drop': [0.0, 0.25, 0.5], "
         "'batch_size': [4], 'layers': [[16], [32], [16, 16], [32, 32]]}"),
        ("model = knn\nK_val = (1, 3)\nsearch_strategy = halving_grid\ncv_folds = 3\nmetric = f1",
         "type = knn, tune = {'K_val': [1, 2, 3]}, tune.search_strategy = halving, "
         "tune.folds = 3, measure = f1"),
        ("model = xgb\nmax_depth = (1, 9)\nsearch_strategy = random\nn_iter = 4",
         "type = xgb, tune = {'max_depth': [1, 2, 3, 4, 5, 6, 7, 8, 9]}, "
         "tune.search_strategy = random, tune.n_iter = 4"),
        ("model = knn\nK_val = (1, 3)\nsearch_strategy = tpe\nn_iter = 4",
         "type = knn, tune = {'K_val': [1, 2, 3]}, tune.search_strategy = tpe, tune.n_iter = 4"),
        ("model = svm\nC_val = low", ""),
        ("model = adm\nlr = [1]", "type = adm, tune = {'learning_rate': [1.0]}"),
        ("model = hmm\nlr = [1]", ""),
    ],
)  # fmt: skip
def test_a_search_is_told_as_lines_of_the_model(text, told):
    assert as_tune(parse(f"[OPTIM]\n{text}\n").sections) == told


def test_the_lines_that_are_told_are_an_ini(solve):
    optim = {"model": "mlp", "nlayers": "[1]", "nnodes": "[8]", "lr": "(0.001, 0.1)"}
    (note,) = (n for n in solve(DATA=DATA, FEATS=OS, MODEL=SVM, OPTIM=optim).notes)
    lines = as_tune(parse("[OPTIM]\n" + "\n".join(map(" = ".join, optim.items()))).sections)
    assert lines in note
    model = dict(
        line.split(" = ", 1) for line in lines.replace(", tune = ", "\ntune = ").split("\n")
    )
    found = solve(DATA=DATA, FEATS=OS, MODEL=model)
    assert found.learning["tune"]["values"]["layers"] == [[8]]
    assert len(found.learning["tune"]["values"]["learning_rate"]) == 5


def test_a_search_of_the_model_section_is_translated(solve):
    model = {"type": "svm", "tuning_params": "['C']", "C": "[10, 1, .1]", "scoring": "recall_macro"}
    with pytest.raises(UserError) as error:
        solve(DATA=DATA, FEATS=OS, MODEL=model)
    assert [line for line in error.value.problems if "tuning_params" in line] == [
        "x.ini: [MODEL] tuning_params: not supported, write tune = {'C_val': [10.0, 1.0, 0.1]}, "
        "measure = uar in place of c, scoring, tuning_params"
    ]
    mlp = {"type": "mlp", "tuning_params": "['drop']", "drop": "[.1, .5]"}
    with pytest.raises(UserError, match=r"write tune = \{'drop': \[0.1, 0.5\]\} in place of drop"):
        solve(DATA=DATA, FEATS=OS, MODEL=mlp)
