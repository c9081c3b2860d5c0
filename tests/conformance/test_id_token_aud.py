"""The ID token was made out to somebody else (Core 1.0 section 3.1.3.7, items 3 to 5)."""

from __future__ import annotations

from .attack import BEFORE_KEYS, Attack, attacks, claims
from .rp import RP


@attacks(
    "token_aud",
    calls=BEFORE_KEYS,
    names_another_client=claims(aud="client-2"),
    names_nobody=claims(aud=None),
    names_an_empty_list=claims(aud=[]),
    names_a_prefix_of_our_client_id=claims(aud="client"),
    names_our_client_id_and_more=claims(aud="client-12"),
    names_our_client_id_in_another_case=claims(aud="CLIENT-1"),
    names_our_client_id_in_a_list_of_lists=claims(aud=[["client-1"]]),
    names_us_as_the_key_of_an_object=claims(aud={"client-1": True}),
    adds_an_audience_that_we_do_not_trust=claims(aud=["client-1", "client-2"], azp="client-1"),
    adds_a_number=claims(aud=["client-1", 5], azp="client-1"),
)
def test_id_token_for_another_audience(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_azp",
    calls=BEFORE_KEYS,
    was_issued_to_another_client=claims(azp="client-2"),
    was_issued_to_nobody=claims(azp=""),
    has_a_list_of_parties=claims(azp=["client-1"]),
    names_us_twice_and_no_party=claims(aud=["client-1", "client-1"]),
)
def test_id_token_issued_to_another_party(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_azp",
    calls=BEFORE_KEYS,
    names_no_party=claims(aud=["client-1", "client-2"]),
    names_the_other_party=claims(aud=["client-1", "client-2"], azp="client-2"),
)
def test_id_token_shared_with_a_trusted_audience(rp: RP, attack: Attack) -> None:
    rp.configure(TRUSTED_AUDIENCES=["client-2"])
    rp.refuses(attack)
