"""``izwi export``: a trained model as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

from izwi.cli import Parser, say
from izwi.errors import UserError
from izwi.reporting.numbers import bytes_of

EXAMPLES = """\
  izwi export my_experiment
  izwi export my_experiment --output my.onnx
"""


def main(arguments: list[str]) -> int:
    """Write the graph."""
    parser = Parser("export", EXAMPLES)
    parser.add_argument("experiment", help="its name")
    parser.add_argument("--results", default="results", help="folder of results (results)")
    parser.add_argument("--output", help="the file (default: <experiment>.onnx)")
    wanted = parser.parse_args(arguments)
    from izwi.onnx_export import support

    if told := support.absent():
        raise UserError(f"izwi export {told}")
    import numpy as np

    from izwi.files import atomic
    from izwi.onnx_export import writing
    from izwi.serving.predictor import model_folder

    folder = model_folder(wanted.experiment, wanted.results)
    fitted, made = writing.stored(folder, {"experiment": wanted.experiment})
    inputs = len(fitted.preprocessing.names)
    found = writing.compared(fitted, made, np.random.default_rng(0).normal(size=(64, inputs)))
    path = Path(wanted.output or f"{wanted.experiment}.onnx")
    with atomic(path) as place:
        place.write_bytes(made.SerializeToString())
    say(
        f"note: on 64 random samples it differs from the model by at most {found['difference']:.1g}"
    )
    print(f"{path}  {bytes_of(path.stat().st_size)}")
    return 0
