"""Spectra frame by frame, and the filters of cepstral features: plain numpy, float64."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Frames that are held at a time.
BLOCK = 2048
# Share of a kernel's largest value below which its spectrum is left out.
NEGLIGIBLE = 1e-6
# Hz of C1, the lowest tone of the constant-Q transform.
C1 = 440 * 2 ** (-45 / 12)


def blocks(samples: np.ndarray, length: int, hop: int) -> Iterator[np.ndarray]:
    """Overlapping frames, some at a time.

    Args:
        samples: shape (samples,), at least one frame long
        length: of a frame, in samples
        hop: from frame to frame, in samples

    Yields:
        shape (frames, length)
    """
    import numpy as np

    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    for start in range(0, len(frames), BLOCK):
        yield frames[start : start + BLOCK].astype(np.float64)


def power(
    samples: np.ndarray, window: np.ndarray, hop: int, length: int, eps: float = 0.0
) -> Iterator[np.ndarray]:
    """Power spectra of overlapping frames, some at a time.

    Args:
        samples: shape (samples,), padded
        window: shape (frame,)
        hop: from frame to frame, in samples
        length: of the FFT
        eps: is added to each value

    Yields:
        shape (frames, length / 2 + 1)
    """
    import numpy as np

    for frames in blocks(samples, len(window), hop):
        yield np.abs(np.fft.rfft(frames * window, length)) ** 2 + eps


@cache
def slaney_mel(bands: int, length: int, rate: int) -> np.ndarray:
    """Triangles on the mel scale of Slaney's Auditory Toolbox (1998), each of area 1.

    Args:
        bands: their number, from 0 Hz to half the rate
        length: of the FFT
        rate: in Hz

    Returns:
        shape (length / 2 + 1, bands)
    """
    import numpy as np

    # Linear up to 1 kHz, which is 15 mel; above, 27 mel are a factor of 6.4.
    top = 15 + 27 * np.log(rate / 2 / 1000) / np.log(6.4) if rate > 2000 else rate / 2 * 3 / 200
    mel = np.linspace(0, top, bands + 2)
    corners = np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
    return triangles(corners, np.fft.rfftfreq(length, 1 / rate)) * (
        2 / (corners[2:] - corners[:-2])
    )


@cache
def htk_mel(bands: int, length: int, rate: int) -> np.ndarray:
    """Triangles of height 1 and equal width on HTK's mel scale, 1127 ln(1 + f / 700).

    As in SPTK, the filters have no part in 0 Hz and in half the rate.

    Args:
        bands: their number, from 0 Hz to half the rate
        length: of the FFT
        rate: in Hz

    Returns:
        shape (length / 2 + 1, bands)
    """
    import numpy as np

    mel = 1127 * np.log1p(np.fft.rfftfreq(length, 1 / rate) / 700)
    weights = triangles(np.linspace(0, 1127 * np.log1p(rate / 2 / 700), bands + 2), mel)
    weights[[0, -1]] = 0
    return weights


def triangles(corners: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Triangles of height 1, each from one corner over the next to the second next.

    Args:
        corners: shape (bands + 2,), increasing
        bins: shape (bins,)

    Returns:
        shape (bins, bands)
    """
    import numpy as np

    widths = np.diff(corners)
    rise = (bins[:, None] - corners[:-2]) / widths[:-1]
    fall = (corners[2:] - bins[:, None]) / widths[1:]
    return np.maximum(0, np.minimum(rise, fall))


