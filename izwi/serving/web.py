"""A web page, for this machine alone, that tries a trained model on uploads and recordings."""

from __future__ import annotations

import base64
import io
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from izwi.data import audio
from izwi.errors import UserError
from izwi.reporting.escaping import html as escape
from izwi.reporting.numbers import rounded
from izwi.serving.web_gate import Gate, Uploads, upload_folder

if TYPE_CHECKING:
    import numpy as np
    from fastapi import FastAPI
    from matplotlib.figure import Figure

    from izwi.serving.predictor import Predictor

HOST = "127.0.0.1"
MEGABYTES = 50
SECONDS = 60
# Samples of all channels: a minute of two at 96 kHz.
MOST = audio.Bounds(seconds=SECONDS, samples=SECONDS * 2 * 96_000)
# Uploads are deleted when they are predicted; those never predicted go after so many seconds.
ABANDONED = 600
NO_UPLOAD = "upload a file"
# Nothing is loaded from elsewhere, and no other page may show or ask this one.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "connect-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
)
FONT = ("system-ui", "-apple-system", "Segoe UI", "Helvetica", "Arial", "sans-serif")
CSS = """
.html-container { padding: 0 !important; }
.izwi-name { font-size: 1.75rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.izwi-heard, .izwi-problem { margin: 0; overflow-wrap: anywhere; }
.izwi-heard audio { width: 100%; display: block; margin-top: 8px; }
.izwi-problem { color: #b3261e; font-weight: 600; }
.dark .izwi-problem { color: #f2b8b5; }
.izwi-decision { font-size: 2rem; line-height: 1.2; font-weight: 600; margin: 0;
                 overflow-wrap: anywhere; }
.izwi-note { margin: 4px 0 0; opacity: .75; font-size: .875rem; }
#spectrogram { background: white; }
"""


def serve(predictor: Predictor, name: str, port: int) -> None:
    """Serve the page until the process is ended.

    Args:
        predictor: a loaded model
        name: what to call it
        port: of the page; 0 takes any that is free

    Raises:
        UserError: if the packages are not installed, the port is taken, or the model needs several
            files at once
    """
    if predictor.transductive:
        raise UserError(
            "--web: with scale = speaker a model needs several files of a speaker at once; give "
            "them to the command line, without --web"
        )
    with upload_folder() as folder, socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"--port: {port} cannot be used ({reason}); take another") from None
        os.environ |= {
            "GRADIO_TEMP_DIR": str(folder),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        try:
            import uvicorn

            app = make_app(predictor, name, folder)
        except ImportError:
            raise UserError(
                "--web: gradio is not installed; type: make web (or: pip install -r "
                "requirements-web.txt)"
            ) from None
        print(f"http://{HOST}:{listener.getsockname()[1]}  (end with Ctrl-C)", flush=True)
        config = uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=1)
        # Ended from outside, too, it takes the uploads with it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        uvicorn.Server(config).run(sockets=[listener])


def make_app(predictor: Predictor, name: str, folder: Path) -> FastAPI:
    """The page as an application.

    Args:
        predictor: a loaded model
        name: what to call it
        folder: for uploads, of this server alone
    """
    import gradio as gr
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    uploads = Uploads(folder)
    page = _page(predictor, name, uploads)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Gate, uploads=uploads, most_bytes=MEGABYTES * 2**20)
    # A page elsewhere must not reach this one under a name of its own.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])

    @app.middleware("http")
    async def restrict(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=HOST,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        max_file_size=MEGABYTES * 2**20,
        theme=gr.themes.Default(font=FONT, font_mono=FONT),
        css=CSS,
    )


def _page(predictor: Predictor, name: str, uploads: Uploads) -> Any:
    """What is on the page, and what it does with an upload."""
    import gradio as gr

    with gr.Blocks(
        title=f"{name} · izwi", analytics_enabled=False, delete_cache=(60, ABANDONED)
    ) as page:
        about = [predictor.title, *(f"note: {note}" for note in predictor.notes)]
        about.append("audio stays on this machine and is deleted once it is predicted")
        lines = "".join(f'<p class="izwi-note">{escape(line)}</p>' for line in about)
        gr.HTML(f"<h1 class='izwi-name'>{escape(name)}</h1>{lines}")
        with gr.Row():
            with gr.Column():
                recording = gr.Audio(
                    sources=["upload", "microphone"],
                    type="filepath",
                    format=None,
                    editable=False,
                    buttons=[],
                    label=f"Speech: a file or a recording, up to {SECONDS} s and {MEGABYTES} MB",
                    elem_id="recording",
                )
                heard = gr.HTML(visible=False, elem_id="heard")
            with gr.Column():
                decision = gr.HTML(
                    '<p class="izwi-note">The prediction appears here.</p>',
                    elem_id="decision",
                )
                bars = gr.Label(
                    visible=False, show_heading=False, label="Probabilities", elem_id="bars"
                )
                picture = gr.Plot(
                    visible=False,
                    format="png",
                    label="Spectrogram",
                    show_label=False,  # it would hide the picture's corner
                    elem_id="spectrogram",
                )

        async def uploads_alone(path: Any) -> str | None:
            """Nothing is fetched or copied: an upload is where it should be already."""
            if not uploads.own(path):
                raise gr.Error(NO_UPLOAD, print_exception=False)
            return str(path)

        recording.async_move_resource_to_block_cache = uploads_alone
        gr.on(
            [recording.upload, recording.stop_recording],
            _listener(predictor, uploads),
            recording,
            [recording, heard, decision, bars, picture],
            api_visibility="private",
        )
    return page


