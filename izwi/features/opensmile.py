"""Features of openSMILE: every set of the package, as functionals or low-level descriptors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from izwi.config.options import Option, feature_option
from izwi.data.audio import BLOCK
from izwi.features.base import FrugalExtractor
from izwi.features.picture import Picture, cells

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Seconds from one frame to the next, in all sets.
STEP = 0.01
# Longer recordings (s) are handed over as a file, which openSMILE reads piece by piece: given the
# signal, it and its Python package keep five copies. The values are the same.
LONG = 300.0
# After a recording of this many seconds, the memory that openSMILE took is returned.
KEPT = 60.0
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


class OpenSmile(Picture, FrugalExtractor):
    """openSMILE's functionals, or its low-level descriptors: their mean and sd, or as frames.

    Audio is averaged over channels and, unless ``sampling_rate`` is given, analysed at its own
    rate. Values are float32, as openSMILE gives them.
    """

    name = "os"
    title: ClassVar[tuple[str, ...]] = ("set", "level")
    prefix = "os."
    packages = ("opensmile",)
    # Of frames: beginning of their columns, and what stands behind the last; undefined values are
    # 0 in openSMILE's frames, too.
    cell: ClassVar[str] = "lld"
    padding: ClassVar[float] = 0.0
    options: ClassVar[tuple[Option, ...]] = (
        feature_option(
            "set",
            default="eGeMAPSv02",
            doc="feature set of openSMILE",
            choices=SETS,
            aliases=("os.set",),
        ),
        feature_option(
            "level",
            default="functionals",
            doc="openSMILE: functionals of the recording, or lld: mean and standard deviation of "
            "each low-level descriptor, or frames: the descriptors over time, for a cnn",
            choices=("functionals", "lld", "frames"),
            aliases=("os.level",),
        ),
        feature_option(
            "sampling_rate",
            kind="int",
            default=None,
            doc="openSMILE: resample the audio to this rate in Hz before; absent: its own rate",
            minimum=1000,
            maximum=384000,
            aliases=("os.sampling_rate",),
        ),
        feature_option(
            "os.duration",
            kind="float",
            default=4.0,
            doc="openSMILE, level = frames: seconds of each recording that are kept; shorter ones "
            "are padded with zeros, longer ones are cut, with a warning",
            minimum=0.01,
            maximum=60,
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        import opensmile

        super().__init__(options)
        self.level = self.values.get("level", "frames")
        level = opensmile.FeatureLevel
        self.smile = opensmile.Smile(
            opensmile.FeatureSet[self.values["set"]],
            level.Functionals if self.level == "functionals" else level.LowLevelDescriptors,
        )
        self.columns = self.smile.feature_names
        if self.level == "lld":
            self.columns = [f"{n}_{s}" for s in ("mean", "std") for n in self.columns]
        # Sampling rate → its openSMILE run.
        self._kept: tuple[int, Any] = (0, None)
        self.asides: tuple[str, ...] = ()
        if self.level == "frames":
            self.asides = ("seconds",)
            option = f"{self.name}.duration"
            self.seen = (self.values[option], option)
            self.frames = max(1, round(self.values[option] / STEP))
            self.columns = cells(self.cell, len(self.columns), self.frames)

    @classmethod
    def idle(cls, options: dict[str, Any]) -> tuple[str, ...]:
        """Only frames have a duration; see the base class."""
        return () if options["level"] == "frames" else ("os.duration",)

    @classmethod
    def form(cls, options: dict[str, Any]) -> str:
        """Frames are a different form of features; see the base class."""
        return "os with level = frames" if options.get("level") == "frames" else cls.name

    def aside(self, signal: np.ndarray, rate: int) -> list[float]:
        """Duration of one row, if it matters; see the base class."""
        return super().aside(signal, rate) if self.asides else []

    def remarks(self, matrix: pd.DataFrame) -> list[str]:
        """How many rows were cut; see the base class."""
        return super().remarks(matrix) if self.asides else []

    def take(self, box: list[np.ndarray], rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np
        from opensmile.core.lib import OpenSmileException

        from izwi.data import audio

        signal = audio.mix(box.pop())
        if target := self.values["sampling_rate"]:
            signal, rate = audio.resample(signal, rate, target), target
        seconds = signal.shape[1] / rate
        box.append(signal)
        del signal
        try:
            frames = self._frames(box, rate)
        except OpenSmileException as error:
            raise audio.AudioError(f"openSMILE: {error}") from error
        if np.isnan(frames).all():
            raise audio.AudioError(f"{seconds:.3f} s are too short for {self.values['set']}")
        if self.level == "frames":
            kept = frames[:, : self.frames]
            rest = ((0, 0), (0, self.frames - kept.shape[1]))
            return np.pad(kept, rest, constant_values=self.padding).ravel()
        if self.level == "lld":
            values = frames.astype(np.float64)
            return np.concatenate([values.mean(axis=1), values.std(axis=1)]).astype(np.float32)
        return frames[:, 0].astype(np.float32)

    def _frames(self, box: list[np.ndarray], rate: int) -> np.ndarray:
        """openSMILE's output, shape (features, frames)."""
        seconds = box[0].shape[1] / rate
        # openSMILE accepts no other file names.
        if seconds <= LONG or not tempfile.gettempdir().isascii():
            return self._frames_of_signal(box[0], rate)
        with tempfile.TemporaryDirectory(prefix="izwi-") as folder:
            path, room = Path(folder) / "recording.wav", Path(folder) / "frames.conf"
            _write(path, box.pop(), rate)
            # Reserve room for all frames at once: openSMILE doubles its own whenever it is full.
            lines = ("growDyn = 1", "isRb = 0", f"nT = {int(seconds / STEP) + 100}")
            room.write_text("".join(f"writer.levelconf.{line}\n" for line in lines))
            return self._frames_of_file(str(path), str(room))

    def _frames_of_signal(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """The same for a signal of one channel, with a run that is reused for this rate.

        Setting up a new run for each recording would take a tenth of the time.
        """
        import numpy as np
        from opensmile.core.config import config

        kept_rate, run = self._kept
        self._kept = (0, None)
        if run is not None and kept_rate != rate:
            run.free()
        if run is None or kept_rate != rate:
            source = Path(self.smile.default_config_root) / config.EXTERNAL_INPUT_CONFIG
            run = self._run({"source": str(source), "sampleRate": rate, "nBits": 16})
        frames: list[np.ndarray] = []
        try:
            _collect(run, frames)
            samples = (_bounded(signal[0]) * 32768).astype(np.int16)
            run.external_audio_source_write_data(
                config.EXTERNAL_SOURCE_COMPONENT, samples.tobytes()
            )
            run.external_audio_source_set_eoi(config.EXTERNAL_SOURCE_COMPONENT)
            run.run()
            run.reset()
        except BaseException:
            run.free()
            raise
        # It would keep the last recording's callback and buffer.
        run._callbacks.clear()
        if len(samples) <= KEPT * rate:
            self._kept = (rate, run)
        else:
            run.free()
        if not frames:
            # Too short for a frame.
            return np.full((self.smile.num_features, 1), np.nan, np.float32)
        return np.stack(frames, axis=1)

    def _frames_of_file(self, path: str, room: str) -> np.ndarray:
        """The same for a file of one channel and 16 bits."""
        import numpy as np
        from opensmile.core.config import config

        source = Path(self.smile.default_config_root) / config.FILE_INPUT_CONFIG
        run = self._run({"source": str(source), "filename": path, "bufferModeConf": room})
        frames: list[np.ndarray] = []
        _collect(run, frames)
        run.run()
        run.free()
        return np.stack(frames, axis=1)

    def _run(self, options: dict[str, Any]) -> Any:
        """A run of openSMILE that is set up."""
        return self.smile._smile(self.smile._options() | options)


def _collect(run: Any, frames: list[np.ndarray]) -> None:
    """Make a run write its frames to a list."""
    from opensmile.core.config import config

    run.external_sink_set_callback_ex(
        config.EXTERNAL_OUTPUT_COMPONENT, lambda data, meta: frames.append(data.ravel().copy())
    )


def _bounded(signal: np.ndarray) -> np.ndarray:
    """Clip to 16 bits for openSMILE; samples beyond (from lossy codecs) would wrap around."""
    import numpy as np

    return np.clip(signal, -1, 32767 / 32768)


def _write(path: Path, signal: np.ndarray, rate: int) -> None:
    """Write a signal of one channel with the samples that openSMILE would be given."""
    import soundfile

    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for first in range(0, signal.shape[1], BLOCK):
            part = _bounded(signal[0, first : first + BLOCK])
            file.write((part * 32768).astype("int16"))
