from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from harness.report import templates
from harness.report.html import to_html
from harness.report.summarise import summarise

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOADING = {
    "script",
    "img",
    "iframe",
    "object",
    "embed",
    "link",
    "video",
    "audio",
    "source",
    "base",
    "form",
    "image",
    "use",
    "foreignobject",
}
VOID = {"meta", "br", "hr", "input"}


class Page(HTMLParser):
    """Collects elements, and checks that they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(sample: Any) -> str:
    return to_html(summarise(sample.info, sample.ranking, sample.records))


def test_a_page_is_well_formed_and_loads_nothing(any_sample: Any) -> None:
    page = Page(page_of(any_sample))
    assert page.open == []
    assert not LOADING & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset", "style", "background"}]
        if "href" in attributes:
            assert tag == "a"
            assert re.match(r"https?://|#", attributes["href"] or "")
    assert not re.search(r"url\(|@import", templates.read("report.css"))


def test_hostile_text_is_shown_as_text(samples: dict[str, Any]) -> None:
    text = "".join(Page(page_of(samples["hostile"])).text)
    assert "<script>alert(1)</script>" in text
    assert '"><img src=x onerror=alert(1)>' in text


def test_the_policy_allows_the_pages_own_style_alone(samples: dict[str, Any]) -> None:
    policy = next(m["content"] or "" for m in Page(page_of(samples["empty"])).find("meta") if m.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_anchors_lead_somewhere_and_ids_are_unique(any_sample: Any) -> None:
    page = Page(page_of(any_sample))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {(a["href"] or "")[1:] for a in page.find("a") if (a["href"] or "").startswith("#")}
    wanted |= {attributes["aria-labeledby"] or "" for _, attributes in page.elements if "aria-labeledby" in attributes}
    assert wanted <= set(ids)


def test_tables_have_captions_scopes_and_rows_of_one_length(any_sample: Any) -> None:
    html = page_of(any_sample)
    page = Page(html)
    assert len(page.find("caption")) == len(page.find("table"))
    assert all("scope" in attributes for attributes in page.find("th"))
    for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
        rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)
        spans = [sum(int(span or 1) for span in re.findall(r"<t[hd]\b(?:[^>]*?colspan=\"(\d+)\")?", row)) for row in rows]
        assert len(set(spans)) == 1


def test_figures_say_what_they_show(samples: dict[str, Any]) -> None:
    page = Page(page_of(samples["realistic"]))
    labels = [a["aria-label"] or "" for a in page.find("svg") if a.get("role") == "img"]
    assert len(labels) == 4
    assert all("macro-F1 of 8 contenders" in label for label in labels)


def test_the_recommendation_is_the_first_thing_said(samples: dict[str, Any]) -> None:
    words = " ".join("".join(Page(page_of(samples["large"])).text).split("Which model for support-intents?")[-1].split())
    assert words.index("You need no foundation model") < words.index("A baseline suffices") < words.index("What to do next")


def browse(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a browser without a network; skip where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not looked at in a browser")
    quiet = [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    offline = ["--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        *quiet,
        *offline,
        f"--user-data-dir={home}",
        "--enable-logging=stderr",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_a_browser_shows_it_without_complaint_and_runs_no_script(samples: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page_of(samples["hostile"]), encoding="utf-8")
    assert "CONSOLE" not in browse("--dump-dom", path.as_uri(), home=tmp_path / "home").stderr
    inserted = page_of(samples["hostile"]).replace("</body>", "<script>document.title = 'ran'</script></body>")
    path.write_text(inserted, encoding="utf-8")
    done = browse("--dump-dom", path.as_uri(), home=tmp_path / "home")
    assert "<title>ran</title>" not in done.stdout
    assert "Content Security Policy" in done.stderr


NARROW = ["hostile", "large", "realistic", "trained", "trained-hostile"]


@pytest.fixture(scope="module")
def beyond(samples: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What one browser tells of all pages: the width that each has, and by how much it runs over.

    The copies have no policy, so that a script of the test can measure them, inside frames of 420 pixels.
    """
    folder = tmp_path_factory.mktemp("narrow")
    for name in NARROW:
        html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page_of(samples[name]))
        size = f"['{name}', innerWidth, r.scrollWidth - r.clientWidth]"
        told = f"<script>const r = document.documentElement; parent.postMessage({size}.join(), '*')</script>"
        (folder / f"{name}.html").write_text(html.replace("</body>", f"{told}</body>"), encoding="utf-8")
    frames = "".join(f'<iframe src="{name}.html" style="width:420px;height:800px;border:0"></iframe>' for name in NARROW)
    listen = "<script>addEventListener('message', event => { document.title += event.data + ';' })</script>"
    (folder / "frames.html").write_text(f"<!doctype html><title></title>{listen}{frames}", encoding="utf-8")
    done = browse("--virtual-time-budget=3000", "--dump-dom", (folder / "frames.html").as_uri(), home=folder / "home")
    return done.stdout


@pytest.mark.parametrize("name", NARROW)
def test_on_a_narrow_screen_nothing_runs_over_the_edge(name: str, beyond: str) -> None:
    title = re.search("<title>(.*)</title>", beyond)
    assert title is not None
    assert f"{name},420,0" in title[1].split(";")
