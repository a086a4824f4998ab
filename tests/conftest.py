"""Settings of all tests.

Property tests draw the same examples each time and have no deadline, so that a busy machine cannot fail them.
``HYPOTHESIS_PROFILE=explore pytest`` draws others.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
