"""What other programs call models and features that izwi has, or the nearest to them."""

from __future__ import annotations

import re

# Without case, underscores and what says that it is a classifier.
_MODELS = {
    "xgb": "xgboost gbm gbdt gradientboosting catboost adaboost",
    "hgb": "histgb histgradientboosting lightgbm lgbm",
    "rf": "randomforest forest extratrees",
    "tree": "dt decisiontree cart",
    "svm": "svc supportvector supportvectormachine",
    "linear_svm": "linearsvc linearsvm sgd",
    "logreg": "logistic logisticregression logit lr maxent",
    "bayes": "nb naivebayes gnb gaussiannb",
    "mlp": "nn dnn ann fnn ffn perceptron neuralnet neuralnetwork multilayerperceptron",
    "knn": "kneighbors neighbors nearestneighbor nearestneighbour nearestneighbors",
    "cnn": "convnet resnet",
    "gmm": "gaussianmixture mixture",
    "finetune": "finetuned finetuning transformer",
    "majority": "dummy zeror mostfrequent",
    "lin_reg": "linreg linearregression linear ols",
    "ridge": "ridgeregression lasso elasticnet",
    "vote": "voting softvoting softvote",
    # Nothing is near.
    "": "rnn lstm gru crnn hmm lda qda",
}
_REGRESSORS = {
    **{"xgb": "xgr", "svm": "svr", "majority": "mean", "lin_reg": "lin_reg", "ridge": "ridge"},
    **{"linear_svm": "svr", "logreg": "lin_reg"},
}
_FEATURES = {
    "os": "opensmile smile egemaps egemapsv02",
    "os with set = GeMAPSv01b": "gemaps gemapsv01b",
    "os with set = ComParE_2016": "compare compare2016 is13",
    "spectra": "mel melspec melspectrogram logmel spectrogram spectrum filterbank",
    "mfcc": "mfccs cepstra cepstrum",
    "sptk": "diffsptk pysptk mcep chroma",
    "xbow": "openxbow boaw bagofaudiowords",
    "praat": "parselmouth pitch f0 jitter shimmer formants",
    "wav2vec2": "w2v2 w2v wav2vec2.0 wav2vec20",
    "whisper": "openaiwhisper",
    "trill": "trillsson",
    "import": "csv own external imported",
    "metadata": "meta demographics",
}
_WORDS = re.compile(r"[\s_-]+")
_CLASSIFIER = re.compile(r"(classifier|classification|clf|model)$")
_REGRESSOR = re.compile(r"(regressor|regression|reg)$")


def model_named(word: str) -> str | None:
    """What izwi has for a model that others know by another name.

    Returns:
        empty if izwi has nothing like it, None if the name is not known
    """
    plain = _CLASSIFIER.sub("", _WORDS.sub("", word.lower()))
    if (found := _find(plain, _MODELS)) is not None:
        return found
    base = _REGRESSOR.sub("", plain)
    own = next((name for name in (base, _find(base, _MODELS)) if name in _MODELS), None)
    return None if own is None or base == plain else _REGRESSORS.get(own, f"{own}_reg")


def features_named(word: str) -> str | None:
    """What izwi has for features that others know by another name, None if nothing."""
    return _find(_WORDS.sub("", word.lower()), _FEATURES)


def _find(word: str, names: dict[str, str]) -> str | None:
    return next((own for own, others in names.items() if word in others.split()), None)
