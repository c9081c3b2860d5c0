"""Coverage-guided fuzzing of what takes foreign bytes: `make fuzz`, docs/contributing.md.

Property tests make up messages from what we know about them. A fuzzer keeps what reaches
new code and changes it further, and so finds what nobody thought of.
"""
