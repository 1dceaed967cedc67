"""The page of results in a real browser, from a file: it sorts, filters, opens and plays."""

import csv
import json
import re
import time
from importlib import metadata
from pathlib import Path

import chromium
import numpy as np
import pytest
from page_example import EVIL, make, many, samples

from izwi.reporting.page import markup

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


def open_page(browser, path, route=""):
    browser.get("about:blank")
    browser.get(f"{path.as_uri()}{route}")


def charts(browser, css):
    """Text alternatives of the charts that a selector finds."""
    return [chart.get_attribute("aria-label") for chart in find(browser, css)]


def test_each_row_has_its_interval_and_confusion_matrix_as_pictures_with_a_text(page, made):
    bars = charts(page, "#summary svg.bar")
    assert len(bars) == 2 and all("chance 0.333" in text for text in bars)
    for name, text in zip(("first <b>&amp;", "second"), bars, strict=True):
        metrics = json.loads(
            (made["page"].parent / "experiments" / name / "metrics.json").read_text()
        )
        low, high = metrics["ci"]
        assert f"{metrics['value']:.3f}, {low:.3f} to {high:.3f}" in text
        assert "majority class" in text
    # Chance, baseline and limits each have their place on the scale.
    assert len(find(page, "#summary svg.bar path.chance, #summary svg.bar path.same")) == 4
    thumbnails = charts(page, "#summary svg.thumbnail")
    frame = made["frame"]
    for label, rows in frame.groupby("truth"):
        share = (rows["prediction"] == label).mean()
        assert f"{label} {100 * share:.0f} %" in thumbnails[0]


def test_two_experiments_are_chosen_and_shown_side_by_side(page, made):
    (button,) = find(page, "#compare")
    boxes = find(page, "#summary input[type=checkbox]")
    assert [box.get_attribute("aria-label") for box in boxes] == [
        "compare first <b>&amp;",
        "compare second",
    ]
    assert not button.is_enabled()
    from selenium.webdriver.common.keys import Keys

    for box in boxes:
        box.send_keys(Keys.SPACE)
    button.send_keys(Keys.ENTER)
    (heading,) = soon(page, lambda: find(page, "#one h2"))
    assert heading.text == "first <b>&amp; and second" and page.switch_to.active_element == heading
    with open(made["page"].parents[1] / "comparisons.csv", newline="", encoding="utf-8") as stream:
        (test,) = csv.DictReader(stream)
    told = find(page, "#one .callout")[0].text
    assert test["test"] in told and test["verdict"] in told
    assert f"difference {float(test['difference']):.3f}" in told
    low, high = float(test["ci_low"]), float(test["ci_high"])
    between = find(page, "#one .headline")[0].text
    assert f"{float(test['difference']):.3f} [{low:.3f}, {high:.3f}]" in between
    assert f"{test['n']} samples, {test['n_speakers']} speakers" in between
    (speakers,) = [text for text in charts(page, "#one svg.chart") if text and "speaker" in text]
    assert "5 dots" in speakers and "equal 0.000" in speakers
    find(page, "#one nav a")[-1].click()
    soon(page, lambda: [h.text for h in find(page, "#one h2")] == ["second and first <b>&amp;"])
    assert f"difference {-float(test['difference']):.3f}" in find(page, "#one .callout")[0].text
    assert f"[{-high:.3f}, {-low:.3f}]" in find(page, "#one .headline")[0].text
    find(page, "body")[0].send_keys(Keys.ESCAPE)
    soon(page, lambda: len(names(page)) == 2)


def test_what_no_table_has_tested_is_left_to_the_command(browser, made, tmp_path):
    text = re.sub(r'(id="tests">)[^<]*', r"\1" + markup.packed([]), made["text"])
    path = tmp_path / "index.html"
    path.write_text(text, encoding="utf-8")
    open_page(browser, path, "#/first%20%3Cb%3E%26amp%3B/second")
    told = soon(browser, lambda: find(browser, "#one .callout"))[0].text
    assert told.endswith("izwi compare 'first <b>&amp;' second")


