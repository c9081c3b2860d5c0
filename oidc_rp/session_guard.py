"""A session that has been ended stays ended, whichever session engine keeps it.

Django's engines alone do not promise that. A request that was under way when the
session was deleted may write it again (cache), or read it from the database just
before and put it into the cache just after (cached_db); and a signed cookie cannot be
deleted at all. So the row is asked, in each engine only where it has to be:

- after every save of a session that a login here started. The order matters: a logout,
  by whatever way, marks the row and then deletes the session; a save writes the session
  and then reads the row. Whichever comes first, one of the two sees the other. Of the
  database this needs that a committed statement is visible to those that begin later
  (READ COMMITTED, or SQLite's one writer at a time).
- cached_db: also when a session was not in the cache and came from the database.
- signed_cookies: whenever a session is loaded.

The guard also keeps the row's `session_key` true when Django changes the key, and ends
the row when the session is flushed. In async code it does so in a thread: the row is a
query anyhow, and some engines' async methods are their sync ones.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.backends.cached_db import SessionStore as CachedDBStore
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookieStore
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from .session_rows import end_row, is_alive, keep_session
from .steps import arun, run

# Where a login's authentication context is in the Django session.
SESSION_KEY = "_oidc_rp"

# The mixins below are put in front of the configured engine; these say what they may expect of it.
if TYPE_CHECKING:

    class _Base(SessionBase):
        _session_cache: dict[str, Any]

    _CachedDBBase = CachedDBStore
else:
    _Base = _CachedDBBase = object


class Renewer(Protocol):
    """What renews the session of one request."""

    def renew_on_load(self, data: dict[str, Any], context: Any) -> Generator[float, None, dict[str, Any]]:
        """The session's data as the request is to see them."""


