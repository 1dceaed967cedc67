"""What the page of results says, that nothing in it is run, and that it repeats."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import time
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import soundfile
from page_example import EVIL, LABELS, details, experiment, make, predictions

from izwi.data import csv_files
from izwi.plots import style
from izwi.reporting.page import build, files, markup, mistakes, read, write
from izwi.reporting.page.options import DEFAULTS


class Page(HTMLParser):
    """Elements of a page, and what its scripts hold."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.data, self.texts, self.open = [], {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open = self.elements[-1] if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        if self.open is None:
            self.texts.append(data)
        elif self.open[0] == "script":
            self.data[self.open[1].get("id")] = data


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def page(made):
    return Page(made["text"])


def test_nothing_of_the_data_becomes_markup(made, page):
    scripts = [a.get("type") for tag, a in page.elements if tag == "script"]
    assert scripts.count(None) == 1  # its own
    assert set(scripts) == {None, "application/json", "text/plain"}
    assert not [a for tag, a in page.elements if "onerror" in a]
    assert {tag for tag, _ in page.elements}.isdisjoint({"b", "i", "iframe", "object", "link-x"})
    assert EVIL in details(made["text"])[0]["metrics"]["per_class"]  # and is told as it is
    assert any(EVIL in text for text in page.texts)
    (policy,) = [
        a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert markup.policy_hash(page.data[None]) in policy


def test_nothing_is_asked_of_the_net_and_no_place_of_the_machine_is_told(made, page):
    links = [a[key] for _, a in page.elements for key in ("src", "href") if key in a]
    links += [link for place in (0, 1) for _, link in details(made["text"])[place]["links"]]
    assert links and not [link for link in links if "//" in link]
    assert str(made["page"].parents[1]) not in made["text"]
    assert "see …/file.txt:" in details(made["text"])[0]["metrics"]["warnings"][-1]


def test_the_summary_has_the_figures(made, page):
    folder = made["page"].parent / "experiments"
    for place, name in enumerate(("first <b>&amp;", "second")):
        metrics = json.loads((folder / name / "metrics.json").read_text())
        assert details(made["text"])[place]["metrics"]["value"] == pytest.approx(
            metrics["value"], rel=1e-5
        )
        assert f"{metrics['value']:.3f}" in page.texts
        low, high = metrics["ci"]
        assert f"[{low:.3f}, {high:.3f}]" in page.texts
        assert name in page.texts
    assert ["lost", f"lost.ini: [MODEL] K_val: too many {EVIL}"] == page.texts[
        page.texts.index("lost") :
    ][:2]
    assert "1 of 3 experiments could not be made" in made["text"]


def test_the_most_confident_errors_against_pandas(made, page):
    frame = made["frame"]
    wrong = frame[frame["truth"] != frame["prediction"]].copy()
    wrong["weight"] = [row[f"p_{row['prediction']}"] for _, row in wrong.iterrows()]
    wrong["own"] = [row[f"p_{row['truth']}"] for _, row in wrong.iterrows()]
    wrong = wrong.sort_values("weight", ascending=False).head(mistakes.MOST)
    found = details(made["text"])[0]["errors"]
    assert found["n"] == (frame["truth"] != frame["prediction"]).sum()
    assert [row["file"] for row in found["rows"]] == wrong["file"].tolist()
    assert [row["truth"] for row in found["rows"]] == wrong["truth"].tolist()
    assert [row["prediction"] for row in found["rows"]] == wrong["prediction"].tolist()
    assert [row["weight"] for row in found["rows"]] == pytest.approx(wrong["weight"], rel=1e-5)
    assert [row["own"] for row in found["rows"]] == pytest.approx(wrong["own"], rel=1e-5)


def test_embedded_recordings_are_those_of_the_errors(made, page):
    for row in details(made["text"])[0]["errors"]["rows"]:
        content = base64.b64decode(page.data[f"f{row['audio']['file']}"])
        signal, rate = soundfile.read(io.BytesIO(content))
        assert rate == 16000 and len(signal) == 16000
        original, original_rate = soundfile.read(made["paths"][row["file"]])
        assert loudest(signal, rate) == pytest.approx(loudest(original, original_rate), abs=1)
        assert np.abs(signal).max() == pytest.approx(np.abs(original).max(), abs=0.02)
    # Both experiments show some of the same recordings: each is embedded once.
    names = [
        row["audio"]["file"] for p in (0, 1) for row in details(made["text"])[p]["errors"]["rows"]
    ]
    assert len(set(names)) < len(names)
    assert made["builder"].recordings.size == sum(len(page.data[f"f{name}"]) for name in set(names))


def loudest(signal, rate):
    return np.abs(np.fft.rfft(signal)).argmax() * rate / len(signal)


def test_without_room_files_are_linked_and_without_leave_there_is_no_audio(tmp_path):
    (tmp_path / "a").mkdir()
    linked = make(tmp_path / "a", megabytes=0)
    row = details(linked["text"])[0]["errors"]["rows"][0]
    link = row["audio"]["link"]
    assert link.startswith("../audio/")
    assert (linked["page"].parent / link).resolve().as_posix() == linked["paths"][row["file"]]
    picture = details(linked["text"])[0]["pictures"][0]
    assert picture["links"][0][1].endswith("/plots/confusion_matrix.png")
    assert picture["drawn"] and not {"link", "file"} & picture.keys()
    picture = details(linked["text"])[0]["pictures"][-1]
    assert picture["link"] == "experiments/first%20%3Cb%3E%26amp%3B/plots/value_counts.png"
    assert "are not in this page but linked" in linked["text"]
    (tmp_path / "b").mkdir()
    silent = make(tmp_path / "b", audio="none")
    assert details(silent["text"])[0]["errors"]["rows"][0]["audio"] is None
    assert "This page holds" not in silent["text"]


def test_what_cannot_be_heard_says_why(tmp_path):
    frame = predictions()
    unit = experiment(tmp_path, "e", "svm", frame)
    broken = tmp_path / "broken.wav"
    broken.write_text("no audio")
    wrong = frame[frame["truth"] != frame["prediction"]]["file"].tolist()
    places = {wrong[0]: str(broken)}
    builder = build.Builder(
        str(tmp_path / "results"),
        {"audio": "embed", "megabytes": 20},
        lambda load, file: places.get(file) if load == "table" else None,
    )
    content = builder.content([unit], [], [], "")
    told = {
        row["file"]: row["audio"] for row in content["experiments"][0]["details"]["errors"]["rows"]
    }
    assert told[wrong[0]] == {"missing": "unreadable, file too short, 8 bytes"}
    assert told[wrong[1]] == {"missing": "the recording was not found when the page was made"}


def test_the_page_repeats_byte_by_byte_wherever_it_is_made(made, tmp_path):
    assert make(tmp_path)["text"] == made["text"]


def test_long_recordings_are_cut_and_segments_are_segments(tmp_path):
    tone = np.sin(2 * np.pi * 300 * np.arange(8000 * 20) / 8000) * np.linspace(0, 1, 8000 * 20)
    soundfile.write(tmp_path / "a.wav", tone, 8000)
    content, seconds, whole = files.clip(str(tmp_path / "a.wav"), 0.0, None)
    assert (seconds, whole) == (files.MOST_SECONDS, 20.0)
    content, seconds, whole = files.clip(str(tmp_path / "a.wav"), 12.5, 13.5)
    signal, rate = soundfile.read(io.BytesIO(content))
    assert (seconds, whole, rate) == (1.0, 1.0, 8000)
    assert signal == pytest.approx(tone[100000:108000], abs=1e-3)


def write_csv(path, header, *lines):
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *lines])
    return path


