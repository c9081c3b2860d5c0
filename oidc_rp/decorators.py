"""Decorators for views that need a stronger or a more recent login than the session has: step-up.

    @step_up_required("payment")                             # a policy of OIDC_RP_STEP_UP
    @step_up_required(acr_values=["mfa"], max_age=300)
    @acr_required("mfa")
    @amr_required("pwd", ["otp", "hwk"])                     # a password, and one of the other two
    @recent_login_required(300)

    path("admin/", step_up_include(admin.site.urls, "staff"))    # a whole section

They include `login_required`: who is not signed in is sent to the OP with all that is
demanded, in one trip. Several on one view are demanded together. They work for sync and
async views alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.urls import URLPattern, URLResolver, include

from .policies import PolicyLike, build_policy
from .protocol.step_up import Requirement
from .step_up_trips import demand

View = TypeVar("View", bound=Callable[..., Any])
Values = Iterable[str] | None
Methods = Iterable[str | Iterable[str]] | None


def step_up_required(
    policy: PolicyLike | Values = None,
    /,
    amr: Methods = None,
    max_age: int | None = None,
    provider: str | None = None,
    *,
    acr_values: Values = None,
    keep_form: bool = False,
) -> Callable[[View], View]:
    """Let only logins through that meet a policy of OIDC_RP_STEP_UP, or what is written out here.

    `acr_values`: one of them, the preferred first (it may also come first, without its name).
    `amr`: all of these methods; a list among them means any of its members. `max_age`: seconds
    since the user last authenticated at the OP. `provider`: the alias at which all that must be
    so; the default is wherever the user signed in. With `keep_form`, a form that is posted too
    early is kept for `kept_forms.take_form`.

    Raises ValueError for what cannot be a requirement. A name that OIDC_RP_STEP_UP does not
    have raises ConfigurationError at the request, because settings are read live.
    """
    wanted = make_policy(policy, amr, max_age, provider, acr_values=acr_values)

    def decorate(view: View) -> View:
        return _guard(view, wanted, keep_form)

    return decorate


def acr_required(*values: str) -> Callable[[View], View]:
    """The login reached one of these `acr` values, the preferred first."""
    return step_up_required(acr_values=values)


def amr_required(*methods: str | Iterable[str]) -> Callable[[View], View]:
    """The login used all of these methods; of a list among them, any."""
    return step_up_required(amr=methods)


def recent_login_required(max_age: int) -> Callable[[View], View]:
    """The user authenticated at the OP no longer than `max_age` seconds ago."""
    return step_up_required(max_age=max_age)


def step_up_include(
    urls: Any,
    policy: PolicyLike | Values = None,
    /,
    amr: Methods = None,
    max_age: int | None = None,
    provider: str | None = None,
    *,
    acr_values: Values = None,
) -> tuple[list[URLPattern | URLResolver], str | None, str | None]:
    """`include()` with every view behind it decorated with `step_up_required`; for `path()`.

    `urls` is what `include()` takes, or `admin.site.urls`.
    """
    wanted = make_policy(policy, amr, max_age, provider, acr_values=acr_values)
    module, app_name, namespace = urls if isinstance(urls, tuple) and len(urls) == 3 else include(urls)
    return _guard_patterns(getattr(module, "urlpatterns", module), wanted), app_name, namespace


def make_policy(
    policy: PolicyLike | Values,
    amr: object,
    max_age: object,
    provider: object,
    *,
    acr_values: object,
) -> PolicyLike:
    """One policy from the arguments of a decorator. Raises ValueError."""
    if policy is None:
        return build_policy(acr_values, amr, max_age, provider)
    if acr_values is not None:
        raise ValueError("takes a policy or acr_values, not both")
    if not isinstance(policy, PolicyLike):
        return build_policy(policy, amr, max_age, provider)
    if (amr, max_age) != (None, None):
        raise ValueError("takes a policy, or acr_values, amr and max_age")
    if provider is None:
        return policy
    if isinstance(policy, Requirement):
        return build_policy(policy.acr_values or None, policy.amr or None, policy.max_age, provider)
    raise ValueError("takes the provider from the policy")


def _guard(view: View, policy: PolicyLike, keep_form: bool = False) -> View:
    # A view that has such a decorator already, maybe within a section that has one: all of them are demanded in
    # one trip, because after a second one the first might not be met any more. The inner one stays, and is content.
    policies = (policy, *getattr(view, "step_up_policies", ()))
    keep_form = keep_form or getattr(view, "step_up_keeps_form", False)
    guarded: Any = (_guard_async if iscoroutinefunction(view) else _guard_sync)(view, policies, keep_form)
    guarded.step_up_policies = policies
    guarded.step_up_keeps_form = keep_form
    # LoginRequiredMiddleware would send the user to a login without the demand, and so make two trips of one.
    guarded.login_required = False
    return guarded  # type: ignore[no-any-return]  # it has the view's signature


def _guard_sync(view: Callable[..., Any], policies: Sequence[PolicyLike], keep_form: bool) -> Callable[..., Any]:
    @wraps(view)
    def guarded(request: Any, /, *args: Any, **kwargs: Any) -> Any:
        for policy in policies:
            if not request.oidc.meets(policy):
                return demand(request, policies, keeps_form=keep_form)
        return view(request, *args, **kwargs)

    return guarded


def _guard_async(view: Callable[..., Any], policies: Sequence[PolicyLike], keep_form: bool) -> Callable[..., Any]:
    @wraps(view)
    async def guarded(request: Any, /, *args: Any, **kwargs: Any) -> Any:
        for policy in policies:
            if not await request.oidc.ameets(policy):
                # May ask the OP for its metadata.
                return await sync_to_async(demand)(request, policies, keeps_form=keep_form)
        return await view(request, *args, **kwargs)

    return guarded


def _guard_patterns(patterns: Iterable[Any], policy: PolicyLike) -> list[URLPattern | URLResolver]:
    return [_guard_pattern(pattern, policy) for pattern in patterns]


def _guard_pattern(pattern: Any, policy: PolicyLike) -> URLPattern | URLResolver:
    if isinstance(pattern, URLPattern):
        return URLPattern(pattern.pattern, _guard(pattern.callback, policy), pattern.default_args, pattern.name)
    return URLResolver(
        pattern.pattern,
        _guard_patterns(pattern.url_patterns, policy),
        pattern.default_kwargs,
        app_name=pattern.app_name,
        namespace=pattern.namespace,
    )
