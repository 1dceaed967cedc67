"""The kinds of degradation, and how their strengths are told."""

from __future__ import annotations

# Kind → option with its levels, empty if it has one strength.
LEVELS = {
    **dict.fromkeys(("white", "pink", "speech", "babble"), "robustness.snr"),
    "reverb": "robustness.rt60",
    "telephone": "",
    "lowpass": "robustness.limit",
    "clipping": "robustness.clipped",
}
WORDS = {
    "white": "white noise",
    "pink": "pink noise",
    "speech": "speech-shaped noise",
    "babble": "babble-like noise",
    "reverb": "reverberation",
    "telephone": "telephone",
    "lowpass": "low pass",
    "clipping": "clipping",
}
_UNITS = {
    "robustness.snr": "{:g} dB SNR",
    "robustness.rt60": "RT60 {:g} s",
    "robustness.limit": "up to {:g} Hz",
    "robustness.clipped": "{:g} % of the samples",
    "": "300 to 3400 Hz, G.711",
}


def strength(kind: str, level: float | None) -> str:
    """Strength of a degradation in words: ``10 dB SNR``."""
    text = _UNITS[LEVELS[kind]]
    return text if level is None else text.format(level)
