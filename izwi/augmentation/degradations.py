"""Noise, rooms, telephones, clipping: what recordings elsewhere suffer from.

All of it is computed, nothing is recorded, so that a table of robustness can be had anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Degrade = Callable[[np.ndarray, int, float, np.random.Generator], np.ndarray]

# Samples of noise made at once, so that hours of audio need little memory.
BLOCK = 2**20
# Long-term average speech, levels of third-octave bands in dB: Byrne et al., "An international
# comparison of long-term average speech spectra", JASA 96 (1994), male and female voices.
BANDS = (
    *(63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000),
    *(2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000),
)  # Hz
LEVELS = (
    *(38.6, 43.5, 54.4, 57.7, 56.8, 60.2, 60.3, 59.0, 62.1, 62.1, 60.5, 56.8, 53.7, 53.0, 52.0),
    *(48.7, 48.1, 46.8, 45.6, 44.5, 44.3, 43.7, 43.4, 41.3, 40.7),
)
# Voices of the babble, and the rates at which their level changes, those of syllables.
VOICES = 6
SYLLABLES = (1.0, 8.0)  # Hz
# The telephone: Hz, and the companding of G.711.
NARROW, TELEPHONE_RATE, MU = (300.0, 3400.0), 8000, 255.0
ORDER = 4  # of Butterworth filters, applied forwards and backwards


def change(kind: str, options: dict[str, Any]) -> Callable[[np.ndarray, int, int], np.ndarray]:
    """A degradation.

    Args:
        kind: one of :data:`DEGRADATIONS`
        options: ``level``: SNR in dB of a noise, reverberation time in s, upper limit in Hz,
            clipped samples in percent; None for a telephone
    """
    import numpy as np

    level = options["level"]

    def degrade(signal: np.ndarray, rate: int, seed: int) -> np.ndarray:
        return DEGRADATIONS[kind](signal, rate, level, np.random.default_rng(seed))

    return degrade


def at_snr(signal: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """A signal with noise; digital silence stays as it is.

    Args:
        signal: shape (channels, samples)
        noise: shape (samples,)
        snr: 10 log10 of the mean power of the signal over that of the noise, both of the whole
            recording with its pauses, dB
    """
    import numpy as np

    power = float(np.mean(signal.astype(np.float64) ** 2))
    gain = np.sqrt(power / np.mean(noise**2) / 10 ** (snr / 10))
    return signal + gain * noise


def white(signal: np.ndarray, rate: int, snr: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise with equal power in all Hz."""
    return at_snr(signal, coloured(signal.shape[1], rate, lambda f: 1 + 0 * f, rng), snr)


def pink(signal: np.ndarray, rate: int, snr: float, rng: np.random.Generator) -> np.ndarray:
    """Noise with equal power in all octaves above 20 Hz."""
    import numpy as np

    return at_snr(
        signal, coloured(signal.shape[1], rate, lambda f: 1 / np.sqrt(np.maximum(f, 20)), rng), snr
    )


def speech(signal: np.ndarray, rate: int, snr: float, rng: np.random.Generator) -> np.ndarray:
    """Stationary noise with the long-term spectrum of speech."""
    return at_snr(signal, coloured(signal.shape[1], rate, speech_spectrum, rng), snr)


def babble(signal: np.ndarray, rate: int, snr: float, rng: np.random.Generator) -> np.ndarray:
    """Like many voices: speech-shaped noises, each with a level that changes like syllables.

    No speech is in it.
    """
    import numpy as np

    n = signal.shape[1]
    total = np.zeros(n)
    for _ in range(VOICES):
        slow = coloured(
            n, rate, lambda f: ((f >= SYLLABLES[0]) & (f <= SYLLABLES[1])).astype(float), rng
        )
        spread = slow.std()
        envelope = np.exp(slow / spread) if spread > 0 else 1.0
        total += coloured(n, rate, speech_spectrum, rng) * envelope
    return at_snr(signal, total, snr)


