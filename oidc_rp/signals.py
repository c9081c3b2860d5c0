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