class RenewerType(Protocol):
    """What knows whether a session is to be renewed, and makes the renewer if it is (`renewal.Renewal`)."""

    def __call__(self, request: HttpRequest, session: GuardedSession) -> Renewer: ...

    def find_due(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        """What is to be renewed of a session as loaded; None for nothing."""


def guard(session: SessionBase) -> GuardedSession:
    """Make one request's session object ask the row, as described above. Costs no query and loads nothing."""
    guarded: Any = session
    guarded.__class__ = _guarded(type(session))
    return guarded  # type: ignore[no-any-return]  # that is what it is now


@cache
def _guarded(engine: type[SessionBase]) -> type[SessionBase]:
    if issubclass(engine, GuardedSession):
        return engine
    if issubclass(engine, SignedCookieStore):
        mixin: type[GuardedSession] = _CookieGuard
    elif issubclass(engine, CachedDBStore):
        mixin = _CachedDBGuard
    else:
        mixin = GuardedSession
    # Under the engine's own name: Django's SessionBase makes it part of the key that sessions are signed with.
    return type(engine.__name__, (mixin, engine), {"__qualname__": engine.__qualname__})


class GuardedSession(_Base):
    """What every engine needs: the row is asked after a save, and ends with a flush; a load may renew the session."""

    keyed: ClassVar[bool] = True
    # Set by our middleware: whose session this is, and what to ask when it is loaded. The renewer itself is made when
    # there is something to renew, so that an ordinary request pays for two assignments and a comparison.
    request: HttpRequest
    renewer_type: RenewerType | None = None
    renewer: Renewer | None = None
    # Then a rotated refresh token has no way to the browser any more.
    response_begun = False
    # Withheld data are not to be overwritten by what this request leaves in their place.
    withheld = False

    @property
    def is_loaded(self) -> bool:
        """Whether somebody has asked for the session's data. Loads nothing."""
        return hasattr(self, "_session_cache")

    @property
    def is_over(self) -> bool:
        """Whether this request has found no session of a login here. Loads nothing."""
        data = self.__dict__.get("_session_cache")
        return data is not None and SESSION_KEY not in data and not self.withheld

    def keep(self) -> bool:
        """Tell the row under which key, and until when, this session is kept; False if the row has ended."""
        key = self.session_key if self.keyed else None
        return keep_session(self[SESSION_KEY]["id"], key or "", self.get_expiry_date())

    def load(self) -> dict[str, Any]:
        return self.renew(self.read())

    async def aload(self) -> dict[str, Any]:
        # Some engines' aload() is their load(), which would renew the session here, in the event loop.
        renewer_type, self.renewer_type = self.renewer_type, None
        try:
            data = await self.aread()
        finally:
            self.renewer_type = renewer_type
        return await self.arenew(data)

    def read(self) -> dict[str, Any]:
        """What the engine has of the session, if its row is alive where that has to be asked."""
        return super().load()

    async def aread(self) -> dict[str, Any]:
        """The same, without blocking the event loop."""
        return await super().aload()

    def renew(self, data: dict[str, Any]) -> dict[str, Any]:
        """`data` as loaded, renewed if they are due."""
        renewer_type = self.renewer_type
        due = None if renewer_type is None else renewer_type.find_due(self.request, data)
        return data if due is None else run(self.get_renewer().renew_on_load(data, due))

    async def arenew(self, data: dict[str, Any]) -> dict[str, Any]:
        """The same without blocking the event loop."""
        renewer_type = self.renewer_type
        due = None if renewer_type is None else renewer_type.find_due(self.request, data)
        return data if due is None else await arun(self.get_renewer().renew_on_load(data, due))

    def get_renewer(self) -> Renewer:
        """The renewer of this request, made at the first call. Raises ImproperlyConfigured without our middleware."""
        if self.renewer_type is None:
            raise ImproperlyConfigured("OIDCMiddleware is not in MIDDLEWARE: tokens cannot be renewed.")
        if self.renewer is None:
            self.renewer = self.renewer_type(self.request, self)
        return self.renewer

    def renew_loaded(self) -> bool:
        """Renew a session that was loaded before it was guarded, if it is due; whether there is still one."""
        self._session_cache = self.renew(self._session_cache)
        return bool(self._session_cache)

    async def arenew_loaded(self) -> bool:
        """The same without blocking the event loop."""
        self._session_cache = await self.arenew(self._session_cache)
        return bool(self._session_cache)

    def save(self, must_create: bool = False) -> None:
        if self.withheld and not must_create:
            return
        self.withheld = False
        super().save(must_create)
        if SESSION_KEY in self and not self.keep():
            self.delete(self.session_key)
            # A key that is just being made or changed belongs to a request that will save again at
            # its end; that is where SessionMiddleware answers this error with a 400.
            if not must_create:
                raise UpdateError("the OpenID Connect session has ended")

    def flush(self) -> None:
        context = self.get(SESSION_KEY)
        if context is not None:
            # Also under another key, which a request that is under way may have given to the session meanwhile.
            end_row(context["id"], "signed_out")
        super().flush()

    async def asave(self, must_create: bool = False) -> None:
        await sync_to_async(self.save)(must_create)

    async def acreate(self) -> None:
        await sync_to_async(self.create)()

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()

    def drop_if_ended(self, data: dict[str, Any]) -> dict[str, Any]:
        """`data` as loaded; empty if it is that of a session which has ended."""
        return data if SESSION_KEY not in data or is_alive(data[SESSION_KEY]["id"]) else self.drop()

    def drop(self) -> dict[str, Any]:
        """No data, for a session that has ended."""
        self.delete(self.session_key)
        # As Django leaves a session that it does not find, so that the next save makes a new one.
        self._session_key = None
        return {}

    def withhold(self) -> dict[str, Any]:
        """No data, for a request that may not use the session now. What is stored stays."""
        self.withheld = True
        return {}


class _CookieGuard(GuardedSession):
    """The data come from the browser, which may bring an old cookie back at any time."""

    keyed = False

    def cycle_key(self) -> None:
        # There is no key to change, and an error of the save that Django does here would have nobody to answer it.
        self.modified = True

    def read(self) -> dict[str, Any]:
        return self.drop_if_ended(super().read())

    async def aread(self) -> dict[str, Any]:
        return await sync_to_async(self.read)()


class _CachedDBGuard(GuardedSession, _CachedDBBase):
    """A load that missed the cache fills it, maybe after a logout has emptied it."""

    from_database = False

    def read(self) -> dict[str, Any]:
        data = super().read()
        return self.drop_if_ended(data) if self.from_database else data

    async def aread(self) -> dict[str, Any]:
        data = await super().aread()
        return await sync_to_async(self.drop_if_ended)(data) if self.from_database else data

    def _get_session_from_db(self) -> Any:
        self.from_database = True
        return super()._get_session_from_db()  # type: ignore[misc]  # private, so not in the stubs

    async def _aget_session_from_db(self) -> Any:
        self.from_database = True
        return await super()._aget_session_from_db()  # type: ignore[misc]  # likewise
