"""What must not reach the access log of the development server."""

import logging
import re

QUERY = re.compile(r"\?\S*")


class WithoutQuery(logging.Filter):
    """Cuts the query off the logged request line: it carries codes, `state` and ID tokens."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                QUERY.sub("?...", argument) if isinstance(argument, str) else argument for argument in record.args
            )
        return True
