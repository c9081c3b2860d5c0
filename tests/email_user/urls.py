from django.urls import include, path

urlpatterns = [path("oidc/", include("oidc_rp.urls"))]
