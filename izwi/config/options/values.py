"""Text of an ini as the value of an option."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from izwi.config.ini import literal, unquoted
from izwi.config.options.option import Option
from izwi.data.spelling import nearest


def suggest(word: str, known: Iterable[Any]) -> str:
    """``, did you mean 'x'?``, or nothing if no known word is close."""
    close = nearest(word, map(str, known))
    return f", did you mean '{close[0]}'?" if close else ""


def is_off(text: str) -> bool:
    """True for ``False`` and ``None``, which users write to switch an option off."""
    return unquoted(text).lower() in ("false", "none")


def convert(option: Option, text: str) -> Any:
    """Value of an option.

    Args:
        option: the option
        text: raw text of its value in the ini

    Returns:
        value of one of the option's kinds; None if an option without default is switched off

    Raises:
        ValueError: says what is wrong and what is allowed
    """
    if not text:
        raise ValueError("has no value: give one, or leave the line out")
    kinds = option.kind.split("|")
    if is_off(text) and option.default is None and "bool" not in kinds:
        return None
    plain = option.kind in ("str", "path", "model") and text[0] not in "[({\"'"
    parsed = text if plain else literal(text)
    if option.kind == "str" and isinstance(parsed, list | tuple) and len(parsed) == 1:
        # A list instead of one word, as in type = ['xgb'].
        parsed = text = str(parsed[0])
    for kind in kinds:
        found, value = _CONVERSIONS[kind](parsed, text)
        if found:
            return _checked(option, value)
    shown = text if len(text) <= 60 else text[:57] + "..."
    wanted = " or ".join(_KIND_NAMES[kind] for kind in kinds)
    raise ValueError(f"{shown} is not {wanted}{_allowed(option)}")


def _as_str(parsed: Any, text: str) -> tuple[bool, Any]:
    return not isinstance(parsed, list | tuple | dict | set), unquoted(text)


def _as_bool(parsed: Any, text: str) -> tuple[bool, Any]:
    word = unquoted(text).lower()
    return word in _BOOLEANS, _BOOLEANS.get(word)


def _as_int(parsed: Any, text: str) -> tuple[bool, Any]:
    whole = isinstance(parsed, int) or (isinstance(parsed, float) and parsed.is_integer())
    return whole and not isinstance(parsed, bool), int(parsed) if whole else None


def _as_float(parsed: Any, text: str) -> tuple[bool, Any]:
    number = isinstance(parsed, int | float) and not isinstance(parsed, bool)
    return number, parsed if number and _is_huge(parsed) else float(parsed) if number else None


def _is_huge(number: float) -> bool:
    """Whether an integer has more digits than a float can take."""
    return isinstance(number, int) and abs(number) > 10**300


def _as_list(parsed: Any, text: str) -> tuple[bool, Any]:
    if isinstance(parsed, list | tuple):
        return True, list(parsed)
    if isinstance(parsed, set):
        return True, sorted(parsed, key=str)
    if isinstance(parsed, str) and parsed == text:
        return True, [word for part in text.split(",") if (word := part.strip())]
    return not isinstance(parsed, dict), [parsed]


def _as_number_list(parsed: Any, text: str) -> tuple[bool, Any]:
    values = list(parsed) if isinstance(parsed, list | tuple) else [parsed]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return numbers, values


_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "none": False,
    "0": False,
}
_CONVERSIONS = {
    "any": lambda parsed, text: (True, parsed),
    "bool": _as_bool,
    "dict": lambda parsed, text: (isinstance(parsed, dict), parsed),
    "float": _as_float,
    "int": _as_int,
    "list": _as_list,
    "model": _as_str,
    "number_list": _as_number_list,
    "path": _as_str,
    "str": _as_str,
}
_KIND_NAMES = {
    "any": "a value",
    "bool": "True or False",
    "dict": "a dictionary like {'a': 'b'}",
    "float": "a number",
    "int": "a whole number",
    "list": "a list like ['a', 'b']",
    "model": "a folder or a name on the hub",
    "number_list": "a list of numbers like [1, 2]",
    "path": "a path",
    "str": "a word",
}


def _allowed(option: Option) -> str:
    return f" (one of {', '.join(map(str, option.choices))})" if option.choices else ""


def _checked(option: Option, value: Any) -> Any:
    """The value, spelt as in the choices and within the limits."""
    if isinstance(value, list):
        # With several kinds, the choices apply to the word.
        if option.choices and option.kind in ("list", "number_list"):
            value = [_chosen(option, v) for v in value]
    elif option.choices:
        value = _chosen(option, value)
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int | float) and not isinstance(number, bool):
            _check_range(option, number)
    return value


def _chosen(option: Option, value: Any) -> Any:
    for choice in option.choices:
        if choice == value and isinstance(choice, bool) == isinstance(value, bool):
            return choice
        # The singular is an old spelling: level = functional.
        word = str(value).lower()
        if isinstance(choice, str) and choice.lower() in (word, f"{word}s"):
            return choice
    allowed = ", ".join(map(str, option.choices))
    raise ValueError(f"'{value}' is none of {allowed}{suggest(str(value), option.choices)}")


def _check_range(option: Option, number: float) -> None:
    hint = f" ({option.hint})" if option.hint else ""
    if _is_huge(number):
        raise ValueError(f"a number of more than 300 digits is none to compute with{hint}")
    if option.minimum is not None and number < option.minimum:
        raise ValueError(f"{number:.10g} is less than {option.minimum:.10g}{hint}")
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"{number:g} is not a number to compute with")
    if number > option.upper:
        raise ValueError(f"{number:.10g} is more than {option.upper:.10g}{hint}")
