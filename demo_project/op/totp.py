"""The second factor: codes of RFC 6238, each accepted once, with a limit on guessing."""

from datetime import timedelta
from enum import Enum

from django.db.models import F
from django.utils import timezone
from pyotp.utils import strings_equal

from demo_project.op.models import Account

MAX_FAILURES = 5
LOCK_TIME = timedelta(seconds=60)


class Outcome(Enum):
    """What became of a code. The value is what the user reads."""

    ACCEPTED = ""
    WRONG = "This code is not right."
    REPLAYED = "This code has been used already. Wait for the next one."
    LOCKED = "Too many wrong codes. Try again in a minute."


def check_code(account: Account, code: str) -> Outcome:
    """Accepts the code of the current step of 30 s, the one before and the one after (RFC 6238 section 5.2)."""
    now = timezone.now()
    if account.totp_locked_until and account.totp_locked_until > now:
        return Outcome.LOCKED
    current = current_step(account)
    for step in (current, current - 1, current + 1):
        if strings_equal(code, code_at(account, step)):
            return _accept_once(account, step)
    return _count_failure(account)


def current_step(account: Account) -> int:
    return account.totp.timecode(timezone.now())


def code_at(account: Account, step: int) -> str:
    return account.totp.generate_otp(step)


def _accept_once(account: Account, step: int) -> Outcome:
    # Compare and set: of two requests with the same code at the same time, one is refused.
    fresh = Account.objects.filter(pk=account.pk, totp_last_step__lt=step).update(
        totp_last_step=step, totp_failures=0, totp_locked_until=None
    )
    return Outcome.ACCEPTED if fresh else Outcome.REPLAYED


def _count_failure(account: Account) -> Outcome:
    Account.objects.filter(pk=account.pk).update(totp_failures=F("totp_failures") + 1)
    account.refresh_from_db(fields=["totp_failures"])
    if account.totp_failures < MAX_FAILURES:
        return Outcome.WRONG
    account.totp_locked_until = timezone.now() + LOCK_TIME
    account.totp_failures = 0
    account.save(update_fields=["totp_locked_until", "totp_failures"])
    return Outcome.LOCKED
