"""Cepstral features and spectra as means and standard deviations over the frames.

docs/cepstra.md has the definitions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from izwi.config.options import Option, feature_option
from izwi.errors import UserError
from izwi.features import filters
from izwi.features.base import Extractor

if TYPE_CHECKING:
    import numpy as np

# Power below which a band is silent, and dB below the loudest band that count as well.
FLOOR, RANGE = 1e-10, 80.0
# SPTK's least amplitude of a band, and what it adds to the power.
LEAST_AMPLITUDE, ADDED = 1e-5, 1e-9
# Order of the mel-cepstrum, and the frequency warping for it: sampling rate → alpha of HTS.
ORDER = 24
ALPHA = {
    8000: 0.31,
    10000: 0.35,
    12000: 0.37,
    16000: 0.42,
    22050: 0.45,
    24000: 0.47,
    32000: 0.5,
    44100: 0.53,
    48000: 0.55,
}
LINEAR_BANDS = 128
PER_OCTAVE = 12
SPTK = ("stft", "fbank", "mcep", "chroma", "lfcc", "cqcc")


def _options(kind: str, *options: Option) -> tuple[Option, ...]:
    """Options of a kind of features, with the sampling rate that all have."""
    rate = feature_option(
        f"{kind}.sample_rate",
        "int",
        16000,
        f"{kind}: sampling rate of the analysis in Hz",
        minimum=2000,
        maximum=192000,
    )
    return (*options, rate)


def _samples(kind: str, name: str, default: int, doc: str) -> Option:
    return feature_option(
        f"{kind}.{name}", "int", default, f"{kind}: {doc}", minimum=1, maximum=65536
    )


def _count(kind: str, name: str, default: int, doc: str, most: int = 1024) -> Option:
    return feature_option(
        f"{kind}.{name}", "int", default, f"{kind}: {doc}", minimum=1, maximum=most
    )


class Statistics(Extractor):
    """Means and standard deviations of some values over the frames of a recording, float32.

    A subclass names its values and computes them frame by frame.
    """

    packages = ("numpy", "scipy", "audresample")

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.rate = self.values[f"{self.name}.sample_rate"]
        self.columns = [
            f"{name}_{statistic}" for name in self.names() for statistic in ("mean", "std")
        ]

    def value(self, option: str) -> Any:
        """The value of an option, whose name has the type in front."""
        return self.values[f"{self.name}.{option}"]

    def names(self) -> list[str]:
        """Names of the values of a frame."""
        raise NotImplementedError

    def frames(self, samples: np.ndarray) -> Iterable[np.ndarray]:
        """The values of all frames.

        Args:
            samples: shape (samples,), float64, at the sampling rate of the analysis

        Yields:
            shape (frames, values), some frames at a time
        """
        raise NotImplementedError

    def parts(self, samples: np.ndarray) -> Iterable[np.ndarray]:
        """Statistics of the values, all in the order of ``names``; arguments as of ``frames``."""
        yield summary(self.frames(samples))

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Compute the features of one row; see the base class."""
        import numpy as np

        from izwi.data import audio

        samples = audio.resample(audio.mix(signal), rate, self.rate)[0].astype(np.float64)
        return np.concatenate(list(self.parts(samples))).astype(np.float32)


