"""The site in a real browser: from disk and from a server, with keyboard, for a screen reader, and at speed."""

import json
import time
from pathlib import Path

import pytest

from tests.atlas.site.browser import complaints, requests, resize
from tests.atlas.site.synthetic import EVIL

pytestmark = pytest.mark.slow

PAGES = {
    "home": "index.html",
    "layer": "channel/block6c_add.html",
    "unit": "channel/block6c_add/12.html",
    "logit": "logit/0001.html",
    "concept": "concept/0001/03.html",
    "class": "class/0001.html",
    "classes": "class.html",
    "grid": "grid/block6c_add.html",
    "about": "about.html",
}


@pytest.fixture(params=["file", "http"])
def base(request, site, served):
    """The address of the site, from disk and from a server."""
    return served if request.param == "http" else site.as_uri()


@pytest.fixture(autouse=True)
def fresh(browser, site):
    """Each test begins with an ordinary window and nothing remembered."""
    resize(browser, 1280, 900)
    browser.get(f"{site.as_uri()}/about.html")
    browser.execute_script("localStorage.clear(); sessionStorage.clear()")
    complaints(browser), requests(browser)


def run(browser, script, *arguments):
    return browser.execute_script(script, *arguments)


def wait(browser, script, *arguments, seconds=20):
    """Wait until a script returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := run(browser, script, *arguments)):
        assert time.monotonic() < deadline, f"{script} at {browser.current_url}"
        time.sleep(0.05)
    return found


def open_page(browser, base, page):
    browser.get(f"{base}/{page}")
    wait(browser, "return document.readyState === 'complete'")


def open_explorer(browser, base, page="index.html"):
    # Another address first: a change behind "#" alone would not load the page again.
    browser.get("about:blank")
    open_page(browser, base, page)
    wait(browser, "return document.querySelector('[data-explorer]').dataset.ready")


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def key(name):
    from selenium.webdriver.common.keys import Keys

    return getattr(Keys, name)


def enter(browser, name, value):
    """Set a control of the filters as a user does."""
    run(
        browser,
        """const input = document.querySelector("[data-explorer] form").elements.namedItem(arguments[0]);
        if (input.type === "checkbox") input.checked = arguments[1]; else input.value = arguments[1];
        input.dispatchEvent(new Event("input", { bubbles: true }));""",
        name,
        value,
    )
    time.sleep(0.3)


def names(browser):
    return run(browser, "return Array.from(document.querySelectorAll('.results .name'), (name) => name.textContent)")


def count(browser):
    return run(browser, "return document.querySelector('.count').textContent")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_are_quiet_and_fit(browser, base, page, width):
    """No error of the console, no image that is missing, no request to another host, no scrolling sideways."""
    resize(browser, width, 844)
    open_page(browser, base, PAGES[page])
    run(browser, "for (const image of document.images) image.loading = 'eager'")
    wait(browser, "return Array.from(document.images).every((image) => image.complete)")
    broken = "return Array.from(document.images).filter((image) => !image.naturalWidth).map((image) => image.src)"
    # An image that is not shown is not loaded.
    assert run(browser, broken.replace("!image.naturalWidth", "!image.naturalWidth && image.offsetParent")) == []
    assert run(browser, "return document.documentElement.scrollWidth") <= width
    assert complaints(browser) == []
    sent = requests(browser)
    assert sent
    assert [address for address in sent if not address.startswith(base)] == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("page", PAGES)
def test_accessibility(browser, site, page, dark):
    """axe-core finds nothing serious, in both colours."""
    import axe_core_python

    resize(browser, 1280, 900, dark)
    open_page(browser, site.as_uri(), PAGES[page])
    if page in ("home", "layer"):
        wait(browser, "return !document.querySelector('[data-explorer] form').hidden")
    run(browser, (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    serious = [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")]
    assert not serious, json.dumps(
        [{rule["id"]: [node["html"][:200] for node in rule["nodes"][:3]]} for rule in serious], indent=1
    )
    assert found["passes"]


def test_labels_are_text(browser, base):
    """A label that looks like a script is shown, and nothing runs."""
    open_page(browser, base, "class/0001.html")
    assert run(browser, "return document.querySelector('h1').textContent") == EVIL
    open_explorer(browser, base)
    enter(browser, "q", "<script>")
    assert EVIL in names(browser)
    assert run(browser, "return document.querySelectorAll('main script').length") == 0
    assert complaints(browser) == []


def test_the_list_goes_on_from_layer_to_layer(browser, base):
    """The chunks of the index arrive one after the other, and the block that one ends in is completed."""
    open_explorer(browser, base)
    shown = names(browser)
    assert shown[23:26] == ["23 · block2b_add", "0 · block4c_add", "1 · block4c_add"]
    run(browser, "scrollTo(0, document.body.scrollHeight)")
    wait(browser, "return Array.from(document.querySelectorAll('.results a')).pop().href.endsWith('class/0002.html')")


def test_search_finds_labels_units_and_layers(browser, base):
    open_explorer(browser, base)
    everything = count(browser)
    enter(browser, "q", "PÚG")
    assert names(browser)[0] == "pug"
    assert all("pug" in text for text in run(browser, TEXTS))
    enter(browser, "q", "block4c 39")
    assert names(browser) == ["39 · block4c_add"]
    enter(browser, "q", "logit/0007")
    assert run(browser, "return document.querySelector('.results a').getAttribute('href')") == "logit/0007.html"
    enter(browser, "q", "nothing has this name")
    assert names(browser) == []
    assert count(browser).startswith("0 ")
    enter(browser, "q", "")
    assert count(browser) == everything


# Everything that a search looks at, of the pictures shown.
TEXTS = """return Array.from(document.querySelectorAll(".results .tile"), (tile) =>
    (tile.textContent + tile.querySelector("a").getAttribute("href")).toLowerCase())
    .filter((text) => !text.includes("block"))"""


def test_filters_and_sort(browser, site, atlas):
    open_explorer(browser, site.as_uri())
    enter(browser, "layer", "channel/block4c_add")
    assert count(browser).startswith("40 ")
    enter(browser, "dead", True)
    keys = [unit for unit in atlas.keys("natural") if unit.startswith("channel/block4c_add/")]
    records = [atlas.read("natural", unit) for unit in keys]
    alive = [record for record in records if not record["dead"]]
    assert 0 < len(alive) < len(records)
    assert count(browser).startswith(f"{len(alive)} ")
    enter(browser, "sort", "clarity")
    best = max(alive, key=lambda record: record["clarity"])
    first = "return document.querySelector('.results a').getAttribute('href')"
    assert run(browser, first) == f"{best['key']}.html"
    clarities = [atlas.read("natural", unit)["clarity"] for unit in atlas.keys("natural")]
    known = [value for value in clarities if value is not None]
    enter(browser, "clarity", "50")
    middle = min(known) + (max(known) - min(known)) / 2
    assert count(browser).startswith(f"{sum(record['clarity'] >= middle for record in alive)} ")
    enter(browser, "clarity", "0")
    enter(browser, "sort", "score")
    scores = {record["key"]: atlas.read("items", f"{record['key']}/seed-0")["score"] for record in alive}
    assert run(browser, first) == f"{max(scores, key=scores.get)}.html"


def test_a_search_is_in_the_address(browser, base):
    """A link to a search shows the same, and the way back does, too."""
    open_explorer(browser, base)
    enter(browser, "q", "tarantula")
    enter(browser, "sort", "score")
    before, address = names(browser), browser.current_url
    assert "q=tarantula" in address
    browser.get("about:blank")
    browser.get(address)
    wait(browser, "return document.querySelector('[data-explorer]').dataset.ready")
    assert names(browser) == before
    run(browser, "document.querySelector('.results a').click()")
    wait(browser, "return document.querySelector('.unit') !== null || document.querySelector('.concepts') !== null")
    browser.back()
    wait(browser, "return document.querySelector('[data-explorer]').dataset.ready")
    assert names(browser) == before


def test_search_from_another_page(browser, base):
    open_page(browser, base, "logit/0002.html")
    field = browser.find_element("css selector", ".bar input[type=search]")
    field.send_keys("canoe")
    field.submit()
    wait(browser, "return document.querySelector('[data-explorer]')?.dataset.ready")
    assert names(browser)[0] == "canoe"


def test_random_unit(browser, base):
    open_explorer(browser, base)
    enter(browser, "layer", "channel/block2b_add")
    run(browser, "document.querySelector('[data-random]').click()")
    wait(browser, "return document.querySelector('.unit') !== null")
    assert "/channel/block2b_add/" in browser.current_url


def test_a_layer_is_filtered_in_its_place(browser, base):
    """The list that was written into the page gives way to what is searched."""
    open_page(browser, base, "channel/block6c_add.html")
    listed = "return document.querySelectorAll('[data-static] .tile').length"
    assert run(browser, listed) == 64
    browser.find_element("css selector", ".filters input[name=q]").click()
    wait(browser, "return document.querySelector('[data-explorer]').dataset.ready")
    enter(browser, "q", "63")
    assert "63" in names(browser)
    assert run(browser, "return document.querySelector('[data-static]').hidden")
    enter(browser, "q", "")
    assert not run(browser, "return document.querySelector('[data-static]').hidden")


def test_slider_from_opaque_to_transparent(browser, base):
    """The keys move the slider; the opaque image fades, and the next page keeps the choice."""
    from selenium.webdriver.common.by import By

    opacity = "return getComputedStyle(document.querySelector('.seed:not([hidden]) .opaque')).opacity"
    open_page(browser, base, "channel/block6c_add/12.html")
    assert float(run(browser, opacity)) == 0
    slider = browser.find_element(By.CSS_SELECTOR, "[data-fade]")
    slider.send_keys(key("HOME"))
    assert float(run(browser, opacity)) == 1
    slider.send_keys(*[key("ARROW_RIGHT")] * 25)
    assert float(run(browser, opacity)) == pytest.approx(0.75)
    assert slider.get_attribute("aria-valuetext") == "25 % transparent"
    open_page(browser, base, "channel/block6c_add/13.html")
    assert float(run(browser, opacity)) == pytest.approx(0.75)


def test_background(browser, base):
    open_page(browser, base, "channel/block6c_add/12.html")
    colour = "return getComputedStyle(document.querySelector('.stack')).backgroundColor"
    for ground, expected in (("black", "rgb(0, 0, 0)"), ("white", "rgb(255, 255, 255)")):
        run(browser, "document.querySelector(`input[value=${arguments[0]}]`).click()", ground)
        assert run(browser, colour) == expected


def test_seeds_and_their_permalinks(browser, base):
    """A seed is chosen by a click, is in the address, and a link with it shows it."""
    shown = "return document.querySelector('.seed:not([hidden])').id"
    open_page(browser, base, "logit/0003.html")
    assert run(browser, shown) == "seed-0"
    run(browser, "document.querySelectorAll('.seeds a')[1].click()")
    assert run(browser, shown) == "seed-1"
    assert browser.current_url.endswith("logit/0003.html#seed-1")
    address = browser.current_url
    browser.get("about:blank")
    browser.get(address)
    assert wait(browser, shown) == "seed-1"
    assert "/logit/0003/seed-1/" in run(browser, "return document.querySelector('.seed:not([hidden]) .clear').src")


def test_exemplars_as_masks_crops_and_images(browser, base):
    open_page(browser, base, "channel/block6c_add/12.html")
    for view in ("crop", "image", "mask"):
        run(browser, "document.querySelector(`input[value=${arguments[0]}]`).click()", view)
        shown = "return Array.from(document.querySelectorAll('.exemplars img')).filter((i) => i.offsetParent)"
        assert set(run(browser, f"{shown}.map((image) => image.className)")) == {view}
        assert run(browser, f"{shown}.length") == 9


def test_copying_the_command_and_the_link(browser, base):
    open_page(browser, base, "channel/block6c_add/12.html")
    caught = "navigator.clipboard.writeText = (text) => { window.caught = text; return Promise.resolve(); }"
    run(browser, caught)
    run(browser, "document.querySelector('[data-copy]').click()")
    command = wait(browser, "return window.caught")
    assert command.startswith("maco-tf explain --model synthetic")
    assert "--objective channel:block6c_add:8,9,10,11,12,13,14,15 --seed 0" in command
    wait(browser, "return document.querySelector('[data-copy]').textContent === 'Copied'")
    run(browser, "document.querySelector('[data-copy-link]').click()")
    assert wait(browser, "return window.caught") == browser.current_url


def test_arrow_keys_walk_over_pictures(browser, base):
    focused = "return document.activeElement.getAttribute('href')"
    open_page(browser, base, "channel/block6c_add.html")
    run(browser, "document.querySelector('[data-static] a').focus()")
    press(browser, key("ARROW_RIGHT"))
    assert run(browser, focused) == "../channel/block6c_add/01.html"
    press(browser, key("ARROW_DOWN"))
    columns = run(
        browser,
        """return getComputedStyle(document.querySelector("[data-static] ul")).gridTemplateColumns.split(" ").length""",
    )
    assert run(browser, focused) == f"../channel/block6c_add/{1 + columns:02d}.html"
    press(browser, key("ARROW_UP"), key("ARROW_LEFT"))
    assert run(browser, focused) == "../channel/block6c_add/00.html"
    press(browser, key("END"))
    assert run(browser, focused) == "../channel/block6c_add/63.html"
    # The tab key leaves the list, as it has one stop there.
    press(browser, key("TAB"))
    assert run(browser, "return document.activeElement.closest('[data-static]')") is None
    run(browser, "document.querySelectorAll('[data-static] a')[5].focus()")
    press(browser, key("ENTER"))
    wait(browser, "return document.querySelector('.unit') !== null")
    assert browser.current_url.endswith("/05.html")


def test_arrow_keys_lead_to_the_next_unit(browser, base):
    open_page(browser, base, "channel/block6c_add/12.html")
    press(browser, key("ARROW_RIGHT"))
    wait(browser, "return location.pathname.endsWith('/13.html')")
    press(browser, key("ARROW_LEFT"))
    wait(browser, "return location.pathname.endsWith('/12.html')")


def test_the_first_tab_stop_skips_to_the_content(browser, base):
    open_page(browser, base, "index.html")
    press(browser, key("TAB"))
    assert run(browser, "return document.activeElement.textContent") == "Skip to the content"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert run(browser, outline) != "none"
    press(browser, key("ENTER"))
    assert run(browser, "return location.hash") == "#main"


def test_a_concept_shows_its_crops(browser, base):
    open_page(browser, base, "class/0000.html")
    shown = "return Array.from(document.querySelectorAll('.crops')).filter((box) => !box.hidden).map((box) => box.id)"
    assert run(browser, shown) == ["crops-0"]
    run(browser, "document.querySelector(`[data-crops='crops-4']`).click()")
    assert run(browser, shown) == ["crops-4"]
    assert run(browser, "return document.querySelectorAll(`[aria-expanded='true']`).length") == 1
    faded = "return Array.from(document.querySelectorAll('[data-of]:not(.faded)'), (point) => point.dataset.of)"
    assert set(run(browser, faded)) == {"4"}
    # A point of a map chooses its concept as well.
    run(browser, "document.querySelector(`[data-of='2']`).dispatchEvent(new MouseEvent('click', { bubbles: true }))")
    assert run(browser, shown) == ["crops-2"]


def test_the_map_zooms_and_moves(browser, base):
    side = "return document.querySelector('.world li').getBoundingClientRect().width"
    place = "return document.querySelector('.world').getBoundingClientRect().x"
    open_page(browser, base, "grid/block6c_add.html")
    whole = run(browser, side)
    run(browser, "document.querySelector(`[data-zoom='in']`).click()")
    assert run(browser, side) == pytest.approx(1.5 * whole, rel=0.01)
    run(browser, "document.querySelector('[data-map]').focus()")
    press(browser, "+", "+")
    zoomed = run(browser, side)
    assert zoomed > 2 * whole
    assert run(browser, "return document.querySelector('.map').classList.contains('labelled')")
    before = run(browser, place)
    press(browser, key("ARROW_RIGHT"))
    assert run(browser, place) == pytest.approx(before - 60, abs=1)
    # The wheel zooms about the pointer, and a drag moves the map without opening a page.
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    element = browser.find_element("css selector", "[data-map]")
    ActionChains(browser).scroll_from_origin(ScrollOrigin.from_element(element), 0, 300).perform()
    assert run(browser, side) < zoomed
    # Zoomed in, the map has room on all sides.
    press(browser, "+", "+")
    before, address = run(browser, place), browser.current_url
    ActionChains(browser).move_to_element(element).click_and_hold().move_by_offset(-40, 10).release().perform()
    assert run(browser, place) == pytest.approx(before - 40, abs=2)
    assert browser.current_url == address
    press(browser, "0")
    assert run(browser, side) == pytest.approx(whole, rel=0.01)


def test_the_keys_walk_over_the_cells_of_the_map(browser, base):
    open_page(browser, base, "grid/block6c_add.html")
    run(browser, "document.querySelector('[data-map]').focus()")
    press(browser, key("TAB"))
    cell = "const c = document.activeElement.closest('li'); return [c.row, c.column]"
    row, column = run(browser, cell)
    press(browser, key("ARROW_DOWN"))
    assert run(browser, cell) == [row + 1, column]
    press(browser, key("ARROW_RIGHT"))
    assert run(browser, cell) == [row + 1, column + 1]
    press(browser, "+", "+", "+")
    box = run(
        browser,
        """const cell = document.activeElement.getBoundingClientRect();
        const map = document.querySelector("[data-map]").getBoundingClientRect();
        return [cell.left - map.left, cell.top - map.top, map.right - cell.right, map.bottom - cell.bottom]""",
    )
    press(browser, key("ARROW_DOWN"))
    box = run(
        browser,
        """const cell = document.activeElement.getBoundingClientRect();
        const map = document.querySelector("[data-map]").getBoundingClientRect();
        return [cell.left - map.left, cell.top - map.top, map.right - cell.right, map.bottom - cell.bottom]""",
    )
    assert min(box) >= 0


def test_highlighting_a_class_on_the_map(browser, site, atlas):
    open_page(browser, site.as_uri(), "grid/block6c_add.html")
    cells = atlas.read("grids", "block6c_add")["cells"]
    wanted = cells[0]["classes"][0]["name"]
    field = browser.find_element("css selector", "[name=class]")
    field.send_keys(wanted)
    expected = sum(any(wanted in found["name"] for found in cell["classes"]) for cell in cells)
    assert run(browser, "return document.querySelectorAll('.found').length") == expected


def test_colours_follow_the_system_and_the_switch(browser, base):
    colour = "return getComputedStyle(document.body).backgroundColor"
    open_page(browser, base, "index.html")
    light = run(browser, colour)
    resize(browser, 1280, 900, dark=True)
    dark = run(browser, colour)
    assert light != dark
    switch = browser.find_element("css selector", ".theme")
    switch.click()
    assert switch.text.endswith("Light")
    assert run(browser, colour) == light
    open_page(browser, base, "about.html")
    assert run(browser, colour) == light
