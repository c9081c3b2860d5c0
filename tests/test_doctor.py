"""oidc_doctor: a good OP, and each way in which settings and OP can disagree."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import URLPattern, URLResolver

from oidc_rp.management.commands.oidc_doctor import Command
from oidc_rp.providers import providers
from tests.support.fake_op import FakeOP
from tests.support.keys import jwk, private_key

SECRET = "s3cret-of-the-client-that-is-never-printed"
OPTIONS: Mapping[str, Any] = {"ISSUER": "https://op.example", "CLIENT_ID": "client-1", "CLIENT_SECRET": SECRET}
GOOD_METADATA: Mapping[str, Any] = {
    "response_types_supported": ["code"],
    "response_modes_supported": ["query", "form_post"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["PS256", "ES256"],
    "scopes_supported": ["openid", "profile", "email"],
    "acr_values_supported": ["pwd", "mfa"],
    "backchannel_logout_supported": True,
    "backchannel_logout_session_supported": True,
}
TOPICS = [
    "transport", "client_secret", "metadata", "issuer", "pkce", "response_type", "response_mode", "signing_algorithms",
    "client_authentication", "scopes", "acr_values", "userinfo", "rp_initiated_logout", "logout_notice",
    "revocation", "client_credentials", "keys", "iss_parameter",
]  # fmt: skip
REGISTRATION = {
    "redirect_uri", "post_logout_redirect_uri", "backchannel_logout_uri", "frontchannel_logout_uri",
    "initiate_login_uri",
}  # fmt: skip

DOCS = Path(__file__).parent.parent / "docs" / "checks.md"

urlpatterns: list[URLPattern | URLResolver] = []


@pytest.fixture
def good_op(op: FakeOP) -> FakeOP:
    """An OP that offers everything."""
    op.metadata = dict(GOOD_METADATA)
    return op


def pem(alg: str) -> str:
    data: bytes = private_key(alg).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return data.decode()


def load_tenant(alias: str) -> Mapping[str, Any] | None:
    """A loader with one tenant."""
    return OPTIONS if alias == "tenant" else None


def run(*args: str, **settings: Any) -> tuple[str, str | None]:
    """What the command prints, and the message of its failure, None if it succeeds."""
    stdout = io.StringIO()
    with override_settings(**{"OIDC_PROVIDERS": {"default": OPTIONS}, **settings}):
        try:
            call_command("oidc_doctor", *args, stdout=stdout, no_color=True)
        except CommandError as error:
            return stdout.getvalue(), str(error)
    return stdout.getvalue(), None


def findings(**options: Any) -> dict[str, dict[str, str]]:
    """The findings on the provider "default" with these options, by topic."""
    output, failure = run("--json", OIDC_PROVIDERS={"default": {**OPTIONS, **options}})
    [report] = json.loads(output)
    assert (failure is not None) == (report["status"] == "fault")
    return {finding["topic"]: finding for finding in report["findings"]}


def test_good_provider_is_all_ok(good_op: FakeOP) -> None:
    found = findings()
    assert list(found) == TOPICS
    assert {finding["status"] for finding in found.values()} == {"ok"}
    assert good_op.calls == ["metadata", "jwks"]


def test_documentation_lists_every_topic() -> None:
    table = DOCS.read_text(encoding="utf-8").partition("| Topic |")[2]
    conditional = {"settings", "client_key", "client_assertion_algorithm"}
    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)) == {*TOPICS, *conditional}


def test_json_has_the_documented_members(good_op: FakeOP) -> None:
    output, failure = run("--json", "--base-url", "https://app.example/")
    [report] = json.loads(output)
    assert failure is None
    assert report.keys() == {"alias", "status", "issuer", "findings", "registration"}
    assert (report["alias"], report["status"], report["issuer"]) == ("default", "ok", "https://op.example")
    assert all(finding.keys() == {"status", "topic", "found", "advice"} for finding in report["findings"])
    assert report["registration"].keys() == REGISTRATION
    assert report["registration"]["redirect_uri"] == "https://app.example/oidc/callback/default/"
    assert report["registration"]["post_logout_redirect_uri"] == "https://app.example/oidc/logout/callback/"
    assert report["registration"]["initiate_login_uri"] == "https://app.example/oidc/initiate/default/"


def test_table_is_for_people(good_op: FakeOP, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    good_op.metadata["end_session_endpoint"] = None
    output, failure = run(OIDC_RP_BASE_URL="https://app.example")
    assert failure is None
    assert output.startswith("Provider default: https://op.example\n")
    assert "  OK       pkce                        S256\n" in output
    assert "  warning  rp initiated logout         the OP has no end_session_endpoint\n" in output
    assert f"{' ' * 39}-> Signing out ends" in output
    assert "https://app.example/oidc/callback/default/\n" in output
    assert "stands for this site" not in output
    assert max(len(line) for line in output.splitlines()) <= 100


def test_table_names_the_placeholder(good_op: FakeOP) -> None:
    output, _ = run()
    assert "https://your-site.example stands for this site" in output
    assert "https://your-site.example/oidc/callback/default/" in output


@pytest.mark.parametrize("columns", ["1", "60", "80", "1000"])
def test_table_survives_any_terminal(columns: str, good_op: FakeOP, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    output, failure = run()
    assert "signing algorithms" in output
    assert failure is None


def test_faults_are_coloured(good_op: FakeOP) -> None:
    good_op.metadata["response_types_supported"] = ["id_token"]
    stdout = io.StringIO()
    with (
        pytest.raises(CommandError, match="There are faults: default"),
        override_settings(OIDC_PROVIDERS={"default": OPTIONS}),
    ):
        call_command("oidc_doctor", stdout=stdout, force_color=True)
    assert "\x1b[" in stdout.getvalue()


@pytest.mark.parametrize(
    ("metadata", "options", "topic", "status"),
    [
        pytest.param({"code_challenge_methods_supported": None}, {}, "pkce", "warning", id="pkce_not_stated"),
        pytest.param({"code_challenge_methods_supported": ["plain"]}, {}, "pkce", "warning", id="pkce_plain"),
        pytest.param(
            {"code_challenge_methods_supported": ["plain"]},
            {"CLIENT_AUTH_METHOD": "none", "CLIENT_SECRET": None},
            "pkce",
            "fault",
            id="public_client_without_pkce",
        ),
        pytest.param({"response_types_supported": ["id_token"]}, {}, "response_type", "fault", id="implicit_only"),
        pytest.param({"response_types_supported": None}, {}, "response_type", "ok", id="response_types_not_stated"),
        pytest.param(
            {"response_modes_supported": None},
            {"RESPONSE_MODE": "form_post"},
            "response_mode",
            "fault",
            id="no_form_post",
        ),
        pytest.param({}, {"RESPONSE_MODE": "form_post"}, "response_mode", "ok", id="form_post"),
        pytest.param({}, {"SIGNING_ALGORITHMS": ["ES256"]}, "signing_algorithms", "fault", id="no_common_algorithm"),
        pytest.param({}, {"SIGNING_ALGORITHMS": ["ES256"]}, "keys", "fault", id="no_key_for_an_algorithm"),
        pytest.param(
            {"id_token_signing_alg_values_supported": None}, {}, "signing_algorithms", "ok", id="algorithms_not_stated"
        ),
        pytest.param({}, {"SIGNING_ALGORITHMS": ["HS256"]}, "keys", "ok", id="hmac_needs_no_keys"),
        pytest.param({}, {"SIGNING_ALGORITHMS": ["HS512"]}, "client_secret", "fault", id="secret_too_short_for_hmac"),
        pytest.param(
            {}, {"CLIENT_AUTH_METHOD": "client_secret_post"}, "client_authentication", "fault", id="method_not_offered"
        ),
        pytest.param(
            {"token_endpoint_auth_methods_supported": None},
            {"CLIENT_AUTH_METHOD": "client_secret_post"},
            "client_authentication",
            "warning",
            id="methods_not_stated",
        ),
        pytest.param(
            {},
            {"CLIENT_AUTH_METHOD": "none", "CLIENT_SECRET": None},
            "client_authentication",
            "warning",
            id="public_client",
        ),
        pytest.param({}, {"SCOPES": ["openid", "groups"]}, "scopes", "warning", id="scope_not_offered"),
        pytest.param({"scopes_supported": None}, {}, "scopes", "ok", id="scopes_not_stated"),
        pytest.param({}, {"ACR_VALUES": ["mfa"]}, "acr_values", "ok", id="acr_offered"),
        pytest.param({}, {"ACR_VALUES": ["gold"]}, "acr_values", "warning", id="acr_not_offered"),
        pytest.param(
            {"acr_values_supported": None}, {"ACR_VALUES": ["gold"]}, "acr_values", "warning", id="acr_not_stated"
        ),
        pytest.param({}, {"FETCH_USERINFO": True}, "userinfo", "ok", id="userinfo"),
        pytest.param({"userinfo_endpoint": None}, {"FETCH_USERINFO": True}, "userinfo", "warning", id="no_userinfo"),
        pytest.param({"end_session_endpoint": None}, {}, "rp_initiated_logout", "warning", id="no_end_session"),
        pytest.param({"backchannel_logout_supported": False}, {}, "logout_notice", "warning", id="no_logout_notice"),
        pytest.param(
            {"backchannel_logout_session_supported": None}, {}, "logout_notice", "ok", id="logout_without_sid"
        ),
        pytest.param(
            {"backchannel_logout_supported": None, "frontchannel_logout_supported": True},
            {},
            "logout_notice",
            "ok",
            id="front_channel_only",
        ),
        pytest.param(
            {"authorization_response_iss_parameter_supported": False},
            {},
            "iss_parameter",
            "ok",
            id="no_iss_of_a_single_op",
        ),
        pytest.param({"jwks_uri": "http://op.example/jwks"}, {}, "metadata", "fault", id="http_endpoint"),
        pytest.param({"token_endpoint": None}, {}, "metadata", "fault", id="member_missing"),
        pytest.param({}, {"TIMEOUT": "long"}, "settings", "fault", id="settings_wrong"),
        pytest.param({}, {"CLIENT_SECRET": "file:/no/such"}, "client_secret", "fault", id="secret_file_missing"),
        pytest.param({}, {"CLIENT_SECRET": lambda: ""}, "client_secret", "fault", id="vault_gives_nothing"),
    ],
)
def test_comparison(
    metadata: Mapping[str, Any], options: Mapping[str, Any], topic: str, status: str, good_op: FakeOP
) -> None:
    good_op.metadata.update(metadata)
    finding = findings(**options)[topic]
    assert finding["status"] == status
    assert finding["advice"] or status == "ok"


@pytest.mark.parametrize(
    ("metadata", "topic", "found"),
    [
        ({"revocation_endpoint": "https://op.example/revoke"}, "revocation", "https://op.example/revoke"),
        ({}, "revocation", "the OP has no revocation_endpoint"),
        ({}, "client_credentials", "not stated"),
        ({"grant_types_supported": ["client_credentials"]}, "client_credentials", "offered"),
        ({"grant_types_supported": ["authorization_code"]}, "client_credentials", "not offered"),
    ],
)
def test_what_an_op_can_do_with_tokens(metadata: Mapping[str, Any], topic: str, found: str, good_op: FakeOP) -> None:
    good_op.metadata.update(metadata)
    finding = findings()[topic]
    assert (finding["status"], finding["found"]) == ("ok", found)


@pytest.mark.parametrize(
    ("override", "topic", "code"),
    [
        pytest.param(requests.ConnectionError(), "metadata", "op_unreachable", id="unreachable"),
        pytest.param(requests.Timeout(), "metadata", "op_timeout", id="slow"),
        pytest.param(requests.exceptions.SSLError(), "metadata", "op_tls", id="certificate"),
        pytest.param((404, {}, "not here"), "metadata", "op_status", id="not_found"),
        pytest.param((503, {}, "later"), "metadata", "op_unavailable", id="out_of_order"),
        pytest.param((302, {"Location": "https://x.example"}, ""), "metadata", "op_redirect", id="redirect"),
        pytest.param((200, {}, "<html>"), "metadata", "op_answer_malformed", id="a_page"),
        pytest.param((200, {}, '{"issuer": 5}'), "issuer", "metadata_issuer", id="issuer_of_a_wrong_type"),
        pytest.param((200, {}, '{"issuer": "https://x.example"}'), "issuer", "metadata_issuer", id="other_issuer"),
    ],
)
def test_failure_to_discover(override: Any, topic: str, code: str, good_op: FakeOP) -> None:
    good_op.overrides["metadata"] = override
    finding = findings()[topic]
    assert (finding["status"], f"({code}" in finding["found"]) == ("fault", True)


@pytest.mark.parametrize(
    "override",
    [
        pytest.param(requests.ConnectionError(), id="unreachable"),
        pytest.param((200, {}, "[]"), id="not_an_object"),
        pytest.param((200, {}, "{}"), id="not_a_key_set"),
        pytest.param((200, {}, '{"keys": []}'), id="empty"),
    ],
)
def test_failure_to_get_keys(override: Any, good_op: FakeOP) -> None:
    good_op.overrides["jwks"] = override
    assert findings()["keys"]["status"] == "fault"


@pytest.mark.parametrize(
    ("configured", "actual"),
    [("https://op.example", "https://op.example/"), ("https://op.example/", "https://op.example")],
)
def test_slash_at_the_end_of_the_issuer_is_explained(configured: str, actual: str, good_op: FakeOP) -> None:
    good_op.metadata["issuer"] = actual
    found = findings(ISSUER=configured)
    assert found["issuer"]["status"] == "fault"
    assert repr(actual) in found["issuer"]["advice"]
    assert list(found) == TOPICS  # the rest is compared all the same


def test_keys_are_counted_by_algorithm(good_op: FakeOP) -> None:
    good_op.metadata["id_token_signing_alg_values_supported"] = ["RS256", "ES256", "PS256"]
    good_op.keys = [jwk(name="k1", alg="RS256"), jwk(name="k2"), jwk("ES256", name="k3"), jwk("ES384", name="k4")]
    good_op.keys[0]["alg"] = "RS256"
    assert findings()["keys"]["found"] == "1 for ES256, 1 for PS256, 2 for RS256"


def test_client_key_is_loaded_and_its_algorithm_compared(good_op: FakeOP) -> None:
    options = {"CLIENT_AUTH_METHOD": "private_key_jwt", "CLIENT_SECRET": None}
    found = findings(**options, CLIENT_KEY=pem("RS256"), CLIENT_KEY_ID="key-1")
    assert found["client_key"]["found"] == "RSA, 2048 bits, kid key-1"
    assert (found["client_assertion_algorithm"]["status"], found["client_assertion_algorithm"]["found"]) == (
        "ok",
        "PS256",
    )
    found = findings(**options, CLIENT_KEY=lambda: pem("ES256"))
    assert found["client_key"]["found"] == "EC, secp256r1, sent without kid"
    found = findings(**options, CLIENT_KEY=pem("EdDSA"))
    assert found["client_key"]["found"] == "Ed25519, sent without kid"
    assert found["client_assertion_algorithm"]["status"] == "fault"
    assert findings(**options, CLIENT_KEY=SECRET)["client_key"]["status"] == "fault"


def test_both_secrets_of_a_rotation_are_tried(good_op: FakeOP) -> None:
    output, failure = run(OIDC_PROVIDERS={"default": {**OPTIONS, "CLIENT_SECRET": [SECRET, "file:/no/such"]}})
    assert "secret 1 of 2: can be read" in output
    assert "secret 2 of 2: " in output
    assert failure == "There are faults: default."


def test_complete_metadata_setting_saves_the_discovery(good_op: FakeOP) -> None:
    document = good_op.build_metadata()
    given = {name: document[name] for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    assert findings(METADATA=given)["metadata"]["found"] == "from METADATA, nothing fetched"
    assert good_op.calls == ["jwks"]


def test_loopback_issuer_is_a_warning(http: responses.RequestsMock) -> None:
    FakeOP(issuer="http://localhost:8000/o").install(http)
    assert findings(ISSUER="http://localhost:8000/o")["transport"]["status"] == "warning"


def test_several_providers_are_examined_and_the_faulty_one_is_named(good_op: FakeOP, other_op: FakeOP) -> None:
    other_op.metadata["authorization_response_iss_parameter_supported"] = False
    both = {"default": OPTIONS, "other": {**OPTIONS, "ISSUER": other_op.issuer}, "broken": {}}
    output, failure = run("--json", OIDC_PROVIDERS=both)
    reports = {report["alias"]: report for report in json.loads(output)}
    assert {alias: report["status"] for alias, report in reports.items()} == {
        "default": "ok",
        "other": "warning",
        "broken": "fault",
    }
    assert reports["broken"]["issuer"] is None
    assert {"iss_parameter", "logout_notice"} <= {
        finding["topic"] for finding in reports["other"]["findings"] if finding["status"] == "warning"
    }
    assert failure == "There are faults: broken."


def test_provider_of_a_loader_is_examined_by_alias(good_op: FakeOP) -> None:
    settings = {"OIDC_PROVIDERS": {}, "OIDC_RP_PROVIDER_LOADER": "tests.test_doctor.load_tenant"}
    output, failure = run("tenant", "--json", **settings)
    assert [report["alias"] for report in json.loads(output)] == ["tenant"]
    assert failure is None
    assert "one by one" in str(run(**settings)[1])


@pytest.mark.parametrize(
    ("args", "settings", "message"),
    [
        pytest.param(["defalt"], {}, "There is no provider 'defalt'. Did you mean 'default'?", id="misspelled"),
        pytest.param(["x"], {}, "There is no provider 'x'.", id="unknown"),
        pytest.param([], {"OIDC_PROVIDERS": {"default": None}}, "There is no provider 'default'.", id="none"),
        pytest.param([], {"OIDC_PROVIDERS": 5}, "OIDC_PROVIDERS must be a dict.", id="not_a_dict"),
        pytest.param([], {"OIDC_PROVIDERS": {}}, "OIDC_PROVIDERS is empty.", id="empty"),
        pytest.param(["--base-url", "http://app.example"], {}, "--base-url must be an https origin", id="http_origin"),
        pytest.param([], {"OIDC_RP_BASE_URL": 5}, "OIDC_RP_BASE_URL must be an https origin", id="wrong_setting"),
    ],
)
def test_wrong_call_is_explained(args: list[str], settings: dict[str, Any], message: str, op: FakeOP) -> None:
    output, failure = run(*args, **settings)
    assert output == ""
    assert str(failure).startswith(message)
    assert op.calls == []


def test_cache_is_neither_read_nor_written(good_op: FakeOP) -> None:
    with override_settings(OIDC_PROVIDERS={"default": OPTIONS}):
        assert providers["default"].keys.keys  # warms the cache
        good_op.calls.clear()
        good_op.metadata["code_challenge_methods_supported"] = ["plain"]
        call_command("oidc_doctor", stdout=(stdout := io.StringIO()), no_color=True)
        assert "not S256: plain" in stdout.getvalue()
        assert good_op.calls == ["metadata", "jwks"]
        cache.clear()
        call_command("oidc_doctor", stdout=io.StringIO())
        assert cache._cache == {}  # type: ignore[attr-defined]  # LocMemCache's own dict


@pytest.mark.parametrize(("response_types", "status"), [(["code"], None), (["id_token"], 1)])
def test_exit_status(response_types: list[str], status: int | None, good_op: FakeOP) -> None:
    good_op.metadata["response_types_supported"] = response_types
    stdout, stderr = io.StringIO(), io.StringIO()
    command = Command(stdout=stdout, stderr=stderr)
    actual: Any = None
    with override_settings(OIDC_PROVIDERS={"default": OPTIONS}):
        try:
            command.run_from_argv(["manage.py", "oidc_doctor", "--json"])
        except SystemExit as exit_:
            actual = exit_.code
    assert actual == status
    assert len(json.loads(stdout.getvalue())) == 1  # standard output stays JSON
    assert ("There are faults: default." in stderr.getvalue()) == (status == 1)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="good"),
        pytest.param({"CLIENT_SECRET": [lambda: SECRET, SECRET]}, id="vault"),
        pytest.param({"SIGNING_ALGORITHMS": ["HS512"]}, id="too_short"),
        pytest.param({"CLIENT_AUTH_METHOD": "private_key_jwt", "CLIENT_KEY": SECRET}, id="not_a_key"),
        pytest.param({"CLIENT_AUTH_METHOD": "private_key_jwt", "CLIENT_KEY": pem("ES256") + SECRET}, id="key"),
        pytest.param({"CLIENT_KEY_ID": 5}, id="unusable"),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["table", "json"])
def test_no_secret_is_printed(arguments: list[str], options: Mapping[str, Any], good_op: FakeOP) -> None:
    output, failure = run(*arguments, OIDC_PROVIDERS={"default": {**OPTIONS, **options}})
    assert SECRET not in output + str(failure)
    assert "PRIVATE KEY-----" not in output
    assert output


@override_settings(ROOT_URLCONF="tests.test_doctor")
def test_site_without_our_urls_has_nothing_to_register(good_op: FakeOP) -> None:
    [report] = json.loads(run("--json")[0])
    assert set(report["registration"].values()) == {None}
