"""``izwi fetch``: pretrained models of the Hugging Face hub, for all experiments of this user."""

from __future__ import annotations

from izwi.cli import Parser, say

EXAMPLES = """\
  izwi fetch wavlm-large
  izwi fetch facebook/wav2vec2-base openai/whisper-tiny
  izwi fetch facebook/wav2vec2-base --revision main
"""


def main(arguments: list[str]) -> int:
    """Fetch models that are not there."""
    parser = Parser("fetch", EXAMPLES)
    parser.add_argument("models", nargs="+", help="names on the hub, or values of FEATS.type")
    parser.add_argument("--revision", help="commit, branch or tag (main); fetched again")
    wanted = parser.parse_args(arguments)
    from izwi.features import EXTRACTORS, extractor_class, model_cache

    for model in wanted.models:
        name = getattr(extractor_class(model), "hub", model) if model in EXTRACTORS else model
        if model_cache.fetched(name) and not wanted.revision:
            say(f"{model_cache.told(name)}: there already")
            continue
        record = model_cache.fetch(name, wanted.revision)
        how = ", its weights converted to safetensors" if record["converted"] else ""
        say(f"{model_cache.told(name)}: fetched{how}")
    return 0
