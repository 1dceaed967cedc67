"""Small stand-ins, with random weights, for the pretrained networks that inis name.

Each has the architecture, the files and the names of weights of the published one; the figures of
`tests/unit/test_features_networks.py` hold for these shapes. `fetched` puts one where ``izwi
fetch`` would.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

# A transformer of waves.
NET = {
    "hidden_size": 48,
    "num_hidden_layers": 10,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": (32,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}
HEADS = {"age-gender": {"age": 1, "gender": 3}, "emotion-msp-dim": {"classifier": 3}}
COMMIT = "0" * 40


def linear(name, outputs, inputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name, size):
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def emotion2vec(size=32, heads=4, wide=16):
    start = "modality_encoders.AUDIO."
    shapes = {f"{start}alibi_scale": (1, 1, heads, 1, 1), f"{start}extra_tokens": (1, 3, size)}
    for i, width in enumerate((10, 3, 3, 3, 3, 2, 2)):
        name = f"{start}local_encoder.conv_layers.{i}."
        shapes |= {f"{name}0.weight": (wide, wide if i else 1, width)} | norm(f"{name}2.1", wide)
    shapes |= norm(f"{start}project_features.1", wide)
    shapes |= linear(f"{start}project_features.2", size, wide)
    for i in range(1, 6):
        name = f"{start}relative_positional_encoder.{i}.0"
        shapes |= {f"{name}.weight": (size, size // 4, 19), f"{name}.bias": (size,)}
    shapes |= norm(f"{start}context_encoder.norm", size)
    for name in (f"{start}context_encoder.blocks.0.", "blocks.0.", "blocks.1."):
        shapes |= linear(f"{name}attn.qkv", 3 * size, size) | linear(f"{name}attn.proj", size, size)
        shapes |= linear(f"{name}mlp.fc1", 4 * size, size)
        shapes |= linear(f"{name}mlp.fc2", size, 4 * size)
        shapes |= norm(f"{name}norm1", size) | norm(f"{name}norm2", size)
    return shapes


def emotion2vec_plus():
    return emotion2vec() | linear("proj", 9, 32)


def conv(name, outputs, inputs, width=1):
    return {f"{name}.weight": (outputs, inputs, width), f"{name}.bias": (outputs,)}


def batch_norm(name, size):
    return norm(name, size) | {f"{name}.running_mean": (size,), f"{name}.running_var": (size,)}


def tdnn(name, outputs, inputs, width=1):
    return conv(f"{name}.conv.conv", outputs, inputs, width) | batch_norm(
        f"{name}.norm.norm", outputs
    )


def ecapa():
    shapes = tdnn("blocks.0", 32, 80, 5)
    for i in (1, 2, 3):
        shapes |= tdnn(f"blocks.{i}.tdnn1", 32, 32) | tdnn(f"blocks.{i}.tdnn2", 32, 32)
        for j in range(7):
            shapes |= tdnn(f"blocks.{i}.res2net_block.blocks.{j}", 4, 4, 3)
        shapes |= conv(f"blocks.{i}.se_block.conv1.conv", 12, 32)
        shapes |= conv(f"blocks.{i}.se_block.conv2.conv", 32, 12)
    shapes |= tdnn("mfa", 96, 96) | tdnn("asp.tdnn", 16, 288) | conv("asp.conv.conv", 96, 16)
    return shapes | batch_norm("asp_bn.norm", 192) | conv("fc.conv", 24, 192)


def xvector():
    shapes, inputs = {}, 24
    for i, (size, width) in enumerate(((16, 5), (16, 3), (16, 3), (16, 1), (40, 1))):
        shapes |= conv(f"blocks.{3 * i}.conv", size, inputs, width)
        shapes |= batch_norm(f"blocks.{3 * i + 2}.norm", size)
        inputs = size
    return shapes | linear("blocks.16.w", 20, 80)


def squim():
    shapes = {"encoder.conv1d.weight": (16, 1, 64), "dprnn.conv.0.weight": (24, 16, 1, 1)}
    shapes |= {"dprnn.conv.0.bias": (24,), "dprnn.conv.1.weight": (1,)}
    for i in range(2):
        for part in ("row", "col"):
            name = f"dprnn.{part}_rnn.{i}."
            for way in ("", "_reverse"):
                shapes |= {f"{name}rnn.weight_ih_l0{way}": (48, 16)}
                shapes |= {f"{name}rnn.weight_hh_l0{way}": (48, 12)}
                shapes |= {f"{name}rnn.bias_{k}h_l0{way}": (48,) for k in "ih"}
            shapes |= linear(f"{name}proj", 16, 24) | norm(f"dprnn.{part}_norm.{i}", 16)
    for i in range(3):
        name = f"branches.{i}."
        shapes |= {f"{name}0.self_attn.in_proj_weight": (72, 24)}
        shapes |= {f"{name}0.self_attn.in_proj_bias": (72,), f"{name}1.alpha": (1,)}
        shapes |= linear(f"{name}0.self_attn.out_proj", 24, 24)
        shapes |= linear(f"{name}0.linear1", 96, 24) | linear(f"{name}0.linear2", 24, 96)
        shapes |= norm(f"{name}0.norm1", 24) | norm(f"{name}0.norm2", 24)
        shapes |= linear(f"{name}2.0", 24, 24) | {f"{name}2.1.weight": (1,)}
        shapes |= linear(f"{name}2.2", 1, 24)
    return shapes


def filled(shapes):
    """Random weights of a size that keeps the values in range."""
    import torch

    generator = np.random.default_rng(1)
    weights = {}
    for name in sorted(shapes):
        x = generator.standard_normal(shapes[name])
        if name.endswith("running_var"):
            x = 0.5 + np.abs(x)
        elif x.ndim > 1:
            x /= np.sqrt(np.prod(x.shape[1:]))
        else:
            x = 1 + 0.1 * x if "norm" in name and name.endswith("weight") else 0.1 * x
        weights[name] = torch.from_numpy(3 * np.abs(x) if "alibi" in name else x).float()
    return weights


def fetched(name: str, place: Path) -> Path:
    """Put a stand-in where ``izwi fetch`` puts a model.

    Args:
        name: of the published model on the hub, ``<owner>/<name>``
        place: folder of fetched models, ``IZWI_MODELS``

    Returns:
        its folder
    """
    from izwi.features import model_cache, pretrained

    os.environ[model_cache.PLACE] = str(place)
    folder = model_cache.folder_of(name)
    if not folder.is_dir():
        folder.mkdir(parents=True)
        write(name, folder)
        record = {"name": name, "revision": COMMIT, "converted": False}
        record["digests"] = pretrained.digests(folder, name)
        (folder / model_cache.RECORD).write_text(json.dumps(record))
    return folder


def write(name: str, folder: Path) -> None:
    """Write the files of a stand-in for a published model into a folder that is there."""
    import torch

    torch.manual_seed(1)
    own = name.lower()
    for word, build in (
        ("emotion2vec_plus", emotion2vec_plus),
        ("emotion2vec", emotion2vec),
        ("ecapa", ecapa),
        ("xvect", xvector),
        ("squim", squim),
    ):
        if word in own:
            _save(filled(build()), folder)
            return
    for word, write_one in (
        ("bert-", _bert),
        ("-bert", _bert),
        ("whisper", _whisper),
        ("clap", _clap),
        ("/ast", _ast),
    ):
        if word in own.replace("hubert", ""):
            write_one(folder)
            return
    _wave(own, folder)


def _save(weights: dict, folder: Path) -> None:
    from safetensors.torch import save_file

    contiguous = {key: value.contiguous().clone() for key, value in weights.items()}
    save_file(contiguous, folder / "model.safetensors", {"format": "pt"})


def _wave(name: str, folder: Path) -> None:
    import torch
    import transformers as tf

    kinds = {"hubert": (tf.HubertConfig, tf.HubertModel), "wavlm": (tf.WavLMConfig, tf.WavLMModel)}
    config, model = next(
        (kinds[word] for word in kinds if word in name), (tf.Wav2Vec2Config, tf.Wav2Vec2Model)
    )
    net = model(config(**NET))
    tf.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    heads = next((heads for word, heads in HEADS.items() if word in name), {})
    if not heads:
        net.save_pretrained(folder)
        return
    weights = {f"wav2vec2.{key}": value for key, value in net.state_dict().items()}
    size = NET["hidden_size"]
    for head, outputs in heads.items():
        for part, rows in (("dense", size), ("out_proj", outputs)):
            weights[f"{head}.{part}.weight"] = torch.randn(rows, size) / 7
            weights[f"{head}.{part}.bias"] = torch.randn(rows) / 7
    _save(weights, folder)
    about = net.config.to_dict() | {"architectures": ["Wav2Vec2ForSpeechClassification"]}
    (folder / "config.json").write_text(json.dumps(about))


def _bert(folder: Path) -> None:
    import transformers as tf

    letters = [chr(i) for i in range(97, 123)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *letters]
    words += [f"##{letter}" for letter in letters]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    config = tf.BertConfig(
        vocab_size=len(words),
        max_position_embeddings=128,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
    )
    tf.BertModel(config).save_pretrained(folder)
    tokenizer = tf.BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=128)
    tokenizer.save_pretrained(folder)


def _whisper(folder: Path) -> None:
    import transformers as tf

    # Token → its letters; Ġ stands for a space.
    words = ["Ġone", "Ġtwo", "Ġthree", "Ġfour", "s", ".", "!", "Ġfive", "Ġsix", "Ġten"]
    end, start, german, english, task, plain = 30, 31, 32, 33, 34, 36
    config = tf.WhisperConfig(
        d_model=16,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        vocab_size=40,
        max_target_positions=24,
        decoder_start_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
        bos_token_id=end,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        init_std=1.0,
    )
    tf.WhisperForConditionalGeneration(config).save_pretrained(folder)
    tf.WhisperFeatureExtractor().save_pretrained(folder)
    vocabulary = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    generation = {
        "decoder_start_token_id": start,
        "eos_token_id": end,
        "no_timestamps_token_id": plain,
        "lang_to_id": {"<|de|>": german, "<|en|>": english},
        "task_to_id": {"transcribe": task},
        "suppress_tokens": [*range(10, 30), *range(31, 40)],
        "begin_suppress_tokens": [end, 5],
    }
    (folder / "generation_config.json").write_text(json.dumps(generation))


def _clap(folder: Path) -> None:
    import transformers as tf

    audio = {"patch_embeds_hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2]}
    audio |= {"hidden_size": 32, "num_hidden_layers": 2, "window_size": 4, "spec_size": 128}
    audio |= {"num_mel_bins": 32, "fusion_num_hidden_layers": 1}
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 16, "vocab_size": 50}
    config = tf.ClapConfig(text_config=text, audio_config=audio, projection_dim=24)
    tf.ClapModel(config).save_pretrained(folder)
    front = tf.ClapFeatureExtractor(feature_size=32, truncation="rand_trunc", max_length_s=2)
    front.save_pretrained(folder)


def _ast(folder: Path) -> None:
    import transformers as tf

    config = tf.ASTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_length=200,
    )
    tf.ASTModel(config).save_pretrained(folder)
    tf.ASTFeatureExtractor(max_length=200).save_pretrained(folder)
