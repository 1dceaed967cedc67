"""Pretrained transformers on this computer: found, checked and loaded, never downloaded."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from izwi.engine import keys
from izwi.errors import UserError
from izwi.untrusted import not_plain, parse_json, read_json, shown

if TYPE_CHECKING:
    import torch

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = "pytorch_model.bin"
# Names of pickled weights on the hub: of transformers, speechbrain, emotion2vec.
ALL_PICKLED = (PICKLED, "embedding_model.ckpt", "emotion2vec_base.pt", "model.pt")
# Endings of others.
TENSORS = (".pt", ".pth")
# Only local files, and only code of transformers: no code that comes with the weights.
OWN = {"local_files_only": True, "trust_remote_code": False}
# Entries of config.json that could bring in code, kernels or quantized weights: allowed values.
FOREIGN: dict[str, tuple[Any, ...]] = {
    "attn_implementation": ("eager", "sdpa"),
    "_attn_implementation": ("eager", "sdpa"),
    "_attn_implementation_internal": ("eager", "sdpa"),
    "experts_implementation": ("eager",),
    "quantization_config": (),
    "use_kernels": (False,),
}
MOST_NUMBER, MOST_COLUMNS = 10**8, 10**5
SHARD = re.compile(r"[^/]+\.safetensors")
# Name of a small network with random weights, and the folder of its architecture.
UNTRAINED = "untrained"
ARCHITECTURES = Path(__file__).parent / UNTRAINED
FRONT_ENDS = ("preprocessor_config.json", "processor_config.json")
TOKENIZERS = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model"),
    *("tokenizer.model", "generation_config.json"),
)
# Descriptions of networks that are not of transformers.
DESCRIPTIONS = ("config.yaml", "hyperparams.yaml")
# Files of a model beside its weights.
SIDES = ("config.json", *FRONT_ENDS, *TOKENIZERS, *DESCRIPTIONS)
# Largest header of a file of tensors, as safetensors itself has it.
MOST_HEADER = 10**8


def check_installed(what: str, *packages: str) -> None:
    """Check that the packages are installed.

    Args:
        what: beginning of the message: the option, and its value that needs them
        packages: their names, by default torch and transformers

    Raises:
        UserError: if one is not
    """
    wanted = packages or ("torch", "transformers")
    if lost := [name for name in wanted if keys.version_of(name) is None]:
        raise UserError(
            f"{what} needs {' and '.join(lost)}, not installed; type: "
            "make deep (or: pip install -r requirements-deep.txt)"
        )


def find(name: str, where: str, option: str) -> Path:
    """Folder of a model: in the hub's cache on this computer, or of ``izwi fetch``.

    Args:
        name: a folder, a name on the hub, or ``untrained``
        where: beginning of a message about the option
        option: its name

    Raises:
        UserError: if it is not on this computer
    """
    if name == UNTRAINED:
        return _architecture(where, option)
    if os.path.isdir(name):
        return Path(name)
    from izwi.features import model_cache

    found = hub_snapshot(name) or model_cache.fetched(name)
    return found or lost(name, where)


def lost(name: str, where: str) -> NoReturn:
    """Say that a model is not on this computer.

    Raises:
        UserError: always
    """
    raise UserError(
        f"{where}: '{name}' is neither a folder nor a model on this computer; fetch it once: "
        f"izwi fetch {name}"
    )


def _architecture(where: str, option: str) -> Path:
    """Folder that describes the untrained network of a family.

    Raises:
        UserError: if there is none
    """
    folder = ARCHITECTURES / option.split(".")[0]
    if not folder.is_dir():
        known = ", ".join(sorted(path.name for path in ARCHITECTURES.iterdir()))
        raise UserError(f"{where}: there is an untrained network only for {known}")
    return folder


def is_untrained(folder: Path) -> bool:
    """Whether a folder holds an architecture without weights."""
    return folder.parent == ARCHITECTURES


def digests(folder: Path, where: str) -> list[str]:
    """Digests of a model's files.

    Raises:
        UserError: if weights are missing, a Git-LFS pointer or pickled
    """
    weights = [] if is_untrained(folder) else weight_files(folder, where)
    return [
        keys.large_files.digest(str(folder / name))
        if name.endswith(".safetensors")
        else keys.file_digest(str(folder / name))
        for name in (*(name for name in SIDES if (folder / name).is_file()), *weights)
    ]


def check_front_end(folder: Path, where: str) -> None:
    """Check that a model has a front end, which turns audio into its input.

    Raises:
        UserError: if not
    """
    if not any((folder / name).is_file() for name in FRONT_ENDS):
        raise UserError(f"{where}: {folder} has no {FRONT_ENDS[0]}")


def tensor_shapes(folder: Path, where: str) -> dict[str, list[int]]:
    """Names and shapes of the tensors in the weights of a model, which are not read.

    Raises:
        UserError: if the weights are missing or not safetensors
    """
    shapes: dict[str, list[int]] = {}
    for file in weight_files(folder, where):
        try:
            with open(folder / file, "rb") as stream:
                size = int.from_bytes(stream.read(8), "little")
                header = parse_json(stream.read(size)) if size <= MOST_HEADER else None
            header = dict(header or ())
            header.pop("__metadata__", None)
            shapes |= {
                str(name): list(map(int, tensor["shape"])) for name, tensor in header.items()
            }
        except (OSError, UserError, ValueError, TypeError, KeyError):
            raise UserError(f"{where}: {folder / file} is no file of tensors") from None
    return shapes


def tensors(folder: Path, where: str, prefixes: tuple[str, ...] = ("",)) -> dict[str, torch.Tensor]:
    """Tensors in the weights of a model, in float32.

    Args:
        folder: of the model
        where: beginning of a message about the option
        prefixes: beginnings of their names

    Raises:
        UserError: if they cannot be read
    """
    from safetensors import SafetensorError, safe_open

    found = {}
    for file in weight_files(folder, where):
        try:
            with safe_open(folder / file, framework="pt") as stream:
                for name in stream.keys():  # noqa: SIM118
                    if name.startswith(prefixes):
                        tensor = stream.get_tensor(name)
                        found[name] = tensor.float() if tensor.is_floating_point() else tensor
        except (OSError, SafetensorError) as error:
            raise UserError(f"{where}: {folder / file} cannot be read: {shown(error)}") from None
    return found


def layers_of(config: dict[str, Any]) -> int | None:
    """Number of layers according to config.json."""
    return config.get("num_hidden_layers") or config.get("encoder_layers")


def may_pad(config: Any) -> bool:
    """Whether frames of a model of waves stay the same when its input is padded and masked.

    Group norm over time includes the padding, and so does data2vec, which convolves positions in
    several steps.

    Args:
        config: of the model, as transformers reads it
    """
    return (
        getattr(config, "feat_extract_norm", None) == "layer"
        and config.model_type in ("wav2vec2", "hubert", "wavlm")
        and not getattr(config, "add_adapter", False)
        and not getattr(config, "conv_pos_batch_norm", False)
    )


def frames_of(config: Any, samples: int) -> int:
    """Number of frames that the convolutions of a model of waves output.

    Args:
        config: of the model
        samples: length of the wave
    """
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
    return samples


def front_end(folder: Path) -> Any:
    """Front end of the model, from wave to inputs; without messages of transformers.

    Raises:
        UserError: if it cannot be read
    """
    import transformers

    quiet()
    try:
        return transformers.AutoFeatureExtractor.from_pretrained(folder, **OWN)
    # What a wrong file raises depends on the front end.
    except Exception as error:
        reason = shown(" ".join(str(error).split()) or type(error).__name__, 300)
        raise UserError(f"{folder}: its front end cannot be read: {reason}") from None


def quiet() -> None:
    """Keep transformers from printing."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def load(folder: Path, config: Any, where: str, unused: str = "masked_spec") -> torch.nn.Module:
    """Load a model in float32.

    Args:
        folder: of the model
        config: of the model
        where: beginning of a message about the option
        unused: part of the names of weights that are not used, such as those of training alone

    Raises:
        UserError: if some of its weights are missing
    """
    import torch
    from transformers import AutoModel

    if is_untrained(folder):
        # Always the same ones.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return AutoModel.from_config(config, dtype=torch.float32)
    weight_files(folder, where)
    try:
        model, report = AutoModel.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            **OWN,
            output_loading_info=True,
        )
    except MemoryError:
        raise
    # Damaged weights, and those of another architecture, end it in many ways.
    except Exception as error:
        reason = shown(" ".join(str(error).split()), 300)
        raise UserError(f"{where}: the weights in {folder} cannot be read: {reason}") from None
    if lost := sorted(key for key in report["missing_keys"] if unused not in key):
        raise UserError(
            f"{where}: the weights in {folder} lack {len(lost)} of the model's, such as {lost[0]}"
        )
    return model


