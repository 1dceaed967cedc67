"""The common style of all pictures, and how they are saved."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from izwi.reporting.numbers import rounded, worth
from izwi.wording import count

MM = 1 / 25.4  # in inches
COLUMN = 85 * MM
PAGE = 225 * MM  # high, beside a caption
POINT = 1 / 72
SIZE = 7  # points, of all text but titles
LINE = 1.25 * SIZE * POINT

# Okabe & Ito (2008) without yellow, which is too faint on white
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p", "d")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++", "oooo")

_STYLE = {
    "font.size": SIZE,
    "axes.labelsize": SIZE,
    "axes.titlesize": SIZE + 1,
    "xtick.labelsize": SIZE,
    "ytick.labelsize": SIZE,
    "legend.fontsize": SIZE,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.linewidth": 0.4,
    "lines.linewidth": 1.0,
    "pdf.fonttype": 42,  # text stays text; in EPS that would take ten seconds a picture
    "svg.hashsalt": "izwi",
    "savefig.dpi": 300,
    "text.parse_math": False,  # labels may hold dollar signs
}
# for what DejaVu Sans lacks, where the machine has one of them
_FALLBACKS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Noto Sans Devanagari")
_METADATA = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    ".svg": {"Creator": None, "Date": None},
    ".eps": {"Creator": "izwi"},
}
_LOCK = threading.Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in this style, regardless of the user's own matplotlib settings.

    matplotlib has one set of settings per process, so one picture is drawn at a time.
    """
    with _LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()
        installed = set(font_manager.get_font_names())
        fonts = ["DejaVu Sans", *(font for font in _FALLBACKS if font in installed)]
        matplotlib.rcParams.update({**_STYLE, "font.family": fonts})
        with warnings.catch_warnings():
            # They hold the character itself, which a terminal would obey.
            warnings.filterwarnings("ignore", r"Glyph ([0-9]|[12][0-9]|3[01]|12[7-9]|1[3-5][0-9]) ")
            yield


def new_figure(width: float = COLUMN, height: float = COLUMN, **layout: Any) -> Figure:
    """A figure of a size in inches, made without pyplot."""
    figure = Figure(figsize=(width, height), **layout)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Save a picture without dates or program names, so that equal pictures are equal files.

    Raises:
        ValueError: if the format is unknown
    """
    path, content = Path(path), BytesIO()
    if path.suffix not in _METADATA:
        raise ValueError(f"unknown format of a picture: {path.name}")
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # the only way to fix the date in EPS
    try:
        if path.suffix == ".png":
            _save_png(figure, content)
        else:
            # not to the path itself, which EPS would name in its title
            figure.savefig(content, format=path.suffix[1:], metadata=_METADATA[path.suffix])
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]
        if before is not None:
            os.environ["SOURCE_DATE_EPOCH"] = before
    path.write_bytes(content.getvalue())


def _save_png(figure: Figure, content: BytesIO) -> None:
    """As ``savefig`` does it, but without the opaque alpha channel: a third of the time."""
    dpi = matplotlib.rcParams["savefig.dpi"]
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
    picture.convert("RGB").save(content, "PNG", dpi=(dpi, dpi), compress_level=3)


@lru_cache(maxsize=4096)
def width_of(text: str, size: float = SIZE) -> float:
    """Width of a text in inches, that of its longest line."""
    ruler = _ruler()
    written = ruler.text(0, 0, text or " ", fontsize=size)
    width = written.get_window_extent().width
    written.remove()
    return width / ruler.dpi


@lru_cache(maxsize=1)
def _ruler() -> Figure:
    return new_figure(1, 1, dpi=300)


def wrap(text: str, width: float, size: float = SIZE) -> str:
    """Break a text into lines of a width in inches: after spaces or signs, else inside words."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and width_of((line + piece).rstrip(), size) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
        while len(line) > 1 and width_of(line.rstrip(), size) > width:
            cut = max(
                (i for i in range(1, len(line)) if width_of(line[:i], size) <= width), default=1
            )
            lines.append(line[:cut])
            line = line[cut:]
    return "\n".join([*lines, line.rstrip()]) if line.strip() or not lines else "\n".join(lines)


