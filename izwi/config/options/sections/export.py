"""Options of the sections that write data: ``[EXPORT]`` and ``[RESAMPLE]``."""

from __future__ import annotations

from izwi.config.options.option import Option, known, option, read_by
from izwi.data import RATES
from izwi.exporting import BITS, FORMATS

ALWAYS = option(
    "always",
    "bool",
    False,
    "also beside a model; else the section has no effect there, as in nkululeko's main command",
)
DEPTH = option(
    "bit_depth",
    "int",
    16,
    "bits of a sample of new files; 32 is float, for wav",
    choices=BITS,
)
SELECTION = option(
    "sample_selection",
    "str",
    "all",
    "rows to write: all, or those of one part",
    choices=("all", "train", "test"),
)


def rate(default: int | None, doc: str) -> Option:
    """A sampling rate."""
    return option(
        "sampling_rate",
        "int",
        default,
        doc,
        minimum=RATES[0],
        maximum=RATES[1],
        aliases=("sample_rate",),
    )


OPTIONS: tuple[Option, ...] = (
    *read_by(
        "EXPORT",
        "export_data",
        option(
            "target_root",
            "path",
            None,
            "where a link leads to the exported folder, relative to the working directory",
            aliases=("root",),
        ),
        option(
            "orig_root",
            "path",
            None,
            "folder of the originals; paths below it are kept (default: what all files share)",
        ),
        option("data_name", "str", "export", "name of the tables"),
        option(
            "segments_as_files",
            "bool",
            False,
            "rows that are parts of files become files; else whole files are written, and tables "
            "have start and end",
        ),
        rate(None, "sampling rate of the audio in Hz (default: that of the originals)"),
        option(
            "format",
            "str",
            None,
            "format of the audio (default: originals are copied byte by byte)",
            choices=FORMATS,
        ),
        DEPTH,
        SELECTION,
        ALWAYS,
    ),
    *known(
        "EXPORT",
        "inert",
        "as in nkululeko's main command; see izwi archive",
        bundle_path="folder of a bundled model",
    ),
    *read_by(
        "RESAMPLE",
        "export_data",
        rate(16_000, "sampling rate of the audio in Hz"),
        option("format", "str", "wav", "format of the audio", choices=FORMATS),
        DEPTH,
        option("target", "str", "resampled.csv", "name of the table"),
        option("replace", "bool", False, "accepted: originals are never overwritten here"),
        SELECTION,
        ALWAYS,
    ),
)
