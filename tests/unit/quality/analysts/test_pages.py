"""Pages and pictures: whole, well formed, and leading only to what is there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from quality.analysts import files
from quality.analysts.browser_page import browser_page
from quality.analysts.picture import CHARACTER, grain, star_of_fact, star_schema
from quality.analysts.units import shown

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "link", "input"}


class Page(HTMLParser):
    """Ids, links and words of a page; what is opened must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [told["id"]] if told.get("id") else []
        self.links += [told["href"]] if tag == "a" and told.get("href") else []
        self.outside += [
            value for name, value in attrs if name in ("src", "href") and value and not value.startswith(("#", "data:"))
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        self.words += data


def test_nothing_lies_there_that_is_no_longer_rendered(manifest, analysts) -> None:
    wanted = {analysts / path for path in files.rendered(manifest, (analysts / "queries").glob("*.sql"))}
    there = {path for folder in ("marts", "powerbi") for path in (analysts / folder).rglob("*") if path.is_file()}
    assert {path for path in there if ".pbi" not in path.parts} - wanted == set()


def test_every_mart_has_a_page_that_tells_every_column_its_unit_and_its_tests(star, manifest, analysts) -> None:
    texts = files.rendered(manifest, (analysts / "queries").glob("*.sql"))
    for mart in star.marts:
        page = texts[f"marts/{mart.name}.md"]
        rows = {line.split(" | ")[0].strip("| `"): line for line in page.splitlines() if line.startswith("| `")}
        assert list(rows) == [column.name for column in mart.columns]
        for column in mart.columns:
            assert column.says.replace("|", "\\|") in rows[column.name]
            assert f"| {shown(column).unit} |" in rows[column.name]
        for heading in ("## Tested with every build", "## Where it comes from", "**How fresh.**"):
            assert heading in page
        assert [asked.asks for asked in star.questions_of(mart.name) if f"[{asked.asks}](../queries/" not in page] == []
        keyed = [link for link in star.links if link.fact == mart.name]
        assert all(f"[{link.dimension}]({link.dimension}.md)" in rows[link.column] for link in keyed)


def test_a_dimension_with_versions_says_that_a_row_is_a_version(star) -> None:
    versioned = {mart.name for mart in star.marts if grain(mart).endswith(" version")}
    assert versioned == {"dim_device", "dim_site"}


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_of_the_pages_lead_to_files_and_headings_that_there_are(analysts) -> None:
    broken = []
    for page in [*analysts.glob("*.md"), *(analysts / "marts").glob("*.md")]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            if not found.exists() or (anchor and anchor not in anchors(found)):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_the_page_for_a_browser_is_well_formed_stands_alone_and_leads_to_its_own_parts(star) -> None:
    page = Page(browser_page(star))
    assert page.open == []
    assert page.outside == []
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert {mart.name for mart in star.marts} <= set(page.ids)
    missing = [asked.number for asked in star.questions if asked.sql not in page.words or asked.asks not in page.words]
    assert missing == []


@pytest.mark.parametrize("name", ["", "fct_readings_hourly", "fct_engagement", "fct_data_quality_daily"])
def test_a_picture_holds_all_its_words_and_names_all_its_tables(star, name) -> None:
    svg = ET.fromstring(star_of_fact(star, name) if name else star_schema(star))
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    words = list(svg.iter(f"{SVG}text"))
    for text in words:
        said, x = text.text or "", float(text.attrib["x"])
        length = len(said) * CHARACTER * (12 / 14 if "soft" in text.attrib["class"] else 1)
        start = x - {"start": 0, "middle": length / 2, "end": length}[text.attrib["text-anchor"]]
        assert 0 <= start <= start + length <= width, said
        assert 0 < float(text.attrib["y"]) <= height, said
    seen = {text.text for text in words}
    links = star.links_of(name) if name else star.links
    assert {link.dimension for link in links} | {link.fact for link in links} <= seen
    assert len(list(svg.iter(f"{SVG}circle"))) == (0 if name else len(links))
    if name:
        assert {column.name for column in star.mart(name).columns} <= seen


def test_pictures_fit_light_and_dark(star) -> None:
    assert "prefers-color-scheme: dark" in star_schema(star)
    assert "<style>" not in star_schema(star, alone=False), "the page has it once"
