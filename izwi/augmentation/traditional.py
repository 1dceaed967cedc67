"""The transforms of audiomentations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from izwi.augmentation import calls
from izwi.augmentation.chance import seeded
from izwi.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def change(kind: str, options: dict[str, Any]) -> Callable[[np.ndarray, int, int], np.ndarray]:
    """The transforms, of the mean over channels.

    Args:
        kind: ``traditional``
        options: ``augmentations``, as `izwi.augmentation.calls.parse` returns them

    Raises:
        UserError: if the package is absent, or arguments contradict each other
    """
    import numpy as np

    from izwi.data import audio

    transform = _built(options["augmentations"])

    def transformed(signal: np.ndarray, rate: int, seed: int) -> np.ndarray:
        mono = np.ascontiguousarray(audio.mix(signal)[0], dtype=np.float32)
        with seeded(seed):
            made = transform(samples=mono, sample_rate=rate)
        return np.atleast_2d(made)

    return transformed


def _built(found: Any) -> Any:
    """The transforms that parsed calls describe."""
    import audiomentations

    if isinstance(found, list):
        return [_built(one) for one in found]
    if not isinstance(found, dict):
        return found
    name = found["call"]
    if name not in calls.signatures() or name in calls.REFUSED:
        raise UserError(f"[AUGMENT] augmentations: {name} is no transform that is possible here")
    args = [_built(one) for one in found["args"]]
    kwargs = {key: _built(one) for key, one in found["kwargs"].items()}
    try:
        return getattr(audiomentations, name)(*args, **kwargs)
    except UserError:
        raise
    # Wrong values are told by assertions and by errors of many kinds.
    except Exception as error:
        reason = " ".join(str(error).split()) or "its arguments contradict each other"
        raise UserError(f"[AUGMENT] augmentations: {name}: {reason}") from None
