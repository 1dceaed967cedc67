"""Pretrained models from a hub, which here is a folder behind a server on this computer."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from izwi.config.experiment import resolve
from izwi.errors import UserError
from izwi.features import extractor_class, model_cache

torch = pytest.importorskip("torch")
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NET = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "conv_dim": (8,) * 7}
NET |= {"intermediate_size": 16, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}


class Hub(BaseHTTPRequestHandler):
    """What huggingface_hub asks of a hub: files of models at one commit."""

    folder: Path

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, body):
        path = self.path.partition("?")[0].strip("/")
        if path.startswith("api/models/"):
            name = "/".join(path.split("/")[2:4])
            files = sorted(p for p in (self.folder / name).glob("*") if p.is_file())
            listed = [{"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "x"}
                      for p in files]  # fmt: skip
            about = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": p.name} for p in files]}
            found = json.dumps(listed if "/tree/" in path else about).encode() if files else None
        else:
            place = self.folder / path.replace(f"resolve/{COMMIT}/", "")
            found = place.read_bytes() if place.is_file() else None
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(found or b"")))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(found or b"").hexdigest()}"')
        self.end_headers()
        if body:
            self.wfile.write(found or b"")

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Address of a hub with three models, and their folder."""
    folder = tmp_path_factory.mktemp("hub")
    torch.manual_seed(0)
    net = transformers.WavLMModel(transformers.WavLMConfig(**NET))
    front = transformers.Wav2Vec2FeatureExtractor()
    for name in ("microsoft/wavlm-large", "me/pickled", "me/evil"):
        net.save_pretrained(folder / name)
        front.save_pretrained(folder / name)
    weights = load_file(folder / "me/pickled/model.safetensors")
    for name in ("me/pickled", "me/evil"):
        (folder / name / "model.safetensors").unlink()
    torch.save(weights, folder / "me/pickled/pytorch_model.bin")
    # More than tensors.
    torch.save({**weights, "x": Path("/tmp")}, folder / "me/evil/pytorch_model.bin")
    (folder / "microsoft/wavlm-large/evil.py").write_text("raise SystemExit\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Hub,), {"folder": folder}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()


@pytest.fixture
def fetch(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("IZWI_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    def run(*words, address=hub[0], command="fetch"):
        own = {"PYTHONPATH": str(ROOT), "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        own["HF_HUB_OFFLINE"] = "0"
        return subprocess.run(
            [sys.executable, "-m", "izwi", command, *words],
            cwd=tmp_path,
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_an_ini_finds_what_was_fetched(fetch, hub, tmp_path):
    options = {option.name: option.default for option in extractor_class("wavlm-large").options}
    with pytest.raises(UserError, match="fetch it once: izwi fetch microsoft/wavlm-large"):
        extractor_class("wavlm-large").content(options)
    call = fetch("wavlm-large", "me/pickled")
    assert call.returncode == 0, call.stderr
    assert f"microsoft/wavlm-large at {COMMIT}: fetched\n" in call.stdout + call.stderr
    assert "me/pickled" in call.stdout + call.stderr and "converted" in call.stdout + call.stderr
    folder = model_cache.fetched("microsoft/wavlm-large")
    assert sorted(path.name for path in folder.iterdir()) == [
        *("config.json", "fetched.json", "model.safetensors", "preprocessor_config.json")
    ]
    record = json.loads((folder / "fetched.json").read_text())
    own = options | {"wavlm.model": str(hub[1] / "microsoft" / "wavlm-large")}
    digests = extractor_class("wavlm-large").content(own)
    assert record == {"name": "microsoft/wavlm-large", "revision": COMMIT, "converted": False,
                      "digests": digests}  # fmt: skip
    # The commit stands for it in keys.
    of_name = extractor_class("wavlm-large").content(options)
    assert of_name == ["microsoft/wavlm-large", COMMIT]
    pickled = model_cache.fetched("me/pickled")
    assert not list(pickled.glob("*.bin"))
    found, there = (load_file(place / "model.safetensors") for place in (folder, pickled))
    assert found.keys() == there.keys()
    assert all(torch.equal(found[key], there[key]) for key in found)
    (tmp_path / "a.csv").write_text("file,emotion\n")
    (tmp_path / "my.ini").write_text(
        "[DATA]\ndatabases = ['a']\na = a.csv\ntarget = emotion\n"
        "[FEATS]\ntype = ['wavlm-large']\n[MODEL]\ntype = svm\n"
    )
    (feature_set,) = resolve("my.ini", cwd=tmp_path).features
    assert extractor_class("wavlm-large").content(feature_set["options"]) == of_name
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(UserError, match=f"izwi fetch microsoft/wavlm-large --revision {COMMIT}"):
        extractor_class("wavlm-large").content(options)
    # Nothing is fetched twice.
    again = fetch("wavlm-large", address="http://127.0.0.1:9")
    assert again.returncode == 0 and "there already" in again.stdout + again.stderr


@pytest.mark.parametrize(
    ("name", "why"),
    [("me/nothing", "cannot be fetched"), ("me/evil", "evil"), ("../me", "is no name of a model")],
)
def test_what_cannot_be_had_is_a_line(fetch, tmp_path, name, why):
    call = fetch(name)
    assert call.returncode == 1
    said = (call.stdout + call.stderr).strip().splitlines()
    assert why in said[-1] and "Traceback" not in call.stderr
    assert not list((tmp_path / "models").glob("*"))


def test_without_a_network(fetch):
    call = fetch("wavlm-large", address="http://127.0.0.1:9")
    assert call.returncode == 1 and "microsoft/wavlm-large cannot be fetched" in call.stderr


def test_a_run_fetches_what_it_lacks(fetch, hub, tmp_path):
    """By a rule of its own; the features are those of the folder, and stay without a network."""
    data = "[DATA]\ndatabases = ['demo']\ndemo.type = demo\ndemo.limit_samples = 12\n"
    data += "demo.split_strategy = random\ntarget = emotion\n[FEATS]\n"
    (tmp_path / "name.ini").write_text(f"{data}type = wavlm-large\n")
    place = hub[1] / "microsoft" / "wavlm-large"
    (tmp_path / "folder.ini").write_text(f"{data}type = wavlm\nwavlm.model = {place}\n")
    words = ("name.ini", "folder.ini", "-c", "2", "--config", "page=none")
    dead = "http://127.0.0.1:9"
    call = fetch(*words, command="run", address=dead)
    assert call.returncode == 1
    assert "fetch it once: izwi fetch microsoft/wavlm-large" in call.stdout + call.stderr
    call = fetch(*words, command="run")
    assert call.returncode == 0, call.stderr
    assert model_cache.fetched("microsoft/wavlm-large")
    records = {}
    for name in ("name", "folder"):
        path = tmp_path / "results" / "experiments" / name / "experiment.json"
        records[name] = json.loads(path.read_text())["stages"]["features"][0]
    tables = [pd.read_parquet(tmp_path / record["files"]["matrix"]) for record in records.values()]
    pd.testing.assert_frame_equal(*tables)
    assert records["name"]["commit"] == COMMIT and "commit" not in records["folder"]
    again = fetch(*words, command="run", address=dead)
    assert again.returncode == 0 and "nothing to do" in again.stdout + again.stderr
