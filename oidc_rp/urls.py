"""The app's URLs, to be included where the site likes: `path("oidc/", include("oidc_rp.urls"))`."""

from django.urls import path

from . import op_logout_views, step_up_views, views

app_name = "oidc_rp"

urlpatterns = [
    path("login/", views.login, name="login"),
    path("login/<str:alias>/", views.login, name="login"),
    path("callback/<str:alias>/", views.callback, name="callback"),
    path("initiate/<str:alias>/", views.initiate, name="initiate"),
    path("logout/", views.logout, name="logout"),
    path("logout/callback/", views.logout_callback, name="logout_callback"),
    path("backchannel-logout/<str:alias>/", op_logout_views.backchannel_logout, name="backchannel_logout"),
    path("frontchannel-logout/<str:alias>/", op_logout_views.frontchannel_logout, name="frontchannel_logout"),
    path("refresh/", views.refresh, name="refresh"),
    path("step-up/", step_up_views.step_up, name="step_up"),
    path("session/", views.session, name="session"),
]
