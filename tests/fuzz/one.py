"""`python -m tests.fuzz.one TARGET ARGUMENT...`: fuzz one target, with libFuzzer's arguments."""

from __future__ import annotations

import os
import sys

import atheris
import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
# What is imported here tells the fuzzer which of its branches were taken.
with atheris.instrument_imports(include=["oidc_rp"]):
    django.setup()
    from .targets import TARGETS

if __name__ == "__main__":
    program, target, *arguments = sys.argv
    atheris.Setup([program, *arguments], TARGETS[target])
    atheris.Fuzz()
