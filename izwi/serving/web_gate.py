"""What a request may ask of the web page: few routes, and no file but an upload of its own.

The library that makes the page would take any path of this machine from a request. Nothing of a
request reaches it here but what was checked: a call is written anew from its checked parts.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

API = "/gradio_api"
UPLOAD, CALL, FILE = f"{API}/upload", f"{API}/queue/join", f"{API}/file="
# What the page in the browser asks for, and nothing else of what the library would serve.
ROUTES = {
    "GET": re.compile(
        rf"/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json)?|/(assets|static|svelte)/.+|"
        rf"{API}/(app_id|startup-events|info|queue/data|upload_progress|heartbeat/\w+)/?",
    ),
    "POST": re.compile(rf"{API}/(upload|queue/join|cancel|reset)"),
}
CALL_BYTES = 2**16
# Around the audio of an upload stand its name and a few headers.
UPLOAD_OVERHEAD = 2**14
# Who names no file gets no name invented.
NAMED = re.compile(rb'\bfilename="[^"\r\n]*[^"\r\n./\\ ][^"\r\n]*"')
# Of uploads that wait to be predicted, all together.
WAITING_BYTES = 2**30
BLOCK = 2**18
REFUSALS = {
    400: b"the page has no such request\n",
    403: b"another page asks for this\n",
    404: b"the page has no such address\n",
    413: b"the file is too large\n",
    503: b"too many uploads wait: try again in a minute\n",
}
PREFIX, MARK = "izwi-web-", ".izwi-web"


@contextmanager
def upload_folder() -> Iterator[Path]:
    """A new folder for uploads, removed at the end; those of killed servers are removed before."""
    _remove_left_overs(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        mark = Path(folder, MARK)
        # Locked before it bears its name, so that nobody takes it for that of a killed server.
        with open(mark.with_name("mark"), "w", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            os.rename(stream.name, mark)
            yield Path(folder)


def _remove_left_overs(place: Path) -> None:
    """Remove this user's folders of uploads whose server lives no more: their marks are free."""
    for folder in place.glob(f"{PREFIX}*"):
        mark = folder / MARK
        try:
            about = (os.lstat(folder), os.lstat(mark))
            kinds = [stat.S_IFMT(one.st_mode) for one in about]
            own = {one.st_uid for one in about} == {os.getuid()}
            if kinds != [stat.S_IFDIR, stat.S_IFREG] or not own:
                continue
            with open(mark, encoding="utf-8") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


