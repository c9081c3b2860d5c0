"""What `oidc_doctor` finds: one provider's settings compared with what its OP says of itself.

Nothing is printed here, and no secret is put into a finding: that one can be read is all
that is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.urls import NoReverseMatch, reverse

from .doctor_comparisons import COMPARISONS, Finding, Status, compare_assertion_algorithm, compare_iss_parameter
from .protocol.errors import ConfigurationError, OIDCError
from .protocol.jose import JWSHeader
from .protocol.keys import KeySet
from .protocol.metadata import build_discovery_url
from .provider import Exchange, Provider, ProviderConfig
from .provider.client_auth import PrivateKey, load_client_key
from .provider.secrets import resolve_secret
from .providers import providers

_GRAVITY: Sequence[Status] = ("ok", "warning", "fault")
_ADVICE = {
    "metadata_issuer": "Set ISSUER to the issuer of the tenant or realm that users come from, as the OP writes it.",
    "metadata_malformed": "The OP has to correct it; METADATA can replace single members.",
    "op_answer_malformed": "Open the URL in a browser: is this an OP, and ISSUER its issuer?",
    "op_redirect": "Set ISSUER to where the redirect ends, if that is what the OP calls itself.",
    "op_status": "Is ISSUER right? An OP without discovery needs METADATA.",
    "op_timeout": "Is the OP reachable from this machine? PROXIES and TIMEOUT can be set.",
    "op_tls": "Set CA_BUNDLE, if the OP's certificate is from a CA of your own.",
    "op_web_page": "Open the URL in a browser: is this an OP, and ISSUER its issuer?",
    "op_unreachable": "Check the host of ISSUER, DNS, firewall and PROXIES.",
}


@dataclass(frozen=True, slots=True)
class ClientRegistration:
    """What to register at the OP, under the names of Dynamic Client Registration; None: this site has no such URL."""

    redirect_uri: str | None
    post_logout_redirect_uri: str | None
    backchannel_logout_uri: str | None
    frontchannel_logout_uri: str | None
    initiate_login_uri: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one provider. `issuer` is the configured one, None if the settings cannot be used."""

    alias: str
    issuer: str | None
    findings: tuple[Finding, ...]
    registration: ClientRegistration

    @property
    def status(self) -> Status:
        """The gravest of the findings'."""
        return max((finding.status for finding in self.findings), key=_GRAVITY.index)

    def as_json(self) -> dict[str, Any]:
        """For programs: this class's members under their names."""
        return {"alias": self.alias, "status": self.status, **asdict(self)}


class NoCache:
    """A shared cache (`oidc_rp.provider.documents.SharedCache`) that is always empty: the doctor asks the OP itself."""

    def get(self, key: str) -> Any:
        """Nothing."""
        return None

    def set(self, key: str, value: Any, seconds: int) -> None:
        """Keeps nothing."""

    def add(self, key: str, seconds: int) -> bool:
        """Nobody else has the key."""
        return True


def diagnose(alias: str, origin: str, *, several: bool) -> Report:
    """Everything about one provider of the registry.

    `origin` is this site's, for the URIs to register; `several` if the site has other
    providers too. Raises UnknownProviderError.
    """
    registration = build_registration(alias, origin)
    try:
        config = providers[alias].config
    except ConfigurationError as error:
        return Report(alias, None, tuple(explain_problems(error)), registration)
    return Report(alias, config.issuer, tuple(examine(config, several=several)), registration)


def examine(config: ProviderConfig, *, several: bool = False) -> Iterator[Finding]:
    """Compare one provider with its OP, asking it for metadata and keys; `several` if the site has others."""
    yield _examine_transport(config)
    yield from _examine_secrets(config)
    client_key, finding = _load_client_key(config)
    if finding is not None:
        yield finding
    provider, findings = _discover(config)
    yield from findings
    if provider is None:
        return
    metadata = provider.metadata
    for compare in COMPARISONS:
        yield compare(config, metadata)
    if client_key is not None:
        yield compare_assertion_algorithm(client_key, metadata)
    yield _examine_keys(provider)
    yield compare_iss_parameter(metadata, several=several)


def explain_problems(error: ConfigurationError) -> Iterator[Finding]:
    """The findings for a provider whose settings cannot be used at all."""
    for problem in error.problems:
        yield Finding("fault", "settings", f"{problem.message} ({problem.id})", problem.hint)


def build_registration(alias: str, origin: str) -> ClientRegistration:
    """The URLs of this site for one provider, on `origin`."""

    def build(name: str, *args: str) -> str | None:
        try:
            return origin.rstrip("/") + reverse(f"oidc_rp:{name}", args=args)
        except NoReverseMatch:
            return None

    return ClientRegistration(
        redirect_uri=build("callback", alias),
        post_logout_redirect_uri=build("logout_callback"),
        backchannel_logout_uri=build("backchannel_logout", alias),
        frontchannel_logout_uri=build("frontchannel_logout", alias),
        initiate_login_uri=build("initiate", alias),
    )


