"""Real OPs, which nobody here wrote, and real sites, over real HTTP: `make interop`.

A feature is one test function; an OP is one subclass of `op.OP`. What came out is a cell of docs/interop.md.
"""
