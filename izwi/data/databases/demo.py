"""The embedded data set: emotional speech that espeak-ng synthesises on the user's machine.

No human voice is in it: emotions are rules for rate, pitch, range, loudness and pauses with
seeded variation. It shows that a workflow runs, and says nothing about people.
"""

from __future__ import annotations

import csv
import ctypes
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Part of the keys: raise it with every change that alters a byte of the data.
RECIPE = "synthetic-1"
COLUMNS = ("file", "speaker", "gender", "language", "emotion", "text", "source")

_RATE = 16000
_VOICES = {
    "de": ("m1", "m4", "m8", "f1", "f4"),
    "en": ("m2", "m5", "f2", "f5"),
    "pl": ("m3", "m6", "m7", "f3"),
}
_SENTENCES = {
    "de": (
        "Der Zug kommt heute zehn Minuten später.",
        "Ich habe das Fenster im Bad offen gelassen.",
        "Am Samstag gehen wir auf den Markt.",
        "Die Tasche steht noch unter dem Tisch.",
        "Morgen früh hole ich dich am Bahnhof ab.",
        "Im Garten blühen schon die ersten Rosen.",
    ),
    "en": (
        "The keys are on the kitchen table.",
        "We will meet them after lunch on Friday.",
        "She took the early bus to the city.",
        "There is a letter for you by the door.",
        "I put the milk back into the fridge.",
        "They are painting the house next week.",
    ),
    "pl": (
        "Klucze leżą na stole w kuchni.",
        "Jutro rano pojedziemy nad jezioro.",
        "Autobus odjeżdża za dziesięć minut.",
        "Zostawiłem parasol w twoim samochodzie.",
        "W sobotę kupimy chleb i owoce.",
        "Ona mieszka teraz blisko dworca.",
    ),
}


@dataclass(frozen=True)
class _Style:
    """How an emotion differs from the voice's habit.

    Args:
        rate: factor of words per minute
        pitch: shift on espeak's scale of 0 to 100
        range: shift of the range on espeak's scale of 0 to 100
        loudness: dB
        pause: silence between words in units of 10 ms
    """

    rate: float
    pitch: float
    range: float
    loudness: float
    pause: float


_EMOTIONS = {
    "anger": _Style(rate=1.15, pitch=8, range=10, loudness=6, pause=0),
    "happiness": _Style(rate=1.05, pitch=18, range=30, loudness=2, pause=0),
    "neutral": _Style(rate=1.0, pitch=0, range=0, loudness=0, pause=1),
    "sadness": _Style(rate=0.86, pitch=-7, range=-18, loudness=-4, pause=4),
}
# Standard deviation of an utterance about its emotion, so that emotions overlap.
_SPREAD = _Style(rate=0.04, pitch=4, range=6, loudness=1.2, pause=0.8)


def synthesise(folder: str | Path, *, seed: int = 1) -> None:
    """Write the data set: ``demo.csv``, ``README.md`` and ``wav/`` (16 kHz, mono, 16 bit).

    The same seed and recipe give the same bytes.

    Args:
        folder: where to put it
        seed: seed of the variation between speakers and utterances

    Raises:
        OSError: if the folder takes no files
        RuntimeError: if the synthesis fails
    """
    # espeak-ng carries state from one utterance to the next that it never resets: only a process
    # of its own gives the same bytes each time.
    root = str(Path(__file__).parents[3])
    search = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    # It reads from a pipe that ends with this process, however that ends; see `_follow`.
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(Path(folder).absolute()), str(seed)],
            env={**os.environ, "PYTHONPATH": search},
            stdin=reading,
            capture_output=True,
            text=True,
        )
    finally:
        os.close(reading)
        os.close(writing)
    if refused := re.search(r"^\w+: \[Errno (\d+)\]", done.stderr, re.MULTILINE):
        number = int(refused[1])
        raise OSError(number, os.strerror(number), str(folder))
    if done.returncode:
        raise RuntimeError(f"the synthesis of the embedded data set failed:\n{done.stderr}")


def _follow() -> None:
    """End this process with the one that waits for it: nobody else would stop its writing."""
    os.read(0, 1)
    os._exit(1)


