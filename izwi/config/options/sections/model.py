"""Options of ``[MODEL]`` that all models share."""

from __future__ import annotations

from izwi.config.options.option import Option, known, option, read_by

MEASURES = {
    "classification": ("uar", "accuracy", "f1", "eer"),
    "regression": ("mse", "mae", "ccc", "pcc"),
}
# Beginnings of nkululeko's types, to distinguish them from misspelt ones.
PEER_MODELS = ("conformer", "hmm", "nb")

OPTIONS: tuple[Option, ...] = (
    *read_by(
        "MODEL",
        "train",
        option("type", "str", None, "the classifier or regressor (required)"),
        option(
            "class_weight",
            "bool|str",
            False,
            "weight classes by their inverse frequency",
            choices=(True, False, "auto", "balanced"),
        ),
        option("save", "bool", True, "keep the trained models"),
        option(
            "onnx",
            "bool",
            False,
            "write the model with its preprocessing as an ONNX graph, model.onnx",
        ),
        option(
            "tune",
            "dict",
            None,
            "values to choose from, such as {'C_val': [0.1, 1, 10], 'gamma': ['scale', 0.01]}; all "
            "combinations are tried on speaker-disjoint inner folds of the training set; with "
            "tune.search_strategy = tpe also ranges, such as {'C_val': (0.01, 100, 'log')}",
        ),
        option(
            "tune.search_strategy",
            "str",
            "grid",
            "with tune: `grid` tries all combinations; `random` some of them; `halving` all on few "
            "samples, and the best third again on three times as many; `tpe` some of them, each "
            "suggested by the scores before (optuna)",
            choices=("grid", "random", "halving", "tpe"),
        ),
        option(
            "tune.n_iter",
            "int",
            50,
            "with tune.search_strategy = random or tpe: number of combinations",
            minimum=1,
            maximum=1000,
        ),
        option(
            "tune.folds",
            "int",
            5,
            "with tune: maximum number of inner folds",
            minimum=2,
            maximum=100,
        ),
        option(
            "calibrate",
            "str",
            None,
            "`temperature`: probabilities are scaled by a temperature fitted on dev; no decision "
            "changes",
            choices=("temperature",),
        ),
        option(
            "submodel",
            "str",
            None,
            "column, such as gender: train a separate model for each of its values",
        ),
        option(
            "semi_supervised",
            "str",
            None,
            "`self_training`: unlabelled rows get the labels that a first model is sure of",
            choices=("self_training",),
        ),
        option(
            "semi_supervised.threshold",
            "float",
            0.9,
            "with self_training: a row is added if its probability is higher",
            minimum=0,
            maximum=1,
        ),
        option(
            "semi_supervised.rounds",
            "int",
            10,
            "with self_training: maximum number of rounds of labelling and training",
            minimum=1,
        ),
        option(
            "random_state",
            "int",
            None,
            "the same as EXP.seed",
            minimum=0,
            maximum=2**31 - 1,
            aliases=("random_seed", "seed"),
        ),
    ),
    *read_by(
        "MODEL",
        "analyse",
        option(
            "active_learning",
            "int",
            None,
            "number of unlabelled files that a human should label next",
            minimum=1,
        ),
    ),
    *read_by(
        "MODEL",
        "split",
        option(
            "logo",
            "int",
            None,
            "leave one group of speakers out at a time, with this number of groups",
            minimum=2,
            hint="with as many groups as speakers, it is leave-one-speaker-out",
        ),
        option(
            "k_fold_cross", "int", None, "cross-validation with this number of folds", minimum=2
        ),
    ),
    *read_by(
        "MODEL",
        "evaluate",
        option(
            "measure",
            "str",
            None,
            "main measure (default: uar, for regression mse)",
            choices=MEASURES["classification"] + MEASURES["regression"],
        ),
    ),
    *known(
        "MODEL",
        "inert",
        "",
        n_jobs="cores; in izwi no result depends on them, and Snakemake assigns them",
        device="where nets are trained",
        store="whether models are stored; see save",
    ),
    *known(
        "MODEL",
        "unsupported",
        "use MODEL.logo with the number of speakers",
        loso="leave one speaker out",
    ),
    *known(
        "MODEL",
        "unsupported",
        "MODEL.tune searches for options on inner folds of the training set",
        tuning_params="options to search over",
    ),
    *known("MODEL", "inert", "without tuning_params nothing reads it", scoring="its measure"),
    *known(
        "MODEL",
        "inert",
        "izwi uploads nothing",
        push_to_hub="uploads a finetuned model",
        hf_token="token for uploads",
    ),
    *known(
        "MODEL",
        "unsupported",
        "use FEATS.balancing",
        balancing="balances the classes for finetuning",
    ),
    *known(
        "MODEL",
        "unsupported",
        "this part of the model is not built yet",
        only_test="tests a stored model",
        tests="databases to test a stored model on",
    ),
    *known("MODEL", "unsupported", "use FEATS.nan_strategy", nan_strategy="fills missing values"),
)
