"""Tables in LaTeX that fit: one column of a paper where they can, else all its width."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from izwi.errors import printable
from izwi.reporting import escaping

# Points: a column, and the text, in the narrowest of the usual classes.
COLUMN, PAGE = 219.0, 345.0
SIZE, SMALL = 8.0, 7.0  # of \footnotesize and \scriptsize where the text has 10 points
SEP = 3.0  # on either side of a column
LEAST = 50.0  # for names of rows
# Widths of Computer Modern, which is wide, in parts of the size.
_NARROW, _WIDE = frozenset(" .,:;|!'[]()/-ijlt"), frozenset("mwMW%@†‡—…×≤≥→←−±")
_LONGEST, _ACROSS = 10, 40  # letters that stay together in a column, and in a line across all
_SIGNS = r"\-_/.=,:;|+@~"
_LIGATURES = "-'`,"
_SYMBOLS = {
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "|": r"\textbar{}",
    # Active in German, and wrong in the old encoding.
    '"': r"\char34{}",
    **{
        sign: f"${command}$"
        for sign, command in {
            "≤": r"\leq",
            "≥": r"\geq",
            "→": r"\rightarrow",
            "←": r"\leftarrow",
            "−": "-",
            "×": r"\times",
            "±": r"\pm",
            "°": r"^\circ",
            "²": "^2",
            "³": "^3",
            "µ": r"\mu",
            "α": r"\alpha",
            "β": r"\beta",
            "ε": r"\varepsilon",
            "μ": r"\mu",
            "ρ": r"\rho",
            "σ": r"\sigma",
        }.items()
    },
}


def width(text: str, size: float = SIZE) -> float:
    """Width of a text in points, rather too large than too small."""
    return size * sum(map(_width, text))


def _width(sign: str) -> float:
    if sign in _NARROW:
        return 0.35
    if sign in _WIDE or ord(sign) > 0x2E80:
        return 1.1
    return 0.78 if sign.isupper() else 0.575 if sign.isdigit() else 0.6


def least_width(text: str) -> float:
    """Width in points of the longest piece of a text that `escape` lets no line break."""
    pieces = (piece for word in text.split() for piece in _pieces(word, _LONGEST))
    return max(map(width, pieces), default=0.0)


def escape(text: str, more: dict[str, str] | None = None, *, across: bool = False) -> str:
    """A text that LaTeX prints as it is; long words may break.

    Args:
        text: any
        more: what further characters become
        across: whether it goes over the whole table, as a caption does, not over one column
    """
    longest, signs = _ACROSS if across else _LONGEST, _SYMBOLS | (more or {})
    return " ".join(_word(printable(word), longest, signs) for word in text.split())


def _pieces(word: str, longest: int) -> list[str]:
    """A word, cut behind signs and inside long runs of letters if it is long."""
    if len(word) <= longest:
        return [word]
    found = []
    for piece in re.findall(f"[^{_SIGNS}]*[{_SIGNS}]|[^{_SIGNS}]+", word):
        step = 4 if len(piece) > longest else len(piece)
        found += [piece[i : i + step] for i in range(0, len(piece), step)]
    return found


def _word(word: str, longest: int, signs: dict[str, str]) -> str:
    text, before = "", ""
    for piece in _pieces(word, longest):
        if before:
            text += r"\-" if (before + piece[0]).isalpha() else r"\allowbreak{}"
        for sign in piece:
            # Not the dash or quote that two of them would be.
            text += "{}" if sign == before and sign in _LIGATURES else ""
            text += escaping.latex(sign, signs)
            before = sign
    return text


def names_width(names: Iterable[str], figures: Sequence[float], *, wide: bool) -> float | None:
    """Points that are left for the names of rows, None where those are too few.

    Args:
        names: of rows
        figures: points that each other column needs
        wide: whether the table goes over all columns of the page
    """
    names = list(names)
    left = (PAGE if wide else COLUMN) - 2 * SEP * len(figures) - sum(figures)
    if left < max(LEAST, *map(least_width, names)):
        return None
    return min(left, max(map(width, names)))


def columns(needs: Sequence[float], aligned: str) -> str:
    """Columns of ``tabularx`` that share its width as they need it; long texts get lines.

    Args:
        needs: points of each
        aligned: how all but the first are set, ``centering`` or ``raggedleft``
    """
    kinds = []
    for place, need in enumerate(needs):
        share = need * len(needs) / sum(needs)
        how = aligned if place else "raggedright"
        kinds.append(rf">{{\hsize={share:.3f}\hsize\{how}\arraybackslash}}X")
    return f"@{{}}{''.join(kinds)}@{{}}"


def number(text: str) -> str:
    """A number, with a minus where it has a hyphen."""
    return text.replace("-", "$-$")


def floating(
    columns: str,
    lines: Iterable[str],
    *,
    wide: bool,
    caption: str,
    label: str,
    notes: Sequence[str] = (),
) -> str:
    """A table as wide as a column, or as all columns, with notes below it.

    Args:
        columns: of ``tabularx``
        lines: rows and rules between the first and the last rule
        wide: whether it goes over all columns of the page; the same where there is one
        caption: as LaTeX
        label: name to refer to
        notes: as LaTeX, each a paragraph
    """
    name = "table*" if wide else "table"
    body = [
        rf"\begin{{{name}}}",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{label}}}",
        r"\footnotesize",
        rf"\setlength{{\tabcolsep}}{{{SEP:g}pt}}",
        r"\setlength{\abovetopsep}{4pt}",
        rf"\begin{{tabularx}}{{\linewidth}}{{{columns}}}",
        r"\toprule",
        *lines,
        r"\bottomrule",
        r"\end{tabularx}",
    ]
    if notes:
        body += ["", r"\smallskip", r"\raggedright\scriptsize"]
        body += [f"{note}\\par" for note in notes]
    text = "\n".join([*body, rf"\end{{{name}}}"])
    return "\n".join([*_needed(text), text]) + "\n"


def _needed(text: str) -> list[str]:
    """The packages that a table needs, as comments."""
    lines = [r"% \usepackage{booktabs}", r"% \usepackage{tabularx}"]
    others = {sign for sign in text if ord(sign) > 127}
    if others:
        lines.append(r"% \usepackage[T1]{fontenc}")
    # pdfLaTeX has Latin letters and the signs of punctuation.
    beyond = sorted(s for s in others if ord(s) > 0x17F and not "‐" <= s <= "⁄")
    if beyond:
        lines.append(f"% XeLaTeX or LuaLaTeX, and a font that has: {''.join(beyond)}")
    return lines
