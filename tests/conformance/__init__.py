"""The RP against an OP that attacks or errs, over real HTTP. Each module is one kind of attack; each case changes one
thing of a login that would be right, and says how it is refused. `docs/conformance.md` lists them.
"""
