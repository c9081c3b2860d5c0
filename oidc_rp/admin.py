"""The admin: who is signed in, who is who, and ending a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .flows.logout import OPLogout
from .models import OfflineGrant, OIDCIdentity, OIDCSession
from .offline_rows import revoke_grants
from .op_logout import end_here_and_at_op
from .session_rows import end_rows, end_rows_by_id
from .site_urls import build_absolute_uri


class LiveFilter(admin.SimpleListFilter):
    """Live, expired or ended."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", _("live")), ("expired", _("expired")), ("ended", _("ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OIDCSession]) -> QuerySet[OIDCSession]:
        match self.value():
            case "live":
                return queryset.filter(ended_at=None, expires_at__gt=timezone.now())
            case "expired":
                return queryset.filter(ended_at=None).exclude(expires_at__gt=timezone.now())
            case "ended":
                return queryset.exclude(ended_at=None)
        return queryset


if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin  # generic in the stubs only


class ReadOnlyAdmin(_ModelAdmin):
    """Rows that only this app writes: to look at, to search, to delete."""

    list_select_related = ("user",)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        user_model = get_user_model()
        known = {field.name for field in user_model._meta.get_fields()}
        names = dict.fromkeys((user_model.USERNAME_FIELD, user_model.get_email_field_name()))
        return [*(f"user__{name}" for name in names if name in known), "=sub", "=sid"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(OIDCIdentity)
class OIDCIdentityAdmin(ReadOnlyAdmin):
    """Which subject at which issuer is which user. Deleting one unlinks it."""

    list_display = ("user", "issuer", "sub", "created_at")
    list_filter = ("issuer", "created_at")

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [field for field in super().get_search_fields(request) if field != "=sid"]


@admin.register(OIDCSession)
class OIDCSessionAdmin(ReadOnlyAdmin):
    """The logins at this site, with the action to end them."""

    list_display = ("user", "alias", "sub", "acr", "created_at", "renewed_at", "expires_at", "ended_at", "end_reason")
    list_filter = (LiveFilter, "alias", "created_at")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("end_selected", "end_selected_at_op")
    exclude = ("sealed_tokens", "session_key")

    @admin.action(description=_("End the selected sessions"), permissions=["delete"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[OIDCSession]) -> None:
        """Sign these users out of these sessions, at once and in every process."""
        self._report_ended(request, end_rows_by_id(list(queryset.values_list("pk", flat=True)), "admin"))

    @admin.action(description=_("End the selected sessions, at the provider too"), permissions=["delete"])
    def end_selected_at_op(self, request: HttpRequest, queryset: QuerySet[OIDCSession]) -> None:
        """Sign these users out here, and ask each OP to end its session, and so to sign them out elsewhere."""
        uri = build_absolute_uri(request, reverse("oidc_rp:logout_callback"))
        ended, outcomes = end_here_and_at_op(list(queryset), "admin", uri)
        self._report_ended(request, ended)
        for outcome, count in outcomes.items():
            level, text = _describe(outcome, count)
            self.message_user(request, text % count, level)

    def delete_model(self, request: HttpRequest, obj: OIDCSession) -> None:
        end_rows(Q(pk=obj.pk), "admin")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[OIDCSession]) -> None:
        end_rows_by_id(list(queryset.values_list("pk", flat=True)), "admin")
        super().delete_queryset(request, queryset)

    def _report_ended(self, request: HttpRequest, ended: int) -> None:
        text = ngettext("%d session was ended.", "%d sessions were ended.", ended) % ended
        self.message_user(request, text, messages.SUCCESS)


class GrantFilter(admin.SimpleListFilter):
    """Live or ended."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", _("live")), ("ended", _("ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OfflineGrant]) -> QuerySet[OfflineGrant]:
        return queryset.filter(ended_at__isnull=self.value() == "live") if self.value() else queryset


@admin.register(OfflineGrant)
class OfflineGrantAdmin(ReadOnlyAdmin):
    """What users have granted for work in the background, with the action to revoke it."""

    list_display = ("user", "alias", "sub", "scopes", "created_at", "last_used_at", "ended_at", "end_reason")
    list_filter = (GrantFilter, "alias", "created_at")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("revoke_selected",)
    exclude = ("sealed_tokens",)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [field for field in super().get_search_fields(request) if field != "=sid"]

    @admin.action(description=_("Revoke the selected grants"), permissions=["delete"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[OfflineGrant]) -> None:
        """Let no job use these grants any more, and have the OP revoke their tokens."""
        count = _revoke_all(queryset)
        self.message_user(request, ngettext("%d grant was revoked.", "%d grants were revoked.", count) % count)

    def delete_model(self, request: HttpRequest, obj: OfflineGrant) -> None:
        revoke_grants(Q(pk=obj.pk), "admin")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[OfflineGrant]) -> None:
        _revoke_all(queryset)
        super().delete_queryset(request, queryset)


def _revoke_all(queryset: QuerySet[OfflineGrant]) -> int:
    return sum(revoke_grants(Q(pk=key), "admin") for key in queryset.values_list("pk", flat=True))


def _describe(outcome: OPLogout, count: int) -> tuple[int, str]:
    match outcome:
        case OPLogout.ENDED:
            return messages.SUCCESS, ngettext(
                "%d was ended at its provider too.", "%d were ended at their providers too.", count
            )
        case OPLogout.NEEDS_BROWSER:
            return messages.WARNING, ngettext(
                "%d may be alive at its provider, which wants to ask the user in their browser.",
                "%d may be alive at their providers, which want to ask the users in their browsers.",
                count,
            )
        case OPLogout.NO_ENDPOINT:
            return messages.WARNING, ngettext(
                "%d is alive at its provider, which has no way to end it.",
                "%d are alive at their providers, which have no way to end them.",
                count,
            )
        case OPLogout.FAILED:
            return messages.ERROR, ngettext(
                "%d may be alive at its provider, which refused or could not be reached. The log says why.",
                "%d may be alive at their providers, which refused or could not be reached. The log says why.",
                count,
            )
