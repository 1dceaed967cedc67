"""What a transcript by Whisper says of a recording, in numbers: words, their rate, how sure."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.config.options import feature_option
from izwi.errors import UserError
from izwi.features import bundled, pretrained
from izwi.features.transformer import Whisper

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    import torch

COLUMNS = (
    *("words", "words_per_second", "letters_per_word", "different_words", "log_probability"),
    "no_speech",
)
# Whisper writes no more than this share of its positions for 30 s.
SHARE = 0.5
GENERATION = "generation_config.json"
# Vocabularies of English models have fewer tokens.
MULTILINGUAL = 51865
# Tokens of times, 0 to 30 s.
TIMES = 1501


class Transcript(Whisper):
    """Numbers about a transcript by Whisper (Radford et al., 2023), decoded greedily.

    ``words``; ``words_per_second`` of the recording; ``letters_per_word`` and ``different_words``,
    the share of words that differ, without case and punctuation (undefined without words);
    ``log_probability``, the mean over tokens; ``no_speech``, its probability by the model.
    """

    name = "transcript"
    prefix = "transcript."
    family = "transcript"
    hub = "openai/whisper-base"
    title = ("transcript.language",)
    located = ("transcript.model",)
    options = (
        feature_option(
            "transcript.model",
            "model",
            None,
            "transcript: folder of a Whisper model, or its name on the Hugging Face hub (default: "
            "openai/whisper-base)",
            aliases=("model",),
        ),
        feature_option(
            "transcript.language",
            "str",
            None,
            "transcript: language of the speech, such as de (default: the model detects it in each "
            "30 s); not of English models",
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.columns = list(COLUMNS)

    @classmethod
    def _check(cls, folder: Path, options: dict[str, Any]) -> None:
        super()._check(folder, options)
        settings = pretrained.read_mapping(folder / GENERATION, cls.where())
        vocabulary_of(folder, cls.where())
        languages = settings.get("lang_to_id") or {}
        size = pretrained.read_config(folder, cls.where()).get("vocab_size")
        if not languages and isinstance(size, int) and size >= MULTILINGUAL:
            raise UserError(f"{cls.where()}: {folder / GENERATION} lacks lang_to_id")
        language = options.get("transcript.language")
        if language and f"<|{language}|>" not in languages:
            known = ", ".join(sorted(name.strip("<|>") for name in languages)) or "English alone"
            raise UserError(f"{cls.where('language')}: '{language}' is not known, only {known}")

    def _part(self, model: torch.nn.Module) -> torch.nn.Module:
        return model

    def load(self) -> None:
        """Load the model and its vocabulary; see the base class."""
        if self.model is not None:
            return
        super().load()
        found = pretrained.read_mapping(self.folder / GENERATION, self.where())
        self.vocabulary = vocabulary(vocabulary_of(self.folder, self.where()))
        self.start, self.end = found["decoder_start_token_id"], self._first(found["eos_token_id"])
        # Before the tokens of times, which are the last of the vocabulary.
        self.plain = found.get("no_timestamps_token_id", self.config.vocab_size - TIMES - 1)
        self.languages = found.get("lang_to_id") or {}
        self.task = [found["task_to_id"]["transcribe"]] if self.languages else []
        self.never = found.get("suppress_tokens") or []
        self.not_first = found.get("begin_suppress_tokens") or []
        self.most = int(self.config.max_target_positions * SHARE)

    @staticmethod
    def _first(found: Any) -> int:
        return found[0] if isinstance(found, list) else found

    def batch(self, group: Hashable, items: list[Any]) -> list[np.ndarray]:
        """Numbers about the transcripts of some rows; see the base class."""
        return [self._numbers(item) for item in items]

    def _numbers(self, windows: list[tuple[np.ndarray, int]]) -> np.ndarray:
        import numpy as np

        found = [self.transcribe(spectrum) for spectrum, _ in windows]
        frames = [frames for _, frames in windows]
        text = " ".join(self.text(tokens) for tokens, _, _ in found)
        bare = ("".join(c for c in word if c.isalnum()).lower() for word in text.split())
        words = [word for word in bare if word]
        tokens = sum(len(some) + 1 for some, _, _ in found)
        seconds = sum(frames) / (self.config.max_source_positions / 30)
        nan = float("nan")
        values = {
            "words": len(words),
            "words_per_second": len(words) / seconds,
            "letters_per_word": sum(map(len, words)) / len(words) if words else nan,
            "different_words": len(set(words)) / len(words) if words else nan,
            "log_probability": sum(logs for _, logs, _ in found) / tokens,
            "no_speech": np.average([chance for _, _, chance in found], weights=frames),
        }
        return np.array([values[name] for name in COLUMNS], dtype=np.float32)

    def text(self, tokens: list[int]) -> str:
        """Tokens as text."""
        parts = (self.vocabulary.get(token, b"") for token in tokens)
        return b"".join(parts).decode("utf-8", "replace")

    def transcribe(self, spectrum: np.ndarray) -> tuple[list[int], float, float]:
        """The most probable token at each step, for at most 30 s.

        Args:
            spectrum: log-mel spectrum, shape (bands, frames)

        Returns:
            tokens; the sum of their logarithmic probabilities, with that of the end; the
            probability that nobody speaks
        """
        import torch

        with torch.inference_mode():
            inputs = torch.from_numpy(spectrum)[None].to(self.device)
            states = self.model.encoder(inputs).last_hidden_state
            prompt = [self.start, *self._language(states), *self.task, self.plain]
            scores, past = self._scores(states, prompt, None)
            silent = float(scores[0].softmax(dim=-1)[self.plain - 1])
            tokens: list[int] = []
            total = 0.0
            while True:
                last = scores[-1]
                last[self.never] = -torch.inf
                if not tokens:
                    last[self.not_first] = -torch.inf
                token = int(last.argmax())
                total += float(last.log_softmax(dim=-1)[token])
                if token == self.end or len(tokens) + 1 >= self.most:
                    return tokens, total, silent
                tokens.append(token)
                scores, past = self._scores(states, [token], past)

    def _language(self, states: torch.Tensor) -> list[int]:
        """Token of the language, none for English models."""
        if not self.languages:
            return []
        if wanted := self.values["transcript.language"]:
            return [self.languages[f"<|{wanted}|>"]]
        known = sorted(self.languages.values())
        scores, _ = self._scores(states, [self.start], None)
        return [known[int(scores[-1][known].argmax())]]

    def _scores(self, states: torch.Tensor, tokens: list[int], past: Any) -> tuple[Any, Any]:
        """Scores of the token after each of some, shape (tokens, vocabulary)."""
        import torch

        decoder = self.model.decoder
        found = decoder(
            input_ids=torch.tensor([tokens], device=self.device),
            encoder_hidden_states=states,
            past_key_values=past,
            use_cache=True,
        )
        return found.last_hidden_state[0] @ decoder.embed_tokens.weight.T, found.past_key_values


class TranscriptText(Transcript):
    """What Whisper (Radford et al., 2023) hears, decoded greedily: one text, as code points.

    For ``PREDICT.targets = ['text']``; models cannot read it.
    """

    name = "transcript_text"
    prefix = "transcript_text."
    is_vector = False

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.columns = ["text"]

    def _numbers(self, windows: list[tuple[np.ndarray, int]]) -> np.ndarray:
        import numpy as np

        parts = (self.text(self.transcribe(spectrum)[0]).strip() for spectrum, _ in windows)
        letters = " ".join(part for part in parts if part)
        found = np.empty(1, dtype=object)
        found[0] = np.array([ord(letter) for letter in letters], dtype=np.int32)
        return found


def vocabulary_of(folder: Path, where: str) -> Path:
    """The file of a model's tokens: in its folder, or of the package openai-whisper.

    Raises:
        UserError: if there is none
    """
    if (path := folder / "vocab.json").is_file():
        return path
    size = pretrained.read_config(folder, where).get("vocab_size")
    few = isinstance(size, int) and size < MULTILINGUAL
    name = "assets/gpt2.tiktoken" if few else "assets/multilingual.tiktoken"
    try:
        return bundled.file_of("openai-whisper", "whisper", name, where)
    except UserError:
        raise UserError(
            f"{where}: {folder} has no vocab.json; put it there, or: pip install --no-deps "
            "openai-whisper"
        ) from None


@cache
def vocabulary(path: Path) -> dict[int, bytes]:
    """Tokens as bytes.

    Args:
        path: of ``vocab.json``, in which a letter stands for a byte, or of a file of tiktoken
    """
    if path.suffix == ".tiktoken":
        lines = (line.split() for line in path.read_text().splitlines() if line)
        return {int(number): base64.b64decode(token) for token, number in lines}
    found = pretrained.read_mapping(path, "vocab.json")
    letters = byte_letters()
    return {
        int(number): bytes(letters[c] for c in token)
        for token, number in found.items()
        if all(c in letters for c in token)
    }


@cache
def byte_letters() -> dict[str, int]:
    """The letter that stands for each byte in vocabularies like that of GPT-2.

    Printable ones stand for themselves, the others for those from 256 on.
    """
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {
        chr(256 + i): byte for i, byte in enumerate(others)
    }
