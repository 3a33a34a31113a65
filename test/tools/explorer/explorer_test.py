"""Goes through the pages of `kinema explore` in Debian's Chromium: opens every view, clicks what can be clicked there,
and looks at what comes of it. Skipped with status 77 where there is no Chromium.

usage: explorer_test.py KINEMA MODELS core|others [FOLDER]   the pictures of all views stay in FOLDER
"""
import json
import os
import subprocess
import sys
import tempfile

import browser

SMALL = """network small classes=3 {
  input rgb 3x4x16x16
  stem: conv3d ch=4
  stage conv(2+1)d ch=8 x2 stride=2
  pool avg global -> fc classes
}
"""
VIEWS = ["launches", "memory", "roofline", "phases"]


def check(condition, what):
    if not condition:
        raise SystemExit(f"explorer_test: {what}")


def explore(kinema, folder, name, *arguments):
    page = os.path.join(folder, f"{name}.html")
    subprocess.run([kinema, "explore", *arguments, "-o", page], check=True, stdout=subprocess.DEVNULL)
    return page


class Walk:
    """A page in a browser, with pictures of what is seen."""

    def __init__(self, page, opened, folder):
        self.page, self.browser, self.folder = page, opened, folder
        self.name = os.path.basename(page).removesuffix(".html")
        opened.complaints, opened.requests = [], []

    def picture(self, what):
        self.browser.picture(os.path.join(self.folder, f"{self.name}-{what}.png"))

    def get(self, expression):
        return self.browser.get(expression)

    def open(self, fields="view=launches"):
        self.browser.open(f"file://{self.page}#{fields}")
        wanted = json.dumps(dict(field.split("=") for field in fields.split("&")))
        self.browser.until(f"""Object.entries({wanted}).every(([key, value]) => value === {{view: state.view,
          entry: state.entry.name, launch: String(state.launch), theme: document.documentElement.dataset.theme}}[key])""")

    def show(self, view):
        self.browser.click(f"#tab-{view}")
        shown = self.get("[...document.querySelectorAll('main > section')].filter((s) => !s.hidden).map((s) => s.id)")
        check(shown == [view], f"after a click on the tab of {view}, {shown} is seen")
        if view == "phases":
            self.browser.until("document.querySelectorAll('#column-clip .row').length > 0")

    def launch(self):
        """Returns the launch that is selected, as the details and the address say."""
        told = self.get("document.querySelector('#details td:last-child')?.textContent.split(' ')[0] ?? null")
        address = self.get("new URLSearchParams(location.hash.slice(1)).get('launch')") or None
        check(told == address, f"the details tell of launch {told}, the address of {address}")
        return None if told is None else int(told)

    def finish(self):
        check(not self.browser.complaints, f"{self.name}: the console says {self.browser.complaints}")
        outside = [url for url in self.browser.requests if not url.startswith((f"file://{self.page}", "data:", "blob:"))]
        check(not outside, f"{self.name} asks for {outside}")


def walk_launches(walk):
    walk.show("launches")
    entry = "networks[0].entryNamed('train_step')"
    count = walk.get(f"{entry}.launches.length")
    check(walk.get("document.querySelectorAll('#strips rect.launch').length") == count, "the strips lack launches")
    widest = walk.get("""[...document.querySelectorAll('#strips rect.launch')]
      .reduce((a, b) => (a.width.baseVal.value >= b.width.baseVal.value ? a : b)).dataset.launch""")
    walk.browser.click(f'#strips rect[data-launch="{widest}"]')
    check(walk.launch() == int(widest), "a click on a launch does not select it")
    near = walk.get(f"(() => {{ const n = neighboursOf({entry}, {widest}); return n.makers.length + n.readers.length; }})()")
    check(0 < walk.get("document.querySelectorAll('#strips .arcs path').length") <= near, "no arcs to the launch's neighbours")
    walk.picture("launches")
    walk.browser.click("#details ul:not(#fusion) .link")
    check(walk.launch() != int(widest), "a link of the details leads nowhere")
    walk.get("select({ launch: 5 })")
    walk.browser.click("#launch-table .row.chosen + .row")
    check(walk.launch() == 6, "a click on a row of the table does not select its launch")
    before = walk.launch()
    walk.browser.key("ArrowDown")
    check(walk.launch() != before, "the table does not know the arrows")
    walk.browser.click("#launch-table .head button:nth-child(5)")
    first, longest = walk.get("""[document.querySelector('#launch-table .row').children[4].textContent,
      timeText(Math.max(...state.entry.launches.map((launch) => launch.predicted_us)))]""")
    check(first == longest, f"sorted by time, the first launch takes {first} and the longest {longest}")
    for scale in walk.get("[...document.getElementById('colour').options].map((option) => option.value)"):
        walk.get(f"(() => {{ const c = document.getElementById('colour'); c.value = '{scale}'; "
                 "c.dispatchEvent(new Event('change')); })()")
        check(walk.get("document.querySelectorAll('#legend li').length") > 0, f"the colours of {scale} have no legend")
    walk.get("(() => { const f = document.getElementById('find'); f.value = 'stem'; f.dispatchEvent(new Event('input')); })()")
    dim = walk.get("document.querySelectorAll('#strips rect.dim').length")
    check(0 < dim < count, f"of {count} launches {dim} are not looked for")
    walk.get("(() => { const f = document.getElementById('find'); f.value = ''; f.dispatchEvent(new Event('input')); })()")


