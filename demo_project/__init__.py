"""The demo: an OpenID Provider and relying-party sites to try oidc_rp with. Not part of the distribution."""
