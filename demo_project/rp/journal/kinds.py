"""Kinds of trips and of messages."""

from django.db.models import TextChoices


class TripKind(TextChoices):
    SIGN_IN = "sign-in", "Sign-in"
    SILENT = "silent", "Silent sign-in"
    DEMANDING = "demanding", "Sign-in with demands"
    SIGN_OUT = "sign-out", "Sign-out"
    OP_SIGN_OUT = "op-sign-out", "Sign-out by the OP"
    RENEWAL = "renewal", "Renewal"
    OTHER = "other", "Calls to the OP"


class MessageKind(TextChoices):
    """Who says what to whom; `diagram.py` knows how to show each."""

    PAGE_REQUEST = "page-request"
    PAGE_ANSWER = "page-answer"
    AUTHENTICATION_REQUEST = "authentication-request"
    AUTHENTICATION_RESPONSE = "authentication-response"
    CALL = "call"
    ANSWER = "answer"
    SESSION_STARTED = "session-started"
    SESSION_RENEWED = "session-renewed"
    SESSION_ENDED = "session-ended"
    LOGOUT_REQUEST = "logout-request"
    LOGOUT_RESPONSE = "logout-response"
    BACKCHANNEL_REQUEST = "backchannel-request"
    BACKCHANNEL_ANSWER = "backchannel-answer"
