"""Calls of the demo's API, which the journal shows too."""

from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from demo_project.rp.journal.recorder import record_api_call

TIMEOUT = 5


def call_api(url: str, auth: AuthBase) -> requests.Response:
    """One GET with the user's access token, and another if that had to be renewed first."""
    answer = requests.get(url, auth=auth, timeout=TIMEOUT)
    for response in (*answer.history, answer):
        record_api_call("GET", urlsplit(url).path, response.status_code)
    return answer
