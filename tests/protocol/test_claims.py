from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from oidc_rp.protocol import claims as check
from oidc_rp.protocol.errors import ClaimError
from tests.support.tokens import NOW, SKEW

TRUSTED = frozenset({"api"})
HUGE = 10**4_000

NOT_A_TIME = [
    pytest.param("1800000000", id="string"),
    pytest.param(True, id="boolean"),
    pytest.param(-1, id="negative"),
    pytest.param(1e12, id="milliseconds_and_more"),
    pytest.param(HUGE, id="huge_integer"),
    pytest.param(-HUGE, id="huge_negative_integer"),
    pytest.param(float("inf"), id="infinity"),
    pytest.param(float("nan"), id="nan"),
    pytest.param([NOW], id="list"),
    pytest.param({}, id="object"),
]


def refused(claim: str, call: Callable[..., object], *arguments: Any) -> ClaimError:
    with pytest.raises(ClaimError) as caught:
        call(*arguments)
    assert (caught.value.claim, caught.value.code) == (claim, f"token_{claim}")
    return caught.value


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("https://op.example/", id="trailing_slash"),
        pytest.param("https://op.example.evil.example", id="our_issuer_as_prefix"),
        pytest.param("xhttps://op.example", id="our_issuer_as_suffix"),
        pytest.param("https://op.exampl", id="prefix_of_our_issuer"),
        pytest.param("https://OP.example", id="upper_case"),
        pytest.param("HTTPS://op.example", id="scheme_in_upper_case"),
        pytest.param("http://op.example", id="http"),
        pytest.param("https://op.example:443", id="default_port"),
        pytest.param(" https://op.example", id="space_in_front"),
        pytest.param("https://op%2Eexample", id="percent_encoded"),
        pytest.param("https://\u043ep.example", id="homoglyph"),
        pytest.param(["https://op.example"], id="list"),
        pytest.param({"https://op.example": 1}, id="object"),
        pytest.param(1, id="number"),
        pytest.param(True, id="boolean"),
    ],
)
def test_issuer_rejects(issuer: Any) -> None:
    error = refused("iss", check.check_issuer, {"iss": issuer}, "https://op.example")
    assert (error.expected, error.actual) == ("https://op.example", repr(issuer))


def test_issuer_accepts_the_very_same_string() -> None:
    check.check_issuer({"iss": "https://op.example"}, "https://op.example")


def test_evidence_is_bounded() -> None:
    assert len(str(refused("iss", check.check_issuer, {"iss": ["x"] * 10_000}, "https://op.example").actual)) == 200


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param([], id="empty_list"),
        pytest.param("client-", id="prefix_of_our_client_id"),
        pytest.param("client-10", id="our_client_id_as_prefix"),
        pytest.param("a-client-1", id="our_client_id_as_suffix"),
        pytest.param("CLIENT-1", id="upper_case"),
        pytest.param("client-1 ", id="space_behind"),
        pytest.param("client-1 client-2", id="joined_with_a_space"),
        pytest.param("client-2", id="another_client"),
        pytest.param(["client-2"], id="list_without_us"),
        pytest.param([["client-1"]], id="list_in_a_list"),
        pytest.param(["client-1", 1], id="list_with_a_number"),
        pytest.param({"client-1": True}, id="object"),
        pytest.param(True, id="boolean"),
        pytest.param(["client-1", "evil"], id="untrusted_audience_behind_us"),
        pytest.param(["evil", "client-1"], id="untrusted_audience_before_us"),
        pytest.param(["client-1", "api", "evil"], id="untrusted_audience_among_trusted"),
        pytest.param("api", id="trusted_audience_without_us"),
    ],
)
def test_audience_rejects(audience: Any) -> None:
    assert refused("aud", check.check_audience, {"aud": audience}, "client-1", TRUSTED).expected == "client-1"


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param("client-1", id="string"),
        pytest.param(["client-1"], id="list"),
        pytest.param(["api", "client-1"], id="with_a_trusted_audience"),
    ],
)
def test_audience_accepts(audience: Any) -> None:
    check.check_audience({"aud": audience}, "client-1", TRUSTED)


