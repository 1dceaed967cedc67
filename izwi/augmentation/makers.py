"""What makes a copy of a recording: a kind, its options, a seed.

A copy is made while its features are extracted, from the audio of its source. Its chance depends on
the seed, the kind, the number of the copy and the content of its source alone: another file, or
another order of files, changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypedDict

from izwi.engine.code import code_of
from izwi.engine.keys import key_of, versions_of
from izwi.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Change = Callable[[np.ndarray, int, int], np.ndarray]

TRIALS, TRIAL_RATE = 20, 16000  # Hz
# Between the digest of the source and the maker of a copy, in the keys of the feature store.
MARK = "+"


class MakerSpec(TypedDict):
    """One way to make a copy.

    Attributes:
        kind: one of :data:`KINDS`
        options: of the kind
        seed: of the experiment
        copy: number of the copy, from 1
    """

    kind: str
    options: dict[str, Any]
    seed: int
    copy: int


@dataclass(frozen=True)
class Kind:
    """Where a kind of change is defined.

    Args:
        module: has ``change(kind, options)``, which returns a function of signal (channels,
            samples), its sampling rate in Hz and a seed
        packages: pip distributions whose version can change a sample
        draws: whether it is of an extra package, and chance decides what is done at all
    """

    module: str
    packages: tuple[str, ...] = ("numpy", "scipy")
    draws: bool = False


_DEGRADES = Kind("izwi.augmentation.degradations", ("numpy", "scipy", "audresample"))
KINDS: dict[str, Kind] = {
    "traditional": Kind(
        "izwi.augmentation.traditional", ("numpy", "scipy", "audiomentations"), draws=True
    ),
    "auglib": Kind("izwi.augmentation.rooms", ("numpy", "scipy", "auglib"), draws=True),
    "random_splice": Kind("izwi.augmentation.splicing", ("numpy",)),
    **dict.fromkeys(("white", "pink", "speech", "babble"), _DEGRADES),
    **dict.fromkeys(("reverb", "telephone", "lowpass", "clipping"), _DEGRADES),
}


def key_of_maker(spec: MakerSpec) -> str:
    """Hash of everything that a copy depends on beside its source."""
    kind = KINDS[spec["kind"]]
    # Recordings that are mixed in are there with their content, so their folder may move.
    options = {name: value for name, value in spec["options"].items() if name != "recordings"}
    return key_of(
        {**spec, "options": options}, code_of(__name__, kind.module), versions_of(kind.packages)
    )


def digest_of(digest: str, maker: str) -> str:
    """What represents the audio of a copy.

    Args:
        digest: of the file of its source
        maker: key of its maker
    """
    return f"{digest}{MARK}{maker}"


def maker_in(digest: str) -> str:
    """Key of the maker in what represents the audio of a copy; empty for a source."""
    return digest.rpartition(MARK)[2] if MARK in digest else ""


def make(spec: MakerSpec, source: tuple[str, int, int], signal: np.ndarray, rate: int) -> Any:
    """A copy.

    Args:
        spec: of the maker
        source: what represents the audio of the copy, start and end in nanoseconds
        signal: of the source, shape (channels, samples), float32
        rate: sampling rate in Hz

    Returns:
        shape (channels, samples), float32; both may differ from those of the source

    Raises:
        AudioError: if the copy cannot be made
    """
    import numpy as np

    from izwi.data.audio import AudioError

    digest, start, end = source
    seed = seed_of(spec, digest.rpartition(MARK)[0], start, end)
    try:
        made = _change(spec["kind"], _frozen(spec["options"]))(signal, rate, seed)
    except AudioError:
        raise
    except MemoryError as error:
        raise AudioError("too large for memory") from error
    # Packages end in many ways, and none may hide which file it was.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise AudioError(f"{spec['kind']} does not work on it ({reason})") from error
    if not made.shape[-1]:
        raise AudioError(f"nothing is left of it by {spec['kind']}")
    if not np.isfinite(made).all():
        raise AudioError(f"{spec['kind']} gave samples that are not finite numbers")
    return np.ascontiguousarray(made, dtype=np.float32)


def seed_of(spec: MakerSpec, digest: str, start: int, end: int) -> int:
    """Seed of one copy.

    The options have no part in it, so that one noise is added at all its strengths.
    """
    text = f"{spec['seed']} {spec['kind']} {spec['copy']} {digest} {start} {end}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def check(spec: MakerSpec) -> None:
    """Try a maker on a second of noise, before any audio is read.

    Raises:
        UserError: if a package or data are absent, or its options contradict each other
    """
    import numpy as np

    change = _change(spec["kind"], _frozen(spec["options"]))
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, TRIAL_RATE)).astype(np.float32)
    for seed in range(TRIALS if KINDS[spec["kind"]].draws else 1):
        try:
            change(noise, TRIAL_RATE, seed)
        # Some packages are imported, and some values read, only where chance wants it.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(f"[AUGMENT] augment: {spec['kind']} does not work: {reason}") from None


def _frozen(options: dict[str, Any]) -> str:
    import json

    return json.dumps(options, sort_keys=True)


@cache
def _change(kind: str, options: str) -> Change:
    import json

    found: Change = import_module(KINDS[kind].module).change(kind, json.loads(options))
    return found
