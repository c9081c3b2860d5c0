"""Somebody on the way speaks for the OP, with a certificate that nobody has vouched for (RFC 9110 section 4.3.4)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import build_context, write_certificate
from tests.support.op_server import serve_op

from .attack import Attack, metadata
from .op import HostileOP
from .rp import RP


@pytest.mark.parametrize(
    ("certificate", "is_trusted"),
    [
        pytest.param({}, False, id="is_signed_by_itself"),
        pytest.param({"address": "127.0.0.2"}, True, id="is_for_another_host"),
        pytest.param({"age": timedelta(days=30)}, True, id="has_expired"),
        pytest.param({"age": timedelta(days=-30)}, True, id="is_not_valid_yet"),
    ],
)
def test_certificate_is_refused(rp: RP, tmp_path: Path, certificate: dict[str, Any], is_trusted: bool) -> None:
    path = write_certificate(tmp_path / "op.pem", **certificate)
    with serve_op(rp.op, HostileOP.respond, context=build_context(path)):
        rp.configure(ISSUER=rp.op.issuer, CA_BUNDLE=str(path) if is_trusted else None)
        rp.refuses(Attack(metadata(), "op_tls", "", 503))


def test_certificate_of_the_configured_authority(rp: RP, tmp_path: Path) -> None:
    path = write_certificate(tmp_path / "op.pem")
    with serve_op(rp.op, HostileOP.respond, context=build_context(path)):
        rp.configure(ISSUER=rp.op.issuer, CA_BUNDLE=str(path))
        rp.sign_in()
