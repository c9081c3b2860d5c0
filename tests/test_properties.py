"""Whatever a browser brings along, in a cookie or in a URL: a value, or the answer that is announced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import example, given
from hypothesis import strategies as st

from oidc_rp.cookies import MAX_PENDING, load_logout, load_transaction, save_transaction
from oidc_rp.flows.logout import PendingLogout
from oidc_rp.flows.transaction import Transaction
from oidc_rp.protocol.errors import AuthenticationResponseError
from oidc_rp.refresh_cookie import MAX_PARTS, load_refresh_token, read_generation
from oidc_rp.sealing import seal
from oidc_rp.session_data import AuthenticationContext
from oidc_rp.site_urls import MAX_NEXT_LENGTH, safe_next
from tests.support.strategies import some_of, url_texts, values

RF = RequestFactory()
SITE = "https://testserver"
CONTEXT = AuthenticationContext(
    id="1", provider="default", iss="https://op.example", sub="subject-1", sid=None, acr=None, amr=(),
    auth_time=None, expires_at=None, renewed_at=0, generation=0,
)  # fmt: skip
TRANSACTION = {
    "alias": "default",
    "issuer": "https://op.example",
    "redirect_uri": f"{SITE}/oidc/callback/default/",
    "next": "/",
    "state": "state-1",
    "nonce": "nonce-1",
    "code_verifier": "verifier-1",
    "created_at": 1_800_000_000,
}


def build_transaction(state: str = "state-1") -> Transaction:
    return Transaction(**{**TRANSACTION, "state": state})  # type: ignore[arg-type]


def find_transaction_cookie(state: str) -> str:
    response = HttpResponse()
    save_transaction(RF.get("/"), response, build_transaction(state), cross_site=False)
    (name,) = response.cookies
    return name


@contextmanager
def refusing_transaction() -> Iterator[None]:
    """Let the pending login be refused, with the one code that is for this."""
    try:
        yield
    except AuthenticationResponseError as error:
        if error.code != "transaction_invalid":
            raise


@given(st.text(), st.text())
def test_a_transaction_cookie_of_any_value_opens_for_no_state(state: str, value: str) -> None:
    request = RF.get("/")
    request.COOKIES[find_transaction_cookie("state-1")] = value
    with refusing_transaction():
        assert load_transaction(request, "state-1") is None
    assert load_transaction(request, f"{state} of another") is None


@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_a_sealed_transaction_of_any_content_is_refused(content: bytes) -> None:
    """What another version of the package has sealed."""
    request = RF.get("/")
    request.COOKIES[find_transaction_cookie("state-1")] = f"1.{seal(content, 'transaction', 'state-1')}"
    with pytest.raises(AuthenticationResponseError) as caught:
        load_transaction(request, "state-1")
    assert caught.value.code == "transaction_invalid"


@given(some_of([*TRANSACTION, "acr_values", "silent", "unheard_of"]))
def test_a_sealed_transaction_of_any_members_is_one_or_refused(changes: dict[str, object]) -> None:
    request = RF.get("/")
    content = json.dumps({**TRANSACTION, "acr_values": [], **changes}).encode()
    request.COOKIES[find_transaction_cookie("state-1")] = f"1.{seal(content, 'transaction', 'state-1')}"
    with refusing_transaction():
        assert isinstance(load_transaction(request, "state-1"), Transaction)


@given(st.lists(st.text(min_size=1), max_size=12))
@example(["9" * 5_000, "\u0663.x", "-1.x"])
def test_pending_logins_of_any_values_are_kept_to_a_few(cookies: list[str]) -> None:
    request = RF.get("/")
    request.COOKIES |= {f"__Host-oidc_rp.tx.{number:016x}": value for number, value in enumerate(cookies)}
    response = HttpResponse()
    save_transaction(request, response, build_transaction(), cross_site=False)
    deleted = [name for name, morsel in response.cookies.items() if morsel["max-age"] == 0]
    assert len(cookies) - len(deleted) == min(len(cookies), MAX_PENDING - 1)


@given(
    st.text() | (st.binary() | values.map(lambda value: json.dumps(value).encode())).map(lambda it: seal(it, "logout"))
)
def test_a_logout_cookie_of_any_value_is_one_or_none(value: str) -> None:
    request = RF.get("/")
    request.COOKIES["__Host-oidc_rp.logout"] = value
    assert isinstance(load_logout(request), PendingLogout | None)


@given(st.lists(st.text() | st.from_regex(r"\A[0-9.]{0,12}\Z"), min_size=MAX_PARTS, max_size=MAX_PARTS))
@example(["1.9999999999.x", "", "", ""])
@example([f"1.{'9' * 5_000}.x", "", "", ""])
def test_a_refresh_cookie_of_any_value_holds_no_refresh_token(parts: list[str]) -> None:
    request = RF.get("/")
    request.COOKIES |= {f"__Host-oidc_rp.refresh{number or ''}": part for number, part in enumerate(parts)}
    assert isinstance(read_generation(request), int | None)
    assert load_refresh_token(request, CONTEXT, 0) is None


@given(url_texts)
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("https:/evil.example")
@example("https://testserver@evil.example")
@example("/" + "\u00e4" * 1_000)
def test_next_of_any_text_leads_to_this_site(text: str) -> None:
    request = RF.get("/", secure=True)
    for url in (text, f"/{text}", f"//{text}", f"{SITE}{text}", f"https:{text}"):
        target = safe_next(request, url, "/default/")
        assert target.isascii()
        assert target.isprintable()
        assert len(target) <= MAX_NEXT_LENGTH
        # As a browser takes it: a backslash is a slash, and tabs and line breaks are not there.
        seen = urlsplit(urljoin(SITE, target.replace("\\", "/")))
        assert (seen.scheme, seen.netloc) == ("https", "testserver")
