"""Options of ``[SEGMENT]``."""

from __future__ import annotations

from izwi.config.options.option import Option, option, read_by
from izwi.config.options.sections.export import DEPTH, rate
from izwi.exporting import FORMATS
from izwi.segmentation import LONGEST_PAUSE, METHODS

OPTIONS: tuple[Option, ...] = (
    *read_by(
        "SEGMENT",
        "segment",
        option(
            "method",
            "str",
            "silero",
            "`silero`: stretches of speech; `fixed`: windows of one length",
            choices=METHODS,
        ),
        option(
            "sample_selection",
            "str",
            "all",
            "recordings to segment: all, or those of one part; the others stay whole",
            choices=("all", "train", "test"),
        ),
        option(
            "min_length",
            "float|bool",
            None,
            "shortest segment in seconds (default: any; with `fixed` half a window); shorter ones "
            "are left out and counted",
            minimum=0,
        ),
        option(
            "max_length",
            "float|bool",
            None,
            "longest stretch of speech in seconds; longer ones are cut into pieces of this length, "
            "and a rest that is shorter than `min_length` (default: 2, at most half of "
            "`max_length`) stays with the last piece",
            minimum=0,
        ),
        option("window", "float", None, "with `fixed`: length of a window in seconds", minimum=0),
        option(
            "hop",
            "float",
            None,
            "with `fixed`: seconds from one window to the next (default: the window)",
            minimum=0,
        ),
        option(
            "threshold",
            "float",
            0.5,
            "with `silero`: probability that begins speech",
            minimum=0,
            maximum=1,
        ),
        option(
            "min_speech",
            "float",
            0.25,
            "with `silero`: shorter stretches, in seconds, are no speech",
            minimum=0,
            maximum=LONGEST_PAUSE,
        ),
        option(
            "min_silence",
            "float",
            0.1,
            "with `silero`: shorter pauses, in seconds, are part of the speech",
            minimum=0,
            maximum=LONGEST_PAUSE,
        ),
        option(
            "pad",
            "float",
            0.03,
            "with `silero`: seconds added before and after each stretch",
            minimum=0,
            maximum=LONGEST_PAUSE,
        ),
        option(
            "include_silence_borders",
            "bool",
            False,
            "the list of gaps has also what is before the first and behind the last segment",
        ),
    ),
    *read_by(
        "SEGMENT",
        "export_data",
        option(
            "result",
            "str",
            None,
            "name of the list of segments; that of the gaps has `_silence` behind it (default: "
            "segmented.csv)",
        ),
        option(
            "segment_target",
            "str",
            None,
            "without `result`: ending that the name of the experiment gets for these lists",
            aliases=("target",),
        ),
        option("output_audio", "bool", False, "write segments and gaps as audio files, too"),
        option("audio_format", "str", "wav", "format of these files", choices=FORMATS),
        option("audio_dir", "str", "segments", "folder of these files"),
        rate(None, "sampling rate of these files in Hz (default: that of the originals)"),
        DEPTH,
    ),
)
