"""Fetch a pretrained model from the Hugging Face hub, or convert a folder, to safetensors.

python scripts/fetch_model.py facebook/wav2vec2-base models/wav2vec2-base
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(name: str, folder: str) -> None:
    """Write the files of a model that izwi reads.

    Args:
        name: on the hub, or a folder
        folder: to write; weights there are safetensors, whatever they were
    """
    from huggingface_hub import snapshot_download

    from izwi.features import model_cache, pretrained
    from izwi.files import atomic_folder

    # Pickled weights are read by torch's own reader, which takes tensors and runs no code; code
    # that lies with the weights is not fetched.
    wanted = [*pretrained.SIDES, *pretrained.ALL_PICKLED, pretrained.INDEX, "model*.safetensors"]
    with tempfile.TemporaryDirectory() as place, atomic_folder(folder) as target:
        if not Path(name).is_dir():
            snapshot_download(name, local_dir=place, allow_patterns=wanted)
        model_cache.convert(name, Path(name) if Path(name).is_dir() else Path(place), target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="such as facebook/wav2vec2-base, or a folder")
    parser.add_argument("folder", help="new folder for the model")
    arguments = parser.parse_args()
    try:
        main(arguments.name, arguments.folder)
    # What the network, the hub and their clients raise depends on the version.
    except Exception as error:
        sys.exit(f"{arguments.name} cannot be fetched: {str(error).splitlines()[0]}")
