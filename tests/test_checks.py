"""System checks: each id is triggered once and alone, a good site is silent, and garbage crashes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.test import override_settings
from django.urls import URLPattern, URLResolver
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from oidc_rp.backends import OIDCBackend
from oidc_rp.check_messages import HINTS
from oidc_rp.checks import TAG
from oidc_rp.conf import DEFAULTS
from oidc_rp.provider.options import OPTIONS
from oidc_rp.settings_checks import FLAT_SETTINGS
from tests import settings as test_settings

DOCS = Path(__file__).parent.parent / "docs" / "checks.md"
SECRET = "s3cret-of-the-client-that-no-message-may-hold"
PROVIDER: Mapping[str, Any] = {"ISSUER": "https://op.example", "CLIENT_ID": "client-1", "CLIENT_SECRET": SECRET}
GOOD: Mapping[str, Any] = {
    "OIDC_PROVIDERS": {"default": PROVIDER},
    "OIDC_RP_BASE_URL": "https://app.example",
    "OIDC_RP_CACHE": "shared",
    "CACHES": {
        **test_settings.CACHES,
        "shared": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"},
    },
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
}
MIDDLEWARE = test_settings.MIDDLEWARE
SESSION, AUTHENTICATION, OURS = MIDDLEWARE[1], MIDDLEWARE[3], MIDDLEWARE[5]
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
KNOWN_IDS = {*HINTS, "E002", "E003", *(f"E{option.number:03}" for option in OPTIONS.values())}

urlpatterns: list[URLPattern | URLResolver] = []


class OurSessionMiddleware(SessionMiddleware):
    """A site's own."""


class OurBackend(OIDCBackend):
    """A site's own."""


class OldBackend(OIDCAuthenticationBackend):  # type: ignore[misc]  # that package has no types
    """A site's own, from before."""


def load_provider(alias: str) -> None:
    """A loader. The checks must not call it."""
    raise AssertionError


def provider(**options: Any) -> dict[str, Any]:
    return {"OIDC_PROVIDERS": {"default": {**PROVIDER, **options}}}


def mozilla(**changes: Any) -> dict[str, Any]:
    return {
        "OIDC_PROVIDERS": None,
        "OIDC_OP_ISSUER": "https://op.example",
        "OIDC_RP_CLIENT_ID": "client-1",
        "OIDC_RP_CLIENT_SECRET": SECRET,
        "OIDC_RP_SIGN_ALGO": "RS256",
        **changes,
    }


def run(**changes: Any) -> list[CheckMessage]:
    with override_settings(**{**GOOD, **changes}):
        return run_checks(tags=[TAG], include_deployment_checks=True)


def names(messages: list[CheckMessage]) -> set[str]:
    return {str(message.id).removeprefix("oidc_rp.") for message in messages}


