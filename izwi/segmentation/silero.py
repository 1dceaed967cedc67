"""Speech and silence by silero-vad: probability of speech in frames of 32 ms, then stretches.

The weights are those in the package silero-vad. Its Python is not imported, since it loads
torchaudio; onnxruntime reads the weights alone. https://github.com/snakers4/silero-vad
"""

from __future__ import annotations

import itertools
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data import audio
from izwi.errors import UserError

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000  # Hz
FRAME = 512  # samples
# Of the frame before, which the net hears with each frame.
CONTEXT = 64
STATE = (1, 1, 128)
# Frames that one call of the net takes, 16 s.
BLOCK = 512
# Nanoseconds of one sample.
TICK = 10**9 // RATE
# Speech ends where its probability falls this far below the threshold that begins it.
HYSTERESIS = 0.15
LOWEST = 0.01
PACKAGES = ("onnxruntime", "silero-vad")
_WEIGHTS = "silero_vad_16k_sequence.onnx"


def absent() -> str:
    """What lacks for silero, and what to do; empty where all is there."""
    lacking = [name for name in PACKAGES if find_spec(name.replace("-", "_")) is None]
    if lacking:
        return (
            f"silero needs {' and '.join(lacking)}, not installed here; type: make bundled "
            "(or: pip install --no-deps -r requirements-bundled.txt)"
        )
    if not _weights().is_file():
        return f"silero needs {_weights()}, which this version of silero-vad lacks: make bundled"
    return ""


def _weights() -> Path:
    """Where the package has its weights."""
    spec = find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"[SEGMENT] method: {absent()}")
    return Path(spec.submodule_search_locations[0]) / "data" / _WEIGHTS


class Silero:
    """The net; one instance may serve several threads."""

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # A sum in another order is another result.
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(_weights()), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Probability of speech in each frame.

        Args:
            signal: shape (channels, samples), float32
            rate: its sampling rate, Hz

        Returns:
            shape (frames,), float32; the last frame is padded with silence
        """
        import numpy as np

        # In this order, as a net that heard the mean of channels would have it.
        mono = audio.resample(audio.mix(signal), rate, RATE)[0]
        frames = -(-len(mono) // FRAME)
        padded = np.zeros(CONTEXT + frames * FRAME, np.float32)
        padded[CONTEXT : CONTEXT + len(mono)] = mono
        heard = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + FRAME)[::FRAME]
        state: list[Any] = [np.zeros(STATE, np.float32)] * 2
        found = []
        for first in range(0, frames, BLOCK):
            block = np.ascontiguousarray(heard[first : first + BLOCK])
            values, *state = self.session.run(
                ["speech_probs", "hn", "cn"], {"input": block, "h": state[0], "c": state[1]}
            )
            found.append(np.asarray(values).reshape(-1))
        return np.concatenate(found) if found else np.zeros(0, np.float32)


def stretches(
    probabilities: np.ndarray,
    samples: int,
    *,
    threshold: float = 0.5,
    min_speech: float = 0.25,
    min_silence: float = 0.1,
    pad: float = 0.03,
) -> list[tuple[int, int]]:
    """Where there is speech, by the rule that silero-vad publishes.

    Speech begins in the frame that reaches the threshold. It ends where the probability falls
    below the threshold - 0.15 and does not reach the threshold again within ``min_silence``.

    Args:
        probabilities: of speech, shape (frames,)
        samples: of the recording at 16 kHz
        threshold: probability that begins speech
        min_speech: seconds; shorter stretches are left out
        min_silence: seconds; shorter pauses are part of the speech
        pad: seconds that a stretch gets before and after; two share a shorter gap

    Returns:
        first sample of each stretch, and the one after its last, at 16 kHz
    """
    quiet_below = max(threshold - HYSTERESIS, LOWEST)
    found: list[list[int]] = []
    start = end = None
    for at, value in zip(range(0, samples, FRAME), probabilities, strict=True):
        if value >= threshold:
            end = None
            start = at if start is None else start
        elif start is not None and value < quiet_below:
            end = at if end is None else end
            if at - end >= min_silence * RATE:
                found.append([start, end])
                start = end = None
    if start is not None:
        found.append([start, samples])
    found = [one for one in found if one[1] - one[0] > min_speech * RATE]
    widen = int(pad * RATE)
    for before, after in itertools.pairwise(found):
        half = min((after[0] - before[1]) // 2, widen)
        before[1], after[0] = before[1] + half, after[0] - half
    if found:
        found[0][0] = max(0, found[0][0] - widen)
        found[-1][1] = min(samples, found[-1][1] + widen)
    return [(first, last) for first, last in found]
