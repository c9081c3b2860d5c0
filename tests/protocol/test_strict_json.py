from __future__ import annotations

import pytest

from oidc_rp.protocol.strict_json import MAX_DEPTH, StrictJSONError, parse_object


@pytest.mark.parametrize(
    ("data", "value"),
    [
        pytest.param(b"{}", {}, id="empty_object"),
        pytest.param(b' \t\r\n{"a": 1}\n', {"a": 1}, id="whitespace_around"),
        pytest.param(b'{"a": {"a": 1}, "b": [{"a": 2}]}', {"a": {"a": 1}, "b": [{"a": 2}]}, id="same_name_elsewhere"),
        pytest.param(b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}, id="surrogate_pair"),
        pytest.param(b'{"a": 1.5e3, "b": -2, "c": "\\\\u0000"}', {"a": 1500.0, "b": -2, "c": "\\u0000"}, id="values"),
        pytest.param('{"a": "é"}'.encode(), {"a": "é"}, id="utf_8"),
        pytest.param(b'{"a": "' + b"[{" * 100 + b'"}', {"a": "[{" * 100}, id="brackets_in_a_string"),
        pytest.param(b'{"a": [' + b"[], {}, " * 50 + b"1]}", {"a": [[], {}] * 50 + [1]}, id="many_brackets_but_flat"),
    ],
)
def test_parse_object_accepts(data: bytes, value: object) -> None:
    assert parse_object(data) == value


def test_nesting_is_accepted_up_to_the_limit() -> None:
    assert parse_object(_nest(MAX_DEPTH))
    with pytest.raises(StrictJSONError, match="nested too deeply"):
        parse_object(_nest(MAX_DEPTH + 1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"<html>", "not JSON", id="html"),
        pytest.param(b'{"a": 1', "not JSON", id="truncated"),
        pytest.param(b'{"a": "\xff"}', "not JSON", id="not_utf_8"),
        pytest.param('{"a": 1}'.encode("utf-16"), "not JSON", id="utf_16"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', "not JSON", id="byte_order_mark"),
        pytest.param(b'\x00{"a": 1}', "not JSON", id="leading_nul"),
        pytest.param(b'{"a": "\x00"}', "not JSON", id="raw_nul"),
        pytest.param(b'{"a": 1' + b"0" * 5_000 + b"}", "not JSON", id="integer_of_5000_digits"),
        pytest.param(b"[]", "not a JSON object", id="list"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(b'"a"', "not a JSON object", id="string"),
        pytest.param(b'{"a": 1}{"a": 2}', "not a JSON object", id="two_objects"),
        pytest.param(b'{"a": 1} x', "not a JSON object", id="text_behind"),
        pytest.param(b'{"a": 1, "a": 1}', "repeated", id="repeated_name"),
        pytest.param(b'{"a": 1, "\\u0061": 2}', "repeated", id="repeated_name_in_another_spelling"),
        pytest.param(b'{"b": [{"a": 1, "a": 1}]}', "repeated", id="repeated_name_inside"),
        pytest.param(b'{"a": NaN}', "NaN is not JSON", id="nan"),
        pytest.param(b'{"a": -Infinity}', "-Infinity is not JSON", id="infinity"),
        pytest.param(b'{"a": 1e999}', "out of range", id="infinity_in_disguise"),
        pytest.param(b'{"a": "\\u0000"}', "NUL or a lone surrogate", id="nul"),
        pytest.param(b'{"a": ["\\ud800"]}', "NUL or a lone surrogate", id="lone_surrogate"),
        pytest.param(b'{"a": {"\\udfff": 1}}', "NUL or a lone surrogate", id="lone_surrogate_as_name"),
        pytest.param(b'{"a": ' + b"[" * 100_000, "nested too deeply", id="deep_lists"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="deep_objects"),
        pytest.param(b'{"a": "\\"' + b"[" * 40, "not JSON", id="brackets_in_a_string_that_never_ends"),
    ],
)
def test_parse_object_rejects(data: bytes, reason: str) -> None:
    with pytest.raises(StrictJSONError, match=reason):
        parse_object(data)


def test_an_unclosed_string_takes_linear_time() -> None:
    # A search that starts again at each quotation mark would take hours for this.
    with pytest.raises(StrictJSONError):
        parse_object(b"[" * 33 + b'"' + b'\\"' * 450_000)


def test_the_error_does_not_quote_the_document() -> None:
    with pytest.raises(StrictJSONError) as caught:
        parse_object(b'{"access_token": "very secret"')
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def _nest(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b'{"a": %s1%s}', id="alone"),
        pytest.param(b'{"a": [%s1%s]}', id="in_a_list"),
        pytest.param(b'{"b": [' + b"[], {}, " * 20 + b'0], "a": %s1%s}', id="behind_lists_that_are_closed"),
        pytest.param(b'{"a": [' + b"[], {}, " * 20 + b"%s1%s]}", id="beside_lists_that_are_closed"),
        pytest.param(b'{"b": "]]]\\"]]]", "a": %s1%s}', id="behind_brackets_in_a_string"),
    ],
)
def test_nesting_is_counted_exactly(document: bytes) -> None:
    inside = 30 if b"[%s" in document or b", %s1%s]" in document else 31
    assert parse_object(document % (b"[" * inside, b"]" * inside))
    with pytest.raises(StrictJSONError, match="nested too deeply"):
        parse_object(document % (b"[" * (inside + 1), b"]" * (inside + 1)))


@pytest.mark.parametrize("text", ["X", "\x0b", "\x0c", "\x1c", "\u00a0", "\u2028", "\ufeff"])
def test_nothing_but_the_white_space_of_json_may_be_around(text: str) -> None:
    for document in (f'{text}{{"a": 1}}', f'{{"a": 1}}{text}'):
        with pytest.raises(StrictJSONError):
            parse_object(document.encode())


def test_brackets_behind_an_escaped_line_break_are_in_the_string_still() -> None:
    with pytest.raises(StrictJSONError, match="not JSON in UTF-8"):
        parse_object(b'{"a": "\\\n' + b"[" * 40 + b'"}')
