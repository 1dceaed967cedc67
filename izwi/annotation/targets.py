"""What ``PREDICT.targets`` can name: which features hold a property, and how they become a label.

A new target is one entry of :data:`TARGETS`; see docs/predicted_properties.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from izwi.annotation import MARK
from izwi.features import EXTRACTORS
from izwi.features.pretrained_names import EMOTIONS


@dataclass(frozen=True)
class Target:
    """A property that the features of some type hold.

    Args:
        title: the property in words, for readers
        features: value of ``FEATS.type``
        source: the columns of these features that are read
        model: what predicts it, in words that follow *by*
        licence: of the model's weights; empty where there are none
        cites: entries of references.bib
        unit: of the number, empty for a score or a label
        factor: from the feature to the number
        labels: empty for a number; else the label of each source, and that of the largest is taken
        kind: ``number``, ``label``, ``text``, or ``group``: the rows of a database are divided into
            groups by all columns of the features
    """

    title: str
    features: str
    source: tuple[str, ...]
    model: str
    licence: str = ""
    cites: tuple[str, ...] = ()
    unit: str = ""
    factor: float = 1.0
    labels: tuple[str, ...] = ()
    kind: str = "number"

    @property
    def built(self) -> bool:
        """Whether there are such features."""
        return self.features in EXTRACTORS


_AGENDER = (
    "audEERING's wav2vec 2.0 model of age and gender",
    "CC BY-NC-SA 4.0",
    ("burkhardt2023agegender",),
)
_DIMENSIONS = (
    "audEERING's wav2vec 2.0 model of emotional dimensions",
    "CC BY-NC-SA 4.0",
    ("wagner2023dawn",),
)
_SQUIM = ("the objective model of TorchAudio-SQUIM", "CC BY 4.0")

# Name in the ini → the property.
TARGETS: dict[str, Target] = {
    "snr": Target(
        "signal-to-noise ratio",
        "snr",
        ("snr",),
        "waveform amplitude distribution analysis (WADA-SNR)",
        cites=("kim2008wada",),
        unit="dB",
    ),
    "mos": Target(
        "mean opinion score of quality",
        "mos",
        ("mos",),
        "DNSMOS P.835 (overall quality)",
        "MIT",
        ("reddy2022dnsmos",),
    ),
    "age": Target("age", "agender_agender", ("age",), *_AGENDER, unit="years", factor=100.0),
    "gender": Target(
        "gender",
        "agender_agender",
        ("female", "male", "child"),
        *_AGENDER,
        labels=("female", "male", "child"),
        kind="label",
    ),
    "arousal": Target("arousal", "auddim", ("arousal",), *_DIMENSIONS),
    "dominance": Target("dominance", "auddim", ("dominance",), *_DIMENSIONS),
    "valence": Target("valence", "auddim", ("valence",), *_DIMENSIONS),
    "pesq": Target("perceptual quality (PESQ)", "squim", ("pesq",), *_SQUIM),
    "sdr": Target("signal-to-distortion ratio (SI-SDR)", "squim", ("sdr",), *_SQUIM, unit="dB"),
    "stoi": Target("intelligibility (STOI)", "squim", ("stoi",), *_SQUIM),
    "emotion": Target(
        "emotion",
        "emotion2vec_emotion",
        EMOTIONS,
        "emotion2vec+",
        "FunASR's model licence",
        ("ma2024emotion2vec",),
        labels=EMOTIONS,
        kind="label",
    ),
    "text": Target(
        "transcript",
        "transcript_text",
        ("text",),
        "Whisper",
        "Apache 2.0",
        ("radford2023whisper",),
        kind="text",
    ),
    "speaker": Target(
        "speaker",
        "resemblyzer",
        (),
        "clustering of Resemblyzer's embeddings",
        "Apache-2.0",
        ("wan2018ge2e",),
        kind="group",
    ),
}
# Targets of nkululeko that no features of izwi hold.
ABSENT = ("translation", "textclassification")


def column_of(name: str) -> str:
    """Column of a target: ``age`` → ``age_pred``."""
    return f"{name}{MARK}"


def built() -> list[str]:
    """Targets that can be predicted."""
    return [name for name, target in TARGETS.items() if target.built]


def types_of(names: Iterable[str]) -> list[str]:
    """Types of features that hold some targets, each once."""
    return list(dict.fromkeys(TARGETS[name].features for name in names))