TYPOS = "tests.support.step_up_typos"
TRIGGERS: Mapping[str, Mapping[str, Any]] = {
    "E001": {"OIDC_PROVIDERS": [PROVIDER]},
    "E002": {"OIDC_PROVIDERS": {"default": "https://op.example"}},
    "E003": provider(SCOPE=["openid"]),
    "E004": {"OIDC_PROVIDERS": {"other": PROVIDER}},
    "E005": {"OIDC_PROVIDERS": {"default": PROVIDER, "a/b": PROVIDER}},
    "E010": provider(ISSUER="http://op.example"),
    "E011": provider(CLIENT_ID=""),
    "E012": provider(CLIENT_SECRET=None),
    "E013": provider(CLIENT_AUTH_METHOD="basic"),
    "E014": provider(CLIENT_AUTH_METHOD="private_key_jwt", CLIENT_SECRET=None, CLIENT_KEY="/run/secrets/key.pem"),
    "E015": provider(CLIENT_KEY_ID=5),
    "E016": provider(SCOPES=["email"]),
    "E017": provider(SIGNING_ALGORITHMS=["none"]),
    "E018": provider(RESPONSE_MODE="fragment"),
    "E019": provider(PROMPT="always"),
    "E020": provider(MAX_AGE=-1),
    "E021": provider(ACR_VALUES="mfa"),
    "E022": provider(AUTHENTICATION_PARAMS={"state": "x"}),
    "E023": provider(ALLOWED_REQUEST_PARAMS=["nonce"]),
    "E024": provider(FETCH_USERINFO="yes"),
    "E025": provider(METADATA={"token_endpont": "https://op.example/token"}),
    "E026": provider(TRUSTED_AUDIENCES="other"),
    "E027": provider(LINK_BY_EMAIL=1),
    "E028": provider(CREATE_USERS="no"),
    "E029": provider(CLOCK_SKEW=1_000),
    "E030": provider(TIMEOUT=0),
    "E031": provider(CA_BUNDLE="/there/is/no/such.pem"),
    "E032": provider(PROXIES=["http://proxy.example"]),
    "E033": provider(CLAIMS_MAPPING={"nonsense": "email"}),
    "E034": provider(API_ORIGINS=["https://api.example/v1"]),
    "E040": provider(ACR_LEVELS=["pwd", "pwd"]),
    "E041": provider(ACR_REQUEST="both"),
    "E042": provider(MAX_AGE_REQUEST="login"),
    "W010": provider(ISSUER="http://localhost:8000/o"),
    "W012": provider(CLIENT_SECRET="file:/there/is/no/such/secret"),
    "W013": provider(CLIENT_AUTH_METHOD="none"),
    "W014": provider(CLIENT_AUTH_METHOD="private_key_jwt", CLIENT_SECRET=None, CLIENT_KEY="file:/there/is/no.pem"),
    "W019": provider(PROMPT="none"),
    "W027": provider(LINK_BY_EMAIL=True),
    "E101": {"OIDC_RP_BASE_URL": "https://app.example/path"},
    "E102": {"OIDC_RP_CACHE": "nonsense"},
    "E103": {"OIDC_RP_COOKIE_NAME": "oidc rp"},
    "E104": {"OIDC_RP_PROVIDER_LOADER": "tests.test_checks.nonsense"},
    "E108": {"OIDC_RP_REFRESH_COOKIE_AGE": 0},
    "E109": {"OIDC_RP_REFRESH_COOKIE_PATH": "app/"},
    "E110": {"OIDC_RP_REFRESH_COOKIE_SAMESITE": "lax"},
    "E111": {"OIDC_RP_REFRESH_GRACE": -1},
    "E112": {"OIDC_RP_RENEWAL_TOLERANCE": "5 minutes"},
    "E113": {"OIDC_RP_SESSION_RENEWAL": True},
    "E114": {"OIDC_RP_STEP_UP": {"payment": {}}},
    "E115": {"ROOT_URLCONF": TYPOS, "OIDC_RP_STEP_UP": {"payment": {"max_age": 60}}},
    "E105": mozilla(OIDC_RP_SCOPES=["openid"]),
    "W106": {"OIDC_RP_BASEURL": "https://app.example"},
    "W107": {"OIDC_RP_CLIENT_ID": "client-1"},
    "E121": {"INSTALLED_APPS": [app for app in test_settings.INSTALLED_APPS if not app.endswith("sessions")]},
    "E122": {"MIDDLEWARE": MIDDLEWARE[:5]},
    "E123": {"MIDDLEWARE": [SESSION, OURS]},
    "E124": {"MIDDLEWARE": [SESSION, OURS, AUTHENTICATION]},
    "E125": {"AUTHENTICATION_BACKENDS": [MODEL_BACKEND]},
    "E126": {"ROOT_URLCONF": "tests.test_checks"},
    "W127": {"MIDDLEWARE": [*MIDDLEWARE, "mozilla_django_oidc.middleware.SessionRefresh"]},
    "W128": {"LOGIN_URL": "/accounts/login/"},
    "E129": {"SESSION_COOKIE_SAMESITE": "Strict"},
    "W141": {"SESSION_COOKIE_SECURE": False},
    "W142": {"OIDC_RP_CACHE": "default"},
    "W143": {"OIDC_RP_BASE_URL": None},
    "W144": {
        "OIDC_RP_BASE_URL": None,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "USE_X_FORWARDED_HOST": True,
        "ALLOWED_HOSTS": ["*"],
    },
    "W145": {"SECRET_KEY": "django-insecure-" + "abcdefgh" * 8},
}