def hub_snapshot(name: str) -> Path | None:
    """Folder of a model in the hub's cache on this computer, as huggingface_hub lays it out."""
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "huggingface"
    )
    hub = Path(os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub"))
    model = hub / f"models--{name.replace('/', '--')}"
    try:
        snapshot = model / "snapshots" / (model / "refs" / "main").read_text().strip()
    except OSError:
        return None
    return snapshot if snapshot.is_dir() else None


def read_config(folder: Path, where: str) -> dict[str, Any]:
    """The config.json of a model, which names no code, no kernel and no other kind of weights.

    Raises:
        UserError: if there is none, or one that names such
    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{where}: {folder} is not the folder of a model, no config.json")
    config = read_mapping(path, where)
    left: list[Any] = [config]
    while left:
        part = left.pop()
        for key, value in part.items() if isinstance(part, dict) else ():
            if key in FOREIGN and value is not None and value not in FOREIGN[key]:
                raise UserError(f"{where}: {path}: {key} = {shown(value)} is not taken by izwi")
            if type(value) is int and abs(value) > MOST_NUMBER:
                raise UserError(f"{where}: {path}: {shown(key)} = {shown(value)} is too large")
        left += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return config


def read_mapping(path: Path, where: str) -> dict[str, Any]:
    """A JSON file that holds names with values.

    Raises:
        UserError: if it cannot be read
    """
    try:
        found = read_json(path)
    except (OSError, UserError) as error:
        raise UserError(f"{where}: {path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{where}: {path} holds no names with values")
    return found


def architecture(folder: Path, where: str) -> Any:
    """The config of a model as transformers reads it, with the attention that izwi computes with.

    Raises:
        UserError: if it is none
    """
    from transformers import MODEL_MAPPING, AutoConfig

    read_config(folder, where)
    try:
        config = AutoConfig.from_pretrained(folder, **OWN)
        network = MODEL_MAPPING[type(config)]
        # Said here, so that no file can ask for a kernel from elsewhere.
        config._attn_implementation = "sdpa" if network._supports_sdpa else "eager"
        if not 0 < config.hidden_size <= MOST_COLUMNS:
            raise ValueError(f"hidden_size = {config.hidden_size}")
    # What a wrong config raises depends on the model.
    except Exception as error:
        reason = shown(" ".join(str(error).split()) or type(error).__name__, 300)
        raise UserError(f"{where}: {folder / 'config.json'} is of no model: {reason}") from None
    return config


def weight_files(folder: Path, where: str) -> list[str]:
    """Names of the files of the weights, all of them safetensors in the folder itself.

    Raises:
        UserError: if they are missing, Git-LFS pointers or pickled
    """
    names = [WEIGHTS]
    if not (folder / WEIGHTS).is_file() and (folder / INDEX).is_file():
        files = read_mapping(folder / INDEX, where).get("weight_map")
        found = list(files.values()) if isinstance(files, dict) else []
        wrong = [name for name in found if not_plain(name) or not SHARD.fullmatch(name)]
        if wrong or not found:
            what = f"names {shown(wrong[0])}" if wrong else "names no file"
            raise UserError(f"{where}: {folder / INDEX} {what}, izwi takes *.safetensors beside it")
        names = sorted(set(found))
    for name in (*names, *ALL_PICKLED):
        if _is_pointer(folder / name):
            raise UserError(
                f"{where}: {folder / name} is a Git-LFS pointer instead of the weights; "
                f"type: git -C {folder} lfs pull"
            )
    if lost := [name for name in names if not (folder / name).is_file()]:
        if pickled := next((n for n in ALL_PICKLED if (folder / n).is_file()), None):
            raise UserError(
                f"{where}: {folder} has its weights only as {pickled}, a pickle, which can run "
                f"any code; convert it: python scripts/fetch_model.py {folder} <new folder>"
            )
        raise UserError(f"{where}: {folder} has no weights, {lost[0]} is missing")
    return names


def _is_pointer(path: Path) -> bool:
    """True for the small text that Git writes instead of a large file without Git-LFS."""
    try:
        with open(path, "rb") as stream:
            return stream.read(40).startswith(b"version https://git-lfs")
    except OSError:
        return False
