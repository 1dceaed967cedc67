"""Speech quality as listeners would rate it, by DNSMOS; its weights lie in the package speechmos.

DNSMOS P.835: C. K. A. Reddy, V. Gopal & R. Cutler, ICASSP 2022, arXiv 2110.01763; DNSMOS (P.808):
the same, ICASSP 2021, arXiv 2010.15258. Only the package's weights are used, by onnxruntime.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from izwi.features import bundled
from izwi.features.base import Extractor

if TYPE_CHECKING:
    import numpy as np

RATE = 16000
# Seconds that the nets hear at once; a window starts each second.
WINDOW = 9.01
_P835, _P808 = "dnsmos_models/sig_bak_ovr.onnx", "dnsmos_models/model_v8.onnx"
# From the outputs of the net to ratings, as the authors fitted them: signal, background, overall.
_POLYNOMIALS = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)
# The spectrogram of the P.808 net; its last samples are left out.
_FFT, _HOP, _BANDS, _CUT = 321, 160, 120, 160
_LEAST, _RANGE = 1e-10, 80.0


class Dnsmos(Extractor):
    """Predicted mean opinion scores (1 to 5) of a recording at 16 kHz, by DNSMOS.

    ``sig``, ``bak`` and ``ovrl`` are the quality of the speech, of the background and of the whole
    (P.835), ``p808`` the overall quality by the net trained on P.808 ratings. Each is the mean over
    windows of 9.01 s, one each second. A shorter recording is repeated. Values are float64.
    """

    name = "dnsmos"
    prefix = "dnsmos."
    packages = ("numpy", "onnxruntime", "speechmos", "audresample")
    environment = "bundled"

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.columns = ["sig", "bak", "ovrl", "p808"]

    @classmethod
    def content(cls, options: dict[str, Any]) -> None:
        """Check that the packages are there; see the base class.

        Raises:
            UserError: names the extra
        """
        where = f"[FEATS] type: {cls.name}"
        bundled.file_of("speechmos", "speechmos", _P835, where)
        bundled.file_of("onnxruntime", "onnxruntime", "__init__.py", where)

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np

        windows = _windows(signal, rate)
        found = [[*_ratings(window), _overall(window)] for window in windows]
        return np.array(found, dtype=np.float64).mean(axis=0)


class Mos(Dnsmos):
    """Predicted mean opinion score (1 to 5) of a recording: the overall quality of DNSMOS P.835.

    It is the column ``ovrl`` of :class:`Dnsmos`.
    """

    name = "mos"
    prefix = ""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.columns = ["mos"]

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np

        return np.array([np.mean([_ratings(window)[2] for window in _windows(signal, rate)])])


def _windows(signal: np.ndarray, rate: int) -> list[np.ndarray]:
    """What the nets hear of a recording, float32, each of shape (samples of `WINDOW`,)."""
    import numpy as np

    from izwi.data import audio

    mono = audio.resample(audio.mix(signal), rate, RATE)[0].astype(np.float32)
    if not len(mono):
        raise audio.AudioError("no sample is left at 16 kHz")
    length = int(WINDOW * RATE)
    # The recording is doubled, not filled, as the authors do it.
    while len(mono) < length:
        mono = np.concatenate([mono, mono])
    number = int(len(mono) // RATE - WINDOW) + 1
    parts = [mono[i * RATE : int((i + WINDOW) * RATE)] for i in range(number)]
    return [part for part in parts if len(part) >= length]


def _ratings(window: np.ndarray) -> list[float]:
    """Ratings of signal, background and whole (P.835)."""
    import numpy as np

    raw = _session(_P835).run(None, {"input_1": window[None]})[0][0]
    return [float(np.polyval(p, value)) for p, value in zip(_POLYNOMIALS, raw, strict=True)]


def _overall(window: np.ndarray) -> float:
    """Rating of the whole (P.808)."""
    spectrogram = _log_mel(window[:-_CUT])[None]
    return float(_session(_P808).run(None, {"input_1": spectrogram})[0][0][0])


def _log_mel(samples: np.ndarray) -> np.ndarray:
    """The input of the P.808 net: bands in dB below the loudest, (dB + 40)/40, (frames, bands)."""
    import numpy as np

    padded = np.pad(samples, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    mel = np.maximum(power @ _mel_filters(), _LEAST)
    decibels = 10 * np.log10(mel / mel.max())
    return ((np.maximum(decibels, -_RANGE) + 40) / 40).astype(np.float32)


@cache
def _mel_filters() -> np.ndarray:
    """Triangles on Slaney's mel scale, 0 Hz to 8 kHz, each of the same area, (bins, bands)."""
    from izwi.features import filters

    return filters.slaney_mel(_BANDS, _FFT, RATE)


@cache
def _session(file: str) -> Any:
    """A net of the package; all threads share it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # The rows of a table are shared among threads; sums in one order give one result.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = bundled.file_of("speechmos", "speechmos", file, "DNSMOS")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
