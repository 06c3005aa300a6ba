# SPDX-License-Identifier: Apache-2.0
"""Servers come from the integration tests' harness; this adds the browser.

One headless Chromium serves a test file, with a profile of its own that is thrown away. It resolves no name and
so reaches nothing but 127.0.0.1, whatever the page asks for.
"""
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common import utils

INTEGRATION = Path(__file__).resolve().parents[1] / "integration"
sys.dont_write_bytecode = True
sys.path.insert(0, str(INTEGRATION))

import procs    # noqa: E402

_spec = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
_harness = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_harness)
# Fixtures and hooks count by being found under their names here.
globals().update({name: getattr(_harness, name) for name in vars(_harness)
                  if name in ("base_dir", "tls_dir", "_session", "httpd", "module_httpd") or name.startswith("pytest_")})

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--hide-scrollbars",
             "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")


class NumericService(Service):
    """chromedriver at 127.0.0.1: Selenium says localhost, which has no address where there is no /etc/hosts."""

    @property
    def service_url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_connectable(self):
        return utils.is_connectable(self.port, "127.0.0.1")


class Browser:
    """A tab: what the tests need of Selenium and of Chromium's own protocol."""

    def __init__(self, profile):
        # chromedriver too would look for the Chromium it starts at localhost.
        port = procs.free_port()
        self.process = subprocess.Popen([shutil.which("chromium"), *ARGUMENTS, f"--user-data-dir={profile}",
                                         f"--remote-debugging-port={port}", "about:blank"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        procs.wait_until(lambda: procs.listening(port), 30, "Chromium")
        options = webdriver.ChromeOptions()
        options.debugger_address = f"127.0.0.1:{port}"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        try:
            self.driver = webdriver.Chrome(service=NumericService(shutil.which("chromedriver")), options=options)
        except BaseException:
            self.process.kill()
            raise
        self.driver.set_page_load_timeout(30)

    def quit(self):
        self.driver.quit()
        self.process.terminate()
        self.process.wait(10)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def open(self, url, width=1280, height=900, scheme="light", script=True):
        """Show `url` in a window of this size, with or without JavaScript; what was logged before is forgotten."""
        self.driver.get("about:blank")
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.cdp("Emulation.setScriptExecutionDisabled", value=not script)
        self.console(), self.requests()
        self.driver.get(url)

    def run(self, script, *arguments):
        """The value of a JavaScript expression."""
        return self.driver.execute_script("return " + script, *arguments)

    def console(self):
        """Messages of the console since the last look."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """URLs the page asked for since the last look."""
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def text(self, selector):
        return self.run("document.querySelector(arguments[0])?.textContent", selector)

    def texts(self, selector):
        return self.run("[...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)


@pytest.fixture(scope="module")
def browser():
    profile = tempfile.mkdtemp(prefix="mpm-hybrid-browser-")
    tab = Browser(profile)
    yield tab
    tab.quit()
    shutil.rmtree(profile, ignore_errors=True)
