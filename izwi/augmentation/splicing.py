"""Random splicing: the pieces of a recording between its pauses, in another order.

It masks what is said and keeps much of how it is said. After Scherer, "Randomized splicing: a note
on a simple technique for masking speech content", Journal of Experimental Research in Personality
5, 155-159 (1971), and Burkhardt et al., "Masking speech contents by random splicing: is emotional
expression preserved?", ICASSP 2023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

# Frames of the level, in seconds: 2048 and 512 samples at 16 kHz.
FRAME, HOP = 0.128, 0.032


def change(kind: str, options: dict[str, Any]) -> Callable[[np.ndarray, int, int], np.ndarray]:
    """The splicing.

    Args:
        kind: ``random_splice``
        options: ``p_reverse``, probability that a piece is reversed; ``top_db``, how far below
            the loudest frame a pause lies, dB
    """
    import numpy as np

    def splice(signal: np.ndarray, rate: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        pieces = np.split(signal, borders(signal, rate, options["top_db"]), axis=1)
        order = rng.permutation(len(pieces))
        backwards = rng.random(len(pieces)) < options["p_reverse"]
        return np.concatenate(
            [pieces[i][:, ::-1] if backwards[i] else pieces[i] for i in order], axis=1
        )

    return splice


def borders(signal: np.ndarray, rate: int, top_db: float) -> np.ndarray:
    """Where speech and pauses meet.

    Args:
        signal: shape (channels, samples)
        rate: sampling rate in Hz
        top_db: how far below the loudest frame the frames of a pause lie, dB

    Returns:
        first sample of each piece but the first, ascending
    """
    import numpy as np

    hop, half = max(1, round(HOP * rate)), max(1, round(FRAME * rate / 2))
    energy = np.concatenate([[0.0], np.cumsum((signal.astype(np.float64) ** 2).mean(axis=0))])
    n = signal.shape[1]
    centres = np.arange(0, n, hop)
    power = energy[np.minimum(centres + half, n)] - energy[np.maximum(centres - half, 0)]
    loud = power > power.max() * 10 ** (-top_db / 10)
    return centres[1:][loud[1:] != loud[:-1]]