def shorten(text: str, width: float, size: float = SIZE) -> str:
    """Leave out the middle of a text that is wider than a number of inches."""
    short, keep = text, len(text)
    while width_of(short, size) > width:
        keep -= 1
        short = f"{text[: keep - keep // 2]}…{text[len(text) - keep // 2 :]}"
    return short


def _pieces(text: str) -> list[str]:
    pieces = [""]
    for character, following in zip(text, f"{text[1:]} ", strict=False):
        pieces[-1] += character
        # not inside a number, nor before it, nor in ``n = 5``
        inside = character in "., " and following.isdigit()
        inside |= character == " " and "=" in (following, pieces[-1][-2:-1])
        if character in " _-/.,;" and not inside:
            pieces.append("")
    return [piece for piece in pieces if piece]


def figure_title(figure: Figure, *lines: str) -> float:
    """Write lines of title at the top, wrapped to the figure's width.

    Returns:
        height taken, in inches
    """
    width, height = figure.get_size_inches()
    sizes = [SIZE + 1] + [SIZE] * (len(lines) - 1)
    top = 2 * POINT
    for line, size in zip(lines, sizes, strict=True):
        if not line:
            continue
        text = _balanced(line, width - 4 * MM, size)
        figure.text(0.5, 1 - top / height, text, size=size, ha="center", va="top", linespacing=1.2)
        top += 1.25 * size * POINT * (text.count("\n") + 1)
    return top + 3 * POINT


def _balanced(text: str, width: float, size: float) -> str:
    """As many lines as `wrap` makes, of about one length."""
    lines = wrap(text, width, size)
    longest = max(width_of(piece.rstrip(), size) for piece in _pieces(text))
    while (width := 0.95 * width) >= longest:
        narrower = wrap(text, width, size)
        if narrower.count("\n") > lines.count("\n"):
            break
        lines = narrower
    return lines


def value_with_interval(metrics: dict[str, Any], measure: str) -> str:
    """A measure with its interval, such as ``UAR 0.614 [0.551, 0.672]``."""
    value = metrics["metrics"].get(measure)
    if value is None:
        return f"{measure.upper()} –"
    low, high = metrics["intervals"][measure]
    text = f"{measure.upper()} {rounded(value)}"
    if low is not None:
        text += f" [{rounded(low)}, {rounded(high)}]"
    beside = worth(metrics, measure, rounded)
    return f"{text} ({beside})" if beside else text


def interval_note(metrics: dict[str, Any]) -> str:
    """Method of the intervals, such as ``95 %: jackknife over speakers (t), only 4 speakers``."""
    if metrics["ci_method"] is None:
        return ""
    if why := (metrics.get("interval_reasons") or {}).get(metrics["measure"]):
        return f"no interval: {why}"
    number = metrics["n_speakers"]
    if number:
        few = metrics["few_speakers"]
        speakers = f", {'only ' if few else ''}{count(number, 'speaker')}"
    narrow = f"; {doubt}" if (doubt := metrics.get("interval_doubt")) else ""
    return f"95 %: {metrics['ci_method']}{speakers if number else ''}{narrow}"


def no_data(axes: Axes, text: str) -> None:
    """Write in the picture why it is empty."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)


def empty(path: str | Path, text: str, title: str) -> list[Any]:
    """Draw a picture that says why there is nothing in it; no rows of data go with it."""
    with drawing():
        figure = new_figure(COLUMN, COLUMN / 2, layout="constrained")
        axes = figure.subplots()
        axes.set_title(title, wrap=True)
        no_data(axes, text)
        save(figure, path)
    return []
