"""Which device each session is at, and what its browser is told when the session has ended without it."""

import re
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from demo_project.rp.journal.middleware import read_browser
from demo_project.rp.models import Device
from oidc_rp.signals import session_started

if TYPE_CHECKING:
    from oidc_rp.models import OIDCSession

ENDED_BY_USER = "ended_by_user"
NOTICES = {
    "backchannel_logout": "You were signed out by the provider.",
    "frontchannel_logout": "You were signed out by the provider.",
    ENDED_BY_USER: "You were signed out from another device.",
}
# In the order in which they have to be looked for: most browsers name others too, to be taken for them.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone|iPad": "iOS",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "Linux": "Linux",
}


def connect() -> None:
    session_started.connect(_remember, dispatch_uid="demo_rp.devices")


def describe(user_agent: str) -> str:
    """For example "Firefox on Linux"; "Unknown device" if the header tells nothing."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    return " on ".join(filter(None, (browser, system))) or "Unknown device"


def take_notice(browser: str) -> str:
    """Why this browser's last session ended, if somebody else has ended it; once."""
    ended = Device.objects.filter(browser=browser, session__end_reason__in=NOTICES).exclude(browser="")
    device = ended.select_related("session").first()
    # Of two tabs that ask at once, one is told.
    if device is None or not Device.objects.filter(pk=device.pk, browser=browser).update(browser=""):
        return ""
    return NOTICES[device.session.end_reason]


def _remember(session: "OIDCSession", request: HttpRequest, **_: Any) -> None:
    browser = read_browser(request)
    if browser:
        # What became of the session before is no news any more.
        Device.objects.filter(browser=browser).update(browser="")
    Device.objects.create(session=session, browser=browser, name=describe(request.headers.get("User-Agent", "")))


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for pattern, name in names.items() if re.search(pattern, user_agent)), "")
