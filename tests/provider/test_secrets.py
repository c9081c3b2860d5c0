from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oidc_rp.protocol.errors import ConfigurationError
from oidc_rp.provider.secrets import resolve_secret


def test_a_string_is_the_secret_itself() -> None:
    assert resolve_secret("s3cret") == "s3cret"


def test_a_callable_is_called_each_time() -> None:
    secrets = iter(["old", "new"])

    def ask_the_vault() -> str:
        return next(secrets)

    assert (resolve_secret(ask_the_vault), resolve_secret(ask_the_vault)) == ("old", "new")


@pytest.mark.parametrize(
    ("content", "secret"), [(b"s3cret", "s3cret"), (b"s3cret\r\n", "s3cret"), (b" s \xc3\xa9 \n", " s é ")]
)
def test_a_file_is_read_without_its_line_end(tmp_path: Path, content: bytes, secret: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    assert resolve_secret(f"file:{path}") == secret
    path.write_text("rotated")
    assert resolve_secret(f"file:{path}") == "rotated"


@pytest.mark.parametrize("value", ["", None, b"bytes"])
def test_a_callable_that_gives_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_secret(lambda: value)
    assert caught.value.code == "secret_empty"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(ConfigurationError) as caught:
        resolve_secret(f"file:{tmp_path / 'secret'}")
    assert caught.value.code == "secret_empty"


def test_a_missing_file_is_reported_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing cannot be read: No such file") as caught:
        resolve_secret(f"file:{tmp_path / 'missing'}")
    assert caught.value.code == "secret_unreadable"


def test_a_file_that_is_no_text_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"very secret \xff")
    with pytest.raises(ConfigurationError, match="is not UTF-8") as caught:
        resolve_secret(f"file:{tmp_path / 'secret'}")
    assert caught.value.code == "secret_unreadable"
    assert caught.value.__suppress_context__
