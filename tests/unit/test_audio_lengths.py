"""Files whose header does not know their length, or has it wrong."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_tables import make_table

from izwi import features
from izwi.data import audio, bad_audio
from izwi.features import extraction

RATE = 16000


@pytest.fixture(scope="module")
def tone() -> np.ndarray:
    """One second of 16 bit, so that a WAV holds exactly these samples."""
    t = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).normal(0, 0.01, RATE)
    return np.round((0.3 * np.sin(2 * np.pi * 150 * t) + noise) * 32768) / 32768


def content(path: Path, signal: np.ndarray, **how: str) -> bytearray:
    soundfile.write(path, signal, RATE, **how)
    return bytearray(path.read_bytes())


def reason(path: Path) -> str:
    with pytest.raises(audio.AudioError) as error:
        audio.read(str(path))
    return str(error.value)


def sized(raw: bytearray, size: int, name: bytes = b"data", code: str = "<I") -> bytes:
    raw = bytearray(raw)
    at = raw.index(name) + 4
    raw[at : at + 4] = struct.pack(code, size)
    raw[4:8] = struct.pack(code, min(size + 36, 2**32 - 1))
    return bytes(raw)


SIZES = [0, 0x7FFFF000, 0xFFFFE000, 0x7FFFEFFE, 0x7FFFFFFF, 0x80000000, 0x7FFFFFDB]
SIZES += [0xFFFFFFFF, 0xFFFFFFFF - 36, 0xFFFFFFFF - 44, 0xFFFFF000]


@pytest.mark.parametrize("size", SIZES, ids=hex)
@pytest.mark.parametrize("subtype", ["PCM_16", "ULAW", "FLOAT"])
def test_wav_as_pipes_write_it_is_read_to_the_end(tmp_path, tone, size, subtype):
    path = tmp_path / "pipe.wav"
    whole = content(path, tone, subtype=subtype)
    expected, _ = audio.read(str(path))
    if subtype == "FLOAT":  # chunks behind the audio, which a pipe does not write
        whole = whole[: whole.index(b"data") + 8 + 4 * RATE]
    path.write_bytes(sized(whole, size))
    np.testing.assert_array_equal(audio.read(str(path))[0], expected)
    np.testing.assert_array_equal(audio.read(str(path), 0.25, 0.5)[0], expected[:, 4000:8000])
    assert audio.length(str(path)) == (RATE, RATE)
    assert audio.remarks(str(path)) == []


@pytest.mark.parametrize(
    "kind, name, code, size",
    [
        ("RIFX", b"data", ">I", 0),
        ("RIFX", b"data", ">I", 0xFFFFFFFF),
        ("AIFF", b"SSND", ">I", 0),
        ("AIFF", b"SSND", ">I", 0x7F000008),
        ("AU", None, ">I", 0xFFFFFFFF),
        ("RF64", None, "<q", 0),
        ("RF64", None, "<q", -1),
        ("W64", None, "<q", 0),
    ],
)
def test_other_containers_of_unknown_length(tmp_path, tone, kind, name, code, size):
    path = tmp_path / "pipe"
    how = {"endian": "BIG", "format": "WAV"} if kind == "RIFX" else {"format": kind}
    raw = content(path, tone, subtype="PCM_16", **how)
    expected, _ = audio.read(str(path))
    if name:
        raw = bytearray(sized(raw, size, name, code))
    else:
        at = {"AU": 8, "RF64": raw.find(b"ds64") + 16, "W64": raw.find(b"data\xf3") + 16}[kind]
        raw[at : at + struct.calcsize(code)] = struct.pack(code, size)
    path.write_bytes(raw)
    np.testing.assert_array_equal(audio.read(str(path))[0], expected)


def test_a_wav_of_no_samples_is_no_pipe(tmp_path):
    path = tmp_path / "none.wav"
    raw = content(path, np.zeros(0))
    path.write_bytes(raw + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert reason(path) == "no audio in it"


@pytest.mark.parametrize("seconds", [1, 0.3])
def test_flac_of_unknown_length(tmp_path, tone, seconds):
    path = tmp_path / "pipe.flac"
    signal = tone[: round(seconds * RATE)]
    raw = content(path, signal)
    expected, _ = audio.read(str(path))
    raw[21] &= 0xF0
    raw[22:26] = bytes(4)
    path.write_bytes(raw)
    np.testing.assert_array_equal(audio.read(str(path))[0], expected)
    np.testing.assert_array_equal(audio.read(str(path), 0.1, 0.2)[0], expected[:, 1600:3200])
    assert audio.length(str(path)) == (len(signal), RATE)
    # Cut, there are whole frames or an error that the file's name goes with.
    path.write_bytes(raw[: len(raw) // 2])
    assert reason(path)


def test_a_bad_flac_of_unknown_length_passes_the_threshold(tmp_path, tone):
    raw = content(tmp_path / "good.flac", tone)
    raw[21] &= 0xF0
    raw[22:26] = bytes(4)
    (tmp_path / "cut.flac").write_bytes(raw[:200])
    paths = {path.name: str(path) for path in tmp_path.iterdir()}
    table = make_table(paths)
    spec = {"type": "os", "options": {}}
    with pytest.raises(features.BadFiles) as told:
        extraction.extract(spec, table, paths, store=tmp_path / "store", threads=1)
    assert [file for file, _ in told.value.rows] == ["cut.flac"]


def test_no_error_of_a_decoder_loses_the_file(tmp_path, tone, monkeypatch):
    path = tmp_path / "a.wav"
    content(path, tone)

    def fails(*_args: object, **_how: object) -> None:
        raise ValueError("array is too big")

    monkeypatch.setattr(soundfile.SoundFile, "read", fails)
    assert "array is too big" in reason(path)


CONTAINERS = [
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AU", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("NIST", "PCM_16"),
    ("CAF", "PCM_16"),
    ("SVX", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAVEX", "FLOAT"),
    ("WAV", "IMA_ADPCM"),
    ("WAV", "GSM610"),
    ("MP3", "MPEG_LAYER_III"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("VOC", "PCM_16"),
    ("VOC", "PCM_U8"),
    ("AVR", "PCM_16"),
    ("AVR", "PCM_S8"),
    ("MPC2K", "PCM_16"),
    ("WVE", "ALAW"),
    ("SDS", "PCM_16"),
    ("MAT4", "FLOAT"),
    ("MAT5", "PCM_16"),
    ("MAT5", "DOUBLE"),
]
# These say no length at all.
BARE = [("IRCAM", "PCM_16"), ("IRCAM", "FLOAT"), ("PVF", "PCM_16"), ("PAF", "PCM_16")]


@pytest.mark.parametrize("kind, subtype", BARE)
def test_a_header_without_a_length_and_half_a_sample(tmp_path, tone, kind, subtype):
    path = tmp_path / "cut"
    raw = content(path, tone, format=kind, subtype=subtype)
    assert audio.remarks(str(path)) == []
    path.write_bytes(raw[:-1])
    (text,) = audio.remarks(str(path))
    assert "may have been cut" in text


@pytest.mark.parametrize("kind, subtype", CONTAINERS)
def test_cut_files_are_told(tmp_path, tone, kind, subtype):
    path = tmp_path / "cut"
    signal = np.tile(tone, 8)
    rate = 8000 if kind == "WVE" else RATE
    soundfile.write(path, signal, rate, format=kind, subtype=subtype)
    raw = path.read_bytes()
    assert audio.read(str(path))[0].shape[1] >= len(signal)
    assert audio.remarks(str(path)) == []
    for share in (10, 30, 50, 70, 90, 97):
        path.write_bytes(raw[: len(raw) * share // 100])
        text = reason(path)
        assert "truncated" in text or "unreadable" in text or "no audio" in text


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_without_its_last_page_is_cut(tmp_path, tone, subtype):
    path = tmp_path / "cut.ogg"
    raw = content(path, np.tile(tone, 8), format="OGG", subtype=subtype)
    path.write_bytes(raw[: raw.rindex(b"OggS")])
    assert "truncated" in reason(path)
    path.write_bytes(raw[:-1])
    assert "truncated" in reason(path)
    # A tag behind the last page is none.
    path.write_bytes(raw + b"TAG" + bytes(125))
    assert audio.read(str(path))[0].shape[1] == 8 * RATE


@pytest.mark.parametrize(
    "kind", ["WAV", "AIFF", "AU", "RF64", "NIST", "AVR", "MPC2K", "MAT4", "MAT5"]
)
def test_a_few_missing_ms_are_a_remark(tmp_path, tone, kind):
    path = tmp_path / "short"
    raw = content(path, tone, format=kind, subtype="PCM_16")
    expected, _ = audio.read(str(path))
    path.write_bytes(raw[: len(raw) - 2 * 144])  # 9 ms
    np.testing.assert_array_equal(audio.read(str(path))[0], expected[:, :-144])
    assert ["9.0 ms" in text for text in audio.remarks(str(path))] == [True]
    path.write_bytes(raw[: len(raw) - 2 * 176])  # 11 ms
    assert "truncated" in reason(path)


@pytest.mark.parametrize(
    "kind, subtype",
    [
        ("MP3", "MPEG_LAYER_III"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("FLAC", "PCM_16"),
        ("AU", "PCM_16"),
        # Their decoders would read the second header as sound.
        ("AU", "G721_32"),
        ("NIST", "PCM_16"),
        ("W64", "PCM_16"),
        ("W64", "FLOAT"),
        ("CAF", "PCM_16"),
        ("VOC", "PCM_16"),
        ("AVR", "PCM_16"),
        ("MPC2K", "PCM_16"),
        ("SDS", "PCM_16"),
        ("MAT4", "PCM_16"),
        ("MAT5", "PCM_16"),
    ],
)
def test_a_recording_behind_the_first_is_a_remark(tmp_path, tone, kind, subtype):
    path = tmp_path / "two"
    first = content(path, tone, format=kind, subtype=subtype)
    path.write_bytes(first)
    expected = audio.read(str(path))[0]
    second = content(path, np.tile(tone, 2), format=kind, subtype=subtype)
    path.write_bytes(first + second)
    np.testing.assert_array_equal(audio.read(str(path))[0], expected)
    (text,) = audio.remarks(str(path))
    used, whole = (float(word) for word in text.split() if word.replace(".", "").isdigit())
    assert used == pytest.approx(1.0, abs=0.01) and whole == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("kind", ["FLAC", "WAV", "AIFF"])
def test_a_tag_of_mp3_before_another_format_hides_nothing(tmp_path, tone, kind):
    path = tmp_path / "tagged"
    raw = content(path, tone, format=kind, subtype="PCM_16")
    expected = audio.read(str(path))[0]
    for size in (500, 200_000):  # with a picture
        tag = b"ID3\x03\0\0" + bytes([0, size >> 14, size >> 7 & 127, size & 127]) + bytes(size)
        path.write_bytes(tag + raw)
        np.testing.assert_array_equal(audio.read(str(path))[0], expected)
        assert audio.remarks(str(path)) == []
        path.write_bytes(tag + raw[: len(raw) * 9 // 10])
        assert "truncated" in reason(path) or kind == "FLAC"
        path.write_bytes(tag + raw + raw)
        (text,) = audio.remarks(str(path))
        assert "1.000 s of 2.00" in text


@pytest.mark.parametrize("kind", ["WAV", "AIFF"])
def test_two_recordings_that_libsndfile_refuses_are_told_as_two(tmp_path, tone, kind):
    path = tmp_path / "two"
    path.write_bytes(2 * content(path, tone, format=kind, subtype="PCM_16"))
    assert "behind the first" in reason(path)


@pytest.mark.parametrize("kind, name, code", [("WAV", b"data", "<I"), ("AIFF", b"SSND", ">I")])
def test_a_header_that_says_a_quarter_is_a_remark(tmp_path, tone, kind, name, code):
    path = tmp_path / "quarter"
    raw = content(path, tone, format=kind, subtype="PCM_16")
    path.write_bytes(sized(raw, 8000 + (8 if kind == "AIFF" else 0), name, code))
    (text,) = audio.remarks(str(path))
    assert "0.250 s of 1.000 s" in text


@pytest.mark.parametrize("seconds", [1.0, 1.3])
def test_a_flac_whose_header_says_less_is_a_remark(tmp_path, tone, seconds):
    path = tmp_path / "less.flac"
    raw = content(path, np.tile(tone, 2)[: round(seconds * RATE)])
    assert audio.remarks(str(path)) == []
    raw[22:26] = (4000).to_bytes(4, "big")
    path.write_bytes(raw)
    (text,) = audio.remarks(str(path))
    assert f"0.250 s of {seconds:.3f} s" in text


def test_chunks_tags_and_zeros_behind_the_audio_are_no_recording(tmp_path, tone):
    path = tmp_path / "tagged.wav"
    raw = content(path, tone)
    chunk = b"LIST" + struct.pack("<I", 2000) + b"INFO" + b"x" * 1996
    for tail in (chunk, b"ID3" + b"x" * 3000, bytes(4096), b"TAG" + b"x" * 1000, b"x" * 100):
        path.write_bytes(raw + tail)
        assert audio.remarks(str(path)) == []
    path = tmp_path / "tagged.mp3"
    raw = content(path, tone)
    cover = b"ID3\x04\x00\x00\x00\x00\x10\x00" + b"\xff\xfb\x90\x64" * 512
    path.write_bytes(cover + raw + b"TAG" + b"\xff" * 125)
    assert audio.remarks(str(path)) == []
    ape = b"APETAGEX" + struct.pack("<5I", 2000, 40, 1, 0, 0) + bytes(4) + b"x" * 40
    for tags in (b"TAG" + b"a" * 125, ape, ape + b"TAG" + bytes(125)):
        path.write_bytes(raw + tags)
        assert audio.remarks(str(path)) == []
        path.write_bytes(raw + tags + raw)
        assert "1.000 s of 2." in audio.remarks(str(path))[0]


@pytest.mark.parametrize("rate", [16000, 44100])
def test_an_mp3_that_ends_within_a_frame_is_a_remark(tmp_path, rate):
    path = tmp_path / "cut.mp3"
    random = np.random.default_rng(1).normal(0, 0.1, rate)
    soundfile.write(path, random, rate, format="MP3", subtype="MPEG_LAYER_III")
    raw = path.read_bytes()
    # The first frame has the length of the whole, and old encoders write none.
    bare = raw[raw.index(raw[:2], 4) :]
    for tail in (b"", b"TAG" + bytes(125), bytes(64)):
        path.write_bytes(bare + tail)
        assert audio.remarks(str(path)) == []
    for missing in (1, 40, len(bare) // 2 + 17):
        path.write_bytes(bare[:-missing])
        (text,) = audio.remarks(str(path))
        assert "within a frame" in text
    path.write_bytes(bare + bare[:2])
    assert len(audio.remarks(str(path))) == 1


TELEPHONE = [
    ("WAV", "GSM610"),
    ("AIFF", "GSM610"),
    ("W64", "GSM610"),
    ("AU", "G721_32"),
    ("AU", "G723_24"),
    ("AU", "G723_40"),
    ("WAV", "G721_32"),
    ("WAV", "NMS_ADPCM_16"),
    ("AIFF", "DWVW_16"),
]


@pytest.mark.parametrize("kind, subtype", TELEPHONE)
def test_telephone_speech_is_read_forward(tmp_path, tone, kind, subtype):
    path = tmp_path / "call"
    soundfile.write(path, tone, 8000, format=kind, subtype=subtype)
    signal, rate = audio.read(str(path))
    assert rate == 8000 and 0 <= signal.shape[1] - RATE < 400
    assert np.corrcoef(signal[0, :RATE], tone)[0, 1] > 0.9 or subtype == "GSM610"
    spans = [(1_000_000_000, 1_500_000_000), (0, 500_000_000)]
    late, early = (part for part, _ in audio.read_parts(str(path), spans))
    np.testing.assert_array_equal(late, signal[:, 8000:12000])
    np.testing.assert_array_equal(early, signal[:, :4000])


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_float_on_a_scale_of_integers_is_a_remark(tmp_path, tone, subtype):
    path = tmp_path / "float.wav"
    content(path, tone * 3, subtype=subtype)
    assert audio.remarks(str(path)) == []
    content(path, tone * 32768, subtype=subtype)
    (text,) = audio.remarks(str(path))
    assert str(round(np.abs(tone).max() * 32768)) in text


def test_odd_files_of_a_table_are_one_warning(tmp_path, tone):
    paths = []
    for number in range(5):
        paths.append(str(tmp_path / f"{number}.wav"))
        content(Path(paths[-1]), tone * (32768 if number else 1), subtype="FLOAT")
    (line,) = bad_audio.remarks([*paths, str(tmp_path / "missing.wav")], 2)
    assert line.startswith("4 of 6 ") and "1.wav: samples up to" in line and "1 more" in line
    assert bad_audio.remarks(paths[:1], 2) == []


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8", "FLOAT", "GSM610", "IMA_ADPCM"])
@pytest.mark.parametrize("channels", [1, 2])
def test_more_bits_than_bytes_are_told(tmp_path, subtype, channels):
    path = tmp_path / "a.wav"
    if subtype in ("GSM610", "IMA_ADPCM") and channels > 1:
        channels = 1
    soundfile.write(path, np.zeros((8000, channels)) + 0.1, 8000, subtype=subtype)
    assert audio.remarks(str(path)) == []
    content = bytearray(path.read_bytes())
    bits = {"PCM_16": 24, "PCM_24": 32, "PCM_U8": 16, "FLOAT": 64}.get(subtype)
    if bits is None:
        return
    content[34:36] = struct.pack("<H", bits)
    path.write_bytes(content)
    told = audio.remarks(str(path))
    assert any(f"its header says {bits} bits a sample" in line for line in told), told
