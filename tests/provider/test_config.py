from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oidc_rp.protocol.errors import ConfigurationError
from oidc_rp.protocol.signatures import HMAC_ALGORITHMS
from oidc_rp.provider.config import ProviderConfig, inspect_config, read_config
from oidc_rp.provider.options import OPTIONS

MINIMUM = {"ISSUER": "https://op.example", "CLIENT_ID": "client-1", "CLIENT_SECRET": "secret"}
ENDPOINTS = {
    "authorization_endpoint": "https://op.example/a",
    "token_endpoint": "https://op.example/t",
    "jwks_uri": "https://op.example/j",
}


def read(**options: Any) -> ProviderConfig:
    return read_config("default", {**MINIMUM, **options})


def messages(settings: object) -> list[str]:
    config, problems = inspect_config("default", settings)
    assert (config is None) == bool(problems)
    return [f"{problem.id} {problem.message}" for problem in problems]


def test_defaults_are_the_safe_ones() -> None:
    config = read()
    assert (config.client_auth_method, config.response_mode) == ("client_secret_basic", "query")
    assert config.signing_algorithms == {"RS256", "ES256", "PS256", "EdDSA"}
    assert (config.clock_skew, config.timeout, config.fetch_userinfo) == (30, 5, False)
    assert (config.link_by_email, config.create_users, config.uses_hmac) == (False, True, False)
    assert config.trusted_audiences == frozenset()
    assert "prompt" in config.allowed_request_params


def test_every_option_is_a_field_and_has_its_own_number() -> None:
    fields = set(ProviderConfig.__dataclass_fields__) - {"alias"}
    assert {key.lower() for key in OPTIONS} == fields
    assert len({option.number for option in OPTIONS.values()}) == len(OPTIONS)


def test_secrets_are_not_shown() -> None:
    shown = repr(read(CLIENT_SECRET="very secret", CLIENT_KEY="very secret"))
    assert "very secret" not in shown


def test_the_client_is_what_tokens_are_judged_by() -> None:
    client = read(TRUSTED_AUDIENCES=["api"], CLOCK_SKEW=5, SIGNING_ALGORITHMS=["ES256"]).client
    assert (client.issuer, client.client_id, client.clock_skew) == ("https://op.example", "client-1", 5)
    assert client.algorithms == {"ES256"}
    assert client.trusted_audiences == {"api"}


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("ISSUER", "http://localhost:8000/o", "http://localhost:8000/o"),
        ("ISSUER", "https://op.example/tenant/", "https://op.example/tenant/"),
        ("CLIENT_ID", "x" * 500, "x" * 500),
        ("CLIENT_SECRET", "file:/run/secret", ("file:/run/secret",)),
        ("CLIENT_SECRET", ["new", "old"], ("new", "old")),
        ("CLIENT_SECRET", ("only",), ("only",)),
        ("CLIENT_SECRET", str, (str,)),
        ("CLIENT_AUTH_METHOD", "client_secret_post", "client_secret_post"),
        ("CLIENT_AUTH_METHOD", "none", "none"),
        ("CLIENT_KEY", "file:/run/key.pem", "file:/run/key.pem"),
        ("CLIENT_KEY", str, str),
        ("CLIENT_KEY_ID", "rp-1", "rp-1"),
        ("SCOPES", ["openid"], ("openid",)),
        ("SCOPES", ("email", "openid"), ("email", "openid")),
        ("SIGNING_ALGORITHMS", ["ES512", "EdDSA"], frozenset({"ES512", "EdDSA"})),
        ("SIGNING_ALGORITHMS", {"HS256"}, frozenset({"HS256"})),
        ("RESPONSE_MODE", "form_post", "form_post"),
        ("PROMPT", "login consent", "login consent"),
        ("PROMPT", "none", "none"),
        ("MAX_AGE", 0, 0),
        ("MAX_AGE", 3600.0, 3600),
        ("ACR_VALUES", ["mfa"], ("mfa",)),
        ("AUTHENTICATION_PARAMS", {"audience": "api"}, {"audience": "api"}),
        ("ALLOWED_REQUEST_PARAMS", [], frozenset()),
        ("ALLOWED_REQUEST_PARAMS", ["kc_idp_hint"], frozenset({"kc_idp_hint"})),
        ("FETCH_USERINFO", True, True),
        ("METADATA", ENDPOINTS, ENDPOINTS),
        ("METADATA", {"end_session_endpoint": None}, {"end_session_endpoint": None}),
        ("TRUSTED_AUDIENCES", ["api"], frozenset({"api"})),
        ("LINK_BY_EMAIL", True, True),
        ("CREATE_USERS", False, False),
        ("CLOCK_SKEW", 0, 0),
        ("TIMEOUT", 0.1, 0.1),
        ("CA_BUNDLE", "/", "/"),
        ("CA_BUNDLE", Path("/tmp"), "/tmp"),
        ("PROXIES", {"https": "http://proxy.example:3128"}, {"https": "http://proxy.example:3128"}),
        ("CLAIMS_MAPPING", {"email": "email"}, {"email": "email"}),
        ("API_ORIGINS", [], frozenset()),
        ("API_ORIGINS", ["HTTPS://API.example:443/"], frozenset({"https://api.example"})),
        ("API_ORIGINS", ("http://localhost:8000",), frozenset({"http://localhost:8000"})),
        ("ACR_LEVELS", ["1", "2"], ("1", "2")),
        ("ACR_REQUEST", "claims", "claims"),
        ("MAX_AGE_REQUEST", "prompt", "prompt"),
    ],
    ids=lambda value: (
        "callable" if callable(value) else str(sorted(value) if isinstance(value, frozenset) else value)[:30]
    ),
)
def test_a_right_value_is_read(key: str, value: Any, field: object) -> None:
    assert getattr(read(**{key: value}), key.lower()) == field


