"""A hasher for client secrets."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class ClientSecretHasher(PBKDF2PasswordHasher):
    """One iteration: a client secret is 256 random bits, so there is nothing to guess and nothing to slow down.

    The many iterations that protect a password would cost each call of the token endpoint a third of a second.
    """

    algorithm = "demo_client_secret"
    iterations = 1
