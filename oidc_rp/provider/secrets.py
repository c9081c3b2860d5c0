"""Where a secret comes from: the setting itself, a mounted file, or a callable (a vault)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from oidc_rp.protocol.errors import ConfigurationError

Secret = str | Callable[[], str]
FILE_PREFIX = "file:"


def resolve_secret(source: Secret) -> str:
    """The secret's present value: a string as it is, `file:/path` read, a callable called.

    Nothing is kept, so that a secret that is rotated in its place is used at once.
    Raises ConfigurationError, without naming the value, if there is none.
    """
    value: object = source
    if callable(source):
        value = source()
    elif source.startswith(FILE_PREFIX):
        path = Path(source.removeprefix(FILE_PREFIX))
        try:
            value = path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise ConfigurationError(
                f"the secret's file {path} cannot be read: {error.strerror}", code="secret_unreadable"
            ) from error
        except UnicodeDecodeError:
            # Without its cause, which holds the file's content.
            raise ConfigurationError(f"the secret's file {path} is not UTF-8 text", code="secret_unreadable") from None
    if not (isinstance(value, str) and value):
        raise ConfigurationError("a secret is empty", code="secret_empty")
    return value
