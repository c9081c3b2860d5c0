"""Login: the authorization code flow with PKCE (Core 1.0 section 3.1), in its two legs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oidc_rp.protocol.authentication import (
    INTERACTION_ERRORS,
    build_authentication_request,
    compute_code_challenge,
    generate_secret,
    process_authentication_response,
)
from oidc_rp.protocol.errors import AuthenticationResponseError, ConfigurationError, OPError, OPResponseError
from oidc_rp.protocol.id_token import IDToken
from oidc_rp.protocol.step_up import check_acr
from oidc_rp.protocol.tokens import TokenResponse, find_unexpected_scopes
from oidc_rp.provider import Provider

from .transaction import Transaction


@dataclass(frozen=True, slots=True)
class Login:
    """A completed login: everything in it has been validated. Times are Unix seconds."""

    transaction: Transaction
    id_token: IDToken
    tokens: TokenResponse
    userinfo: Mapping[str, Any] = field(repr=False)
    expires_at: int | None
    unexpected_scopes: tuple[str, ...]

    @property
    def claims(self) -> dict[str, Any]:
        """ID-token and userinfo claims together. The ID token's win: they are signed and were checked."""
        return {**self.userinfo, **self.id_token.claims}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller wants of one login, over the provider's configuration.

    `max_age` is in seconds; `params` are further parameters, already found to be allowed;
    `renews` is the id of the session that a silent login is to renew.
    """

    prompt: str | None = None
    max_age: int | None = None
    acr_values: Sequence[str] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    renews: str = ""


def begin_login(
    provider: Provider, *, redirect_uri: str, next_url: str, wishes: Wishes, now: float
) -> tuple[str, Transaction]:
    """The first leg: the URL to send the browser to, and the transaction to keep for its return.

    May fetch the OP's metadata. Raises OIDCError.
    """
    config, metadata = provider.config, provider.metadata
    methods = metadata.code_challenge_methods_supported
    if config.client_auth_method == "none" and methods is not None and "S256" not in methods:
        # A public client has nothing but PKCE to keep a stolen code from being used (RFC 9700 section 2.1.1).
        raise ConfigurationError("the OP does not support PKCE with S256", code="pkce_unsupported")
    prompt = wishes.prompt or config.prompt
    transaction = Transaction(
        alias=provider.alias,
        issuer=config.issuer,
        redirect_uri=redirect_uri,
        next=next_url,
        state=generate_secret(),
        nonce=generate_secret(),
        code_verifier=generate_secret(),
        created_at=now,
        silent=prompt == "none",
        max_age=wishes.max_age if wishes.max_age is not None else config.max_age,
        acr_values=tuple(wishes.acr_values or config.acr_values),
        renews=wishes.renews,
    )
    url = build_authentication_request(
        metadata.authorization_endpoint,
        {
            **config.authentication_params,
            **wishes.params,
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(config.scopes),
            "state": transaction.state,
            "nonce": transaction.nonce,
            "code_challenge": compute_code_challenge(transaction.code_verifier),
            "code_challenge_method": "S256",
            "response_mode": config.response_mode if config.response_mode != "query" else None,
            "prompt": prompt,
            "max_age": None if transaction.max_age is None else str(transaction.max_age),
            "acr_values": " ".join(transaction.acr_values),
        },
    )
    return url, transaction


def complete_login(
    provider: Provider, transaction: Transaction, parameters: Mapping[str, Sequence[str]], *, now: float
) -> Login:
    """The second leg: from the authentication response to validated claims.

    `transaction` is the one that `state` names; `parameters` are all of the response's,
    each with all its values. One call to the OP, two with FETCH_USERINFO. Raises OIDCError.
    """
    config = provider.config
    transaction.check_age(now)
    if (transaction.alias, transaction.issuer) != (provider.alias, config.issuer):
        # RFC 9700 section 4.4.2: the answer to a request to one OP must not be redeemed at another.
        raise AuthenticationResponseError("the login was begun at another provider", code="provider_mismatch")
    code = process_authentication_response(
        parameters,
        issuer=config.issuer,
        iss_required=provider.metadata.authorization_response_iss_parameter_supported,
    )
    tokens = provider.exchange_code(code, transaction.redirect_uri, transaction.code_verifier)
    if tokens.id_token is None:
        raise OPResponseError("the token response has no ID token", endpoint="token", code="id_token_missing")
    id_token = provider.validate_id_token(
        tokens.id_token,
        nonce=transaction.nonce,
        access_token=tokens.access_token,
        max_age=transaction.max_age,
    )
    check_acr(id_token.acr, transaction.acr_values)
    userinfo = provider.fetch_userinfo(tokens.access_token, id_token.sub) if config.fetch_userinfo else {}
    return Login(
        transaction=transaction,
        id_token=id_token,
        tokens=tokens,
        userinfo=userinfo,
        expires_at=None if tokens.expires_in is None else int(now) + tokens.expires_in,
        unexpected_scopes=find_unexpected_scopes(tokens.scope, config.scopes),
    )


def needs_interaction(error: OPError) -> bool:
    """Whether a silent login failed only because the OP would have had to ask the user (Core section 3.1.2.6)."""
    return error.endpoint == "authorization" and error.error in INTERACTION_ERRORS
