"""Pretrained transformers on this computer: found, checked and loaded, never downloaded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.engine import keys
from izwi.errors import UserError

if TYPE_CHECKING:
    import torch

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = "pytorch_model.bin"
# Only local files, and only code of transformers: no code that comes with the weights.
OWN = {"local_files_only": True, "trust_remote_code": False}
# Name of a small network with random weights, and the folder of its architecture.
UNTRAINED = "untrained"
ARCHITECTURES = Path(__file__).parent / UNTRAINED
FRONT_ENDS = ("preprocessor_config.json", "processor_config.json")


def check_installed(what: str) -> None:
    """Check that the packages are installed.

    Args:
        what: beginning of the message: the option, and its value that needs them

    Raises:
        UserError: if torch or transformers is not installed
    """
    if lost := [name for name in ("torch", "transformers") if keys.version_of(name) is None]:
        raise UserError(
            f"{what} needs {' and '.join(lost)}, not installed; type: "
            "make deep (or: pip install -r requirements-deep.txt)"
        )


def find(name: str, where: str, option: str) -> Path:
    """Folder of a model, which may be in the hub's cache on this computer.

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
    snapshot = hub_snapshot(name)
    if snapshot is None:
        raise UserError(
            f"{where}: '{name}' is neither a folder nor in the hub's cache of this "
            f"computer; fetch it once: python scripts/fetch_model.py {name} <folder>, then "
            f"set {option} = <folder>"
        )
    return snapshot


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
        UserError: if one is missing, or the weights are a Git-LFS pointer or pickled
    """
    front_ends = [name for name in FRONT_ENDS if (folder / name).is_file()]
    if not front_ends:
        raise UserError(f"{where}: {folder} has no {FRONT_ENDS[0]}")
    weights = [] if is_untrained(folder) else _weights(folder, where)
    return [
        keys.large_files.digest(str(folder / name))
        if name.endswith(".safetensors")
        else keys.file_digest(str(folder / name))
        for name in ("config.json", *front_ends, *weights)
    ]


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
    """Front end of the model, from wave to inputs; without messages of transformers."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers.AutoFeatureExtractor.from_pretrained(folder, **OWN)


def load(folder: Path, config: Any, where: str) -> torch.nn.Module:
    """Load a model in float32.

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
    model, report = AutoModel.from_pretrained(
        folder,
        config=config,
        dtype=torch.float32,
        use_safetensors=True,
        **OWN,
        output_loading_info=True,
    )
    # That part is used in training only.
    if lost := sorted(key for key in report["missing_keys"] if "masked_spec" not in key):
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
    """The config.json of a model.

    Raises:
        UserError: if there is none
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{where}: {folder} is not the folder of a model, no config.json") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{where}: {path} cannot be read: {error}") from error
    return config if isinstance(config, dict) else {}


def _weights(folder: Path, where: str) -> list[str]:
    """Names of the files of the weights.

    Raises:
        UserError: if they are missing, Git-LFS pointers or pickled
    """
    names = [WEIGHTS]
    if not (folder / WEIGHTS).is_file() and (folder / INDEX).is_file():
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
    for name in (*names, PICKLED):
        if _is_pointer(folder / name):
            raise UserError(
                f"{where}: {folder / name} is a Git-LFS pointer instead of the weights; "
                f"type: git -C {folder} lfs pull"
            )
    if lost := [name for name in names if not (folder / name).is_file()]:
        if (folder / PICKLED).is_file():
            raise UserError(
                f"{where}: {folder} has its weights only as {PICKLED}, a pickle, which can run "
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
