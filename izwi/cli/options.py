"""``izwi options``: the options of an ini, listed or searched."""

from __future__ import annotations

from izwi.cli import Parser, say
from izwi.config.options import SECTIONS, Option, options_with_owners, suggest

EXAMPLES = """\
  izwi options --section MODEL
  izwi options learning_rate
  izwi options leave speaker out
"""
_STATES = {"inert": "known, without effect", "unsupported": "not supported"}


def main(arguments: list[str]) -> int:
    """Print options; 1 if there is none of that name."""
    parser = Parser("options", EXAMPLES)
    parser.add_argument("words", nargs="*", metavar="WORD", help="all of them must occur")
    parser.add_argument("--section", metavar="NAME", help="only of this section, such as MODEL")
    wanted = parser.parse_args(arguments)
    section = (wanted.section or "").upper().strip("[]")
    if section and section not in SECTIONS:
        near = suggest(section, SECTIONS) or f" (there are {', '.join(SECTIONS)})"
        parser.error(f"--section: {wanted.section} is no section{near}")
    found = [
        (option, who)
        for option, who in options_with_owners()
        if section in ("", option.section) and _has(option, who, wanted.words)
    ]
    # One that bears the name is what was looked for.
    named = [pair for pair in found if " ".join(wanted.words).lower() in _spellings(pair[0])]
    order = {name: number for number, name in enumerate(SECTIONS)}
    for option, who in sorted(named or found, key=lambda pair: order[pair[0].section]):
        print(line(option, who))
    if not found:
        names = [option.name for option, _ in options_with_owners()]
        say(f"no option has {' '.join(wanted.words)}{suggest(wanted.words[-1], names)}")
    return 0 if found else 1


def line(option: Option, owners: tuple[str, ...]) -> str:
    """An option in one line."""
    name = f"<db>.{option.name}" if option.database_only else option.name
    parts = [allowed(option)]
    if option.default is not None:
        parts.append(f"default {option.default}")
    if option.status in _STATES:
        parts = [_STATES[option.status]]
    what = "; ".join(filter(None, [option.doc, option.advice]))
    who = f" ({', '.join(owners)})" if owners else ""
    return f"[{option.section}] {name}: {', '.join(parts)}" + (f": {what}" if what else "") + who


def allowed(option: Option) -> str:
    """What an option may be, in words."""
    if option.choices:
        value = ", ".join(map(str, option.choices))
        return value + (" or a list" if "list" in option.kind.split("|")[1:] else "")
    low, high = ("" if v is None else f"{v:.10g}" for v in (option.minimum, option.maximum))
    kind = option.kind.replace("number_list", "list of numbers").replace("|", " or ")
    if low and high:
        return f"{kind}, {low} to {high}"
    if low or high:
        return f"{kind}, {'from ' + low if low else 'up to ' + high}"
    return kind


def _has(option: Option, owners: tuple[str, ...], words: list[str]) -> bool:
    text = " ".join([option.name, *option.aliases, option.doc, option.advice, *owners]).lower()
    return all(word.lower() in text for word in words)


def _spellings(option: Option) -> set[str]:
    return {name.lower() for name in (option.name, *option.aliases)}
