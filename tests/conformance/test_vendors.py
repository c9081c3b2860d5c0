"""Auth0, Okta, Entra ID and Google: their documents and their habits, with the settings of the providers page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import StringIO

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django.fixtures import Settings

from oidc_rp.models import OIDCIdentity
from oidc_rp.provider.documents import COOLDOWN_SECONDS
from tests.support.browser import query
from tests.support.keys import jwk

from .attack import BEFORE_KEYS, WHOLE_LOGIN, Attack, claims, header, metadata, minted, response, tokens
from .op import SECRET
from .rp import RP
from .test_id_token_alg import mac_with
from .vendor import Vendor, VendorOP

TENANT = "00000000-0000-0000-0000-000000000001"


def behave_like_auth0(op: VendorOP) -> None:
    """No `iss` in its responses; claims of the site's own under a URL; `sid`, and no `acr`."""
    response(iss=None)(op)
    claims(acr=None, amr=None, auth_time=None, **{"https://my-site.example/roles": ["staff"]})(op)
    tokens(scope="openid profile email", token_type="Bearer", expires_in=86_400)(op)


def behave_like_okta(op: VendorOP) -> None:
    """Keys in use and for later; its own claims `ver`, `idp`; `iss` not in its responses."""
    response(iss=None)(op)
    op.keys = [{**jwk(name=name), "alg": "RS256"} for name in ("k1", "k2")]
    claims(ver=1, idp="00o1", jti="ID.1", amr=["pwd"], acr=None, sid=None, preferred_username="alice")(op)
    tokens(scope="openid profile email")(op)


def behave_like_entra_id(op: VendorOP) -> None:
    """No `at_hash`, no `email_verified`, no `auth_time`; dated back by five minutes; `ext_expires_in`."""
    response(iss=None, session_state="00000000-0000-0000-0000-000000000002")(op)
    back = int(time.time()) - 300
    claims(
        iat=back, nbf=back, exp=back + 3_900, aio="x", rh="y", uti="z", ver="2.0", tid=TENANT, oid=TENANT,
        email_verified=None, auth_time=None, acr=None, amr=None, roles=["Site.Admin"],
    )(op)  # fmt: skip
    op.keys = [{**jwk(), "x5t": "k1", "x5c": ["MIIB"], "cloud_instance_name": "microsoftonline.com"}]
    tokens(scope="openid profile email", expires_in=3_599, ext_expires_in=3_599, refresh_token=None)(op)


def behave_like_google(op: VendorOP) -> None:
    """`iss` in its responses, which its metadata do not promise; URLs for scopes; no `sid`, no refresh token."""
    response(iss=op.issuer, authuser="0", prompt="none", hd="example.org", scope="email profile openid")(op)
    claims(hd="example.org", azp=op.client_id, at_hash=None, sid=None, acr=None, amr=None, auth_time=None)(op)
    tokens(
        scope="openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile",
        refresh_token=None,
        expires_in=3_599,
    )(op)


AUTH0 = Vendor("auth0", "Auth0", behave_like_auth0)
OKTA = Vendor("okta", "Okta", behave_like_okta)
ENTRA_ID = Vendor("entra_id", "Microsoft Entra ID", behave_like_entra_id)
GOOGLE = Vendor("google", "Google", behave_like_google)

every_vendor = pytest.mark.parametrize("vendor", [AUTH0, OKTA, ENTRA_ID, GOOGLE], ids=str)
auth0, okta, entra_id, google = (
    pytest.mark.parametrize("vendor", [vendor], ids=str) for vendor in (AUTH0, OKTA, ENTRA_ID, GOOGLE)
)


@pytest.fixture
def site(vendor: Vendor, settings: Settings, caplog: pytest.LogCaptureFixture) -> Iterator[RP]:
    """A site that is set up for that vendor."""
    with vendor.serve() as (op, options):
        settings.OIDC_PROVIDERS = {"default": options}
        yield RP(op, settings, caplog)


