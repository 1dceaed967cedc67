"""Files of phones, browsers and cameras, and files that are no audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audio_tables import make_table

from izwi import features
from izwi.data import audio, foreign_audio
from izwi.features import extraction

RATE = 16000
# Ending, codec, sampling rate.
CODED = [
    ("m4a", "aac", RATE),
    ("mp4", "aac", 44100),
    ("mov", "pcm_s16le", RATE),
    ("aac", "aac", RATE),
    ("webm", "libopus", 48000),
    ("mkv", "aac", RATE),
    ("wma", "wmav2", RATE),
    ("amr", "libopencore_amrnb", 8000),
    ("avi", "pcm_s16le", RATE),
    ("flv", "aac", 44100),
    ("ts", "aac", RATE),
    ("ac3", "ac3", 44100),
    ("wv", "wavpack", RATE),
]


def tone(rate: int, channels: int = 1, seconds: float = 2.0) -> np.ndarray:
    """Shape (channels, samples)."""
    t = np.arange(round(rate * seconds)) / rate
    levels = 0.4 / 2 ** np.arange(channels)
    return (levels[:, None] * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def encode(path: Path, codec: str, rate: int, channels: int = 1, video: bool = False) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed: make av")
    kind = {"ts": "mpegts", "wma": "asf", "aac": "adts", "m4a": "ipod", "mkv": "matroska"}
    ending = path.suffix[1:]
    with av.open(str(path), "w", format=kind.get(ending, ending)) as container:
        if video:
            pictures = container.add_stream("mpeg4", rate=25)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        layout = "mono" if channels == 1 else "stereo"
        try:
            stream = container.add_stream(codec, rate=rate, layout=layout)
        except (av.FFmpegError, ValueError) as error:
            pytest.skip(f"this FFmpeg has no encoder {codec}: {error}")
        if video:
            for _ in range(50):
                picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
                container.mux(pictures.encode(picture))
            container.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(tone(rate, channels), "fltp", layout)
        frame.sample_rate = rate
        stream.bit_rate = 64000
        shape = av.AudioResampler(
            stream.format, layout, rate, frame_size=stream.codec_context.frame_size or 1024
        )
        for part in [*shape.resample(frame), *shape.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("ending, codec, rate", CODED, ids=[f"{e}-{c}" for e, c, _ in CODED])
def test_they_just_work(tmp_path, ending, codec, rate):
    path = tmp_path / f"a.{ending}"
    encode(path, codec, rate)
    signal, its_rate = audio.read(str(path))
    assert its_rate == rate and signal.shape[0] == 1 and signal.dtype == np.float32
    assert signal.shape[1] / rate == pytest.approx(2, abs=0.15)
    middle = signal[0, rate // 2 : rate // 2 + rate]
    spectrum = np.abs(np.fft.rfft(middle))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert np.abs(middle).max() == pytest.approx(0.4, abs=0.08)
    part, _ = audio.read(str(path), 0.5, 1.0)
    np.testing.assert_array_equal(part, signal[:, rate // 2 : rate])
    assert audio.length(str(path)) == (signal.shape[1], rate)
    assert audio.remarks(str(path)) == []


def test_channels_stay_as_they_are(tmp_path):
    path = tmp_path / "a.m4a"
    encode(path, "aac", RATE, 2)
    signal, _ = audio.read(str(path))
    assert signal.shape[0] == 2
    left, right = np.abs(signal[:, RATE // 2 : RATE]).max(axis=1)
    assert left == pytest.approx(2 * right, rel=0.2)


def test_the_sound_of_a_video(tmp_path):
    path = tmp_path / "a.mp4"
    encode(path, "aac", 44100, video=True)
    signal, rate = audio.read(str(path))
    assert rate == 44100 and signal.shape[1] / rate == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("ending, codec", [("m4a", "aac"), ("mov", "pcm_s16le"), ("wma", "wmav2")])
def test_cut_ones_are_told(tmp_path, ending, codec):
    path = tmp_path / f"a.{ending}"
    encode(path, codec, RATE)
    content = path.read_bytes()
    for share in (20, 50, 80):
        path.write_bytes(content[: len(content) * share // 100])
        with pytest.raises(audio.AudioError, match=r"truncated|unreadable"):
            audio.read(str(path))


def test_features_of_them_are_kept_by_their_digest(tmp_path):
    encode(tmp_path / "a.m4a", "aac", RATE)
    (tmp_path / "b.m4a").write_bytes((tmp_path / "a.m4a").read_bytes())
    paths = {name: str(tmp_path / name) for name in ("a.m4a", "b.m4a")}
    spec = {"type": "os", "options": {}}
    said: list[str] = []
    found = extraction.extract(
        spec, make_table(paths), paths, store=tmp_path / "s", threads=1, progress=said.append
    )
    values = found.iloc[:, 3:].to_numpy()
    np.testing.assert_array_equal(values[0], values[1])
    assert np.isfinite(values).all() and any("1 files" in line for line in said)


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x00\x1cftypM4A \x00\x00\x00\x00",
        b"\x00\x00\x00\x20ftypisom",
        b"\x1a\x45\xdf\xa3\x01\x00\x00\x00",
        b"#!AMR\n",
        b"#!AMR-WB\n",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9",
        b"\xff\xf1\x50\x80\x1f\xbf",
        b"RIFF\x00\x00\x00\x00AVI LIST",
    ],
)
def test_without_the_extra_it_is_named(tmp_path, monkeypatch, head):
    monkeypatch.setattr(foreign_audio, "find_spec", lambda name: None)
    path = tmp_path / "recording"
    path.write_bytes(head + bytes(500))
    with pytest.raises(audio.AudioError, match="make av"):
        audio.read(str(path))
    paths = {"recording": str(path)}
    with pytest.raises(features.BadFiles, match="make av"):
        spec = {"type": "os", "options": {}}
        extraction.extract(spec, make_table(paths), paths, store=tmp_path / "s", threads=1)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"RIFF", "too short, 4 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS"),
        (b"../.git/annex/objects/mK/0J/SHA256E-s12--ab.wav/SHA256E-s12--ab.wav", "annex get"),
        (b"/annex/objects/SHA256E-s64044--0123456789.wav\n", "annex get"),
        (b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\n" * 9, "sph2pipe"),
        (b"<Error><Code>AccessDenied</Code></Error>" * 3, "XML"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"Rar!\x1a\x07\x01\0" + bytes(100), "RAR"),
        (b"a.wav" + bytes(252) + b"ustar\x0000" + bytes(300), "tar archive"),
        ("file,emotion\nä.wav,Ärger\n".encode() * 40, "text instead"),
        ("file,emotion\n".encode("utf-16") * 5, "text instead"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "HTML"),
        (b"\n\n  <HTML lang='en'><head><title>Sign in</title></head></HTML>", "HTML"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(80), "resource fork"),
        (b"PK\x03\x04" + bytes(60), "ZIP"),
        (bytes(4000), "zeros"),
    ],
)
def test_what_is_no_audio_is_said_as_such(tmp_path, content, words):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(audio.AudioError, match=words):
        audio.read(str(path))
