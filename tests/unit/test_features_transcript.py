"""Numbers about transcripts against a plain loop over transformers, without its cache."""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_tables import make_table, some

from izwi import features
from izwi.data import audio
from izwi.errors import UserError
from izwi.features import bundled, extraction

torch = pytest.importorskip("torch")
import transformers as tf  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# Token → its letters: Ġ stands for a space, Ã¼ for the two bytes of ü.
WORDS = ["Ġone", "Ġtwo", "Ġthree", "Ġone", "s", ".", "!", "Ġf", "Ã¼", "nf"]
END, START, GERMAN, ENGLISH, TASK, NOBODY, PLAIN = range(30, 37)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small random model with a vocabulary of ten tokens and two languages."""
    folder = tmp_path_factory.mktemp("whisper")
    torch.manual_seed(8)
    small = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    small |= {"decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    config = tf.WhisperConfig(
        **small,
        vocab_size=40,
        max_target_positions=24,
        decoder_start_token_id=START,
        eos_token_id=END,
        pad_token_id=END,
        bos_token_id=END,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        init_std=1.0,
    )
    net = tf.WhisperForConditionalGeneration(config)
    net.save_pretrained(folder)
    tf.WhisperFeatureExtractor().save_pretrained(folder)
    vocabulary = {f"{word}{'' if i != 3 else 'x'}": i for i, word in enumerate(WORDS)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    generation = {
        "decoder_start_token_id": START, "eos_token_id": END, "no_timestamps_token_id": PLAIN,
        "lang_to_id": {"<|de|>": GERMAN, "<|en|>": ENGLISH}, "task_to_id": {"transcribe": TASK},
        "suppress_tokens": [*range(10, 30), *range(31, 40)], "begin_suppress_tokens": [END, 5],
    }  # fmt: skip
    (folder / "generation_config.json").write_text(json.dumps(generation))
    return folder


def values(folder, paths, store, **options):
    what = {"type": "transcript", "options": {"transcript.model": str(folder)} | options}
    found = extraction.extract(what, make_table(paths), paths, store=store, threads=2)
    return found.iloc[:, 3:]


@cache
def loaded(folder):
    return tf.WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


def plain(folder, samples, language):
    """Tokens, their logarithmic probabilities, and the probability that nobody speaks."""
    net = loaded(folder)
    front = tf.WhisperFeatureExtractor.from_pretrained(folder)
    inputs = front(samples, sampling_rate=16000, return_tensors="pt")["input_features"]
    with torch.no_grad():
        states = net.get_encoder()(inputs)

    def scores(tokens):
        with torch.no_grad():
            found = net(encoder_outputs=states, decoder_input_ids=torch.tensor([tokens]))
        return found.logits[0]

    if language is None:
        first = scores([START])[-1]
        language = GERMAN if first[GERMAN] > first[ENGLISH] else ENGLISH
    prompt = [START, language, TASK, PLAIN]
    nobody = scores(prompt)[0].softmax(dim=-1)[NOBODY].item()
    tokens, logs = [], []
    while len(tokens) < 12:
        last = scores(prompt + tokens)[-1]
        allowed = [*range(10), END] if tokens else [i for i in range(10) if i != 5]
        chances = last[allowed].log_softmax(dim=-1)
        logs.append(chances.max().item())
        token = allowed[int(chances.argmax())]
        if token == END or len(tokens) == 11:
            return tokens, logs, nobody
        tokens.append(token)


def test_the_most_probable_tokens_in_numbers(model, tmp_path):
    generator = np.random.default_rng(3)
    waves = [0.1 * generator.standard_normal(n) for n in (16000, 31 * 16000)]
    paths = {}
    for i, samples in enumerate(waves):
        soundfile.write(tmp_path / f"{i}.wav", samples, 16000, "FLOAT")
        paths[f"{i}.wav"] = str(tmp_path / f"{i}.wav")
    letters = [" one", " two", " three", " onex", "s", ".", "!", " f", "ü", "nf"]
    for given, token in ((None, None), ("de", GERMAN)):
        if given:
            del paths["1.wav"]
        found = values(model, paths, tmp_path / str(given), **{"transcript.language": given})
        for i, path in enumerate(paths.values()):
            signal = audio.read(path)[0][0]
            parts = [
                plain(model, signal[s : s + 480000], token) for s in range(0, len(signal), 480000)
            ]
            said = ["".join(letters[t] for t in tokens) for tokens, _, _ in parts]
            text = " ".join(said)
            if given:
                own = {"type": "transcript_text", "options": {"transcript.model": str(model)}}
                own["options"]["transcript.language"] = given
                table = make_table(paths)
                heard = extraction.extract(own, table, paths, store=tmp_path / "t", threads=1)
                letter_codes = heard["text"].iloc[i]
                assert "".join(map(chr, letter_codes)) == " ".join(s.strip() for s in said)
            words = [w.strip(".!").replace(".", "").replace("!", "") for w in text.split()]
            words = [w for w in words if w]
            logs = [log for _, some_logs, _ in parts for log in some_logs]
            weights = [30, 1][: len(parts)]
            expected = [
                len(words),
                len(words) / (len(signal) / 16000),
                sum(map(len, words)) / len(words) if words else np.nan,
                len(set(words)) / len(words) if words else np.nan,
                np.mean(logs),
                np.average([nobody for _, _, nobody in parts], weights=weights),
            ]
            np.testing.assert_allclose(found.iloc[i], expected, rtol=1e-4, atol=1e-5)
        assert found["words"].max() > 0


def test_what_is_lacking_is_told_while_planning(model, tmp_path, monkeypatch):
    cls = features.extractor_class("transcript")
    options = {"transcript.model": str(model), "transcript.language": "fr"}
    with pytest.raises(UserError, match=r"transcript\.language: 'fr' is not known, only de, en"):
        cls.content(options)
    for path in model.iterdir():
        if path.name != "vocab.json":
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr("importlib.machinery.PathFinder.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"has no vocab\.json; put it there, or: pip install"):
        cls.content({"transcript.model": str(tmp_path), "transcript.language": None})


def test_a_file_of_tiktoken_holds_the_same_bytes(tmp_path):
    from izwi.features import transcript

    (tmp_path / "a.tiktoken").write_text("IG9uZQ== 0\nw7w= 8\n")
    (tmp_path / "vocab.json").write_text(json.dumps({"Ġone": 0, "Ã¼": 8}), encoding="utf-8")
    both = [transcript.vocabulary(tmp_path / name) for name in ("a.tiktoken", "vocab.json")]
    assert both[0] == both[1] == {0: b" one", 8: "ü".encode()}


def test_real_weights_write_what_transformers_does(fsdd, monkeypatch):
    data = os.environ.get("IZWI_DATA", ROOT.parent / "shared" / "data")
    folder = Path(data).resolve().parent / "models" / "whisper-tiny.en"
    if not folder.is_dir():
        pytest.skip(f"no Whisper model in {folder}")
    # Only its tokens are compared, which need no vocabulary.
    monkeypatch.setattr(bundled, "file_of", lambda *names: folder / "config.json")
    monkeypatch.setattr("izwi.features.transcript.vocabulary", lambda path: {})
    own = features.extractor_class("transcript")({"transcript.model": str(folder)})
    own.load()
    net = loaded(folder)
    for path in some(fsdd, "**/*.wav", 3000).values():
        _, ((spectrum, _),) = own.prepare(*audio.read(path))
        tokens, _, _ = own.transcribe(spectrum)
        with torch.no_grad():
            found = net.generate(torch.from_numpy(spectrum)[None], do_sample=False, num_beams=1)
        assert tokens == [token for token in found[0].tolist() if token < own.end]
        assert tokens
