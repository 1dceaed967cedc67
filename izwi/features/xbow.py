"""openSMILE's low-level descriptors of each frame, of which training makes bags of audio words."""

from __future__ import annotations

from typing import Any, ClassVar

from izwi.config.options import Option, feature_option
from izwi.features.opensmile import SETS, OpenSmile
from izwi.preprocessing.bags import CELL_NAME


class Xbow(OpenSmile):
    """The frames of a recording; undefined behind its end.

    What a word is depends on the training rows, so the bags are made there, by
    `izwi.preprocessing.bags`.
    """

    name = "xbow"
    title: ClassVar[tuple[str, ...]] = ("set",)
    prefix = "xbow."
    cell: ClassVar[str] = CELL_NAME
    padding: ClassVar[float] = float("nan")
    options: ClassVar[tuple[Option, ...]] = (
        feature_option(
            "set",
            default="eGeMAPSv02",
            doc="xbow: set of openSMILE whose low-level descriptors make words",
            choices=SETS,
            aliases=("xbow.set",),
        ),
        feature_option(
            "sampling_rate",
            kind="int",
            default=None,
            doc="xbow: resample the audio to this rate in Hz before; absent: its own rate",
            minimum=1000,
            maximum=384000,
            aliases=("xbow.sampling_rate",),
        ),
        feature_option(
            "xbow.duration",
            kind="float",
            default=10.0,
            doc="xbow: seconds of each recording that are kept; longer ones are cut, with a "
            "warning",
            minimum=0.01,
            maximum=60,
        ),
    )

    @classmethod
    def idle(cls, options: dict[str, Any]) -> tuple[str, ...]:
        """All have an effect; see the base class."""
        return ()
