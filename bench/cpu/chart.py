"""Draws the chart: for each network and entry a panel with the rates of all contestants, and the machine's peak above them."""
from html import escape

WIDTH, HEIGHT = 440, 170  # size of a panel with its margins
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 30, 34
COLOURS = ("#0b6e99", "#e08a3c", "#9a9a9a", "#6a8f4e")
STYLE = "text { font: 11px sans-serif; fill: #333 } .title { font-weight: bold } .axis { stroke: #999 } .grid { stroke: #e4e4e4 } .peak { stroke: #b03030; stroke-dasharray: 4 3 }"


def text(x, y, words, anchor="middle", kind=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>\n'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>\n'


def bar(x, y, width, height, colour, words):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"><title>{escape(words)}</title></rect>\n'


def step_below(limit):
    """Returns the distance of grid lines: 1, 2 or 5 times a power of ten, so that there are at most six."""
    step = 1
    for factor in (2, 2.5, 2) * 8:
        if limit / step <= 6:
            break
        step *= factor
    return step


def group(row, contestants, left, width, height_of, base):
    """Draws a configuration's bars, with its name below them."""
    drawn, bars = "", width * 0.8 / len(contestants)
    for index, name in enumerate(contestants):
        if name in row.results:
            rate = row.gflops(name)
            drawn += bar(left + width * 0.1 + index * bars, base - height_of(rate), bars, height_of(rate), COLOURS[index % len(COLOURS)], f"{name}: {rate:.0f} GFLOP/s")
    return drawn + text(left + width / 2, base + 13, f"batch {row.batch}") + text(left + width / 2, base + 26, f"{row.frames} frames")


def panel(rows, contestants, title, left, top, limit):
    base, inner = top + HEIGHT - BOTTOM, WIDTH - LEFT - RIGHT
    height_of = lambda rate: rate / limit * (HEIGHT - TOP - BOTTOM)
    drawn = text(left + LEFT, top + 16, title, "start", "title")
    step = step_below(limit)
    for mark in range(0, int(limit / step) + 1):
        y = base - height_of(mark * step)
        drawn += line(left + LEFT, y, left + WIDTH - RIGHT, y, "grid") + text(left + LEFT - 5, y + 4, f"{mark * step:g}", "end")
    for index, row in enumerate(rows):
        drawn += group(row, contestants, left + LEFT + index * inner / len(rows), inner / len(rows), height_of, base)
    peak = rows[0].peak / 1e9
    return drawn + line(left + LEFT, base, left + WIDTH - RIGHT, base, "axis") + line(left + LEFT, base - height_of(peak), left + WIDTH - RIGHT, base - height_of(peak), "peak")


def legend(contestants, top):
    drawn, left = "", LEFT
    for index, name in enumerate(contestants):
        drawn += bar(left, top - 9, 10, 10, COLOURS[index % len(COLOURS)], name) + text(left + 15, top, name, "start")
        left += 40 + 7 * len(name)
    return drawn + line(left, top - 4, left + 20, top - 4, "peak") + text(left + 25, top, "the machine's peak; GFLOP/s, more is better", "start")


def draw(rows, contestants, titles, entries):
    """Draws `rows`, the report.Row of all configurations. `titles` and `entries` are the names of networks and entries, in their order."""
    limit = 1.08 * max([rows[0].peak / 1e9] + [row.gflops(name) for row in rows for name in row.results])
    drawn, top = "", 30
    for network, title in titles.items():
        panels = [(entry, [row for row in rows if row.network == network and row.entry == entry]) for entry in entries]
        if not any(chosen for _, chosen in panels):
            continue
        for column, (entry, chosen) in enumerate(panels):
            if chosen:
                drawn += panel(chosen, contestants, f"{title}, {entries[entry]}", column * WIDTH, top, limit)
        top += HEIGHT
    size = f'width="{2 * WIDTH}" height="{top + 8}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{STYLE}</style>\n<rect {size} fill="white"/>\n{legend(contestants, 18)}{drawn}</svg>\n'