class Uploads:
    """The files that the upload route of one server made.

    Args:
        folder: for uploads, made for this server
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        # How often each was uploaded: those of one content and name are one file.
        self._made: Counter[str] = Counter()

    def add(self, paths: list[str]) -> None:
        """Note files that the upload route made."""
        self._made.update(paths)

    def own(self, path: Any) -> bool:
        """Whether it names, to the letter, a regular file that was uploaded and not replaced."""
        if not isinstance(path, str) or path not in self._made:
            return False
        try:
            regular = stat.S_ISREG(os.lstat(path).st_mode)
            real = Path(path).resolve(strict=True)
        except (OSError, ValueError):
            return False
        # No folder on the way is a link that leads elsewhere.
        return regular and real.is_relative_to(self.folder) and real.name == Path(path).name

    def delete(self, path: str) -> None:
        """Delete an upload; what is none stays."""
        if not self.own(path):
            return
        self._made[path] -= 1
        if self._made[path] > 0:
            return
        del self._made[path]
        Path(path).unlink(missing_ok=True)
        # The folder is that of all uploads with the same content.
        with suppress(OSError):
            Path(path).parent.rmdir()

    def waiting(self) -> int:
        """Bytes of the uploads that wait to be predicted."""
        total = 0
        for path in list(self._made):
            try:
                total += os.lstat(path).st_size
            except OSError:
                # The library deletes what waits for too long.
                del self._made[path]
        return total

    def sweep(self) -> None:
        """Delete what an upload that failed left behind: all files that are none of these."""
        for place, _, names in os.walk(self.folder, topdown=False):
            for name in names:
                path = os.path.join(place, name)
                if path not in self._made and name != MARK:
                    # A prediction that ends now deletes its own.
                    with suppress(FileNotFoundError):
                        os.unlink(path)
            # One that is not empty stays, as does the folder of all with its mark.
            with suppress(OSError):
                os.rmdir(place)


class Gate:
    """Stands before the page, and lets through what the page itself asks for.

    Args:
        app: the page
        uploads: files that a request may name
        most_bytes: of one upload
    """

    def __init__(self, app: App, uploads: Uploads, most_bytes: int) -> None:
        self.app = app
        self.uploads = uploads
        self.most_bytes = most_bytes + UPLOAD_OVERHEAD
        self._uploading = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http" or not self._known(scope["method"], scope["path"]):
            await _refuse(scope, send, 404)
        elif _is_foreign(scope):
            await _refuse(scope, send, 403)
        elif scope["method"] == "POST" and scope["path"] == UPLOAD:
            await self._upload(scope, receive, send)
        elif scope["method"] == "POST" and scope["path"] == CALL:
            content = await _body(receive)
            call = None if content is None else self._checked(content)
            if call is None:
                await _refuse(scope, send, 400)
                return
            await self.app(_with_length(scope, len(call)), _given(call, receive), send)
        else:
            await self.app(scope, receive, send)

    def _known(self, method: str, path: str) -> bool:
        method = "GET" if method == "HEAD" else method
        if method == "GET" and path.startswith(FILE):
            return self.uploads.own(path.removeprefix(FILE))
        return method in ROUTES and ROUTES[method].fullmatch(path) is not None

    async def _upload(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on an upload that is whole, and note what the page says it made of it."""
        # Without a name: what is broken off, or killed, leaves nothing behind.
        with tempfile.TemporaryFile(dir=self.uploads.folder) as stream:
            length = await _spool(receive, stream, self.most_bytes)
            if length is None or length > self.most_bytes:
                await _refuse(scope, send, 400 if length is None else 413)
                return
            stream.seek(0)
            if not NAMED.search(stream.read(UPLOAD_OVERHEAD)):
                await _refuse(scope, send, 400)
                return
            answer: list[Message] = []

            async def keep(message: Message) -> None:
                answer.append(message)

            async with self._uploading:
                if self.uploads.waiting() + length > WAITING_BYTES:
                    await _refuse(scope, send, 503)
                    return
                # What is no upload ends the library in many ways.
                with suppress(Exception):
                    await self.app(scope, _read_again(stream, receive), keep)
                made = []
                if answer and answer[0]["status"] == 200:
                    made = json.loads(b"".join(message.get("body", b"") for message in answer))
                # The page sends one file at a time.
                if len(made) == 1:
                    self.uploads.add(made)
                self.uploads.sweep()
        if len(made) != 1:
            await _refuse(scope, send, 400)
            return
        for message in answer:
            await send(message)

    def _checked(self, content: bytes) -> bytes | None:
        """A call written anew; None where it is none of the page's."""
        try:
            asked = json.loads(content)
            (recording,) = asked["data"]
            call = {
                "data": [self._recording(recording)],
                "event_data": None,
                "fn_index": asked["fn_index"],
                "trigger_id": asked.get("trigger_id"),
                "session_hash": asked["session_hash"],
            }
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        numbers = (call["fn_index"], call["trigger_id"])
        if not all(type(number) is int or number is None for number in numbers):
            return None
        name = call["session_hash"]
        if not isinstance(name, str) or not re.fullmatch(r"\w{1,64}", name, re.ASCII):
            return None
        return json.dumps(call).encode()

    def _recording(self, recording: Any) -> dict[str, Any] | None:
        if recording is None:
            return None
        path = recording.get("path")
        # A path that is none is refused by the page, which says so in words.
        path = path if self.uploads.own(path) else ""
        return {"path": path, "meta": {"_type": "gradio.FileData"}}


def _is_foreign(scope: Message) -> bool:
    """Whether another page sends a request: its origin is not the address that was asked for."""
    values: dict[bytes, list[bytes]] = {b"origin": [], b"host": []}
    for name, value in scope["headers"]:
        values.get(name.lower(), []).append(value)
    return any(values[b"host"] != [origin.removeprefix(b"http://")] for origin in values[b"origin"])


async def _spool(receive: Receive, stream: IO[bytes], most: int) -> int | None:
    """Write the body of a request to a file; its length, or None where it breaks off."""
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        content = message.get("body", b"")
        length += len(content)
        if length <= most:
            stream.write(content)
        if not message.get("more_body"):
            return length


def _read_again(stream: IO[bytes], receive: Receive) -> Receive:
    """Hand on a body that lies in a file, then what comes after it."""
    stream.seek(0)
    whole = False

    async def given() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        content = stream.read(BLOCK)
        whole = not content
        return {"type": "http.request", "body": content, "more_body": not whole}

    return given


async def _body(receive: Receive) -> bytes | None:
    """The body of a request; None where it is too long or does not come."""
    content = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        content += message.get("body", b"")
        if len(content) > CALL_BYTES:
            return None
        if not message.get("more_body"):
            return content


def _with_length(scope: Message, length: int) -> Message:
    replaced = (b"content-length", b"transfer-encoding", b"content-type")
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in replaced]
    headers += [(b"content-length", str(length).encode()), (b"content-type", b"application/json")]
    return {**scope, "headers": headers}


def _given(content: bytes, receive: Receive) -> Receive:
    """Hand on a body that was read already, then what comes after it."""
    waiting = [{"type": "http.request", "body": content, "more_body": False}]

    async def given() -> Message:
        return waiting.pop() if waiting else await receive()

    return given


async def _refuse(scope: Message, send: Send, status: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSALS[status]})
