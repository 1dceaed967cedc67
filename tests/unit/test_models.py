"""Each model against plain scikit-learn and xgboost, on real speech."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import numpy as np
import pytest
import xgboost
from real_features import train_and_test
from scipy.special import softmax
from sklearn import (
    calibration,
    ensemble,
    linear_model,
    mixture,
    model_selection,
    naive_bayes,
    neighbors,
    svm,
    tree,
)
from sklearn.utils.class_weight import compute_sample_weight

from izwi.errors import UserError
from izwi.models import MODELS, coupling, load_model, model_class, persistence
from izwi.models.base import one_thread
from izwi.models.svm import inner_folds

# Not in alphabetical order, so that a column in the wrong place is noticed
LABELS = ["sadness", "neutral", "anger", "boredom", "disgust", "fear", "happiness"]
# Those that learn from recordings have tests of their own, test_models_finetune.py.
OF_VECTORS = [name for name in MODELS if not model_class(name).takes_recordings]
CLASSIFIERS = [name for name in OF_VECTORS if model_class(name).task == "classification"]
# Small nets are enough here; tests of their training are in test_models_nets.py.
FAST = {"epochs": 3}
SMALL = {
    **{name: {"n_estimators": 3} for name in ("hgb", "hgb_reg")},
    **{name: {"n_estimators": 10} for name in ("rf", "rf_reg")},
    "vote": {"vote.models": ["knn", "rf", "xgb", "svm"], "vote.weights": [1, 1, 1, 2]},
    "vote_reg": {"vote.models": ["knn_reg", "ridge"]},
}
SMALL["vote"]["vote.options"] = {"rf": SMALL["rf"], "xgb": {"n_estimators": 5}}
# What a cnn takes the 88 features for.
PICTURE = [f"mel_{band}_{frame}" for band in range(8) for frame in range(11)]


@pytest.fixture
def parts(emodb):
    """Standardised features of train and test."""
    train, test = train_and_test(emodb)
    mean, deviation = train.X.mean(axis=0), train.X.std(axis=0)
    return (
        train._replace(X=(train.X - mean) / deviation),
        test._replace(X=(test.X - mean) / deviation),
    )


def fitted(name, train, options=None, seed=0, labels=LABELS):
    """A model fitted on emotion or age."""
    cls = model_class(name)
    classify = cls.task == "classification"
    y = train.emotion if classify else train.age
    model = cls(
        FAST | SMALL.get(name, {}) | (options or {}), seed=seed, labels=labels if classify else None
    )
    model.features = PICTURE
    model.report = model.fit(train.X, y, groups=train.speaker)
    return model


def in_order(probabilities, classes):
    return probabilities[:, [list(classes).index(label) for label in LABELS]]


BALANCED = {"class_weight": "balanced"}


@pytest.mark.parametrize(
    ("name", "options", "plain"),
    [
        ("knn", {}, neighbors.KNeighborsClassifier(5)),
        (
            "knn",
            {"K_val": 3, "KNN_weights": "distance"},
            neighbors.KNeighborsClassifier(3, weights="distance"),
        ),
        ("tree", {}, tree.DecisionTreeClassifier(random_state=4)),
        (
            "tree",
            {"max_depth": 3, "min_samples_leaf": 2, "class_weight": True},
            tree.DecisionTreeClassifier(
                max_depth=3, min_samples_leaf=2, random_state=4, **BALANCED
            ),
        ),
        ("logreg", {}, linear_model.LogisticRegression(max_iter=1000)),
        (
            "logreg",
            {"C_val": 0.01, "class_weight": True},
            linear_model.LogisticRegression(C=0.01, max_iter=1000, **BALANCED),
        ),
        (
            "rf",
            {"n_estimators": 20, "max_features": 0.2, "min_samples_leaf": 2},
            ensemble.RandomForestClassifier(
                20, max_features=0.2, min_samples_leaf=2, random_state=4
            ),
        ),
        (
            "rf",
            {"n_estimators": 9, "max_depth": 4, "class_weight": True},
            ensemble.RandomForestClassifier(9, max_depth=4, random_state=4, **BALANCED),
        ),
        (
            "hgb",
            {"n_estimators": 4, "max_depth": 3, "class_weight": True, "reg_lambda": 0.5},
            ensemble.HistGradientBoostingClassifier(
                max_iter=4, max_depth=3, l2_regularization=0.5, early_stopping=False, **BALANCED
            ),
        ),
        ("bayes", {}, naive_bayes.GaussianNB()),
        ("bayes", {"var_smoothing": 0.1}, naive_bayes.GaussianNB(var_smoothing=0.1)),
    ],
)
def test_classifiers(parts, name, options, plain):
    train, test = parts
    ours = fitted(name, train, options, seed=4).predict(test.X)
    with one_thread():
        plain.fit(train.X, train.emotion)
        expected = in_order(plain.predict_proba(test.X), plain.classes_)
        np.testing.assert_array_equal(ours.decision, plain.predict(test.X))
    np.testing.assert_array_equal(ours.probabilities, expected)


@pytest.mark.parametrize(
    ("name", "options", "plain"),
    [
        ("svr", {}, svm.SVR()),
        (
            "svr",
            {"C_val": 10, "kernel": "poly", "degree": 2, "gamma": 0.01, "epsilon": 0.5},
            svm.SVR(C=10, kernel="poly", degree=2, gamma=0.01, epsilon=0.5),
        ),
        ("knn_reg", {}, neighbors.KNeighborsRegressor(5)),
        ("tree_reg", {"max_depth": 4}, tree.DecisionTreeRegressor(max_depth=4, random_state=4)),
        ("lin_reg", {}, linear_model.LinearRegression()),
        ("ridge", {"alpha": 30}, linear_model.Ridge(30)),
        (
            "rf_reg",
            {"n_estimators": 7, "max_features": "sqrt"},
            ensemble.RandomForestRegressor(7, max_features="sqrt", random_state=4),
        ),
        (
            "hgb_reg",
            {"n_estimators": 9, "learning_rate": 0.3, "min_samples_leaf": 5},
            ensemble.HistGradientBoostingRegressor(
                max_iter=9, learning_rate=0.3, min_samples_leaf=5, early_stopping=False
            ),
        ),
        (
            "vote_reg",
            {"vote.models": ["svr", "ridge"], "vote.options": {"svr": {"C": 5}}},
            ensemble.VotingRegressor([("a", svm.SVR(C=5)), ("b", linear_model.Ridge())]),
        ),
        (
            "xgr",
            {"n_estimators": 20, "subsample": 0.5},
            xgboost.XGBRegressor(n_estimators=20, subsample=0.5, random_state=4, n_jobs=1),
        ),
    ],
)
def test_regressors(parts, name, options, plain):
    train, test = parts
    ours = fitted(name, train, options, seed=4).predict(test.X)
    with one_thread():
        expected = plain.fit(train.X, train.age).predict(test.X)
    np.testing.assert_allclose(ours.decision, expected, rtol=1e-12)
    assert ours.decision.dtype == np.float64
    assert ours.probabilities is None


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        ({}, svm.SVC()),
        ({"C_val": 0.1, "kernel": "linear"}, svm.SVC(C=0.1, kernel="linear")),
        ({"gamma": 0.002, "C_val": 10}, svm.SVC(gamma=0.002, C=10)),
        ({"kernel": "poly", "degree": 2}, svm.SVC(kernel="poly", degree=2)),
        ({"class_weight": True, "C_val": 0.5}, svm.SVC(C=0.5, **BALANCED)),
    ],
)
def test_svm_decides_as_plain_svc(parts, options, plain):
    train, test = parts
    ours = fitted("svm", train, options).predict(test.X)
    expected = plain.fit(train.X, train.emotion).predict(test.X)
    np.testing.assert_array_equal(ours.decision, expected)


def test_svm_probabilities_come_from_folds_of_other_speakers_and_of_the_same(parts):
    train, test = parts
    ours = fitted("svm", train).predict(test.X)
    codes = np.unique(train.speaker, return_inverse=True)[1]
    machine = svm.SVC(decision_function_shape="ovo")
    decisions, tested = [], []
    apart = model_selection.StratifiedGroupKFold(3).split(train.X, train.emotion, codes)
    mixed = model_selection.StratifiedKFold(2, shuffle=True, random_state=0)
    for rest, held in [*apart, *mixed.split(train.X, train.emotion)]:
        # As much cost of all errors together as for the whole.
        part = svm.SVC(C=len(train.X) / len(rest), decision_function_shape="ovo")
        part.fit(train.X[rest], train.emotion[rest])
        decisions.append(part.decision_function(train.X[held]))
        tested.append(held)
    classes = sorted(set(train.emotion))
    truth = train.emotion[np.concatenate(tested)]
    fits = coupling.sigmoids(np.concatenate(decisions), truth, classes)
    whole = machine.fit(train.X, train.emotion).decision_function(test.X)
    expected = in_order(coupling.couple(whole, fits, len(classes)), classes)
    np.testing.assert_allclose(ours.probabilities, expected, rtol=1e-10)
    np.testing.assert_allclose(ours.probabilities.sum(axis=1), 1)
    # In-sample calibration would be something else.
    inside = coupling.sigmoids(machine.decision_function(train.X), train.emotion, classes)
    same = in_order(coupling.couple(whole, inside, len(classes)), classes)
    assert not np.allclose(same, expected)


def test_inner_folds_keep_speakers_apart_and_all_classes_in_training(parts):
    train, _ = parts
    folds, warnings = inner_folds(train.emotion, train.speaker)
    assert warnings == []
    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested) == list(range(len(train.emotion)))
    for known, new in folds:
        assert not set(train.speaker[known]) & set(train.speaker[new])
        assert set(train.emotion[known]) == set(train.emotion)


def test_inner_folds_where_speakers_cannot_be_kept_apart():
    y = np.array(["a", "b"] * 6)
    by_class = np.where(y == "a", "anna", "bert")
    folds, warnings = inner_folds(y, by_class)
    assert len(folds) == 3
    assert "share speakers" in warnings[0]
    # No speakers known: nothing to warn of.
    assert inner_folds(y, None)[1] == []
    assert inner_folds(y, np.array([None, *by_class[1:]], dtype=object))[1] == []


def test_svm_with_a_class_of_one_sample(parts):
    train, test = parts
    keep = (train.emotion != "fear") | (np.cumsum(train.emotion == "fear") == 1)
    few = train._replace(X=train.X[keep], emotion=train.emotion[keep], speaker=train.speaker[keep])
    model = fitted("svm", few)
    ours = model.predict(test.X)
    plain = svm.SVC().fit(few.X, few.emotion)
    np.testing.assert_array_equal(ours.decision, plain.predict(test.X))
    np.testing.assert_allclose(ours.probabilities.sum(axis=1), 1)
    assert "too sure of themselves" in model.report["warnings"][0]


def test_svm_of_two_classes(parts):
    train, test = parts
    binary = train._replace(emotion=np.where(train.emotion == "anger", "no", "aye"))
    model = fitted("svm", binary, labels=["no", "aye"])
    ours = model.predict(test.X)
    plain = svm.SVC().fit(binary.X, binary.emotion)
    np.testing.assert_array_equal(ours.decision, plain.predict(test.X))
    # Calibration keeps the order of the decision values; those of plain speak for 'no'.
    order = np.argsort(plain.decision_function(test.X))
    assert (np.diff(ours.probabilities[order, 0]) >= 0).all()


@pytest.mark.parametrize("options", [{}, {"C_val": 0.01, "class_weight": True}])
def test_linear_svm_decides_as_plain_linearsvc(parts, options):
    train, test = parts
    ours = fitted("linear_svm", train, options).predict(test.X)
    weight = "balanced" if options else None
    plain = svm.LinearSVC(C=options.get("C_val", 1), dual=False, class_weight=weight)
    expected = plain.fit(train.X, train.emotion).predict(test.X)
    np.testing.assert_array_equal(ours.decision, expected)


def test_linear_svm_probabilities_are_those_of_calibration_on_other_speakers(parts):
    train, test = parts
    ours = fitted("linear_svm", train, {"C_val": 0.01}).predict(test.X)
    decisions, tested = [], []
    for rest, held in inner_folds(train.emotion, train.speaker)[0]:
        part = svm.LinearSVC(C=0.01 * len(train.X) / len(rest), dual=False)
        part.fit(train.X[rest], train.emotion[rest])
        decisions.append(part.decision_function(train.X[held]))
        tested.append(held)
    truth = train.emotion[np.concatenate(tested)]
    machine = svm.LinearSVC(C=0.01, dual=False).fit(train.X, train.emotion)
    classes = list(machine.classes_)
    whole = machine.decision_function(test.X)
    columns = []
    for i, name in enumerate(classes):
        sigmoid = calibration._SigmoidCalibration()
        sigmoid.fit(np.concatenate(decisions)[:, i], (truth == name).astype(int))
        columns.append(sigmoid.predict(whole[:, i]))
    expected = np.column_stack(columns)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ours.probabilities, in_order(expected, classes), atol=2e-4)


def test_soft_votes_are_weighted_means_of_probabilities(parts):
    train, test = parts
    options = {"n_estimators": 12, "max_depth": 3}
    ours = fitted(
        "vote",
        train,
        {
            "vote.models": ["knn", "rf", "logreg"],
            "vote.options": {"rf": options, "logreg": {"c": 0.1}},
            "vote.weights": [1, 2, 0.5],
        },
        seed=7,
    ).predict(test.X)
    plain = ensemble.VotingClassifier(
        [
            ("knn", neighbors.KNeighborsClassifier()),
            ("rf", ensemble.RandomForestClassifier(**options, random_state=7)),
            ("logreg", linear_model.LogisticRegression(C=0.1, max_iter=1000)),
        ],
        voting="soft",
        weights=[1, 2, 0.5],
    ).fit(train.X, train.emotion)
    np.testing.assert_array_equal(ours.decision, plain.predict(test.X))
    expected = in_order(plain.predict_proba(test.X), plain.classes_)
    np.testing.assert_allclose(ours.probabilities, expected, atol=1e-12)


def test_a_solver_that_stops_too_early_says_so(parts):
    train, _ = parts
    report = fitted("logreg", train, {"max_iter": 2}).report
    assert "logreg: not converged after 2 iterations: scale the features" in report["warnings"][0]
    assert fitted("logreg", train).report["warnings"] == []


@pytest.mark.parametrize("weighted", [False, True])
def test_xgb_as_plain_xgboost(parts, weighted):
    train, test = parts
    options = {"n_estimators": 30, "max_depth": 3, "learning_rate": 0.1, "subsample": 0.7}
    ours = fitted("xgb", train, options | {"class_weight": weighted}, seed=5).predict(test.X)
    classes, codes = np.unique(train.emotion, return_inverse=True)
    plain = xgboost.XGBClassifier(**options, random_state=5, n_jobs=1)
    weight = compute_sample_weight("balanced", codes) if weighted else None
    plain.fit(train.X, codes, sample_weight=weight)
    np.testing.assert_array_equal(ours.decision, classes[plain.predict(test.X)])
    np.testing.assert_array_equal(
        ours.probabilities, in_order(plain.predict_proba(test.X), classes)
    )


def test_xgb_defaults_are_those_of_xgboost(parts):
    train, test = parts
    ours = fitted("xgb", train).predict(test.X)
    classes, codes = np.unique(train.emotion, return_inverse=True)
    plain = xgboost.XGBClassifier(n_jobs=1).fit(train.X, codes)
    np.testing.assert_array_equal(ours.decision, classes[plain.predict(test.X)])


@pytest.mark.parametrize("weighted", [False, True])
def test_gmm_is_bayes_rule_over_a_mixture_per_class(parts, weighted):
    train, test = parts
    options = {"GMM_components": 2, "GMM_covariance_type": "diag", "class_weight": weighted}
    ours = fitted("gmm", train, options, seed=6).predict(test.X)
    joint = []
    for label in LABELS:
        rows = train.emotion == label
        model = mixture.GaussianMixture(2, covariance_type="diag", random_state=6)
        prior = 1 if weighted else rows.mean()
        joint.append(model.fit(train.X[rows]).score_samples(test.X) + np.log(prior))
    joint = np.column_stack(joint)
    np.testing.assert_array_equal(ours.decision, np.array(LABELS)[joint.argmax(axis=1)])
    np.testing.assert_allclose(ours.probabilities, softmax(joint, axis=1), atol=1e-12)


def test_gmm_has_not_more_gaussians_than_samples(parts):
    train, _ = parts
    keep = (train.emotion != "fear") | (np.cumsum(train.emotion == "fear") <= 3)
    few = train._replace(X=train.X[keep], emotion=train.emotion[keep], speaker=train.speaker[keep])
    model = fitted("gmm", few, {"GMM_components": 4, "GMM_covariance_type": "diag"})
    assert "gmm: 3 Gaussians for 'fear', which has as many samples" in model.report["warnings"]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_class_that_is_missing_in_training(parts, name):
    train, test = parts
    keep = train.emotion != "boredom"
    some = train._replace(X=train.X[keep], emotion=train.emotion[keep], speaker=train.speaker[keep])
    model = fitted(name, some)
    ours = model.predict(test.X)
    assert ours.probabilities.shape == (len(test.X), 7)
    assert (ours.probabilities[:, LABELS.index("boredom")] == 0).all()
    np.testing.assert_allclose(ours.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert "boredom" not in ours.decision
    assert "no training sample of 'boredom': never predicted" in model.report["warnings"]


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if "svm" not in name])
def test_decision_is_the_most_probable_class(parts, name):
    train, test = parts
    ours = fitted(name, train).predict(test.X)
    top = ours.probabilities.max(axis=1)
    chosen = ours.probabilities[
        np.arange(len(test.X)), [LABELS.index(label) for label in ours.decision]
    ]
    np.testing.assert_array_equal(chosen, top)
    assert 0.1 < (ours.decision == test.emotion).mean() < 1


@pytest.mark.parametrize("name", OF_VECTORS)
def test_saved_and_loaded(parts, name, tmp_path):
    train, test = parts
    model = fitted(name, train, seed=3)
    ours = model.predict(test.X)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert type(loaded) is type(model)
    assert (loaded.values, loaded.seed, loaded.labels) == (model.values, 3, model.labels)
    again = loaded.predict(test.X)
    np.testing.assert_array_equal(again.decision, ours.decision)
    if ours.probabilities is not None:
        np.testing.assert_array_equal(again.probabilities, ours.probabilities)
    files = sorted(path.name for path in (tmp_path / "model").iterdir())
    if name.startswith("vote"):
        members = [f"{i}-{kind}" for i, kind in enumerate(SMALL[name]["vote.models"], start=1)]
        assert files == [*members, "model.json"]
        return
    if name in ("majority", "mean"):
        assert files == ["model.json"]
        return
    assert len(files) == 2 and files[0] == "model.json"
    assert files[1].split(".")[1] in ("skops", "ubj", "safetensors")
    if files[1].endswith("skops"):
        with zipfile.ZipFile(tmp_path / "model" / files[1]) as archive:
            kinds = {entry.split(".")[-1] for entry in archive.namelist()}
        assert kinds <= {"json", "npy"}


@pytest.mark.parametrize("name", OF_VECTORS)
def test_seed_matters_unless_deterministic(parts, name):
    train, test = parts
    options = SMALL.get(name, {}) | {"GMM_covariance_type": "diag"}
    first, again, other = (
        fitted(name, train, options, seed=seed).predict(test.X) for seed in (1, 1, 2)
    )

    def same(a, b):
        if a.probabilities is None:
            return np.array_equal(a.decision, b.decision)
        return np.array_equal(a.probabilities, b.probabilities)

    assert same(first, again)
    assert same(first, other) == model_class(name).is_deterministic(options)


def test_subsampling_makes_xgb_depend_on_the_seed():
    for name in ("xgb", "xgr"):
        cls = model_class(name)
        assert cls.is_deterministic({"subsample": 1.0})
        assert not cls.is_deterministic({"subsample": 0.8})
        assert not cls.is_deterministic({"colsample_bytree": 0.8})
    assert model_class("gmm").is_deterministic({"GMM_components": 1})


@pytest.mark.parametrize("name", [name for name in OF_VECTORS if model_class(name).handles_nan])
def test_models_that_cope_with_gaps(parts, name):
    train, test = parts
    gaps = train.X.copy()
    gaps[::3, 5] = np.nan
    new = test.X.copy()
    new[::2, 8] = np.nan
    ours = fitted(name, train._replace(X=gaps)).predict(new)
    assert len(ours.decision) == len(new)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_class_is_an_error(parts, name):
    train, _ = parts
    model = model_class(name)({}, labels=LABELS)
    with pytest.raises(UserError, match=r"\[DATA\] target: the 5 training .* only, 'anger'"):
        model.fit(train.X[:5], np.array(["anger"] * 5))


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("svm", {"C_val": 0}, "[MODEL] C_val: 0 is not above 0"),
        ("svr", {"gamma": "big"}, "[MODEL] gamma: 'big' is neither scale nor auto nor a number"),
        ("knn", {"class_weight": True}, "[MODEL] class_weight: knn cannot weight classes"),
        ("xgr", {"class_weight": True}, "[MODEL] class_weight: xgr cannot weight classes"),
        ("logreg", {"C_val": 0}, "[MODEL] C_val: 0 is not above 0"),
        ("rf", {"max_features": "all"}, "[MODEL] max_features: 'all' is neither a share above 0"),
        ("vote", {"vote.models": ["rf"]}, "[MODEL] vote.models: ['rf'] are fewer than two"),
        ("vote", {"vote.models": ["rf", "lda"]}, "[MODEL] vote.models: there is no model 'lda'"),
        ("vote", {"vote.models": ["rf", "svr", "knn"]}, "[MODEL] vote.models: svr cannot vote"),
        ("vote", {"vote.models": ["rf", "mlp", "knn"]}, "[MODEL] vote.models: mlp cannot vote"),
        ("vote", {"vote.options": {"rf": {"C": 1}}}, "[MODEL] vote.options: 'C' is no option of"),
        ("vote", {"vote.options": {"svm": {"C": 0}}}, "[MODEL] C_val: 0.0 is not above 0"),
        ("vote", {"vote.options": {"svm": {"C": "a"}}}, "[MODEL] vote.options: svm, C_val: a is"),
        ("vote", {"vote.options": {"knn": {}}}, "[MODEL] vote.options: 'knn' is not in vote"),
        ("vote", {"vote.weights": [1, 2]}, "[MODEL] vote.weights: [1, 2] are not 3 weights"),
        ("xgb", {"subsample": 0}, "[MODEL] subsample: 0 leaves nothing to learn from"),
    ],
)
def test_bad_options(name, options, line):
    with pytest.raises(UserError) as caught:
        model_class(name)(options, labels=LABELS)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(line)


def test_more_neighbours_than_samples(parts):
    train, _ = parts
    with pytest.raises(UserError, match=r"\[MODEL\] K_val: 500 neighbours"):
        fitted("knn", train, {"K_val": 500})


def test_unknown_model():
    with pytest.raises(UserError, match=r"\[MODEL\] type: unknown model 'xbg', did you mean 'xgb'"):
        model_class("xbg")


@pytest.mark.parametrize("name", MODELS)
def test_registry_and_class_agree(name):
    cls = model_class(name)
    assert cls.name == name
    assert (cls.task == "regression") == (
        name.endswith("_reg") or name in ("xgr", "svr", "mean", "ridge")
    )
    for option in cls.options:
        assert option.section == "MODEL"
        # What a model keeps of a recording is cut before it is trained.
        assert option.stage == ("features" if option.name == "max_duration" else "train")
        assert option.doc or option.status == "unsupported"


def test_fits_have_one_thread_even_if_nothing_was_loaded_before():
    code = (
        "from izwi.models.base import one_thread\n"
        "with one_thread():\n"
        "    import sklearn.mixture, scipy.linalg, threadpoolctl\n"
        "    print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "{1}"


def test_registry_imports_nothing_heavy():
    code = (
        "import sys; from izwi.models import MODELS, model_class\n"
        "for name in MODELS: model_class(name)\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'torch', 'xgboost', 'skops', 'threadpoolctl'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_foreign_types_are_not_loaded(tmp_path):
    from collections import UserDict

    persistence.dump(UserDict(a=1), tmp_path / "x.skops")
    with pytest.raises(UserError, match=r"does not write: .*UserDict"):
        persistence.load(tmp_path / "x.skops")


@pytest.mark.parametrize("metric", ["logloss", "error"])
def test_xgb_keeps_the_trees_that_are_best_on_dev(parts, tmp_path, metric):
    train, test = parts
    own = np.isin(train.speaker, sorted(set(train.speaker))[:4])
    options = {"n_estimators": 60, "max_depth": 2, "early_stopping_rounds": 3}
    dev = (train.X[own], train.emotion[own])
    model = model_class("xgb")(options | {"eval_metric": metric}, seed=5, labels=LABELS)
    report = model.fit(train.X[~own], train.emotion[~own], dev=dev)
    classes, codes = np.unique(train.emotion[~own], return_inverse=True)
    plain = xgboost.XGBClassifier(**options, eval_metric=f"m{metric}", random_state=5, n_jobs=1)
    plain.fit(train.X[~own], codes, verbose=False,
              eval_set=[(dev[0], np.searchsorted(classes, dev[1]))])  # fmt: skip
    assert report["trees"] == plain.best_iteration + 1 < 60
    ours = model.predict(test.X)
    np.testing.assert_allclose(
        ours.probabilities, in_order(plain.predict_proba(test.X), classes), atol=1e-6
    )
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(
        load_model(tmp_path / "model").predict(test.X).probabilities, ours.probabilities
    )


def test_xgr_keeps_the_trees_that_are_best_on_dev(parts):
    train, test = parts
    own = np.isin(train.speaker, sorted(set(train.speaker))[:4])
    options = {"n_estimators": 60, "early_stopping_rounds": 2, "eval_metric": "mae"}
    model = model_class("xgr")(options, seed=5)
    model.fit(train.X[~own], train.age[~own], dev=(train.X[own], train.age[own]))
    plain = xgboost.XGBRegressor(**options, random_state=5, n_jobs=1)
    dev = [(train.X[own], train.age[own])]
    plain.fit(train.X[~own], train.age[~own], eval_set=dev, verbose=False)
    assert plain.best_iteration < 59
    np.testing.assert_allclose(model.predict(test.X).decision, plain.predict(test.X), rtol=1e-5)
