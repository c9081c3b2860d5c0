"""Benchmarks: what oidc_rp costs, as ratios against a floor or a peer. `python -m benchmarks`, or `make bench`."""
