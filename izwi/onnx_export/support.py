"""What can be exported as ONNX. Read when inis are resolved, so it imports nothing heavy."""

from __future__ import annotations

from importlib import util

# MODEL.type → module and function that adds its nodes
CONVERTERS = {
    "adm": "nets:artefacts",
    "bayes": "machines:bayes",
    "gmm": "machines:mixtures",
    **dict.fromkeys(("hgb", "hgb_reg"), "trees:hist_boosting"),
    **dict.fromkeys(("knn", "knn_reg"), "machines:neighbours"),
    **dict.fromkeys(("lin_reg", "ridge"), "machines:regression"),
    "linear_svm": "machines:linear_machine",
    "logreg": "machines:logistic",
    **dict.fromkeys(("mlp", "mlp_reg"), "nets:perceptron"),
    **dict.fromkeys(("rf", "rf_reg"), "trees:forest"),
    "svm": "machines:machine",
    "svr": "machines:machine_regression",
    **dict.fromkeys(("tree", "tree_reg"), "trees:tree"),
    **dict.fromkeys(("vote", "vote_reg"), "models:vote"),
    **dict.fromkeys(("xgb", "xgr"), "trees:xgboost"),
}
PACKAGES = ("onnx", "onnxruntime")


def absent() -> str | None:
    """Advice if the packages are not installed, else None."""
    missing = [name for name in PACKAGES if util.find_spec(name) is None]
    if not missing:
        return None
    return (
        f"needs {' and '.join(missing)}, which {'is' if missing[1:] == [] else 'are'} not "
        "installed; type: make onnx (or: pip install -r requirements-onnx.txt)"
    )


def refused(kind: str) -> str | None:
    """Why a kind of model cannot be exported, None if it can."""
    if kind in CONVERTERS:
        return None
    return (
        f"a model of the type {kind} cannot be exported as ONNX, those of these can: "
        f"{', '.join(sorted(CONVERTERS))}"
    )


# Values of FEATS.scale that have no graph, and why.
NOT_EXPORTED = {
    "speaker": "it scales a sample by the other samples of its speaker, which a graph does not see",
    "quantiletransformer": "it interpolates between stored quantiles, which no ONNX operator does",
}


def refused_scaler(scale: str | None) -> str | None:
    """Why a scaler cannot be exported, None if it can."""
    why = NOT_EXPORTED.get(scale or "none")
    return why and f"[FEATS] scale: {scale} cannot be exported as ONNX: {why}"