def _listener(predictor: Predictor, uploads: Uploads) -> Callable[[str | None], tuple[Any, ...]]:
    """What the page calls with an upload: shows what is heard in it, and deletes it."""
    import gradio as gr

    def listen(path: str | None) -> tuple[Any, ...]:
        if path is None:
            # An update of the recording would make it anew, without what is set below.
            return (None, *(gr.skip(),) * 4)
        # Checked where it is read, whatever came before.
        if not uploads.own(path):
            raise gr.Error(NO_UPLOAD, print_exception=False)
        try:
            found = hear(predictor, path)
        finally:
            uploads.delete(path)
        return (
            None,
            gr.HTML(found["heard"], visible=True),
            gr.HTML(found["decision"], visible=found["decision"] is not None),
            gr.Label(found["bars"], visible=found["bars"] is not None),
            gr.Plot(found["picture"], visible=found["picture"] is not None),
        )

    return listen


def hear(predictor: Predictor, path: str) -> dict[str, Any]:
    """What the page shows of a recording.

    Args:
        predictor: a loaded model
        path: of the recording

    Returns:
        ``heard`` and ``decision`` (HTML), ``bars`` (label → probability), ``picture`` (a figure);
        where there is no prediction, ``heard`` says why and the others are None
    """
    name = escape(Path(path).name)
    nothing = {"decision": None, "bars": None, "picture": None}
    try:
        signal, rate = audio.read(path, most=MOST)
        result = predictor.predict([path])
        row = result.iloc[0]
        problem = row["problem"]
    except (audio.AudioError, UserError) as error:
        problem = str(error)
    if problem is not None:
        text = f"{name}: no prediction, {escape(problem)}"
        return {"heard": f'<p class="izwi-problem" role="alert">{text}</p>', **nothing}
    mono = audio.mix(signal)[0]
    length = len(mono) / rate
    about = f"{length:.2f} s of audio, predicted in {row['seconds']:.2f} s"
    notes = "".join(
        f'<p class="izwi-note">{escape(line)}</p>' for line in [about, *result.attrs["notes"]]
    )
    bars, text = None, rounded(row["prediction"]) if predictor.task == "regression" else ""
    if predictor.task == "classification":
        # The model's own decision, which need not be the largest probability.
        text = row["prediction"]
        bars = {label: float(row[f"p_{label}"]) for label in predictor.labels or []}
    return {
        "heard": f'<div class="izwi-heard">{name}{_player(mono, rate, name)}{notes}</div>',
        "decision": f'<p class="izwi-decision">{escape(text)}</p>',
        "bars": bars,
        "picture": spectrogram(mono, rate),
    }


def spectrogram(signal: np.ndarray, rate: int) -> Figure:
    """Draw the energy of a signal over time and frequency.

    Args:
        signal: shape (samples,)
        rate: sampling rate in Hz

    Returns:
        a picture of windows of 25 ms every 10 ms, up to 8 kHz, 80 dB deep
    """
    import numpy as np
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    from izwi.plots import style

    window = min(len(signal), max(2, round(0.025 * rate)))
    transform = ShortTimeFFT(hann(window, sym=False), max(1, round(0.01 * rate)), rate)
    power = transform.spectrogram(signal)
    level = 10 * np.log10(np.maximum(power, 1e-12))
    with style.drawing():
        figure = style.new_figure(5.2, 2.4, layout="constrained", dpi=200)
        axes = figure.subplots()
        drawn = axes.imshow(
            level - level.max(),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=-80,
            vmax=0,
            extent=(*transform.extent(len(signal))[:2], 0, rate / 2000),
        )
        axes.set_xlim(0, len(signal) / rate)
        axes.set_ylim(0, min(8, rate / 2000))
        axes.set_xlabel("time in s")
        axes.set_ylabel("frequency in kHz")
        figure.colorbar(drawn, ax=axes, label="level in dB")
    return figure


def _player(signal: np.ndarray, rate: int, name: str) -> str:
    """The recording inside the page itself, since its file is deleted."""
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, signal, rate, format="WAV", subtype="PCM_16")
    data = base64.b64encode(content.getvalue()).decode()
    return f'<audio controls data-name="{name}" src="data:audio/wav;base64,{data}"></audio>'
