"""The URLs of a relying-party site of the demo."""

from django.urls import include, path

urlpatterns = [
    path("oidc/", include("oidc_rp.urls")),
    path("", include("demo_project.rp.urls")),
]
