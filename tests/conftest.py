"""What all tests share: Hypothesis profiles."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The same examples every time, so that a failure is a fault of the change at hand; `make fuzz` looks for new ones.
settings.register_profile(
    "default", deadline=None, max_examples=50, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fuzz", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
