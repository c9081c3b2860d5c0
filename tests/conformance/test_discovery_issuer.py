"""Discovery answers for another issuer than the one that was asked (Discovery 1.0 section 4.3)."""

from __future__ import annotations

from .attack import Attack, Misbehaviour, attacks, metadata
from .op import HostileOP
from .rp import RP


def renamed(old: str, new: str) -> Misbehaviour:
    """The issuer is almost the one that it should be."""
    return lambda op: op.metadata.update(issuer=op.issuer.replace(old, new))


def extended(end: str) -> Misbehaviour:
    return lambda op: op.metadata.update(issuer=op.issuer + end)


@attacks(
    "metadata_issuer",
    calls="metadata",
    speaks_for_another_issuer=metadata(issuer="https://accounts.example"),
    names_none=metadata(issuer=None),
    names_a_list_with_ours=lambda op: op.metadata.update(issuer=[op.issuer]),
    adds_a_slash=extended("/"),
    adds_a_path=extended("/tenant"),
    adds_a_query=extended("?"),
    adds_a_space=extended(" "),
    adds_credentials=renamed("//", "//user@"),
    writes_the_scheme_in_capitals=renamed("http", "HTTP"),
    writes_the_host_as_a_name=renamed("127.0.0.1", "localhost"),
    writes_the_host_as_a_number=renamed("127.0.0.1", "2130706433"),
    puts_a_placeholder_for_the_tenant=extended("/{tenantid}/v2.0"),
)
def test_metadata_of_another_issuer(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_metadata_of_another_issuer_is_not_kept(rp: RP, op: HostileOP) -> None:
    op.metadata["issuer"] = "https://accounts.example"
    assert rp.try_to_sign_in().status_code == 502
    del op.metadata["issuer"]
    rp.sign_in()
