from __future__ import annotations

import pytest

from oidc_rp.protocol.errors import RequirementError
from oidc_rp.protocol.step_up import check_acr


@pytest.mark.parametrize(("actual", "wanted"), [("mfa", ["mfa"]), ("mfa", ["pwd", "mfa"]), (None, []), ("x", ())])
def test_acr_met(actual: str | None, wanted: list[str]) -> None:
    check_acr(actual, wanted)


@pytest.mark.parametrize("actual", [None, "", "pwd", "MFA", "mfa2", "mf"])
def test_acr_not_met(actual: str | None) -> None:
    with pytest.raises(RequirementError) as caught:
        check_acr(actual, ["mfa", "phr"])
    error = caught.value
    assert (error.code, error.missing, error.required, error.actual) == ("acr_not_met", "acr", ("mfa", "phr"), actual)
