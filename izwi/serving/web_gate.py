"""What a request may ask of the web page: few routes, and no file but an upload of its own.

The library that makes the page would take any path of this machine from a request. Nothing of a
request reaches it here but what was checked: a call is written anew from its checked parts.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

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


class Uploads:
    """The files that the upload route of one server made.

    Args:
        folder: for uploads, made for this server
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._made: set[str] = set()

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
        self._made.discard(path)
        Path(path).unlink(missing_ok=True)
        # The folder is that of all uploads with the same content.
        with suppress(OSError):
            Path(path).parent.rmdir()


class Gate:
    """Stands before the page, and lets through what the page itself asks for.

    Args:
        app: the page
        uploads: files that a request may name
    """

    def __init__(self, app: App, uploads: Uploads) -> None:
        self.app = app
        self.uploads = uploads

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http" or not self._known(scope["method"], scope["path"]):
            await _refuse(scope, send, 404)
        elif scope["method"] == "POST" and scope["path"] == UPLOAD:
            await self.app(scope, receive, self._noting(send))
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

    def _noting(self, send: Send) -> Send:
        """Note what the upload route says it made, before anyone can name it."""
        status, content = 0, b""

        async def noting(message: Message) -> None:
            nonlocal status, content
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body" and status == 200:
                content += message.get("body", b"")
                if not message.get("more_body"):
                    self.uploads.add(json.loads(content))
            await send(message)

        return noting

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
    await send({"type": "http.response.body", "body": b"the page has no such request\n"})