def _synthesise(folder: Path, seed: int) -> None:
    import numpy as np
    import soundfile

    say = _espeak(seed)
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    rows = []
    for language, voices in _VOICES.items():
        for voice in voices:
            habit = _Style(
                rate=165 * random.normal(1, 0.06),
                pitch=random.normal(45, 5),
                range=random.normal(50, 4),
                loudness=random.normal(-26, 1),
                pause=0,
            )
            for emotion, style in _EMOTIONS.items():
                for number, text in enumerate(_SENTENCES[language], start=1):
                    spoken = _vary(habit, style, random)
                    samples = say(text, f"{language}+{voice}", spoken)
                    file = f"wav/{language}_{voice}_{emotion}_{number}.wav"
                    # libsndfile does not say why a disk refuses a file.
                    content = io.BytesIO()
                    soundfile.write(content, samples, _RATE, format="WAV", subtype="PCM_16")
                    (folder / file).write_bytes(content.getvalue())
                    gender = "female" if voice.startswith("f") else "male"
                    speaker = f"{language}_{voice}"
                    rows.append((file, speaker, gender, language, emotion, text, "synthetic"))
    with open(folder / "demo.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])
    (folder / "README.md").write_text(_readme(len(rows), seed), encoding="utf-8")


def _vary(habit: _Style, style: _Style, random: Any) -> _Style:
    """One utterance of a voice with an emotion."""
    return _Style(
        rate=habit.rate * style.rate * random.normal(1, _SPREAD.rate),
        pitch=habit.pitch + style.pitch + random.normal(0, _SPREAD.pitch),
        range=habit.range + style.range + random.normal(0, _SPREAD.range),
        loudness=habit.loudness + style.loudness + random.normal(0, _SPREAD.loudness),
        pause=style.pause + random.normal(0, _SPREAD.pause),
    )


def _espeak(seed: int) -> Callable[[str, str, _Style], Any]:
    """A function that speaks a text with a voice in a style: samples at 16 kHz."""
    import audresample
    import espeakng_loader
    import numpy as np

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    # Synchronous output to a callback; an error comes back instead of ending the process.
    rate = library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0x8000)
    if rate <= 0:
        raise RuntimeError("espeak-ng does not find its voices")
    # Breathy voices are noise, which starts from the time of day unless told otherwise.
    library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
    chunks: list[bytes] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    def collect(samples: int | None, count: int, _events: int) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    library.espeak_SetSynthCallback(collect)

    def say(text: str, voice: str, style: _Style) -> np.ndarray:
        if library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"espeak-ng has no voice {voice}")
        limits = {1: (style.rate, 80, 450), 3: (style.pitch, 0, 99), 4: (style.range, 0, 99)}
        limits[7] = (style.pause, 0, 20)
        for parameter, (value, low, high) in limits.items():
            library.espeak_SetParameter(parameter, round(min(max(value, low), high)), 0)
        chunks.clear()
        content = text.encode()
        # Position types and flags: by characters from 0 to the end, UTF-8.
        if library.espeak_Synth(content, len(content) + 1, 0, 1, 0, 1, None, None):
            raise RuntimeError(f"espeak-ng cannot speak '{text}'")
        library.espeak_Synchronize()
        # The callback must outlive every call.
        assert collect is not None
        samples = np.frombuffer(b"".join(chunks), dtype=np.int16).astype(np.float32) / 32768
        samples = audresample.resample(samples, rate, _RATE)[0]
        level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
        samples = samples * (10 ** (style.loudness / 20) / level)
        return samples / max(1.0, float(np.abs(samples).max()))

    return say


def _readme(count: int, seed: int) -> str:
    voices = sum(len(names) for names in _VOICES.values())
    return (
        "# Synthetic speech\n\n"
        f"{count} utterances in German, English and Polish by {voices} voices of the speech "
        "synthesiser espeak-ng.\nNo human speaks here: four emotions (anger, happiness, neutral, "
        "sadness) are rules for rate, pitch, range,\nloudness and pauses with seeded variation. "
        "Results on it show that a workflow runs, and nothing about people.\n\n"
        f"Recipe {RECIPE}, seed {seed}. Labels: demo.csv (column `source` is `synthetic` "
        "throughout).\n"
    )


if __name__ == "__main__":
    threading.Thread(target=_follow, daemon=True).start()
    _synthesise(Path(sys.argv[1]), int(sys.argv[2]))
