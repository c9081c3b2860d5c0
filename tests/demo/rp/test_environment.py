from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from demo_project.rp.environment import read_demo_provider, read_providers
from demo_project.rp.sites import current_site, read_site
from oidc_rp.protocol.errors import ConfigurationError
from oidc_rp.provider.config import inspect_config


def test_providers_are_taken_from_json() -> None:
    assert read_providers({"OIDC_PROVIDERS": '{"default": {"ISSUER": "x"}}'}) == {"default": {"ISSUER": "x"}}
    assert read_providers({}) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{'default': {}}", "is not JSON", id="python"),
        pytest.param('"x"', "must be an object", id="string"),
        pytest.param('{"default": "x"}', "must be an object", id="options_no_object"),
    ],
)
def test_providers_that_are_wrong_are_explained_without_repeating_them(text: str, reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason) as caught:
        read_providers({"OIDC_PROVIDERS": text})
    assert text not in str(caught.value)


@pytest.mark.parametrize("letter", ["a", "b"])
def test_demo_provider_is_a_right_configuration(letter: str) -> None:
    environ = {"DEMO_SITE": letter, f"DEMO_SITE_{letter.upper()}_SECRET": "the secret"}
    options = read_demo_provider(environ, read_site(environ))
    assert inspect_config("default", options)[1] == []
    assert options["CLIENT_SECRET"]() == "the secret"


def test_demo_provider_without_a_secret_fails_when_it_is_needed() -> None:
    options = read_demo_provider({}, read_site({}))
    with pytest.raises(ConfigurationError, match="DEMO_SITE_A_SECRET"):
        options["CLIENT_SECRET"]()


def test_sites_differ() -> None:
    a, b = read_site({}), read_site({"DEMO_SITE": "b", "DEMO_SITE_A_URL": "http://localhost:9001/"})
    assert (a.name, a.other_name, a.fresh_seconds) == ("Site A", "Site B", None)
    assert (b.url, b.other_url, b.fresh_seconds) == ("http://localhost:8002", "http://localhost:9001", 60)


def test_site_alone_does_not_point_to_the_other() -> None:
    assert read_site({"OIDC_PROVIDERS": "{}"}).other_url == ""


def test_unknown_site_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="sites a and b"):
        read_site({"DEMO_SITE": "c"})


def test_site_a_is_the_default() -> None:
    assert current_site().letter == "a"
