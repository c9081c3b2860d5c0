"""Signals: what other apps may want to know."""

from django.dispatch import Signal

op_called = Signal()
"""A call to an OP has ended. `sender` is Provider, `exchange` an `oidc_rp.provider.Exchange`.

Sent in the thread that made the call. A receiver that raises is logged and does no harm.
"""

session_started = Signal()
"""A login has started a session. `sender` is OIDCSession, `session` the row, `request` the callback's request."""

session_ended = Signal()
"""A session has ended. `sender` is OIDCSession, `session` its row (tokens removed), `reason` a word such as
`logout`, `signed_out`, `replaced`, `backchannel_logout`, `frontchannel_logout`, `expired`."""
