"""The web page under requests that no page would send: no file but an upload is read or deleted."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from workflow import ROOT

try:
    if int(metadata.version("gradio").partition(".")[0]) < 6:
        raise metadata.PackageNotFoundError
except metadata.PackageNotFoundError:
    pytest.skip("no gradio 6: make web installs it", allow_module_level=True)
PATIENCE = 120  # seconds; other tests may run beside this one
META = {"_type": "gradio.FileData"}
# The server itself, with a model that knows one answer.
SERVER = """
import sys
import pandas as pd
from izwi.serving.web import serve

class Model:
    transductive, task, labels, title, notes = False, "regression", None, "a model", []

    def predict(self, paths):
        table = pd.DataFrame({"prediction": [42.5], "problem": [None], "seconds": [0.1]})
        table.attrs["notes"] = []
        return table

serve(Model(), "model", 0)
"""


class Site:
    """A running server and where its uploads are."""

    def __init__(self, address, folder):
        self.address = address
        self.folder = folder

    def ask(self, path, data=None, **headers):
        request = urllib.request.Request(self.address + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            try:
                return error.code, error.read().decode("utf-8", "replace")
            except ConnectionResetError:  # refused before it had read the request
                return error.code, ""

    def post(self, path, content):
        body = json.dumps(content).encode()
        return self.ask(path, body, **{"Content-Type": "application/json"})

    def upload(self, path, name=None):
        body = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name or path.name}'
        body = body.encode() + b'"\r\n\r\n' + path.read_bytes() + b"\r\n--b--\r\n"
        header = {"Content-Type": "multipart/form-data; boundary=b"}
        status, answer = self.ask("/gradio_api/upload", body, **header)
        assert status == 200, answer
        (made,) = json.loads(answer)
        return made

    def call(self, recording, session=None, **more):
        """Status of a call to the queue, and all that came back of it."""
        session = session or uuid.uuid4().hex
        asked = {"data": [recording], "fn_index": 0, "session_hash": session, **more}
        status, answer = self.post("/gradio_api/queue/join?", asked)
        if status != 200:
            return status, answer
        return status, self.ask(f"/gradio_api/queue/data?session_hash={session}")[1]

    def uploads(self):
        return [p for p in self.folder.rglob("*") if not p.is_dir() and p.name != ".izwi-web"]


def started(temporary):
    """A server whose uploads lie in a folder."""
    return subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=temporary.parent,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    temporary = tmp_path_factory.mktemp("uploads")
    left = temporary / "izwi-web-killed"
    ours = {left: True, temporary / "izwi-web-unmarked": False, temporary / "mine": False}
    for folder in ours:
        (folder / "hash").mkdir(parents=True)
        sound(folder / "hash" / "voice.wav")
    (left / ".izwi-web").touch()
    (temporary / "mine" / ".izwi-web").touch()
    linked = temporary / "izwi-web-linked"
    linked.symlink_to(temporary / "mine")
    process = started(temporary)
    try:
        address = process.stdout.readline().split()
        assert address and address[0].startswith("http://127.0.0.1:")
        found = Site(address[0], temporary)
        wait_until_it_answers(found)
        # Left-overs of killed servers go; all else stays.
        assert {folder: not folder.exists() for folder in ours} == ours
        linked.unlink()
        for folder in ours:
            shutil.rmtree(folder, ignore_errors=True)
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert list(temporary.iterdir()) == []


def wait_until_it_answers(site):
    for _ in range(10 * PATIENCE):
        try:
            assert site.ask("/")[0] == 200
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def sound(path):
    path.parent.mkdir(exist_ok=True, parents=True)
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 8000), 8000)
    return path


@pytest.fixture
def secret(tmp_path):
    """Audio of the user that no upload made; it must stay as it is and unheard."""
    path = sound(tmp_path / "private" / "secret.wav")
    before = path.read_bytes()
    yield path
    assert path.read_bytes() == before


def heard(answer):
    return "42.5" in answer or "data:audio" in answer


def refused(status, answer):
    return status == 400 or (status == 200 and "upload a file" in answer and not heard(answer))


def test_an_upload_is_predicted_and_deleted(site, secret):
    made = site.upload(secret, "mine.wav")
    assert len(site.uploads()) == 1
    assert site.ask(f"/gradio_api/file={made}")[0] == 200
    status, answer = site.call({"path": made, "meta": META})
    assert status == 200 and heard(answer)
    assert site.uploads() == []
    assert site.ask(f"/gradio_api/file={made}")[0] == 404
    assert refused(*site.call({"path": made, "meta": META}))


def variants(path, folder):
    """Ways to name a file that is no upload."""
    inside = next(p for p in folder.iterdir() if p.name.startswith("izwi-web-"))
    yield str(path)
    yield f"{inside}/{os.path.relpath(path, inside)}"
    yield f"{inside}/../{inside.name}/../../{path.parent.name}/{path.name}"
    yield os.path.relpath(path, os.getcwd())
    yield path.as_uri()
    yield f"/gradio_api/file={path}"
    yield f"/gradio_api/stream/{path}"
    yield f"/{path}"
    yield f"{path}\0.wav"
    yield str(inside)
    yield ""
    yield "."


@pytest.mark.parametrize("stream", [True, False, "true", 1, None])
def test_no_other_file_is_read_or_deleted(site, secret, stream):
    for path in variants(secret, site.folder):
        recording = {"path": path, "meta": META}
        if stream is not None:
            recording["is_stream"] = stream
        assert refused(*site.call(recording)), path
        assert secret.exists()


def test_what_else_a_recording_may_say(site, secret, tmp_path):
    made = site.upload(sound(tmp_path / "own.wav"))
    path = str(secret)
    for recording in (
        {"path": "", "url": path, "meta": META},
        {"path": "x", "url": secret.as_uri(), "meta": META, "is_stream": True},
        {"path": {"path": path, "meta": META}, "meta": META},
        {"path": [path], "meta": META, "is_stream": True},
        {"path": path},
        {"video": {"path": path, "meta": META, "is_stream": True}},
        [{"path": path, "meta": META, "is_stream": True}],
        path,
        7,
        {"path": "http://127.0.0.1:9/x.wav", "meta": META},
        {"path": "https://example.org/x.wav", "meta": META, "is_stream": True},
        {"__type__": "update", "value": {"path": path, "meta": META}},
        {"name": path, "is_file": True, "meta": META},
    ):
        assert refused(*site.call(recording)), recording
    # What goes with the path of an upload is not looked at.
    odd = {"path": made, "url": path, "is_stream": True, "orig_name": path, "meta": {"path": path}}
    assert heard(site.call(odd)[1])
    assert site.uploads() == []


def test_a_session_does_not_forget_the_check(site, secret):
    """Nothing is predicted of nothing, after which a part of the page may be made anew."""
    session = uuid.uuid4().hex
    assert site.call(None, session)[0] == 200
    for stream in (False, True):
        recording = {"path": str(secret), "is_stream": stream, "meta": META}
        assert refused(*site.call(recording, session))
    assert site.uploads() == []


@pytest.mark.parametrize("stream", [True, False])
def test_other_ways_to_call_are_closed(site, secret, stream):
    recording = {"path": str(secret), "is_stream": stream, "meta": META}
    for name in ("listen", "predict", "0", "_", ""):
        for way in ("run", "api", "call", "call/v2"):
            for asked in (
                {"data": [recording], "fn_index": 0},
                {"data": [recording], "fn_index": 0, "session_hash": "x", "batched": False},
                {"path": recording},
            ):
                status, answer = site.post(f"/gradio_api/{way}/{name}", asked)
                assert status in (404, 405) and not heard(answer)
    for way in ("component_server", "process_recording", "vibe-edit", "stream/x", "queue/join/x"):
        assert site.post(f"/gradio_api/{way}", {"data": [recording], "fn_index": 0})[0] == 404
    assert site.post("/queue/join", {"data": [recording], "fn_index": 0, "session_hash": "x"})[
        0
    ] in (404, 405)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        [],
        None,
        {"data": []},
        {"data": [None, None], "fn_index": 0, "session_hash": "x"},
        {"data": [None], "fn_index": "0", "session_hash": "x"},
        {"data": [None], "fn_index": 0},
        {"data": [None], "fn_index": 0, "session_hash": "../x"},
        {"data": [None], "fn_index": 0, "session_hash": ["x"]},
        {"data": {"a": 1}, "fn_index": 0, "session_hash": "x"},
        {"data": ["x" * 10**5], "fn_index": 0, "session_hash": "x"},
    ],
)
def test_a_malformed_call_is_a_bad_request(site, asked):
    assert site.post("/gradio_api/queue/join", asked)[0] == 400


def test_a_call_that_is_no_json_is_a_bad_request(site):
    for body in (b"", b"\xff", b"{", b"[" * 10**4):
        assert site.ask("/gradio_api/queue/join", body)[0] == 400


def test_links_among_the_uploads_are_not_followed(site, secret, tmp_path):
    """A link in the place of an upload, of its folder, and one beside it."""
    made = Path(site.upload(sound(tmp_path / "own.wav")))
    beside = made.with_name("beside.wav")
    beside.symlink_to(secret)
    assert refused(*site.call({"path": str(beside), "is_stream": True, "meta": META}))
    made.unlink()
    made.symlink_to(secret)
    for stream in (False, True):
        assert refused(*site.call({"path": str(made), "is_stream": stream, "meta": META}))
        assert site.ask(f"/gradio_api/file={made}")[0] == 404
    made.unlink()
    beside.unlink()
    made.parent.rmdir()
    elsewhere = sound(tmp_path / "elsewhere" / made.name)
    made.parent.symlink_to(elsewhere.parent)
    assert refused(*site.call({"path": str(made), "is_stream": True, "meta": META}))
    assert elsewhere.exists()
    made.parent.unlink()
    made.mkdir(parents=True)
    assert refused(*site.call({"path": str(made), "is_stream": True, "meta": META}))
    made.rmdir()
    made.parent.rmdir()


def test_names_of_uploads_stay_in_the_folder(site, secret):
    for name in ("../../../x.wav", "/tmp/x.wav", "..\\x.wav", "a/../../b.wav"):
        made = Path(site.upload(secret, name))
        (own,) = site.uploads()
        assert made.samefile(own)
        assert heard(site.call({"path": str(made), "meta": META})[1])
    assert site.uploads() == []


def test_no_file_is_served_but_an_upload(site, secret):
    picture = secret.with_suffix(".svg")
    picture.write_text("<svg/>")
    # A picture that a call names must not become one that anyone may fetch.
    assert refused(*site.call({"path": str(picture), "is_stream": True, "meta": META}))
    for path in (*variants(secret, site.folder), *variants(picture, site.folder)):
        quoted = urllib.request.quote(path)
        for way in ("file=", "file/", "stream/", "proxy="):
            status, answer = site.ask(f"/gradio_api/{way}{quoted}")
            assert status in (403, 404) and "svg/" not in answer, (way, path)
    assert site.ask("/gradio_api/file=https://example.org/")[0] == 404


def test_no_other_route_leaves_its_folder(site, secret):
    for way in ("assets", "static", "svelte", "gradio_api/custom_component", "theme.css", "config"):
        for path in (
            f"../../../../../../..{secret}",
            f"..%2f..%2f..%2f..%2f..%2f..{secret}",
            secret,
        ):
            status, answer = site.ask(f"/{way}/{path}")
            assert status in (400, 403, 404) and "RIFF" not in answer, (way, path)
    for path in ("gradio_api/openapi.json", "docs", "openapi.json", "monitoring", "login", "mcp"):
        assert site.ask(f"/{path}")[0] == 404


def body_of(content, name="x.wav", field="files"):
    head = f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--b--\r\n"


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
UPLOAD = "/gradio_api/upload"


def test_other_pages_cannot_ask(site, secret):
    own = site.address
    port = own.rpartition(":")[2]
    made = site.upload(secret)
    call = json.dumps(
        {"data": [{"path": made, "meta": META}], "fn_index": 0, "session_hash": "x"}
    ).encode()
    json_type = {"Content-Type": "application/json"}
    for origin in (
        "https://evil.example",
        "http://evil.example",
        "null",
        "",
        "file://",
        own.replace("http", "https"),
        f"{own}.evil.example",
        f"http://localhost:{port}",
        f"http://127.0.0.1:{int(port) - 1}",
        "http://127.0.0.1",
    ):
        asked = {"Origin": origin}
        upload = site.ask(UPLOAD, body_of(secret.read_bytes()), **MULTIPART, **asked)
        assert upload[0] == 403, origin
        assert site.ask("/gradio_api/queue/join", call, **json_type, **asked)[0] == 403
        assert site.ask(f"/gradio_api/file={made}", **asked)[0] == 403
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "[::1]", ""):
        upload = site.ask(UPLOAD, body_of(secret.read_bytes()), **MULTIPART, Host=host)
        assert upload[0] in (400, 403), host
    assert len(site.uploads()) == 1
    assert site.ask("/gradio_api/queue/join", call, **json_type, Origin=own)[0] == 200
    assert heard(site.ask("/gradio_api/queue/data?session_hash=x")[1])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b--\r\n",
        body_of(b"x", name=""),
        body_of(b"x", name="."),
        body_of(b"x", name="/"),
        body_of(b"x", name="../.."),
        body_of(b"x", field="other"),
        body_of(b"x")[:-7] + body_of(b"y"),
        body_of(b"x")[:-8],
        body_of(b"x")[:30],
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\n" + b"X: " + b"y" * 10**5,
        body_of(b"x", name="y" * 5000),
    ],
    ids=range(13),
)
def test_a_malformed_upload_is_a_bad_request_and_leaves_nothing(site, body):
    assert site.ask(UPLOAD, body, **MULTIPART)[0] == 400
    assert site.uploads() == []


def test_an_upload_of_another_kind_is_a_bad_request(site):
    for kind in ("text/plain", "multipart/form-data", "application/json", ""):
        assert site.ask(UPLOAD, b"x", **{"Content-Type": kind})[0] == 400
    assert site.uploads() == []


def test_too_large_an_upload_is_refused_and_leaves_nothing(site):
    assert site.ask(UPLOAD, body_of(bytes(51 * 2**20)), **MULTIPART)[0] == 413
    # Each part may be small, all together are not.
    many = body_of(bytes(10 * 2**20))[:-7] * 6 + b"--b--\r\n"
    assert site.ask(UPLOAD, many, **MULTIPART)[0] == 413
    assert site.uploads() == []


def test_an_upload_that_is_broken_off_leaves_nothing(site):
    host, port = site.address.removeprefix("http://").split(":")
    for sent in (0, 100, 2**20):
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST {UPLOAD} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 9999999\r\n"
            head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            connection.sendall(head.encode() + body_of(bytes(2**21))[:sent])
            time.sleep(0.2)
    assert site.ask("/")[0] == 200
    assert site.uploads() == []


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"),
    [(655_350, 8, 59), (384_000, 8, 59), (96_000, 8, 20), (8, 1, 3), (999, 1, 59), (8000, 1, 61)],
)
def test_audio_that_is_small_alone_on_the_disk(site, tmp_path, rate, channels, seconds):
    """Refused by its header: FLAC of silence takes a thousandth of what it holds."""
    path = tmp_path / "bomb.flac"
    silence = np.zeros((rate, channels), dtype=np.int16)
    with soundfile.SoundFile(path, "w", rate, channels) as file:
        for _ in range(seconds):
            file.write(silence)
    began = time.monotonic()
    status, answer = site.call({"path": site.upload(path), "meta": META})
    assert status == 200 and "no prediction" in answer and not heard(answer)
    assert time.monotonic() - began < 5
    assert site.uploads() == []


def test_a_killed_server_leaves_nothing_to_the_next(tmp_path):
    temporary = tmp_path / "uploads"
    temporary.mkdir()
    killed = started(temporary)
    try:
        site = Site(killed.stdout.readline().split()[0], temporary)
        wait_until_it_answers(site)
        site.upload(sound(tmp_path / "own.wav"))
    finally:
        killed.kill()
        killed.wait(30)
    (folder,) = temporary.iterdir()
    assert len(site.uploads()) == 1
    living = started(temporary)
    try:
        site = Site(living.stdout.readline().split()[0], temporary)
        assert not folder.exists()
        wait_until_it_answers(site)
        made = site.upload(sound(tmp_path / "own.wav"))
        third = started(temporary)
        try:
            wait_until_it_answers(Site(third.stdout.readline().split()[0], temporary))
            assert Path(made).exists()
        finally:
            third.send_signal(signal.SIGINT)
            third.wait(30)
    finally:
        living.send_signal(signal.SIGINT)
        living.wait(30)
    assert list(temporary.iterdir()) == []
