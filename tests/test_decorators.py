"""The decorators, the mixin, whole sections, and asking without enforcing: who is let in, and who is sent where."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import reverse

from oidc_rp.decorators import acr_required, recent_login_required, step_up_include, step_up_required
from oidc_rp.policies import Policy
from oidc_rp.protocol.step_up import Requirement
from tests.support import step_up_site
from tests.support.browser import JSON, begin, complete, get_error, query, sign_in
from tests.support.fake_op import FakeOP
from tests.test_login import change_provider

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.step_up_site")]

LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


@pytest.fixture(autouse=True)
def policies(settings: Any) -> None:
    settings.OIDC_RP_STEP_UP = {"payment": {"acr_values": ["mfa"], "max_age": 300}}


def sign_in_as(op: FakeOP, **claims: Any) -> Client:
    op.claims.update(claims)
    client = Client()
    sign_in(client, op)
    return client


@pytest.mark.parametrize(
    ("page", "claims"),
    [
        ("/payment/", {"acr": "mfa"}),
        ("/transfer/", {"acr": "mfa"}),
        ("/acr/", {"acr": "phr"}),
        ("/amr/", {"amr": ["pwd", "hwk"]}),
        ("/age/", {}),
        ("/page/", {"acr": "mfa"}),
        ("/section/public/", {"acr": "mfa"}),
        ("/section/deep/er/", {"acr": "mfa"}),
    ],
)
def test_login_that_is_enough_is_let_in(op: FakeOP, page: str, claims: dict[str, Any]) -> None:
    assert sign_in_as(op, **claims).get(page).status_code == 200


@pytest.mark.parametrize(
    ("page", "claims", "asked"),
    [
        ("/payment/", {}, {"acr_values": "mfa", "max_age": "300"}),
        ("/payment/", {"acr": "mfa", "auth_time": 1_700_000_000}, {"acr_values": "mfa", "max_age": "300"}),
        ("/payment/", {"acr": None}, {"acr_values": "mfa", "max_age": "300"}),
        ("/acr/", {}, {"acr_values": "mfa phr"}),
        ("/amr/", {"amr": ["pwd"]}, {}),
        ("/age/", {"auth_time": None}, {"max_age": "60"}),
        ("/age/", {"auth_time": 0}, {"max_age": "60"}),
        ("/page/", {}, {"acr_values": "mfa", "max_age": "300"}),
        ("/fresh-page/", {"auth_time": 1_700_000_000}, {"max_age": "1"}),
        ("/section/public/", {}, {"acr_values": "mfa"}),
        ("/section/deep/er/", {}, {"acr_values": "mfa"}),
        ("/admin/", {}, {"acr_values": "mfa", "max_age": "300"}),
        ("/admin/login/", {}, {"acr_values": "mfa", "max_age": "300"}),
    ],
)
def test_login_that_is_not_enough_is_sent_for_more(
    op: FakeOP, page: str, claims: dict[str, Any], asked: dict[str, str]
) -> None:
    response = sign_in_as(op, **claims).get(page, {"a": "1"})
    assert response.status_code == 302
    assert response["Location"].startswith("https://op.example/authorize?")
    sent = query(response["Location"])
    assert {name: sent[name] for name in ("acr_values", "max_age") if name in sent} == asked


@pytest.mark.parametrize("page", ["/payment/", "/apayment/", "/page/", "/section/public/", "/admin/"])
@pytest.mark.parametrize("middleware", [[], [LOGIN_REQUIRED]], ids=["plain", "login_required_middleware"])
def test_anonymous_visitor_makes_one_trip(
    client: Client, op: FakeOP, settings: Any, page: str, middleware: list[str]
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *middleware]
    op.claims.update(acr="mfa")
    begun = client.get(page)
    assert query(begun["Location"])["acr_values"] == "mfa"
    back = complete(client, op.authorize(begun["Location"]))
    assert (back.status_code, back["Location"]) == (302, page)
    # The admin lets nobody in without is_staff, which is its own business.
    assert "op.example" not in client.get(page).get("Location", "")


def test_user_who_signed_in_by_password_is_sent_to_the_op(client: Client, op: FakeOP) -> None:
    client.force_login(User.objects.create_user("carol"), backend="django.contrib.auth.backends.ModelBackend")
    assert query(client.get("/payment/")["Location"])["acr_values"] == "mfa"


def test_higher_level_is_enough_where_the_provider_orders_them(op: FakeOP, settings: Any) -> None:
    client = sign_in_as(op, acr="phr")
    assert client.get("/payment/").status_code == 302
    change_provider(settings, ACR_LEVELS=["pwd", "mfa", "phr"])
    assert client.get("/payment/").status_code == 200


def test_login_gets_too_old_while_the_session_lives(op: FakeOP) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        client = sign_in_as(op, acr="mfa")
        clock.shift(300 - 5 + 30)
        assert client.get("/payment/").status_code == 200
        clock.shift(1)
        assert client.get("/payment/").status_code == 302


def test_login_at_another_provider_counts_for_nothing(op: FakeOP, other_op: FakeOP) -> None:
    client = sign_in_as(op, acr="mfa")
    begun = client.get("/other/")
    assert begun["Location"].startswith("https://other.example/tenant/authorize?")
    other_op.claims.update(acr="mfa")
    back = complete(client, other_op.authorize(begun["Location"]), alias="other")
    assert back["Location"] == "/other/"
    assert client.get("/other/").status_code == 200


def test_login_at_an_op_that_the_alias_does_not_mean_any_more_counts_for_nothing(
    op: FakeOP, other_op: FakeOP, settings: Any
) -> None:
    client = sign_in_as(op, acr="mfa")
    change_provider(settings, ISSUER="https://other.example/tenant/", CLIENT_ID="client-2")
    begun = client.get("/payment/")
    assert begun["Location"].startswith("https://other.example/")
    # There, whoever it was here is somebody else in any case.
    other_op.claims.update(acr="mfa", sub="subject-9", email="nine@example.com")
    assert complete(client, other_op.authorize(begun["Location"]))["Location"] == "/payment/"


def test_login_at_a_provider_that_is_gone_counts_for_nothing(op: FakeOP, other_op: FakeOP, settings: Any) -> None:
    other_op.claims.update(acr="mfa")
    client = Client()
    sign_in(client, other_op, alias="other")
    assert client.get("/payment/").status_code == 200
    settings.OIDC_PROVIDERS = {"default": settings.OIDC_PROVIDERS["default"]}
    assert client.get("/payment/")["Location"].startswith("https://op.example/")


def test_step_up_is_at_the_provider_of_the_session(op: FakeOP, other_op: FakeOP) -> None:
    client = Client()
    sign_in(client, other_op, alias="other")
    assert client.get("/payment/")["Location"].startswith("https://other.example/")


def test_policy_that_there_is_not_lets_nobody_in(op: FakeOP) -> None:
    assert get_error(sign_in_as(op, acr="mfa").get("/unknown/", headers=JSON)) == (503, "step_up_policy")


# --- several on one view


@pytest.mark.parametrize("page", ["/twice/", "/section/recent/", "/section/arecent/"])
@pytest.mark.parametrize("claims", [{}, {"acr": "mfa", "auth_time": 1_700_000_000}], ids=["outer", "inner"])
def test_decorators_of_one_view_make_one_trip(op: FakeOP, page: str, claims: dict[str, Any]) -> None:
    """Two might undo each other: a fresh password takes the place of a second factor."""
    client = sign_in_as(op, **claims)
    begun = client.get(page)
    sent = query(begun["Location"])
    assert (sent["acr_values"], sent["max_age"]) == ("mfa", "60")
    op.claims.update(acr="mfa", auth_time=None)
    del op.claims["auth_time"]
    assert complete(client, op.authorize(begun["Location"]))["Location"] == page
    assert client.get(page).content == b"in"


def test_decorators_that_name_different_providers_are_demanded_one_at_a_time(op: FakeOP, other_op: FakeOP) -> None:
    begun = sign_in_as(op).get("/both/")
    assert begun["Location"].startswith("https://other.example/")
    sent = query(begun["Location"])
    assert (sent["acr_values"], sent["max_age"]) == ("mfa", "60")


def test_decorator_around_another_keeps_its_form(op: FakeOP) -> None:
    refused = sign_in_as(op).post("/section/transfer/", {"to": "bob"}, headers={"Sec-Fetch-Mode": "navigate"})
    assert "It is kept for ten minutes" in refused.content.decode()


# --- async


def fetch(client: Client, page: str) -> Any:
    """One request through ASGI, with the cookies of `client`."""
    asgi = AsyncClient()
    asgi.cookies = client.cookies
    return asyncio.run(asgi.get(page))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["/apayment/", "/async-page/"])
@pytest.mark.parametrize("loader", [None, "tests.multitenant.loader.load_tenant"])
def test_async_view_lets_in_who_may(op: FakeOP, settings: Any, page: str, loader: str | None) -> None:
    settings.OIDC_RP_PROVIDER_LOADER = loader
    change_provider(settings, ACR_LEVELS=["pwd", "mfa"])
    assert fetch(sign_in_as(op, acr="mfa"), page).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["/apayment/", "/fresh-async-page/"])
def test_async_view_sends_for_more(op: FakeOP, page: str) -> None:
    response = fetch(sign_in_as(op, auth_time=1_700_000_000), page)
    assert response["Location"].startswith("https://op.example/authorize?")


# --- asking without enforcing


def test_meets_asks_without_enforcing(op: FakeOP, client: Client) -> None:
    assert client.get("/ask/").json() == [False, False, "False"]
    assert sign_in_as(op).get("/ask/").json() == [False, True, "False"]
    assert sign_in_as(op, acr="mfa").get("/ask/").json() == [True, True, "True"]


# --- how they are written


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        ((), {}, "needs acr_values, amr or max_age"),
        ((), {"provider": "other"}, "needs acr_values, amr or max_age"),
        ((), {"acr_values": "mfa"}, "must be a list"),
        ((view,), {}, "must be a list"),
        (("payment",), {"acr_values": ["mfa"]}, "not both"),
        (("payment",), {"max_age": 5}, "takes a policy, or"),
        (("payment",), {"amr": ["otp"]}, "takes a policy, or"),
        (("payment",), {"provider": "other"}, "takes the provider from the policy"),
    ],
)
def test_decorator_refuses_what_is_no_requirement(arguments: Any, options: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        step_up_required(*arguments, **options)


@pytest.mark.parametrize("decorator", [acr_required, recent_login_required])
def test_shorthand_without_its_arguments_is_refused(decorator: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        decorator(view)


def test_decorator_takes_a_requirement_and_a_provider_for_it(rf: Any) -> None:
    request = rf.get("/")
    requirement = Requirement(("mfa",), (("otp",),), 5)
    for provider, expected in ((None, requirement), ("other", Policy(requirement, "other"))):
        request.oidc = SimpleNamespace(meets=expected.__eq__)
        assert step_up_required(requirement, provider=provider)(view)(request).status_code == 200


def test_decorator_keeps_what_other_decorators_left_on_the_view() -> None:
    def exempt(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    exempt.csrf_exempt = True  # type: ignore[attr-defined]  # as csrf_exempt does it
    guarded: Any = step_up_required(max_age=5)(exempt)
    assert (guarded.__name__, guarded.csrf_exempt, guarded.login_required) == ("exempt", True, False)


def test_section_keeps_names_and_namespaces() -> None:
    assert reverse("public") == "/section/public/"
    assert reverse("deep:deeper") == "/section/deep/er/"
    assert reverse("admin:index") == "/admin/"


def test_section_takes_what_include_takes() -> None:
    for urls in ("oidc_rp.urls", (step_up_site.section, "app")):
        patterns, app_name, namespace = step_up_include(urls, max_age=5)
        assert patterns
        assert app_name in {"oidc_rp", "app"}
        assert namespace == app_name


def test_begin_is_untouched_by_step_up(client: Client, op: FakeOP) -> None:
    """A login that nothing demands asks for nothing."""
    assert not {"acr_values", "max_age", "claims"} & query(begin(client)["Location"]).keys()
