"""The page of results in a real browser, from a file: it sorts, filters, opens and plays."""

import re
from importlib import metadata

import chromium
import pytest
from page_example import EVIL, make

try:
    metadata.version("selenium")
except metadata.PackageNotFoundError:
    pytest.skip("no selenium: make dev installs it", allow_module_level=True)
PATIENCE = 60  # seconds; other tests may run beside this one
FLAGS = (
    *chromium.FLAGS,
    "--window-size=1280,900",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium.CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(chromium.DRIVER))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, made):
    browser.get("about:blank")
    browser.get(made["page"].as_uri())
    yield browser
    # Nothing was run that the data brought along, and nothing went wrong.
    assert browser.execute_script("return window.evil") is None
    assert browser.get_log("browser") == []


def find(browser, css):
    return browser.find_elements("css selector", css)


def soon(browser, condition):
    """Wait for what follows a change of the address, which the page learns of in its own time."""
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    # Between two questions the page may be drawn anew.
    ignored = [StaleElementReferenceException]
    wait = WebDriverWait(browser, PATIENCE, ignored_exceptions=ignored)
    return wait.until(lambda _: condition())


def names(browser):
    return [link.text for link in find(browser, "#summary td.name a") if link.is_displayed()]


def test_it_sorts_and_filters(page):
    assert page.title == "Results of 2 experiments"
    assert names(page) == ["first <b>&amp;", "second"]
    (value,) = [b for b in find(page, "#summary th button") if b.text == "value"]
    value.click()  # the best first
    assert names(page) == ["second", "first <b>&amp;"]
    assert find(page, "th[aria-sort=descending]")[0].text.startswith("value")
    value.click()
    assert names(page) == ["first <b>&amp;", "second"]
    (search,) = find(page, "#search")
    search.send_keys("SECOND uar")
    assert names(page) == ["second"]
    assert find(page, "#count")[0].text == "1 of 2"
    search.clear()
    search.send_keys("nothing like it")
    assert names(page) == []


def test_by_keys_alone_it_opens_an_experiment_and_goes_back(page):
    from selenium.webdriver.common.keys import Keys

    body = find(page, "body")[0]
    body.send_keys("/")
    assert page.switch_to.active_element.get_attribute("id") == "search"
    find(page, "#summary td.name a")[0].send_keys(Keys.ENTER)
    (heading,) = soon(page, lambda: find(page, "#one h2"))
    assert heading.text == "first <b>&amp;" and page.switch_to.active_element == heading
    assert not names(page)
    find(page, "#one nav a")[-1].send_keys(Keys.ENTER)
    soon(page, lambda: [h.text for h in find(page, "#one h2")] == ["second"])
    find(page, "body")[0].send_keys(Keys.ESCAPE)
    soon(page, lambda: names(page) == ["first <b>&amp;", "second"])
    soon(page, lambda: page.switch_to.active_element.text == "second")
    page.back()
    soon(page, lambda: [h.text for h in find(page, "#one h2")] == ["second"])


def test_an_experiment_shows_pictures_figures_and_labels_as_they_are(page, made):
    find(page, "#summary td.name a")[0].click()
    (picture,) = soon(page, lambda: find(page, "#one figure img"))
    shown = "const i = arguments[0]; return i.decode().then(() => i.naturalWidth)"
    assert page.execute_script(shown, picture) == 1
    text = find(page, "#one")[0].text
    assert EVIL in text and "window.evil" in text and "few speakers" in text
    rows = find(page, "#one table.errors tbody tr")
    wrong = made["frame"]["truth"] != made["frame"]["prediction"]
    assert len(rows) == min(8, wrong.sum())
    shown = int(re.search(r"(\d+) %", rows[0].text)[1])
    top = made["frame"].loc[wrong].apply(lambda row: row[f"p_{row['prediction']}"], axis=1).max()
    assert shown == pytest.approx(100 * top, abs=0.51)
    for details in find(page, "#one details"):
        details.find_element("css selector", "summary").click()
    text = find(page, "#one")[0].text
    assert "numpy" in text and "1.2.3" in text and "key of first" in text
    assert "0.750 there and 0.500 on the test set: optimism 0.250" in text
    (tuning,) = [s for s in find(page, "#one section") if s.text.startswith("Tuning")]
    rows = [row.text for row in tuning.find_elements("css selector", "tbody tr")]
    assert rows == ["10 scale 2", "1 scale 0.050", "10 scale 0.500"]
    set_ones = [row.text.split() for row in find(page, "#one tr.set")]
    assert ["model", "C_val", "10.0", "set"] in set_ones


@pytest.mark.parametrize("megabytes", [20, 0], ids=["embedded", "linked"])
def test_a_recording_is_played(browser, made, tmp_path, megabytes):
    page = made["page"] if megabytes else make(tmp_path, megabytes=0)["page"]
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}#/second")
    audio = soon(browser, lambda: find(browser, "#one audio"))[0]
    assert audio.get_attribute("src").startswith("data:" if megabytes else "file:")
    state = browser.execute_async_script(
        "const [audio, done] = arguments;"
        "audio.addEventListener('timeupdate', () =>"
        " audio.currentTime > 0.2 && done([audio.currentTime, audio.duration, audio.error]));"
        "audio.play().catch((error) => done(String(error)));",
        audio,
    )
    assert state[0] > 0.2 and state[1] == pytest.approx(1, abs=0.05) and state[2] is None
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(page, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for route in ("#", "#/second"):
        page.execute_script(f"location.hash = '{route}'")
        soon(page, lambda route=route: bool(names(page)) == (route == "#"))
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
