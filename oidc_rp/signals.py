"""Signals: what other apps may want to know."""

from django.dispatch import Signal

op_called = Signal()
"""A call to an OP has ended. `sender` is Provider, `exchange` an `oidc_rp.provider.Exchange`.

Sent in the thread that made the call. A receiver that raises is logged and does no harm.
"""
