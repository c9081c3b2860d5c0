"""The test site and the demo's OP in one process, each at its own host to the tests."""

from __future__ import annotations

from demo_project.op.urls import urlpatterns as op_urlpatterns
from tests.urls import urlpatterns as site_urlpatterns

urlpatterns = [*site_urlpatterns, *op_urlpatterns]
