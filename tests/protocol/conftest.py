"""Property tests: the same examples at each run, and few enough to stay fast."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("oidc_rp", max_examples=200, derandomize=True, database=None, deadline=None)
settings.load_profile("oidc_rp")
