"""The OP's metadata (Discovery 1.0 section 3) and what in it makes it unacceptable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .errors import OPResponseError
from .urls import is_acceptable_url


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What we use of an OP's metadata, under the names of the registry.

    Lists are tuples, and None where the OP does not say: for most of them that is not
    the same as an empty list.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    # Empty only for a client whose ID tokens are signed with its secret, at an OP that publishes no keys.
    jwks_uri: str = ""
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    revocation_endpoint: str | None = None
    introspection_endpoint: str | None = None
    scopes_supported: tuple[str, ...] | None = None
    grant_types_supported: tuple[str, ...] | None = None
    response_types_supported: tuple[str, ...] | None = None
    response_modes_supported: tuple[str, ...] | None = None
    acr_values_supported: tuple[str, ...] | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = None
    code_challenge_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False
    backchannel_logout_supported: bool = False
    backchannel_logout_session_supported: bool = False
    frontchannel_logout_supported: bool = False
    frontchannel_logout_session_supported: bool = False


def build_discovery_url(issuer: str) -> str:
    """Where the metadata is (Discovery 1.0 section 4: a terminating slash is removed first)."""
    return issuer.removesuffix("/") + "/.well-known/openid-configuration"


def parse_metadata(document: Mapping[str, Any], issuer: str, *, keys_needed: bool = True) -> ProviderMetadata:
    """Read a metadata document.

    `issuer` is the configured one, and the document's must be identical (section 4.3):
    otherwise anyone whose document we are made to read could speak for that issuer.
    `keys_needed` is False for a client whose ID tokens are signed with its own secret.
    Raises OPResponseError, also for an endpoint that is not https (http on loopback) and
    for a member of a wrong type.
    """
    if document.get("issuer") != issuer:
        actual = repr(document.get("issuer"))[:200]
        raise OPResponseError(
            f"the metadata's issuer is {actual}, not the configured {issuer!r}",
            endpoint="metadata",
            code="metadata_issuer",
        )
    values: dict[str, Any] = {}
    for item in fields(ProviderMetadata):
        value = document.get(item.name)
        if value is None:
            continue
        values[item.name] = _read_member(item.name, value)
    required = ("authorization_endpoint", "token_endpoint", *(["jwks_uri"] if keys_needed else []))
    missing = [name for name in required if name not in values]
    if missing:
        raise _malformed(f"{', '.join(missing)} missing")
    return ProviderMetadata(**values)


def _read_member(name: str, value: object) -> object:
    if name.endswith(("_endpoint", "_uri")):
        if not is_acceptable_url(value):
            raise _malformed(f"{name} is not an https URL")
        return value
    if name == "issuer":
        return value
    if name.endswith(("_methods_supported", "_values_supported", "_modes_supported", "_types_supported")) or (
        name == "scopes_supported"
    ):
        if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
            raise _malformed(f"{name} is not a list of strings")
        return tuple(value)
    if not isinstance(value, bool):
        raise _malformed(f"{name} is not a boolean")
    return value


def _malformed(message: str) -> OPResponseError:
    return OPResponseError(f"the metadata is not acceptable: {message}", endpoint="metadata", code="metadata_malformed")
