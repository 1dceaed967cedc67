"""Embeddings of what was said: BERT and other models of text, on a column of the database."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.config.options import feature_option
from izwi.errors import UserError
from izwi.features import freed_memory, pretrained
from izwi.features.base import TableExtractor
from izwi.features.hub import HubModel
from izwi.features.pretrained_names import BERT
from izwi.untrusted import shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Models whose positions are counted after that of the padding.
OFFSET = ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "roberta-prelayernorm")
# Most tokens of a window, as in nkululeko.
MOST = 512
# Their tokenizers or models take audio or pictures.
SOUNDS = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "whisper", "clap")


class Bert(TableExtractor, HubModel):
    """BERT (Devlin et al., 2019) and other encoders of text: the mean over all tokens.

    Longer texts are divided into windows; the mean is over the tokens of all of them. Each text is
    embedded by itself, so its embedding depends on nothing else.
    """

    family = "bert"
    title = ("bert.layer",)
    located = ("bert.model",)
    packages = ("torch", "transformers", "tokenizers")
    options = (
        feature_option(
            "bert.model",
            "model",
            None,
            "bert: folder of a model of text, or its name on the Hugging Face hub (default: the "
            "model named by the type)",
            aliases=("model",),
        ),
        feature_option(
            "bert.layer",
            "int",
            0,
            "bert: hidden layer, counted back from the last, which is 0",
            minimum=0,
            aliases=("layer",),
        ),
        feature_option(
            "bert.text_column", "str", "text", "bert: column of the database that holds the text"
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.layer = self.values["bert.layer"]
        self.folder = self._folder(self.values)
        self._check(self.folder, self.values)
        self.config = pretrained.architecture(self.folder, self.where())
        self.columns = [f"bert_{i}" for i in range(self.config.hidden_size)]

    @classmethod
    def _check(cls, folder: Path, options: dict[str, Any]) -> None:
        config = pretrained.read_config(folder, cls.where())
        kind = config.get("model_type")
        if kind in SOUNDS or not any((folder / n).is_file() for n in pretrained.TOKENIZERS[:7]):
            raise UserError(
                f"{cls.where()}: {folder} holds a model of the type {shown(kind)}"
                + ("" if kind in SOUNDS else " without a tokenizer")
                + f", FEATS.type = {cls.name} takes models of text"
            )
        layers = config.get("num_hidden_layers") or config.get("n_layers")
        if isinstance(layers, int) and options["bert.layer"] > layers:
            raise UserError(
                f"{cls.where('layer')}: {options['bert.layer']} is more than the {layers} layers "
                "of the model"
            )

    def matrix(self, table: pd.DataFrame, paths: dict[str, str]) -> pd.DataFrame:
        """Embeddings of the texts of all rows; see the base class.

        Raises:
            UserError: if the column is not there, a row has no text, or the model cannot be read
        """
        import numpy as np
        import pandas as pd

        column = self.values["bert.text_column"]
        if column not in table:
            raise UserError(f"{self.where('text_column')}: the database has no column '{column}'")
        texts = table[column]
        empty = texts.isna() | (texts.astype(str).str.strip() == "")
        if empty.any():
            raise UserError(
                f"{self.where('text_column')}: {int(empty.sum())} of {len(table)} rows have no "
                f"text in '{column}', such as {table['file'][empty].iloc[0]}; fill them in, or "
                "leave them out by a filter"
            )
        self.load()
        found = {text: self._embed(text) for text in dict.fromkeys(texts.astype(str))}
        rows = [found[text] for text in texts.astype(str)]
        return pd.DataFrame(np.stack(rows) if rows else [], columns=self.columns)

    def load(self) -> None:
        """Load tokenizer and model, in float32, on a graphics card if there is one.

        Raises:
            UserError: if one cannot be read
        """
        import torch
        from transformers import AutoTokenizer

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        freed_memory.keep_freed()
        pretrained.quiet()
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(self.folder, **pretrained.OWN)
            if not self.tokenizer.is_fast:
                raise ValueError("it is not of the library tokenizers")
        except MemoryError:
            raise
        # What a wrong file raises depends on the tokenizer.
        except Exception as error:
            reason = shown(" ".join(str(error).split()) or type(error).__name__, 300)
            raise UserError(
                f"{self.where()}: the tokenizer of {self.folder} cannot be read: {reason}"
            ) from None
        layers = self.config.num_hidden_layers
        self.state = layers - self.layer
        # One more than the wanted one, since the states of the last may be normalised.
        self.config.num_hidden_layers = min(layers, self.state + 1)
        positions = getattr(self.config, "max_position_embeddings", None) or MOST
        if self.config.model_type in OFFSET:
            positions -= (self.config.pad_token_id or 0) + 1
        self.most = min(MOST, positions, self.tokenizer.model_max_length)
        # Only its pooling is missing in some weights, which is not used.
        self.model = pretrained.load(self.folder, self.config, self.where(), unused="pooler")
        self.model = self.model.to(self.device).eval()
        self.start_thread()

    def _embed(self, text: str) -> np.ndarray:
        """The mean over all tokens of a text, those that begin and end a window included."""
        import torch

        windows = self.tokenizer(
            text, truncation=True, max_length=self.most, return_overflowing_tokens=True
        )["input_ids"]
        total, tokens = torch.zeros(self.config.hidden_size, device=self.device), 0
        with torch.inference_mode():
            for window in windows:
                inputs = torch.tensor([window], device=self.device)
                found = self.model(
                    input_ids=inputs,
                    attention_mask=torch.ones_like(inputs),
                    output_hidden_states=self.layer > 0,
                )
                states = found.hidden_states[self.state] if self.layer else found.last_hidden_state
                total = total + states[0].sum(dim=0)
                tokens += len(window)
        return (total / tokens).cpu().numpy()


def __getattr__(name: str) -> type[Bert]:
    """The extractor of a type in ``BERT``, which the registry requests by that name."""
    if name not in BERT:
        raise AttributeError(name)
    return _extractor(name)


@cache
def _extractor(name: str) -> type[Bert]:
    stated = {"__doc__": Bert.__doc__, "name": name, "hub": BERT[name], "prefix": f"{name}."}
    return type("Bert", (Bert,), stated)
