"""What the site has stored: `python -m tests.proof.stored`, in the site's own environment, prints it as JSON."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import django
import redis
from django.apps import apps
from django.db import connection, models


def read_rows() -> Iterator[tuple[str, bytes]]:
    """Each value of each table, as the database has it, under the name of the table."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield from ((f"rows of {table}", str(value).encode()) for value in row if value is not None)


def read_cache() -> Iterator[tuple[str, bytes]]:
    """Each entry of the Redis, as its octets are there."""
    client = redis.Redis.from_url(os.environ["OIDC_RP_TEST_REDIS"])
    for key in client.scan_iter():
        value: Any = client.get(key)
        yield from (("cache entries", octets) for octets in (key, value or b""))


def group(pieces: Iterator[tuple[str, bytes]]) -> dict[str, list[str]]:
    grouped: dict[str, set[bytes]] = {}
    for place, octets in pieces:
        grouped.setdefault(place, set()).add(octets)
    return {place: [base64.b64encode(octets).decode() for octets in found] for place, found in grouped.items()}


def count_ends() -> Mapping[str, int]:
    """How many sessions have ended, by the reason."""
    ended = apps.get_model("oidc_rp", "OIDCSession")._default_manager.exclude(ended_at=None)
    return dict(ended.values_list("end_reason").annotate(number=models.Count("pk")))


if __name__ == "__main__":
    django.setup()
    places = {**group(read_rows()), **group(read_cache())}
    print(json.dumps({"places": places, "ends": count_ends()}))
