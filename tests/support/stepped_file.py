"""Django's file engine for sessions, with each of its operations a step (see `steps`)."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.file import SessionStore as FileStore

from .steps import pause


class SessionStore(FileStore):
    def load(self) -> dict[str, Any]:
        pause("file.load")
        return super().load()

    def exists(self, session_key: str) -> bool:
        pause("file.exists")
        return super().exists(session_key)

    def save(self, must_create: bool = False) -> None:
        pause("file.save")
        super().save(must_create)

    def delete(self, session_key: str | None = None) -> None:
        pause("file.delete")
        super().delete(session_key)

    # Between its look at whether the file is there and its writing of it.
    def encode(self, session_dict: dict[str, Any]) -> str:
        pause("file.write")
        return super().encode(session_dict)