def test_errors_of_segments_of_runs_and_of_texts_that_look_like_formulas(tmp_path):
    zero = "0 days 00:00:00.000000"
    header = ["database", "file", "start", "end", "speaker", "fold", "run", "truth", "prediction"]
    path = write_csv(
        tmp_path / "a.csv",
        [*header, "p_=a", "p_b"],
        ["db", "'=x.wav", "0 days 00:00:01.500000", "", "1", 0, 1, "b", "'=a", 0.6, 0.4],
        ["db", "'=x.wav", "0 days 00:00:01.500000", "", "1", 0, 2, "b", "'=a", 0.9, 0.1],
        ["db", "y.wav", zero, "1 days 00:00:02.000000", "", 0, 1, "'=a", "b", 0.3, 0.7],
        ["db", "z.wav", zero, "", "1", 0, 1, "", "b", 0.3, 0.7],
    )  # fmt: skip
    first, second = mistakes.most_confident(path, "classification")[0]
    assert (first.file, first.start, first.end, first.run) == ("=x.wav", 1.5, None, "2")
    assert (first.truth, first.prediction, first.weight, first.own) == ("b", "=a", 0.9, 0.1)
    assert (second.end, second.speaker) == (86402.0, "")
    header = ["database", "file", "speaker", "fold", "run", "truth", "prediction"]
    path = write_csv(
        tmp_path / "b.csv",
        header,
        *(["db", f"{i}.wav", "1", 0, 1, 10.0, 10 + (-1) ** i * i] for i in range(20)),
    )
    found, count, _ = mistakes.most_confident(path, "regression")
    assert [mistake.weight for mistake in found] == list(range(19, 19 - mistakes.MOST, -1))
    assert count == 20
    path = write_csv(tmp_path / "c.csv", header, ["db", "b.wav", "1", 0, 1, "x", "y"],
                     ["db", "a.wav", "1", 0, 1, "x", "y"])  # fmt: skip
    found, count, _ = mistakes.most_confident(path, "classification")
    assert [(m.file, m.weight) for m in found] == [("a.wav", None), ("b.wav", None)]


