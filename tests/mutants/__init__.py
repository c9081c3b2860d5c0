"""Mutation testing of the protocol and of the sealed cookies: `make mutants`, docs/contributing.md.

One small change at a time is made to a module, and its tests have to notice. The changes are
mutmut's. The running is ours, because `mutmut run` changes function bodies only: no constant or table
of a module, no decorated function, nothing that runs while a module is imported. For a package
whose limits and allowlists are such constants that would leave out the best part.
"""
