"""What is mixed in where an ini names no recordings: synthetic rooms, babble, music and coughs.

Nobody speaks, plays or coughs in them. They are the same on every computer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Of each kind so many are made, for chance to choose from.
NUMBER = 8
ROOMS = (0.2, 1.0)  # RT60, s
BABBLE_SECONDS, MUSIC_SECONDS = 5.0, 6.0
COUGHS = (0.3, 0.6)  # s
COUGH_BAND = (250.0, 3500.0)  # Hz
CHORD = (0, 4, 7, 12)  # semitones above the root: a major chord
HARMONICS = 6
LEVEL = 0.1  # RMS


def made(name: str, rate: int) -> list[np.ndarray]:
    """Sounds of one kind.

    Args:
        name: ``room``, ``babble``, ``music`` or ``cough``
        rate: sampling rate, Hz

    Returns:
        arrays of shape (1, samples); impulse responses of rooms begin with the direct sound
    """
    import numpy as np

    rng = np.random.default_rng(list(name.encode()))
    return [
        np.ascontiguousarray(MAKERS[name](rate, rng), dtype=np.float32)[None] for _ in range(NUMBER)
    ]


def _room(rate: int, rng: np.random.Generator) -> np.ndarray:
    from izwi.augmentation.degradations import room

    return room(rate, rng.uniform(*ROOMS), rng)


def _babble(rate: int, rng: np.random.Generator) -> np.ndarray:
    from izwi.augmentation.degradations import coloured, speech_spectrum

    return _levelled(coloured(round(BABBLE_SECONDS * rate), rate, speech_spectrum, rng))


def _music(rate: int, rng: np.random.Generator) -> np.ndarray:
    """A broken chord, each tone with decaying harmonics."""
    import numpy as np

    n = round(MUSIC_SECONDS * rate)
    time, total = np.arange(n) / rate, np.zeros(n)
    root = 110 * 2 ** (rng.integers(0, 13) / 12)
    step = rng.uniform(0.2, 0.5)
    for beat in range(int(MUSIC_SECONDS / step)):
        tone = root * 2 ** (rng.choice(CHORD) / 12)
        since = time - beat * step
        envelope = np.where(since >= 0, np.exp(-3 * np.maximum(since, 0)), 0)
        for harmonic in range(1, HARMONICS + 1):
            if harmonic * tone < rate / 2:
                total += envelope * np.sin(2 * np.pi * harmonic * tone * since) / harmonic**2
    return _levelled(total)


def _cough(rate: int, rng: np.random.Generator) -> np.ndarray:
    """A burst of noise that decays, and a weaker one behind it."""
    import numpy as np

    from izwi.augmentation.degradations import coloured

    seconds = rng.uniform(*COUGHS)
    n = round(seconds * rate)
    low, high = COUGH_BAND

    def burst(f: np.ndarray) -> np.ndarray:
        return ((f >= low) & (f <= high)) / np.sqrt(np.maximum(f, low))

    relative = np.arange(n) / n
    envelope = np.exp(-8 * relative)
    second = rng.uniform(0.5, 0.7)
    envelope += 0.4 * np.where(relative >= second, np.exp(-12 * (relative - second)), 0)
    return _levelled(coloured(n, rate, burst, rng) * envelope)


def _levelled(signal: np.ndarray) -> np.ndarray:
    import numpy as np

    return signal * LEVEL / np.sqrt(np.mean(signal**2))


MAKERS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "room": _room,
    "babble": _babble,
    "music": _music,
    "cough": _cough,
}
