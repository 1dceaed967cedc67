"""Names of pretrained models: value of FEATS.type → the model's name on the hub.

They stand apart from the code that computes, so that the registry can name all of them without
importing it.
"""

from __future__ import annotations

_BERT = (
    *("bert-base-uncased", "bert-large-uncased", "bert-base-cased", "bert-large-cased"),
    *("bert-base-multilingual-uncased", "bert-base-multilingual-cased"),
    *("bert-base-german-cased", "bert-base-chinese"),
)
BERT = {
    "bert": "google-bert/bert-base-uncased",
    **{name: f"google-bert/{name}" for name in _BERT},
}

EMOTION2VEC = {
    "emotion2vec": "emotion2vec/emotion2vec_base",
    "emotion2vec-base": "emotion2vec/emotion2vec_base",
    "emotion2vec-seed": "emotion2vec/emotion2vec_plus_seed",
    "emotion2vec-large": "emotion2vec/emotion2vec_plus_large",
}
# Classes of the head of emotion2vec+, in the order of its file tokens.txt.
EMOTIONS = (
    *("angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised"),
    "unknown",
)

SPKREC = {
    "spkrec": "speechbrain/spkrec-ecapa-voxceleb",
    "spkrec-ecapa-voxceleb": "speechbrain/spkrec-ecapa-voxceleb",
    "spkrec-xvect-voxceleb": "speechbrain/spkrec-xvect-voxceleb",
}

# Family of models → names by which the hub knows them, as <owner>/<name>.
_FACEBOOK = {
    "wav2vec2": (
        *("wav2vec2-base", "wav2vec2-base-100h", "wav2vec2-base-960h", "wav2vec2-large"),
        *("wav2vec2-large-960h", "wav2vec2-large-lv60", "wav2vec2-large-960h-lv60"),
        *("wav2vec2-large-960h-lv60-self", "wav2vec2-large-robust"),
        *("wav2vec2-large-robust-ft-swbd-300h", "wav2vec2-large-robust-ft-libri-960h"),
        *("wav2vec2-large-xlsr-53", "wav2vec2-xls-r-300m", "wav2vec2-xls-r-1b"),
        "wav2vec2-xls-r-2b",
    ),
    "hubert": (
        *("hubert-base-ls960", "hubert-large-ll60k", "hubert-large-ls960-ft"),
        *("hubert-xlarge-ll60k", "hubert-xlarge-ls960-ft"),
    ),
    "data2vec": (
        *("data2vec-audio-base", "data2vec-audio-base-960h", "data2vec-audio-large"),
        "data2vec-audio-large-960h",
    ),
}
_AUDEERING = (
    *("wav2vec2-large-robust-6-ft-age-gender", "wav2vec2-large-robust-24-ft-age-gender"),
    "wav2vec2-large-robust-12-ft-emotion-msp-dim",
)
_WAVLM = ("wavlm-base", "wavlm-base-plus", "wavlm-large")
_WHISPER = (
    *("whisper-tiny", "whisper-tiny.en", "whisper-base", "whisper-base.en", "whisper-small"),
    *("whisper-small.en", "whisper-medium", "whisper-medium.en", "whisper-large"),
    *("whisper-large-v2", "whisper-large-v3", "whisper-large-v3-turbo"),
)
_AST = "ast-finetuned-audioset-10-10-0.4593"
# Value of FEATS.type → family, and the model's name on the hub.
TRANSFORMER: dict[str, tuple[str, str]] = {
    "wav2vec": ("wav2vec2", "facebook/wav2vec2-large-robust-ft-swbd-300h"),
    "wav2vec2": ("wav2vec2", "facebook/wav2vec2-large-robust-ft-swbd-300h"),
    "hubert": ("hubert", "facebook/hubert-base-ls960"),
    "wavlm": ("wavlm", "microsoft/wavlm-base"),
    "data2vec": ("data2vec", "facebook/data2vec-audio-base"),
    "whisper": ("whisper", "openai/whisper-base"),
    "ast": ("ast", f"MIT/{_AST}"),
    **{n: (family, f"facebook/{n}") for family, names in _FACEBOOK.items() for n in names},
    **{name: ("wav2vec2", f"audeering/{name}") for name in _AUDEERING},
    **{name: ("wavlm", f"microsoft/{name}") for name in _WAVLM},
    **{name: ("whisper", f"openai/{name}") for name in _WHISPER},
    _AST: ("ast", f"MIT/{_AST}"),
}
