"""A form that was sent before its step-up: kept in the session until the user is back, for views that opt in.

It is not sent again by itself: the view shows it once more, filled in, and the user
confirms. What was entered is sealed, for this subject and this page; it can be taken once,
within ten minutes, and only in the session that it was entered in. Uploaded files are not kept.
"""

from __future__ import annotations

import json
import secrets
import time

from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookieStore
from django.http import HttpRequest, QueryDict

from .cache import DjangoSharedCache
from .models import digest
from .sealing import SealError, open_sealed, seal
from .session_data import AuthenticationContext, read_context

MAX_FORM_BYTES = 65_536
LIFETIME_SECONDS = 600
_KEY = "_oidc_rp_form"
_PURPOSE = "kept form"


def keep_form(request: HttpRequest, context: AuthenticationContext) -> bool:
    """Keep the posted form for the page that it was sent to; False if it cannot be kept.

    That is: no form, or one over 64 KB; or sessions in cookies, where nothing is kept on the server.
    """
    if request.method != "POST" or not request.POST or isinstance(request.session, SignedCookieStore):
        return False
    fields = request.POST.copy()
    fields.pop("csrfmiddlewaretoken", None)
    text = fields.urlencode()
    if len(text) > MAX_FORM_BYTES:
        return False
    kept = {"form": text, "at": time.time(), "id": secrets.token_hex(16)}
    request.session[_KEY] = seal(json.dumps(kept).encode(), _PURPOSE, _owner(request, context))
    return True


def take_form(request: HttpRequest) -> QueryDict | None:
    """The form that was kept for this page, once; None if there is none.

    Show it to the user to confirm: `TransferForm(initial=form.dict())`. Do not act upon it.
    Of two requests at once, one gets it (an atomic `add` to the cache that OIDC_RP_CACHE names).
    """
    context = read_context(request.session) if request.user.is_authenticated else None
    if context is None or _KEY not in request.session:
        return None
    try:
        kept = json.loads(open_sealed(request.session[_KEY], _PURPOSE, _owner(request, context)))
    except SealError:
        return None  # another page's, or under a key that is gone
    del request.session[_KEY]
    if time.time() - kept["at"] > LIFETIME_SECONDS:
        return None
    if not DjangoSharedCache().add(f"oidc_rp:form:{kept['id']}", LIFETIME_SECONDS):
        return None
    return QueryDict(kept["form"])


def _owner(request: HttpRequest, context: AuthenticationContext) -> str:
    return digest(context.iss, context.sub, request.path)