@pytest.mark.parametrize("key", sorted(OPTIONS.keys() - MINIMUM.keys()))
def test_none_means_the_default(key: str) -> None:
    assert getattr(read(**{key: None}), key.lower()) == getattr(read(), key.lower())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("ISSUER", "", id="issuer_empty"),
        pytest.param("ISSUER", 1, id="issuer_number"),
        pytest.param("ISSUER", "op.example", id="issuer_without_scheme"),
        pytest.param("ISSUER", "http://op.example", id="issuer_http"),
        pytest.param("ISSUER", "https://op.example?a=b", id="issuer_with_query"),
        pytest.param("ISSUER", "https://op.example/#a", id="issuer_with_fragment"),
        pytest.param("ISSUER", "https://op.example/" + "x" * 500, id="issuer_too_long"),
        pytest.param("ISSUER", "https://op.example/.well-known/openid-configuration", id="issuer_is_discovery_url"),
        pytest.param("CLIENT_ID", "", id="client_id_empty"),
        pytest.param("CLIENT_ID", "x" * 501, id="client_id_too_long"),
        pytest.param("CLIENT_ID", 42, id="client_id_number"),
        pytest.param("CLIENT_SECRET", "", id="secret_empty"),
        pytest.param("CLIENT_SECRET", b"secret", id="secret_bytes"),
        pytest.param("CLIENT_SECRET", [], id="no_secret"),
        pytest.param("CLIENT_SECRET", ["a", "b", "c"], id="three_secrets"),
        pytest.param("CLIENT_SECRET", ["a", ""], id="second_secret_empty"),
        pytest.param("CLIENT_AUTH_METHOD", "client_secret_jwt", id="method_unknown"),
        pytest.param("CLIENT_AUTH_METHOD", ["none"], id="method_list"),
        pytest.param("CLIENT_KEY", 1, id="key_number"),
        pytest.param("CLIENT_KEY_ID", "", id="key_id_empty"),
        pytest.param("SCOPES", "openid email", id="scopes_string"),
        pytest.param("SCOPES", [], id="scopes_empty"),
        pytest.param("SCOPES", ["email"], id="scopes_without_openid"),
        pytest.param("SCOPES", ["openid", "a b"], id="scope_with_space"),
        pytest.param("SCOPES", ["openid", 1], id="scope_number"),
        pytest.param("SIGNING_ALGORITHMS", [], id="no_algorithms"),
        pytest.param("SIGNING_ALGORITHMS", "RS256", id="algorithms_string"),
        pytest.param("SIGNING_ALGORITHMS", ["none"], id="algorithm_none"),
        pytest.param("SIGNING_ALGORITHMS", ["RS256", "rs512"], id="algorithm_in_lower_case"),
        pytest.param("SIGNING_ALGORITHMS", ["RS256", "HS256"], id="hmac_with_asymmetric"),
        pytest.param("RESPONSE_MODE", "fragment", id="response_mode_fragment"),
        pytest.param("PROMPT", "none login", id="prompt_none_with_another"),
        pytest.param("PROMPT", "signup", id="prompt_unknown"),
        pytest.param("PROMPT", " ", id="prompt_blank"),
        pytest.param("MAX_AGE", -1, id="max_age_negative"),
        pytest.param("MAX_AGE", True, id="max_age_boolean"),
        pytest.param("MAX_AGE", "60", id="max_age_string"),
        pytest.param("ACR_VALUES", "mfa", id="acr_values_string"),
        pytest.param("AUTHENTICATION_PARAMS", ["a"], id="params_list"),
        pytest.param("AUTHENTICATION_PARAMS", {"a": 1}, id="params_with_number"),
        pytest.param("AUTHENTICATION_PARAMS", {"state": "x"}, id="params_with_state"),
        pytest.param("AUTHENTICATION_PARAMS", {"max_age": "1"}, id="params_with_an_option"),
        pytest.param("ALLOWED_REQUEST_PARAMS", ["redirect_uri"], id="allowed_redirect_uri"),
        pytest.param("ALLOWED_REQUEST_PARAMS", "login_hint", id="allowed_string"),
        pytest.param("FETCH_USERINFO", 1, id="userinfo_number"),
        pytest.param("METADATA", [], id="metadata_list"),
        pytest.param("METADATA", {1: "x"}, id="metadata_number_as_name"),
        pytest.param("METADATA", {"token_endpont": "https://op.example/t"}, id="metadata_unknown_member"),
        pytest.param("METADATA", {"token_endpoint": "http://op.example/t"}, id="metadata_http_endpoint"),
        pytest.param("METADATA", {"issuer": "https://op.example"}, id="metadata_with_issuer"),
        pytest.param("TRUSTED_AUDIENCES", "api", id="audiences_string"),
        pytest.param("LINK_BY_EMAIL", "yes", id="link_string"),
        pytest.param("CREATE_USERS", 0, id="create_number"),
        pytest.param("CLOCK_SKEW", 301, id="skew_too_wide"),
        pytest.param("CLOCK_SKEW", float("nan"), id="skew_nan"),
        pytest.param("TIMEOUT", 0, id="timeout_zero"),
        pytest.param("TIMEOUT", float("inf"), id="timeout_infinite"),
        pytest.param("CA_BUNDLE", "/does/not/exist.pem", id="ca_bundle_missing"),
        pytest.param("CA_BUNDLE", "/" + "x" * 5_000, id="ca_bundle_name_too_long"),
        pytest.param("CA_BUNDLE", False, id="verification_turned_off"),
        pytest.param("PROXIES", "http://proxy.example", id="proxies_string"),
        pytest.param("CLAIMS_MAPPING", {1: "email"}, id="mapping_number_as_name"),
        pytest.param("API_ORIGINS", "https://api.example", id="origins_string"),
        pytest.param("API_ORIGINS", ["http://api.example"], id="origin_http"),
        pytest.param("API_ORIGINS", ["https://api.example/v1"], id="origin_with_path"),
        pytest.param("API_ORIGINS", ["https://api.example?"], id="origin_with_query"),
        pytest.param("API_ORIGINS", ["https://*.example"], id="origin_with_asterisk"),
        pytest.param("API_ORIGINS", ["https://b\u00fccher.example"], id="origin_not_ascii"),
        pytest.param("API_ORIGINS", ["api.example"], id="origin_without_scheme"),
        pytest.param("ACR_LEVELS", {"1", "2"}, id="levels_without_order"),
        pytest.param("ACR_LEVELS", ["1", "2", "1"], id="level_twice"),
        pytest.param("ACR_REQUEST", "both", id="acr_request_unknown"),
        pytest.param("MAX_AGE_REQUEST", "login", id="max_age_request_unknown"),
    ],
)
def test_a_wrong_value_is_a_problem_of_that_option(key: str, value: object) -> None:
    (message,) = messages({**MINIMUM, key: value})
    assert message.startswith(f"oidc_rp.E{OPTIONS[key].number:03} OIDC_PROVIDERS['default']: {key} ")


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        pytest.param({}, ["ISSUER", "CLIENT_ID", "CLIENT_SECRET"], id="everything"),
        pytest.param({**MINIMUM, "CLIENT_SECRET": None}, ["CLIENT_SECRET"], id="secret_for_basic"),
        pytest.param({**MINIMUM, "CLIENT_AUTH_METHOD": "private_key_jwt"}, ["CLIENT_KEY"], id="key_for_assertions"),
        pytest.param(
            {
                "ISSUER": "https://op.example",
                "CLIENT_ID": "c",
                "CLIENT_AUTH_METHOD": "none",
                "SIGNING_ALGORITHMS": ["HS256"],
            },
            ["CLIENT_SECRET"],
            id="secret_for_hmac",
        ),
    ],
)
def test_a_missing_option_is_a_problem(settings: dict[str, Any], missing: list[str]) -> None:
    assert [message.split(": ")[1].split(" is missing")[0] for message in messages(settings)] == missing


