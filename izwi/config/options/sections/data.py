"""Options of ``[DATA]``, for all databases and for one."""

from __future__ import annotations

from dataclasses import replace

from izwi.config.options.option import Option, known, option, read_by
from izwi.splits.strategies import STRATEGIES, UNSTATED

PERCENT = "percent meant? Write 20 for 20 %"

OPTIONS: tuple[Option, ...] = (
    *read_by(
        "DATA",
        "load",
        option("databases", "list", None, "names of the databases (required)"),
        option(
            "root_folders",
            "path",
            None,
            "file with paths and options of databases for many inis; the ini's own options win",
        ),
        option(
            "target", "str", None, "column that is predicted, such as emotion or age (required)"
        ),
        option(
            "labels", "list", None, "classes to use; rows of other classes are left out and counted"
        ),
        option(
            "type",
            "str",
            None,
            "`continuous`: the target is a number; it is binned into `labels` by `bins`, or by "
            "quantiles of the training rows",
            choices=("continuous",),
        ),
        option(
            "bins",
            "number_list",
            None,
            "limits of the bins, one more than labels; a bin includes its lower limit, not its "
            "upper; for a regression, they add a confusion matrix",
        ),
    ),
    *read_by(
        "DATA",
        "augment",
        option(
            "augment",
            "bool|list",
            False,
            "train with augmented copies of the training samples, too: kinds as in "
            "AUGMENT.augment, or True for those that it names",
            choices=(True, False, "traditional", "random_splice", "auglib"),
        ),
    ),
    *read_by(
        "DATA",
        "load",
        option(
            "type",
            "str",
            None,
            "kind of database (default: *.csv is csv, a folder with db.yaml audformat)",
            choices=("csv", "audformat", "audb", "demo"),
            database_only=True,
        ),
        option("version", "str", None, "version of an audb database", database_only=True),
        option(
            "audio_path",
            "path",
            None,
            "folder of the audio, relative to the CSV, then to the working directory",
        ),
        option("target_tables", "list", None, "tables with labels (audformat)"),
        option(
            "target_tables_append",
            "bool",
            False,
            "join several target tables by rows instead of by columns",
        ),
        option(
            "files_tables",
            "list",
            None,
            "tables that list the files and their speakers (audformat)",
            aliases=("files_table",),
        ),
        option("train_tables", "list", None, "tables whose files are for training (audformat)"),
        option("dev_tables", "list", None, "tables whose files are for development (audformat)"),
        option("test_tables", "list", None, "tables whose files are for testing (audformat)"),
        option("columns", "list", None, "columns to load (default: all)"),
        option("colnames", "dict", None, "renames columns: {name in the data: new name}"),
        option("label", "str", None, "column that holds the target in this database"),
        option(
            "filter",
            "dict|list",
            None,
            "rows to keep: {column: value or list of values}, or a list of [column, values]; a "
            "filter for all databases applies in addition to a database's own",
        ),
        option(
            "required",
            "list",
            None,
            "columns that must have a value; other rows are left out; `*`: all columns, of "
            "audformat those of target, speaker, gender and age, and `columns`",
        ),
        option(
            "bad_segments",
            "str",
            "error",
            "segments that end before they start, or start before 0: `error`, or `drop`, counted",
            choices=("error", "drop"),
        ),
        option("limit_samples", "int", None, "maximum number of rows, drawn at random", minimum=1),
        option(
            "limit_samples_per_speaker",
            "int",
            None,
            "maximum number of rows per speaker, drawn at random",
            minimum=1,
        ),
        option(
            "min_duration_of_sample",
            "float",
            None,
            "shortest audio to use, in seconds",
            minimum=0,
            aliases=("min_duration_of_samples",),
        ),
        option(
            "max_duration_of_sample",
            "float",
            None,
            "longest audio to use, in seconds",
            minimum=0,
            aliases=("max_duration_of_samples",),
        ),
        option(
            "check_size",
            "int|bool",
            None,
            "smallest audio file to use, in bytes; True: 1000",
            minimum=0,
        ),
        option(
            "reverse",
            "bool",
            False,
            "a numeric target is mirrored: its distance from `reverse.max`",
        ),
        option(
            "reverse.max",
            "float",
            None,
            "with reverse: largest value of the scale (default: the largest in the database)",
            minimum=-1e12,
        ),
        option(
            "target_divide_by", "float", None, "a numeric target is divided by it", minimum=1e-12
        ),
        option(
            "rename_speakers",
            "bool",
            False,
            "put the database's name before its speaker ids",
        ),
        option(
            "scale",
            "bool|str",
            False,
            "`standard`: a numeric target in standard deviations from the mean of all rows of this "
            "database",
            choices=(True, False, "standard"),
            database_only=True,
        ),
        option(
            "unlabelled",
            "bool",
            False,
            "ignore its labels, for semi_supervised or active_learning",
            database_only=True,
        ),
        option(
            "mapping",
            "dict",
            None,
            "{value in the data: new value} for the target (values not named are left out), or "
            "{column: {value: new value}} (other values stay); 'a, b': 'c' maps several values",
        ),
        per_database=True,
    ),
    *read_by(
        "DATA",
        "segment",
        option(
            "segment",
            "bool",
            False,
            "train and test on segments of the recordings, as `[SEGMENT]` says, instead of on the "
            "rows of the databases; labels, speakers and the split are those of the recordings",
        ),
    ),
    *read_by(
        "DATA",
        "audit",
        option(
            "leakage",
            "str",
            "warn",
            "findings of the leakage audit are warnings (warn), or stop the experiment before "
            "training (error); ignore: no audit",
            choices=("error", "warn", "ignore"),
        ),
    ),
    *read_by(
        "DATA",
        "split",
        option(
            "same_speakers",
            "bool",
            False,
            "speakers with the same id in several databases are the same person",
        ),
        option(
            "strategy",
            "str",
            None,
            "`cross_data`: each database is train or test as a whole, see trains and tests",
            choices=("train_test", "cross_data"),
        ),
        option("submodel", "str", None, "the same as MODEL.submodel"),
        option("trains", "list", None, "databases to train on (default: all but tests)"),
        option(
            "tests",
            "list",
            None,
            "databases to test on; without trains and strategy, the others are split by their own "
            "options, and these need not be in `databases`",
        ),
    ),
    *read_by(
        "DATA",
        "split",
        option(
            "split_strategy",
            "str|list",
            None,
            "how the database is split, or a list of test speakers (default: the target's own "
            "train and test tables if there are any, else speaker_split)",
            choices=(*STRATEGIES, *UNSTATED),
        ),
        option(
            "test_size",
            "float",
            20.0,
            "size of the test set in percent of the speakers, or of the rows with `random`",
            minimum=1,
            maximum=99,
            aliases=("testsplit", "tests_size", "test_split"),
            hint=PERCENT,
        ),
        option(
            "dev_size",
            "float",
            None,
            "size of the dev set in percent (default: 20 with EXP.traindevtest, else no dev set)",
            minimum=1,
            maximum=98,
            aliases=("devsplit", "dev_split"),
            hint=PERCENT,
        ),
        option(
            "split_column",
            "str",
            None,
            "with `column`: the column that names the parts (default: split, set, partition)",
        ),
        *(
            option(
                f"{part}_vals",
                "list",
                None,
                f"with `column`: its values for {words} (default: {example} and the like)",
            )
            for part, words, example in (
                ("train", "training", "train"),
                ("test", "the test", "test"),
                ("dev", "development", "dev, val"),
            )
        ),
        option("balance", "dict", None, "with `balanced`: {column: weight} to balance"),
        option(
            "age_bins",
            "int",
            None,
            "with `balanced`: number of bins of a numeric column",
            minimum=2,
        ),
        option(
            "stratify", "bool", False, "with `random`: the same share of each class in each part"
        ),
        option(
            "size_diff_weight",
            "float",
            1.0,
            "with `balanced`: weight of the deviation from test_size",
            minimum=0,
        ),
        per_database=True,
    ),
    *read_by(
        "DATA",
        "split",
        option("as_test", "bool", False, "use only the test part of the database"),
        option("as_train", "bool", False, "use only the training (and dev) part of the database"),
        per_database=True,
        database_only=True,
    ),
    *read_by(
        "DATA",
        "split",
        option(
            "train",
            "list",
            None,
            "with `speakers_stated`: speakers to train on (default: the rest)",
        ),
        option("dev", "list", None, "with `speakers_stated`: speakers for development"),
        option("test", "list", None, "with `speakers_stated`: speakers to test on"),
        per_database=True,
        database_only=True,
    ),
    *known(
        "DATA",
        "inert",
        "",
        no_reuse="starts fresh; izwi always remakes outdated files, and only these",
    ),
    *(
        replace(one, per_database=True, database_only=True)
        for one in known(
            "DATA",
            "inert",
            "as in nkululeko; DATA.root_folders, for all databases, is read",
            root_folders="file with paths of databases",
        )
    ),
    *(
        replace(one, per_database=True)
        for one in (
            *read_by(
                "DATA",
                "plot",
                option(
                    "value_counts",
                    "bool",
                    False,
                    "plot the distribution of the target in this database",
                ),
            ),
            *known(
                "DATA",
                "unsupported",
                "DATA.segment = True keeps stretches of speech and leaves out files without any",
                check_vad="leaves out files without speech",
            ),
            *known(
                "DATA",
                "inert",
                "nor in nkululeko",
                min_dur_test="shortest audio of the test set in seconds",
                filter__sample_selection="what is filtered",
            ),
            *known(
                "DATA",
                "inert",
                "files are looked up beside the CSV and in the working directory, and absolute "
                "paths as they are",
                absolute_path="whether paths are absolute",
            ),
            *known(
                "DATA",
                "inert",
                "AUGMENT.sample_selection says what is augmented, EXPL.sample_selection what is "
                "drawn",
                sample_selection="what is augmented",
            ),
            *known(
                "DATA",
                "inert",
                "nor in nkululeko: the ending of the lists of segments is SEGMENT.segment_target",
                segment_target="ending of lists of segments",
            ),
        )
    ),
)
