"""Uploads of the web page that come, and go, at the same time."""

import os

from izwi.serving.web_gate import Uploads


def test_a_file_that_was_uploaded_twice_stays_until_both_are_predicted(tmp_path):
    path = tmp_path / "hash" / "voice.wav"
    path.parent.mkdir()
    path.write_bytes(b"sound")
    uploads = Uploads(tmp_path)
    for _ in range(2):
        uploads.add([str(path)])
    assert uploads.waiting() == 5
    uploads.delete(str(path))
    assert uploads.own(str(path))
    uploads.delete(str(path))
    assert not path.parent.exists() and not uploads.own(str(path)) and uploads.waiting() == 0
    # One that went by itself is forgotten, however often it was uploaded.
    path.parent.mkdir()
    path.write_bytes(b"sound")
    for _ in range(2):
        uploads.add([str(path)])
    path.unlink()
    assert uploads.waiting() == 0
    path.write_bytes(b"sound")
    assert not uploads.own(str(path))


def test_a_file_that_goes_while_left_overs_are_swept_is_no_fault(tmp_path, monkeypatch):
    (tmp_path / "left.wav").write_bytes(b"left")
    walked = list(os.walk(tmp_path))
    walked[0][2].insert(0, "gone.wav")
    monkeypatch.setattr(os, "walk", lambda *_, **__: walked)
    Uploads(tmp_path).sweep()
    assert not (tmp_path / "left.wav").exists()
