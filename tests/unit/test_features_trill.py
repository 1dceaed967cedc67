"""Embeddings of a SavedModel against the same computation in numpy."""

from __future__ import annotations

from importlib import util

import numpy as np
import pytest
from audio_tables import make_table, some
from saved_models import WIDTH, embedded, save

from izwi.data import audio
from izwi.errors import UserError
from izwi.features import extraction
from izwi.features.trill import Trill


def test_without_tensorflow_one_line_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as caught:
        Trill.content({"trill.model": str(tmp_path)})
    assert caught.value.problems == [
        "[FEATS] type: trill needs TensorFlow, which is not installed; type: make trill "
        "(or: pip install -r requirements-trill.txt)"
    ]


@pytest.mark.trill
def test_a_model_is_needed(tmp_path):
    with pytest.raises(UserError, match=r"^\[FEATS\] trill\.model: missing; fetch TRILL once"):
        Trill.content({"trill.model": None})
    with pytest.raises(UserError, match=r"is not a SavedModel, it has no saved_model\.pb; fetch"):
        Trill.content({"trill.model": str(tmp_path)})
    (tmp_path / "saved_model.pb").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError) as caught:
        Trill({"trill.model": str(tmp_path)})
    assert len(caught.value.problems) == 1
    assert f"[FEATS] trill.model: {tmp_path} cannot be loaded: " in caught.value.problems[0]


@pytest.mark.trill
@pytest.mark.parametrize("kind", ["signature", "wave", "callable"])
@pytest.mark.parametrize(("name", "pattern"), [("emodb", "wav/*.wav"), ("nemo", "flac/*.flac")])
def test_real_speech_is_what_numpy_computes(request, tmp_path, kind, name, pattern):
    paths = some(request.getfixturevalue(name), pattern, 90)
    model = save(str(tmp_path / "model"), kind=kind)
    spec = {"type": "trill", "options": {"trill.model": model}}
    matrices = [
        extraction.extract(
            spec,
            make_table(paths),
            paths,
            store=tmp_path / f"store{threads}",
            threads=threads,
        )
        for threads in (1, 2)
    ]
    assert matrices[0].equals(matrices[1])
    columns = [f"trill_{i}" for i in range(WIDTH)]
    assert matrices[0].columns.tolist() == ["file", "start", "end", *columns]
    for path, found in zip(paths.values(), matrices[0][columns].to_numpy(), strict=True):
        signal, rate = audio.read(path)
        samples = audio.resample(audio.mix(signal), rate, 16000)[0]
        np.testing.assert_allclose(found, embedded(samples, seed=1), atol=1e-5)


@pytest.mark.trill
def test_the_key_holds_the_weights_not_their_place(tmp_path):
    first = save(str(tmp_path / "first"), seed=1)
    digests = Trill.content({"trill.model": first})
    assert "saved_model.pb" in digests and len(digests) >= 3
    (tmp_path / "first").rename(tmp_path / "moved")
    assert Trill.content({"trill.model": str(tmp_path / "moved")}) == digests
    other = save(str(tmp_path / "other"), seed=2)
    found = Trill.content({"trill.model": other})
    assert found != digests


@pytest.mark.trill
def test_models_that_do_not_do(tmp_path):
    odd = save(str(tmp_path / "odd"), kind="odd")
    with pytest.raises(UserError, match=r"trill\.model: the model takes paths; samples, and"):
        Trill({"trill.model": odd})
    nameless = save(str(tmp_path / "nameless"), output="layer19")
    with pytest.raises(UserError, match=r"no output 'embedding', it has layer19, other"):
        Trill({"trill.model": nameless})


@pytest.mark.trill
@pytest.mark.parametrize("how", ["read", "write", "python", "print", "chunks"])
def test_a_graph_that_touches_files_never_runs(tmp_path, how):
    import tensorflow as tf

    secret, planted = tmp_path / "secret.txt", tmp_path / "planted.txt"
    secret.write_text("secret")

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def call(self, samples):
            done = []
            if how == "read":
                done = [tf.io.read_file(str(secret))]
            elif how == "write":
                done = [tf.io.write_file(str(planted), "x")]
            elif how == "python":
                done = [tf.py_function(lambda: planted.write_text("x"), [], tf.int32)]
            elif how == "print":
                done = [tf.print("x", output_stream=f"file://{planted}")]
            with tf.control_dependencies(done):
                return {"embedding": tf.reshape(samples[:8], [1, 8])}

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.call)
    planted.unlink(missing_ok=True)
    if how == "chunks":
        (tmp_path / "model" / "saved_model.cpb").write_bytes(b"")
    with pytest.raises(UserError, match=r"trill\.model: .*(runs code|only saved_model\.pb)"):
        Trill({"trill.model": str(tmp_path / "model")})
    assert not planted.exists()


@pytest.mark.trill
def test_audio_too_short_for_the_model_is_told(tmp_path):
    extractor = Trill({"trill.model": save(str(tmp_path / "model"))})
    with pytest.raises(audio.AudioError, match=r"^0\.050 s: the model fails \(.*less than 0\.1 s"):
        extractor(np.zeros((1, 800), dtype=np.float32), 16000)