@pytest.mark.parametrize("name", sorted(KNOWN_IDS))
def test_check_reports_its_fault_and_nothing_else(name: str) -> None:
    """Whoever adds an option or a setting gives its check an entry in TRIGGERS."""
    messages = run(**TRIGGERS[name])
    assert names(messages) == {name}
    assert all(message.hint for message in messages)
    assert all(message.is_serious(40) == name.startswith("E") for message in messages)


def test_good_site_is_silent() -> None:
    assert run() == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(provider(CLIENT_SECRET=[lambda: "new", SECRET]), id="two_secrets_one_from_a_vault"),
        pytest.param(provider(CLIENT_SECRET=f"file:{__file__}"), id="secret_in_a_file"),
        pytest.param(provider(CLIENT_SECRET=None, CLIENT_AUTH_METHOD="none"), id="public_client"),
        pytest.param(provider(CLIENT_AUTH_METHOD="private_key_jwt", CLIENT_SECRET=None, CLIENT_KEY=str), id="key"),
        pytest.param(
            provider(
                CLIENT_AUTH_METHOD="private_key_jwt", CLIENT_SECRET=None, CLIENT_KEY="-----BEGIN PRIVATE KEY-----"
            ),
            id="key_in_pem",
        ),
        pytest.param(provider(SIGNING_ALGORITHMS=["HS256"]), id="hmac_with_a_long_secret"),
        pytest.param(provider(MAX_AGE=60), id="max_age_that_no_link_can_change"),
        pytest.param(provider(ALLOWED_REQUEST_PARAMS=["max_age"]), id="max_age_that_is_not_demanded"),
        pytest.param(provider(METADATA={"end_session_endpoint": "https://op.example/v2/logout"}), id="metadata"),
        pytest.param(provider(CLAIMS_MAPPING={"email": "mail"}), id="claims_mapping"),
        pytest.param(provider(CA_BUNDLE=Path(__file__)), id="ca_bundle_as_path"),
        pytest.param(
            {"OIDC_PROVIDERS": {}, "OIDC_RP_PROVIDER_LOADER": "tests.test_checks.load_provider"}, id="only_a_loader"
        ),
        pytest.param(mozilla(), id="settings_of_mozilla_django_oidc"),
        pytest.param(
            {"OIDC_RP_CLIENT_ID": "x", "INSTALLED_APPS": [*test_settings.INSTALLED_APPS, "mozilla_django_oidc"]},
            id="mozilla_django_oidc_beside_ours",
        ),
        pytest.param(
            {"MIDDLEWARE": ["tests.test_checks.OurSessionMiddleware", AUTHENTICATION, OURS]}, id="middleware_subclass"
        ),
        pytest.param({"AUTHENTICATION_BACKENDS": ["tests.test_checks.OurBackend"]}, id="backend_subclass"),
        pytest.param(
            {"OIDC_RP_BASE_URL": None, "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
            id="behind_a_proxy",
        ),
        pytest.param({"USE_X_FORWARDED_HOST": True, "ALLOWED_HOSTS": ["*"]}, id="any_host_but_a_base_url"),
        pytest.param({"CSRF_COOKIE_SECURE": False, "CSRF_USE_SESSIONS": True}, id="no_csrf_cookie"),
        pytest.param(
            {
                "OIDC_RP_STEP_UP": {"a": {"max_age": 5, "provider": "tenant"}},
                "OIDC_RP_PROVIDER_LOADER": "tests.multitenant.loader.load_tenant",
            },
            id="policy_of_a_provider_that_the_loader_may_know",
        ),
        pytest.param(
            {
                "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
                "INSTALLED_APPS": [app for app in test_settings.INSTALLED_APPS if not app.endswith("sessions")],
            },
            id="sessions_without_their_app",
        ),
    ],
)
def test_good_variant_is_silent(changes: Mapping[str, Any]) -> None:
    assert run(**changes) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            provider(ISSUER="https://op.example/.well-known/openid-configuration"), "E010", id="discovery_url"
        ),
        pytest.param(provider(ISSUER="https://op.example?x=1"), "E010", id="issuer_with_query"),
        pytest.param(provider(ISSUER="https://user@op.example"), "E010", id="issuer_with_credentials"),
        pytest.param(provider(ISSUER="op.example"), "E010", id="issuer_without_scheme"),
        pytest.param(mozilla(OIDC_OP_ISSUER=None), "E010", id="mozilla_settings_lack_the_issuer"),
        pytest.param(provider(SIGNING_ALGORITHMS=["HS512"]), "E012", id="secret_too_short_for_hmac"),
        pytest.param(provider(CLIENT_SECRET=[SECRET, f"{SECRET}\n"]), "W012", id="secret_with_a_line_break"),
        pytest.param(provider(CLIENT_SECRET="file:\0"), "W012", id="secret_file_with_an_impossible_name"),
        pytest.param(provider(CLIENT_AUTH_METHOD="private_key_jwt", CLIENT_KEY=str), "W013", id="key_and_secret"),
        pytest.param(provider(AUTHENTICATION_PARAMS={"max_age": "60"}), "E022", id="parameter_with_an_option"),
        pytest.param(provider(METADATA={"issuer": "https://op.example"}), "E025", id="metadata_with_issuer"),
        pytest.param(provider(METADATA={"jwks_uri": "http://op.example/jwks"}), "E025", id="metadata_with_http"),
        pytest.param(provider(METADATA={"scopes_supported": "openid"}), "E025", id="metadata_of_a_wrong_type"),
        pytest.param(mozilla(OIDC_AUTH_REQUEST_EXTRA_PARAMS=["x"]), "E105", id="mozilla_parameters_in_a_list"),
        pytest.param(mozilla(OIDC_AUTH_REQUEST_EXTRA_PARAMS={"max_age": "1 h"}), "E105", id="mozilla_max_age"),
        pytest.param({"OIDC_RP_BASE_URL": "http://app.example"}, "E101", id="base_url_is_http"),
        pytest.param({"OIDC_RP_BASE_URL": "https://app.example?"}, "E101", id="base_url_with_query"),
        pytest.param({"OIDC_RP_PROVIDER_LOADER": "oidc_rp.conf.DEFAULTS"}, "E104", id="loader_that_is_not_callable"),
        pytest.param({"OIDC_RP_PROVIDER_LOADER": load_provider}, "E104", id="loader_itself"),
        pytest.param({"OIDC_RP_CACHE": ["default"]}, "E102", id="cache_that_is_not_hashable"),
        pytest.param({"OIDC_RP_STEP_UP": {"a": {"max_age": 5, "provider": "nowhere"}}}, "E114", id="policy_nowhere"),
        pytest.param({"OIDC_RP_STEP_UP": [], "ROOT_URLCONF": TYPOS}, "E114", id="policies_in_a_list"),
        pytest.param({"MIDDLEWARE": [OURS]}, "E123", id="no_other_middleware"),
        pytest.param(
            {"AUTHENTICATION_BACKENDS": [OLD := "tests.test_checks.OldBackend"]}, "E125", id="old_backend_only"
        ),
        pytest.param({"AUTHENTICATION_BACKENDS": [OLD, "oidc_rp.backends.OIDCBackend"]}, "W127", id="old_backend"),
        pytest.param({"OIDC_RP_BASE_URL": "http://localhost:8000"}, "W143", id="base_url_on_loopback"),
        pytest.param({"SECRET_KEY": ""}, "W145", id="no_secret_key"),
        pytest.param({"SECRET_KEY_FALLBACKS": ["short"]}, "W145", id="weak_fallback"),
    ],
)
def test_check_reports(changes: Mapping[str, Any], expected: str) -> None:
    assert expected in names(run(**changes))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param(provider(SCOPE=["openid"]), "Did you mean 'SCOPES'?", id="option"),
        pytest.param(provider(client_id="x"), "Did you mean 'CLIENT_ID'?", id="option_in_lower_case"),
        pytest.param({"OIDC_RP_BASEURL": "x"}, "Did you mean OIDC_RP_BASE_URL?", id="flat_setting"),
        pytest.param({"OIDC_RP_WHATEVER_ELSE_IT_IS": "x"}, "There is no setting", id="nothing_near"),
        pytest.param(provider(METADATA={"token_endpont": "x"}), "'token_endpoint' is one", id="member_of_metadata"),
        pytest.param(provider(ISSUER="http://op.example"), "only loopback may be http", id="http_issuer"),
        pytest.param(mozilla(OIDC_OP_ISSUER=None), "ISSUER is OIDC_OP_ISSUER there", id="mozilla_settings"),
        pytest.param(
            {"OIDC_RP_STEP_UP": {"payment": {"maxage": 5}}},
            "OIDC_RP_STEP_UP['payment'] has an unknown key 'maxage'; 'max_age' is one.",
            id="policy",
        ),
        pytest.param(
            {"ROOT_URLCONF": TYPOS, "OIDC_RP_STEP_UP": {}},
            "tests.support.step_up_typos.transfer demands what cannot be met: OIDC_RP_STEP_UP has no policy 'paymnt'.",
            id="policy_of_a_view",
        ),
        pytest.param(
            {"ROOT_URLCONF": TYPOS, "OIDC_RP_STEP_UP": {}},
            "step_up_typos.elsewhere demands what cannot be met: OIDC_PROVIDERS has no provider 'nowhere'.",
            id="provider_of_a_view",
        ),
    ],
)
def test_message_says_what_was_meant(changes: Mapping[str, Any], text: str) -> None:
    assert any(text in f"{message.msg} {message.hint}" for message in run(**changes))


