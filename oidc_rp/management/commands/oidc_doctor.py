"""`manage.py oidc_doctor`: is each provider configured as its OP wants it, and what is to be registered there."""

from __future__ import annotations

import json
import shutil
import textwrap
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.checks import CheckMessage
from django.core.management.base import BaseCommand, CommandError

from oidc_rp.conf import app_settings
from oidc_rp.doctor import Report, diagnose
from oidc_rp.doctor_comparisons import Finding, Status
from oidc_rp.provider.options import find_nearest
from oidc_rp.providers import UnknownProviderError, providers
from oidc_rp.settings_checks import find_origin_fault, read_providers

PLACEHOLDER_ORIGIN = "https://your-site.example"
_STATUS_WIDTH = 9
_TOPIC_WIDTH = 28
_INDENT = 2 + _STATUS_WIDTH + _TOPIC_WIDTH
_LABELS: Mapping[Status, str] = {"ok": "OK", "warning": "warning", "fault": "FAULT"}


class Command(BaseCommand):
    """Compares the settings of the providers with their OPs. Exit status 1 if there is a fault."""

    help = "Compares the settings of one provider, or of all, with what the OPs say, and lists the URIs to register."
    # What is wrong with a provider is among its findings, and must not hide those of the others.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("alias", nargs="?", help="the provider; all of OIDC_PROVIDERS if left out")
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")
        parser.add_argument("--base-url", metavar="URL", help="this site's origin, if OIDC_RP_BASE_URL is not set")

    def handle(self, *args: Any, **options: Any) -> None:
        configured = read_providers()
        if isinstance(configured, CheckMessage):
            raise CommandError(f"{configured.msg} {configured.hint}")
        aliases = [options["alias"]] if options["alias"] else list(configured)
        if not aliases:
            raise CommandError("OIDC_PROVIDERS is empty. Providers of a loader are examined one by one, by alias.")
        origin, several = _find_origin(options["base_url"]), _has_several()
        try:
            reports = [diagnose(alias, origin, several=several) for alias in aliases]
        except UnknownProviderError as error:
            raise CommandError(_explain_unknown(error.args[0])) from None
        if options["json"]:
            self.stdout.write(json.dumps([report.as_json() for report in reports], indent=2))
        else:
            for report in reports:
                self._print(report, max(60, min(shutil.get_terminal_size().columns, 120)))
        faulty = [str(report.alias) for report in reports if report.status == "fault"]
        if faulty:
            raise CommandError(f"There are faults: {', '.join(faulty)}.")

    def _print(self, report: Report, width: int) -> None:
        title = f"Provider {report.alias}: {report.issuer or 'cannot be used'}"
        self.stdout.write(self.style.MIGRATE_HEADING(title))
        for finding in report.findings:
            self._print_finding(finding, width)
        self.stdout.write("\n  To register at the OP for this client:")
        if str(report.registration.redirect_uri).startswith(PLACEHOLDER_ORIGIN):
            self.stdout.write(
                f"    ({PLACEHOLDER_ORIGIN} stands for this site: set OIDC_RP_BASE_URL or give --base-url)"
            )
        for name, url in asdict(report.registration).items():
            if url is not None:
                # Never wrapped: it is copied from here.
                self.stdout.write(f"    {name.ljust(_INDENT - 4)}{url}")
        self.stdout.write("")

    def _print_finding(self, finding: Finding, width: int) -> None:
        styles = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "fault": self.style.ERROR}
        label = styles[finding.status](_LABELS[finding.status].ljust(_STATUS_WIDTH))
        found, *further = [*_wrap(finding.found, width), *_wrap(finding.advice, width, mark="-> ")]
        self.stdout.write(f"  {label}{finding.topic.replace('_', ' ').ljust(_TOPIC_WIDTH)}{found}")
        for line in further:
            self.stdout.write(" " * _INDENT + line)


def _wrap(text: str, width: int, mark: str = "") -> list[str]:
    # Words are not broken, nor at hyphens: most of the long ones are URLs.
    return textwrap.wrap(
        text,
        width - _INDENT,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _find_origin(given: str | None) -> str:
    name, origin = ("--base-url", given) if given else ("OIDC_RP_BASE_URL", app_settings.base_url)
    if origin is None:
        return PLACEHOLDER_ORIGIN
    fault = find_origin_fault(origin)
    if fault is not None:
        raise CommandError(f"{name} {fault}.")
    return origin


def _has_several() -> bool:
    return app_settings.provider_loader is not None or len(list(providers)) > 1


def _explain_unknown(alias: object) -> str:
    nearest = find_nearest(str(alias), map(str, providers))
    return f"There is no provider {alias!r}.{f' Did you mean {nearest!r}?' if nearest else ''}"