@pytest.mark.parametrize(
    ("audience", "authorized_party"),
    [
        pytest.param("client-1", "client-2", id="another_client"),
        pytest.param("client-1", "client-10", id="our_client_id_as_prefix"),
        pytest.param("client-1", "", id="empty"),
        pytest.param("client-1", ["client-1"], id="list"),
        pytest.param("client-1", True, id="boolean"),
        pytest.param(["client-1", "api"], None, id="missing_with_two_audiences"),
        pytest.param(["client-1", "api"], "api", id="the_other_audience"),
    ],
)
def test_authorized_party_rejects(audience: Any, authorized_party: Any) -> None:
    claims = {"aud": audience, "azp": authorized_party}
    assert refused("azp", check.check_authorized_party, claims, "client-1").expected == "client-1"


@pytest.mark.parametrize(
    ("audience", "authorized_party"),
    [
        pytest.param("client-1", None, id="missing_with_one_audience"),
        pytest.param(["client-1"], None, id="missing_with_a_list_of_one"),
        pytest.param("client-1", "client-1", id="us"),
        pytest.param(["client-1", "api"], "client-1", id="us_of_two"),
    ],
)
def test_authorized_party_accepts(audience: Any, authorized_party: Any) -> None:
    check.check_authorized_party({"aud": audience, "azp": authorized_party}, "client-1")


def test_expiration_counts_to_the_very_end_of_the_skew() -> None:
    check.check_expiration({"exp": NOW}, NOW + SKEW - 0.001, SKEW)
    refused("exp", check.check_expiration, {"exp": NOW}, NOW + SKEW, SKEW)


def test_expiration_without_skew_ends_at_exp() -> None:
    check.check_expiration({"exp": NOW + 0.5}, NOW, 0)
    refused("exp", check.check_expiration, {"exp": NOW}, NOW, 0)


def test_expiration_must_be_there() -> None:
    refused("exp", check.check_expiration, {}, NOW, SKEW)
    refused("exp", check.check_expiration, {"exp": None}, NOW, SKEW)


def test_not_before_counts_from_the_very_start_of_the_skew() -> None:
    check.check_expiration({"exp": NOW + 99, "nbf": NOW + SKEW}, NOW, SKEW)
    refused("nbf", check.check_expiration, {"exp": NOW + 99, "nbf": NOW + SKEW + 1}, NOW, SKEW)


def test_issued_at_is_not_in_the_future() -> None:
    check.check_issued_at({"iat": NOW + SKEW}, NOW, SKEW)
    refused("iat", check.check_issued_at, {"iat": NOW + SKEW + 0.5}, NOW, SKEW)


def test_issued_at_is_not_long_ago() -> None:
    oldest = NOW - check.MAX_TOKEN_AGE - SKEW
    check.check_issued_at({"iat": oldest}, NOW, SKEW)
    refused("iat", check.check_issued_at, {"iat": oldest - 1}, NOW, SKEW)


def test_issued_at_must_be_there() -> None:
    refused("iat", check.check_issued_at, {}, NOW, SKEW)


@pytest.mark.parametrize("value", NOT_A_TIME)
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "auth_time"])
def test_a_time_is_a_number_of_seconds(claim: str, value: Any) -> None:
    refused(claim, check.get_time, {claim: value}, claim)


@pytest.mark.parametrize(("value", "time"), [(0, 0), (NOW, NOW), (NOW + 0.5, NOW + 0.5), (None, None)])
def test_a_time_may_be_fractional_or_absent(value: Any, time: float | None) -> None:
    assert check.get_time({"exp": value}, "exp") == time