def test_an_experiment_is_drawn(page, made):
    page.execute_script("location.hash = '#/second'")
    soon(page, lambda: find(page, "#one h2"))
    texts = charts(page, "#one svg[role=img]")
    (curve,) = [text for text in texts if text.startswith("Learning curve")]
    assert "36 samples: train 1.000, test 0.600" in curve
    (matrix,) = [text for text in texts if text.startswith("Confusion matrix")]
    assert "neutral 100 %" in matrix
    assert [text for text in texts if text.startswith("UAR by gender")]
    assert len(find(page, "#one svg.chart circle.dot")) > 5
    audit = [s.text for s in find(page, "#one section") if s.text.startswith("Leakage audit")]
    assert "end in silence" in audit[0] and "cue" in audit[0]


def test_a_spectrogram_shows_the_tone(page, made):
    open_page(page, made["page"], "#/second")
    canvas = soon(page, lambda: find(page, "#one canvas"))[0]
    page.execute_script("arguments[0].scrollIntoView()", canvas)
    soon(page, lambda: "kHz" in canvas.get_attribute("aria-label"))
    file = find(page, "#one table.errors tbody tr")[0].text
    tone = 40 * (5 + int(re.search(r"wav/(\d+)", file)[1]))
    lines = page.execute_script(
        "const c = arguments[0], d = c.getContext('2d').getImageData(c.width / 2, 0, 1, c.height);"
        "return [...Array(c.height).keys()].map((y) => d.data[4 * y]);",
        canvas,
    )
    darkest = len(lines) - 1 - lines.index(min(lines))
    assert darkest == int(tone / (8000 / len(lines)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_keeps_out_who_cannot_see_or_point(page, width, scheme):
    keeps_nobody_out(page, width, scheme, ("", "#/second", "#/first%20%3Cb%3E%26amp%3B/second"))


def keeps_nobody_out(page, width, scheme, routes):
    """What axe finds at each address of a page, on a screen of a width; it fits the screen, too."""
    axe = pytest.importorskip("axe_core_python", reason="make dev installs it")
    script = (Path(axe.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    for route in routes:
        if route or len(routes) > 1:
            page.execute_script(f"location.hash = '{route}'")
            soon(page, lambda route=route: bool(find(page, "#one h2")) == bool(route))
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        page.execute_script(
            "for (const part of document.querySelectorAll('details')) part.open = true"
        )
        page.execute_script(script)
        found = page.execute_async_script("axe.run().then(arguments[0], arguments[0])")
        told = [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]
        assert not told and len(found["passes"]) > 20
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_thousand_experiments_are_a_small_page_and_soon_shown(browser, tmp_path):
    text = many(tmp_path, 1000)
    assert len(text.encode()) < 3e6
    path = tmp_path / "index.html"
    path.write_text(text, encoding="utf-8")
    took = []
    for _ in range(3):
        browser.get("about:blank")
        started = time.monotonic()
        browser.get(path.as_uri())
        browser.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0]))")
        took.append(time.monotonic() - started)
    assert len(find(browser, "#summary svg.thumbnail")) == 1000
    assert min(took) < 2
    browser.execute_script("location.hash = '#/e777'")
    soon(browser, lambda: [h.text for h in find(browser, "#one h2")] == ["e777"])


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    return samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture
def spotlight(browser, listed):
    open_page(browser, listed["page"])
    soon(browser, lambda: find(browser, "#samples tbody tr"))
    yield browser
    assert browser.execute_script("return window.evil") is None
    assert browser.get_log("browser") == []


def chosen(browser, css, text):
    from selenium.webdriver.support.ui import Select

    Select(find(browser, css)[0]).select_by_visible_text(text)


def cells(browser, name):
    heads = [head.text for head in find(browser, "#samples th")]
    return [row.text for row in find(browser, f"#samples td:nth-child({heads.index(name) + 1})")]


def test_samples_are_sorted_and_filtered(spotlight, listed):
    table, frame = listed["table"][:60], listed["frame"]
    assert cells(spotlight, "emotion") == table["truth"].tolist()
    (button,) = [head for head in find(spotlight, "#samples th button") if head.text == "age"]
    button.click()
    told = [f"{age:g}" for age in sorted(table["age"].dropna())]
    assert cells(spotlight, "age") == [*told, "–"]
    find(spotlight, "#samples th[aria-sort] button")[0].click()
    assert cells(spotlight, "age") == [*told[::-1], "–"]
    chosen(spotlight, "#selects select[data-place]", "s1<i>")
    of_speaker = table["speaker"] == "db/s1<i>"
    assert find(spotlight, "#count")[0].text == f"{of_speaker.sum()} of 60 samples"
    assert set(cells(spotlight, "speaker")) == {"s1<i>"}
    wrong = (frame["truth"] != frame["prediction"]) & of_speaker[:40]
    (right,) = [
        one for one in find(spotlight, "#selects label") if one.text.split("\n")[0] == "right"
    ]
    right.find_element("css selector", "option[value='=no']").click()
    assert len(cells(spotlight, "file")) == len(circles(spotlight)) == wrong.sum()
    open_page(spotlight, listed["page"])
    soon(spotlight, lambda: find(spotlight, "#samples tbody tr"))
    chosen(spotlight, "#number", "age")
    find(spotlight, "#from")[0].send_keys("30")
    find(spotlight, "#to")[0].send_keys("50")
    assert len(cells(spotlight, "age")) == table["age"].between(30, 50).sum()
    find(spotlight, "#search")[0].send_keys("nothing like it")
    assert cells(spotlight, "file") == [] and find(spotlight, "#where")[0].text == "no sample fits"


def circles(browser):
    return find(browser, "#scatter > svg > circle")


def test_samples_are_drawn_by_any_two_columns_and_coloured(spotlight, listed):
    table, features = listed["table"][:60], listed["features"][:60]
    chosen(spotlight, "#x", "age")
    chosen(spotlight, "#y", "F0")
    chosen(spotlight, "#colour", "native")
    known = table["age"].notna().to_numpy()
    places = [float(one.get_attribute("cx")) for one in circles(spotlight)]
    slope = (max(places) - min(places)) / (table["age"].max() - table["age"].min())
    expected = min(places) + slope * (table["age"][known] - table["age"].min())
    assert places == pytest.approx(expected.tolist(), abs=0.1)
    up = [float(one.get_attribute("cy")) for one in circles(spotlight)]
    assert np.corrcoef(up, features["F0"][known])[0, 1] == pytest.approx(-1, abs=1e-4)
    assert len({one.get_attribute("fill") for one in circles(spotlight)}) == 2
    assert "1 of 60 samples have no value" in find(spotlight, "#scatter")[0].text
    assert "F0" in [head.text for head in find(spotlight, "#samples th")]
    chosen(spotlight, "#colour", "duration")
    assert len({one.get_attribute("fill") for one in circles(spotlight)}) > 40
    assert [key.text for key in find(spotlight, "#scatter .key")] == ["0.5", "30", "59.5"]


def test_a_sample_is_shown_and_played(spotlight, listed):
    find(spotlight, "#samples td button")[7].click()
    (audio,) = find(spotlight, "#one audio")
    assert audio.get_attribute("src").startswith("file:")
    state = spotlight.execute_async_script(
        "const [audio, done] = arguments;"
        "audio.addEventListener('timeupdate', () =>"
        " audio.currentTime > 0.2 && done([audio.currentTime, audio.duration, audio.error]));"
        "audio.play().catch((error) => done(String(error)));",
        audio,
    )
    assert state[0] > 0.2 and state[1] == pytest.approx(1, abs=0.05) and state[2] is None
    told = find(spotlight, "#one")[0].text
    assert EVIL in told and listed["table"]["file"][7] in told
    assert len(find(spotlight, "#scatter circle.hit")) == 1
    spotlight.execute_script(
        "document.querySelector('#scatter circle[data-row=\"50\"]')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert find(spotlight, "#one")[0].text.startswith(listed["table"]["file"][50])
    assert "No recording is linked." in find(spotlight, "#one")[0].text


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_samples_keep_nobody_out(spotlight, width, scheme):
    find(spotlight, "#samples td button")[0].click()
    keeps_nobody_out(spotlight, width, scheme, [""])