class Mfcc(Statistics):
    """Mel-frequency cepstral coefficients, as librosa computes them."""

    name = "mfcc"
    prefix = "mfcc."
    options = _options(
        "mfcc",
        _count("mfcc", "n_mfcc", 20, "number of coefficients"),
        _count("mfcc", "n_mels", 128, "number of mel bands"),
        _samples("mfcc", "fft_length", 2048, "length of a frame in samples"),
        _samples("mfcc", "frame_period", 512, "samples from frame to frame"),
    )
    title = ("mfcc.n_mfcc",)

    @classmethod
    def content(cls, options: dict[str, Any]) -> None:
        """See the base class."""
        _at_most(cls, options, "n_mfcc", "n_mels")

    def names(self) -> list[str]:
        """See the base class."""
        return [f"mfcc_{i}" for i in range(self.value("n_mfcc"))]

    def frames(self, samples: np.ndarray) -> Iterable[np.ndarray]:
        """See the base class."""
        import numpy as np

        length = self.value("fft_length")
        padded = np.pad(samples, length // 2)
        bands = filters.slaney_mel(self.value("n_mels"), length, self.rate)
        spectra = filters.power(padded, _hann(length), self.value("frame_period"), length)
        yield cepstrum(decibel([part @ bands for part in spectra]), self.value("n_mfcc"))


class Lfcc(Statistics):
    """Linear-frequency cepstral coefficients, as torchaudio computes them."""

    name = "lfcc"
    prefix = "lfcc."
    options = _options(
        "lfcc",
        _count("lfcc", "n_lfcc", 40, "number of coefficients", LINEAR_BANDS),
        _samples("lfcc", "frame_length", 400, "length of a frame in samples"),
        _samples("lfcc", "frame_period", 80, "samples from frame to frame"),
        _samples("lfcc", "fft_length", 512, "length of the FFT in samples"),
    )
    title = ("lfcc.n_lfcc",)

    @classmethod
    def content(cls, options: dict[str, Any]) -> None:
        """See the base class."""
        _at_most(cls, options, "frame_length", "fft_length")

    def names(self) -> list[str]:
        """See the base class."""
        return [f"lfcc_{i}" for i in range(self.value("n_lfcc"))]

    def frames(self, samples: np.ndarray) -> Iterable[np.ndarray]:
        """See the base class."""
        return linear_cepstrum(
            samples,
            self.rate,
            self.value("frame_length"),
            self.value("frame_period"),
            self.value("fft_length"),
            self.value("n_lfcc"),
        )


class Cqcc(Statistics):
    """Constant-Q cepstral coefficients (Todisco et al. 2017)."""

    name = "cqcc"
    prefix = "cqcc."
    options = _options(
        "cqcc",
        _count("cqcc", "n_cqcc", 40, "number of coefficients"),
        _count("cqcc", "n_cqt_bins", 84, "number of bins, 12 per octave from 32.7 Hz up", 120),
        _samples("cqcc", "frame_period", 80, "samples from frame to frame"),
    )
    title = ("cqcc.n_cqcc",)

    @classmethod
    def content(cls, options: dict[str, Any]) -> None:
        """See the base class."""
        _at_most(cls, options, "n_cqcc", "n_cqt_bins")
        _below_nyquist(cls.name, _value(cls, options, "n_cqt_bins"), _rate(cls, options))

    def names(self) -> list[str]:
        """See the base class."""
        return [f"cqcc_{i}" for i in range(self.value("n_cqcc"))]

    def frames(self, samples: np.ndarray) -> Iterable[np.ndarray]:
        """See the base class."""
        hop, bins = self.value("frame_period"), self.value("n_cqt_bins")
        return constant_q_cepstrum(samples, self.rate, hop, bins, self.value("n_cqcc"))


class Sptk(Statistics):
    """Spectra, filter banks and cepstra, as diffsptk, torchaudio and librosa compute them."""

    name = "sptk"
    prefix = "sptk."
    options = _options(
        "sptk",
        feature_option(
            "sptk.features", "list", ["stft", "fbank"], "sptk: what to compute", choices=SPTK
        ),
        _samples("sptk", "frame_length", 400, "length of a frame in samples"),
        _samples("sptk", "frame_period", 80, "samples from frame to frame"),
        _samples("sptk", "fft_length", 512, "length of the FFT in samples"),
        _count("sptk", "n_channel", 128, "number of mel bands, and of pitch classes of chroma"),
    )
    # Coefficients of lfcc; coefficients and bins of cqcc.
    lfcc: ClassVar[int] = 40
    cqcc: ClassVar[tuple[int, int]] = (40, 84)

    @classmethod
    def content(cls, options: dict[str, Any]) -> None:
        """See the base class."""
        _at_most(cls, options, "frame_length", "fft_length")
        wanted, rate = _value(cls, options, "features"), _rate(cls, options)
        if "mcep" in wanted and rate not in ALPHA:
            raise UserError(
                f"[FEATS] sptk.sample_rate: mcep has no frequency warping for {rate} Hz; take "
                f"{', '.join(map(str, ALPHA))}"
            )
        if "mcep" in wanted and _value(cls, options, "fft_length") < 4 * ORDER:
            raise UserError(f"[FEATS] sptk.fft_length: mcep needs at least {4 * ORDER}")
        if "cqcc" in wanted:
            _below_nyquist(cls.name, cls.cqcc[1], rate)

    def kinds(self) -> list[str]:
        """What to compute, in a fixed order."""
        return [kind for kind in SPTK if kind in self.value("features")]

    def names(self) -> list[str]:
        """See the base class."""
        channels = self.value("n_channel")
        sizes = {
            "stft": self.value("fft_length") // 2 + 1,
            "fbank": channels,
            "mcep": ORDER + 1,
            "chroma": channels,
            "lfcc": self.lfcc,
            "cqcc": self.cqcc[0],
        }
        return [f"{kind}_{i}" for kind in self.kinds() for i in range(sizes[kind])]

    def parts(self, samples: np.ndarray) -> Iterable[np.ndarray]:
        """See the base class."""
        length, hop, fft = map(self.value, ("frame_length", "frame_period", "fft_length"))
        kinds = self.kinds()
        if set(kinds) - {"lfcc", "cqcc"}:
            yield summary(self.frames(samples))
        if "lfcc" in kinds:
            yield summary(linear_cepstrum(samples, self.rate, length, hop, fft, self.lfcc))
        if "cqcc" in kinds:
            count, bins = self.cqcc
            yield summary(constant_q_cepstrum(samples, self.rate, hop, bins, count))

    def frames(self, samples: np.ndarray) -> Iterable[np.ndarray]:
        """The values that follow from one spectrum; see the base class."""
        import numpy as np

        length, hop, fft = map(self.value, ("frame_length", "frame_period", "fft_length"))
        kinds, channels = self.kinds(), self.value("n_channel")
        window = np.blackman(length) if length > 1 else np.ones(1)
        window = window / np.sqrt((window**2).sum())
        padded = np.pad(samples, (length // 2, (length - 1) // 2))
        for spectra in filters.power(padded, window, hop, fft, ADDED):
            values = {"stft": spectra}
            if "fbank" in kinds:
                bands = np.sqrt(spectra) @ filters.htk_mel(channels, fft, self.rate)
                values["fbank"] = np.log(np.maximum(bands, LEAST_AMPLITUDE))
            if "mcep" in kinds:
                values["mcep"] = filters.mel_cepstrum(spectra, ORDER, ALPHA[self.rate])
            if "chroma" in kinds:
                classes = spectra @ filters.chroma(channels, fft, self.rate)
                values["chroma"] = classes / np.maximum(
                    np.abs(classes).max(axis=1, keepdims=True), 1e-12
                )
            yield np.hstack([values[kind] for kind in kinds if kind in values])


def summary(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Mean and standard deviation of each value, one after the other.

    Args:
        parts: of shape (frames, values)

    Returns:
        shape (2 x values,)
    """
    import numpy as np

    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for part in parts:
        # Pooled as by Chan et al. (1979), which loses no digits to large means.
        size, own = len(part), part.mean(axis=0)
        gap = own - mean
        squares = squares + part.var(axis=0) * size + gap**2 * count * size / (count + size)
        mean = mean + gap * size / (count + size)
        count += size
    return np.stack([mean, np.sqrt(squares / count)], axis=1).ravel()


def decibel(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Powers of bands in dB, none below 80 dB under the loudest."""
    import numpy as np

    level = 10 * np.log10(np.maximum(np.concatenate(list(parts)), FLOOR))
    return np.maximum(level, level.max() - RANGE)


def cepstrum(level: np.ndarray, count: int) -> np.ndarray:
    """The first coefficients of an orthonormal DCT of each frame."""
    from scipy.fft import dct

    return dct(level, axis=1, norm="ortho")[:, :count]


def linear_cepstrum(
    samples: np.ndarray, rate: int, length: int, hop: int, fft: int, count: int
) -> Iterable[np.ndarray]:
    """Coefficients of 128 bands of equal width in Hz, shape (frames, count)."""
    import numpy as np

    edge = (fft - length) // 2
    window = np.pad(_hann(length), (edge, fft - length - edge))
    # A mirror at both ends takes more than one sample.
    padded = np.pad(samples, fft // 2, mode="reflect" if len(samples) > 1 else "edge")
    corners = np.linspace(0, rate // 2, LINEAR_BANDS + 2)
    bands = filters.triangles(corners, np.linspace(0, rate // 2, fft // 2 + 1))
    spectra = filters.power(padded, window, hop, fft)
    yield cepstrum(decibel([part @ bands for part in spectra]), count)


def constant_q_cepstrum(
    samples: np.ndarray, rate: int, hop: int, bins: int, count: int
) -> Iterable[np.ndarray]:
    """Coefficients of the logarithm of a constant-Q spectrum, shape (frames, count)."""
    import numpy as np

    yield cepstrum(np.log(filters.constant_q(samples, rate, bins, PER_OCTAVE, hop) + 1e-8), count)


def _hann(length: int) -> np.ndarray:
    """A periodic Hann window."""
    import numpy as np

    return np.hanning(length + 1)[:-1]


def _value(cls: type[Statistics], options: dict[str, Any], name: str) -> Any:
    """An option's value or default."""
    full = f"{cls.name}.{name}"
    return options.get(full, next(one.default for one in cls.options if one.name == full))


def _rate(cls: type[Statistics], options: dict[str, Any]) -> int:
    return _value(cls, options, "sample_rate")


def _at_most(cls: type[Statistics], options: dict[str, Any], low: str, high: str) -> None:
    """Check that one option is not larger than another."""
    less, more = _value(cls, options, low), _value(cls, options, high)
    if less > more:
        raise UserError(f"[FEATS] {cls.name}.{low}: {less} is more than {cls.name}.{high}, {more}")


def _below_nyquist(name: str, bins: int, rate: int) -> None:
    """Check that the highest tone can be heard at a sampling rate."""
    highest = filters.C1 * 2 ** ((bins - 1) / PER_OCTAVE)
    if highest > rate / 2:
        raise UserError(
            f"[FEATS] {name}.sample_rate: cqcc goes up to {highest:.0f} Hz with {bins} bins, and "
            f"{rate} Hz reaches {rate / 2:.0f}; take fewer bins or a higher rate"
        )
