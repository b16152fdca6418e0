"""What a test may need of the machine beside programs: rights, and parts of the kernel."""

from __future__ import annotations

import os

import pytest


def needs(there: bool, reason: str) -> None:
    """Pass over the test if something is not there, with the reason; in CI that is a failure.

    A developer need not be root to run the suite, but what CI passes over nobody ever runs.
    """
    if there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must be able to run this test: {reason}")
    pytest.skip(reason)