def reverb(signal: np.ndarray, rate: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A room: as much power from its walls as from the speaker, and the level of before.

    Args:
        signal: shape (channels, samples)
        rate: Hz
        seconds: reverberation time RT60
        rng: makes the room
    """
    import numpy as np
    from scipy.signal import oaconvolve

    response = room(rate, seconds, rng)
    wet = oaconvolve(signal.astype(np.float64), response[None], axes=1)[:, : signal.shape[1]]
    before, after = np.mean(signal.astype(np.float64) ** 2), np.mean(wet**2)
    return wet * np.sqrt(before / after) if after > 0 else wet


def room(rate: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Impulse response of a room: the direct sound, then noise that decays by 60 dB in RT60.

    After Polack, "La transmission de l'énergie sonore dans les salles" (1988).

    Args:
        rate: Hz
        seconds: reverberation time RT60
        rng: makes the noise

    Returns:
        shape (samples,); the direct sound has as much power as all that follows
    """
    import numpy as np

    time = np.arange(1, max(2, round(seconds * rate))) / rate
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    return np.concatenate([[1.0], tail / np.sqrt(np.sum(tail**2))])


def telephone(signal: np.ndarray, rate: int, level: Any, rng: Any) -> np.ndarray:
    """300 to 3400 Hz at 8 kHz, in the 8 bits of G.711 (mu-law)."""
    import numpy as np

    from izwi.data import audio

    n = signal.shape[1]
    narrow = _filtered(signal, rate, NARROW).astype(np.float32)
    low = audio.resample(narrow, rate, TELEPHONE_RATE).astype(np.float64)
    peak = max(1.0, float(np.abs(low).max(initial=0.0)))
    loud = np.sign(low) * np.log1p(MU * np.abs(low) / peak) / np.log1p(MU)
    coded = np.round(loud * 127) / 127
    low = np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(MU)) / MU * peak
    back = audio.resample(low.astype(np.float32), TELEPHONE_RATE, rate)[:, :n]
    return np.pad(back, ((0, 0), (0, n - back.shape[1])))


def lowpass(signal: np.ndarray, rate: int, limit: float, rng: Any) -> np.ndarray:
    """Nothing above a limit, as of a low sampling rate."""
    return signal if limit >= rate / 2 else _filtered(signal, rate, (0.0, limit))


def clipping(signal: np.ndarray, rate: int, percent: float, rng: Any) -> np.ndarray:
    """The loudest samples cut to one level, as of a microphone that is too close."""
    import numpy as np

    limit = np.quantile(np.abs(signal), 1 - percent / 100)
    return np.clip(signal, -limit, limit)


DEGRADATIONS: dict[str, Degrade] = {
    "white": white,
    "pink": pink,
    "speech": speech,
    "babble": babble,
    "reverb": reverb,
    "telephone": telephone,
    "lowpass": lowpass,
    "clipping": clipping,
}


def coloured(
    n: int, rate: int, spectrum: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Gaussian noise with a spectrum.

    Args:
        n: samples
        rate: Hz
        spectrum: amplitude of frequencies in Hz
        rng: source of randomness

    Returns:
        shape (samples,), in blocks that are independent of each other
    """
    import numpy as np
    from scipy.fft import next_fast_len

    blocks = []
    for first in range(0, n, BLOCK):
        # One second at least, so that slow changes can be had in short recordings, too.
        wanted = min(BLOCK, n - first)
        size = next_fast_len(max(wanted, rate), real=True)
        weight = spectrum(np.fft.rfftfreq(size, 1 / rate))
        weight[0] = 0
        block = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * weight, size)
        blocks.append(block[:wanted])
    return np.concatenate(blocks)


def speech_spectrum(frequency: np.ndarray) -> np.ndarray:
    """Amplitude of long-term average speech, with nothing beyond its bands."""
    import numpy as np

    centre = np.array(BANDS, dtype=float)
    density = np.array(LEVELS) - 10 * np.log10(centre * (2 ** (1 / 6) - 2 ** (-1 / 6)))
    log = np.log(np.maximum(frequency, 1e-3))
    level = np.interp(log, np.log(centre), density - density.max())
    inside = (frequency >= BANDS[0]) & (frequency <= BANDS[-1])
    return np.where(inside, 10 ** (level / 20), 0.0)


def _filtered(signal: np.ndarray, rate: int, band: tuple[float, float]) -> np.ndarray:
    """A band of a signal, without a delay; limits beyond the signal's own cut nothing."""
    import numpy as np
    from scipy.signal import butter, sosfiltfilt

    low, high = band
    upper = high < 0.49 * rate
    if not upper and not low:
        return signal
    kind = "bandpass" if low and upper else "lowpass" if upper else "highpass"
    limits = {"bandpass": band, "lowpass": high, "highpass": low}[kind]
    sections = butter(ORDER, limits, kind, fs=rate, output="sos")
    pad = min(3 * (2 * len(sections) + 1), max(0, signal.shape[1] - 1))
    return sosfiltfilt(sections, signal.astype(np.float64), axis=1, padlen=pad)
