"""JSON from foreign hands: one object, no surprises.

`json.loads` accepts repeated names, NaN and unbounded nesting, and gives strings
that no database stores (NUL, lone surrogates). Each of these has been used to make
two readers of one message disagree or to turn a login into a crash.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 32
_WHITESPACE = " \t\n\r"
# A string that is not closed swallows the rest: to look for brackets in it again and again would
# take time quadratic in the length of the text.
_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class StrictJSONError(ValueError):
    """The bytes are not one acceptable JSON object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJSONError("a member name is repeated")
    return members


def _refuse_constant(name: str) -> None:
    raise StrictJSONError(f"{name} is not JSON")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise StrictJSONError("a number is out of range")
    return number


# Integers have no hook: calling one for each would cost more than the rest of the checks, and the
# interpreter refuses those over 4,300 digits. What needs a range checks it.
_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite_float)


def parse_object(data: bytes) -> dict[str, Any]:
    """Parse `data` (UTF-8) as one JSON object.

    Raises StrictJSONError for anything else, for repeated member names (RFC 7519
    section 4), non-finite numbers (1e999 too), more than 32 levels of nesting, and strings
    that hold NUL or a lone surrogate.
    """
    try:
        text = data.decode().strip(_WHITESPACE)
        # Counting the brackets is nearly free; only a document with many pays for the exact depth.
        if len(data) - len(data.translate(None, b"{[")) > MAX_DEPTH and _is_too_deep(text):
            raise StrictJSONError("nested too deeply")
        # `decode` would be the same with two regular expressions, which cost as much as a claim check.
        value, end = _decoder.raw_decode(text)
    except StrictJSONError:
        raise
    except ValueError:
        # The decoder's own message quotes its input, which may hold a token.
        raise StrictJSONError("not JSON in UTF-8") from None
    if not isinstance(value, dict) or end != len(text):
        raise StrictJSONError("not a JSON object")
    # Raw UTF-8 holds neither character unescaped, so most documents skip the walk.
    if "\\" in text and _has_unstorable(value):
        raise StrictJSONError("a string holds NUL or a lone surrogate")
    return value


def _is_too_deep(text: str) -> bool:
    depth = 0
    for match in _STRUCTURE.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _has_unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is not None
    if isinstance(value, dict):
        return any(_has_unstorable(name) or _has_unstorable(member) for name, member in value.items())
    if isinstance(value, list):
        return any(_has_unstorable(member) for member in value)
    return False
