"""Fetch a transformer from the Hugging Face hub, or convert a folder, to safetensors.

python scripts/fetch_model.py facebook/wav2vec2-base models/wav2vec2-base
"""

import argparse
import sys
from pickle import UnpicklingError


def main(name: str, folder: str) -> None:
    """Write the model and its front end.

    Args:
        name: on the hub, or a folder
        folder: to write; weights there are safetensors, whatever they were
    """
    from transformers import AutoFeatureExtractor, AutoModel

    # Pickled weights are read by torch's own reader, which takes tensors and runs no code; code
    # that lies with the weights is not run either.
    AutoModel.from_pretrained(name, trust_remote_code=False).save_pretrained(folder)
    AutoFeatureExtractor.from_pretrained(name, trust_remote_code=False).save_pretrained(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="such as facebook/wav2vec2-base, or a folder")
    parser.add_argument("folder", help="new folder for the model")
    arguments = parser.parse_args()
    try:
        main(arguments.name, arguments.folder)
    except (OSError, ValueError, ImportError, UnpicklingError) as error:
        sys.exit(f"{arguments.name} cannot be fetched: {str(error).splitlines()[0]}")
