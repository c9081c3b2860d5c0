"""The view of a step-up: where links and scripts begin the trip."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from .details import OIDCDetails
from .responses import protect
from .step_up_trips import begin, read_url


@login_not_required
@protect
@require_safe
def step_up(request: HttpRequest) -> HttpResponse:
    """Go to the OP for what a page demands, and then on to `next`; at once if it has been met meanwhile.

    `demand` in the query was sealed here (`step_up_trips.build_url`), so it is what a page of
    this site demands, and no wish of a stranger.
    """
    policy, next_url = read_url(request)
    if OIDCDetails(request).meets(policy):
        return HttpResponseRedirect(next_url)
    return begin(request, policy, next_url)