def test_a_public_client_needs_no_secret() -> None:
    assert read(CLIENT_SECRET=None, CLIENT_AUTH_METHOD="none").client_secret == ()


@pytest.mark.parametrize("alg", sorted(HMAC_ALGORITHMS))
def test_hmac_is_used_by_explicit_choice(alg: str) -> None:
    assert read(SIGNING_ALGORITHMS=[alg]).uses_hmac


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [("CLIENT_SECERT", "CLIENT_SECRET"), ("client_id", "CLIENT_ID"), ("SCOPE", "SCOPES"), ("Issuer", "ISSUER")],
)
def test_an_unknown_key_comes_with_the_nearest_name(key: str, suggestion: str) -> None:
    (message,) = messages({**MINIMUM, key: "x"})
    assert message == f"oidc_rp.E003 OIDC_PROVIDERS['default'] has an unknown key {key!r}. Did you mean {suggestion!r}?"


@pytest.mark.parametrize("key", ["VERIFY_SSL", 5])
def test_an_unknown_key_like_no_other_has_no_suggestion(key: object) -> None:
    (message,) = messages(dict([*MINIMUM.items(), (key, "x")]))
    assert message.endswith(f"has an unknown key {str(key)!r}.")


def test_an_unknown_member_of_metadata_comes_with_the_nearest_name() -> None:
    (message,) = messages({**MINIMUM, "METADATA": {"token_endpont": "https://op.example/t"}})
    assert "'token_endpont'" in message
    assert "'token_endpoint'" in message


@pytest.mark.parametrize("settings", [None, "https://op.example", ["ISSUER"]])
def test_settings_must_be_a_dict(settings: object) -> None:
    assert messages(settings) == ["oidc_rp.E002 OIDC_PROVIDERS['default'] must be a dict."]


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_config("default", {"ISSUER": "http://op.example", "SCOPES": [], "TIMOUT": 5, "MAX_AGE": -1})
    assert [problem.id[-4:] for problem in caught.value.problems] == ["E010", "E016", "E003", "E020", "E011", "E012"]
    assert "SCOPES" in str(caught.value)
    assert all(problem.hint for problem in caught.value.problems)


def test_no_problem_quotes_a_secret() -> None:
    problems = messages({**MINIMUM, "CLIENT_SECRET": ["very secret", 5], "CLIENT_KEY": b"very secret"})
    assert len(problems) == 2
    assert "very secret" not in "".join(problems)