@cache
def chroma(classes: int, length: int, rate: int) -> np.ndarray:
    """Gaussians around pitch classes (Ellis 2007), weighted towards the fifth octave.

    Args:
        classes: per octave; the first one is C
        length: of the FFT
        rate: in Hz

    Returns:
        shape (length / 2 + 1, classes)
    """
    import numpy as np

    # Position of each FFT bin in pitch classes above A0; 0 Hz lies one and a half octaves below
    # the first.
    octaves = np.log2(np.arange(1, length) * rate / length / 27.5)
    position = classes * np.concatenate([[octaves[0] - 1.5], octaves])
    width = np.append(np.maximum(np.diff(position), 1), 1)
    half = round(classes / 2)
    distance = np.remainder(position[:, None] - np.arange(classes) + half, classes) - half
    weights = np.exp(-0.5 * (2 * distance / width[:, None]) ** 2)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    weights *= np.exp(-0.5 * ((position / classes - 5) / 2) ** 2)[:, None]
    # From A to C.
    return np.roll(weights, -3 * (classes // 12), axis=1)[: length // 2 + 1]


def constant_q(samples: np.ndarray, rate: int, bins: int, per_octave: int, hop: int) -> np.ndarray:
    """Magnitudes of the constant-Q transform (Brown 1991) from C1 up.

    Each bin has a Hann window of ``Q`` periods, centred on each frame, whose values add up to 1;
    its result is multiplied by the root of the window's length. ``Q`` is (r² + 1) / (r² - 1) for
    the ratio r of neighbouring bins.

    Args:
        samples: shape (samples,)
        rate: in Hz
        bins: their number
        per_octave: bins per octave
        hop: from frame to frame, in samples

    Returns:
        shape (frames, bins), frames = samples / hop + 1
    """
    import numpy as np

    frames = len(samples) // hop + 1
    found = np.empty((frames, bins))
    for low in range(0, bins, per_octave):
        high = min(low + per_octave, bins)
        kernels, band, length = _kernels(rate, low, high, per_octave)
        padded = np.pad(samples, length // 2)
        start = 0
        for block in blocks(padded, length, hop):
            spectra = np.fft.rfft(block)[:, band]
            stop = min(start + len(block), frames)
            found[start:stop, low:high] = np.abs(spectra @ kernels)[: stop - start]
            start = stop
    return found


@cache
def _kernels(rate: int, low: int, high: int, per_octave: int) -> tuple[np.ndarray, slice, int]:
    """Spectra of the windows of some bins, where they are in the spectrum, length of the FFT."""
    import numpy as np

    ratio = 2 ** (1 / per_octave)
    quality = (ratio**2 + 1) / (ratio**2 - 1)
    frequencies = C1 * ratio ** np.arange(low, high)
    longest = quality * rate / frequencies[0]
    length = 1 << int(np.ceil(np.log2(longest + 2)))
    times = np.arange(length) - length // 2
    kernels = []
    for frequency in frequencies:
        size = quality * rate / frequency
        window = np.where(np.abs(times) < size / 2, 0.5 + 0.5 * np.cos(2 * np.pi * times / size), 0)
        kernel = window / window.sum() * np.exp(2j * np.pi * frequency * times / rate)
        # Parseval: the sum over time as one over the spectrum, of which half is enough.
        kernels.append(np.sqrt(size) / length * np.conj(np.fft.fft(kernel)[: length // 2 + 1]))
    spectra = np.array(kernels).T
    loud = np.flatnonzero((np.abs(spectra) > NEGLIGIBLE * np.abs(spectra).max()).any(axis=1))
    band = slice(int(loud[0]), int(loud[-1]) + 1)
    return spectra[band], band, length


def mel_cepstrum(spectra: np.ndarray, order: int, alpha: float, steps: int = 10) -> np.ndarray:
    """Mel-cepstral coefficients (Fukada et al. 1992), by Newton's method.

    Args:
        spectra: power, shape (frames, bins), without zeros
        order: of the last coefficient
        alpha: of the all-pass that warps the frequencies
        steps: of Newton's method

    Returns:
        shape (frames, order + 1)
    """
    import numpy as np

    half = spectra.shape[1] - 1
    warp = _warping(half, order, alpha)
    unwarp = _warping(order, half, -alpha)
    wide = _correlation(half, 2 * order, alpha)
    target = (-alpha) ** np.arange(order + 1)
    index = np.arange(order + 1)
    toeplitz, hankel = np.abs(index[:, None] - index), index[:, None] + index
    log = np.log(spectra)
    cepstrum = np.fft.irfft(log)
    cepstrum[:, [0, half]] *= 0.5
    found = cepstrum[:, : half + 1] @ warp
    for _ in range(steps):
        model = np.fft.rfft(found @ unwarp, 2 * half).real
        rest = np.fft.irfft(np.exp(log - 2 * model))[:, : half + 1] @ wide
        matrix = rest[:, toeplitz] + rest[:, hankel]
        gap = rest[:, : order + 1] - target
        found = found + np.linalg.solve(matrix, gap[..., None])[..., 0]
    return found


@cache
def _warping(order: int, warped: int, alpha: float) -> np.ndarray:
    """Frequency transform of a cepstrum (Oppenheim and Johnson 1972).

    Each row is the one before it, sent through an all-pass.

    Returns:
        shape (order + 1, warped + 1)
    """
    import numpy as np
    from scipy.signal import lfilter

    rows = [np.eye(1, warped + 1)[0]]
    for _ in range(order):
        rows.append(lfilter([alpha, 1], [1, alpha], rows[-1]))
    return np.array(rows)


@cache
def _correlation(order: int, warped: int, alpha: float) -> np.ndarray:
    """Frequency transform of an autocorrelation; as that of a cepstrum, but for the first column.

    Returns:
        shape (order + 1, warped + 1)
    """
    import numpy as np
    from scipy.signal import lfilter

    rows = [(-alpha) ** np.arange(warped + 1)]
    for _ in range(order):
        sent = lfilter([alpha, 1], [1], rows[-1])
        sent[0] = 0
        rows.append(lfilter([1], [1, alpha], sent))
    return np.array(rows)
