"""emotion2vec: embeddings that were trained for emotion (Ma et al., 2024)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from izwi.config.options import feature_option
from izwi.errors import UserError
from izwi.features.hub import OwnNetwork
from izwi.features.pretrained_names import EMOTION2VEC, EMOTIONS

if TYPE_CHECKING:
    import torch

# The head of emotion2vec+.
HEAD = ("proj.weight", "proj.bias")


class Emotion2vec(OwnNetwork):
    """emotion2vec (Ma et al., 2024): the mean of the last layer over time."""

    family = "emotion2vec"
    located = ("emotion2vec.model",)
    # Its attention holds all pairs of frames.
    seconds = (0.03, 120.0)
    marks: ClassVar[tuple[str, ...]] = (
        "modality_encoders.AUDIO.extra_tokens",
        "modality_encoders.AUDIO.alibi_scale",
    )
    options = (
        feature_option(
            "emotion2vec.model",
            "model",
            None,
            "emotion2vec: folder of the model, or its name on the Hugging Face hub (default: the "
            "model named by the type)",
            aliases=("model",),
        ),
    )

    def named_by(self, shapes: dict[str, list[int]]) -> list[str]:
        """See the base class."""
        return [f"emotion2vec_{i}" for i in range(shapes[self.marks[0]][-1])]

    def build(self, weights: dict[str, torch.Tensor]) -> Any:
        """The network; see the base class."""
        from izwi.features.emotion2vec_net import Net

        return Net(weights)


class Emotion(Emotion2vec):
    """Probabilities of nine emotions by emotion2vec+ (Ma et al., 2024): its own linear head.

    As FunASR has it: the head takes the mean of the last layer over time.
    """

    name = "emotion2vec_emotion"
    prefix = "emotion2vec_emotion."
    hub = EMOTION2VEC["emotion2vec-large"]
    marks = (*Emotion2vec.marks, *HEAD)

    def named_by(self, shapes: dict[str, list[int]]) -> list[str]:
        """See the base class.

        Raises:
            UserError: if the head has another number of classes
        """
        if shapes[HEAD[0]][0] != len(EMOTIONS):
            raise UserError(
                f"{self.where()}: the head in {self.folder} has {shapes[HEAD[0]][0]} classes, "
                f"FEATS.type = {self.name} takes the {len(EMOTIONS)} of emotion2vec+"
            )
        return list(EMOTIONS)

    def build(self, weights: dict[str, torch.Tensor]) -> Any:
        """The network; see the base class."""
        from torch.nn.functional import linear

        net, (weight, bias) = super().build(weights), (weights[name] for name in HEAD)
        return lambda wave: linear(net(wave), weight, bias).softmax(dim=0)


def __getattr__(name: str) -> type[Emotion2vec]:
    """The extractor of a type in ``EMOTION2VEC``, which the registry requests by that name."""
    if name not in EMOTION2VEC:
        raise AttributeError(name)
    return _extractor(name)


@cache
def _extractor(name: str) -> type[Emotion2vec]:
    stated = {
        "__doc__": Emotion2vec.__doc__,
        "name": name,
        "hub": EMOTION2VEC[name],
        "prefix": f"{name}.",
    }
    return type("Emotion2vec", (Emotion2vec,), stated)
