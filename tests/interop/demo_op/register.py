"""Registers a client at the demo's OP, which has no registration endpoint: metadata on stdin, the outcome on stdout."""

import json
import secrets
import sys

import django

django.setup()

from oauth2_provider.models import Application  # noqa: E402 -- the models need the settings

from demo_project.op.models import LogoutChannel  # noqa: E402

metadata = json.load(sys.stdin)
is_public = metadata["token_endpoint_auth_method"] == "none"
secret = "" if is_public else secrets.token_urlsafe(32)
application = Application.objects.create(
    name=metadata["client_name"],
    client_secret=secret,
    client_type=Application.CLIENT_PUBLIC if is_public else Application.CLIENT_CONFIDENTIAL,
    authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
    algorithm=metadata.get("id_token_signed_response_alg", Application.RS256_ALGORITHM),
    skip_authorization=True,
    redirect_uris=" ".join(metadata["redirect_uris"]),
    post_logout_redirect_uris=" ".join(metadata["post_logout_redirect_uris"]),
)
LogoutChannel.objects.create(
    application=application,
    backchannel_uri=metadata.get("backchannel_logout_uri", ""),
    frontchannel_uri=metadata.get("frontchannel_logout_uri", ""),
)
json.dump({"client_id": application.client_id, **({"client_secret": secret} if secret else {})}, sys.stdout)
