"""The transformations of auglib: rooms, music, babble, coughs, pink noise, crops.

What is mixed in are recordings of the user's, else synthetic sounds; the strengths are those of
nkululeko.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from izwi.augmentation import synthetic
from izwi.augmentation.chance import seeded
from izwi.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

# In the order in which they are applied.
TRANSFORMATIONS = ("cough", "room", "music", "babble", "noise", "crop")
# These need recordings.
OF_RECORDINGS = ("cough", "room", "music", "babble")
ENDINGS = (".wav", ".flac", ".ogg", ".mp3")
MOST_RECORDINGS = 100  # the first by name, which are kept in memory
# dB of the base over what is mixed in, and of the gain of music.
NOISE_SNR, MUSIC_SNR, BABBLE_SNR, MUSIC_GAIN = 10, 10, (13, 20), (-15, -10)
BABBLERS = (3, 7)
LAST_START = 0.95  # of a crop, relative to the length


def change(kind: str, options: dict[str, Any]) -> Callable[[np.ndarray, int, int], np.ndarray]:
    """The transformations, of the mean over channels.

    Args:
        kind: ``auglib``
        options: ``transformations``; ``bypass_prob``, probability that one of them is left out;
            ``crop_dur``, seconds; ``recordings``, folder of each of :data:`OF_RECORDINGS`, without
            which synthetic sounds are taken

    Raises:
        UserError: if recordings cannot be read
    """
    import numpy as np

    from izwi.data import audio

    @cache
    def at(rate: int) -> Any:
        return _built(options, rate)

    def transformed(signal: np.ndarray, rate: int, seed: int) -> np.ndarray:
        transform = at(rate)
        mono = np.ascontiguousarray(audio.mix(signal), dtype=np.float32)
        with seeded(seed):
            return np.atleast_2d(transform(mono, rate))

    return transformed


def recordings(folder: str) -> list[str]:
    """Paths of the recordings of a folder and its subfolders, by name."""
    found = [
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(ENDINGS)
    ]
    return sorted(found, key=lambda path: os.path.relpath(path, folder))[:MOST_RECORDINGS]


def _built(options: dict[str, Any], rate: int) -> Any:
    """auglib's transform for one sampling rate."""
    import auglib
    from auglib import observe, transform

    chance = options["bypass_prob"]
    steps = []
    for name in TRANSFORMATIONS:
        if name not in options["transformations"]:
            continue
        heard = _sounds(name, options["recordings"].get(name), rate)
        drawn = observe.List(heard, draw=True) if heard else None
        if name == "cough":
            steps.append(transform.Append(drawn, bypass_prob=chance))
        elif name == "room":
            steps.append(
                transform.FFTConvolve(
                    drawn, keep_tail=False, preserve_level=True, bypass_prob=chance
                )
            )
        elif name == "music":
            steps.append(
                transform.Mix(
                    drawn,
                    gain_aux_db=observe.IntUni(*MUSIC_GAIN),
                    read_pos_aux=observe.FloatUni(0, LAST_START),
                    unit="relative",
                    snr_db=MUSIC_SNR,
                    loop_aux=True,
                    bypass_prob=chance,
                )
            )
        elif name == "babble":
            steps.append(
                transform.BabbleNoise(
                    heard,
                    num_speakers=observe.IntUni(*BABBLERS),
                    snr_db=observe.IntUni(*BABBLE_SNR),
                    bypass_prob=chance,
                )
            )
        elif name == "noise":
            steps.append(transform.PinkNoise(snr_db=NOISE_SNR, bypass_prob=chance))
        else:
            steps.append(
                transform.Trim(
                    start_pos=auglib.Time(observe.FloatUni(0, LAST_START), unit="relative"),
                    duration=options["crop_dur"],
                    fill="loop",
                    unit="seconds",
                    bypass_prob=chance,
                )
            )
    return transform.Compose(steps)


def _sounds(name: str, folder: str | None, rate: int) -> list[np.ndarray]:
    """What a transformation mixes in, as arrays of shape (1, samples); empty if nothing."""
    if name not in OF_RECORDINGS:
        return []
    return _read(name, folder, rate) if folder else synthetic.made(name, rate)


def _read(name: str, folder: str, rate: int) -> list[np.ndarray]:
    """Recordings as arrays of shape (1, samples) at a sampling rate."""
    from izwi.data import audio

    found = []
    for path in recordings(folder):
        try:
            signal, own = audio.read(path)
        except audio.AudioError as error:
            raise UserError(f"[AUGMENT] {name}: {path}: {error}") from None
        found.append(audio.resample(audio.mix(signal), own, rate))
    return found
