"""Options of ``[FEATS]`` that all feature sets share."""

from __future__ import annotations

from izwi.config.options.option import Option, known, option, read_by
from izwi.preprocessing.bags import CODEBOOKS
from izwi.preprocessing.balancing import SAMPLERS
from izwi.preprocessing.scalers import FILLS, SCALERS

# Beginnings of nkululeko's types, to distinguish them from misspelt ones.
PEER_FEATURES = (
    "mos",
    "pesq",
    "sdr",
    "snr",
    "stoi",
    "xlm",
)

OPTIONS: tuple[Option, ...] = (
    *read_by(
        "FEATS",
        "features",
        option("type", "list", None, "feature types; their columns are joined (required)"),
        option(
            "fail_threshold",
            "float",
            0.0,
            "share (0 to 1) of a database's audio that may be unusable; it is left out, reported "
            "and counted (default: any unusable audio stops the experiment)",
            minimum=0,
            maximum=1,
            hint="a share, not percent: 0.05 for 5 %",
        ),
    ),
    *read_by(
        "FEATS",
        "train",
        option(
            "scale",
            "str",
            None,
            "how features are scaled, fitted on training rows; `speaker`: on the rows of each "
            "speaker",
            choices=tuple(SCALERS),
            aliases=("scaler",),
        ),
        option("features", "list", None, "features to use, by name (default: all)"),
        option(
            "nan_strategy",
            "str",
            None,
            "what undefined values become: `median` or `mean` of the training rows, `zero` "
            "(default: the median, where the model needs a number)",
            choices=tuple(FILLS),
        ),
        option(
            "xbow.size",
            "int",
            500,
            "xbow: number of words in the codebook",
            minimum=2,
            maximum=10_000,
            aliases=("size",),
        ),
        option(
            "xbow.assignments",
            "int",
            10,
            "xbow: number of nearest words that each frame counts for",
            minimum=1,
            maximum=1000,
            aliases=("assignments",),
        ),
        option(
            "xbow.codebook",
            "str",
            "random++",
            "xbow: how words are found among the frames of the training rows: `random` draws, "
            "`random++` draws that lie far apart, `kmeans++`",
            choices=CODEBOOKS,
        ),
        option(
            "balancing",
            "str",
            None,
            "how the classes of the training rows are balanced, after scaling",
            choices=("none", *SAMPLERS),
        ),
        option(
            "balancing_random_state",
            "int",
            None,
            "seed of balancing (default: EXP.seed)",
            minimum=0,
            maximum=2**31 - 1,
        ),
    ),
    *known(
        "FEATS",
        "inert",
        "",
        no_reuse="extracts again; izwi always remakes outdated files, and only these",
        store_format="file format of features; in izwi always Parquet",
        print_feats="prints the names of features",
        needs_feature_extraction="extracts again",
    ),
    *known(
        "FEATS",
        "unsupported",
        "list the features that you want from all feature types in FEATS.features",
        os__features="openSMILE features to use",
        praat__features="Praat features to use",
    ),
    *known(
        "FEATS",
        "inert",
        "nor in nkululeko; scale = speaker scales by speaker",
        scale_speakers="scales by speaker",
    ),
    *known(
        "FEATS",
        "inert",
        "izwi makes the bags itself",
        xbow__model="folder of openXBOW",
    ),
    *known(
        "FEATS",
        "unsupported",
        "set FEATS.type = ['xbow', 'os']",
        with_os="adds openSMILE's functionals to xbow",
    ),
    *known(
        "FEATS",
        "unsupported",
        "join the files yourself",
        import_files_append="whether imported files are joined by rows",
    ),
)
