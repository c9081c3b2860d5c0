"""Which processes the demo has, and what each is told."""

import errno
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "localhost"
MAX_PORT = 65_535
# Of the variables that the OP and the sites read, what a user may set for a run.
KEPT = frozenset({"DEMO_ACCESS_TOKEN_SECONDS", "DEMO_LOGOUT_CHANNEL"})


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


@dataclass(frozen=True)
class Part:
    """One process of the demo."""

    name: str
    purpose: str
    port: int
    health_path: str
    environment: Mapping[str, str]
    # A management command that fills the database, and where its output goes.
    seed: tuple[str, Path] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


def build_plan(base_port: int, folder: Path, environ: Mapping[str, str]) -> list[Part]:
    """The OP and both sites on consecutive ports, with new secrets and every file in `folder`."""
    op_port, a_port, b_port = ports = range(base_port, base_port + 3)
    secret_a, secret_b = {"DEMO_SITE_A_SECRET": _secret()}, {"DEMO_SITE_B_SECRET": _secret()}
    shared = {
        **{name: value for name, value in environ.items() if _is_passed_on(name)},
        "DEMO_DATA_DIR": str(folder),
        **{
            f"DEMO_{who}_URL": f"http://{HOST}:{port}"
            for who, port in zip(("OP", "SITE_A", "SITE_B"), ports, strict=True)
        },
    }
    site = {**shared, "DJANGO_SETTINGS_MODULE": "demo_project.settings"}
    return [
        Part(
            "OP",
            "the OpenID Provider",
            op_port,
            "/o/.well-known/openid-configuration",
            {**shared, **secret_a, **secret_b, "DJANGO_SETTINGS_MODULE": "demo_project.op.settings"},
            seed=("seed_demo_op", folder / "accounts.txt"),
        ),
        Part("Site A", "a site that signs in there", a_port, "/health/", {**site, **secret_a, "DEMO_SITE": "a"}),
        Part("Site B", "another, which asks for more", b_port, "/health/", {**site, **secret_b, "DEMO_SITE": "b"}),
    ]


def check_ports(parts: list[Part]) -> None:
    """Raises DemoError for a port that is taken, on any of the addresses that browsers try for localhost."""
    for part in parts:
        if not 0 < part.port <= MAX_PORT:
            raise DemoError(f"{part.port} is not a port. Choose another with --base-port.")
        for family, kind, protocol, _, address in socket.getaddrinfo(HOST, part.port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                # Connections of an earlier run that are still being closed do not matter.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(address)
                except OSError as error:
                    if error.errno in (errno.EADDRINUSE, errno.EACCES):
                        raise DemoError(_describe_taken(part, error.errno)) from None


def _describe_taken(part: Part, number: int) -> str:
    reason = "is used by another program" if number == errno.EADDRINUSE else "may not be used by this user"
    return f"Port {part.port}, for {part.name}, {reason}. Choose others with --base-port."


def _is_passed_on(name: str) -> bool:
    """Variables meant for a site that runs alone would lead the demo's sites elsewhere."""
    return name in KEPT or not name.startswith(("DEMO_", "OIDC_", "DJANGO_"))


def _secret() -> str:
    return secrets.token_urlsafe(32)
