"""Floor 1: the specifications as pure functions and frozen dataclasses.

No I/O, no Django, no clock: bytes and the time come in, values or errors of
`oidc_rp.protocol.errors` go out.
"""
