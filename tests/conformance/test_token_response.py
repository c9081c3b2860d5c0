"""The token endpoint's answer is no token response (RFC 6749 section 5.1, Core 1.0 section 3.1.3.3)."""

from __future__ import annotations

import json
from typing import Any

from oidc_rp.models import OIDCSession
from oidc_rp.session_data import load_tokens

from .attack import BEFORE_KEYS, Attack, answers, attacks, tokens
from .op import HostileOP
from .rp import RP


@attacks(
    "op_answer_malformed",
    calls=BEFORE_KEYS,
    is_empty=answers("token", ""),
    is_a_list=answers("token", '[{"access_token": "a"}]'),
    is_text=answers("token", "access_token=a&token_type=bearer", Content_Type="application/x-www-form-urlencoded"),
    is_not_in_utf_8=answers("token", b'{"access_token": "\xff"}'),
    is_cut=answers("token", '{"access_token": "a", "token_type": "Bear'),
    is_nested_without_end=answers("token", '{"a":' * 50_000),
    has_no_access_token=tokens(access_token=None),
    has_an_empty_access_token=tokens(access_token=""),
    has_an_access_token_that_is_a_number=tokens(access_token=5),
    has_two_access_tokens=answers("token", '{"access_token": "a", "access_token": "b", "token_type": "Bearer"}'),
    has_a_line_break_in_the_access_token=tokens(access_token="a\r\nX-Injected: 1"),
    has_an_access_token_that_is_not_ascii=tokens(access_token="a\N{SNOWMAN}"),
    has_no_type=tokens(token_type=None),
    has_a_type_that_is_not_understood=tokens(token_type="mac"),
    has_a_type_that_was_not_asked_for=tokens(token_type="DPoP"),
    has_a_type_that_is_a_list=tokens(token_type=["Bearer"]),
    has_a_lifetime_below_zero=tokens(expires_in=-1),
    has_a_lifetime_in_words=tokens(expires_in="an hour"),
    has_a_lifetime_of_true=tokens(expires_in=True),
    has_a_lifetime_beyond_all_calendars=tokens(expires_in=10**12),
    has_a_lifetime_in_other_digits=tokens(expires_in="\u0663\u0660\u0660"),
    has_a_refresh_token_that_is_an_object=tokens(refresh_token={"token": "r"}),
    has_a_scope_that_is_a_list=tokens(scope=["openid"]),
    has_an_id_token_that_is_an_object=tokens(id_token={"sub": "subject-1"}),
)
def test_answer_that_is_no_token_response(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "id_token_missing",
    calls=BEFORE_KEYS,
    leaves_it_out=tokens(id_token=None),
    leaves_it_empty=tokens(id_token=""),
)
def test_answer_without_id_token(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_too_large",
    calls=BEFORE_KEYS,
    sends_an_access_token_of_100_kb=tokens(access_token="a" * 100_001),
    sends_a_refresh_token_of_100_kb=tokens(refresh_token="r" * 100_001),
    sends_an_id_token_of_100_kb=tokens(id_token="i" * 100_001),
)
def test_answer_with_a_huge_token(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def refusal(error: str | None, status: int = 400, **members: Any) -> Any:
    return answers("token", json.dumps({"error": error, **members}), status)


@attacks(
    "op_error",
    status=400,
    calls=BEFORE_KEYS,
    has_seen_the_code_before=refusal("invalid_grant"),
    says_it_with_markup=refusal("invalid_grant", error_description="<script>alert(1)</script>"),
)
def test_answer_that_refuses_the_code(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "op_error",
    calls=BEFORE_KEYS,
    does_not_know_us=refusal("invalid_client", 401),
    does_not_like_the_request=refusal("invalid_request"),
    makes_up_an_error=refusal("nothing_that_is_registered", 418),
)
def test_answer_that_refuses_the_site(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "op_status",
    calls=BEFORE_KEYS,
    refuses_without_a_word=answers("token", "", 400),
    refuses_with_a_page=answers("token", "<h1>Bad request</h1>", 400),
    refuses_with_an_error_that_is_no_text=refusal(None),
    is_not_there=answers("token", "", 404),
    creates_something=answers("token", '{"access_token": "a", "token_type": "Bearer"}', 201),
)
def test_answer_with_another_status(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_code_that_is_quoted_in_the_refusal_is_not_told(rp: RP, op: HostileOP) -> None:
    def quote(op: HostileOP) -> None:
        op.overrides["token"] = lambda: (
            400,
            {},
            json.dumps({"error": "invalid_grant", "error_description": f"code {op.code} for {op.request['state']}"}),
        )

    rp.refuses(Attack(quote, "op_error", BEFORE_KEYS, 400))


def test_scope_that_was_not_asked_for_is_noticed(rp: RP, op: HostileOP) -> None:
    op.token_answer["scope"] = "openid profile email admin offline_access\nx"
    rp.sign_in()
    assert "unexpected_scope: provider 'default' granted ('admin', 'offline_access', 'x')" in rp.log.text


def test_answer_that_is_a_little_off_signs_in(rp: RP, op: HostileOP) -> None:
    """What real OPs do: the type in another case, the lifetime in quotes, no refresh token, members of their own."""
    tokens(token_type="bEARER", expires_in="300", refresh_token=None, scope=None, ext_expires_in=5, x=[1])(op)
    rp.sign_in()
    stored = load_tokens(str(OIDCSession.objects.get().pk))
    assert stored is not None
    assert stored.access_token == op.access_token
