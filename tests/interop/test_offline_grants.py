"""Access for jobs, which goes on when the user has signed out."""

from __future__ import annotations

import pytest

from .browser import Browser
from .op import OP
from .running import wait_until
from .site import Client, Site


@pytest.mark.feature("Offline grant of a client for jobs, after the logout")
def test_grant_of_another_client(op: OP, site: Site, browser: Browser) -> None:
    client = connect(op, site)
    grant_outlives_the_session(client, connect(op, site), browser)


@pytest.mark.feature("Offline grant of the session's own client, after the logout")
def test_grant_of_the_same_client(op: OP, site: Site, browser: Browser) -> None:
    client = connect(op, site)
    grant_outlives_the_session(client, client, browser)


def connect(op: OP, site: Site) -> Client:
    op.require("scopes_supported", "offline_access")
    return site.connect(op, grant_types=["authorization_code", "refresh_token"])


def grant_outlives_the_session(client: Client, for_jobs: Client, browser: Browser) -> None:
    session = client.sign_in(browser)
    for_jobs.grant_offline(browser)
    assert client.who(browser) == session
    of_the_session, first = client.tokens(browser)["access_token"], for_jobs.offline_token()["access_token"]
    client.sign_out(browser)
    # As far as that goes at this OP: the tokens of the session are revoked.
    wait_until(lambda: client.introspect(of_the_session)["active"] is False)
    answers: list[dict[str, str]] = []

    def has_asked_the_op() -> bool:
        answers.append(for_jobs.offline_token(first))
        # An access token that is only seconds old is not replaced.
        return answers[-1].get("error") != "not_renewable"

    wait_until(has_asked_the_op)
    assert "access_token" in answers[-1], f"{answers[-1]}\n{client.site.server.read_log()}"
    assert for_jobs.introspect(answers[-1]["access_token"])["active"] is True
