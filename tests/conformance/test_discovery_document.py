"""Discovery leads somewhere that it must not lead, or is no metadata document (Discovery 1.0 section 3)."""

from __future__ import annotations

import json

from tests.support.loopback import build_answer

from .attack import Attack, Misbehaviour, answers, attacks, metadata, sends
from .op import HostileOP
from .rp import RP


def repeats_its_issuer(op: HostileOP) -> None:
    document = json.dumps({**op.build_metadata(), "issuer": "https://accounts.example"})
    op.overrides["metadata"] = (200, {}, f'{document[:-1]}, "issuer": "{op.issuer}"}}')


def in_encoding(encoding: str) -> Misbehaviour:
    def misbehave(op: HostileOP) -> None:
        op.overrides["metadata"] = (200, {}, json.dumps(op.build_metadata()).encode(encoding))

    return misbehave


@attacks(
    "metadata_malformed",
    calls="metadata",
    sends_tokens_over_http=metadata(token_endpoint="http://op.example/token"),
    sends_the_browser_to_a_script=metadata(authorization_endpoint="javascript:alert(1)"),
    sends_the_browser_to_data=metadata(authorization_endpoint="data:text/html,hello"),
    reads_keys_from_a_file=metadata(jwks_uri="file:///etc/passwd"),
    reads_keys_from_the_cloud=metadata(jwks_uri="http://169.254.169.254/latest/meta-data/"),
    reads_keys_from_gopher=metadata(jwks_uri="gopher://127.0.0.1:6379/"),
    hides_the_host_behind_credentials=metadata(token_endpoint="https://op.example@evil.example/token"),
    hides_the_host_behind_a_backslash=metadata(token_endpoint="https://evil.example\\@op.example/token"),
    hides_the_host_behind_a_fragment=metadata(token_endpoint="https://evil.example#@op.example/token"),
    puts_a_line_break_into_a_url=metadata(token_endpoint="https://op.example/\r\nX-Injected: 1"),
    puts_a_tab_into_a_url=metadata(end_session_endpoint="https://op.\texample/logout"),
    gives_a_relative_url=metadata(token_endpoint="/token"),
    gives_a_url_without_host=metadata(token_endpoint="https:///token"),
    gives_an_impossible_port=metadata(token_endpoint="https://op.example:99999/token"),
    gives_a_list_for_a_url=metadata(token_endpoint=["https://op.example/token"]),
    leaves_out_the_token_endpoint=metadata(token_endpoint=None),
    leaves_out_the_authorization_endpoint=metadata(authorization_endpoint=None),
    leaves_out_the_keys=metadata(jwks_uri=None),
    says_yes_in_words=metadata(authorization_response_iss_parameter_supported="yes"),
    gives_a_string_for_a_list=metadata(code_challenge_methods_supported="S256"),
    gives_numbers_for_strings=metadata(scopes_supported=[1, 2]),
)
def test_metadata_that_cannot_be_used(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "op_answer_malformed",
    calls="metadata",
    repeats_its_issuer=repeats_its_issuer,
    is_a_list=answers("metadata", "[]"),
    is_null=answers("metadata", "null"),
    is_empty=answers("metadata", ""),
    is_nested_without_end=answers("metadata", '{"issuer":' + "[" * 100_000),
    is_two_documents=answers("metadata", "{}{}"),
    is_in_utf_16=in_encoding("utf-16"),
    has_a_byte_order_mark=in_encoding("utf-8-sig"),
    has_a_number_that_is_none=answers("metadata", '{"issuer": NaN}'),
    has_a_lone_surrogate=answers("metadata", '{"issuer": "\\ud800"}'),
)
def test_metadata_that_are_no_json_object(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "op_status",
    calls="metadata",
    is_not_there=answers("metadata", "", 404),
    is_forbidden=answers("metadata", "<h1>Forbidden</h1>", 403),
    is_empty_with_success=answers("metadata", "", 204),
    is_half_of_it=sends("metadata", build_answer(b"{}", status="206 Partial Content")),
)
def test_metadata_with_another_status(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_metadata_elsewhere_are_not_followed(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    """A redirect could lead to a document that is not the issuer's, or into the site's own network."""
    attacker.metadata["issuer"] = op.issuer
    away = answers("metadata", "", 302, Location=f"{attacker.issuer}/.well-known/openid-configuration")
    rp.refuses(Attack(away, "op_redirect", "metadata"))
    assert attacker.calls == []