def test_every_fault_of_a_provider_is_reported_at_once() -> None:
    messages = run(**provider(ISSUER="op.example", TIMEOUT="long", PROMPT="always", WHATEVER=1))
    assert names(messages) == {"E003", "E010", "E019", "E030"}


def test_site_without_auth_is_told_so_and_nothing_crashes() -> None:
    remaining = [
        app for app in test_settings.INSTALLED_APPS if app not in ("django.contrib.auth", "django.contrib.admin")
    ]
    changes = {"INSTALLED_APPS": remaining, **provider(CLAIMS_MAPPING={"nonsense": "email"})}
    assert names(run(**changes)) == {"E121"}


def test_plain_check_leaves_deployment_out() -> None:
    with override_settings(**{**GOOD, "SESSION_COOKIE_SECURE": False, "OIDC_RP_BASE_URL": None}):
        assert run_checks(tags=[TAG]) == []


def test_check_command_knows_the_tag() -> None:
    with override_settings(**GOOD):
        call_command("check", tags=[TAG])


def test_every_flat_setting_has_a_check() -> None:
    assert FLAT_SETTINGS.keys() == DEFAULTS.keys()
    assert TRIGGERS.keys() == KNOWN_IDS


def test_documentation_lists_every_check() -> None:
    documented = re.findall(r"^\| `oidc_rp\.([EW]\d{3})` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == sorted(documented, key=lambda name: (int(name[1:]), name))
    assert set(documented) == KNOWN_IDS
    assert len(documented) == len(KNOWN_IDS)


GARBAGE: list[Any] = [
    None, True, 0, 5, -1.5, float("nan"), 10**400, "", "x", "a.b", "..x", "\0", "\ud800", "file:",
    "file:\0", "file:" + "x" * 5_000,
    "x" * 5_000, "https://[", b"x", [], [None], [1, "x"], ["\0"], (), set(), {}, {1: 2}, {None: None}, {"x": None},
    {"default": None}, {"max_age": "soon"}, {"default": {1: 1}}, {1: {}}, {"": {}}, {"claim": 5}, object(), print,
    SessionMiddleware,
]  # fmt: skip
SETTINGS = [
    "OIDC_PROVIDERS", *DEFAULTS, "OIDC_RP_NONSENSE", "ALLOWED_HOSTS", "AUTHENTICATION_BACKENDS", "LOGIN_URL",
    "MIDDLEWARE", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "SECURE_PROXY_SSL_HEADER", "SESSION_COOKIE_SAMESITE",
    "SESSION_COOKIE_SECURE", "SESSION_ENGINE", "USE_X_FORWARDED_HOST",
]  # fmt: skip
MOZILLA_SETTINGS = [
    "OIDC_OP_ISSUER", "OIDC_RP_CLIENT_ID", "OIDC_RP_CLIENT_SECRET", "OIDC_RP_SCOPES", "OIDC_RP_SIGN_ALGO",
    "OIDC_TIMEOUT", "OIDC_PROXY", "OIDC_CREATE_USER", "OIDC_AUTH_REQUEST_EXTRA_PARAMS", "OIDC_TOKEN_USE_BASIC_AUTH",
    "OIDC_OP_TOKEN_ENDPOINT",
]  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_garbage_in_a_setting_crashes_nothing(name: str) -> None:
    for value in GARBAGE:
        assert names(run(**{name: value})) <= KNOWN_IDS


@pytest.mark.parametrize("option", OPTIONS)
def test_garbage_in_an_option_crashes_nothing(option: str) -> None:
    for value in GARBAGE:
        assert names(run(**provider(**{option: value}))) <= KNOWN_IDS
        assert names(run(**provider(**{option: value, "SIGNING_ALGORITHMS": ["HS256"]}))) <= KNOWN_IDS


@pytest.mark.parametrize("name", MOZILLA_SETTINGS)
def test_garbage_in_a_setting_of_mozilla_django_oidc_crashes_nothing(name: str) -> None:
    for value in GARBAGE:
        assert names(run(**mozilla(**{name: value}))) <= KNOWN_IDS


@pytest.mark.parametrize("cache", [5, None, {}, {"BACKEND": 5}, {"BACKEND": "no.such.backend"}])
def test_garbage_in_a_cache_crashes_nothing(cache: object) -> None:
    changes = {"CACHES": {**test_settings.CACHES, "shared": cache}}
    assert names(run(**changes)) == set()


@pytest.mark.parametrize("urlconf", [None, 5, "", "no.such.urls"])
def test_urlconf_that_cannot_be_loaded_is_left_to_django(urlconf: object) -> None:
    assert run(ROOT_URLCONF=urlconf) == []


def test_no_message_holds_a_secret() -> None:
    for option in OPTIONS:
        for value in (5, "", None, ["x"], {"x": 5}):
            messages = run(**provider(**{option: value, "SIGNING_ALGORITHMS": ["HS512"], "NONSENSE": SECRET}))
            assert SECRET not in "".join(f"{message.msg} {message.hint} {message.obj}" for message in messages)


def test_hundreds_of_providers_are_checked_without_calling_or_fetching_anything() -> None:
    def secret() -> str:
        raise AssertionError

    options = {**PROVIDER, "CLIENT_SECRET": secret, "CLAIMS_MAPPING": {"email": "email"}}
    tenants = {f"tenant-{number}": options for number in range(500)}
    started = time.perf_counter()
    assert run(OIDC_PROVIDERS={"default": options, **tenants}) == []
    assert time.perf_counter() - started < 5  # about 0.1 s; room for a slow machine, none for a call each
