"""Options of ``[EXP]``."""

from __future__ import annotations

from dataclasses import replace

from izwi.config.options.option import Option, known, option, read_by

OPTIONS: tuple[Option, ...] = (
    *read_by(
        "EXP",
        "none",
        option(
            "name", "str", None, "name of the experiment and of its folder (default: the ini's)"
        ),
    ),
    *read_by(
        "EXP",
        "none",
        option(
            "compatibility",
            "str",
            None,
            "`nkululeko`: its defaults where the ini is silent, as far as they leak nothing",
            choices=("nkululeko",),
        ),
    ),
    *read_by(
        "EXP",
        "split",
        option(
            "traindevtest",
            "bool",
            False,
            "also make a dev set, for early stopping and the choice of a run",
        ),
    ),
    *read_by(
        "EXP",
        "load",
        option(
            "type",
            "str",
            None,
            "kind of task (default: that of the model)",
            choices=("classification", "regression"),
        ),
    ),
    *read_by(
        "EXP",
        "train",
        option(
            "seed",
            "int",
            42,
            "seed of every random choice",
            minimum=0,
            maximum=2**31 - 1,
            aliases=("random_seed", "random_state"),
        ),
        option(
            "runs", "int", 1, "number of trainings, each with its own seed", minimum=1, maximum=1000
        ),
        option(
            "epochs",
            "int",
            None,
            "maximum number of epochs of a neural net (default: that of the model)",
            minimum=1,
        ),
    ),
    *read_by(
        "EXP",
        "evaluate",
        option(
            "ci",
            "str",
            "auto",
            "method for 95 % intervals: a bootstrap over `speakers` or `samples`, or a "
            "`jackknife` over speakers; `auto`: over speakers if they are known, with the "
            "jackknife",
            choices=("auto", "speakers", "samples", "jackknife"),
        ),
    ),
    *read_by(
        "EXP",
        "annotate",
        option(
            "language",
            "str",
            None,
            "language of the speech, such as de, for `PREDICT.targets = ['text']` (default: the "
            "model detects it)",
        ),
    ),
    *known(
        "EXP",
        "inert",
        "",
        root="folder of the experiment; in izwi the config's `results` sets it",
        fig_dir="folder of plots",
        res_dir="folder of results",
        models_dir="folder of models",
        store="folder of caches",
        export_onnx="export of the best model as ONNX",
        no_warnings="hides warnings",
        no_reuse="starts fresh; izwi always remakes outdated files, and only these",
        save="keeps the experiment as a pickle file; see MODEL.save",
    ),
    *read_by(
        "EXP",
        "segment",
        option(
            "sample_selection",
            "str",
            "all",
            "recordings that `[SEGMENT]`, `[RESAMPLE]` and `[EXPORT]` are about and, without these "
            "and a model, samples in pictures of the data, if these do not say so themselves",
            choices=("all", "train", "test"),
        ),
    ),
    *read_by(
        "EXP",
        "soft_label",
        option(
            "save_test",
            "path",
            None,
            "path of a CSV database to write, with the predictions of the test set, that another "
            "ini may use; relative to the working directory",
        ),
    ),
    *(
        replace(one, section=section, stage=stage, per_database=own, database_only=own)
        for section, stage, own in (("EXP", "soft_label", False), ("DATA", "load", True))
        for one in (
            option(
                "min_confidence",
                "float",
                None,
                "keep soft labels with at least this probability",
                minimum=0,
                maximum=1,
            ),
            option(
                "max_uncertainty",
                "float",
                None,
                "keep soft labels whose entropy is at most this share of the largest possible",
                minimum=0,
                maximum=1,
            ),
        )
    ),
    *read_by(
        "EXP",
        "robustness",
        option(
            "robustness",
            "bool|list",
            False,
            "also test on degraded copies of the test samples: noises (`white`, `pink`, `speech`, "
            "`babble`), `reverb`, `telephone`, `lowpass`, `clipping`; True: all of them",
        ),
        option(
            "robustness.snr",
            "number_list",
            (20, 10, 5, 0),
            "signal-to-noise ratios of the noises, dB",
            minimum=-60,
            maximum=100,
        ),
        option(
            "robustness.rt60",
            "number_list",
            (0.3, 0.6, 1.2),
            "`reverb`: reverberation times, s",
            minimum=0.01,
            maximum=20,
        ),
        option(
            "robustness.limit",
            "number_list",
            (4000, 2000),
            "`lowpass`: upper limits, Hz",
            minimum=100,
            maximum=100000,
        ),
        option(
            "robustness.clipped",
            "number_list",
            (1, 5, 20),
            "`clipping`: clipped samples, %",
            minimum=0.01,
            maximum=99,
        ),
    ),
    *known(
        "EXP",
        "unsupported",
        "filters hold for all parts",
        filter__sample_selection="restricts filters to train or test",
    ),
    *read_by(
        "EXP",
        "none",
        option(
            "databases",
            "list",
            None,
            "databases to cross, in place of DATA.databases: each is trained on and each is "
            "tested; see [cross-database](cross_database.md#all-pairs-from-one-ini)",
        ),
        option(
            "use_splits",
            "bool",
            False,
            "with `databases`: train on the training part alone, and test on the test part",
        ),
    ),
)
