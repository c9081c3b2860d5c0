"""One part of the demo over TLS: `python -m tests.e2e.tls_child PORT CERTIFICATE [SEED-COMMAND]`.

The launcher's child with a certificate: for browsers that are to see the OP and the sites on different sites, as
they are in the world. Says so when it listens, and serves until its standard input is closed.
"""

from __future__ import annotations

import ssl
import sys
from threading import Thread

import django
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections

from demo_project.launcher.child import ADDRESS

LISTENING = "listening"


def main(port: str, certificate: str, *seeds: str) -> None:
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    for seed in seeds:
        call_command(seed, verbosity=0)
    connections.close_all()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadedWSGIServer((ADDRESS, int(port)), WSGIRequestHandler) as server:
        # The handshake is left to the thread of the connection: browsers open some that they do not use.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.base_environ["HTTPS"] = "on"
        server.set_app(get_wsgi_application())
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        print(LISTENING, flush=True)  # noqa: T201 -- the message to the parent
        sys.stdin.buffer.read()
        server.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
