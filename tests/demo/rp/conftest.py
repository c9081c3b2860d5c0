from __future__ import annotations

import copy
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from demo_project import rp
from demo_project import settings as demo_settings
from demo_project.rp.sites import read_site
from tests.support.fake_op import FakeOP

SITE_B = {"DEMO_SITE": "b"}


@pytest.fixture
def site(db: None, settings: Settings) -> Client:
    """A browser at site B, which has every page, with the test suite's fake OP as its provider."""
    settings.ROOT_URLCONF = demo_settings.ROOT_URLCONF
    settings.MIDDLEWARE = demo_settings.MIDDLEWARE
    settings.DEMO_SITE = read_site(SITE_B)
    settings.OIDC_RP_STEP_UP = demo_settings.OIDC_RP_STEP_UP
    settings.LOGIN_REDIRECT_URL = demo_settings.LOGIN_REDIRECT_URL
    settings.LOGOUT_REDIRECT_URL = demo_settings.LOGOUT_REDIRECT_URL
    settings.TEMPLATES = copy.deepcopy(demo_settings.TEMPLATES)
    # In the test suite the app comes after oidc_rp, whose templates it replaces.
    settings.TEMPLATES[0]["DIRS"] = [Path(rp.__file__).parent / "templates"]
    return Client()


@pytest.fixture
def signed_in(site: Client, op: FakeOP) -> Client:
    begun = site.get("/oidc/login/", {"next": "/private/"})
    site.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    return site
