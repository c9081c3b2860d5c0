"""Every option of a provider: how its value is read, and what to do if that is wrong.

This table is the only place that knows the options; their defaults are those of
`config.ProviderConfig`. The settings page of the documentation is compared with both.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oidc_rp.protocol.errors import OPResponseError
from oidc_rp.protocol.metadata import ProviderMetadata, parse_metadata
from oidc_rp.protocol.signatures import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from oidc_rp.protocol.urls import is_acceptable_url, read_origin

from .secrets import Secret

CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
RESPONSE_MODES = ("query", "form_post")
ACR_REQUESTS = ("acr_values", "claims", "acrs")
MAX_AGE_REQUESTS = ("max_age", "prompt")
# What the columns of the session table hold.
MAX_IDENTIFIER_LENGTH = 500
PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})
# What this package sets itself; a caller who could set them too could undo its checks.
RESERVED_PARAMETERS = frozenset(
    {
        "client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "response_mode", "request", "request_uri", "client_secret",
    }
)  # fmt: skip
# These have an option each, under which the answer is checked too; as fixed parameters they would only be sent.
_PARAMETERS_WITH_OPTION = frozenset({"prompt", "max_age", "acr_values"})


class InvalidValueError(Exception):
    """A value is wrong; the text says what it must be."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidValueError("must be a non-empty string")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise InvalidValueError("must be a list of strings")
    return tuple(_text(member) for member in value)


def _text_set(value: object) -> frozenset[str]:
    return frozenset(_texts(value))


def _levels(value: object) -> tuple[str, ...]:
    if isinstance(value, set | frozenset):
        raise InvalidValueError("must be a list: its order is what it says")
    levels = _texts(value)
    if len(set(levels)) < len(levels):
        raise InvalidValueError("must have each value once")
    return levels


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValueError("must be True or False")
    return value