@pytest.fixture
def op(site: RP) -> VendorOP:
    assert isinstance(site.op, VendorOP)
    return site.op


@every_vendor
def test_login(site: RP, op: VendorOP) -> None:
    answer = site.try_to_sign_in()
    assert (answer.status_code, answer["Location"]) == (302, "/private/")
    assert op.calls == WHOLE_LOGIN.split()
    assert (OIDCIdentity.objects.get().issuer, OIDCIdentity.objects.get().sub) == (op.issuer, "subject-1")
    assert User.objects.get().email == "alice@example.com"
    assert "unexpected_scope" not in site.log.text


@every_vendor
def test_second_login_costs_one_call(site: RP, op: VendorOP) -> None:
    site.sign_in()
    site.sign_out()
    op.calls.clear()
    assert site.try_to_sign_in().status_code == 302
    assert op.calls == ["token"]


@every_vendor
def test_doctor_finds_nothing_to_treat(site: RP) -> None:
    out = StringIO()
    call_command("oidc_doctor", "default", stdout=out)
    assert "FAIL" not in out.getvalue()


@every_vendor
def test_response_by_another_op_is_refused(site: RP) -> None:
    site.refuses(Attack(response(iss="https://evil.example"), "iss_mismatch", "metadata", 400))


@every_vendor
def test_id_token_of_a_neighbour_is_refused(site: RP, op: VendorOP) -> None:
    """Another tenant, organisation or server of the same vendor, which signs with the same keys."""
    site.refuses(Attack(claims(iss=f"{op.origin}/another-tenant/v2.0"), "token_iss", BEFORE_KEYS))


@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        (AUTH0, "/oidc/logout"),
        (OKTA, "/oauth2/default/v1/logout"),
        (ENTRA_ID, "/TENANT-ID/oauth2/v2.0/logout"),
    ],
    ids=str,
)
def test_logout(site: RP, op: VendorOP, path: str) -> None:
    site.sign_in()
    location = site.sign_out()["Location"]
    assert location.startswith(f"{op.origin}{path}?")
    assert query(location)["client_id"] == op.client_id
    assert not site.is_signed_in()


# ---- Auth0


@auth0
def test_auth0_issuer_without_its_slash_is_another(site: RP, op: VendorOP) -> None:
    site.configure(ISSUER=op.issuer.rstrip("/"))
    site.refuses(Attack(metadata(), "metadata_issuer", "metadata"))


@auth0
def test_auth0_gets_the_audience_of_the_api(site: RP, op: VendorOP) -> None:
    site.sign_in()
    assert op.request["audience"] == "https://api.example"


@auth0
def test_auth0_application_with_hs256_is_refused(site: RP) -> None:
    """The default of old applications: the algorithm is offered by the metadata, and was not agreed here."""
    site.refuses(Attack(minted(mac_with(SECRET.encode())), "token_alg", BEFORE_KEYS))


@auth0
def test_auth0_older_tenant_logs_out_where_the_settings_say(site: RP, op: VendorOP) -> None:
    metadata(end_session_endpoint=None)(op)
    site.configure(METADATA={"end_session_endpoint": f"{op.origin}/v2/logout"})
    site.sign_in()
    assert site.sign_out()["Location"].startswith(f"{op.origin}/v2/logout?")


@auth0
def test_auth0_claim_under_a_url_is_mapped(site: RP) -> None:
    site.configure(CLAIMS_MAPPING={"is_staff": {"claim": "https://my-site.example/roles", "contains": "staff"}})
    site.sign_in()
    assert User.objects.get().is_staff


# ---- Okta


@okta
def test_okta_rotates_its_keys_without_notice(site: RP, op: VendorOP) -> None:
    site.sign_in()
    op.kid, op.keys = "k3", [{**jwk(name="k3"), "alg": "RS256"}, {**jwk(name="k2"), "alg": "RS256"}]
    with time_machine.travel(time.time() + COOLDOWN_SECONDS + 1, tick=False):
        assert site.try_to_sign_in(prompt="login").status_code == 302
    assert op.calls == ["token", "jwks"]


