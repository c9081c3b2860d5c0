"""The pending login: ten minutes, and the same after a trip through a cookie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc_rp.flows.transaction import LIFETIME_SECONDS, Transaction
from oidc_rp.protocol.errors import AuthenticationResponseError
from oidc_rp.protocol.step_up import Requirement

BEGUN = 1_800_000_000.5


def build(**changes: object) -> Transaction:
    values: dict[str, object] = dict.fromkeys(
        ("alias", "issuer", "redirect_uri", "next", "state", "nonce", "code_verifier"), "x"
    )
    return Transaction(**{**values, "created_at": BEGUN, **changes})  # type: ignore[arg-type]  # one dict for all types


texts = st.lists(st.text()).map(tuple)


@given(st.text(), st.integers(min_value=0) | st.none(), texts, st.lists(texts).map(tuple), st.booleans())
def test_transaction_survives_serialization(
    next_url: str, max_age: int | None, acr: tuple[str, ...], amr: tuple[tuple[str, ...], ...], flag: bool
) -> None:
    transaction = build(next=next_url, max_age=max_age, acr_values=acr, amr=amr, silent=flag, step_up=flag)
    assert transaction.requirement == Requirement(acr, amr, max_age)
    assert Transaction.deserialize(transaction.serialize()) == transaction


@pytest.mark.parametrize("age", [0, 1, LIFETIME_SECONDS, -5])
def test_transaction_is_pending(age: float) -> None:
    build().check_age(BEGUN + age)


@pytest.mark.parametrize("age", [LIFETIME_SECONDS + 0.1, 86_400, -LIFETIME_SECONDS - 0.1])
def test_transaction_is_over(age: float) -> None:
    with pytest.raises(AuthenticationResponseError) as caught:
        build().check_age(BEGUN + age)
    assert caught.value.code == "transaction_expired"
