"""Embeddings of texts against a plain loop over transformers, one text at a time."""

import shutil

import numpy as np
import pandas as pd
import pytest

from izwi import features
from izwi.config.experiment import resolve
from izwi.errors import UserError
from izwi.features import extraction

torch = pytest.importorskip("torch")
import transformers as tf  # noqa: E402

WORDS = (
    *("das", "ist", "ein", "satz", "der", "kurz", "war", "und", "noch", "einer", "##en", "##e"),
    *("heute", "nicht"),
)
TEXTS = ["Das ist ein Satz.", "Heute nicht", "und noch einer " * 12, "Das ist ein Satz.", "kurze"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Small models of two families with a vocabulary of some words."""
    folder = tmp_path_factory.mktemp("texts")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    torch.manual_seed(7)
    small = {"vocab_size": len(vocabulary), "max_position_embeddings": 20}
    bert = tf.BertConfig(
        **small, hidden_size=24, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32
    )
    distil = tf.DistilBertConfig(**small, dim=16, n_layers=2, n_heads=2, hidden_dim=24)
    for name, model in (("bert", tf.BertModel(bert)), ("distil", tf.DistilBertModel(distil))):
        model.save_pretrained(folder / name)
        tokenizer = tf.BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=20)
        tokenizer.save_pretrained(folder / name)
    return folder


def frame(texts=TEXTS, column="text"):
    """A table of the load stage, of which no audio is read."""
    zero = pd.to_timedelta([0.0] * len(texts), unit="s")
    names = [f"{i}.wav" for i in range(len(texts))]
    return pd.DataFrame(
        {"file": names, "start": zero, "end": pd.NaT, "digest": names, column: texts}
    )


def values(folder, tmp_path, table=None, **options):
    what = {"type": "bert", "options": {"bert.model": str(folder)} | options}
    table = frame() if table is None else table
    found = extraction.extract(what, table, {}, store=tmp_path, threads=2)
    return found.columns[3:].tolist(), found.iloc[:, 3:].to_numpy()


def plain(folder, text, layer=0):
    """States of all tokens, in windows of at most 20 tokens."""
    model, tokenizer = (
        tf.AutoModel.from_pretrained(folder),
        tf.AutoTokenizer.from_pretrained(folder),
    )
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    states = []
    for first in range(0, len(ids), 18):
        inputs = torch.tensor([[start, *ids[first : first + 18], end]])
        with torch.no_grad():
            found = model.eval()(inputs, output_hidden_states=True)
        states.append(found.hidden_states[-1 - layer][0].numpy())
    return np.concatenate(states)


@pytest.mark.parametrize(("name", "layer"), [("bert", 0), ("bert", 1), ("bert", 3), ("distil", 0)])
def test_the_mean_over_all_tokens(name, layer, models, tmp_path):
    names, found = values(models / name, tmp_path, **{"bert.layer": layer})
    assert names[:2] == ["bert_0", "bert_1"] and len(names) == {"bert": 24, "distil": 16}[name]
    expected = [plain(models / name, text, layer).mean(axis=0) for text in TEXTS]
    assert len(plain(models / name, TEXTS[2])) == 36 + 4
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)
    np.testing.assert_array_equal(found[0], found[3])
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_what_cannot_be_used_is_one_line(models, tmp_path):
    with pytest.raises(UserError, match=r"text_column: the database has no column 'words'"):
        values(models / "bert", tmp_path, **{"bert.text_column": "words"})
    table = frame(["a", None, " "], "words")
    with pytest.raises(UserError, match=r"2 of 3 rows have no text in 'words', such as 1\.wav"):
        values(models / "bert", tmp_path, table, **{"bert.text_column": "words"})
    shutil.copytree(models / "bert", tmp_path / "m")
    for path in (tmp_path / "m").glob("tokenizer*"):
        path.write_text("{}")
    with pytest.raises(UserError, match=r"the tokenizer of .* cannot be read"):
        values(tmp_path / "m", tmp_path)
    for path in [*(tmp_path / "m").glob("tokenizer*"), *(tmp_path / "m").glob("vocab*")]:
        path.unlink()
    cls = features.extractor_class("bert-base-cased")
    options = {option.name: option.default for option in cls.options}
    with pytest.raises(UserError, match=r"without a tokenizer, FEATS\.type = bert-base-cased"):
        cls.content(options | {"bert.model": str(tmp_path / "m")})
    with pytest.raises(UserError, match="4 is more than the 3 layers"):
        cls.content(options | {"bert.model": str(models / "bert"), "bert.layer": 4})


def test_nkululekos_ini(models, tmp_path):
    (tmp_path / "a.csv").write_text("file,emotion,text\n")
    shutil.copytree(models / "distil", tmp_path / "model")
    (tmp_path / "my.ini").write_text(
        "[DATA]\ndatabases = ['a']\na = a.csv\ntarget = emotion\n[MODEL]\ntype = mlp\n"
        "[FEATS]\ntype = ['bert', 'os']\nbert.model = model\nbert.text_column = text\n"
        "os.set = eGeMAPSv02\nscale = standard\n"
    )
    found = resolve("my.ini", cwd=tmp_path).features[0]
    assert found["type"] == "bert" and found["options"]["bert.text_column"] == "text"
    assert len(features.extractor_class("bert").content(found["options"])) >= 3
    assert features.extractor_class("bert").hub == "google-bert/bert-base-uncased"
