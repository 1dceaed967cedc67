"""Options of all other sections."""

from __future__ import annotations

from izwi.config.options.option import Option, known, option, read_by
from izwi.config.options.sections.export import OPTIONS as EXPORT
from izwi.config.options.sections.segment import OPTIONS as SEGMENT

OF_MODULES = "as in nkululeko's main command"

# Options of models that a search may name as they are.
_SEARCHED = (
    *("layers", "drop", "batch_size", "optimizer", "activation", "degree"),
    *("colsample_bytree", "min_child_weight", "reg_lambda", "min_samples_leaf"),
)

OPTIONS: tuple[Option, ...] = (
    *read_by(
        "EXPL",
        "plot",
        option("value_counts", "bool|list", False, "the same as PLOT.value_counts"),
        option("tsne", "bool|list", False, "the same as PLOT.tsne"),
        option("umap", "bool|list", False, "the same as PLOT.umap"),
        option("pca", "bool|list", False, "the same as PLOT.pca"),
        option("scatter", "list", None, "the same as PLOT.<map>", choices=("tsne", "umap", "pca")),
        option("scatter.target", "list", None, "more columns that colour the maps"),
        option("scatter.dim", "int", 2, "dimensions of the maps", minimum=2, maximum=3),
        option(
            "bin_reals",
            "bool|list",
            False,
            "columns of numbers are drawn as four classes, cut at the quartiles: True for all, or "
            "a list of columns; also written `<column>.bin_reals = True`",
        ),
        option(
            "dist_type",
            "str",
            "hist",
            "numbers in value_counts: as histograms or as densities",
            choices=("hist", "kde"),
        ),
        option(
            "spotlight",
            "bool|int",
            False,
            "spotlight.html, a page of the samples to sort, filter, draw and hear; a number: at "
            "most so many (True: 2000)",
            minimum=1,
            maximum=100000,
        ),
        option("ignore_gender", "bool", False, "value_counts of the target is not by gender, too"),
        option(
            "print_colvals",
            "bool",
            False,
            "the values of all columns of the data: column_values, a picture with a CSV, and on "
            "the terminal",
        ),
        option(
            "sample_selection",
            "str",
            "all",
            "samples in column_values, value_counts, maps and regplot: all, or those of one part; "
            "without a model the default is that of EXP",
            choices=("all", "train", "test"),
        ),
    ),
    *read_by(
        "EXPL",
        "analyse",
        option(
            "clusters",
            "bool|int",
            False,
            "compare clusters of the features with the labels; True: as many as classes",
            minimum=2,
            maximum=1000,
        ),
        option(
            "permutation",
            "bool",
            False,
            "importance of each feature: how much worse the test value gets if its values are "
            "permuted",
        ),
        option(
            "shap",
            "bool",
            False,
            "SHAP values of each feature on the test set, for xgb, xgr, tree, rf and their "
            "regressions",
        ),
        option(
            "feature_correlation",
            "bool",
            False,
            "rank correlation of each pair of features, over the means of speakers and within "
            "speakers",
        ),
        option(
            "print_stats",
            "bool",
            False,
            "with feature_distributions: the terminal shows the tests of the first max_feats "
            "features, too",
        ),
        option(
            "model",
            "list",
            None,
            "models that rank the features: how much worse the test value of each gets if a "
            "feature's values are permuted, and the mean over the models",
        ),
        option(
            "feature_distributions",
            "bool|str",
            False,
            "True or `all`: how each feature differs between classes: effect sizes, tests on "
            "speaker means, correlation with duration and level, violins",
            choices=(True, False, "all"),
        ),
    ),
    *read_by(
        "EXPL",
        "plot",
        option(
            "max_feats",
            "int",
            10,
            "number of features in the pictures of these analyses",
            minimum=1,
            maximum=50,
        ),
        option(
            "plot_features",
            "list",
            None,
            "features that the picture of feature_distributions shows in any case",
        ),
        option(
            "regplot",
            "list",
            None,
            "pictures of one feature over another: [['F0', 'intensity'], ['F0', 'intensity', "
            "'gender']]; the third, by default the target, makes groups, each with its line",
        ),
        option(
            "plot_tree",
            "bool",
            False,
            "draw the first levels of the trained tree (MODEL.type = tree, tree_reg)",
        ),
    ),
    *known(
        "EXPL",
        "inert",
        "nor in nkululeko: the ending of the lists of segments is SEGMENT.segment_target",
        segment_target="ending of lists of segments",
    ),
    *read_by(
        "PREDICT",
        "annotate",
        option(
            "targets",
            "list",
            None,
            "properties that ready-made models predict, a column of the tables for each, such as "
            "`snr_pred`: age, gender, snr, mos, …",
        ),
        option(
            "sample_selection",
            "str",
            "all",
            "rows of the CSV with the predicted columns; the tables have them in all rows",
            choices=("all", "train", "test"),
        ),
        option(
            "min",
            "dict",
            None,
            "smallest predicted value of the rows to use: {target: number}; others are left out "
            "and counted",
        ),
        option("max", "dict", None, "largest predicted value of the rows to use"),
        option(
            "speakers",
            "int",
            None,
            "`speaker`: number of speakers of each database (default: estimated)",
            minimum=1,
            maximum=10000,
        ),
    ),
    *known(
        "PREDICT",
        "inert",
        "texts are not translated or classified",
        textclassifier__candidates="labels of the text classifier",
        target_language="language to translate to",
    ),
    *EXPORT,
    *known(
        "REPORT",
        "inert",
        "see summary.csv and metrics.json",
        show="prints the report",
        fresh="starts a new report",
        latex="writes a LaTeX document",
        title="title of the document",
        author="author of the document",
    ),
    *read_by(
        "AUGMENT",
        "augment",
        option(
            "augment",
            "list",
            None,
            "kinds of copies: `traditional` (audiomentations), `random_splice` (pieces between "
            "pauses in another order), `auglib`; see DATA.augment",
            choices=("traditional", "random_splice", "auglib"),
        ),
        option(
            "copies",
            "int",
            1,
            "number of copies of each sample by each kind",
            minimum=1,
            maximum=100,
        ),
        option(
            "augmentations",
            "str",
            None,
            "`traditional`: transforms of audiomentations with their arguments, such as "
            "`Compose([AddGaussianNoise(), Shift(p=0.5)])` (default: that of nkululeko)",
        ),
        option(
            "p_reverse",
            "float",
            0.3,
            "`random_splice`: probability that a piece is reversed",
            minimum=0,
            maximum=1,
        ),
        option(
            "top_db",
            "float",
            12.0,
            "`random_splice`: how far below the loudest moment a pause lies, dB",
            minimum=0.1,
            maximum=120,
        ),
        option(
            "transformations",
            "list",
            None,
            "`auglib`: its transformations (default: all whose recordings are there)",
            choices=("cough", "room", "music", "babble", "noise", "crop"),
        ),
        option(
            "bypass_prob",
            "float",
            0.3,
            "`auglib`: probability that a transformation is left out",
            minimum=0,
            maximum=1,
        ),
        option("crop_dur", "float", 1.0, "`auglib`: seconds of a crop", minimum=0.01, maximum=3600),
        *(
            option(name, "path", None, f"`auglib`: folder of recordings for `{name}`")
            for name in ("cough", "room", "music", "babble")
        ),
        option(
            "result",
            "str",
            "augmented.csv",
            "without a model: name of the list of augmented files",
        ),
        option(
            "sample_selection",
            "str",
            "train",
            "without a model: what is augmented",
            choices=("train", "test", "all"),
        ),
    ),
    *SEGMENT,
    *known(
        "CROSSDB",
        "inert",
        "read beside EXP.databases alone",
        train_extra="databases that are trained on in each pair",
    ),
    *known(
        "OPTIM",
        "inert",
        OF_MODULES,
        model="model to tune",
        search_strategy="method of the search",
        metric="measure of the search",
        n_iter="iterations of a random search",
        cv_folds="folds of the search",
        random_state="seed of the search",
        nlayers="numbers of layers",
        nnodes="widths of layers",
        lr="learning rates",
        bs="batch sizes",
        loss="losses",
        do="dropouts",
        C="costs of errors",
        C_val="costs of errors",
        kernel="kernels",
        gamma="kernel coefficients",
        n_estimators="numbers of trees",
        max_depth="depths of trees",
        learning_rate="learning rates",
        subsample="shares of rows",
        K_val="numbers of neighbours",
        weights="weights of neighbours",
        KNN_weights="weights of neighbours",
        **dict.fromkeys(_SEARCHED, "values of that option of the model"),
    ),
    *read_by(
        "FLAGS",
        "none",
        option("models", "list", None, "values of MODEL.type: an experiment for each combination"),
        option("features", "list", None, "values of FEATS.type; a nested list is one value"),
        option("balancing", "list", None, "values of FEATS.balancing"),
        option("scale", "list", None, "values of FEATS.scale"),
        option("target", "list", None, "values of DATA.target"),
        option("name_target", "list", None, "pairs of EXP.name and DATA.target"),
    ),
)
