"""Every URL of the app at once: under LoginRequiredMiddleware, and under whatever a browser may send."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import get_resolver, reverse
from pytest_django.fixtures import Settings

from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP
from tests.test_login import change_provider

pytestmark = pytest.mark.django_db


def list_urls() -> list[str]:
    """The app's URLs, those with an alias for a provider that exists."""
    _, resolver = get_resolver("tests.urls").namespace_dict["oidc_rp"]
    found = set()
    for name in resolver.reverse_dict:
        if isinstance(name, str):
            for possibility, *_ in resolver.reverse_dict.getlist(name):
                parameters = possibility[0][1]
                found.add(reverse(f"oidc_rp:{name}", args=["default"] * len(parameters)))
    return sorted(found)


URLS = list_urls()
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
FORM = "application/x-www-form-urlencoded"

QUERIES = {
    "nothing": "",
    "nul": "state=a%00b&code=%00&next=%00&iss=%00&sid=%00&logout_token=%00",
    "not_utf8": "state=%ff%fe&code=%c3%28&next=/%ff&iss=%ed%a0%80&sid=%ff&login_hint=%ff",
    "duplicates": "&".join(f"{name}=a&{name}=b" for name in ("state", "code", "iss", "error", "next", "sid")),
    "brackets": "state[]=a&state[x]=b&iss[]=c&next[]=d",
    "long": "state=" + "x" * 50_000,
    "many": "&".join(f"p{number}=1" for number in range(3_000)),
    "broken_escapes": "state=%&code=%zz&next=%2&iss=%u0041",
    "surrogates": "state=%ED%B0%80&next=%ED%B0%80&login_hint=%ED%B0%80",
    "no_form_at_all": "\x7f;;&&==&=&a",
    "wishes": "max_age=-1&prompt=none+login&acr_values=%00&ui_locales=%0d%0aX:y&login_hint=%0d%0aSet-Cookie:a=b",
}
BODIES: dict[str, tuple[bytes, str]] = {
    "form": (b"state=a&code=b&logout_token=x.y.z&next=//evil", FORM),
    "20_mb_form": (b"state=" + b"x" * 20_000_000, FORM),
    "20_mb_binary": (b"\x00" * 20_000_000, "application/octet-stream"),
    "20_mb_json": (b"[" * 20_000_000, "application/json"),
    "json": (b'{"state": 1}', "application/json"),
    "no_type": (b"state=a", ""),
    "odd_type": (b"state=a", ";;;=,\xff"),
    "form_of_unknown_charset": (b"state=%41&logout_token=%41", FORM + "; charset=no-such-thing"),
    "form_of_utf_16": (b"state=%41&logout_token=%41", FORM + "; charset=utf-16"),
    "form_of_base64": (b"state=%41&logout_token=%41", FORM + "; charset=base64"),
    "form_of_idna": (b"state=%41%ff&logout_token=%ff", FORM + "; charset=idna"),
    "form_with_nul": (b"state=%00&code=\x00&logout_token=%00", FORM),
    "form_not_utf8": (b"state=\xff\xfe&code=%ff&logout_token=\xff", FORM),
    "form_repeated": (b"state=a&state=b&logout_token=a&logout_token=b", FORM),
    "form_of_many": (b"&".join(b"p%d=1" % number for number in range(3_000)), FORM),
    "multipart": (
        b'--b\r\nContent-Disposition: form-data; name="state"\r\n\r\na\r\n--b--\r\n',
        "multipart/form-data; boundary=b",
    ),
    "multipart_file": (
        b'--b\r\nContent-Disposition: form-data; name="logout_token"; filename="x"\r\n\r\na\r\n--b--\r\n',
        "multipart/form-data; boundary=b",
    ),
    "multipart_broken": (b"--b\r\nContent-Disp", "multipart/form-data; boundary=b"),
    "multipart_without_boundary": (b"x", "multipart/form-data"),
    "multipart_odd_encoding": (
        b'--b\r\nContent-Disposition: form-data; name="x"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--b--\r\n',
        "multipart/form-data; boundary=b",
    ),
}
HEADERS: dict[str, dict[str, str]] = {
    "accept": {"accept": "application/json;q=nan, ;=;/*,\xff"},
    "cookie": {
        "cookie": "__Host-oidc_rp.logout=\xff; sessionid=\x01; __Host-oidc_rp.tx.0=; =; ;;; __Host-oidc_rp.bounce"
    },
    "charset": {"content-type": "text/plain; charset=utf-16"},
    "origin": {"origin": "null", "referer": "http://[", "host": "testserver"},
    "language": {"accept-language": "x" * 5_000},
}


