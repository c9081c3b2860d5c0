"""Signals: what other apps may want to know."""

from django.dispatch import Signal

op_called = Signal()
"""A call to an OP has ended. `sender` is Provider, `exchange` an `oidc_rp.provider.Exchange`.

Sent in the thread that made the call. A receiver that raises is logged and does no harm.
"""

session_started = Signal()
"""A login has started a session. `sender` is OIDCSession, `session` the row, `request` the callback's request."""

session_renewed = Signal()
"""A login has taken the place of a live session of the same subject in the same browser: a silent sign-in, or a
fresher or stronger login. Sent after `session_started`, with the same arguments; the session before has ended with
the reason `replaced`."""

session_ended = Signal()
"""A session has ended, once. `sender` is OIDCSession, `session` its row (tokens removed), `reason` a word:

`logout` (the user, by this app's page), `signed_out` (by Django's `logout()`, or another
way that flushes the session), `replaced` (by the same browser's next login),
`backchannel_logout`, `frontchannel_logout`, `expired` (found by `oidc_cleanup`), `admin`,
or what was given to `end_sessions`. A receiver that raises is logged and does no harm.
"""

step_up_demanded = Signal()
"""A request did not meet what its view demands. `sender` is Requirement, `request` the request, `requirement` the
Requirement, `provider` the alias of the provider that is asked, `missing` what was not met first (`acr`, `amr` or
`max_age`); `acr`, `amr` and `auth_time` (Unix seconds) are those of the session, None and empty if there is none."""

step_up_met = Signal()
"""A login has come back as demanded. As above, without `missing`; `acr`, `amr` and `auth_time` are the new ones."""

step_up_refused = Signal()
"""A login has come back, and not as demanded: the user got the page that says so, and the session is what it was. As
above; `missing` may also be `sub` (another user came back), or the OP's own error, such as `access_denied`, with which
no `acr`, `amr` or `auth_time` comes."""
