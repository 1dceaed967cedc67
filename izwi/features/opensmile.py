"""Features of openSMILE: every set of the package, as functionals or low-level descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.features.base import Extractor
from izwi.options import Option

if TYPE_CHECKING:
    import numpy as np

SETS = (
    "ComParE_2016",
    "GeMAPS",
    "GeMAPSv01a",
    "GeMAPSv01b",
    "eGeMAPS",
    "eGeMAPSv01a",
    "eGeMAPSv01b",
    "eGeMAPSv02",
    "emobase",
    "IS09",
    "IS10",
    "IS11",
    "IS12",
    "IS13",
)


class OpenSmile(Extractor):
    """openSMILE's functionals, or mean and standard deviation of its low-level descriptors.

    Audio is averaged over channels and, unless ``sampling_rate`` is given, analysed at its own
    rate. Values are float32, as openSMILE gives them.
    """

    name = "os"
    title = ("set", "level")
    prefix = "os."
    packages = ("opensmile",)
    modules = ("features/opensmile.py",)
    options = (
        Option(
            "FEATS",
            "set",
            default="eGeMAPSv02",
            doc="feature set of openSMILE",
            stage="features",
            choices=SETS,
            aliases=("os.set",),
        ),
        Option(
            "FEATS",
            "level",
            default="functionals",
            doc="openSMILE: functionals of the recording, or lld: mean and standard deviation of "
            "each low-level descriptor",
            stage="features",
            choices=("functionals", "lld"),
            aliases=("os.level",),
        ),
        Option(
            "FEATS",
            "sampling_rate",
            kind="int",
            default=None,
            doc="openSMILE: resample the audio to this rate in Hz before; absent: its own rate",
            stage="features",
            minimum=1000,
            maximum=384000,
            aliases=("os.sampling_rate",),
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        import opensmile

        super().__init__(options)
        self.frames = self.values["level"] == "lld"
        level = opensmile.FeatureLevel
        self.smile = opensmile.Smile(
            opensmile.FeatureSet[self.values["set"]],
            level.LowLevelDescriptors if self.frames else level.Functionals,
        )
        names = self.smile.feature_names
        self.columns = (
            [f"{n}_{s}" for s in ("mean", "std") for n in names] if self.frames else names
        )

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np
        from opensmile.core.lib import OpenSmileException

        from izwi import audio

        signal = audio.mix(signal)
        if target := self.values["sampling_rate"]:
            signal, rate = audio.resample(signal, rate, target), target
        # openSMILE takes 16 bits, and samples beyond full scale (lossy codecs) would wrap around.
        signal = np.clip(signal, -1, 32767 / 32768)
        try:
            frames = self.smile(signal, rate)[0]
        except OpenSmileException as error:
            raise audio.AudioError(f"openSMILE: {error}") from error
        if np.isnan(frames).all():
            seconds = signal.shape[1] / rate
            raise audio.AudioError(f"{seconds:.3f} s are too short for {self.values['set']}")
        if self.frames:
            values = frames.astype(np.float64)
            return np.concatenate([values.mean(axis=1), values.std(axis=1)]).astype(np.float32)
        return frames[:, 0].astype(np.float32)
