"""Extras that a test needs."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest


def need(*packages: str) -> None:
    """Skip the test where one of `packages` is not installed; let it fail where `CI` is set."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(missing)} not installed")
