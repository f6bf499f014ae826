"""Chromium for the tests of the site, driven by Selenium."""

import contextlib
import json
import os
import shutil
import tempfile

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def why_missing():
    """Why no browser can be started here; empty if one can."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "Selenium is not installed (pip install maco_tf[dev])"
    found = {"chromium": _browser(), "chromedriver": shutil.which("chromedriver")}
    missing = [name for name, path in found.items() if path is None]
    return f"{' and '.join(missing)} not found ('make browser' installs them with apt-get as root)" if missing else ""


def _browser():
    return shutil.which("chromium") or shutil.which("google-chrome")


@contextlib.contextmanager
def chromium(width=1280, height=900, *, watched=True):
    """A fresh browser, closed at the end. If it is watched, it keeps logs of the console and of all requests."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = _browser()
    for flag in FLAGS:
        options.add_argument(flag)
    if watched:
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options.add_argument(f"--user-data-dir={profile}")
        first = {} if watched else {"preexec_fn": _go_first}
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver"), popen_kw=first))
        try:
            resize(driver, width, height)
            yield driver
        finally:
            driver.quit()


def _go_first():
    """Let a browser whose speed is measured go before other processes, where that is allowed."""
    with contextlib.suppress(OSError):
        os.nice(-15)


def resize(driver, width, height, dark=False):
    """Set the size of the window, and the colours that the system prefers."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def complaints(driver):
    """Errors and warnings of the console since the last call."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def requests(driver):
    """The addresses of all requests since the last call, without those of images inside a page."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [found["params"]["request"]["url"] for found in messages if found["method"] == "Network.requestWillBeSent"]
    return [address for address in sent if not address.startswith("data:")]
