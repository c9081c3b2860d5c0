from __future__ import annotations

from pathlib import Path

import pytest

from demo_project.launcher.plan import DemoError, build_plan, check_ports
from demo_project.rp.management.commands.demo import describe

USERS = """\
alice / alice-demo  TOTP secret AAAA  otpauth://totp/x
bob / bob-demo  TOTP secret BBBB  otpauth://totp/y
site-a at http://localhost:9001
"""


def test_parts_get_consecutive_ports_and_know_each_other(tmp_path: Path) -> None:
    parts = build_plan(9000, tmp_path, {})
    assert [(part.name, part.url) for part in parts] == [
        ("OP", "http://localhost:9000"),
        ("Site A", "http://localhost:9001"),
        ("Site B", "http://localhost:9002"),
    ]
    for part in parts:
        assert part.environment["DEMO_OP_URL"] == "http://localhost:9000"
        assert part.environment["DEMO_DATA_DIR"] == str(tmp_path)


def test_each_site_has_its_own_secret_only(tmp_path: Path) -> None:
    op, a, b = build_plan(9000, tmp_path, {})
    assert op.environment["DEMO_SITE_A_SECRET"] == a.environment["DEMO_SITE_A_SECRET"]
    assert op.environment["DEMO_SITE_B_SECRET"] == b.environment["DEMO_SITE_B_SECRET"]
    assert "DEMO_SITE_B_SECRET" not in a.environment
    assert "DEMO_SITE_A_SECRET" not in b.environment


def test_secrets_are_new_for_each_run(tmp_path: Path) -> None:
    first, second = (build_plan(9000, tmp_path, {})[1].environment["DEMO_SITE_A_SECRET"] for _ in range(2))
    assert first != second


def test_environment_of_a_lone_site_does_not_reach_the_demo(tmp_path: Path) -> None:
    environ = {"PATH": "/bin", "OIDC_PROVIDERS": "{}", "DEMO_SITE_DB": "x", "DEMO_ACCESS_TOKEN_SECONDS": "30"}
    for part in build_plan(9000, tmp_path, environ):
        assert part.environment["PATH"] == "/bin"
        assert part.environment["DEMO_ACCESS_TOKEN_SECONDS"] == "30"
        assert part.environment.keys().isdisjoint({"OIDC_PROVIDERS", "DEMO_SITE_DB"})


@pytest.mark.parametrize("base_port", [-1, 65_534, 100_000])
def test_ports_beyond_the_range_are_refused(tmp_path: Path, base_port: int) -> None:
    with pytest.raises(DemoError, match="is not a port"):
        check_ports([part for part in build_plan(base_port, tmp_path, {}) if not 0 < part.port < 65_536])


def test_description_names_urls_and_accounts(tmp_path: Path) -> None:
    (tmp_path / "accounts.txt").write_text(USERS)
    text = describe(build_plan(9000, tmp_path, {}))
    assert "  Site B  http://localhost:9002  another, which asks for more" in text
    assert "  alice  alice-demo  AAAA" in text
    assert "  bob    bob-demo    BBBB" in text
    assert "http://localhost:9000/authenticator/" in text
