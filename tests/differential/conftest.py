# SPDX-License-Identifier: Apache-2.0
"""Servers come from the integration tests' harness."""
import importlib.util
import sys
from pathlib import Path

INTEGRATION = Path(__file__).resolve().parents[1] / "integration"
sys.dont_write_bytecode = True
sys.path.insert(0, str(INTEGRATION))

_spec = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
_harness = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_harness)
# Fixtures and hooks count by being found under their names here.
globals().update({name: getattr(_harness, name) for name in vars(_harness)
                  if name in ("base_dir", "tls_dir", "_session", "httpd", "module_httpd") or name.startswith("pytest_")})
