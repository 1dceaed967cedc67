"""A list of audiomentations' transforms, as text, read without evaluating it.

``Compose([AddGaussianNoise(min_amplitude=0.001), Shift(p=0.5)])`` is parsed as Python's syntax and
may hold names of transforms and literals alone. The transforms and their arguments are looked up in
the source of the installed package, which is not imported: that takes seconds.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from izwi.data.spelling import nearest

# What nkululeko applies where the ini names nothing.
DEFAULT = (
    "Compose([AddGaussianNoise(min_amplitude=0.001, max_amplitude=0.05), Shift(p=0.5), "
    "BandPassFilter(min_center_freq=100.0, max_center_freq=6000), "
    "Limiter(min_threshold_db=-16.0, max_threshold_db=-6.0, "
    'threshold_mode="relative_to_signal_peak"), ClippingDistortion()])'
)
# A function cannot be written in an ini, and the content of other files would be in no key.
REFUSED = {
    "Lambda": "takes a function",
    **dict.fromkeys(("AddBackgroundNoise", "AddShortNoises"), "reads files of its own"),
    "ApplyImpulseResponse": "reads files of its own",
}
MOST_TEXT = 20_000  # characters
MOST_DEPTH = 20


@dataclass(frozen=True)
class Signature:
    """Arguments of a transform.

    Args:
        names: of all, in order
        required: of those without a default
    """

    names: tuple[str, ...]
    required: tuple[str, ...]


def parse(text: str) -> Any:
    """The calls of a text, as JSON can hold them.

    Args:
        text: a call of a transform, or a list of calls, which is a ``Compose``

    Returns:
        for each call ``{"call": name, "args": […], "kwargs": {…}}``; literals as they are

    Raises:
        ValueError: if it is anything else
    """
    if len(text) > MOST_TEXT:
        raise ValueError(f"has more than {MOST_TEXT} characters")
    try:
        tree = _tree(text.strip(), "eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error) or "it is too deep"
        raise ValueError(f"is not written like Compose([Shift(p=0.5)]): {reason}") from None
    found = _value(tree.body, 0)
    if isinstance(found, list):
        found = {"call": "Compose", "args": [found], "kwargs": {}}
    if not isinstance(found, dict) or "call" not in found:
        raise ValueError("is no transform, such as Compose([AddGaussianNoise(), Shift(p=0.5)])")
    return found


def _value(node: ast.expr, depth: int) -> Any:
    if depth > MOST_DEPTH:
        raise ValueError(f"has more than {MOST_DEPTH} levels")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if any(keyword.arg is None for keyword in node.keywords):
            raise ValueError(f"{node.func.id}: ** is not possible here")
        return {
            "call": node.func.id,
            "args": [_value(one, depth + 1) for one in node.args],
            "kwargs": {str(k.arg): _value(k.value, depth + 1) for k in node.keywords},
        }
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(one, depth + 1) for one in node.elts]
    if isinstance(node, ast.Constant) and isinstance(
        node.value, str | int | float | bool | type(None)
    ):
        return node.value
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub | ast.UAdd)
        and isinstance(node.operand, ast.Constant)
        and isinstance(node.operand.value, int | float)
    ):
        return -node.operand.value if isinstance(node.op, ast.USub) else node.operand.value
    raise ValueError(f"'{ast.unparse(node)[:40]}' is neither a transform nor a plain value")


def problems(found: Any) -> list[str]:
    """What is wrong with parsed calls: unknown transforms, unknown or missing arguments.

    Args:
        found: as `parse` returns it

    Returns:
        short texts; none where audiomentations is absent
    """
    known = signatures()
    return _problems(found, known) if known else []


def _problems(found: Any, known: dict[str, Signature]) -> list[str]:
    if isinstance(found, list):
        return [line for one in found for line in _problems(one, known)]
    if not isinstance(found, dict):
        return []
    name, args, kwargs = found["call"], found["args"], found["kwargs"]
    lines = []
    if name in REFUSED:
        lines.append(f"{name} {REFUSED[name]}, which is not possible here")
    elif name not in known:
        near = nearest(name, known)
        hint = f", did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
        lines.append(f"audiomentations has no transform {name}{hint}")
    else:
        signature = known[name]
        if len(args) > len(signature.names):
            lines.append(f"{name} takes {len(signature.names)} arguments, not {len(args)}")
        given = {*signature.names[: len(args)], *kwargs}
        for key in kwargs:
            if key not in signature.names:
                near = nearest(key, signature.names)
                hint = f"did you mean {near[0]}?" if near else f"it has {_listed(signature)}"
                lines.append(f"{name} has no argument {key}, {hint}")
        lines += [f"{name} needs {key}" for key in signature.required if key not in given]
    return lines + [line for one in (*args, *kwargs.values()) for line in _problems(one, known)]


def _listed(signature: Signature) -> str:
    return ", ".join(signature.names) or "none"


@cache
def signatures() -> dict[str, Signature]:
    """Transforms of the installed audiomentations by name, read from its source; none without."""
    spec = find_spec("audiomentations")
    if spec is None or not spec.submodule_search_locations:
        return {}
    root = Path(spec.submodule_search_locations[0])
    found = {}
    for path in (*sorted((root / "augmentations").glob("*.py")), root / "core" / "composition.py"):
        for node in _tree(path.read_text(encoding="utf-8"), "exec").body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith(("Base", "_")):
                for own in node.body:
                    if isinstance(own, ast.FunctionDef) and own.name == "__init__":
                        found[node.name] = _signature(own.args)
    return {name: one for name, one in found.items() if _is_transform(name, found)}


def _tree(text: str, mode: str) -> Any:
    # Python warns of odd escapes in texts that are not ours.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode=mode)


def _is_transform(name: str, found: dict[str, Signature]) -> bool:
    return "p" in found[name].names and not name.startswith("Spec")


def _signature(args: ast.arguments) -> Signature:
    positional = [arg.arg for arg in (*args.posonlyargs, *args.args)][1:]
    only = [arg.arg for arg in args.kwonlyargs]
    required = positional[: len(positional) - len(args.defaults)]
    required += [n for n, default in zip(only, args.kw_defaults, strict=True) if default is None]
    return Signature((*positional, *only), tuple(required))