def _examine_transport(config: ProviderConfig) -> Finding:
    if config.issuer.startswith("https://"):
        return Finding("ok", "transport", "https")
    return Finding("warning", "transport", "http on loopback", "Right for development only.")


def _examine_secrets(config: ProviderConfig) -> Iterator[Finding]:
    several = len(config.client_secret) > 1
    for number, source in enumerate(config.client_secret, start=1):
        which = f"secret {number} of {len(config.client_secret)}: " if several else ""
        try:
            secret = resolve_secret(source)
        except ConfigurationError as error:
            advice = "Give it as a string, 'file:/path' or a callable."
            yield Finding("fault", "client_secret", f"{which}{error}", advice)
            continue
        short = [alg for alg in sorted(config.signing_algorithms) if config.uses_hmac and _is_short(secret, alg)]
        if short:
            advice = "Ask the OP for a longer one, or use an asymmetric algorithm."
            yield Finding("fault", "client_secret", f"{which}too short to be a key for {short[-1]}", advice)
        else:
            yield Finding("ok", "client_secret", f"{which}can be read")


def _is_short(secret: str, alg: str) -> bool:
    return len(secret.encode()) * 8 < int(alg[2:])


def _load_client_key(config: ProviderConfig) -> tuple[PrivateKey | None, Finding | None]:
    if config.client_key is None:
        return None, None
    try:
        key = load_client_key(resolve_secret(config.client_key))
    except ConfigurationError as error:
        return None, Finding("fault", "client_key", str(error), "An unencrypted RSA, EC or Ed25519 key in PEM.")
    if isinstance(key, rsa.RSAPrivateKey):
        kind = f"RSA, {key.key_size} bits"
    else:
        kind = f"EC, {key.curve.name}" if isinstance(key, ec.EllipticCurvePrivateKey) else "Ed25519"
    if config.client_key_id is None:
        advice = "Set CLIENT_KEY_ID if more than one key is registered at the OP."
        return key, Finding("ok", "client_key", f"{kind}, sent without kid", advice)
    return key, Finding("ok", "client_key", f"{kind}, kid {config.client_key_id}")


def _discover(config: ProviderConfig) -> tuple[Provider | None, list[Finding]]:
    """A provider whose metadata has been fetched; None if it has none that can be used."""
    exchanges: list[Exchange] = []
    provider = Provider(config, cache=NoCache(), observe=exchanges.append)
    issuer = Finding("ok", "issuer", config.issuer)
    try:
        provider.metadata  # noqa: B018 -- the first use fetches
    except OIDCError as error:
        if error.code != "metadata_issuer":
            return None, [_explain_failure("metadata", error, build_discovery_url(config.issuer))]
        twin = _find_twin(config)
        if twin is None:
            return None, [Finding("fault", "issuer", f"{error} ({error.code})", _ADVICE[error.code])]
        provider = twin
        advice = f"Set ISSUER to {twin.config.issuer!r}: only the slash at the end differs, and it counts."
        issuer = Finding("fault", "issuer", f"{config.issuer} is not what the OP calls itself", advice)
    source = exchanges[0].url if exchanges else "from METADATA, nothing fetched"
    return provider, [Finding("ok", "metadata", source), issuer]


def _find_twin(config: ProviderConfig) -> Provider | None:
    """The provider as it would be with, or without, a slash at the end of its issuer; None if that is wrong too."""
    issuer = config.issuer.removesuffix("/") if config.issuer.endswith("/") else f"{config.issuer}/"
    twin = Provider(replace(config, issuer=issuer), cache=NoCache(), observe=_ignore)
    try:
        twin.metadata  # noqa: B018 -- the first use fetches
    except OIDCError:
        return None
    return twin


def _ignore(exchange: Exchange) -> None:
    """Observes nothing: the doctor's calls are neither logged nor signalled."""


def _explain_failure(topic: str, error: OIDCError, url: str) -> Finding:
    return Finding("fault", topic, f"{error} ({error.code}, from {url})", _ADVICE.get(error.code, ""))


def _examine_keys(provider: Provider) -> Finding:
    config, offered = provider.config, provider.metadata.id_token_signing_alg_values_supported
    if config.uses_hmac:
        return Finding("ok", "keys", "not needed: ID tokens are signed with the client secret")
    try:
        keys = provider.keys
    except OIDCError as error:
        return _explain_failure("keys", error, provider.metadata.jwks_uri)
    accepted = [alg for alg in sorted(config.signing_algorithms) if offered is None or alg in offered]
    usable = {alg: count for alg in accepted if (count := _count_keys(keys, alg))}
    if not usable:
        return Finding(
            "fault",
            "keys",
            f"no key for {' or '.join(accepted) or 'an accepted algorithm'}; {len(keys.keys)} for others",
            "Correct SIGNING_ALGORITHMS. RSA keys under 2048 bits and keys for encryption are not used.",
        )
    return Finding("ok", "keys", ", ".join(f"{count} for {alg}" for alg, count in usable.items()))


def _count_keys(keys: KeySet, alg: str) -> int:
    return sum(key.fits(JWSHeader(alg=alg, kid=None, typ=None)) for key in keys.keys)
