"""Feature sets: the registry of extractors; `extraction` runs them.

A new extractor is one file and one line in ``EXTRACTORS``; see docs/add_a_feature_extractor.md.
"""

from __future__ import annotations

from importlib import import_module

from izwi.features.base import BadFiles, Extractor, TableExtractor
from izwi.features.pretrained_names import BERT, EMOTION2VEC, SPKREC, TRANSFORMER

__all__ = ["EXTRACTORS", "INTERNAL", "BadFiles", "Extractor", "TableExtractor", "extractor_class"]

EXTRACTORS = {
    "os": "izwi.features.opensmile:OpenSmile",
    "xbow": "izwi.features.xbow:Xbow",
    "mld": "izwi.features.mld:Mld",
    "praat": "izwi.features.praat:Praat",
    "spectra": "izwi.features.spectra:Spectra",
    "mfcc": "izwi.features.cepstra:Mfcc",
    "lfcc": "izwi.features.cepstra:Lfcc",
    "cqcc": "izwi.features.cepstra:Cqcc",
    "sptk": "izwi.features.cepstra:Sptk",
    "signal": "izwi.features.signal:Signal",
    "trill": "izwi.features.trill:Trill",
    "import": "izwi.features.imported:Import",
    "metadata": "izwi.features.metadata:Metadata",
    "wave": "izwi.features.wave:Wave",
    "snr": "izwi.features.snr:Snr",
    "mos": "izwi.features.dnsmos:Mos",
    "dnsmos": "izwi.features.dnsmos:Dnsmos",
    "resemblyzer": "izwi.features.resemblyzer:Resemblyzer",
    "audmodel": "izwi.features.audeering:Audmodel",
    "audwav2vec2": "izwi.features.audeering:Audwav2vec2",
    "auddim": "izwi.features.audeering:Auddim",
    "agender": "izwi.features.audeering:Agender",
    "agender_agender": "izwi.features.audeering:AgenderAgender",
    "transcript": "izwi.features.transcript:Transcript",
    "transcript_text": "izwi.features.transcript:TranscriptText",
    "emotion2vec_emotion": "izwi.features.emotion2vec:Emotion",
    "clap": "izwi.features.clap:Clap",
    "squim": "izwi.features.squim:Squim",
    **{name: f"izwi.features.bert:{name}" for name in BERT},
    **{name: f"izwi.features.emotion2vec:{name}" for name in EMOTION2VEC},
    **{name: f"izwi.features.spkrec:{name}" for name in SPKREC},
    **{name: f"izwi.features.transformer:{name}" for name in TRANSFORMER},
}

# Not for models.
INTERNAL = {"fingerprint": "izwi.features.fingerprint:Fingerprint"}


def extractor_class(name: str) -> type[Extractor]:
    """Class of an extractor.

    Args:
        name: value of ``FEATS.type``

    Raises:
        KeyError: if there is none of that name
    """
    module, cls = (INTERNAL.get(name) or EXTRACTORS[name]).split(":")
    return getattr(import_module(module), cls)
