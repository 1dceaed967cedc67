"""How a Methods paragraph names features, models, scalers and measures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from izwi import features, models
from izwi.annotation import MARK
from izwi.config.experiment.resolved import ComponentSpec
from izwi.config.options import own_options, owner
from izwi.preprocessing.bags import BagSpec


@dataclass(frozen=True)
class Named:
    """Words for something, what to cite with it, and the package whose version counts.

    Args:
        words: noun phrase
        keys: entries of references.bib
        package: distribution that does the work
        title: the package as readers know it
    """

    words: str
    keys: tuple[str, ...] = ()
    package: str | None = None
    title: str = ""


_SKLEARN = (("pedregosa2011sklearn",), "scikit-learn", "scikit-learn")
_XGBOOST = (("chen2016xgboost",), "xgboost-cpu", "XGBoost")
_TORCH = (("paszke2019pytorch",), "torch", "PyTorch")
_PRAAT = (("boersma2001praat", "jadoul2018parselmouth"), "praat-parselmouth", "Parselmouth")

MODELS = {
    "adm": Named(
        "artefact detection modules, a residual perceptron per kind of features whose scores are "
        "fused",
        ("ahmadiadli2025beyond", *_TORCH[0]),
        *_TORCH[1:],
    ),
    "bayes": Named("a Gaussian naive Bayes classifier", *_SKLEARN),
    "cnn": Named("a convolutional neural network", *_TORCH),
    "cnn_reg": Named("a convolutional neural network for regression", *_TORCH),
    "ensemble": Named("a late fusion of the predictions of other experiments"),
    "finetune": Named(
        "a pretrained transformer with a linear layer on the mean of its states, trained end to "
        "end",
        ("wolf2020transformers", "paszke2019pytorch"),
        "transformers",
        "transformers",
    ),
    "gmm": Named("a Gaussian mixture model per class", *_SKLEARN),
    "hgb": Named("histogram-based gradient-boosted trees", *_SKLEARN),
    "hgb_reg": Named("histogram-based gradient-boosted regression trees", *_SKLEARN),
    "knn": Named("a k-nearest-neighbour classifier", *_SKLEARN),
    "knn_reg": Named("k-nearest-neighbour regression", *_SKLEARN),
    "lin_reg": Named("ordinary least squares regression", *_SKLEARN),
    "linear_svm": Named("a linear support vector machine", *_SKLEARN),
    "logreg": Named("multinomial logistic regression", *_SKLEARN),
    "majority": Named("a constant: the most frequent class of the training samples"),
    "mean": Named("a constant: the mean of the training samples"),
    "mlp": Named("a multilayer perceptron", *_TORCH),
    "mlp_reg": Named("a multilayer perceptron for regression", *_TORCH),
    "rf": Named("a random forest", ("breiman2001forests", *_SKLEARN[0]), *_SKLEARN[1:]),
    "rf_reg": Named(
        "a random forest for regression", ("breiman2001forests", *_SKLEARN[0]), *_SKLEARN[1:]
    ),
    "ridge": Named("ridge regression", *_SKLEARN),
    "svm": Named("a support vector machine", *_SKLEARN),
    "svr": Named("support vector regression", *_SKLEARN),
    "tree": Named("a decision tree", *_SKLEARN),
    "tree_reg": Named("a regression tree", *_SKLEARN),
    "vote": Named("a soft vote, the mean of the class probabilities of several models", *_SKLEARN),
    "vote_reg": Named("the mean of the predictions of several models", *_SKLEARN),
    "xgb": Named("gradient-boosted trees", *_XGBOOST),
    "xgr": Named("gradient-boosted regression trees", *_XGBOOST),
}
MODELS["finetune_reg"] = MODELS["finetune"]

FEATURES = {
    "mld": Named("mid-level descriptors of syllables, F0, energy and pauses by Praat", *_PRAAT),
    "praat": Named("voice features by Praat (F0, formants, jitter, shimmer, HNR …)", *_PRAAT),
    "mfcc": Named("mel-frequency cepstral coefficients, summarized over the frames"),
    "lfcc": Named("linear-frequency cepstral coefficients, summarized over the frames"),
    "cqcc": Named("constant-Q cepstral coefficients, summarized over the frames"),
    "sptk": Named("spectra and cepstra as in SPTK, summarized over the frames"),
    "spectra": Named("log mel spectrograms"),
    "trill": Named("TRILL embeddings", ("shor2020trill",), "tensorflow-cpu", "TensorFlow"),
    "snr": Named("the estimated signal-to-noise ratio", ("kim2008wada",)),
    "mos": Named(
        "the predicted mean opinion score of quality by DNSMOS P.835",
        ("reddy2022dnsmos",),
        "speechmos",
        "speechmos",
    ),
    "dnsmos": Named(
        "predicted mean opinion scores of speech, background and overall quality by DNSMOS",
        ("reddy2022dnsmos", "reddy2021dnsmos"),
        "speechmos",
        "speechmos",
    ),
    "resemblyzer": Named(
        "speaker embeddings of Resemblyzer",
        ("wan2018ge2e", "paszke2019pytorch"),
        "Resemblyzer",
        "Resemblyzer",
    ),
    "import": Named("imported features"),
    "wave": Named("the waveform at 16 kHz"),
    "metadata": Named("what was known of a recording without hearing it, as a control"),
    "signal": Named("properties of the recording alone (duration, level, padding …), as a control"),
}
# Family of pretrained models → its name and paper.
FAMILIES = {
    "wav2vec2": ("wav2vec 2.0", "baevski2020wav2vec2"),
    "hubert": ("HuBERT", "hsu2021hubert"),
    "wavlm": ("WavLM", "chen2022wavlm"),
    "data2vec": ("data2vec", "baevski2022data2vec"),
    "whisper": ("the encoder of Whisper", "radford2023whisper"),
    "ast": ("the audio spectrogram transformer", "gong2021ast"),
    "aud": ("audEERING's wav2vec 2.0 for emotional dimensions", "wagner2023dawn"),
    "audmodel": ("audEERING's wav2vec 2.0", "wagner2023dawn"),
    "agender": ("audEERING's wav2vec 2.0 for age and gender", "burkhardt2023agegender"),
}
# Of other models of the hub: what their features are, and their papers.
NETWORKS = {
    "emotion2vec": ("embeddings of emotion2vec", ("ma2024emotion2vec",)),
    "spkrec": (
        "speaker embeddings of SpeechBrain",
        ("ravanelli2021speechbrain", "desplanques2020ecapa", "snyder2018xvectors"),
    ),
    "bert": ("embeddings of the texts", ("devlin2019bert", "wolf2020transformers")),
    "transcript": ("numbers about transcripts by Whisper", ("radford2023whisper",)),
    "clap": ("audio embeddings of CLAP", ("wu2023clap", "wolf2020transformers")),
    "squim": ("PESQ, SI-SDR and STOI as estimated by SQUIM", ("kumar2023squim",)),
}
# Beginning of an openSMILE set → the paper that defines it.
SETS = {
    "ComParE_2016": "schuller2016compare",
    "GeMAPS": "eyben2016gemaps",
    "eGeMAPS": "eyben2016gemaps",
    "IS09": "schuller2009emotion",
    "IS10": "schuller2010paralinguistic",
    "IS11": "schuller2011speakerstate",
    "IS12": "schuller2012speakertrait",
    "IS13": "schuller2013compare",
}

# Of bags of words.
XBOW = "schmitt2017openxbow"
CODEBOOKS = {
    "random": "drawn from the frames of {of}",
    "random++": "drawn from the frames of {of} so that they lie far apart, as k-means++ begins",
    "kmeans++": "found by k-means++ among the frames of {of}",
}
BALANCING = {
    "ros": "random oversampling",
    "smote": "SMOTE",
    "adasyn": "ADASYN",
    "borderlinesmote": "borderline SMOTE",
    "svmsmote": "SVM-SMOTE",
    "clustercentroids": "cluster centroids",
    "randomundersampler": "random undersampling",
    "editednearestneighbours": "edited nearest neighbours",
    "tomeklinks": "removal of Tomek links",
    "smoteenn": "SMOTE with edited nearest neighbours",
    "smotetomek": "SMOTE with removal of Tomek links",
}
MEASURES = {
    "uar": "the unweighted average recall (UAR)",
    "accuracy": "the accuracy",
    "f1": "the macro-averaged F1",
    "eer": "the equal error rate (EER)",
    "mse": "the mean squared error (MSE)",
    "mae": "the mean absolute error (MAE)",
    "ccc": "the concordance correlation coefficient (CCC)",
    "pcc": "Pearson's correlation coefficient (PCC)",
}

# Scale on which the jackknife's interval is made; of all others the logit.
SCALES = {
    **dict.fromkeys(("mse", "mae"), "logarithmic scale"),
    **dict.fromkeys(("ccc", "pcc"), "scale of Fisher's z"),
}
TITLES = {"python": "Python", "snakemake": "Snakemake", "numpy": "NumPy", "scipy": "SciPy"}


def model(kind: str) -> Named:
    """Words for a value of ``MODEL.type``; what is not listed is named by its docstring."""
    return MODELS.get(kind) or _by_docstring(models.model_class(kind), kind)


def feature_set(spec: ComponentSpec) -> Named:
    """Words for a feature set.

    Args:
        spec: ``type`` and ``options``
    """
    kind, options = spec["type"], spec["options"]
    cls: Any = features.extractor_class(kind)
    if kind in ("os", "xbow"):
        papers = tuple(key for begin, key in SETS.items() if options["set"].startswith(begin))
        functionals = options.get("level") == "functionals"
        level = "functionals" if functionals else "low-level descriptors (mean and deviation)"
        if kind == "xbow":
            level, papers = "low-level descriptors, as bags of words,", (*papers, XBOW)
        return Named(
            f"the {level} of {options['set']}",
            (*papers, "eyben2010opensmile"),
            "opensmile",
            "openSMILE for Python",
        )
    if kind == "metadata" and any(name.endswith(MARK) for name in options[f"{kind}.columns"]):
        return Named("what was known of a recording or predicted from it, column by column")
    if kind == "snr" and options["snr.method"] == "quartiles":
        return Named("the distance of loud from quiet frames, as a signal-to-noise ratio")
    if kind == "emotion2vec_emotion":
        return Named(
            f"probabilities of nine emotions by emotion2vec+ ({place(cls.named(options))})",
            ("ma2024emotion2vec", "paszke2019pytorch"),
            "torch",
            "PyTorch",
        )
    family = getattr(cls, "family", None)
    if family in FAMILIES:
        title, key = FAMILIES[family]
        hub = cls.named(options)
        if heads := getattr(cls, "heads", None):
            predicted = ", ".join(name for names in heads.values() for name in names)
            return Named(
                f"{predicted} as predicted by {title} ({place(hub)})",
                (key, "wolf2020transformers", "paszke2019pytorch"),
                "transformers",
                "transformers",
            )
        pooling = {"mean": "mean over time", "last": "last frame"}.get(
            options[f"{family}.pooling"], "mean over time with padding"
        )
        layer = options[f"{family}.layer"]
        where = {0: "last layer", "all": "all layers"}.get(layer, f"layer {layer} before the last")
        return Named(
            f"embeddings of {title} ({place(hub)}; {where}, {pooling})",
            (key, "wolf2020transformers", "paszke2019pytorch"),
            "transformers",
            "transformers",
        )
    if family in NETWORKS:
        words, keys = NETWORKS[family]
        hub = options[f"{family}.model"] or cls.hub
        return Named(f"{words} ({place(hub)})", (*keys, *_TORCH[0]), *_TORCH[1:])
    return FEATURES.get(kind) or _by_docstring(cls, kind)


def place(hub: str) -> str:
    """A name on the hub as it is; of a folder its last part."""
    is_folder = hub.startswith(("/", ".", "~")) or hub.count("/") > 1
    return hub.rstrip("/").rpartition("/")[2] if is_folder else hub


def bags(spec: BagSpec, of: str) -> str:
    """A sentence about bags of words, whose codebook was made ``of`` some samples."""
    return (
        f"Each frame, standardised, counted for the {spec['assignments']} nearest of "
        f"{spec['size']} words; the features were log10(1 + n) of these counts. The words were "
        f"{CODEBOOKS[spec['codebook']].format(of=of)}."
    )


def _by_docstring(cls: type, kind: str) -> Named:
    line = (cls.__doc__ or kind).strip().splitlines()[0].rstrip(".")
    return Named(f"`{kind}` ({line})")


def settings(section: str, kind: str, options: dict[str, Any]) -> str:
    """Options with their values, those that differ from the default first.

    Args:
        section: ``FEATS`` or ``MODEL``
        kind: type of the feature set or model
        options: name → value

    Returns:
        such as ``C_val = 10; by default kernel = rbf, gamma = scale``
    """
    package = "features" if section == "FEATS" else "models"
    known = own_options(package, kind)
    located = owner(package, kind).located
    chosen: list[str] = []
    default: list[str] = []
    for name, value in options.items():
        # Paths on this computer do not help a reader.
        if value is None or value is False or name in located:
            continue
        option = known.get(name.lower())
        text = f"{name.rpartition('.')[2]} = {value_text(value)}"
        (default if option and value == option.default else chosen).append(text)
    parts = [", ".join(chosen)] if chosen else []
    if default:
        parts.append(f"by default {', '.join(default)}")
    return "; ".join(parts)


def value_text(value: Any) -> str:
    """A value of an option as text."""
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)).join("[]") if isinstance(value, list) else str(value)


def listed(items: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]])) if items else ""


def kept_apart(units: Iterable[str]) -> str:
    """What inner folds kept apart.

    Args:
        units: of which they were made: ``speakers``, ``recordings`` or ``samples``
    """
    made = set(units)
    if made == {"speakers"}:
        return "with speakers kept apart"
    shared = "which may share speakers"
    return f"with recordings kept apart, {shared}" if made == {"recordings"} else shared
