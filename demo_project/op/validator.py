"""django-oauth-toolkit's validator, with ID tokens that tell the truth about the login they stand for."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator

from demo_project.op.models import Account, OPSession, RPLogin

# oauthlib's Request: a bag to which validators and views add what they like.
Request: TypeAlias = Any


class DemoOPValidator(OAuth2Validator):
    """Ties codes and tokens to an `RPLogin`, from which `sid`, `acr`, `amr` and `auth_time` come.

    The authorization view hands the OP session over as `op_session`, among the credentials.
    """

    oidc_claim_scope = {**OAuth2Validator.oidc_claim_scope, "groups": "groups"}

    def get_additional_claims(self) -> dict[str, Callable[[Request], Any]]:
        return {
            "sub": lambda request: str(Account.of(request.user).subject),
            "name": lambda request: request.user.get_full_name(),
            "given_name": lambda request: request.user.first_name,
            "family_name": lambda request: request.user.last_name,
            "preferred_username": lambda request: request.user.get_username(),
            "email": lambda request: request.user.email,
            "email_verified": lambda request: Account.of(request.user).email_verified,
            "groups": lambda request: sorted(request.user.groups.values_list("name", flat=True)),
        }

    def get_discovery_claims(self, request: object) -> list[str]:
        of_the_user = super().get_discovery_claims(request)
        return [*of_the_user, "iss", "aud", "exp", "iat", "nonce", "sid", "acr", "amr", "auth_time"]

    def validate_silent_login(self, _request: Request) -> bool:
        """The authorization view has answered a `prompt=none` that needs a login before this is asked."""
        return True

    def validate_silent_authorization(self, _request: Request) -> bool:
        """The relying parties belong to the house: nobody is asked for consent."""
        return True

    def validate_user_match(self, *_args: Any, **_kwargs: Any) -> bool:
        """The authorization view has compared the user with the hint."""
        return True

    def _create_authorization_code(
        self, request: Request, code: dict[str, str], expires: datetime | None = None
    ) -> Grant:
        grant = super()._create_authorization_code(request, code, expires)
        session: OPSession = request.op_session
        RPLogin.objects.create(
            session=session,
            application=request.client,
            acr=session.acr,
            auth_time=session.auth_time,
            offline="offline_access" in request.scopes,
            grant=grant,
        )
        return grant

    def validate_code(
        self, client_id: str, code: str, client: Application, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        if not super().validate_code(client_id, code, client, request, *args, **kwargs):
            return False
        request.rp_login = RPLogin.objects.select_related("session").filter(grant__code=code).first()
        return request.rp_login is not None

    def validate_refresh_token(
        self, refresh_token: str, client: Application, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        if not super().validate_refresh_token(refresh_token, client, request, *args, **kwargs):
            return False
        request.rp_login = (
            RPLogin.objects.select_related("session")
            .filter(token_family=request.refresh_token_instance.token_family)
            .first()
        )
        return request.rp_login is not None

    def _create_refresh_token(
        self,
        request: Request,
        refresh_token_code: str,
        access_token: AccessToken,
        previous_refresh_token: RefreshToken | None,
    ) -> RefreshToken:
        token = super()._create_refresh_token(request, refresh_token_code, access_token, previous_refresh_token)
        # Successors inherit the family, so the first refresh token ties them all to this login.
        RPLogin.objects.filter(pk=request.rp_login.pk).update(token_family=token.token_family)
        return token

    def get_id_token_dictionary(
        self, token: dict[str, Any], token_handler: object, request: Request
    ) -> tuple[dict[str, Any], datetime]:
        claims, expires = super().get_id_token_dictionary(token, token_handler, request)
        login: RPLogin = request.rp_login
        claims |= {
            # oauthlib takes it from the form, where client_secret_basic does not put it.
            "aud": request.client.client_id,
            "sid": login.session.sid,
            "acr": login.acr,
            "amr": login.amr,
            "auth_time": int(login.auth_time.timestamp()),
        }
        return claims, expires