def walk_memory(walk):
    walk.show("memory")
    entry = "networks[0].entryNamed('train_step')"
    check(walk.get("document.querySelectorAll('#memory-map rect.launch').length") == walk.get(f"{entry}.lives.length"),
          "the map lacks tensors")
    tall = walk.get("""[...document.querySelectorAll('#memory-map rect.launch')]
      .reduce((a, b) => (a.height.baseVal.value >= b.height.baseVal.value ? a : b)).dataset.life""")
    walk.browser.click(f'#memory-map rect[data-life="{tall}"]')
    check(walk.launch() == walk.get(f"{entry}.lives[{tall}].maker"), "a click on a tensor does not select its maker")
    walk.picture("memory")
    walk.get("(() => { const r = document.getElementById('memory-range'); r.value = 'arena'; r.dispatchEvent(new Event('change')); })()")
    check(walk.get("document.querySelectorAll('#memory-map .segment').length") >= 3, "the arena's segments are not seen")


def walk_roofline(walk):
    walk.show("roofline")
    check(walk.get("document.querySelectorAll('#roofline-chart circle').length") > 5, "the roofline has no launches")
    check((walk.get("document.querySelectorAll('#roofline-chart .roof').length") == 1) == walk.get("networks[0].peaks !== null"),
          "the roof is not that of the target")
    number = walk.get("document.querySelector('#roofline-chart circle:last-child').dataset.launch")
    walk.browser.click(f'#roofline-chart circle[data-launch="{number}"]')
    check(walk.launch() == int(number), "a click on a point does not select its launch")
    walk.picture("roofline")


def linked(walk, column):
    return walk.get(f"document.querySelectorAll('#column-{column} .row.linked, #column-{column} .row.chosen').length")


def walk_phases(walk):
    walk.show("phases")
    walk.browser.until("!document.querySelector('#column-code').textContent.includes('select a launch')")
    line = walk.get("[...document.querySelectorAll('#column-spec .row')].find((row) => row.textContent.includes('stage')).dataset.row")
    walk.browser.click(f'#column-spec .row[data-row="{line}"]')
    walk.browser.until("document.querySelectorAll('#column-code .row').length > 5")
    for column in ["clip", "fused"]:
        check(linked(walk, column) > 0, f"nothing of a stage is marked in {column}")
    walk.browser.click("#show-step")
    walk.browser.until("document.querySelectorAll('#column-step .row').length > 0")
    check(linked(walk, "step") > 0, "nothing of a stage is marked in step")
    row = walk.get("[...document.querySelectorAll('#column-step .linked')].find((row) => row.textContent.includes('clip.conv')).dataset.row")
    walk.browser.click(f'#column-step .row[data-row="{row}"]')
    check(linked(walk, "clip") == 1 and linked(walk, "spec") == 1, "an operation of step comes from one line")
    row = walk.get("document.querySelector('#column-fused .linked, #column-fused .chosen').dataset.row")
    walk.browser.click(f'#column-fused .row[data-row="{row}"]')
    check(walk.launch() is not None and linked(walk, "fused") > 0, "a kernel is not marked")
    for form in walk.get("[...document.querySelectorAll('#column-code option')].map((option) => option.value)"):
        walk.get(f"(() => {{ const s = document.querySelector('#column-code select'); s.value = '{form}'; "
                 "s.dispatchEvent(new Event('change')); })()")
        walk.browser.until(f"document.querySelector('#column-code select').value === '{form}'")
        kernel = walk.get("state.entry.launches[state.launch].kernel")
        walk.browser.until(f"document.querySelector('#column-code .lines').textContent.includes('{kernel}')")
    walk_code(walk)
    walk.picture("phases")


