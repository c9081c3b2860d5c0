"""One OP, ready to use: what the flows ask of it, with the fewest calls that answer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.errors import SignatureError, UnknownKeyError
from oidc_rp.protocol.id_token import IDToken, validate_id_token
from oidc_rp.protocol.jose import JWS
from oidc_rp.protocol.keys import KeySet, is_hmac, parse_key_set, verify_hmac
from oidc_rp.protocol.logout_token import LogoutToken, validate_logout_token
from oidc_rp.protocol.metadata import ProviderMetadata, build_discovery_url, parse_metadata
from oidc_rp.protocol.refreshed_id_token import validate_refreshed_id_token
from oidc_rp.protocol.revocation import TokenTypeHint, build_revocation_request, process_revocation_answer
from oidc_rp.protocol.tokens import (
    Form,
    TokenResponse,
    build_code_grant,
    build_refresh_grant,
    build_token_exchange,
    process_token_exchange_response,
    process_token_response,
)
from oidc_rp.protocol.userinfo import process_userinfo_response

from .breaker import CircuitBreaker
from .client_auth import fingerprint_credentials, generate_credentials
from .config import ProviderConfig
from .documents import CachedDocument, SharedCache
from .http import HTTPClient, Observer
from .secrets import resolve_secret


class Provider:
    """The OP behind one alias. Building one costs nothing; the first use fetches what it needs.

    Safe to share between threads; not across a fork, because it holds connections.
    """

    def __init__(
        self,
        config: ProviderConfig,
        *,
        cache: SharedCache,
        observe: Observer,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self._observe = observe
        self._clock = clock
        self._breaker = CircuitBreaker(config, cache, clock)
        # What a cached document depends on; two aliases for one OP share its keys.
        identity = sha256(repr((config.issuer, config.metadata)).encode()).hexdigest()[:32]
        self._metadata: CachedDocument[ProviderMetadata] = CachedDocument(
            f"oidc_rp:metadata:{identity}", self._fetch_metadata, self._parse_metadata, cache, clock
        )
        self._keys: CachedDocument[KeySet] = CachedDocument(
            f"oidc_rp:keys:{identity}", self._fetch_keys, parse_key_set, cache, clock
        )

    @property
    def alias(self) -> str:
        """The name under which this provider is configured."""
        return self.config.alias

    @property
    def metadata(self) -> ProviderMetadata:
        """The OP's metadata, from the settings or by discovery. May fetch; raises OIDCError."""
        return self._static_metadata or self._metadata.get()

    @property
    def keys(self) -> KeySet:
        """The OP's signing keys. May fetch; raises OIDCError."""
        return self._keys.get()

    def exchange_code(self, code: str, redirect_uri: str, code_verifier: str) -> TokenResponse:
        """Redeem an authorization code at the token endpoint: one call. Raises OIDCError."""
        return self.request_tokens(build_code_grant(code, redirect_uri, code_verifier))

    def refresh(self, refresh_token: str, *, scope: Sequence[str] = (), resource: Sequence[str] = ()) -> TokenResponse:
        """Redeem a refresh token at the token endpoint: one call. Raises OIDCError."""
        return self.request_tokens(build_refresh_grant(refresh_token, scope, resource))

    def request_tokens(self, grant: Form) -> TokenResponse:
        """Send one grant to the token endpoint as this client. Raises OIDCError."""
        return process_token_response(self._post_authenticated("token", self.metadata.token_endpoint, grant))

    def fingerprint_credentials(self) -> str:
        """A digest of the secrets that this client has now, to tell whether they have changed. To be kept under seal.

        Raises ConfigurationError.
        """
        return fingerprint_credentials(self.config)

    def exchange_token(
        self,
        access_token: str,
        *,
        audience: Sequence[str] = (),
        resource: Sequence[str] = (),
        scope: Sequence[str] = (),
    ) -> TokenResponse:
        """Exchange an access token for one for another API (RFC 8693): one call. Raises OIDCError."""
        form = build_token_exchange(access_token, audience=audience, resource=resource, scope=scope)
        answer = self._post_authenticated("token", self.metadata.token_endpoint, form)
        return process_token_exchange_response(answer)

    def revoke_token(self, token: str, hint: TokenTypeHint) -> bool:
        """Make a token useless at the OP (RFC 7009); False if the OP does not do that. Raises OIDCError."""
        url = self.metadata.revocation_endpoint
        if url is None:
            return False
        return process_revocation_answer(
            self._post_authenticated("revocation", url, build_revocation_request(token, hint))
        )

    def fetch_userinfo(self, access_token: str, sub: str) -> Mapping[str, Any]:
        """The userinfo claims about `sub` (Core section 5.3); empty if the OP has no such endpoint."""
        url = self.metadata.userinfo_endpoint
        if url is None:
            return {}
        answer = self._http.get("userinfo", url, bearer=access_token, accept="application/json, application/jwt")
        return process_userinfo_response(
            answer, sub=sub, client=self.config.client, verify_signature=self.verify_signature
        )

    def request_logout(self, endpoint: str, parameters: Mapping[str, str]) -> Answer:
        """Ask the end_session endpoint from here, as a browser with no cookies would. Raises OIDCError."""
        return self._http.post("end_session", endpoint, parameters, may_redirect=True)

    def validate_id_token(self, token: str, *, nonce: str, access_token: str | None = None) -> IDToken:
        """The checks of Core 1.0 section 3.1.3.7 but those of items 12 and 13. Raises TokenError."""
        return validate_id_token(
            token,
            self.config.client,
            self.verify_signature,
            now=self._clock(),
            nonce=nonce,
            access_token=access_token,
        )

    def validate_refreshed_id_token(self, token: str, *, original: Mapping[str, Any], access_token: str) -> IDToken:
        """Every check of Core 1.0 section 12.2; `original` are the claims of the login. Raises TokenError."""
        return validate_refreshed_id_token(
            token,
            self.config.client,
            self.verify_signature,
            now=self._clock(),
            original=original,
            access_token=access_token,
        )

    def validate_logout_token(self, token: str) -> LogoutToken:
        """Every check of Back-Channel Logout 1.0 section 2.6 but that of `jti`. Raises TokenError."""
        return validate_logout_token(token, self.config.client, self.verify_signature, now=self._clock())

    def verify_signature(self, jws: JWS) -> None:
        """Verify a JWS whose `alg` has been found on this client's list.

        A `kid` that is not known, or a signature that does not verify (a key replaced
        under its old `kid`, or without one), makes us read the keys again, within the
        cooldown (Core section 10.1.1). Raises UnknownKeyError, SignatureError or, where
        keys have to be fetched, what that raises.
        """
        if is_hmac(jws.header):
            verify_hmac(jws, [resolve_secret(secret) for secret in self.config.client_secret])
            return
        keys = self.keys
        try:
            keys.verify_signature(jws)
        except (UnknownKeyError, SignatureError):
            renewed = self._keys.renew(keys)
            if renewed is None:
                raise
            renewed.verify_signature(jws)

    @cached_property
    def _http(self) -> HTTPClient:
        return HTTPClient(self.config, self._breaker, self._observe)

    @cached_property
    def _static_metadata(self) -> ProviderMetadata | None:
        """METADATA of the settings, if it says all that a login needs; else it is laid over what discovery says."""
        given = self.config.metadata
        needed = {"authorization_endpoint", "token_endpoint"} | (set() if self.config.uses_hmac else {"jwks_uri"})
        if given is None or not needed <= given.keys():
            return None
        return self._parse({"issuer": self.config.issuer, **given})

    def _fetch_metadata(self) -> Mapping[str, Any]:
        return self._http.get("metadata", build_discovery_url(self.config.issuer)).parse()

    def _parse_metadata(self, document: Mapping[str, Any]) -> ProviderMetadata:
        return self._parse({**document, **(self.config.metadata or {})})

    def _parse(self, document: Mapping[str, Any]) -> ProviderMetadata:
        return parse_metadata(document, self.config.issuer, keys_needed=not self.config.uses_hmac)

    def _fetch_keys(self) -> Mapping[str, Any]:
        return self._http.get("jwks", self.metadata.jwks_uri).parse()

    def _post_authenticated(self, endpoint: str, url: str, form: Form) -> Answer:
        """POST as this client. While a secret is rotated, the other one is tried if the OP refuses the first."""
        algorithms = self.metadata.token_endpoint_auth_signing_alg_values_supported
        answers = (
            self._http.post(endpoint, url, {**form, **credentials.form}, authorization=credentials.authorization)
            for credentials in generate_credentials(self.config, self._clock, algorithms)
        )
        answer = next(answers)
        if answer.is_invalid_client:
            answer = next(answers, answer)
        return answer
