"""What a step-up demands, and what came back, in words for people."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .protocol.step_up import Authentication, Requirement


def describe_demands(requirement: Requirement) -> list[str]:
    """Each thing that is demanded, as a phrase."""
    demands = []
    if requirement.acr_values:
        demands.append(_("a sign-in of the kind %(kind)s") % {"kind": _join(requirement.acr_values)})
    demands += [_("the method %(method)s") % {"method": _join(methods)} for methods in requirement.amr]
    if requirement.max_age is not None:
        demands.append(
            _("a sign-in no longer ago than %(time)s") % {"time": describe_duration(requirement.max_age)}
            if requirement.max_age
            else _("a sign-in just now")
        )
    return demands


def describe_reached(requirement: Requirement, actual: Authentication, *, now: float) -> list[str]:
    """What the OP said of each thing that is demanded, as a phrase. `now` is in Unix seconds."""
    phrases = []
    if requirement.acr_values:
        phrases.append(
            _("a sign-in of the kind %(kind)s") % {"kind": _join([actual.acr])}
            if actual.acr
            else _("no kind of sign-in")
        )
    if requirement.amr:
        phrases.append(
            _("the methods %(methods)s") % {"methods": ", ".join(map(_quote, actual.amr))}
            if actual.amr
            else _("no methods")
        )
    if requirement.max_age is not None:
        phrases.append(
            _("a sign-in %(time)s ago") % {"time": describe_duration(max(0, int(now - actual.auth_time)))}
            if actual.auth_time
            else _("no time of the sign-in")
        )
    return phrases


def describe_duration(seconds: int) -> str:
    """For example "5 minutes": rounded up, and in the largest unit of which there are two."""
    if seconds > 48 * 3600:
        days = -(-seconds // 86_400)
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if seconds > 7_200:
        hours = -(-seconds // 3_600)
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    if seconds >= 120:
        minutes = -(-seconds // 60)
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}


def _join(values: Sequence[str]) -> str:
    return _(" or ").join(map(_quote, values))


def _quote(value: str) -> str:
    return _("\N{LEFT DOUBLE QUOTATION MARK}%(value)s\N{RIGHT DOUBLE QUOTATION MARK}") % {"value": value[:255]}
