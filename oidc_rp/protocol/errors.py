"""The error tree: every failure that this package reports is one of these.

    OIDCError
    ├── ConfigurationError             a setting is missing or wrong
    ├── AuthenticationResponseError    what the browser brought back cannot be accepted
    ├── OPError                        the OP answered with an OAuth error response
    ├── OPResponseError                the OP's answer is not what the specification says
    ├── OPUnavailableError             no usable answer now: timeout, connection, 5xx, 429
    ├── TokenError                     a JWT that cannot be accepted
    │   ├── MalformedTokenError
    │   ├── AlgorithmError
    │   ├── UnknownKeyError
    │   ├── SignatureError
    │   └── ClaimError
    ├── DestinationError               a token must not be sent there
    ├── RequirementError               authenticated, but not as strongly or freshly as required
    ├── RenewalError                   the access token cannot be renewed, though the session goes on
    ├── SessionEndedError              the session is over, or was found to be just now
    ├── GrantEndedError                what a user granted for work in the background is over
    └── UserRefusedError               authenticated at the OP, but not allowed in here

Each carries a stable `code` for operators and programs, and the evidence as
attributes. No token, code, secret or cookie value is ever put into a message or
into the evidence, because both end up in logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class OIDCError(Exception):
    """Root of the tree. `code` is stable and made of lower-case words and underscores."""

    code = "oidc_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    @property
    def evidence(self) -> dict[str, object]:
        """What a log record should hold beside the code: attributes that are safe to show."""
        return {name: value for name, value in vars(self).items() if name != "code"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the configuration, as a system check reports it."""

    id: str
    message: str
    hint: str


class ConfigurationError(OIDCError):
    """A provider cannot be used as it is configured. `problems` lists every fault found."""

    code = "configuration"

    def __init__(self, message: str, problems: Sequence[Problem] = (), *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.problems = tuple(problems)


class AuthenticationResponseError(OIDCError):
    """The authentication response, or the browser that brought it, is not the one we wait for."""

    code = "authentication_response"


class OPError(OIDCError):
    """An OAuth error response (RFC 6749 sections 4.1.2.1 and 5.2, Core section 3.1.2.6)."""

    code = "op_error"

    def __init__(self, error: str, description: str = "", *, endpoint: str) -> None:
        super().__init__(f"the OP's {endpoint} endpoint answered {error}")
        self.error = error
        self.description = description
        self.endpoint = endpoint


class OPResponseError(OIDCError):
    """The OP answered something that its specification does not allow."""

    code = "op_response"

    def __init__(self, message: str, *, endpoint: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.endpoint = endpoint
        self.status = status


class OPUnavailableError(OIDCError):
    """The OP cannot be reached, or says that it cannot serve now. Trying later may help.

    `retry_after` is in seconds, as the OP asked for it or None.
    """

    code = "op_unavailable"

    def __init__(
        self,
        message: str,
        *,
        endpoint: str,
        status: int | None = None,
        retry_after: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.endpoint = endpoint
        self.status = status
        self.retry_after = retry_after


class TokenError(OIDCError):
    """A JWT that cannot be accepted."""

    code = "token"


class MalformedTokenError(TokenError):
    """Not a compact JWS of acceptable size with well-formed JSON inside (RFC 7515, RFC 7519)."""

    code = "token_malformed"


class AlgorithmError(TokenError):
    """`alg` is not one that this client accepts (Core section 3.1.3.7, item 7)."""

    code = "token_alg"

    def __init__(self, alg: str, allowed: Sequence[str]) -> None:
        super().__init__("the token's alg is not one that this client accepts")
        self.alg = alg
        self.allowed = tuple(sorted(allowed))


class UnknownKeyError(TokenError):
    """No key of the OP fits the token's header (Core section 10.1)."""

    code = "token_key_unknown"

    def __init__(self, message: str, *, kid: str | None, alg: str) -> None:
        super().__init__(message)
        self.kid = kid
        self.alg = alg


class SignatureError(TokenError):
    """The signature does not verify."""

    code = "token_signature"


class ClaimError(TokenError):
    """One claim is missing or not as it must be. `code` is `token_<claim>`.

    `expected` and `actual` are shown to operators; for claims that work as secrets
    (`nonce`, `at_hash`) neither is given.
    """

    def __init__(self, claim: str, message: str, *, expected: object = None, actual: object = None) -> None:
        super().__init__(f"{claim}: {message}", code=f"token_{claim}")
        self.claim = claim
        self.expected = expected
        self.actual = actual


class DestinationError(OIDCError):
    """A token is not for this origin, and nothing has been sent. `origin` is empty for a URL that has none."""

    code = "api_origin"

    def __init__(self, origin: str, allowed: Sequence[str]) -> None:
        super().__init__("the token must not be sent to an origin that API_ORIGINS does not list")
        self.origin = origin
        self.allowed = tuple(allowed)


class RequirementError(OIDCError):
    """The OP authenticated the user, but not as was asked.

    `missing` names what was not met: `acr`, `amr` or `max_age`; or `sub`, if another user
    came back from a step-up. `reached` is all that the OP said of how it authenticated, a
    `step_up.Reached`, or None if that is not known.
    """

    code = "requirement_not_met"

    def __init__(self, missing: str, *, required: object, actual: object, reached: Any = None) -> None:
        super().__init__(f"the OP did not meet the required {missing}", code=f"{missing}_not_met")
        self.missing = missing
        self.required = required
        self.actual = actual
        self.reached = reached


class RenewalError(OIDCError):
    """There is no way to a fresh access token from here: no refresh token, or one that another has replaced."""

    code = "not_renewable"


class SessionEndedError(OIDCError):
    """The session at this RP is over. `reason` is the word that its row has, as `session_ended` was sent with it."""

    code = "session_over"

    def __init__(self, reason: str) -> None:
        super().__init__("the session has ended")
        self.reason = reason


class GrantEndedError(OIDCError):
    """An offline grant is over, and only the user can give another. `reason` is the word that its row has."""

    code = "grant_over"

    def __init__(self, reason: str) -> None:
        super().__init__("the offline grant has ended")
        self.reason = reason


class UserRefusedError(OIDCError):
    """The OP vouches for this subject, but this site does not let them in."""

    code = "user_refused"
