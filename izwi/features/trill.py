"""Embeddings of TRILL, or of any TensorFlow SavedModel with its interface.

The model takes samples at 16 kHz, and returns a dictionary with ``embedding``.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.config.options import feature_option
from izwi.errors import UserError
from izwi.features.base import Extractor

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

RATE = 16000
OUTPUT = "embedding"
WHERE = "[FEATS] trill.model"
PAGE = "https://tfhub.dev/google/nonsemantic-speech-benchmark/trill/3"
# Operations that read or write files or run Python, which no embedding of a sound needs. Those of
# checkpoints (SaveV2) are in every SavedModel.
_FOREIGN = frozenset(
    {
        *(
            "ReadFile",
            "WriteFile",
            "MatchingFiles",
            "MatchingFilesDataset",
            "PrintV2",
            "LMDBReader",
        ),
        *("PyFunc", "PyFuncStateless", "EagerPyFunc", "SqlDataset", "LMDBDataset"),
        *("WholeFileReader", "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2"),
        *("TFRecordReader", "TFRecordReaderV2", "FixedLengthRecordReader"),
        *("FixedLengthRecordReaderV2", "TextLineDataset", "TFRecordDataset", "TFRecordDatasetV2"),
        *("FixedLengthRecordDataset", "FixedLengthRecordDatasetV2", "CacheDataset"),
        *("CacheDatasetV2", "SaveDataset", "SaveDatasetV2", "LoadDataset", "SnapshotDataset"),
        *("SnapshotDatasetV2", "CreateSummaryFileWriter", "CreateSummaryDbWriter"),
        *("InitializeTableFromTextFile", "InitializeTableFromTextFileV2"),
    }
)
HINT = (
    f"fetch TRILL once from {PAGE} (Download, as SavedModel), unpack it, and set trill.model to "
    "the folder that holds saved_model.pb"
)


class Trill(Extractor):
    """The mean over time of a SavedModel's embeddings, float32."""

    name = "trill"
    prefix = "trill."
    packages = ("tensorflow", "tensorflow-cpu", "audresample")
    environment = "trill"
    located = ("trill.model",)
    options = (
        feature_option(
            "trill.model",
            "path",
            None,
            "trill: folder of the TensorFlow SavedModel",
            aliases=("model",),
        ),
    )

    def __init__(self, options: dict[str, Any]) -> None:
        import numpy as np

        super().__init__(options)
        self.model = _load(self.values["trill.model"])
        width = len(self(np.zeros((1, RATE), dtype=np.float32), RATE))
        self.columns = [f"trill_{i}" for i in range(width)]

    @classmethod
    def content(cls, options: dict[str, Any]) -> dict[str, str]:
        """Digests of the files of the SavedModel.

        Raises:
            UserError: if TensorFlow or the model is missing
        """
        from izwi.engine.keys import large_files

        if util.find_spec("tensorflow") is None:
            raise UserError(
                "[FEATS] type: trill needs TensorFlow, which is not installed; type: make trill "
                "(or: pip install -r requirements-trill.txt)"
            )
        folder = options.get("trill.model")
        if not folder:
            raise UserError(f"{WHERE}: missing; {HINT}")
        if not os.path.isfile(os.path.join(folder, "saved_model.pb")):
            raise UserError(
                f"{WHERE}: {folder} is not a SavedModel, it has no saved_model.pb; {HINT}"
            )
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {
            path.relative_to(folder).as_posix(): large_files.digest(str(path)) for path in files
        }

    def __call__(self, signal: np.ndarray, rate: int) -> np.ndarray:
        """Mean over all but the last axis of the model's output; see the base class."""
        import numpy as np
        import tensorflow as tf

        from izwi.data import audio

        samples = audio.resample(audio.mix(signal), rate, RATE)[0]
        seconds = len(samples) / RATE
        try:
            found = self.model(samples)
        except tf.errors.OpError as error:
            # Models have a shortest input, and say so in an error of one of their operations; what
            # failed comes last, before the names of nodes.
            lines = [line for line in error.message.splitlines() if line.strip()]
            reason = next((line for line in reversed(lines) if "[[{{" not in line), "no reason")
            raise audio.AudioError(f"{seconds:.3f} s: the model fails ({reason})") from error
        if OUTPUT not in found:
            raise UserError(
                f"{WHERE}: the model has no output '{OUTPUT}', it has {', '.join(sorted(found))}"
            )
        values = np.asarray(found[OUTPUT], dtype=np.float32)
        values = values.reshape(-1, values.shape[-1])
        if not len(values):
            raise audio.AudioError(f"{seconds:.3f} s are too short for the model")
        return values.mean(axis=0)


@cache
def _load(folder: str) -> Callable[[np.ndarray], dict[str, Any]]:
    """A function from samples, shape (time,), to the outputs of the SavedModel.

    Raises:
        UserError: if it cannot be loaded, or its input is not samples
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    try:
        # One thread per operation, since sums depend on their order.
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        # Too late if TensorFlow was used before, for example in a notebook.
        pass
    _refuse_foreign(folder)
    try:
        model = tf.saved_model.load(folder)
    except (OSError, ValueError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{WHERE}: {folder} cannot be loaded: {reason}") from error
    signature = model.signatures.get("serving_default")
    if signature is None:
        # TensorFlow Hub's TRILL has no signature; call it directly.
        return lambda samples: model(samples=tf.constant(samples), sample_rate=tf.constant(RATE))
    inputs = signature.structured_input_signature[1]
    waves = [name for name, spec in inputs.items() if spec.dtype.is_floating]
    name = "samples" if "samples" in waves else waves[0] if len(waves) == 1 else None
    others = set(inputs) - {name, "sample_rate"}
    if name is None or others:
        raise UserError(
            f"{WHERE}: the model takes {', '.join(sorted(inputs))}; samples, and sample_rate at "
            "most, are known here"
        )

    # Keep the model, since its signature needs it.
    def call(samples: np.ndarray, _model: Any = model) -> dict[str, Any]:
        wave = samples[None] if inputs[name].shape.rank == 2 else samples
        arguments = {name: tf.constant(wave, dtype=inputs[name].dtype)}
        if "sample_rate" in inputs:
            arguments["sample_rate"] = tf.constant(RATE, dtype=inputs["sample_rate"].dtype)
        return signature(**arguments)

    return call


def _refuse_foreign(folder: str) -> None:
    """Look at the operations of a graph before any of them runs.

    Raises:
        UserError: if one reads or writes files, or the graph cannot be read
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    if (Path(folder) / "saved_model.cpb").exists():
        # A second graph, which is not looked at.
        raise UserError(f"{WHERE}: {folder} holds saved_model.cpb, only saved_model.pb is read")
    graph = saved_model_pb2.SavedModel()
    try:
        graph.ParseFromString((Path(folder) / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise UserError(f"{WHERE}: {folder} cannot be loaded: no SavedModel") from error
    found = set()
    for part in graph.meta_graphs:
        found |= {node.op for node in part.graph_def.node}
        for function in part.graph_def.library.function:
            found |= {node.op for node in function.node_def}
    if foreign := sorted(found & _FOREIGN):
        raise UserError(
            f"{WHERE}: {folder} reads or writes files or runs code ({', '.join(foreign)}), which "
            "no embedding needs: take the model from its maker"
        )
