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
from oidc_rp.protocol.errors import (
    AuthenticationResponseError,
    ConfigurationError,
    OPError,
    OPResponseError,
    RequirementError,
)
from oidc_rp.protocol.id_token import IDToken
from oidc_rp.protocol.step_up import Reached, build_acr_claim_request, choose_authentication_context
from oidc_rp.protocol.tokens import TokenResponse, find_unexpected_scopes
from oidc_rp.provider import Provider, ProviderConfig

from .transaction import Transaction, hash_subject


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
    `renews` is the id of the session that a silent login is to renew. `step_up` is whether a
    page demands this of whoever is signed in, and `sub` is theirs at this provider, if they are:
    nobody else may come back. `offline_for` is the id of the session whose user is to grant
    access for work in the background.
    """

    prompt: str | None = None
    max_age: int | None = None
    acr_values: Sequence[str] = ()
    amr: Sequence[Sequence[str]] = ()
    step_up: bool = False
    sub: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    renews: str = ""
    extra_scopes: Sequence[str] = ()
    offline_for: str = ""


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
        amr=tuple(tuple(methods) for methods in wishes.amr),
        step_up=wishes.step_up,
        subject="" if wishes.sub is None else hash_subject(wishes.sub),
        extra_scopes=tuple(wishes.extra_scopes),
        offline_for=wishes.offline_for,
    )
    params = {**config.authentication_params, **wishes.params}
    url = build_authentication_request(
        metadata.authorization_endpoint,
        {
            **params,
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(dict.fromkeys((*config.scopes, *transaction.extra_scopes))),
            "state": transaction.state,
            "nonce": transaction.nonce,
            "code_challenge": compute_code_challenge(transaction.code_verifier),
            "code_challenge_method": "S256",
            "response_mode": config.response_mode if config.response_mode != "query" else None,
            "prompt": _choose_prompt(config, prompt, transaction.max_age),
            "max_age": None if transaction.max_age is None else str(transaction.max_age),
            **_ask_for_acr(config, transaction.acr_values, params.get("claims")),
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
    )
    if config.acr_request == "acrs":
        # Under its usual name from here on, also in the claims that the session is made from.
        acr = choose_authentication_context(id_token.claims, transaction.acr_values)
        id_token = id_token._replace(acr=acr, claims={**id_token.claims, "acr": acr})
    if transaction.subject and transaction.subject != hash_subject(id_token.sub):
        # Somebody else has signed in at the OP meanwhile. The session here must not become theirs by a step-up.
        raise RequirementError("sub", required="that of the session", actual=id_token.sub, reached=Reached.of(id_token))
    transaction.requirement.check(id_token, now=now, clock_skew=config.clock_skew, levels=config.acr_levels)
    userinfo = provider.fetch_userinfo(tokens.access_token, id_token.sub) if config.fetch_userinfo else {}
    return Login(
        transaction=transaction,
        id_token=id_token,
        tokens=tokens,
        userinfo=userinfo,
        expires_at=None if tokens.expires_in is None else int(now) + tokens.expires_in,
        unexpected_scopes=find_unexpected_scopes(tokens.scope, (*config.scopes, *transaction.extra_scopes)),
    )


def needs_interaction(error: OPError) -> bool:
    """Whether a silent login failed only because the OP would have had to ask the user (Core section 3.1.2.6)."""
    return error.endpoint == "authorization" and error.error in INTERACTION_ERRORS


def _choose_prompt(config: ProviderConfig, prompt: str | None, max_age: int | None) -> str | None:
    """`prompt`, with `login` for an OP that would ignore `max_age`."""
    if max_age is None or config.max_age_request != "prompt" or prompt == "none":
        return prompt
    return " ".join(dict.fromkeys(["login", *(prompt or "").split()]))


def _ask_for_acr(config: ProviderConfig, acr_values: Sequence[str], claims: str | None) -> dict[str, str]:
    """One of the two ways of Core section 5.5.1.1; what an OP makes of both at once is not specified."""
    if acr_values and config.acr_request != "acr_values":
        name = "acrs" if config.acr_request == "acrs" else "acr"
        return {"claims": build_acr_claim_request(acr_values, claims, name=name)}
    return {"acr_values": " ".join(acr_values)}
