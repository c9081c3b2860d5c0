"""The life of an OP session: begun by a password, raised by a second factor, ended once.

The OP does not use `request.user`: under settings where a relying party lives in the same process, that is the
relying party's user.
"""

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone
from oauth2_provider.models import Grant, RefreshToken
from oauth2_provider.settings import oauth2_settings

from demo_project.op.backchannel import build_frontchannel_urls, build_logout_messages
from demo_project.op.conf import logout_delivery
from demo_project.op.models import ACR, OPSession

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SESSION_KEY = "demo_op_sid"
FRESH_LOGIN_KEY = "demo_op_fresh_login"


def current_session(request: HttpRequest) -> OPSession | None:
    """The live OP session of this browser. The row is asked each time, for it may have been ended elsewhere."""
    sid = request.session.get(SESSION_KEY)
    if sid is None:
        return None
    return OPSession.objects.filter(sid=sid, ended=None, user__is_active=True).select_related("user").first()


def begin_session(request: HttpRequest, user: "User", *, return_to: str) -> list[str]:
    """Records that `user` has just given the password.

    The same user stays in the same OP session, with the acr of this authentication: a password alone does not
    make an older second factor fresh. Another user ends the session of the one before.

    `return_to` is the authentication request that asked for the login; that one, once, counts as met however
    small its `max_age`. Returns the front-channel logout URLs of a session that had to end.
    """
    session = current_session(request)
    frontchannel_urls: list[str] = []
    if session and session.user_id != user.pk:
        frontchannel_urls = end_session(session, issuer=oauth2_settings.oidc_issuer(request))
        session = None
    if session is None:
        session = OPSession(user=user)
    _authenticated(session, ACR.PWD)
    # A session id that someone else has planted must not become a signed-in one.
    request.session.cycle_key()
    rotate_token(request)
    request.session[SESSION_KEY] = session.sid
    request.session[FRESH_LOGIN_KEY] = _canonical(return_to)
    return frontchannel_urls


def raise_session(request: HttpRequest, session: OPSession) -> None:
    """Records that the user of this session has just given the second factor too."""
    _authenticated(session, ACR.MFA)
    request.session.cycle_key()


def _authenticated(session: OPSession, acr: ACR) -> None:
    session.acr = acr
    session.auth_time = timezone.now()
    session.save()


def is_fresh_login(request: HttpRequest, return_to: str) -> bool:
    return bool(request.session.get(FRESH_LOGIN_KEY) == _canonical(return_to))


def _canonical(url: str) -> str:
    """The parameters alone, sorted: on the way through the browser their encoding may change."""
    return urlencode(sorted(parse_qsl(urlsplit(url).query)))


def use_up_fresh_login(request: HttpRequest) -> None:
    request.session.pop(FRESH_LOGIN_KEY, None)


def sign_out(request: HttpRequest) -> list[str]:
    """Ends the OP session of this browser and returns its front-channel logout URLs."""
    session = current_session(request)
    if session is None:
        return []
    del request.session[SESSION_KEY]
    use_up_fresh_login(request)
    request.session.cycle_key()
    return end_session(session, issuer=oauth2_settings.oidc_issuer(request))


def end_session(session: OPSession, *, issuer: str) -> list[str]:
    """Ends the session, its codes and its tokens, and tells the relying parties of this session, and no others.

    Returns the front-channel logout URLs, which only a browser can call.
    """
    with transaction.atomic():
        if not OPSession.objects.filter(pk=session.pk, ended=None).update(ended=timezone.now()):
            return []
        Grant.objects.filter(op_login__session=session).delete()
        # Back-Channel Logout 1.0 section 2.7: tokens granted with offline_access survive.
        families = session.logins.filter(offline=False, token_family__isnull=False)
        for family in families.values_list("token_family", flat=True):
            RefreshToken.revoke_family(family)
    logout_delivery()(build_logout_messages(session, issuer))
    return build_frontchannel_urls(session, issuer)