def _seconds(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise InvalidValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return value

    return read


def _max_age(value: object) -> int:
    return int(_seconds(0, 31_536_000)(value))


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            raise InvalidValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return read


def _issuer(value: object) -> str:
    issuer = _identifier(value)
    if issuer.rstrip("/").endswith("/.well-known/openid-configuration"):
        raise InvalidValueError("must be the issuer, not the URL of the discovery document")
    if issuer.startswith("http://") and is_acceptable_url(f"https{issuer.removeprefix('http')}"):
        if not is_acceptable_url(issuer):
            raise InvalidValueError("is http, where anyone on the way can speak for the OP; only loopback may be http")
    elif not is_acceptable_url(issuer):
        raise InvalidValueError("must be an https URL without fragment or credentials (http only on loopback)")
    if "?" in issuer:
        raise InvalidValueError("must have no query")
    return issuer


def _identifier(value: object) -> str:
    text = _text(value)
    if len(text) > MAX_IDENTIFIER_LENGTH:
        raise InvalidValueError(f"must not be longer than {MAX_IDENTIFIER_LENGTH} characters")
    return text


def _secret(value: object) -> Secret:
    if callable(value):
        return value
    return _text(value)


def _secrets(value: object) -> tuple[Secret, ...]:
    members = value if isinstance(value, list | tuple) else (value,)
    if not 1 <= len(members) <= 2:
        raise InvalidValueError("must be one secret, or two during a rotation")
    return tuple(_secret(member) for member in members)


def _scopes(value: object) -> tuple[str, ...]:
    scopes = _texts(value)
    if "openid" not in scopes:
        raise InvalidValueError('must contain "openid": without it the OP sends no ID token')
    if any(" " in scope for scope in scopes):
        raise InvalidValueError("must have one scope a member, without spaces")
    return scopes


def _algorithms(value: object) -> frozenset[str]:
    algorithms = frozenset(_texts(value))
    unknown = sorted(algorithms - ASYMMETRIC_ALGORITHMS - HMAC_ALGORITHMS)
    if unknown or not algorithms:
        raise InvalidValueError(f"has unknown algorithms: {', '.join(unknown)}" if unknown else "must not be empty")
    if algorithms & HMAC_ALGORITHMS and algorithms & ASYMMETRIC_ALGORITHMS:
        # Otherwise a public key could be taken for the shared secret (RFC 8725 section 2.1).
        raise InvalidValueError("must not mix HMAC (HS…) with asymmetric algorithms")
    return algorithms


def _prompt(value: object) -> str:
    text = _text(value)
    values = text.split()
    if not values or not PROMPTS.issuperset(values) or ("none" in values and len(values) > 1):
        raise InvalidValueError(f"must be made of {', '.join(sorted(PROMPTS))}, with none only alone")
    return text


def _parameters(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise InvalidValueError("must be a dict of strings")
    _refuse_reserved(frozenset(value))
    return dict(value)


def _fixed_parameters(value: object) -> Mapping[str, str]:
    parameters = _parameters(value)
    misplaced = sorted(_PARAMETERS_WITH_OPTION & parameters.keys())
    if misplaced:
        raise InvalidValueError(f"must not contain {misplaced[0]}: {misplaced[0].upper()} is an option of its own")
    return parameters


def _parameter_names(value: object) -> frozenset[str]:
    names = frozenset(_texts(value))
    _refuse_reserved(names)
    return names


def _refuse_reserved(names: frozenset[str]) -> None:
    if names & RESERVED_PARAMETERS:
        raise InvalidValueError(
            f"must not contain {', '.join(sorted(names & RESERVED_PARAMETERS))}: oidc_rp sets these itself"
        )


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise InvalidValueError("must be a dict with strings as keys")
    return dict(value)


def _metadata(value: object) -> Mapping[str, Any]:
    metadata = _mapping(value)
    known = ProviderMetadata.__dataclass_fields__
    unknown = sorted(name for name in metadata if name not in known)
    if unknown:
        nearest = find_nearest(unknown[0], known)
        raise InvalidValueError(f"has an unknown member {unknown[0]!r}{f'; {nearest!r} is one' if nearest else ''}")
    if "issuer" in metadata:
        # Laid over what discovery says, it would make the comparison of the two issuers compare nothing.
        raise InvalidValueError("must not contain issuer: ISSUER is an option of its own")
    stand_ins = dict.fromkeys(("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"), "https://op.invalid")
    try:
        parse_metadata({**stand_ins, **metadata}, stand_ins["issuer"])
    except OPResponseError as error:
        raise InvalidValueError(f"cannot be used: {error}") from None
    return metadata


def _origins(value: object) -> frozenset[str]:
    origins = set()
    for text in _texts(value):
        origin = read_origin(text) if text.isascii() else None
        if origin is None or urlsplit(text).path not in ("", "/") or "?" in text or "*" in text:
            raise InvalidValueError(
                "must have https origins (http only on loopback), in ASCII, without path or wildcard"
            )
        origins.add(origin)
    return frozenset(origins)


def _ca_bundle(value: object) -> str:
    path = _text(str(value) if isinstance(value, Path) else value)
    try:
        exists = Path(path).exists()
    except (OSError, ValueError):  # a name that no file can have, a folder that may not be entered
        exists = False
    if not exists:
        raise InvalidValueError(f"{path!r} does not exist or may not be read")
    return path


@dataclass(frozen=True)
class Option:
    """One key of a provider's dict: how its value is read, and what to do if it is wrong."""

    number: int
    read: Callable[[object], object]
    hint: str


OPTIONS: Mapping[str, Option] = {
    "ISSUER": Option(10, _issuer, "Copy `issuer` from the OP's /.well-known/openid-configuration, every character."),
    "CLIENT_ID": Option(11, _identifier, "The client_id under which this site is registered at the OP."),
    "CLIENT_SECRET": Option(12, _secrets, "A string, 'file:/path', a callable; or a list of two, the new one first."),
    "CLIENT_AUTH_METHOD": Option(13, _one_of(*CLIENT_AUTH_METHODS), "What the client is registered for at the OP."),
    "CLIENT_KEY": Option(14, _secret, "A private key in PEM (RSA, EC or Ed25519): string, 'file:/path' or callable."),
    "CLIENT_KEY_ID": Option(15, _text, "The kid under which the OP knows the public part of CLIENT_KEY."),
    "SCOPES": Option(16, _scopes, 'For example ["openid", "email"].'),
    "SIGNING_ALGORITHMS": Option(17, _algorithms, "Those that the OP signs ID tokens for this client with."),
    "RESPONSE_MODE": Option(18, _one_of(*RESPONSE_MODES), "query is right unless the OP wants form_post."),
    "PROMPT": Option(19, _prompt, "Leave it out unless every login needs it."),
    "MAX_AGE": Option(20, _max_age, "The longest time since the user last authenticated at the OP."),
    "ACR_VALUES": Option(21, _texts, "Every login must come back with one of these acr values."),
    "AUTHENTICATION_PARAMS": Option(22, _fixed_parameters, "Fixed extra parameters of the authentication request."),
    "ALLOWED_REQUEST_PARAMS": Option(23, _parameter_names, "Parameters that a link to login/ may carry on to the OP."),
    "FETCH_USERINFO": Option(24, _boolean, "True costs one more call to the OP at each login."),
    "METADATA": Option(25, _metadata, "Members of the discovery document, for an OP that has none."),
    "TRUSTED_AUDIENCES": Option(26, _text_set, "Audiences besides CLIENT_ID that an ID token may name."),
    "LINK_BY_EMAIL": Option(27, _boolean, "True only if you trust this OP's email_verified."),
    "CREATE_USERS": Option(28, _boolean, "False admits only users that are already linked."),
    "CLOCK_SKEW": Option(29, _seconds(0, 300), "How far the OP's clock and ours may be apart."),
    "TIMEOUT": Option(30, _seconds(0.1, 60), "How long one call to the OP may take."),
    "CA_BUNDLE": Option(31, _ca_bundle, "A PEM file with the CA of the OP. Verification cannot be turned off."),
    "PROXIES": Option(32, _parameters, 'For example {"https": "http://proxy.example:3128"}.'),
    "CLAIMS_MAPPING": Option(33, _mapping, "User fields and the claims that fill them."),
    "API_ORIGINS": Option(34, _origins, 'The APIs that get access tokens, such as ["https://api.example"].'),
    "ACR_LEVELS": Option(40, _levels, "The OP's acr values, from the weakest to the strongest."),
    "ACR_REQUEST": Option(41, _one_of(*ACR_REQUESTS), "acr_values is what most OPs honour; acrs is Entra ID's own."),
    "MAX_AGE_REQUEST": Option(42, _one_of(*MAX_AGE_REQUESTS), "prompt is for an OP that ignores max_age."),
}


def find_nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, whatever its case; None if none is near."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    nearest = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return by_folded[nearest[0]] if nearest else None
