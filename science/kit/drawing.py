"""Draws figures as SVG."""
import math
from html import escape

COLOURS = ["#2166ac", "#b2182b", "#1b7837", "#762a83", "#e08214", "#35978f", "#999999", "#8c510a"]
LEFT, TOP, BOTTOM = 60, 16, 46


class Figure:
    def __init__(self, width, height, top_value, label):
        self.width, self.height, self.top_value = width, height, top_value
        self.parts = []
        for i in range(6):
            value = top_value * i / 5
            y = self.y(value)
            self.line(LEFT, y, width - 10, y, "#ddd")
            self.text(LEFT - 6, y + 4, f"{value:g}", "end")
        self.text(14, (TOP + height - BOTTOM) / 2, label, "middle", turn=True)

    def y(self, value):
        return TOP + (self.height - TOP - BOTTOM) * (1 - value / self.top_value)

    def line(self, x1, y1, x2, y2, colour="#333", width=1, dash=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"'
                          + (f' stroke-dasharray="{dash}"' if dash else "") + "/>")

    def text(self, x, y, text, anchor="middle", turn=False, colour="#333"):
        turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{turned}>{escape(text)}</text>')

    def bar(self, x, width, value, half, colour, title):
        y = self.y(value)
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{self.y(0) - y:.1f}" fill="{colour}">'
                          f"<title>{escape(title)}</title></rect>")
        self.whisker(x + width / 2, value, half)

    def whisker(self, x, value, half):
        if half is None:
            return
        low, high = self.y(max(0, value - half)), self.y(min(self.top_value, value + half))
        self.line(x, low, x, high)
        self.line(x - 4, low, x + 4, low)
        self.line(x - 4, high, x + 4, high)

    def dot(self, x, value, colour, title):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{self.y(value):.1f}" r="4" fill="{colour}"><title>{escape(title)}</title></circle>')

    def path(self, points, colour, dash=""):
        text = " ".join(f"{x:.1f},{self.y(value):.1f}" for x, value in points)
        self.parts.append(f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="2"'
                          + (f' stroke-dasharray="{dash}"' if dash else "") + "/>")

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" '
                'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>' + "".join(self.parts) + "</svg>\n")


def bars(rows, chance):
    """rows: (name, mean, half of the interval or None, the values) in percent."""
    step = 88
    figure = Figure(LEFT + 20 + step * len(rows), 300, 100, "videos right, %")
    for i, (name, mean, half, values) in enumerate(rows):
        x = LEFT + 14 + i * step
        figure.bar(x, step - 28, mean, half, COLOURS[i % len(COLOURS)], f"{name}: {mean:.1f}%")
        for value in values:
            figure.dot(x + step - 18, value, "#555", f"{name}: {value:.1f}%")
        figure.text(x + step / 2 - 14, 300 - BOTTOM + 16, name)
        figure.text(x + step / 2 - 14, 300 - BOTTOM + 32, f"{mean:.1f}")
    figure.line(LEFT, figure.y(chance), figure.width - 10, figure.y(chance), "#b2182b", 1, "5 4")
    return figure.svg()


def errors(curves):
    """curves: (name, [(epoch, error in training, error in the test) in percent])."""
    width = 620
    figure = Figure(width + 150, 320, 100, "error, %")
    last = max((points[-1][0] for _, points in curves if points), default=1)
    for i, (name, points) in enumerate(curves):
        colour, across = COLOURS[i % len(COLOURS)], lambda epoch: LEFT + (width - LEFT) * epoch / last
        figure.path([(across(epoch), train) for epoch, train, _ in points], colour, "4 4")
        figure.path([(across(epoch), test) for epoch, _, test in points], colour)
        figure.text(width + 12, TOP + 20 + 18 * i, name, "start", colour=colour)
    figure.text(width / 2, 312, f"epochs (to {last:g}); dashed: in training")
    return figure.svg()


def cost(rows):
    """rows: (name, group, multiply-adds, mean, half); those of a group are joined. Costs are drawn by their logarithm."""
    width, height = 620, 320
    figure = Figure(width + 150, height, 100, "videos right, %")
    low = math.log10(min(row[2] for row in rows)) - 0.1
    high = math.log10(max(row[2] for row in rows)) + 0.1
    groups = list(dict.fromkeys(row[1] for row in rows))
    across = lambda macs: LEFT + (width - LEFT) * (math.log10(macs) - low) / (high - low)
    for i, group in enumerate(groups):
        colour, own = COLOURS[i % len(COLOURS)], sorted((row for row in rows if row[1] == group), key=lambda row: row[2])
        figure.path([(across(row[2]), row[3]) for row in own], colour)
        for name, _, macs, mean, half in own:
            figure.whisker(across(macs), mean, half)
            figure.dot(across(macs), mean, colour, f"{name}: {macs / 1e6:.1f} million, {mean:.1f}%")
        figure.text(width + 12, TOP + 20 + 18 * i, group, "start", colour=colour)
    for power in (0.5, 1, 2, 5, 10, 20, 50, 100, 200):
        if low < math.log10(power * 1e6) < high:
            figure.text(across(power * 1e6), height - BOTTOM + 16, f"{power:g}")
    figure.text(width / 2, height - 8, "million multiply-adds a clip")
    return figure.svg()
