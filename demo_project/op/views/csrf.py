"""A form from before a login in another tab: its CSRF token is not the present one any more."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from demo_project.op.sessions import current_session
from demo_project.op.views.page import local_path


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """On with what the page was for, if there is a session by now; else to the same page, with a new token.

    Nothing of what was sent is used: a forged form gets the victim to no more than a page.
    """
    destination = local_path(request, request.GET.get("next"))
    if destination is None or current_session(request) is None:
        destination = request.get_full_path()
    return HttpResponseRedirect(destination, status=303)
