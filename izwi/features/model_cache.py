"""Models of the Hugging Face hub that ``izwi fetch`` has put on this computer."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from izwi.errors import UserError
from izwi.features import pretrained
from izwi.files import atomic_folder, read_json, write_json
from izwi.untrusted import shown

PLACE = "IZWI_MODELS"
# What was fetched, beside the files of the model.
RECORD = "fetched.json"
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


def fetch(name: str, revision: str | None = None) -> dict[str, Any]:
    """Fetch a model, with its weights as safetensors; no code that comes with it is run.

    Args:
        name: on the hub
        revision: commit, branch or tag; None takes the main branch

    Returns:
        ``name``, ``revision`` (the commit), ``converted`` (whether the weights were pickled, and
        torch has read the tensors in them)

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
            n for n in (pretrained.WEIGHTS, pretrained.INDEX, pretrained.PICKLED) if n in files
        ]
        if not there:
            raise UserError(
                f"{name} has neither {pretrained.WEIGHTS} nor {pretrained.PICKLED} on the hub"
            )
        converted = there[0] == pretrained.PICKLED
        weights = [there[0], "model-*.safetensors"] if not converted else there
        record = {"name": name, "revision": about.sha, "converted": converted}
        with atomic_folder(folder_of(name)) as folder:
            download = folder / "download"
            snapshot_download(
                name,
                revision=about.sha,
                local_dir=download,
                allow_patterns=["config.json", *pretrained.FRONT_ENDS, *weights],
            )
            if converted:
                _convert(name, download, folder)
            else:
                for path in download.iterdir():
                    if path.is_file():
                        shutil.move(path, folder)
            shutil.rmtree(download)
            # A model that cannot be used is not kept.
            pretrained.read_config(folder, name)
            pretrained.digests(folder, name)
            write_json(folder / RECORD, record)
    except (UserError, MemoryError):
        raise
    # What the network, the hub and their clients raise depends on the version.
    except Exception as error:
        told = shown(" ".join(str(error).split()) or type(error).__name__, 300)
        raise UserError(f"{name} cannot be fetched: {told}") from None
    return record


def _convert(name: str, source: Path, target: Path) -> None:
    """Write pickled weights as safetensors.

    Raises:
        UserError: if they are more than tensors
    """
    from pickle import UnpicklingError

    from transformers import AutoFeatureExtractor, AutoModel

    pretrained.read_config(source, name)
    try:
        # transformers lets torch read them, which takes tensors and runs no code.
        model = AutoModel.from_pretrained(source, **pretrained.OWN, use_safetensors=False)
    except UnpicklingError:
        raise UserError(
            f"{name}: its weights hold more than tensors, so izwi does not read them"
        ) from None
    model.save_pretrained(target, max_shard_size="1TB")
    AutoFeatureExtractor.from_pretrained(source, **pretrained.OWN).save_pretrained(target)


def told(name: str) -> str:
    """Where a fetched model comes from, in words; empty for others."""
    folder = fetched(name)
    return f"{name} at {read_json(folder / RECORD)['revision']}" if folder else ""
