"""The table of options: one typed, documented line for each key of an ini.

What extractors and models read stands with their classes; ``all_options`` joins both.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

from izwi.balancing import SAMPLERS
from izwi.ini import literal, unquoted


@dataclass(frozen=True)
class Option:
    """One option of the ini.

    Args:
        section: its section, upper case
        name: its canonical name as users write it (compared case-insensitively)
        kind: ``str | int | float | bool | list | dict | path | number_list | model | any``
            (a model is a folder or a name on the hub); several allowed kinds are joined by ``|``,
            such as ``"float|str"``
        default: value where the ini is silent
        doc: one line for the reference page
        stage: the stage that reads it: ``load | split | features | audit | train | evaluate |
            analyse | soft | plot``, or ``none`` where it changes no result
        choices: allowed values; empty means any of its kind
        minimum: smallest allowed number
        maximum: largest allowed number
        aliases: other spellings
        per_database: also, or only, written as ``<database>.<name>``
        status: ``ok``, ``inert`` (known, without effect here: a note) or ``unsupported`` (known
            to nkululeko, would change a figure: an error)
        advice: what to do instead, for ``inert`` and ``unsupported``
        database_only: for ``per_database``: never written for all databases at once
        hint: what is probably meant where a number is out of range
    """

    section: str
    name: str
    kind: str = "str"
    default: Any = None
    doc: str = ""
    stage: str = "none"
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[str, ...] = ()
    per_database: bool = False
    status: str = "ok"
    advice: str = ""
    database_only: bool = False
    hint: str = ""


MEASURES = {
    "classification": ("uar", "accuracy", "f1", "eer"),
    "regression": ("mse", "mae", "ccc", "pcc"),
}
STRATEGIES = (
    "database",
    "specified",
    "speaker_split",
    "speakers_stated",
    "random",
    "train",
    "test",
    "dev",
    "balanced",
    "reuse",
    "train_test",
)
SCALERS = (
    "none",
    "standard",
    "robust",
    "minmax",
    "maxabs",
    "speaker",
    "bins",
    "normalizer",
    "powertransformer",
    "quantiletransformer",
)
# Types that nkululeko has, by their beginning: told apart from misspelt ones.
PEER_FEATURES = (
    "agender",
    "auddim",
    "audmodel",
    "audwav2vec2",
    "bert",
    "clap",
    "cqcc",
    "emotion2vec",
    "lfcc",
    "mos",
    "pesq",
    "sdr",
    "snr",
    "spkrec",
    "sptk",
    "squim",
    "stoi",
    "xbow",
    "xlm",
)
PEER_MODELS = ("adm", "conformer", "hmm", "nb")


def _table(section: str, stage: str, *options: Option, **common: Any) -> list[Option]:
    return [replace(option, section=section, stage=stage, **common) for option in options]


def _o(name: str, kind: str = "str", default: Any = None, doc: str = "", **more: Any) -> Option:
    return Option("", name, kind, default, doc, **more)


def _known(section: str, status: str, advice: str, **names: str) -> list[Option]:
    """Options known to nkululeko without meaning here: name → what it does there.

    A dot in a name is written as ``__``.
    """
    return [
        Option(section, name.replace("__", "."), "any", doc=doc, status=status, advice=advice)
        for name, doc in names.items()
    ]


_PERCENT = "percent meant? Write 20 for 20 %"

GENERAL: tuple[Option, ...] = (
    # ------------------------------------------------------------------ EXP
    *_table(
        "EXP",
        "none",
        _o("name", "str", None, "name of the experiment and of its folder (default: the ini's)"),
    ),
    *_table(
        "EXP",
        "split",
        _o(
            "traindevtest",
            "bool",
            False,
            "cut a dev set beside train and test, for early stopping and the choice of a run",
        ),
    ),
    *_table(
        "EXP",
        "load",
        _o(
            "type",
            "str",
            None,
            "kind of task (default: that of the model)",
            choices=("classification", "regression"),
        ),
    ),
    *_table(
        "EXP",
        "train",
        _o(
            "seed",
            "int",
            42,
            "seed of every random choice",
            minimum=0,
            maximum=2**31 - 1,
            aliases=("random_seed", "random_state"),
        ),
        _o("runs", "int", 1, "how often to train, each with another seed", minimum=1, maximum=1000),
        _o(
            "epochs",
            "int",
            None,
            "most epochs of a neural net (default: that of the model)",
            minimum=1,
        ),
    ),
    *_table(
        "EXP",
        "evaluate",
        _o(
            "ci",
            "str",
            "auto",
            "how 95 % intervals are made: by a bootstrap over `speakers` or `samples`, or a "
            "`jackknife` over speakers; `auto`: over speakers where they are known, by the "
            "jackknife if there are fewer than 20",
            choices=("auto", "speakers", "samples", "jackknife"),
        ),
    ),
    *_known(
        "EXP",
        "inert",
        "",
        root="folder of the experiment there; here the config's `results` decides",
        fig_dir="folder of plots",
        res_dir="folder of results",
        models_dir="folder of models",
        store="folder of caches",
        export_onnx="export of the best model as ONNX",
        no_warnings="hides warnings",
        no_reuse="starts fresh; here what is stale is always made again, and nothing else",
        sample_selection="what its augment, resample and predict modules work on",
        language="language of transcripts, for its text features",
        save="keeps the experiment as a pickle file; see MODEL.save",
    ),
    *_table(
        "EXP",
        "soft",
        _o(
            "save_test",
            "path",
            None,
            "writes the predictions of the test set as a CSV database that another ini may use; "
            "relative to the working directory",
        ),
    ),
    *(
        replace(option, section=section, stage=stage, per_database=own, database_only=own)
        for section, stage, own in (("EXP", "soft", False), ("DATA", "load", True))
        for option in (
            _o(
                "min_confidence",
                "float",
                None,
                "of soft labels, those that the model gives this probability at least",
                minimum=0,
                maximum=1,
            ),
            _o(
                "max_uncertainty",
                "float",
                None,
                "of soft labels, those whose entropy is this share of the largest at most",
                minimum=0,
                maximum=1,
            ),
        )
    ),
    *_known(
        "EXP",
        "unsupported",
        "write an ini per pair of databases, with DATA.trains and DATA.tests",
        databases="databases to compare, for its multidb module",
        use_splits="whether multidb keeps the databases' own splits",
    ),
    # ----------------------------------------------------------------- DATA
    *_table(
        "DATA",
        "load",
        _o("databases", "list", None, "names of the databases (required)"),
        _o(
            "root_folders",
            "path",
            None,
            "file with paths and options of databases, for many inis; the ini's own win",
        ),
        _o("target", "str", None, "column that is predicted, such as emotion or age (required)"),
        _o("labels", "list", None, "classes to use; rows of other classes are left out, counted"),
        _o(
            "type",
            "str",
            None,
            "`continuous`: the target is a number, binned into `labels` by `bins`, or else by "
            "quantiles of the training rows",
            choices=("continuous",),
        ),
        _o(
            "bins",
            "number_list",
            None,
            "limits of the bins, one more than labels; a bin holds its lower limit, not its upper; "
            "with a regression for a confusion matrix beside it",
        ),
    ),
    *_table(
        "DATA",
        "load",
        _o(
            "type",
            "str",
            None,
            "kind of database (default: *.csv is csv, a folder with db.yaml audformat)",
            choices=("csv", "audformat", "audb", "demo"),
            database_only=True,
        ),
        _o("version", "str", None, "version of an audb database", database_only=True),
        _o("audio_path", "path", None, "folder of the audio, relative to the CSV"),
        _o(
            "absolute_path",
            "bool",
            None,
            "accepted: files are looked up beside the CSV and in the working directory anyway",
        ),
        _o("target_tables", "list", None, "tables with labels (audformat)"),
        _o(
            "target_tables_append",
            "bool",
            False,
            "join several target tables by rows instead of by columns",
        ),
        _o(
            "files_tables",
            "list",
            None,
            "tables that list the files and their speakers (audformat)",
            aliases=("files_table",),
        ),
        _o("train_tables", "list", None, "tables whose files are for training (audformat)"),
        _o("dev_tables", "list", None, "tables whose files are for development (audformat)"),
        _o("test_tables", "list", None, "tables whose files are for testing (audformat)"),
        _o("columns", "list", None, "columns to load (default: all)"),
        _o("colnames", "dict", None, "renames columns: {name in the data: new name}"),
        _o("label", "str", None, "column that holds the target in this database"),
        _o(
            "filter",
            "dict|list",
            None,
            "rows to keep: {column: value or list of values}, or a list of [column, values]; one "
            "for all databases holds beside a database's own",
        ),
        _o("required", "list", None, "columns that must have a value; rows without are left out"),
        _o("limit_samples", "int", None, "most rows, drawn at random", minimum=1),
        _o(
            "limit_samples_per_speaker",
            "int",
            None,
            "most rows of a speaker, drawn at random",
            minimum=1,
        ),
        _o(
            "min_duration_of_sample",
            "float",
            None,
            "shortest audio to use, in seconds",
            minimum=0,
            aliases=("min_duration_of_samples",),
        ),
        _o(
            "max_duration_of_sample",
            "float",
            None,
            "longest audio to use, in seconds",
            minimum=0,
            aliases=("max_duration_of_samples",),
        ),
        _o(
            "rename_speakers",
            "bool",
            False,
            "put the database's name before the ids of its speakers",
        ),
        _o(
            "unlabelled",
            "bool",
            False,
            "leave its labels aside, for semi_supervised or active_learning",
            database_only=True,
        ),
        _o(
            "mapping",
            "dict",
            None,
            "{value in the data: new value} for the target (values not named are left out), or "
            "{column: {value: new value}} (others stay); 'a, b': 'c' maps several",
        ),
        per_database=True,
    ),
    *_table(
        "DATA",
        "audit",
        _o(
            "leakage",
            "str",
            "warn",
            "what the leakage audit finds is a warning, or ends the experiment before training "
            "(error), or is not looked for (ignore)",
            choices=("error", "warn", "ignore"),
        ),
    ),
    *_table(
        "DATA",
        "split",
        _o(
            "same_speakers",
            "bool",
            False,
            "speakers of the same id in several databases are the same person",
        ),
        _o(
            "strategy",
            "str",
            None,
            "`cross_data`: whole databases are train or test, see trains and tests",
            choices=("train_test", "cross_data"),
        ),
        _o("submodel", "str", None, "the same as MODEL.submodel"),
        _o("trains", "list", None, "databases to train on (default: all but tests)"),
        _o(
            "tests",
            "list",
            None,
            "databases to test on; without trains and strategy the others are split as they say, "
            "and these need not be in `databases`",
        ),
    ),
    *_table(
        "DATA",
        "split",
        _o(
            "split_strategy",
            "str|list",
            None,
            "how the database is split, or a list of test speakers (default: the target's own "
            "train and test tables if there are any, else speaker_split)",
            choices=STRATEGIES,
        ),
        _o(
            "test_size",
            "float",
            20.0,
            "share of the test set in percent: of speakers, or of rows with `random`",
            minimum=1,
            maximum=99,
            aliases=("testsplit", "tests_size", "test_split"),
            hint=_PERCENT,
        ),
        _o(
            "dev_size",
            "float",
            None,
            "share of the dev set in percent (default: 20 with EXP.traindevtest, else no dev set)",
            minimum=1,
            maximum=98,
            aliases=("devsplit", "dev_split"),
            hint=_PERCENT,
        ),
        _o("balance", "dict", None, "with `balanced`: {column: weight} of what is balanced"),
        _o("age_bins", "int", None, "with `balanced`: bins of a numeric column", minimum=2),
        _o(
            "stratify",
            "bool",
            False,
            "with `random`: the same share of each class in each part",
        ),
        _o(
            "size_diff_weight",
            "float",
            1.0,
            "with `balanced`: weight of meeting test_size",
            minimum=0,
        ),
        per_database=True,
    ),
    *_table(
        "DATA",
        "split",
        _o("train", "list", None, "with `speakers_stated`: speakers to train on (default: rest)"),
        _o("dev", "list", None, "with `speakers_stated`: speakers for development"),
        _o("test", "list", None, "with `speakers_stated`: speakers to test on"),
        per_database=True,
        database_only=True,
    ),
    *_known(
        "DATA",
        "inert",
        "",
        no_reuse="starts fresh; here what is stale is always made again, and nothing else",
    ),
    *(
        replace(option, per_database=True)
        for option in (
            *_table(
                "DATA",
                "plot",
                _o(
                    "value_counts",
                    "bool",
                    False,
                    "plot the distribution of the target in this database",
                ),
            ),
            *_known(
                "DATA",
                "unsupported",
                "use split_strategy = test or train",
                as_test="only the test split of a database",
                as_train="only the training split of a database",
            ),
            *_known(
                "DATA",
                "unsupported",
                "transform the target in the data",
                scale="standardises a numeric target",
                reverse="reverses a numeric target",
                reverse__max="largest value of a reversed target",
                target_divide_by="divides a numeric target",
            ),
            *_known(
                "DATA",
                "unsupported",
                "use min_duration_of_sample",
                check_size="leaves out files of fewer bytes",
                check_vad="leaves out files without speech",
                min_dur_test="shortest audio of the test set in seconds",
            ),
            *_known(
                "DATA",
                "unsupported",
                "filters hold for all parts",
                filter__sample_selection="restricts filters to train or test",
                sample_selection="restricts filters to train or test",
            ),
        )
    ),
    # ---------------------------------------------------------------- FEATS
    *_table(
        "FEATS",
        "features",
        _o("type", "list", None, "feature types, joined by columns (required)"),
        _o(
            "fail_threshold",
            "float",
            0.0,
            "share (0 to 1) of a database's audio that may be unusable; it is left out, told and "
            "counted (default: any ends the experiment)",
            minimum=0,
            maximum=1,
            hint="a share, not percent: 0.05 for 5 %",
        ),
    ),
    *_table(
        "FEATS",
        "train",
        _o(
            "scale",
            "str",
            None,
            "how features are scaled; fitted on training rows, but `speaker` on each speaker's",
            choices=SCALERS,
            aliases=("scaler",),
        ),
        _o("features", "list", None, "features to use, by name (default: all)"),
        _o(
            "balancing",
            "str",
            None,
            "how the classes of the training rows are balanced, after scaling",
            choices=("none", *SAMPLERS),
        ),
        _o(
            "balancing_random_state",
            "int",
            None,
            "seed of balancing (default: EXP.seed)",
            minimum=0,
            maximum=2**31 - 1,
        ),
    ),
    *_known(
        "FEATS",
        "inert",
        "",
        no_reuse="extracts again; here what is stale is always made again, and nothing else",
        store_format="file format of features; here always Parquet",
        print_feats="prints the names of features",
        needs_feature_extraction="extracts again",
    ),
    *_known(
        "FEATS",
        "unsupported",
        "name what you want of all feature types in FEATS.features",
        os__features="features to use of openSMILE's",
        praat__features="features to use of Praat's",
    ),
    *_known(
        "FEATS",
        "unsupported",
        "use scale = speaker",
        scale_speakers="scales by speaker",
    ),
    *_known(
        "FEATS",
        "unsupported",
        "missing values are imputed from training rows",
        nan_strategy="what missing values become",
    ),
    *_known(
        "FEATS",
        "inert",
        "it belongs to feature types that are not built yet",
        with_os="adds openSMILE features to others",
        size="size of the codebook of xbow",
        assignments="assignments per frame of xbow",
        xbow__model="folder of openXBOW",
        bert__model="name of a BERT model",
        bert__layer="hidden layer of BERT",
        bert__text_column="column with the text for BERT",
        audmodel__id="id of an audmodel model",
        audmodel__embeddings_name="layer of an audmodel model",
        aud__model="folder of an audEERING model",
        agender__model="folder of the age and gender model",
        sptk__features="features of SPTK",
        sptk__sample_rate="sampling rate for SPTK",
        sptk__n_channel="channels of SPTK",
        sptk__frame_period="hop of SPTK",
        sptk__frame_length="window of SPTK",
        sptk__fft_length="FFT length of SPTK",
        lfcc__sample_rate="sampling rate for LFCC",
        lfcc__n_lfcc="number of LFCC",
        lfcc__frame_period="hop of LFCC",
        lfcc__frame_length="window of LFCC",
        lfcc__fft_length="FFT length of LFCC",
        cqcc__sample_rate="sampling rate for CQCC",
        cqcc__n_cqt_bins="bins of CQCC",
        cqcc__n_cqcc="number of CQCC",
        cqcc__frame_period="hop of CQCC",
    ),
    *_known(
        "FEATS",
        "unsupported",
        "join the files yourself",
        import_files_append="whether imported files are joined by rows",
    ),
    # ---------------------------------------------------------------- MODEL
    *_table(
        "MODEL",
        "train",
        _o("type", "str", None, "the classifier or regressor (required)"),
        _o(
            "class_weight",
            "bool|str",
            False,
            "weigh classes by their inverse frequency",
            choices=(True, False, "auto", "balanced"),
        ),
        _o("save", "bool", True, "keep the trained models"),
        _o(
            "tune",
            "dict",
            None,
            "values to choose from, such as {'C_val': [0.1, 1, 10], 'gamma': ['scale', 0.01]}: all "
            "combinations are tried on inner folds of the training set that keep speakers apart",
        ),
        _o("tune.folds", "int", 5, "with tune: inner folds, at most", minimum=2, maximum=100),
        _o(
            "calibrate",
            "str",
            None,
            "`temperature`: probabilities are made less sure, or more, by a number fitted on dev; "
            "no decision changes",
            choices=("temperature",),
        ),
        _o(
            "submodel",
            "str",
            None,
            "column, such as gender: a model of its own for each of its values",
        ),
        _o(
            "semi_supervised",
            "str",
            None,
            "`self_training`: rows without a label get those that a first model is sure of",
            choices=("self_training",),
        ),
        _o(
            "semi_supervised.threshold",
            "float",
            0.9,
            "with self_training: a row is taken where the probability is higher",
            minimum=0,
            maximum=1,
        ),
        _o(
            "semi_supervised.rounds",
            "int",
            10,
            "with self_training: how often to label and train again, at most",
            minimum=1,
        ),
        _o(
            "random_state",
            "int",
            None,
            "the same as EXP.seed",
            minimum=0,
            maximum=2**31 - 1,
            aliases=("random_seed", "seed"),
        ),
    ),
    *_table(
        "MODEL",
        "analyse",
        _o(
            "active_learning",
            "int",
            None,
            "number of files without a label that a teacher should label next",
            minimum=1,
        ),
    ),
    *_table(
        "MODEL",
        "split",
        _o(
            "logo",
            "int",
            None,
            "leave one group of speakers out, with this number of groups",
            minimum=2,
            hint="with as many groups as speakers, it is leave-one-speaker-out",
        ),
        _o("k_fold_cross", "int", None, "cross-validation with this number of folds", minimum=2),
    ),
    *_table(
        "MODEL",
        "evaluate",
        _o(
            "measure",
            "str",
            None,
            "measure of the headline (default: uar, for regression mse)",
            choices=MEASURES["classification"] + MEASURES["regression"],
        ),
    ),
    *_known(
        "MODEL",
        "inert",
        "",
        n_jobs="cores; here results do not depend on them, and Snakemake shares them out",
        device="where nets are trained",
        store="whether models are stored; see save",
    ),
    *_known(
        "MODEL",
        "unsupported",
        "use MODEL.logo with the number of speakers",
        loso="leave one speaker out",
    ),
    *_known(
        "MODEL",
        "unsupported",
        "use MODEL.tune = {'C_val': [0.1, 1, 10]}",
        tuning_params="options to search over",
        scoring="measure of that search",
    ),
    *_known(
        "MODEL",
        "inert",
        "it belongs to models that are not built yet",
        adm__branches="branches of adm",
        adm__hidden_dim="hidden units of adm",
        adm__fusion="fusion of adm",
        adm__ssl_feat_dim="embedding width of adm",
        adm__phase_feat_dim="phase width of adm",
    ),
    *_known(
        "MODEL",
        "inert",
        "izwi uploads nothing",
        push_to_hub="uploads a finetuned model",
        hf_token="token for uploads",
    ),
    *_known(
        "MODEL",
        "unsupported",
        "use FEATS.balancing",
        balancing="balances the classes, for finetuning",
    ),
    *_known(
        "MODEL",
        "unsupported",
        "this part of the model is not built yet",
        only_test="tests a stored model",
        tests="databases to test a stored model on",
        threshold="limit of a binary decision",
        nan_strategy="what missing values become",
        label_smoothing="label smoothing of a net",
        scheduler="schedule of the learning rate",
        scheduler__step_size="step of that schedule",
        scheduler__gamma="factor of that schedule",
        warmup_epochs="epochs of rising learning rate",
        weight_decay="weight decay of a net",
        momentum="momentum of SGD",
        max_grad_norm="limit of gradients",
        feature_noise="noise added to features while training",
        validation_split="share of the training set held back by xgb",
        early_stopping_rounds="patience of xgb",
        eval_metric="measure of that patience",
    ),
    # ----------------------------------------------------------------- PLOT
    *_table(
        "PLOT",
        "plot",
        _o(
            "value_counts",
            "bool|list",
            False,
            "plot the distribution of the target in each part; a list of columns: of these as well",
        ),
        *(
            _o(
                name,
                "bool|list",
                False,
                f"map of the features in two dimensions by {method}, coloured by the target; a "
                "list of columns: by these as well",
            )
            for name, method in (
                ("tsne", "t-SNE"),
                ("umap", "UMAP"),
                ("pca", "principal components"),
            )
        ),
        _o(
            "epoch_progression",
            "bool",
            False,
            "plot loss and measure on train and dev over the epochs of a net",
            aliases=("plot_epoch_progression",),
        ),
        _o(
            "format",
            "list",
            "png",
            "file formats of plots, one or several",
            choices=("png", "pdf", "svg", "eps"),
        ),
    ),
    *_table(
        "PLOT",
        "evaluate",
        _o(
            "uncertainty_threshold",
            "float",
            None,
            "figures and a second confusion matrix of the predictions whose uncertainty, the "
            "entropy as share of the largest, is less",
            minimum=0,
            maximum=1,
        ),
    ),
    *_table(
        "PLOT",
        "plot",
        _o(
            "calibration",
            "bool",
            False,
            "reliability diagram: how often decisions are right, over their probability",
        ),
        _o(
            "uncertainty",
            "bool",
            False,
            "entropy of right and wrong decisions, and the errors left where the uncertain are "
            "refused",
        ),
        _o("recall", "bool", False, "plot the recall of each class, with its interval"),
        _o(
            "fairness",
            "bool",
            False,
            "plot the measure by sex, age group and language, with intervals",
        ),
    ),
    *_table(
        "PLOT",
        "analyse",
        _o(
            "learning_curve",
            "bool",
            False,
            "plot the measure on training and test set over the amount of training data",
        ),
    ),
    *_known(
        "PLOT",
        "inert",
        "",
        name="beginning of the plots' file names",
        epochs="a plot per epoch",
        anim_progression="animation of the epochs",
        fps="frames per second of the animation",
        best_model="plot of the epoch that is best on the test set, which is no fair figure",
        plot_best_model="plot of the epoch that is best on the test set",
        combine_per_speaker="plot of predictions joined by speaker",
        ccc="CCC in the titles of plots; here it always is",
        fill_areas="filled areas in distributions",
        runs_compare="plot that compares experiments; here a grid has a table and a heat map",
        titles="titles of plots",
        kind="kind of plot of feature distributions",
        sample_selection="what is plotted",
    ),
    # ------------------------------------------------------- other sections
    *_table(
        "EXPL",
        "plot",
        _o("value_counts", "bool|list", False, "the same as PLOT.value_counts"),
        _o("tsne", "bool|list", False, "the same as PLOT.tsne"),
        _o("umap", "bool|list", False, "the same as PLOT.umap"),
        _o("pca", "bool|list", False, "the same as PLOT.pca"),
        _o("scatter", "list", None, "the same as PLOT.<map>", choices=("tsne", "umap", "pca")),
        _o("scatter.target", "list", None, "columns that colour the maps, beside the target"),
    ),
    *_table(
        "EXPL",
        "analyse",
        _o(
            "clusters",
            "bool|int",
            False,
            "compare clusters of the features with the labels; True: as many as classes",
            minimum=2,
            maximum=1000,
        ),
        _o(
            "permutation",
            "bool",
            False,
            "importance of each feature: how much worse the test figure gets where its values "
            "change places",
        ),
        _o(
            "shap",
            "bool",
            False,
            "SHAP values of each feature on the test set, of xgb, xgr, tree and tree_reg",
        ),
        _o(
            "feature_distributions",
            "bool",
            False,
            "how each feature differs between classes: effect sizes, tests on speaker means, "
            "correlation with duration and level, violins",
        ),
    ),
    *_table(
        "EXPL",
        "plot",
        _o(
            "max_feats", "int", 10, "features in the pictures of these three", minimum=1, maximum=50
        ),
    ),
    *_known(
        "EXPL",
        "inert",
        "features are ranked by the model of the experiment",
        model="model that ranks the features",
    ),
    *_known(
        "EXPL",
        "inert",
        "exploration is not built yet",
        ignore_gender="no split by gender in these plots",
        scatter__dim="dimensions of scatter plots",
        plot_tree="plot of a decision tree",
        bin_reals="whether numeric columns are binned in plots",
        dist_type="histogram or density",
        spotlight="opens a browser",
        print_stats="prints statistics",
        print_colvals="prints the values of columns",
        plot_features="features to plot in any case",
        regplot="scatter plots of two features",
        sample_selection="what is explored",
        segment_target="beginning of the columns of segments",
    ),
    *_known(
        "PREDICT",
        "inert",
        "labels made by other models are not built yet",
        targets="what is predicted by ready-made models",
        textclassifier__candidates="labels of the text classifier",
        target_language="language to translate to",
        sample_selection="what is predicted",
    ),
    *_known(
        "EXPORT",
        "inert",
        "exporting databases is not built yet",
        target_root="folder to write",
        root="folder to write",
        orig_root="folder of the audio",
        data_name="name of the CSV",
        segments_as_files="whether segments become files",
        bundle_path="folder of a bundled model",
    ),
    *_known(
        "RESAMPLE",
        "inert",
        "audio is resampled where a feature type needs it",
        replace="whether files are overwritten",
        target="name of the list of resampled files",
        sample_selection="what is resampled",
    ),
    *_known(
        "REPORT",
        "inert",
        "see summary.csv and metrics.json",
        show="prints the report",
        fresh="starts a new report",
        latex="writes a LaTeX document",
        title="title of the document",
        author="author of the document",
    ),
    *_known(
        "AUGMENT",
        "unsupported",
        "list the augmented audio as a database",
        augment="kinds of augmentation",
        augmentations="steps of audiomentations",
        transformations="steps of auglib",
        p_reverse="probability of reversal",
        top_db="level of silence",
        crop_dur="seconds of a crop",
        bypass_prob="probability of no change",
        result="name of the list of augmented files",
        sample_selection="what is augmented",
    ),
    *_known(
        "SEGMENT",
        "unsupported",
        "list the segments as a database, with columns start and end",
        method="how speech is found",
        result="name of the list of segments",
        target="name of the list of segments",
        segment_target="beginning of the names of segments",
        min_length="shortest segment in seconds",
        max_length="longest segment in seconds",
        output_audio="whether segments become files",
        audio_format="format of these files",
        audio_dir="folder of these files",
        sampling_rate="sampling rate of these files",
        include_silence_borders="whether gaps hold their borders",
        sample_selection="what is segmented",
    ),
    *_known(
        "CROSSDB",
        "unsupported",
        "use DATA.trains and DATA.tests",
        train_extra="more training databases",
    ),
    *_known(
        "OPTIM",
        "unsupported",
        "use MODEL.tune = {'C_val': [0.1, 1, 10]}",
        model="model to tune",
        search_strategy="how the search goes",
        metric="measure of the search",
        n_iter="tries of a random search",
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
    ),
    *_table(
        "FLAGS",
        "none",
        _o("models", "list", None, "values of MODEL.type: an experiment for each combination"),
        _o("features", "list", None, "values of FEATS.type; a list in the list is one value"),
        _o("balancing", "list", None, "values of FEATS.balancing"),
        _o("scale", "list", None, "values of FEATS.scale"),
        _o("target", "list", None, "values of DATA.target"),
        _o("name_target", "list", None, "pairs of EXP.name and DATA.target"),
    ),
)

SECTIONS = tuple(dict.fromkeys(option.section for option in GENERAL))


@cache
def registry(package: str) -> dict[str, str]:
    """Types of ``features`` or ``models`` → where their class stands."""
    name = {"features": "EXTRACTORS", "models": "MODELS"}[package]
    return dict(getattr(import_module(f"izwi.{package}"), name, {}))


@cache
def owner(package: str, name: str) -> type:
    """Class of an extractor or a model."""
    module, _, attribute = registry(package)[name].partition(":")
    return getattr(import_module(module), attribute)


@cache
def own_options(package: str, name: str) -> dict[str, Option]:
    """What an extractor or a model reads: lower-case name or alias → option."""
    return by_name(owner(package, name).options)


@cache
def all_options() -> tuple[Option, ...]:
    """All options, those of extractors and models included, each once, by section."""
    return tuple(option for option, _ in options_with_owners())


@cache
def options_with_owners() -> tuple[tuple[Option, tuple[str, ...]], ...]:
    """All options and, for those of extractors and models, the types that read them."""
    owners: dict[str, tuple[Option, list[str]]] = {}
    for package in ("features", "models"):
        for name in registry(package):
            for option in owner(package, name).options:
                # A default may be a list, so an option is no key itself.
                owners.setdefault(repr(option), (option, []))[1].append(name)
    taken = {
        (option.section, spelling.lower())
        for option, _ in owners.values()
        for spelling in (option.name, *option.aliases)
    }
    merged: list[tuple[Option, tuple[str, ...]]] = []
    for section in SECTIONS:
        merged += [
            (option, ())
            for option in GENERAL
            if option.section == section
            and (option.status == "ok" or (section, option.name.lower()) not in taken)
        ]
        # One that some type reads comes before one that another type only knows.
        merged += sorted(
            ((o, tuple(names)) for o, names in owners.values() if o.section == section),
            key=lambda pair: pair[0].status != "ok",
        )
    return tuple(merged)


def by_name(options: Iterable[Option]) -> dict[str, Option]:
    """Lower-case name or alias → option; the first of equals wins."""
    table: dict[str, Option] = {}
    for option in options:
        for spelling in (option.name, *option.aliases):
            table.setdefault(spelling.lower(), option)
    return table


WIDE = {
    section: by_name(o for o in GENERAL if o.section == section and not o.database_only)
    for section in SECTIONS
}
PER_DATABASE = by_name(
    sorted(
        (o for o in GENERAL if o.per_database),
        key=lambda o: not o.database_only,
    )
)


@cache
def elsewhere(section: str) -> dict[str, Option]:
    """Every option of a section, whoever reads it: lower-case name or alias → option."""
    return by_name(option for option in all_options() if option.section == section)


def suggest(word: str, known: Iterable[Any]) -> str:
    """``, did you mean 'x'?``, or nothing where no known word is close."""
    words = {str(k).lower(): str(k) for k in known}
    close = difflib.get_close_matches(word.lower(), words, n=3, cutoff=0.6)
    # Of words as close, the one of the same letters: xbg is xgb, not xgr.
    close.sort(key=lambda match: sorted(match) != sorted(word.lower()))
    return f", did you mean '{words[close[0]]}'?" if close else ""


def is_off(text: str) -> bool:
    """True for ``False`` and ``None``, by which users switch an option off."""
    return unquoted(text).lower() in ("false", "none")


def convert(option: Option, text: str) -> Any:
    """Value of an option.

    Args:
        option: the option
        text: raw text of its value in the ini

    Returns:
        value of one of the option's kinds; None where an option without default is switched off

    Raises:
        ValueError: with what is wrong and what is allowed
    """
    if not text:
        raise ValueError("has no value: give one, or leave the line out")
    kinds = option.kind.split("|")
    if is_off(text) and option.default is None and "bool" not in kinds:
        return None
    plain = option.kind in ("str", "path", "model") and text[0] not in "[({\"'"
    parsed = text if plain else literal(text)
    if option.kind == "str" and isinstance(parsed, list | tuple) and len(parsed) == 1:
        # A list where one word is wanted, as in type = ['xgb'].
        parsed = text = str(parsed[0])
    for kind in kinds:
        found, value = _CONVERSIONS[kind](parsed, text)
        if found:
            return _checked(option, value)
    shown = text if len(text) <= 60 else text[:57] + "..."
    wanted = " or ".join(_KIND_NAMES[kind] for kind in kinds)
    raise ValueError(f"{shown} is not {wanted}{_allowed(option)}")


def _as_str(parsed: Any, text: str) -> tuple[bool, Any]:
    return not isinstance(parsed, list | tuple | dict | set), unquoted(text)


def _as_bool(parsed: Any, text: str) -> tuple[bool, Any]:
    word = unquoted(text).lower()
    return word in _BOOLEANS, _BOOLEANS.get(word)


def _as_int(parsed: Any, text: str) -> tuple[bool, Any]:
    whole = isinstance(parsed, int) or (isinstance(parsed, float) and parsed.is_integer())
    return whole and not isinstance(parsed, bool), int(parsed) if whole else None


def _as_float(parsed: Any, text: str) -> tuple[bool, Any]:
    number = isinstance(parsed, int | float) and not isinstance(parsed, bool)
    return number, float(parsed) if number else None


def _as_list(parsed: Any, text: str) -> tuple[bool, Any]:
    if isinstance(parsed, list | tuple):
        return True, list(parsed)
    if isinstance(parsed, set):
        return True, sorted(parsed, key=str)
    if isinstance(parsed, str) and parsed == text:
        return True, [word for part in text.split(",") if (word := part.strip())]
    return not isinstance(parsed, dict), [parsed]


def _as_number_list(parsed: Any, text: str) -> tuple[bool, Any]:
    values = list(parsed) if isinstance(parsed, list | tuple) else [parsed]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return numbers, values


_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "none": False,
    "0": False,
}
_CONVERSIONS = {
    "any": lambda parsed, text: (True, parsed),
    "bool": _as_bool,
    "dict": lambda parsed, text: (isinstance(parsed, dict), parsed),
    "float": _as_float,
    "int": _as_int,
    "list": _as_list,
    "model": _as_str,
    "number_list": _as_number_list,
    "path": _as_str,
    "str": _as_str,
}
_KIND_NAMES = {
    "any": "a value",
    "bool": "True or False",
    "dict": "a dictionary like {'a': 'b'}",
    "float": "a number",
    "int": "a whole number",
    "list": "a list like ['a', 'b']",
    "model": "a folder or a name on the hub",
    "number_list": "a list of numbers like [1, 2]",
    "path": "a path",
    "str": "a word",
}


def _allowed(option: Option) -> str:
    return f" (one of {', '.join(map(str, option.choices))})" if option.choices else ""


def _checked(option: Option, value: Any) -> Any:
    """The value, spelt as in the choices and within the limits."""
    if isinstance(value, list):
        # Of several kinds, the choices are meant for the word.
        if option.choices and option.kind in ("list", "number_list"):
            value = [_chosen(option, v) for v in value]
    elif option.choices:
        value = _chosen(option, value)
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int | float) and not isinstance(number, bool):
            _check_range(option, number)
    return value


def _chosen(option: Option, value: Any) -> Any:
    for choice in option.choices:
        if choice == value and isinstance(choice, bool) == isinstance(value, bool):
            return choice
        # The singular is an old spelling: level = functional.
        word = str(value).lower()
        if isinstance(choice, str) and choice.lower() in (word, f"{word}s"):
            return choice
    allowed = ", ".join(map(str, option.choices))
    raise ValueError(f"'{value}' is none of {allowed}{suggest(str(value), option.choices)}")


def _check_range(option: Option, number: float) -> None:
    hint = f" ({option.hint})" if option.hint else ""
    if option.minimum is not None and number < option.minimum:
        raise ValueError(f"{number:.10g} is less than {option.minimum:.10g}{hint}")
    if option.maximum is not None and number > option.maximum:
        raise ValueError(f"{number:.10g} is more than {option.maximum:.10g}{hint}")
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"{number:g} is not a number to compute with")
