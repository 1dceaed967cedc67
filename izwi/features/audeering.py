"""Models of audEERING: embeddings, emotional dimensions, age and gender.

wav2vec 2.0 with one head (Wagner et al., 2023) or two (Burkhardt et al., 2023): the mean of the
last layer over time goes through a dense layer, tanh and a linear layer. A folder holds such a
model as transformers has it, or as ONNX (``model.onnx``), as it is published on Zenodo.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from izwi.config.options import Option, feature_option
from izwi.engine import keys
from izwi.errors import UserError
from izwi.features import pretrained
from izwi.features.base import BatchExtractor
from izwi.features.transformer import LONGEST_SECONDS, Wav2Vec2

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    import torch

ONNX = "model.onnx"
RATE = 16000
# Seconds of the shortest frame.
SHORTEST = 0.025
EMOTION = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
AGE_GENDER = "audeering/wav2vec2-large-robust-6-ft-age-gender"
# Numbers of audEERING's published models → the same on the hub.
IDS = {"6bc4a7fd-1.1.0": EMOTION, "25c844af-1.1.1": AGE_GENDER}
HIDDEN = "hidden_states"


def _options(family: str, what: str, *, layers: bool, **others: str) -> tuple[Option, ...]:
    """Options of a family of models; ``others`` are other spellings of some."""

    def spellings(name: str) -> tuple[str, ...]:
        return (name, *(others[other] for other in others if other == name))

    model = feature_option(
        f"{family}.model",
        "model",
        None,
        f"{what}: folder of the model, as transformers or ONNX has it, or its name on the hub",
        aliases=spellings("model"),
    )
    if not layers:
        return (model,)
    return (
        model,
        feature_option(
            f"{family}.layer",
            "int",
            0,
            f"{what}: hidden layer, counted back from the last, which is 0; not of ONNX",
            minimum=0,
            aliases=spellings("layer"),
        ),
        feature_option(
            f"{family}.pooling",
            "str",
            "mean",
            f"{what}: mean over the frames of the recording; last: the last frame; not of ONNX",
            choices=("mean", "last"),
            aliases=spellings("pooling"),
        ),
    )


class Audeering(Wav2Vec2):
    """Base class: a model of wav2vec 2.0 whose weights may hold heads, or its ONNX export.

    Attributes:
        heads: beginnings of the names of the heads' weights → the names of what they predict
        outputs: the same of the ONNX export: names of outputs
    """

    heads: ClassVar[dict[str, tuple[str, ...]]] = {}
    outputs: ClassVar[tuple[str, ...]] = (HIDDEN,)

    def __init__(self, options: dict[str, Any]) -> None:
        self.session: Any = None
        self.onnx = self._onnx(options)
        if self.onnx is None:
            super().__init__(options)
            size = self.config.hidden_size
        else:
            # Not that of the base class, which reads a folder of transformers.
            BatchExtractor.__init__(self, options)
            size = 0 if self.heads else self._open()
        predicted = [name for names in self.heads.values() for name in names]
        self.columns = predicted or [f"{self.name}_{i}" for i in range(size)]

    @classmethod
    def _onnx(cls, options: dict[str, Any]) -> Path | None:
        """The ONNX file, if the folder holds one."""
        path = Path(cls.named(options), ONNX)
        return path if path.is_file() else None

    @classmethod
    def on_hub(cls, options: dict[str, Any]) -> tuple[str, str] | None:
        """Name and commit of a model that is, or was, to be fetched; see the base class."""
        return None if cls._onnx(options) else super().on_hub(options)

    @classmethod
    def content(cls, options: dict[str, Any]) -> list[str]:
        """Digests of the model's files; see the base class."""
        path = cls._onnx(options)
        if path is None:
            return super().content(options)
        version = keys.version_of("onnxruntime")
        if version is None:
            raise UserError(
                f"[FEATS] type: {cls.name} needs onnxruntime for {path}, not installed; type: "
                "make bundled (or: pip install -r requirements-bundled.txt)"
            )
        changed = {f"{cls.family}.layer": 0, f"{cls.family}.pooling": "mean"}
        if wrong := [name for name, value in changed.items() if options.get(name, value) != value]:
            raise UserError(
                f"[FEATS] {wrong[0]}: {path} holds the mean over the last layer alone; take it "
                "out, or name a folder with model.safetensors"
            )
        files = sorted(path.parent.glob(f"{ONNX}*"))
        return [version, *(keys.large_files.digest(str(file)) for file in files)]

    @classmethod
    def _check(cls, folder: Path, options: dict[str, Any]) -> None:
        super()._check(folder, options)
        if not cls.heads:
            return
        wanted = {f"{h}.{part}.weight" for h in cls.heads for part in ("dense", "out_proj")}
        if lost := sorted(wanted - set(pretrained.tensor_shapes(folder, cls.where()))):
            raise UserError(
                f"{cls.where()}: the weights in {folder} lack {lost[0]}, FEATS.type = {cls.name} "
                f"takes {cls.hub} and models like it"
            )

    def _open(self) -> int:
        """Open the ONNX file; returns the number of values of its outputs.

        Raises:
            UserError: if it cannot be read, or lacks an output
        """
        import numpy as np
        import onnxruntime as ort

        settings = ort.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        try:
            self.session = ort.InferenceSession(
                str(self.onnx), settings, providers=["CPUExecutionProvider"]
            )
        except MemoryError:
            raise
        # What damaged files raise depends on the version.
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"{self.where()}: {self.onnx} cannot be read: {reason}") from None
        there = [output.name for output in self.session.get_outputs()]
        wanted = self._wanted()
        if lost := [name for name in wanted if name not in there]:
            raise UserError(
                f"{self.where()}: {self.onnx} has no output {lost[0]}, only {', '.join(there)}"
            )
        return sum(map(np.size, self._run(np.zeros(RATE, np.float32))))

    def _wanted(self) -> tuple[str, ...]:
        """Names of the outputs of the ONNX file."""
        return self.outputs

    def _run(self, samples: np.ndarray) -> list[np.ndarray]:
        name = self.session.get_inputs()[0].name
        return self.session.run(list(self._wanted()), {name: samples[None]})

    def load(self) -> None:
        """Load the model; see the base class."""
        if self.onnx is None:
            if self.model is None:
                super().load()
                found = pretrained.tensors(
                    self.folder, self.where(), tuple(f"{head}." for head in self.heads) or ("-",)
                )
                self.weights = {name: part.to(self.device) for name, part in found.items()}
        elif self.session is None:
            self._open()

    def start_thread(self) -> None:
        """Compute on one core; see the base class."""
        if self.onnx is None:
            super().start_thread()

    def prepare(self, signal: np.ndarray, rate: int) -> tuple[Hashable, Any]:
        """Convert one row; see the base class."""
        if self.onnx is None:
            return super().prepare(signal, rate)
        from izwi.data import audio

        seconds = signal.shape[1] / rate
        if not SHORTEST <= seconds <= LONGEST_SECONDS:
            which = "short" if seconds < SHORTEST else "long"
            raise audio.AudioError(f"{seconds:.3f} s are too {which} for {self.name}")
        return None, audio.resample(audio.mix(signal), rate, RATE)[0].astype("float32")

    def capacity(self, group: Any) -> int:
        """Maximum number of rows in a batch; see the base class."""
        # The graph takes one row at a time.
        return 1 if self.onnx else super().capacity(group)

    def batch(self, group: Any, items: list[np.ndarray]) -> list[np.ndarray]:
        """Features of prepared rows; see the base class."""
        import numpy as np

        if self.onnx is None:
            vectors = super().batch(group, items)
            return [self._predict(vector) for vector in vectors] if self.heads else vectors
        rows = [self._run(item) for item in items]
        return [np.concatenate([part.ravel() for part in row]).astype(np.float32) for row in rows]

    def _predict(self, vector: np.ndarray) -> np.ndarray:
        """What the heads say of one embedding."""
        import numpy as np
        import torch

        with torch.inference_mode():
            states = torch.from_numpy(vector).to(self.device)
            found = [self._head(head, states).cpu().numpy() for head in self.heads]
        return np.concatenate(found)

    def _head(self, head: str, states: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import linear

        def dense(inputs: torch.Tensor, part: str) -> torch.Tensor:
            weights = (self.weights[f"{head}.{part}.{name}"] for name in ("weight", "bias"))
            return linear(inputs, *weights)

        return dense(dense(states, "dense").tanh(), "out_proj")


class Audwav2vec2(Audeering):
    """Embeddings of audEERING's model of emotional dimensions (Wagner et al., 2023)."""

    name = "audwav2vec2"
    prefix = "audwav2vec2."
    family = "aud"
    hub = EMOTION
    title = ("aud.layer", "aud.pooling")
    located = ("aud.model",)
    options = _options("aud", "audwav2vec2, auddim", layers=True)


class Audmodel(Audwav2vec2):
    """Embeddings of a model of audEERING, by default that of emotional dimensions."""

    name = "audmodel"
    prefix = "audmodel."
    family = "audmodel"
    title = ("audmodel.layer", "audmodel.pooling")
    located = ("audmodel.model",)
    options = (
        *_options(
            "audmodel", "audmodel", layers=True, **{"model": "aud.model", "layer": "wav2vec2.layer"}
        ),
        feature_option(
            "audmodel.id",
            "str",
            None,
            "audmodel: number of a published model, "
            + " or ".join(f"{number} ({hub})" for number, hub in IDS.items()),
        ),
        feature_option(
            "audmodel.embeddings_name",
            "str",
            HIDDEN,
            "audmodel: output of an ONNX model that is the embedding",
        ),
    )

    @classmethod
    def named(cls, options: dict[str, Any]) -> str:
        """The model: a folder, or its name on the hub."""
        return options["audmodel.model"] or IDS.get(options.get("audmodel.id") or "", cls.hub)

    @classmethod
    def idle(cls, options: dict[str, Any]) -> tuple[str, ...]:
        """Options without effect; see the base class."""
        return ("audmodel.id",) if options["audmodel.model"] else ()

    @classmethod
    def content(cls, options: dict[str, Any]) -> list[str]:
        """Digests of the model's files; see the base class."""
        number = options.get("audmodel.id")
        if number and not options["audmodel.model"] and number not in IDS:
            raise UserError(
                f"[FEATS] audmodel.id: '{number}' is not public, {' and '.join(IDS)} are; load it "
                "by the package audmodel, and set aud.model = <its folder>"
            )
        output = options["audmodel.embeddings_name"]
        if output != HIDDEN and not cls._onnx(options):
            raise UserError(
                f"[FEATS] audmodel.embeddings_name: '{output}' needs a folder with {ONNX} in "
                f"aud.model; others have {HIDDEN} alone"
            )
        return super().content(options)

    def _wanted(self) -> tuple[str, ...]:
        return (self.values["audmodel.embeddings_name"],)


class Auddim(Audeering):
    """Arousal, dominance and valence by audEERING's model (Wagner et al., 2023), about 0 to 1."""

    name = "auddim"
    prefix = "auddim."
    family = "aud"
    hub = EMOTION
    located = ("aud.model",)
    options = Audwav2vec2.options[:1]
    heads: ClassVar = {"classifier": ("arousal", "dominance", "valence")}
    outputs = ("logits",)


class Agender(Audeering):
    """Embeddings of audEERING's model of age and gender (Burkhardt et al., 2023)."""

    name = "agender"
    prefix = "agender."
    family = "agender"
    hub = AGE_GENDER
    title = ("agender.layer", "agender.pooling")
    located = ("agender.model",)
    options = _options("agender", "agender", layers=True)


class AgenderAgender(Audeering):
    """Age (in 100 years) and the logits of female, male, child (Burkhardt et al., 2023)."""

    name = "agender_agender"
    prefix = "agender_agender."
    family = "agender"
    hub = AGE_GENDER
    located = ("agender.model",)
    options = Agender.options[:1]
    heads: ClassVar = {"age": ("age",), "gender": ("female", "male", "child")}
    outputs = ("logits_age", "logits_gender")