def test_urls_are_all_there() -> None:
    assert len(URLS) >= 8, "a sweep over nothing shows nothing"


@pytest.fixture(params=["anonymous", "signed_in"])
def browser(request: pytest.FixtureRequest, op: FakeOP, settings: Settings) -> Client:
    change_provider(settings, RESPONSE_MODE="form_post")
    client = Client()
    if request.param == "signed_in":
        sign_in(client, op)
    return client


def send(client: Client, method: str, url: str, body: bytes = b"", content_type: str = FORM, **extra: Any) -> None:
    # An exception in a view is raised here by the test client, so a 500 cannot pass.
    response = client.generic(method, url, body, content_type=content_type, **extra)
    assert response.status_code in {200, 302, 400, 401, 403, 404, 405, 413, 502, 503}


@pytest.mark.parametrize("url", URLS)
def test_urls_survive_queries(browser: Client, url: str) -> None:
    for method in METHODS:
        for query in QUERIES.values():
            send(browser, method, url, QUERY_STRING=query)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("name", BODIES)
def test_urls_survive_bodies(op: FakeOP, settings: Settings, url: str, name: str) -> None:
    change_provider(settings, RESPONSE_MODE="form_post")
    body, content_type = BODIES[name]
    for method in ("GET", "POST", "PUT"):
        send(Client(), method, url, body, content_type)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("name", HEADERS)
def test_urls_survive_headers(browser: Client, url: str, name: str) -> None:
    for query in ("", "state=%41&next=%41&iss=%ff"):
        send(browser, "GET", url, headers=HEADERS[name], QUERY_STRING=query, content_type=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", URLS)
def test_urls_do_not_end_in_another_app(browser: Client, url: str) -> None:
    for tail in ("x", "%00/", "..%2f/", "%2e%2e/", "x/y/z/", "\u2028/"):
        send(browser, "GET", url + tail)


@override_settings(
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
        "oidc_rp.middleware.OIDCMiddleware",
    ]
)
def test_whole_login_under_login_required_middleware(client: Client, op: FakeOP) -> None:
    page = client.get("/home/")
    assert page["Location"] == "/oidc/login/?next=/home/"
    begun = client.get(page["Location"])
    assert client.get("/oidc/session/").status_code == 401, "an answer, not a redirect"
    assert client.get("/oidc/callback/default/", {"state": "x"}).status_code == 400
    back = client.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    assert client.get(back["Location"]).status_code == 200
    assert client.post("/oidc/logout/")["Location"].startswith("https://op.example/logout?")
    assert client.get("/oidc/logout/callback/").status_code == 302
    assert client.get("/oidc/initiate/default/", {"iss": op.issuer})["Location"].startswith(op.issuer)


def test_whole_login_in_the_readers_view(client: Client, op: FakeOP) -> None:
    asked = client.get("/private/")
    begun = client.get(asked["Location"])
    back = client.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    assert (back.status_code, back["Location"]) == (302, "/private/")
    assert client.get("/private/").content.startswith(b"private page of ")
    assert client.get("/oidc/session/").json()["sub"] == "subject-1"


def test_templates_can_be_overridden(client: Client, settings: Settings) -> None:
    page = "{{ status }} {{ title }} {{ message }} {{ reference }} {{ retry_url }} {{ description }}"
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"oidc_rp/error.html": page})]},
        }
    ]
    words = client.get("/oidc/callback/default/", {"state": "x"}).content.decode()
    assert words.startswith("400 This sign-in cannot be completed ")
    assert words.endswith("/oidc/login/default/ ")