def walk_code(walk):
    """Clicks on a line of machine code, of an operation that it was made of."""
    walk.get("select({ launch: state.entry.launches.findIndex((launch) => launch.op === 'wgrad') })")
    form = walk.get("state.network.target.startsWith('sm') ? 'PTX' : 'assembly'")
    walk.get(f"(() => {{ const s = document.querySelector('#column-code select'); s.value = '{form}'; "
             "s.dispatchEvent(new Event('change')); })()")
    walk.browser.until("phasesView.columns.code.lines.some((line) => line.steps?.length === 1)")
    row = walk.get("""(() => {
      const { list, lines } = phasesView.columns.code, number = lines.findIndex((line) => line.steps.length === 1);
      list.reveal(number);
      return number;
    })()""")
    launch = walk.launch()
    walk.browser.click(f'#column-code .row[data-row="{row}"]')
    walk.browser.until(f"document.querySelector('#column-code .row[data-row=\"{row}\"].linked')")
    check(walk.launch() == launch, "a line of code leads to another launch")
    step = walk.get("document.querySelector('#column-step .chosen')?.textContent ?? ''")
    check("clip." in step, f"a line of code marks {step!r} in step")


def walk_differences(walk):
    walk.show("differences")
    rows = walk.get("document.querySelectorAll('#pairs tbody tr:not(.inside)').length")
    check(rows == walk.get("facts.pairs.length"), "the layers are not all there")
    walk.picture("differences")
    walk.browser.click("#pairs tbody tr:first-child .more")
    check(walk.get("!document.querySelector('#pairs tr.inside').hidden && document.querySelector('#pairs .inside li') !== null"),
          "a layer does not show its launches")
    walk.browser.click("#pairs tbody tr:first-child td:nth-child(3) .link")
    check(walk.get("state.network.number") == 1 and walk.get("state.view") == "launches", "a layer of B does not lead to B")
    check(walk.launch() is not None, "no launch of the layer is selected")


def walk_all(walk):
    walk.open()
    walk_launches(walk)
    walk_memory(walk)
    walk_roofline(walk)
    walk_phases(walk)
    if walk.get("networks.length") > 1:
        walk_differences(walk)
    for entry in walk.get("networks[0].entries.map((entry) => entry.name)"):
        for view in VIEWS:
            walk.open(f"view={view}&entry={entry}&launch=0&theme=dark")
            check(walk.launch() == 0, "the address's launch is not selected")
    walk.picture("dark")
    walk.browser.size(700, 900)
    walk.open("view=launches")
    walk.picture("narrow")
    walk.browser.size(1440, 900)
    walk.finish()


def core(kinema, models, folder, opened):
    spec = os.path.join(folder, "small.arch")
    with open(spec, "w") as file:
        file.write(SMALL)
    pages = {"cpu": [spec, "--target", "x86-64-v4"], "targets": [spec, "--target", "sm_90a,sm_80"],
             "specs": [spec, "--target", "sm_90a", "--set-against", "classes=7"]}
    for name, arguments in pages.items():
        walk_all(Walk(explore(kinema, folder, name, *arguments), opened, folder))
        print(f"{name}: all views, no complaints")


def others(kinema, models, folder, opened):
    """R(2+1)D-152: its page is small and quick."""
    page = explore(kinema, folder, "r2plus1d_152", os.path.join(models, "r3d_50.arch"), "--set", "n2=8", "--set", "n3=36",
                   "--set", "kind=conv(2+1)d", "--set", "stem_kind=(conv(2+1)d mid=45)", "--target", "sm_90a")
    size = os.path.getsize(page) / 1e6
    check(size < 20, f"the page has {size:.1f} MB")
    walk = Walk(page, opened, folder)
    walk.open()
    walk.browser.until("performance.getEntriesByName('first-contentful-paint').length > 0")
    paint = walk.get("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    check(paint < 2000, f"the first paint is after {paint:.0f} ms")
    print(f"R(2+1)D-152: {size:.1f} MB, first paint after {paint:.0f} ms")
    walk_all(walk)


def main(kinema, models, part, folder=None):
    program = browser.find()
    if program is None:
        print("skipped: there is no Chromium, which Debian has as chromium-headless-shell")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as temporary, browser.Browser(program) as opened:
        {"core": core, "others": others}[part](kinema, models, folder or temporary, opened)


main(*sys.argv[1:])
