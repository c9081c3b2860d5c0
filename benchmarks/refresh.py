"""(g) Requests at once with an expired access token, at an OP that takes no refresh token twice, against two peers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from tempfile import TemporaryDirectory

from .common import Effort, Row
from .login import JOURNALS, start_site
from .processes import Child

# What the tables call them, by the name of the site.
PACKAGES: Mapping[str, str] = {"ours": "oidc_rp", "lasuite": "django-lasuite", "authcodeflow": "oauth2-authcodeflow"}
AT_ONCE = 10
# Long enough for all of them on a busy machine, so that one renewal is enough; it is waited for once.
LIFETIME_SECONDS = 15


def run(effort: Effort) -> list[Row]:
    """Count calls to the token endpoint, refused requests, and users who are signed out in the end."""
    users = effort.refresh_users
    with ExitStack() as stack:
        ops, sites = {}, {}
        for name in PACKAGES:
            environment = {"BENCHMARK_LOGIN_LIFETIME": "1", "BENCHMARK_LIFETIME": str(LIFETIME_SECONDS)}
            op = ops[name] = stack.enter_context(Child("stub_op", environment))
            directory = stack.enter_context(TemporaryDirectory())
            pragmas = JOURNALS["SQLite with WAL"]
            sites[name] = stack.enter_context(start_site(name, op, directory, pragmas, module="refresh_site"))
        for site in sites.values():
            site.ask("sign_in", users=users)
        # None of the packages is told of an access token that has expired already, so they are waited for.
        time.sleep(2)
        refused = {name: site.ask("race", at_once=AT_ONCE) for name, site in sites.items()}
        calls = {name: op.ask("counts").get("refresh", 0) for name, op in ops.items()}
        # The next renewal shows whether the session has a refresh token that the OP still takes.
        time.sleep(LIFETIME_SECONDS)
        lost = {name: site.ask("count_lost") for name, site in sites.items()}
    rows = []
    for peer in ("lasuite", "authcodeflow"):
        what = f"{AT_ONCE} requests at once at an expiry, oidc_rp / {PACKAGES[peer]}"
        rows += [
            Row(f"{what}: token calls, each user", calls["ours"] / users, calls[peer] / users, at_most=1),
            Row(f"{what}: requests refused of {users * AT_ONCE}", refused["ours"], refused[peer], at_most=0),
            Row(f"{what}: users lost of {users}", lost["ours"], lost[peer], at_most=0),
        ]
    return rows
