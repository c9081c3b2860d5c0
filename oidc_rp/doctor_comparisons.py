"""One provider's settings against its OP's metadata: a pure function for each thing that must agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .protocol.metadata import ProviderMetadata
from .provider import ProviderConfig
from .provider.client_auth import PrivateKey, choose_algorithm

Status = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison. `topic` is stable; `found` says what is so, `advice` what to do if it is not right."""

    status: Status
    topic: str
    found: str
    advice: str = ""


def _compare_pkce(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    methods = metadata.code_challenge_methods_supported
    if methods is not None and "S256" in methods:
        return Finding("ok", "pkce", "S256")
    found = "not stated" if methods is None else f"not S256: {_join(methods)}"
    if config.client_auth_method == "none" and methods is not None:
        return Finding("fault", "pkce", found, "A public client needs PKCE with S256; use one with a secret or a key.")
    return Finding("warning", "pkce", found, "S256 is sent all the same. Ask the OP whether it checks it.")


def _compare_response_type(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    offered = metadata.response_types_supported
    if offered is None or "code" in offered:
        return Finding("ok", "response_type", "not stated" if offered is None else "code")
    return Finding("fault", "response_type", f"not code: {_join(offered)}", "Only the code flow is supported here.")


def _compare_response_mode(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    # Discovery 1.0 section 3: what is meant where the OP does not say.
    offered = metadata.response_modes_supported or ("query", "fragment")
    if config.response_mode in offered:
        return Finding("ok", "response_mode", config.response_mode)
    return Finding(
        "fault", "response_mode", f"{config.response_mode} is not offered, but {_join(offered)}", "Set RESPONSE_MODE."
    )


def _compare_signing_algorithms(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    offered, accepted = metadata.id_token_signing_alg_values_supported, sorted(config.signing_algorithms)
    if offered is None:
        return Finding("ok", "signing_algorithms", f"not stated; accepted are {_join(accepted)}")
    common = [alg for alg in accepted if alg in offered]
    if common:
        return Finding("ok", "signing_algorithms", _join(common))
    return Finding(
        "fault",
        "signing_algorithms",
        f"the OP signs with {_join(offered)}, accepted are {_join(accepted)}",
        "Set SIGNING_ALGORITHMS to what this client is registered for.",
    )


def _compare_client_authentication(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    # Discovery 1.0 section 3: what is meant where the OP does not say.
    method, offered = (
        config.client_auth_method,
        metadata.token_endpoint_auth_methods_supported or ("client_secret_basic",),
    )
    if method in offered:
        return Finding("ok", "client_authentication", method)
    found = f"{method} is not offered, but {_join(offered)}"
    if method == "none" or metadata.token_endpoint_auth_methods_supported is None:
        return Finding("warning", "client_authentication", found, "Look up what this client is registered for.")
    return Finding("fault", "client_authentication", found, "Set CLIENT_AUTH_METHOD to what it is registered for.")


def compare_assertion_algorithm(key: PrivateKey, metadata: ProviderMetadata) -> Finding:
    """Whether the OP takes the algorithm that CLIENT_KEY signs client assertions with."""
    offered = metadata.token_endpoint_auth_signing_alg_values_supported
    alg = choose_algorithm(key, offered)
    if offered is None or alg in offered:
        return Finding("ok", "client_assertion_algorithm", alg)
    found = f"the key's {alg} is not offered, but {_join(offered)}"
    return Finding("fault", "client_assertion_algorithm", found, "Register another kind of key as CLIENT_KEY.")


def _compare_scopes(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    offered = metadata.scopes_supported
    missing = [scope for scope in config.scopes if offered is not None and scope not in offered]
    if not missing:
        return Finding("ok", "scopes", " ".join(config.scopes) + (" (not stated)" if offered is None else ""))
    return Finding("warning", "scopes", f"not offered: {_join(missing)}", "Correct SCOPES, or have the OP allow them.")


def _compare_acr_values(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    offered = metadata.acr_values_supported
    if not config.acr_values:
        return Finding("ok", "acr_values", "none demanded")
    missing = [value for value in config.acr_values if offered is None or value not in offered]
    if not missing:
        return Finding("ok", "acr_values", _join(config.acr_values))
    found = "not stated" if offered is None else f"not offered: {_join(missing)}"
    return Finding("warning", "acr_values", found, "A login that comes back with none of ACR_VALUES is refused.")


def _compare_userinfo(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    if not config.fetch_userinfo:
        return Finding("ok", "userinfo", "not asked for")
    if metadata.userinfo_endpoint is not None:
        return Finding("ok", "userinfo", metadata.userinfo_endpoint)
    return Finding("warning", "userinfo", "the OP has no such endpoint", "Remove FETCH_USERINFO.")


def _compare_end_session(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    if metadata.end_session_endpoint is not None:
        return Finding("ok", "rp_initiated_logout", metadata.end_session_endpoint)
    advice = "Signing out ends the session here only. If the OP has a logout URL, name it in METADATA."
    return Finding("warning", "rp_initiated_logout", "the OP has no end_session_endpoint", advice)


def _compare_revocation(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    if metadata.revocation_endpoint is not None:
        return Finding("ok", "revocation", metadata.revocation_endpoint)
    advice = "Tokens work until they expire, also after a logout: have the OP keep them short-lived."
    return Finding("ok", "revocation", "the OP has no revocation_endpoint", advice)


def _compare_client_credentials(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    offered = metadata.grant_types_supported
    if offered is None:
        return Finding("ok", "client_credentials", "not stated")
    if "client_credentials" in offered:
        return Finding("ok", "client_credentials", "offered")
    return Finding("ok", "client_credentials", "not offered", "There are no service tokens from this OP.")


def _compare_logout_notice(config: ProviderConfig, metadata: ProviderMetadata) -> Finding:
    if metadata.backchannel_logout_supported:
        with_sid = metadata.backchannel_logout_session_supported
        return Finding("ok", "logout_notice", f"back-channel, with{'' if with_sid else 'out'} sid")
    if metadata.frontchannel_logout_supported:
        with_sid = metadata.frontchannel_logout_session_supported
        found = f"front-channel only, with{'' if with_sid else 'out'} sid"
        return Finding("ok", "logout_notice", found, "It reaches only browsers that send cookies in frames.")
    advice = "Sessions here outlive a logout at the OP: keep SESSION_COOKIE_AGE short."
    return Finding("warning", "logout_notice", "the OP tells nobody of a logout", advice)


def compare_iss_parameter(metadata: ProviderMetadata, *, several: bool) -> Finding:
    """RFC 9207: whether the OP names itself in its responses; `several` if this site has other OPs too."""
    if metadata.authorization_response_iss_parameter_supported:
        return Finding("ok", "iss_parameter", "sent with each response (RFC 9207)")
    if not several:
        return Finding("ok", "iss_parameter", "not sent; it matters where there are several OPs")
    advice = "Register exactly the redirect URI below, and that for no other OP: it is what prevents mix-up."
    return Finding("warning", "iss_parameter", "not sent (RFC 9207), and there are several OPs", advice)


def _join(values: Sequence[str]) -> str:
    return ", ".join(values) or "nothing"


COMPARISONS: tuple[Callable[[ProviderConfig, ProviderMetadata], Finding], ...] = (
    _compare_pkce,
    _compare_response_type,
    _compare_response_mode,
    _compare_signing_algorithms,
    _compare_client_authentication,
    _compare_scopes,
    _compare_acr_values,
    _compare_userinfo,
    _compare_end_session,
    _compare_logout_notice,
    _compare_revocation,
    _compare_client_credentials,
)