@pytest.mark.parametrize(
    ("value", "auth_time"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param(NOW, NOW, id="integer"),
        pytest.param(NOW + 0.9, NOW, id="float"),
        pytest.param(0, None, id="zero_means_unknown"),
        pytest.param(0.5, None, id="almost_zero_too"),
    ],
)
def test_auth_time_is_read(value: Any, auth_time: int | None) -> None:
    assert check.get_auth_time({"auth_time": value}) == auth_time


@pytest.mark.parametrize(
    ("call", "claims", "expected", "actual"),
    [
        pytest.param(check.check_expiration, {"exp": NOW - SKEW}, f"after {NOW}", NOW - SKEW, id="exp"),
        pytest.param(check.check_not_before, {"nbf": NOW + 31}, f"at most {NOW}", NOW + 31, id="nbf"),
        pytest.param(check.check_issued_at, {"iat": NOW + 31}, f"at most {NOW}", NOW + 31, id="iat_in_the_future"),
        pytest.param(check.check_issued_at, {"iat": NOW - 631}, f"at least {NOW - 600}", NOW - 631, id="iat_long_ago"),
    ],
)
def test_a_wrong_time_is_shown_beside_the_right_one(
    call: Callable[..., None], claims: dict[str, int], expected: str, actual: int
) -> None:
    """An operator sees from the two whether a clock is wrong, and by how much."""
    [claim] = claims
    error = refused(claim, call, claims, NOW, SKEW)
    assert (error.expected, error.actual) == (expected, actual)


@pytest.mark.parametrize(
    ("audience", "shown"),
    [
        pytest.param("client-2", "['client-2']", id="another_client"),
        pytest.param(1, "[]", id="number"),
        pytest.param(["client-1", "api", "evil"], "['evil']", id="the_untrusted_alone"),
    ],
)
def test_a_wrong_audience_is_shown(audience: Any, shown: str) -> None:
    assert refused("aud", check.check_audience, {"aud": audience}, "client-1", TRUSTED).actual == shown


def test_a_wrong_authorized_party_is_shown() -> None:
    claims = {"aud": "client-1", "azp": ["client-2"]}
    assert refused("azp", check.check_authorized_party, claims, "client-1").actual == "['client-2']"


@pytest.mark.parametrize("subject", ["a", "a" * 255, "\U0001f600 /+\n", "0"])
def test_subject_accepts(subject: str) -> None:
    check.check_subject({"sub": subject})


@pytest.mark.parametrize("subject", [None, "", "a" * 256, 1, True, ["a"], {}])
def test_subject_rejects(subject: Any) -> None:
    error = refused("sub", check.check_subject, {"sub": subject})
    assert error.actual is None


@pytest.mark.parametrize("sid", ["a", "a" * 1_024, "0/+==", "with space", "\U0001f600"])
def test_sid_may_be_any_string(sid: str) -> None:
    assert check.get_sid({"sid": sid}) == sid


@pytest.mark.parametrize("sid", ["", "a" * 1_025, 1, True, ["a"], {}])
def test_sid_rejects(sid: Any) -> None:
    refused("sid", check.get_sid, {"sid": sid})


@pytest.mark.parametrize("acr", [1, 0, True, ["pwd"], {}])
def test_acr_rejects(acr: Any) -> None:
    refused("acr", check.get_acr, {"acr": acr})


def test_acr_and_sid_may_be_absent() -> None:
    assert check.get_acr({}) is None
    assert check.get_acr({"acr": "0"}) == "0"
    assert check.get_sid({"sid": None}) is None


@pytest.mark.parametrize(
    ("amr", "methods"), [(None, ()), ([], ()), (["pwd", "otp"], ("pwd", "otp")), ("pwd", ("pwd",))]
)
def test_amr_is_read(amr: Any, methods: tuple[str, ...]) -> None:
    assert check.get_amr({"amr": amr}) == methods


@pytest.mark.parametrize("amr", [1, True, {}, {"pwd": 1}, ["pwd", 1], [["pwd"]], [None]])
def test_amr_rejects(amr: Any) -> None:
    refused("amr", check.get_amr, {"amr": amr})
