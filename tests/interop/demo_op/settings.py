"""The demo's OP, with the keys that it has signed with before."""

from demo_project.op.settings import *  # noqa: F403 -- settings that extend others do so
from demo_project.op.settings import DATA_DIR, OAUTH2_PROVIDER

OAUTH2_PROVIDER["OIDC_RSA_PRIVATE_KEYS_INACTIVE"] = [path.read_text() for path in sorted(DATA_DIR.glob("old-*.pem"))]
