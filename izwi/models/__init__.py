"""The models: classifiers and regressors under one interface."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from izwi.data.spelling import nearest
from izwi.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from izwi.models.base import Model

# MODEL.type: where its class is
MODELS = {
    "adm": "izwi.models.adm:ADM",
    "bayes": "izwi.models.bayes:Bayes",
    "cnn": "izwi.models.cnn:CNN",
    "cnn_reg": "izwi.models.cnn:CNNRegression",
    "finetune": "izwi.models.finetune:Finetune",
    "finetune_reg": "izwi.models.finetune:FinetuneRegression",
    "gmm": "izwi.models.gmm:GMM",
    "hgb": "izwi.models.hist_boosting:HistBoosting",
    "hgb_reg": "izwi.models.hist_boosting:HistBoostingRegression",
    "knn": "izwi.models.knn:KNN",
    "knn_reg": "izwi.models.knn:KNNRegression",
    "lin_reg": "izwi.models.linear:LinearRegression",
    "linear_svm": "izwi.models.linear:LinearSVM",
    "logreg": "izwi.models.linear:LogisticRegression",
    "majority": "izwi.models.constant:Majority",
    "mean": "izwi.models.constant:Mean",
    "mlp": "izwi.models.mlp:MLP",
    "mlp_reg": "izwi.models.mlp:MLPRegression",
    "rf": "izwi.models.forest:Forest",
    "rf_reg": "izwi.models.forest:ForestRegression",
    "ridge": "izwi.models.linear:Ridge",
    "svm": "izwi.models.svm:SVM",
    "svr": "izwi.models.svm:SVR",
    "tree": "izwi.models.tree:Tree",
    "tree_reg": "izwi.models.tree:TreeRegression",
    "vote": "izwi.models.vote:Vote",
    "vote_reg": "izwi.models.vote:VoteRegression",
    "xgb": "izwi.models.xgb:XGB",
    "xgr": "izwi.models.xgb:XGR",
}


def model_class(name: str) -> type[Model]:
    """The class behind a value of ``MODEL.type``; imports nothing heavy.

    Raises:
        UserError: if there is no such model
    """
    if name not in MODELS:
        near = nearest(name, MODELS)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UserError(
            f"[MODEL] type: unknown model {name!r}, {hint}izwi has: {', '.join(sorted(MODELS))}"
        )
    module, attribute = MODELS[name].split(":")
    return getattr(import_module(module), attribute)


def load_model(folder: Path) -> Model:
    """Read a fitted model of any kind from the folder it was saved in."""
    from izwi.models.base import read_description

    return model_class(read_description(folder)["model"]).load(folder)
