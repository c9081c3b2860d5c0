"""Step-up: what the login behind a session lacks of a policy, at this moment."""

from __future__ import annotations

import time

from .policies import Policy
from .protocol.errors import ConfigurationError, RequirementError
from .protocol.step_up import Reached
from .providers import UnknownProviderError, providers
from .session_data import AuthenticationContext

NOTHING = Reached()


def find_missing(context: AuthenticationContext | None, policy: Policy) -> RequirementError | None:
    """What the login of a session lacks first; None if it is as strong and as recent as demanded.

    Compared anew each time and never remembered: time passes, and a renewal may have brought
    a lower `acr`. A login at another provider than the policy's, or at an OP that is not the
    configured one any more, counts for nothing: only its own OP says what an `acr` means.
    """
    requirement, now = policy.requirement, time.time()
    if context is None or (policy.provider is not None and policy.provider != context.provider):
        return requirement.find_missing(NOTHING, now=now, clock_skew=0)
    try:
        config = providers[context.provider].config
    except (UnknownProviderError, ConfigurationError):
        return requirement.find_missing(NOTHING, now=now, clock_skew=0)
    actual = context if context.iss == config.issuer else NOTHING
    return requirement.find_missing(actual, now=now, clock_skew=config.clock_skew, levels=config.acr_levels)
