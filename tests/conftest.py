"""What every test has: the deterministic profile of hypothesis, and apps made from explicit settings."""

from __future__ import annotations

from hypothesis import settings

# the same examples on every machine: a failure in CI is a failure here; `make soak` looks further
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("repeatable")