@okta
def test_okta_key_for_later_is_known_already(site: RP, op: VendorOP) -> None:
    site.sign_in()
    op.kid = "k2"
    assert site.try_to_sign_in(prompt="login").status_code == 302
    assert op.calls == ["token"]


@okta
def test_okta_server_of_the_organisation_is_another_issuer(site: RP, op: VendorOP) -> None:
    site.refuses(Attack(claims(iss=op.origin), "token_iss", BEFORE_KEYS))


# ---- Entra ID


@entra_id
@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers"])
def test_entra_id_without_a_tenant_is_refused_with_the_reason(site: RP, op: VendorOP, tenant: str) -> None:
    """Documented as not supported: whoever signs in would be of a tenant that nobody here has chosen."""
    for member, value in op.document.items():
        if isinstance(value, str):
            op.document[member] = value.replace("TENANT-ID", tenant)
    op.move(op.origin)
    site.configure(ISSUER=op.issuer)
    site.refuses(Attack(metadata(issuer=f"{op.origin}/{{tenantid}}/v2.0"), "metadata_issuer", "metadata"))
    assert "{tenantid}" in site.log.text


@entra_id
def test_entra_id_of_another_version_is_another_issuer(site: RP) -> None:
    site.refuses(Attack(claims(iss=f"https://sts.windows.net/{TENANT}/"), "token_iss", BEFORE_KEYS))


@entra_id
def test_entra_id_vouches_for_no_address(site: RP) -> None:
    """Whatever an administrator of the tenant has typed there."""
    victim = User.objects.create_user("victim", "alice@example.com", is_staff=True)
    site.configure(LINK_BY_EMAIL=True)
    site.sign_in()
    assert OIDCIdentity.objects.get().user != victim


@entra_id
def test_entra_id_roles_are_mapped(site: RP) -> None:
    site.sign_in()
    user = User.objects.get()
    assert (user.first_name, user.last_name, user.is_staff) == ("Alice", "Example", True)


@entra_id
def test_entra_id_without_the_optional_claim_meets_no_max_age(site: RP) -> None:
    site.configure(MAX_AGE=60)
    site.refuses(Attack(metadata(), "max_age_not_met", WHOLE_LOGIN, 403))


# ---- Google


@google
def test_google_has_no_logout(site: RP, op: VendorOP) -> None:
    site.sign_in()
    answer = site.sign_out("/home/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/home/")
    assert not site.is_signed_in()
    assert op.calls == ["revocation"]


@google
def test_google_of_former_years_is_another_issuer(site: RP) -> None:
    """Old tokens name it without its scheme; none of them is for a client of today."""
    site.refuses(Attack(claims(iss="accounts.google.com"), "token_iss", BEFORE_KEYS))


@google
def test_google_gets_the_hosted_domain_and_what_a_refresh_token_needs(site: RP, op: VendorOP) -> None:
    site.configure(AUTHENTICATION_PARAMS={"hd": "example.org", "access_type": "offline"}, PROMPT="consent")
    tokens(refresh_token="1//refresh")(op)
    site.sign_in()
    asked = {name: op.request[name] for name in ("hd", "access_type", "prompt")}
    assert asked == {"hd": "example.org", "access_type": "offline", "prompt": "consent"}


@google
def test_google_endpoints_on_other_hosts_are_called_there(site: RP, op: VendorOP) -> None:
    site.configure(FETCH_USERINFO=True)
    site.try_to_sign_in()
    assert op.calls == [*WHOLE_LOGIN.split(), "userinfo"]


@google
def test_google_knows_neither_acr_nor_auth_time(site: RP, op: VendorOP) -> None:
    site.configure(ACR_VALUES=["mfa"])
    site.refuses(Attack(header(), "acr_not_met", WHOLE_LOGIN, 403))
