"""The site with 20,000 units in a real browser: its speed, and that nothing grows with their number."""

import time

import pytest

from tests.atlas.site.browser import why_missing

pytestmark = pytest.mark.slow

# Notes when the first picture is decoded and the first units of the list are drawn, milliseconds.
WATCH = """(function look() {
    const ready = Array.from(document.images).some((image) => image.complete && image.naturalWidth);
    if (ready && document.querySelector(".results .tile")) window.drawn = performance.now();
    else requestAnimationFrame(look);
})();"""

# Scrolls as a reader does, with jumps between, and returns the longest task and the place that was reached.
SCROLL = """const done = arguments[arguments.length - 1], tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration)))
    .observe({ type: "longtask", buffered: false });
let steps = 0;
const step = () => {
    scrollBy(0, steps % 15 === 14 ? document.body.scrollHeight / 5 : 100);
    steps += 1;
    if (steps < 60) requestAnimationFrame(step);
    else setTimeout(() => done([Math.max(0, ...tasks), scrollY / document.body.scrollHeight]), 300);
};
requestAnimationFrame(step);"""


def wait(browser, script):
    deadline = time.monotonic() + 30
    while not (found := browser.execute_script(script)):
        assert time.monotonic() < deadline, script
        time.sleep(0.05)
    return found


def test_the_home_page_is_there_within_two_seconds(quick_browser, large_site):
    """Other processes can only delay a page, so the fastest of several tries counts."""
    watch = quick_browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    times = []
    try:
        while len(times) < 7 and min(times, default=2000) >= 2000:
            quick_browser.get("about:blank")
            quick_browser.get(f"{large_site.as_uri()}/index.html")
            times.append(wait(quick_browser, "return window.drawn"))
    finally:
        quick_browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watch)
    print(f"first view after {sorted(map(round, times))} ms")
    assert min(times) < 2000, times


def metrics(browser):
    """The time that tasks of the page took, and the time of a core that they used, seconds."""
    found = {one["name"]: one["value"] for one in browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
    return found["TaskDuration"], found["ThreadTime"]


@pytest.mark.parametrize("page", ["index.html", "channel/dictionary.html"])
def test_scrolling_has_no_long_task(quick_browser, large_site, page):
    """No task takes 200 ms or more on a core of its own; the best of several tries counts.

    Other processes stretch every task. By how much is measured in the same run: the time that all tasks took, divided
    by the time of a core that they used. The longest task is divided by that.
    """
    quick_browser.set_script_timeout(120)
    quick_browser.execute_cdp_cmd("Performance.enable", {})
    longest = []
    while len(longest) < 8 and min(longest, default=200) >= 200:
        quick_browser.get("about:blank")
        quick_browser.get(f"{large_site.as_uri()}/{page}")
        if page == "index.html":
            wait(quick_browser, "return document.querySelector('[data-explorer]').dataset.ready")
        took, used = metrics(quick_browser)
        task, place = quick_browser.execute_async_script(SCROLL)
        later_took, later_used = metrics(quick_browser)
        assert place > 0.5
        stretched = max(1.0, (later_took - took) / (later_used - used))
        longest.append(round(task / stretched))
        print(f"{page}: longest task {task:.0f} ms, stretched {stretched:.1f} times by other processes")
    assert min(longest) < 200, longest


def test_the_list_does_not_grow_with_its_results(quick_browser, large_site):
    """Only the pictures near the window exist, wherever it is."""
    quick_browser.get("about:blank")
    quick_browser.get(f"{large_site.as_uri()}/index.html")
    wait(quick_browser, "return document.querySelector('[data-explorer]').dataset.ready")
    for share in (0.3, 0.6, 1.0):
        quick_browser.execute_script("scrollTo(0, document.body.scrollHeight * arguments[0])", share)
        time.sleep(0.5)
        tiles = quick_browser.execute_script("return document.querySelectorAll('.results .tile').length")
        assert 10 < tiles < 1000
    assert (
        quick_browser.execute_script(
            "return Array.from(document.querySelectorAll('.results a')).pop().getAttribute('href')"
        )
        == "channel/dictionary/19999.html"
    )


def test_arrow_keys_reach_pictures_that_are_not_drawn_yet(quick_browser, large_site):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    focused = "return document.activeElement.getAttribute('href')"
    quick_browser.get("about:blank")
    quick_browser.get(f"{large_site.as_uri()}/index.html")
    wait(quick_browser, "return document.querySelector('[data-explorer]').dataset.ready")
    quick_browser.execute_script("document.querySelector('.results a').focus()")
    ActionChains(quick_browser).send_keys(*[Keys.ARROW_DOWN] * 30).perform()
    columns = int(wait(quick_browser, "return document.querySelector('.results').style.getPropertyValue('--columns')"))
    assert quick_browser.execute_script(focused) == f"channel/dictionary/{30 * columns:05d}.html"
    ActionChains(quick_browser).send_keys(Keys.END).perform()
    assert quick_browser.execute_script(focused) == "channel/dictionary/19999.html"


def test_a_missing_browser_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "chromium and chromedriver" in why_missing()