def test_the_same_samples_are_known_in_any_order(tmp_path):
    def rows_of(frame):
        path = tmp_path / "predictions.csv"
        csv_files.write_predictions(frame, path)
        return mistakes.most_confident(path, "classification")[2]

    frame = predictions()
    runs = pd.concat([frame, frame.assign(run=2)])
    assert rows_of(frame) == rows_of(frame.iloc[::-1]) == rows_of(runs)
    other = frame.assign(truth=frame["truth"].iloc[::-1].to_numpy())
    assert len({rows_of(frame), rows_of(frame.iloc[1:]), rows_of(other)}) == 3


def test_matrices_of_too_many_classes_stay_pictures():
    counts = [[4, 0], [1, 3]]
    found = read.shares({"labels": ["a", "b"], "counts": counts})
    assert found == {"labels": ["a", "b"], "percents": [100, 0, 25, 75]}
    size = read.MOST_CLASSES + 1
    many = {"labels": [str(i) for i in range(size)], "counts": [[1] * size] * size}
    assert read.shares(many) is None and read.shares(None) is None


def test_columns_keep_every_row():
    rows = [{"a": {"b": i, "c": {}}, "d": [i], "e": {"x": 1} if i else {}} for i in range(3)]
    assert markup.columns(rows) == {
        "a": {"b": [0, 1, 2], "c": {}},
        "d": [[0], [1], [2]],
        "e": [{}, {"x": 1}, {"x": 1}],
    }


def test_options_tell_what_was_chosen(made):
    told = {
        (part, name): (value, chosen)
        for part, name, value, chosen in details(made["text"])[0]["options"]
    }
    assert told["model", "C_val"] == ("10.0", 1)
    assert told["model", "kernel"] == ("rbf", 0)
    assert told["DATA db", "limit_samples"] == ("40", 1)
    assert told["DATA db", "path"][0].startswith("…/")
    assert told["evaluation", "measure"][1] == 0
    assert told["evaluation", "ci"] == ("auto", 0)


def test_paths_of_the_machine_are_cut_and_others_left():
    assert read.without_places("see /home/me/data/a.wav: bad") == "see …/a.wav: bad"
    assert read.without_places("https://a.org/b/c/d and wav/a/b/c.wav or 1/2") == (
        "https://a.org/b/c/d and wav/a/b/c.wav or 1/2"
    )
    assert read.portable({"a": [1 / 3, float("nan"), "/a/b/c"]}) == {"a": [0.333333, None, "…/c"]}


def test_markdown_keeps_to_tables_headings_and_bold():
    text = "# a <b>\n\n| x | **y** |\n|---|---:|\n| 1 \\| 2 | <i> |\n\nwords *as* they are\nhere"
    assert markup.markdown(r"a\_b \*\*c\*\* **d\_e** \<i>") == (
        "<p>a_b **c** <strong>d_e</strong> &lt;i&gt;</p>"
    )
    found = markup.markdown(text)
    assert re.sub(r"\s+", " ", found) == (
        '<h4>a &lt;b&gt;</h4> <div class="scroll" tabindex="0"><table class="data"><thead><tr>'
        '<th scope="col">x</th><th scope="col"><strong>y</strong></th></tr></thead><tbody> '
        "<tr><td>1 | 2</td><td>&lt;i&gt;</td></tr> </tbody></table></div> "
        "<p>words *as* they are here</p>"
    )


def test_controls_are_told_apart(tmp_path):
    make(tmp_path)
    folder = tmp_path / "results/experiments/second"
    record = json.loads((folder / "experiment.json").read_text())
    (folder / "experiment.json").write_text(json.dumps({**record, "control": "level"}))
    files = {"metrics": folder / "metrics.json", "record": folder / "experiment.json"}
    control = read.experiment({role: str(path) for role, path in files.items()})["summary"]
    assert control["kind"] == "control"
    others = [{**control, "name": name, "kind": "experiment"} for name in ("a", "b")]
    assert write._title([*others, control]) == "Results of 2 experiments and 1 control"
    assert "<label>kind<select" in write._filters([*others, control])
    assert "<label>kind<select" not in write._filters(others)


