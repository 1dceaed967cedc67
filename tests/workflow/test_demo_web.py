"""The web page, in a real browser: a recording is uploaded and its label is read."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from importlib import metadata

import chromium
import numpy as np
import pytest
import soundfile
from workflow import IZWI, ROOT, Folder, izwi_environment

try:
    if int(metadata.version("gradio").partition(".")[0]) < 6:
        raise metadata.PackageNotFoundError
    metadata.version("selenium")
except metadata.PackageNotFoundError:
    pytest.skip("no gradio 6 or no selenium: make dev installs them", allow_module_level=True)
PATIENCE = 120  # seconds; other tests may run beside this one
FLAGS = (
    *chromium.FLAGS,
    "--window-size=1200,1000",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@pytest.fixture(scope="module")
def experiment(two_models):
    return Folder(two_models)


@pytest.fixture(scope="module")
def site(experiment, tmp_path_factory):
    """The page's address and the folder that holds its uploads."""
    temporary = tmp_path_factory.mktemp("uploads")
    process = subprocess.Popen(
        [*IZWI, "predict", "--experiment", "svm", "--web", "--port", "0"],
        cwd=experiment.path,
        env=izwi_environment(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = process.stdout.readline().split()
        assert address and address[0].startswith("http://127.0.0.1:")
        yield address[0], temporary
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert list(temporary.iterdir()) == []


@pytest.fixture(scope="module")
def browser(site, tmp_path_factory):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium.CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(chromium.DRIVER))
    driver.set_page_load_timeout(PATIENCE)
    driver.get(site[0])
    yield driver
    driver.quit()


def wait(browser, css, count=1):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def shown(driver):
        found = driver.find_elements(By.CSS_SELECTOR, css)
        return found if len(found) >= count else None

    return WebDriverWait(browser, PATIENCE).until(shown, f"nothing like {css} in the page")


def upload(browser, path):
    (field,) = wait(browser, "#recording input[type=file]")
    field.send_keys(str(path))


def uploads(site):
    """What lies there but the server's own mark."""
    return [path for path in site[1].rglob("*") if path.is_file() and path.name != ".izwi-web"]


def test_the_label_of_an_upload_is_that_of_the_experiment(experiment, site, browser):
    (database,) = (experiment.path / "results/databases").iterdir()
    for row in (rows := experiment.predictions("svm"))[:: len(rows) // 2][:2]:
        path = database / row["file"]
        upload(browser, path)
        wait(browser, f"#heard audio[data-name='{path.name}']")
        (decision,) = wait(browser, "#decision .izwi-decision")
        assert decision.text == row["prediction"]
        bars = wait(browser, "#bars .confidence-set", count=4)
        shown = [bar.text.split("\n")[:2] for bar in bars]
        labels = sorted(
            (name for name in row if name.startswith("p_")), key=lambda name: -float(row[name])
        )
        assert shown == [[name[2:], f"{100 * float(row[name]):.0f}%"] for name in labels]
        (picture,) = wait(browser, "#spectrogram img")
        assert picture.size["width"] > 300 and picture.size["height"] > 100
        assert uploads(site) == []


def test_a_recording_of_the_microphone_is_predicted(site, browser):
    browser.get(site[0])
    wait(browser, "#recording [aria-label='Record audio']")[0].click()
    wait(browser, "#recording .record-button")[0].click()
    time.sleep(2)
    wait(browser, "#recording .stop-button")[0].click()
    wait(browser, "#heard audio")
    (decision,) = wait(browser, "#decision .izwi-decision")
    assert decision.text in ("anger", "happiness", "neutral", "sadness")
    assert uploads(site) == []


def test_what_cannot_be_predicted_says_why(site, browser, tmp_path):
    browser.get(site[0])
    (tmp_path / "<b>noise.wav").write_text("this is no audio")
    upload(browser, tmp_path / "<b>noise.wav")
    (problem,) = wait(browser, "#heard [role=alert]")
    assert problem.text.endswith("noise.wav: no prediction, unreadable, file too short, 16 bytes")
    soundfile.write(tmp_path / "long.wav", np.zeros(61 * 8000), 8000)
    upload(browser, tmp_path / "long.wav")
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, PATIENCE).until(lambda driver: "long.wav" in text(driver))
    assert text(browser) == "long.wav: no prediction, 61 s long, at most 60 s are taken"
    assert uploads(site) == []


def text(browser):
    return wait(browser, "#heard")[0].text


def test_nothing_is_asked_of_another_machine(site, browser):
    asked = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.add(message["params"]["request"]["url"])
    own = tuple(f"{prefix}{site[0]}/" for prefix in ("", "blob:"))
    assert any(address.startswith(own) for address in asked)
    foreign = [a for a in asked if not a.startswith((*own, "data:", "chrome:", "chrome-"))]
    assert foreign == []


def ask(address, data=None, **headers):
    request = urllib.request.Request(address, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("path", ["/etc/passwd", "http://127.0.0.1:9/x.wav", "file:///etc/passwd"])
def test_only_uploads_are_read(site, path):
    data = {
        "data": [{"path": path, "meta": {"_type": "gradio.FileData"}}],
        "fn_index": 0,
        "session_hash": "test",
    }
    json_header = {"Content-Type": "application/json"}
    status, _ = ask(f"{site[0]}/gradio_api/queue/join?", json.dumps(data).encode(), **json_header)
    assert status == 200
    _, events = ask(f"{site[0]}/gradio_api/queue/data?session_hash=test")
    (last,) = [line for line in events.splitlines() if "process_completed" in line]
    last = json.loads(last.removeprefix("data: "))
    assert last["success"] is False and last["output"]["error"] == "upload a file"
    assert uploads(site) == []


def test_other_names_and_files_are_refused_and_large_uploads_too(site, tmp_path):
    assert ask(site[0], Host="somewhere.example")[0] == 400
    assert ask(f"{site[0]}/gradio_api/file=/etc/passwd")[0] in (403, 404)
    assert ask(f"{site[0]}/gradio_api/file={ROOT}/README.md")[0] in (403, 404)
    body = b"--b\r\nContent-Disposition: form-data; name=files; filename=x.wav\r\n\r\n"
    body += bytes(51 * 2**20) + b"\r\n--b--\r\n"
    header = {"Content-Type": "multipart/form-data; boundary=b"}
    status, answer = ask(f"{site[0]}/gradio_api/upload", body, **header)
    assert status == 413 and "too large" in answer
    assert uploads(site) == []
