"""One process of the demo: `python -m demo_project.launcher.child PORT [--seed COMMAND FILE]`.

Brings the database up to date, fills it and serves until its standard input is closed. That happens however the
launcher ends, so that no process can outlive it.
"""

import argparse
import sys
from pathlib import Path
from threading import Thread

import django
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections

ADDRESS = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo_project.launcher.child")
    parser.add_argument("port", type=int)
    parser.add_argument("--seed", nargs=2, metavar=("COMMAND", "FILE"))
    options = parser.parse_args()
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    if options.seed:
        command, path = options.seed
        with Path(path).open("w") as output:
            call_command(command, stdout=output)
    connections.close_all()
    serve_until_stdin_closes(options.port)


def serve_until_stdin_closes(port: int) -> None:
    with ThreadedWSGIServer((ADDRESS, port), WSGIRequestHandler) as server:
        server.set_app(get_wsgi_application())
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        sys.stdin.buffer.read()
        server.shutdown()


if __name__ == "__main__":
    main()
