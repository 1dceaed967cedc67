"""Models of the Hugging Face hub that ``izwi fetch`` has put on this computer."""

from __future__ import annotations

import os
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from izwi.errors import UserError
from izwi.features import pretrained
from izwi.files import atomic_folder, read_json, write_json
from izwi.untrusted import shown

PLACE = "IZWI_MODELS"
# What was fetched, beside the files of the model.
RECORD = "fetched.json"
# For an answer of the hub, s.
TIMEOUT = 10
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?")


def folder_of(name: str) -> Path:
    """Where a model of this name on the hub is kept: below `PLACE`, else in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    place = os.environ.get(PLACE) or os.path.join(cache, "izwi", "models")
    return Path(place, name.replace("/", "--"))


def fetched(name: str) -> Path | None:
    """Folder of a model that was fetched, None if it was not."""
    if not _NAME.fullmatch(name):
        return None
    folder = folder_of(name)
    return folder if (folder / RECORD).is_file() else None


def commit_of(name: str, where: str) -> str | None:
    """The commit on the hub that stands for a model in keys.

    Args:
        name: on the hub, or a folder
        where: beginning of a message about the option

    Returns:
        of a model that was fetched, the commit that it was fetched at; of one that is not on this
        computer, the latest; None for models of other places

    Raises:
        UserError: if it is not here and the hub cannot be asked, or it was changed since
    """
    if name == pretrained.UNTRAINED or os.path.isdir(name) or pretrained.hub_snapshot(name):
        return None
    folder = fetched(name)
    if folder is None:
        return _latest(name) or pretrained.lost(name, where)
    record = read_json(folder / RECORD)
    if pretrained.digests(folder, where) != record["digests"]:
        raise UserError(
            f"{where}: the files in {folder} are not those that were fetched; fetch them again: "
            f"izwi fetch {name} --revision {record['revision']}"
        )
    return str(record["revision"])


@cache
def _latest(name: str) -> str | None:
    """The latest commit on the hub, None if it cannot be asked."""
    try:
        from huggingface_hub import HfApi

        return str(HfApi().model_info(name, timeout=TIMEOUT).sha)
    # What the network, the hub and their clients raise depends on the version.
    except Exception:
        return None


def fetch(name: str, revision: str | None = None) -> dict[str, Any]:
    """Fetch a model, with its weights as safetensors; no code that comes with it is run.

    Args:
        name: on the hub
        revision: commit, branch or tag; None takes the main branch

    Returns:
        ``name``, ``revision`` (the commit), ``converted`` (whether the weights were pickled, and
        torch has read the tensors in them), ``digests``

    Raises:
        UserError: if it cannot be had
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"'{name}' is no name of a model on the hub, such as facebook/wav2vec2-base"
        )
    pretrained.check_installed(f"fetch {name}")
    from huggingface_hub import HfApi, snapshot_download

    try:
        about = HfApi().model_info(name, revision=revision)
        files = {file.rfilename for file in about.siblings or ()}
        there = [
            n for n in (pretrained.WEIGHTS, pretrained.INDEX, *pretrained.ALL_PICKLED) if n in files
        ]
        if not there:
            # Names of weights differ; of several files nobody knows which is meant.
            others = [n for n in files if n.endswith(pretrained.TENSORS) and "/" not in n]
            there = others if len(others) == 1 else []
        if not there:
            raise UserError(
                f"{name} has neither {pretrained.WEIGHTS} nor {pretrained.PICKLED} on the hub"
            )
        converted = not there[0].startswith(pretrained.WEIGHTS)
        weights = [there[0], *([] if converted else ["model-*.safetensors"])]
        record: dict[str, Any] = {"name": name, "revision": about.sha, "converted": converted}
        with atomic_folder(folder_of(name)) as folder:
            download = folder / "download"
            snapshot_download(
                name,
                revision=about.sha,
                local_dir=download,
                allow_patterns=[*pretrained.SIDES, *weights],
            )
            convert(name, download, folder)
            shutil.rmtree(download)
            # A model that cannot be used is not kept.
            if (folder / "config.json").is_file():
                pretrained.read_config(folder, name)
            record["digests"] = pretrained.digests(folder, name)
            write_json(folder / RECORD, record)
    except (UserError, MemoryError):
        raise
    # What the network, the hub and their clients raise depends on the version.
    except Exception as error:
        told = shown(" ".join(str(error).split()) or type(error).__name__, 300)
        raise UserError(f"{name} cannot be fetched: {told}") from None
    return record


def convert(name: str, source: Path, target: Path) -> None:
    """Write the files of a model that izwi reads into another folder, pickled weights as tensors.

    Args:
        name: for messages
        source: folder of the model
        target: folder that is there

    Raises:
        UserError: if pickled weights are more than tensors, or there are none
    """
    shards = {path.name for path in source.glob("*.safetensors")}
    for file in sorted({*pretrained.SIDES, pretrained.INDEX, *shards}):
        if (source / file).is_file():
            shutil.copyfile(source / file, target / file)
    if shards:
        return
    pickled = [file for file in pretrained.ALL_PICKLED if (source / file).is_file()]
    # A file of weights by another name, such as that of SQUIM.
    pickled += sorted(path.name for path in source.iterdir() if path.suffix in pretrained.TENSORS)
    if not pickled:
        raise UserError(f"{name}: no weights in {source}")
    _write_tensors(name, source / pickled[0], target / pretrained.WEIGHTS)


def _write_tensors(name: str, pickled: Path, target: Path) -> None:
    """Write pickled weights as safetensors.

    Raises:
        UserError: if they are more than tensors
    """
    from pickle import UnpicklingError

    import torch
    from safetensors.torch import save_file

    try:
        # torch reads tensors so, and runs no code.
        found = torch.load(pickled, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise UserError(
            f"{name}: its weights hold more than tensors, so izwi does not read them"
        ) from None
    # Tools of training wrap the weights.
    for part in ("state_dict", "model_state_dict", "model_state", "model"):
        if isinstance(found, dict) and isinstance(found.get(part), dict):
            found = found[part]
    weights = {
        str(key): value.detach().clone().contiguous()
        for key, value in (found.items() if isinstance(found, dict) else ())
        if isinstance(value, torch.Tensor)
    }
    if not weights:
        raise UserError(f"{name}: {pickled.name} holds no tensors by name")
    save_file(weights, target, {"format": "pt"})


def told(name: str) -> str:
    """Where a fetched model comes from, in words; empty for others."""
    folder = fetched(name)
    return f"{name} at {read_json(folder / RECORD)['revision']}" if folder else ""