def test_the_template_fills_each_place_once():
    assert markup.fill("@@a@@ @@b@@", {"a": "@@b@@", "b": "2"}) == "@@b@@ 2"
    assert json.loads(markup.data({"a": EVIL + LABELS[0]})) == {"a": EVIL + LABELS[0]}
    assert "<" not in markup.data(EVIL)


def test_an_experiment_costs_little(tmp_path):
    """Many that show the same recordings, as those of a grid do."""
    frame = predictions(400)
    units = [experiment(tmp_path, f"e{i}", "svm", frame) for i in range(3)]
    builder = build.Builder(str(tmp_path / "results"), {"audio": "none", "megabytes": 1}, None)
    builder.content(units, [], [], "")  # imports
    took = []
    for _ in range(3):
        started = time.process_time()
        builder.content(units, [], [], "")
        took.append(time.process_time() - started)
    assert min(took) / len(units) < 0.05


@pytest.mark.parametrize("ending", [".png", ".svg"])
@pytest.mark.parametrize("columns", [1, 2])
def test_a_wide_picture_is_known_by_its_file(tmp_path, ending, columns):
    path = tmp_path / f"picture{ending}"
    with style.drawing():
        style.save(style.new_figure(columns * style.COLUMN, 1), path)
    assert files.millimetres(path.read_bytes(), ending) == pytest.approx(85 * columns, abs=0.1)


def filtered(text, name):
    """What a filter finds in each row."""
    chosen = re.search(rf"<label>{name}<select data-place=.(\d+).>(.*?)</select>", text)
    options = re.findall("<option[^>]*>([^<]*)", chosen[2])
    places = [line.split(",")[int(chosen[1])] for line in re.findall(r'data-f="([^"]+)"', text)]
    return [options[int(place)] for place in places]


def test_the_state_of_figures_is_marked_and_filtered_by(tmp_path):
    frame = predictions()
    units = [experiment(tmp_path, name, "svm", frame) for name in ("new", "old", "mute")]
    step = {"made": "2026-11-29T02:13:09Z", "config": "c", "figure": "uar 0.5"}
    about = {"status": "current", "latest": True, "made": step["made"], "config": "c"}
    history = [{**step, "changes": []}, {**step, "changes": [f"MODEL.type: {EVIL} → svm"]}]
    known = {
        "new": about | {"history": history},
        "old": about | {"status": "earlier ini", "latest": False, "made": None, "history": []},
    }
    builder = build.Builder(str(tmp_path / "results"), DEFAULTS, lambda load, file: None)

    def was_made(path):
        return "/mute/" not in path

    content = builder.content(units, [], [], "", was_made=was_made, known=known)
    text = write.page(content, builder.pictures, builder.recordings)
    shown = Page(text)
    assert [one["name"] for one in content["missing"]] == ["mute"]
    assert filtered(text, "call") == ["latest", "earlier"]
    assert filtered(text, "status") == ["current", "earlier ini"]
    assert {"call", "status"} <= set(shown.texts)
    assert shown.texts.count("earlier ini") == 2  # the mark and the filter
    assert "2026-11-29 02:13 UTC" in shown.texts
    assert details(text)[0]["history"][1]["changes"] == [f"MODEL.type: {EVIL} → svm"]
    links = dict(details(text)[0]["links"])
    assert links["metrics.json"] == "experiments/new/metrics.json"
    # One made again that is not: what is known of it is an earlier figure.
    content = builder.content(units, [], [], "", was_made=was_made, known=known | {"mute": about})
    assert len(content["experiments"]) == 3 and len(content["missing"]) == 1
    assert content["lead"].startswith("1 of 2 experiments could not be made.")


def test_the_latest_call_has_the_first_room_for_pictures(tmp_path):
    """Pictures of the same content are carried once, so each is its own here."""
    units = [experiment(tmp_path, name, "svm", predictions()) for name in ("old", "new")]
    for number, unit in enumerate(units):
        with open(unit.outputs["value_counts.png"], "ab") as stream:
            stream.write(bytes([number]) * 9000)
    known = {
        name: {"status": "current", "latest": name == "new", "made": None, "config": None}
        for name in ("old", "new")
    }
    options = {**DEFAULTS, "megabytes": 0.03}
    builder = build.Builder(str(tmp_path / "results"), options, lambda load, file: None)
    old, new = builder.content(units, [], [], "", known=known)["experiments"]
    assert "link" in old["details"]["pictures"][-1] and "file" in new["details"]["pictures"][-1]
