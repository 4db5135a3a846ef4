"""What an analyst opens in a browser: the rendered page of the marts, and the documentation that dbt makes of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from assets.warm.project import BUILD_VARIABLE, TARGET, prepare_manifest, run_dbt
from settings.model import Settings

ANALYSTS = Path(__file__).parents[3] / "docs" / "analysts"
MART = "fct_device_health_daily"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose scripts must not fail."""
    errors: list[str] = []
    opened = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="light", locale="en-GB")
    opened.set_default_timeout(20_000)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert errors == []


def test_an_analyst_finds_a_mart_in_the_picture_a_column_by_search_and_a_question_with_its_sql(
    page: Page, screenshots: Path
) -> None:
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto((ANALYSTS / "index.html").as_uri())
    picture = page.locator("#overview svg")
    size = picture.bounding_box()
    assert size is not None
    assert (size["width"] > 900, size["height"] > 500) == (True, True)
    assert picture.locator("circle").count() > 20
    page.screenshot(path=screenshots / "analysts.png")

    picture.locator(f"a[href='#{MART}']").click()
    mart = page.locator(f"#{MART}")
    expect(mart).to_be_in_viewport()
    expect(mart.locator("td", has_text="battery_last").first).to_be_visible()
    mart.get_by_text("Where its keys lead").click()
    star = mart.locator("svg").bounding_box()
    assert star is not None
    assert (star["width"] > 400, star["height"] > 400) == (True, True)
    page.screenshot(path=screenshots / "analysts-mart.png")
    mart.get_by_text("Where its keys lead").click()

    page.get_by_label("Search").fill("battery soon")
    expect(page.get_by_text("Nothing here has all of these words")).to_be_visible()
    page.get_by_label("Search").fill("battery")
    found = page.locator("[data-found]:visible")
    assert [each.get_attribute("id") for each in found.all()] == [MART, "dim_device", "question-14"]
    rows = page.locator(f"#{MART} td:first-child:visible").all_text_contents()
    assert rows == ["status", "battery_last", "battery_min"]
    expect(page.locator("#question-14 pre")).to_contain_text("from marts.fct_device_health_daily")
    page.screenshot(path=screenshots / "analysts-search.png")
    page.get_by_label("Search").fill("")
    expect(picture).to_be_visible()

    targets = page.eval_on_selector_all("a[href]", "all => all.map(each => each.getAttribute('href'))")
    assert len(targets) > 100
    there = page.eval_on_selector_all("[id]", "all => all.map(each => '#' + each.id)")
    assert set(targets) <= set(there)

    page.emulate_media(color_scheme="dark")
    page.goto((ANALYSTS / "index.html").as_uri() + "#questions")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark == "rgb(13, 17, 23)"
    page.screenshot(path=screenshots / "analysts-dark.png")
    page.set_viewport_size({"width": 420, "height": 800})
    page.goto((ANALYSTS / "index.html").as_uri() + f"#{MART}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420, "a telephone would scroll sideways"
    page.screenshot(path=screenshots / "analysts-narrow.png")

    assert complaints == []
    page.goto((ANALYSTS / "star-schema.svg").as_uri())  # as the repository's page shows it
    for name in ("fct_readings_hourly", "dim_engagement"):
        expect(page.locator("text", has_text=name)).to_be_visible()


def test_the_documentation_of_dbt_tells_a_mart_its_columns_and_what_it_is_made_of(
    page: Page, screenshots: Path, demo: Any, tmp_path: Path
) -> None:
    manifest = json.loads(prepare_manifest().read_text())
    for name in ("manifest.json", "partial_parse.msgpack"):
        shutil.copy(TARGET / name, tmp_path)
    built = tmp_path / "warm.build.duckdb"  # dbt opens it to write
    shutil.copy(Settings(home=demo.home, _env_file=None).warm_database, built)
    run_dbt(
        ["docs", "generate", "--static", "--no-compile"],
        target=tmp_path,
        env={BUILD_VARIABLE: str(built)},
        timeout_seconds=120,
    )
    node = f"model.dbt_warm.{MART}"
    page.goto((tmp_path / "static_index.html").as_uri() + f"#!/model/{node}")
    page.get_by_role("heading", name=MART).wait_for()
    shown = page.locator(".app-body[ui-view]")
    expect(shown).to_contain_text(manifest["nodes"][node]["description"].strip())
    for column in manifest["nodes"][node]["columns"].values():
        row = shown.locator("tr", has=page.get_by_text(column["name"], exact=True)).first
        expect(row).to_contain_text({"double precision": "DOUBLE", "integer": "INTEGER"}.get(column["data_type"], ""))
    listed = shown.locator("tr td:first-child").all_text_contents()
    assert {column["name"] for column in manifest["nodes"][node]["columns"].values()} <= {
        name.strip() for name in listed
    }
    expect(shown).to_contain_text("Mean power of its radio signal at the receiver, dBm")
    page.screenshot(path=screenshots / "dbt-docs.png")
    shown.get_by_role("link", name="Depends On").first.click()
    expect(shown).to_contain_text("stg_device_health")
    page.screenshot(path=screenshots / "dbt-docs-lineage.png")
