"""The step-up decorators for class-based views."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.views.generic import View

from .decorators import step_up_required
from .policies import PolicyLike

if TYPE_CHECKING:
    _Base = View
else:
    _Base = object


class StepUpRequiredMixin(_Base):
    """Before other bases: `class Transfer(StepUpRequiredMixin, FormView): policy = "payment"`.

    The attributes are the arguments of `decorators.step_up_required`; `as_view()` takes them
    too. For sync and async views. `as_view()` raises ValueError if they make no requirement.
    """

    policy: PolicyLike | None = None
    acr_values: Iterable[str] | None = None
    amr: Iterable[str | Iterable[str]] | None = None
    max_age: int | None = None
    provider: str | None = None
    keep_form: bool = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., Any]:
        def get(name: str) -> Any:
            return initkwargs.get(name, getattr(cls, name))

        # Around the whole view, not in dispatch(): an async view's answer must be awaitable, also when it is ours.
        return step_up_required(
            get("policy"),
            amr=get("amr"),
            max_age=get("max_age"),
            provider=get("provider"),
            acr_values=get("acr_values"),
            keep_form=get("keep_form"),
        )(super().as_view(**initkwargs))
