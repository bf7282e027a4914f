import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import synthetic
from browsers import browser, missing
from PIL import Image
from report_folders import HOSTILE, NAMED, PLS, RANDOM, fill, with_title

import eomoo
from eomoo.analysis import load_run, write_report
from eomoo.fronts import knee_point
from eomoo.plots import number
from eomoo.study.store import STORE_NAME, Store

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
WIDTHS = (1400, 800, 390)
_CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const rgba = (text) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((v) => {
    v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const behind = (node) => {
  for (let n = node; n; n = n.parentElement) {
    const color = rgba(getComputedStyle(n).backgroundColor);
    if (color[3] === 255) return color;
  }
  return [255, 255, 255, 255];
};
const bad = [];
const kinds = "p, a, dt, dd, th, td, h1, h2, h3, h4, h5, button, label, text, li, summary, .soft";
for (const node of document.querySelectorAll(kinds)) {
  if (!node.textContent.trim() || !node.checkVisibility() || node.disabled) continue;
  if (node.closest(".out, .op-name") || node.classList.contains("op-name")) continue;
  const style = getComputedStyle(node);
  const back = behind(node instanceof SVGElement ? node.closest("svg").parentElement : node);
  const [a, b] = [light(rgba(node instanceof SVGElement ? style.fill : style.color)), light(back)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const name = `${node.tagName}.${node.getAttribute("class")} ${node.textContent.slice(0, 30)}`;
  if (ratio < 4.5) bad.push(`${name} ${ratio.toFixed(2)}`);
}
return bad;
"""

# What lies in part beyond its panel or the page, is cut by its box, or covers another label. A list of sections that
# is scrolled by hand is no part of that.
_CUT = Path(__file__).with_name("cut.js").read_text()


@pytest.fixture(scope="module")
def run_folder(pose, tmp_path_factory):
    folder = fill(
        tmp_path_factory.mktemp("run"), pose("err", "lat", reference_point=[24.0, 26.0]), budget=300, certain=True
    )
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def study_folder(pose, tmp_path_factory):
    problems = pose("err", "lat"), pose("acc", "lat", "size")
    folder = fill(tmp_path_factory.mktemp("study"), *problems, specs=(PLS, RANDOM), seeds=(1, 2, 3))
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def stored(run_folder):
    with Store(run_folder / STORE_NAME) as store:
        return load_run(store, store.runs()[0])


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser"), width=1600) as driver:
        yield driver


@pytest.fixture
def page(wide, run_folder):
    """The page of a run, freshly opened."""
    wide.get("about:blank")
    wide.get((run_folder / "report.html").as_uri())
    return wide


def one(driver, selector):
    return driver.find_element("css selector", selector)


def every(driver, selector):
    return driver.find_elements("css selector", selector)


def texts(driver, selector):
    return [node.get_attribute("textContent") for node in every(driver, selector)]


def settle(driver, node):
    """Bring a node into view, and wait until the page has been told that it was scrolled."""
    driver.execute_async_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'});"
        "requestAnimationFrame(() => requestAnimationFrame(() => arguments[1]()))",
        node,
    )


def hover(driver, node):
    from selenium.webdriver import ActionChains

    settle(driver, node)
    ActionChains(driver).move_to_element(node).perform()


def press(driver, node):
    hover(driver, node)
    node.click()


def complaints(driver):
    return [entry["message"] for entry in driver.get_log("browser")]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_open_without_complaint_and_nothing_is_cut(run_folder, study_folder, tmp_path, dark):
    with browser(tmp_path, width=WIDTHS[0], dark=dark) as driver:
        for folder in (run_folder, study_folder):
            driver.get((folder / "report.html").as_uri())
            assert one(driver, "html.ready")
            assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
            assert not [plot for plot in every(driver, ".canvas") if not every(plot, "svg")]
            assert unreadable(driver) == []
            for width in WIDTHS:
                size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                drawn(driver)
                too_wide = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
                assert too_wide <= 0, "the page must not scroll sideways"
                assert driver.execute_script(_CUT) == [], f"{width} pixels wide"
                assert far_from_their_keys(driver) == [], f"{width} pixels wide"
                assert broken_words(driver) == [], f"{width} pixels wide"
            assert beyond_their_panels(driver) == []
        assert complaints(driver) == []


def drawn(driver):
    """Wait until the page has drawn itself for its width."""
    frames = "requestAnimationFrame(() => " * 3
    driver.execute_async_script(f"{frames}arguments[0](){')' * 3}")


def beyond_their_panels(driver):
    """What a reader sets that lies in part outside of its panel, also where names are long."""
    return driver.execute_script(
        "const name = 'latency on a device of a very long name, from 20 timings of its own';"
        "document.querySelectorAll('.panel select').forEach((one) => one.add(new Option(name)));"
        "const right = (one) => one.getBoundingClientRect().right;"
        "return [...document.querySelectorAll('.panel select, .panel input')]"
        ".filter((one) => right(one) > right(one.closest('.panel')) - 1).map((one) => one.outerHTML.slice(0, 80))"
    )


def far_from_their_keys(driver):
    """Plots with an empty strip above their keys, beside whatever is taller, also where that grows later."""
    return driver.execute_script(
        "document.querySelectorAll('.answer').forEach((one) => one.style.height = '1600px');"
        "return [...document.querySelectorAll('.canvas + .keys')].map((keys) => keys.getBoundingClientRect().top"
        " - keys.previousElementSibling.firstChild.getBoundingClientRect().bottom).filter((strip) => strip > 8)"
    )


def broken_words(driver):
    """Options of commands that are broken at their hyphens, though they would fit a line."""
    return driver.execute_script(
        "return [...document.querySelectorAll('.command code')].flatMap((code) => {"
        "const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT), broken = [];"
        "for (let node = walker.nextNode(); node; node = walker.nextNode())"
        "for (const { 0: word, index } of node.data.matchAll(/--[a-z-]+/g)) {"
        "const range = document.createRange(); range.setStart(node, index); range.setEnd(node, index + word.length);"
        "if (range.getClientRects().length > 1) broken.push(word); }"
        "return broken; })"
    )


def unreadable(driver):
    """Texts whose contrast with what is behind them is below WCAG's 4.5 to 1."""
    return driver.execute_script(_CONTRAST)


def test_the_policy_stops_other_scripts(page):
    found = page.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.added = 1';"
        "document.body.append(s); return window.added ?? null"
    )
    assert found is None
    assert "Content Security Policy" in " ".join(complaints(page))


def test_hostile_titles_do_nothing(wide, card, tmp_path):
    text = with_title(synthetic.card_text("err", "lat"), HOSTILE, citation=HOSTILE)
    problem = eomoo.get_problem(card(text=text))
    folder = fill(tmp_path, problem, specs=(NAMED, RANDOM), seeds=(1, 2), budget=40)
    wide.get(write_report(folder).as_uri())
    assert wide.execute_script("return window.pwned ?? null") is None
    assert HOSTILE in one(wide, "header").get_attribute("textContent")
    assert HOSTILE in texts(wide, "button.key"), "labels too are shown as they are"
    assert every(wide, "img") == []
    assert complaints(wide) == []


def test_long_names_and_tiny_values_fit_and_are_shown(wide, tmp_path):
    rng, cells = np.random.default_rng(0), np.arange(0, 40_000, 1_000)
    few, near = 1e-12 * rng.uniform(1, 3, 40), 1_000 + 1e-4 * rng.uniform(1, 3, 40)
    rows = "".join(f"{row}\n" for row in map("{},{},{}".format, cells, few, near))
    (tmp_path / "few.csv").write_text(f"index,few,near\n{rows}")
    facts = {"title": "latency of a device of mine " * 9, "unit": "millijoules per classified image"}
    longest = {"title": "Wortungeheuer" * 20, "unit": "joules" * 7}
    text = 'title = "few"\nbudget = 40\n'
    for name, said in (("few", facts), ("near", longest)):
        keys = {"name": name, "source": "table:few.csv", "direction": "min", **said}
        text += "[[objectives]]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    (tmp_path / "card.toml").write_text(text)
    folder = fill(tmp_path, eomoo.get_problem(tmp_path / "card.toml"), specs=(RANDOM,), budget=40)
    wide.get(write_report(folder).as_uri())
    width = "Emulation.setDeviceMetricsOverride", {"height": 900, "deviceScaleFactor": 1, "mobile": False}
    for pixels in (390, 1600):
        wide.execute_cdp_cmd(width[0], {"width": pixels, **width[1]})
        drawn(wide)
        assert wide.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
        assert wide.execute_script(_CUT) == [], f"{pixels} pixels wide"
        for plot in every(wide, ".plot"):
            ticks = texts(plot, ".tick[text-anchor=end]")
            assert len(ticks) == len(set(ticks))
    assert f"{few.min():.4g}" in texts(wide, ".front-table td")
    assert f"at most 2e-12 {facts['unit']}:" in set_limit(wide, "few", "2e-12")
    assert one(wide, ".slider:has([data-column=few]) input[type=text]").get_attribute("value") == "2e-12"
    assert complaints(wide) == []


def test_an_axis_over_many_powers_of_ten_has_ticks_all_along(wide, tmp_path):
    values = np.geomspace(1e-7, 10, 40)
    pd.DataFrame({"index": np.arange(0, 40_000, 1_000), "a": values, "b": values[::-1]}).to_csv(tmp_path / "t.csv")
    text = 'title = "far"\nbudget = 40\n'
    for name in "ab":
        text += f'[[objectives]]\nname = "{name}"\nsource = "table:t.csv"\nunit = ""\ndirection = "min"\n'
    (tmp_path / "card.toml").write_text(text)
    folder = fill(tmp_path, eomoo.get_problem(tmp_path / "card.toml"), specs=(RANDOM,), budget=40)
    wide.get(write_report(folder).as_uri())
    assert {"1e-7", "1e-5", "0.001", "0.1", "10"} <= {*texts(wide, ".parallel .tick.halo")}


def test_hovering_shows_a_cell(page, stored):
    marks = every(page, ".main-plot .mark:not(.keys .mark)")
    assert len(marks) == len(stored.front)
    hover(page, marks[3])
    tip = one(page, ".tip.shown")
    cell, values = stored.front_cells[3], stored.front_values[3]
    assert f"cell {cell}" in tip.text
    assert f"{values[1]:.2f} ± {number(0.0, stored.deviations[3, 1]).split()[-1]} ms" in tip.text
    boxes = texts(tip, ".op-name")
    assert len(boxes) == eomoo.load_space().cell(int(cell)).n_vertices
    assert boxes[0] == "input"
    hover(page, one(page, "h1"))
    assert every(page, ".tip.shown") == []


def test_each_choice_leads_to_its_cell(page, stored):
    links = every(page, "table[data-key=choices] td:first-child a")
    assert {int(link.text) for link in links} <= set(stored.front_cells.tolist())
    cell = links[-1].text
    links[-1].click()
    assert page.current_url.endswith(f"#cell-{cell}")
    assert f"Cell {cell}" in one(page, f"#cell-{cell}").text


def test_clicking_opens_the_cells_section(page, stored):
    mark = every(page, ".main-plot .mark:not(.keys .mark)")[5]
    hover(page, mark)
    mark.click()
    cell = int(stored.front_cells[5])
    assert page.current_url.endswith(f"#cell-{cell}")
    section = one(page, f"#cell-{cell}")
    assert f"Cell {cell}" in section.text
    commands = texts(section, ".command code")
    assert f"eomoo latency {cell}" in commands
    assert f"eomoo show {cell}" in commands
    found = eomoo.load_space().cell(cell)
    assert len(every(section, ".operations tbody tr")) == found.n_vertices
    assert len(every(section, ".drawing .edge")) == found.n_edges
    near = set(eomoo.load_space().neighbors(cell).tolist()) & set(stored.front_cells.tolist())
    assert set(texts(section, ".neighbors a")) == {f"cell {other}" for other in near}
    every(section, ".walk button")[1].click()
    assert one(page, ".detail h4").text == f"Cell {stored.front_cells[6]}"


def test_an_address_opens_its_cell(wide, run_folder, stored):
    cell = int(stored.front_cells[-1])
    wide.get("about:blank")
    wide.get((run_folder / "report.html").as_uri() + f"#cell-{cell}")
    assert one(wide, ".detail h4").text == f"Cell {cell}"


def test_the_knee_is_the_same_here_and_there(page, stored):
    from selenium.webdriver.support.ui import Select

    knee = stored.front_cells[knee_point(stored.front_values)]
    Select(one(page, ".prefer select")).select_by_value("knee")
    assert one(page, ".answer .cell-name").text == f"cell {knee}"
    for limit in np.quantile(stored.front_values[:, 1], (0.4, 0.8)).round(3):
        left = stored.front_values[:, 1] <= limit
        among = stored.front_cells[left][knee_point(stored.front_values[left])]
        set_limit(page, "lat", f"{limit}")
        assert one(page, ".answer .cell-name").text == f"cell {among}"
    assert one(page, ".detail h4").text == f"Cell {knee}"


def test_a_number_limits_the_choice(page, stored):
    limit = float(np.round(np.median(stored.front_values[:, 1]), 3))
    box = every(page, ".slider input[type=text]")[1]
    box.send_keys(str(limit), "\t")
    left = stored.front_values[:, 1] <= limit
    best = stored.front_cells[left][np.argmin(stored.front_values[left, 0])]
    assert one(page, ".answer .cell-name").text == f"cell {best}"
    within = stored.trace.values[:, 1] <= limit
    words = f"latency at most {limit:g} ms: {within.sum()} of 300 cells evaluated are left, {left.sum()} of them"
    assert words in one(page, ".answer").text
    assert len(every(page, ".main-plot .mark.out")) == (~left).sum()
    assert len(every(page, ".parallel .line.out")) == (~left).sum()


def test_a_choice_says_how_probably_it_keeps_a_limit_and_for_what_it_stands(page, stored):
    said = stored.run.uncertainty
    limit = float(np.round(np.median(stored.front_values[:, 1]), 3))
    every(page, ".slider input[type=text]")[1].send_keys(str(limit), "\t")
    cell = int(one(page, ".answer .cell-name").text.removeprefix("cell "))
    group = next(g for g in said.groups if cell in g.cells)
    alone, first = len(group.cells) == 1, group.representative == cell
    stands = f"stands for {len(group.cells)} cells" if first else f"cannot be told from cell {group.representative}"
    assert ("told apart from all others on the front" if alone else stands) in one(page, ".answer").text


def set_limit(page, column, text):
    """What the answer says once a limit was typed."""
    box = one(page, f".slider:has([data-column={column}]) input[type=text]")
    box.clear()
    box.send_keys(text, "\t")
    return one(page, ".answer").text


@pytest.mark.parametrize(
    ("text", "value"),
    [("3M", "3,000,000"), ("3e6", "3,000,000"), ("3 000 000", "3,000,000"), ("3,000,000", "3,000,000"),
     ("2500.5k", "2,500,500"), ("2 m", "2,000,000"), ("2000000,5", "2,000,000.5")],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(page, text, value):
    assert f"parameters at most {value}:" in set_limit(page, "params", text)


def test_what_is_no_number_sets_no_limit_and_says_so(page):
    assert set_limit(page, "params", "3Mx").startswith("Without limits")
    box = one(page, "[aria-invalid=true]")
    assert "3M" in box.get_attribute("title")
    assert box.get_attribute("value") == "3Mx", "what was typed stays"


def test_a_choice_looks_at_all_cells_that_were_evaluated(page, stored):
    trace, space = stored.trace, eomoo.load_space()
    params = space.params(trace.cells)
    # A limit that only cells beside the front keep.
    limit = int(space.params(stored.front_cells).min()) - 1
    left = np.flatnonzero(params <= limit)
    assert len(left)
    best = left[np.argmin(trace.values[left, 0])]
    answer = set_limit(page, "params", str(limit))
    assert f"{len(left)} of 300 cells evaluated are left, 0 of them on the front" in answer
    assert f"cell {trace.cells[best]}" in answer
    assert "evaluated, not on the front" in answer
    spread = stored.run.evaluated["deviations"][best][1]
    assert f"{trace.values[best, 1]:.2f} ± {number(0.0, spread).split()[-1]} ms" in answer
    press(page, one(page, ".answer .cell-name"))
    assert one(page, ".detail h4").text == f"Cell {trace.cells[best]}"


def test_a_better_cell_outside_of_what_was_evaluated_is_named(page, stored):
    cells, values = stored.true_front
    for limit in np.quantile(stored.trace.values[:, 1], (0.05, 0.3, 0.6)).round(3):
        known = stored.trace.values[stored.trace.values[:, 1] <= limit, 0].min()
        inside = np.flatnonzero(values[:, 1] <= limit)
        best = inside[np.argmin(values[inside, 0])]
        better = f"there is a better one on the measured front of all cells with a known value: cell {cells[best]}"
        words = "Of all cells with a known value none is better" if values[best, 0] >= known else better
        assert words in set_limit(page, "lat", f"{limit}")


def test_odds_are_those_of_the_joint_draws(page, stored, pose):
    """As ``front_uncertainty`` has them, up to a few draws that the rounding to bytes carries over a limit."""
    problem, cells = pose("err", "lat", reference_point=[24.0, 26.0]), stored.trace.cells
    asked = eomoo.front_uncertainty(problem, cells, among=cells)
    assert re.fullmatch(r"It is the best answer .* with probability [01]\.\d+, in 200 joint draws\.", odds(page))
    for limit in np.quantile(stored.front_values[:, 1], (0.3, 0.6, 0.9)).round(3):
        set_limit(page, "lat", f"{limit}")
        k = cells.tolist().index(int(one(page, ".answer .cell-name").text.removeprefix("cell ")))
        holds, _ = asked.under({"lat": limit}, "err")
        keeps = asked.drawn[:, :, 1] <= limit
        least = np.where(keeps, asked.drawn[:, :, 0], np.inf).min(axis=1)
        best = (keeps[:, k] & (asked.drawn[:, k, 0] <= least)).mean()
        said = [float(p) for p in re.findall(r"probability ([01]\.\d+)", odds(page))]
        assert said == pytest.approx([holds[k], best], abs=0.016), "three draws of 200"
        assert 0.3 < holds[k] < 1
        assert 0 < best < holds[k]


def odds(page):
    return one(page, ".holds").text


def test_answers_that_cannot_be_told_apart_are_one(page, stored, pose):
    problem, trace = pose("err", "lat", reference_point=[24.0, 26.0]), stored.trace
    drawn = problem.joint_draws(trace.cells, 200, seed=0)[:, :, 0]
    for limit in np.quantile(trace.values[:, 1], np.linspace(0.2, 0.9, 15)).round(3):
        left = np.flatnonzero(trace.values[:, 1] <= limit)
        best = left[np.argmin(trace.values[left, 0])]
        better = (drawn[:, left] < drawn[:, [best]]).mean(axis=0)
        same = left[(better > 0.05) & (better < 0.95) | (left == best)]
        quickest = same[np.argmin(trace.values[same, 1])]
        if 1 < len(same) < len(left) and quickest != best and (abs(better - 0.05) > 0.011).all():
            break
    else:
        pytest.fail("no limit leaves another choice")
    answer = set_limit(page, "lat", f"{limit}")
    assert f"{len(same) - 1} other" in answer
    assert "within these limits cannot be told from it in error" in answer
    assert f"of them all cell {trace.cells[quickest]} has the lowest latency" in answer


def test_where_the_true_front_lies_is_drawn_and_can_be_hidden(page, stored):
    said = stored.run.uncertainty
    assert len(every(page, ".main-plot svg .sure")) > len(every(page, ".keys .sure")) == 3
    assert len(every(page, ".main-plot .plot .mark.member")) == len(said.cells) - len(said.groups)
    (box,) = [b for b in every(page, ".main-plot .check") if b.text.strip() == "where the true front lies"]
    box.click()
    assert len(every(page, ".main-plot svg .sure")) == 3


def test_a_slider_moves_by_key_and_nothing_may_be_left(page):
    from selenium.webdriver import Keys

    slider = one(page, ".slider input[data-column=lat]")
    slider.send_keys(Keys.HOME)
    assert "No evaluated cell meets these limits" in one(page, ".answer").text
    slider.send_keys(Keys.END)
    assert one(page, ".answer").text.startswith("Without limits")
    assert every(page, ".main-plot .mark.out") == []


def test_the_choice_of_a_run_with_limits_is_said_to_keep_them(wide, pose, tmp_path):
    folder = fill(tmp_path, pose("err", "lat", constraints=["lat<=24"]), budget=60)
    write_report(folder)
    wide.get((folder / "report.html").as_uri())
    assert one(wide, ".answer").text.startswith("Within the run's own limits, take")


def test_a_standard_deviation_to_spare(page, stored):
    limit = float(np.round(np.median(stored.front_values[:, 1]), 3))
    every(page, ".slider input[type=text]")[1].send_keys(str(limit), "\t")
    one(page, ".choice .check input").click()
    left = stored.front_values[:, 1] + stored.deviations[:, 1] <= limit
    assert f"{left.sum()} of them on the front" in one(page, ".answer").text


def test_brushing_sets_a_limit_and_a_click_clears_it(page):
    from selenium.webdriver import ActionChains

    grip = every(page, ".parallel .grip")[1]
    settle(page, grip)
    ActionChains(page).move_to_element_with_offset(grip, 0, -60).click_and_hold().move_by_offset(
        0, 90
    ).release().perform()
    out = len(every(page, ".parallel .line.out"))
    assert 0 < out < len(every(page, ".parallel .line"))
    assert "latency from" in one(page, ".answer").text
    assert "▼ better" in texts(page, ".parallel .good") != ["▲ better"]
    ActionChains(page).move_to_element(grip).click().perform()
    assert every(page, ".parallel .line.out") == []


def test_arrow_keys_walk_along_the_front(page, stored):
    from selenium.webdriver import Keys

    plot = one(page, ".main-plot svg.scatter")
    plot.send_keys(Keys.HOME)
    assert f"cell {stored.front_cells[0]}:" in one(page, "[role=status]").get_attribute("textContent")
    plot.send_keys(Keys.ARROW_RIGHT)
    plot.send_keys(Keys.ENTER)
    assert one(page, ".detail h4").text == f"Cell {stored.front_cells[1]}"


def test_words_are_explained_on_hover_on_focus_and_in_the_glossary(page):
    words = every(page, ".word")
    (params,) = [word for word in words if word.tag_name != "button" and word.text == "parameters at most"]
    about = "128 channels, 3 stacks of 3, images of 32x32 pixels with 10 bands, 17 classes"
    for show in (lambda: hover(page, params), lambda: page.execute_script("arguments[0].focus()", params)):
        show()
        assert about in one(page, ".tip.shown").text
        page.execute_script("document.activeElement.blur()")
        hover(page, one(page, "h1"))
        assert every(page, ".tip.shown") == []
    (entry,) = [node for node in every(page, "#glossary dd") if about in node.text]
    assert params.get_attribute("aria-describedby") == entry.get_attribute("id")
    assert "error 24, latency 26; the card's" in one(page, "#glossary").text
    assert {"P(front)", "knee", "latency at most"} & {word.text for word in words}


def test_every_control_has_a_name(page):
    nameless = page.execute_script(
        """const all = document.querySelectorAll("button, select, input, a, svg[role], [tabindex='0']");
        const named = (n) => n.getAttribute("aria-label") || n.textContent.trim()
          || n.closest("label")?.textContent.trim();
        return [...all].filter((n) => !named(n)).map((n) => n.outerHTML.slice(0, 120));"""
    )
    assert nameless == []
    ids = page.execute_script("return [...document.querySelectorAll('[id]')].map((n) => n.id)")
    assert len(ids) == len(set(ids))


def test_other_axes(page):
    from selenium.webdriver.support.ui import Select

    before = [mark.get_attribute("cx") for mark in every(page, ".main-plot .mark")]
    Select(one(page, "select[aria-label='x axis']")).select_by_visible_text("parameters")
    after = [mark.get_attribute("cx") for mark in every(page, ".main-plot .mark")]
    assert before != after
    assert "parameters" in " ".join(texts(page, ".main-plot .label"))


def test_tables_sort_both_ways(page, stored):
    head = every(page, ".front-table .sort")[0]
    for order in (sorted, lambda cells: sorted(cells, reverse=True)):
        head.click()
        shown = [int(text) for text in texts(page, ".front-table tbody tr td:first-child")]
        assert shown == order(stored.front_cells.tolist())


def test_csv_is_saved(page, stored, tmp_path):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    for k, button in enumerate(every(page, "button[aria-label^='Save as CSV']")):
        page.execute_script("arguments[0].click()", button)
        wait_for(lambda k=k: len(list(tmp_path.glob("*.csv"))) == k + 1)
    (front,) = tmp_path.glob("front-*.csv")
    with front.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["cell"]) for row in rows] == stored.front_cells.tolist()
    assert [float(row["lat"]) for row in rows] == pytest.approx(stored.front_values[:, 1], rel=1e-6)
    assert [float(row["lat_std"]) for row in rows] == pytest.approx(stored.deviations[:, 1], rel=1e-3)
    with (tmp_path / "anytime-run.csv").open(newline="") as file:
        curve = list(csv.reader(file))
    assert curve[0] == ["series", "distinct cells evaluated", "share of hypervolume"]
    assert int(curve[-1][1]) == 300


def test_every_figure_is_saved_as_svg_and_png(page, tmp_path):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    buttons = every(page, "button[aria-label^='Save as SVG'], button[aria-label^='Save as PNG']")
    assert len(buttons) == 2 * len(every(page, ".canvas svg.plot, .drawing svg.cell"))
    for k, button in enumerate(buttons):
        page.execute_script("arguments[0].click()", button)
        wait_for(lambda k=k: len([*tmp_path.glob("*.svg"), *tmp_path.glob("*.png")]) == k + 1)
    (front,) = tmp_path.glob("front-*.svg")
    root = ElementTree.parse(front).getroot()
    words = " ".join(node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "latency (ms)" in words
    assert "its knee" in words, "the legend goes with it"
    fills = {node.get("fill") for node in root.iter("{http://www.w3.org/2000/svg}circle")}
    assert "rgb(200, 82, 0)" in fills, "looks are in the file, not in a style sheet"
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(1 << 24)) > 10, path.name


def test_bars_of_uncertainty_are_drawn_whole(page):
    (box,) = [b for b in every(page, ".main-plot .check") if b.text.strip() == "uncertainty"]
    if not every(page, ".main-plot .bars"):
        box.click()
    beyond = page.execute_script(
        "const bars = document.querySelector('.main-plot .bars').getBBox();"
        "const frame = document.querySelector('.main-plot clipPath rect').getBBox();"
        "return [frame.x - bars.x, frame.y - bars.y, bars.x + bars.width - frame.x - frame.width,"
        " bars.y + bars.height - frame.y - frame.height]"
    )
    assert max(beyond) <= 0


def test_columns_that_do_not_fit_are_shown_on_request(wide, study_folder):
    wide.get((study_folder / "report.html").as_uri())
    drawn(wide)
    table = one(wide, "#compared-1 table")
    shown = "return [...arguments[0].rows].map((row) => [...row.cells].filter((c) => c.checkVisibility()).length)"
    few, count = wide.execute_script(shown, table), len(every(table, "thead th"))
    assert 2 < few[0] < count
    assert set(few) == {few[0]}, "heads and values hide together"
    more = one(wide, "#compared-1 button.columns")
    assert more.text == f"{count - few[0]} more columns"
    fits = """const right = (box) => box.getBoundingClientRect().right;
    return right(arguments[0]) <= right(arguments[0].closest("figure"))"""
    try:
        wide.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert wide.execute_script(fits, table), "and on paper, where nothing moves"
        assert more.is_displayed(), "paper says that there are more"
    finally:
        wide.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    press(wide, more)
    assert wide.execute_script(shown, table)[0] == count


def wait_for(condition, seconds=10.0):
    import time

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_the_theme_can_be_switched(page):
    color = "return getComputedStyle(document.body).backgroundColor"
    before = page.execute_script(color)
    one(page, "#theme").click()
    assert page.execute_script(color) != before
    assert unreadable(page) == []
    one(page, "#theme").click()
    assert page.execute_script(color) == before


def test_paper_is_white_and_holds_whole_tables_and_what_their_keys_name(page):
    seen = """
    const shown = (name) => document.querySelector(name).checkVisibility();
    const bar = (box) => getComputedStyle(box).overflowX !== "visible";
    const open = ![...document.querySelectorAll(".scroll")].some(bar);
    return [".ring.choice", ".line.choice", ".answer", "nav"].map(shown).concat(open)"""
    try:
        page.execute_script("document.documentElement.dataset.theme = 'dark'")
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert page.execute_script(seen) == [True, True, True, False, True]
        folded = """
        const [table, box] = [document.querySelector("table[data-key=choices]"), document.createElement("details")];
        table.before(box);
        box.append(table);
        return table.checkVisibility()"""
        assert page.execute_script(folded), "also what is folded up"
        assert unreadable(page) == [], "on white"
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_curves_tell_values_and_hide(wide, study_folder):
    wide.get((study_folder / "report.html").as_uri())
    figure = one(wide, "#compared-1 figure")
    hover(wide, one(figure, "svg.plot"))
    assert "pls 0." in one(figure, ".readout").text
    assert "random 0." in one(figure, ".readout").text
    n = len(every(figure, ".canvas .curve"))
    one(figure, "button.key").click()
    assert len(every(figure, ".canvas .curve")) == n - 1
    assert one(figure, "button.key").get_attribute("aria-pressed") == "false"


ASSETS = Path(eomoo.__file__).parent / "analysis" / "printing" / "assets"


def test_what_pages_compute_is_as_by_hand(wide):
    """Bars, limits from below, empty places of tables and curves, quartiles in what is saved, logarithmic axes."""
    wide.get("about:blank")
    code = "".join(
        (ASSETS / f"{name}.js").read_text() for name in ("dom", "axes", "front", "scatter", "tables", "curves")
    )

    def found(expression):
        return wide.execute_script(f"{code}; return {expression}")

    limits = "[[4, null], [4.5, null], [null, 6], [null, 5.5]]"
    assert found(f"{limits}.map((limit) => keeps(5, limit, 1))") == [True, False, True, False]
    bars = "{values: [5], sd: [2], possible: [4, null]}"
    assert found(f"[barEnd({bars}, 0, -1), barEnd({bars}, 0, 1)]") == [4, 7]
    cell = "(value) => ({dataset: value === null ? {} : {value}, textContent: '-'})"
    assert found(f"[3, null, 1].map({cell}).sort(compare).map(numberOf)") == [1, 3, None]
    head, row = "<th>algorithm</th><th>IGD+</th>", "<td>pls</td><td data-value=2 data-low=1 data-high=4>2</td>"
    table = f"<table><thead><tr>{head}</tr></thead><tbody><tr>{row}</tr></tbody></table>"
    wide.execute_script("document.body.innerHTML = arguments[0]", table)
    assert found("tableRows(document.querySelector('table'))") == [
        ["algorithm", "IGD+", "IGD+, first quartile", "IGD+, third quartile"], ["pls", 2, 1, 4],
    ]  # fmt: skip
    line = "{name: 'pls', x: [1, 2, 3], y: [5, null, 6], low: [4, 4, 4], high: [7, 7, 7]}"
    assert found(f"curveRows({{series: [{line}], x_label: 'x', y_label: 'y'}})")[:2] == [
        ["series", "x", "y", "low", "high"], ["pls", 1, 5, 4, 7],
    ]  # fmt: skip
    assert found("linePath([1, 2, 3], [5, null, 6], (v) => v, (v) => v)") == "M1.0,5.0M3.0,6.0"
    ends = found("[1, 100].map(columnScale({front: [1, 100]}, [[1, 100]], [0, 200], 0.06))")
    assert 0 < ends[0] < 30 < 170 < ends[1] < 200


def test_a_study_page_has_all_parts(wide, study_folder):
    wide.get((study_folder / "report.html").as_uri())
    assert len(every(wide, "#front-2 .matrix .plot")) == 3, "three pairs of three objectives"
    place = one(wide, "#attainment-1 .differences").get_attribute("data-block")
    data = wide.execute_script("return JSON.parse(document.getElementById('data').textContent)[arguments[0]]", place)
    for group, sign in zip(data["groups"], (1, -1), strict=True):
        ahead = [box for box in data["boxes"] if sign * box[4] >= 0.1]
        shown = every(wide, f"#attainment-1 rect.shade.g{group % 12}")
        assert len(shown) == len(ahead) > 0, "in the colours of pls and random"
    assert every(wide, "#tests-1 table tbody tr")
    assert every(wide, "#ranks td.best")
    one(wide, "#front-2 .front-table tbody a").click()
    assert "-2" in wide.current_url.rsplit("#", 1)[1], "cells of the second problem have addresses of their own"
    assert every(wide, "#front-2 .detail h4")
    press(wide, one(wide, "#front-2 .matrix figure:last-child button"))
    assert "size" in " ".join(texts(wide, "#front-2 .main-plot .label"))


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("err",), {}),
        (("holes", "lat"), {}),
        (("acc", "lat"), {"source": "part"}),
        (("depth", "pools"), {}),
        (("err", "lat", "size", "depth"), {}),
    ],
    ids=["one objective", "failed evaluations", "a table", "whole numbers", "four objectives"],
)
def test_other_problems_are_drawn_too(wide, pose, tmp_path, names, options):
    folder = fill(tmp_path, pose(*names, **options), budget=80)
    wide.get(write_report(folder).as_uri())
    assert one(wide, "html.ready")
    assert every(wide, ".main-plot .mark:not(.keys .mark)")
    assert "NaN" not in one(wide, "body").get_attribute("innerHTML")
    assert complaints(wide) == []
