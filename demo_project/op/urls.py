"""The OP's URLs. The issuer is the OP's base URL and `o`."""

from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider import views as dot

from demo_project.op.views import api, logout, pages, protocol

# The names are those under which django-oauth-toolkit looks its endpoints up.
protocol_urls = [
    path("authorize/", csrf_exempt(protocol.AuthorizeView.as_view()), name="authorize"),
    path("token/", dot.TokenView.as_view(), name="token"),
    path("revoke_token/", dot.RevokeTokenView.as_view(), name="revoke-token"),
    path("introspect/", protocol.IntrospectView.as_view(), name="introspect"),
    path("userinfo/", dot.UserInfoView.as_view(), name="user-info"),
    path("logout/", csrf_exempt(logout.EndSessionView.as_view()), name="rp-initiated-logout"),
    path(
        ".well-known/openid-configuration",
        protocol.DiscoveryView.as_view(),
        name="oidc-connect-discovery-info",
    ),
    # The same document under RFC 8414's name; django-oauth-toolkit derives `iss` (RFC 9207) from this URL.
    path(".well-known/oauth-authorization-server", protocol.DiscoveryView.as_view(), name="oauth-server-metadata"),
    path(".well-known/jwks.json", dot.JwksInfoView.as_view(), name="jwks-info"),
]

page_urls = [
    path("", pages.HomeView.as_view(), name="home"),
    path("login/", pages.LoginView.as_view(), name="login"),
    path("second-factor/", pages.SecondFactorView.as_view(), name="second-factor"),
    path("authenticator/", pages.AuthenticatorView.as_view(), name="authenticator"),
    path("sign-out/", pages.SignOutView.as_view(), name="sign-out"),
    path("confirm-logout/", logout.ConfirmLogoutView.as_view(), name="confirm-logout"),
    path("api/account/", api.AccountView.as_view(), name="api-account"),
    path("behaviour/", pages.BehaviourView.as_view(), name="behaviour"),
]

urlpatterns = [
    path("o/", include((protocol_urls, "oauth2_provider"))),
    path("", include((page_urls, "demo_op"))),
]
