"""Run a notebook in this process and store its outputs.

python scripts/run_notebook.py docs/notebooks/first.ipynb [CACHE]

Without Jupyter: cells are run in order, as a plain interpreter would. `IPython.display` is stood in
for, so a recording is shown by its name.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import sys
import tempfile
import types
from functools import partial
from pathlib import Path
from typing import Any

Output = dict[str, Any]


class Audio:
    """A recording, shown by the name of its file."""

    def __init__(self, filename: str | Path) -> None:
        self.filename = Path(filename)
        if not self.filename.is_file():
            raise FileNotFoundError(filename)

    def __repr__(self) -> str:
        return f"<player of {self.filename.name}>"


def run(notebook: dict[str, Any], folder: Path, cache: str | None = None) -> list[list[Output]]:
    """Run all code cells of a notebook.

    Args:
        notebook: its content
        folder: working directory
        cache: features that are there already, for a test

    Returns:
        the outputs of each code cell, in the format of notebooks
    """
    import matplotlib

    import izwi

    matplotlib.use("agg")
    own_run = izwi.run
    izwi.run = partial(izwi.run, cache=cache)
    display = types.ModuleType("IPython.display")
    shown: list[Output] = []
    display.Audio = Audio  # type: ignore[attr-defined]
    display.display = lambda *values: shown.extend(map(_of, values))  # type: ignore[attr-defined]
    before = dict(sys.modules)
    parent = types.ModuleType("IPython")
    # matplotlib asks.
    parent.version_info, parent.get_ipython = (9, 0), lambda: None  # type: ignore[attr-defined]
    sys.modules |= {"IPython": parent, "IPython.display": display}
    space: dict[str, Any] = {"__name__": "__main__"}
    found = []
    here = Path.cwd()
    os.chdir(folder)
    try:
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                shown.clear()
                value, text = _run("".join(cell["source"]), space)
                outputs = [_stream(text)] if text else []
                outputs += [*shown, *_figures()]
                if value is not None:
                    outputs.append(_of(value, "execute_result"))
                found.append(outputs)
    finally:
        os.chdir(here)
        izwi.run = own_run
        for name in ("IPython", "IPython.display"):
            sys.modules.pop(name)
            if name in before:
                sys.modules[name] = before[name]
    return found


def _run(source: str, space: dict[str, Any]) -> tuple[Any, str]:
    """Value of the last expression of a cell, None if it is a statement, and what was printed."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, "cell", "exec"), space)
        value = None
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), space)
    return value, printed.getvalue()


def _figures() -> list[Output]:
    from matplotlib import pyplot

    outputs = []
    for number in pyplot.get_fignums():
        content = io.BytesIO()
        metadata = {"Software": None}
        pyplot.figure(number).savefig(content, dpi=80, bbox_inches="tight", metadata=metadata)
        image = base64.b64encode(content.getvalue()).decode()
        outputs.append(_data({"image/png": image, "text/plain": ["<Figure>"]}))
    pyplot.close("all")
    return outputs


def _of(value: Any, kind: str = "display_data") -> Output:
    data: dict[str, Any] = {"text/plain": repr(value).splitlines(True)}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = value._repr_html_().splitlines(True)
    return _data(data, kind)


def _data(data: dict[str, Any], kind: str = "display_data") -> Output:
    output: Output = {"output_type": kind, "data": data, "metadata": {}}
    return output | ({"execution_count": None} if kind == "execute_result" else {})


def _stream(text: str) -> Output:
    return {"output_type": "stream", "name": "stdout", "text": text.splitlines(True)}


def texts(outputs: list[list[Output]]) -> list[list[str]]:
    """What the outputs say, without pictures."""
    return [
        ["".join(one.get("text") or one["data"]["text/plain"]) for one in cell] for cell in outputs
    ]


def main(path: str, cache: str | None = None) -> None:
    """Store the outputs of a notebook."""
    notebook = json.loads(Path(path).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        outputs = run(notebook, Path(folder), cache)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, (cell, own) in enumerate(zip(code, outputs, strict=True), start=1):
        cell["outputs"], cell["execution_count"] = own, number
        for output in own:
            if "execution_count" in output:
                output["execution_count"] = number
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    Path(path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main(*sys.argv[1:])
