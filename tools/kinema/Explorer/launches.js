// Launches: strips of a step's launches, as wide as they take long, and the table of them.

const unknownColour = "var(--unknown)";
const palette = ["#4e79a7", "#f28e2b", "#59a14f", "#b6992d", "#76b7b2", "#b07aa1", "#e15759", "#9c755f", "#ff9da7", "#86bcb6"];

/** Makes a scale of steps: [limit, legend] each, what lies above the last limit is of the last step. */
function stepScale(title, valueOf, limits, texts) {
  const colour = (step) => `var(--step${step})`;
  return {
    title,
    knows: (launch) => known(valueOf(launch)),
    colour(launch) {
      const value = valueOf(launch);
      if (!known(value)) return unknownColour;
      const step = limits.findIndex((limit) => value <= limit);
      return colour(step < 0 ? limits.length : step);
    },
    legend: (launches) => texts.map((text, step) => [colour(step), text])
      .concat(launches.every((launch) => known(valueOf(launch))) ? [] : [[unknownColour, "not known"]]),
  };
}

/** Makes a scale of words, the most frequent first. */
function wordScale(title, wordOf, launches) {
  const counts = new Map();
  for (const launch of launches) if (wordOf(launch)) counts.set(wordOf(launch), (counts.get(wordOf(launch)) ?? 0) + 1);
  const words = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const colour = (word) => (words.includes(word) ? palette[words.indexOf(word) % palette.length] : unknownColour);
  return {
    title,
    knows: (launch) => Boolean(wordOf(launch)),
    colour: (launch) => colour(wordOf(launch)),
    legend: () => words.slice(0, 10).map((word) => [colour(word), word]),
  };
}

/** Returns the scales that know something of an entry's launches. */
function scalesOf(network, entry) {
  const edge = network.acceptable;
  return [
    stepScale("time over floor", (launch) => launch.ratio, [edge, 2, 4, 8],
      [`up to ${edge} times`, "2", "4", "8", "more"]),
    stepScale("multiply-adds a byte", (launch) => (movedBytes(launch) > 0 ? -intensityOf(launch) : null),
      [-128, -32, -8, -1], ["128 and more", "32", "8", "1", "fewer"]),
    wordScale("what it waits for", (launch) => launch.limit, entry.launches),
    wordScale("schedule", (launch) => launch.schedule, entry.launches),
    wordScale("operation", (launch) => launch.op, entry.launches),
  ].filter((scale) => entry.launches.some(scale.knows));
}

const launchesView = {
  /** Says how wide launches are drawn: by their time, or by their bytes where a time is not known. */
  widthOf(entry) {
    const timed = entry.launches.every((launch) => known(launch.predicted_us));
    return timed ? (launch) => launch.predicted_us : movedBytes;
  },

  show() {
    const { network, entry } = state;
    const scales = scalesOf(network, entry);
    const chosen = scales.find((scale) => scale.title === state.colour) ?? scales[0];
    element("colour").replaceChildren(...scales.map((scale) =>
      make("option", { value: scale.title, selected: scale === chosen ? "" : null }, scale.title)));
    showLegend(element("legend"), chosen?.legend(entry.launches) ?? []);
    this.scale = chosen;
    element("launches-note").replaceChildren(...prose(this.noteOf(network, entry)));
    this.showStrips();
    if (this.tabled !== entry) this.table = this.makeTable(entry);
    this.tabled = entry;
    this.table.show(entry.launches.map((launch, number) => ({ launch, number })).filter(({ launch }) => found(launch)));
    this.mark();
  },

  noteOf(network, entry) {
    const { predicted, floor } = timesOf(entry.launches);
    if (!known(predicted)) return `No time is known for some of these launches on ${network.target}: they are as wide as ` +
      "the bytes that they move.";
    if (!known(floor)) return `For ${network.target} the model knows the times of launches, of all cores together, and no ` +
      "floors: `kinema bench --per-kernel` measures them beside this machine's peak. Launches are as wide as they take long.";
    return "Launches are as wide as they take long by the model of the machine, which has not been measured here.";
  },

  showStrips() {
    const { entry } = state;
    const box = element("strips"), width = Math.max(320, box.clientWidth || 900);
    const widthOf = this.widthOf(entry), total = sum(entry.launches.map(widthOf)) || 1;
    const rows = Math.max(1, Math.min(40, Math.round((entry.launches.length * 18) / width)));
    const scale = (width * rows) / total;
    this.boxes = new Map();
    const strips = parts.map((part) => {
      const numbers = entry.launches.map((_, number) => number).filter((number) => entry.launches[number].part === part);
      return numbers.length > 0 ? this.stripOf(part, numbers, width, (launch) => Math.max(2.5, widthOf(launch) * scale)) : null;
    });
    box.replaceChildren(...strips.filter(known).flat());
  },

  stripOf(part, numbers, width, widthOf) {
    const { entry, network } = state;
    const rowHeight = 46, height = 24;
    const shapes = [], labels = [];
    let x = 0, row = 0, block = null, blockEnd = 0;
    for (const number of numbers) {
      const launch = entry.launches[number], wide = Math.min(width, widthOf(launch));
      if (x + wide > width + 0.5) [x, row, block, blockEnd] = [0, row + 1, null, 0];
      const y = row * rowHeight + 16;
      const name = blockOf(network, launch);
      if (name !== block) {
        block = name;
        if (x >= blockEnd && x + name.length * 6 <= width) {
          labels.push(draw("text", { class: "group", x: x + 1, y: y - 4 }, name));
          blockEnd = x + name.length * 6 + 8;
        }
        shapes.push(draw("path", { class: "bracket", d: `M${x + 0.5} ${y - 3}v3` }));
      }
      shapes.push(this.boxOf(launch, number, x, y, wide, height));
      if (wide > 54) labels.push(draw("text", { class: "inside", x: x + 4, y: y + 16 }, insideText(launch, wide)));
      x += wide;
    }
    const svg = draw("svg", { width, height: (row + 1) * rowHeight, role: "group", "aria-label": `launches of the part ${part}` },
      shapes, labels, draw("g", { class: "arcs" }));
    const { predicted, floor } = timesOf(numbers.map((number) => entry.launches[number]));
    const times = known(predicted) ? `, ${timeText(predicted)}${known(floor) ? `, at least ${timeText(floor)}` : ""}` : "";
    const title = state.entry.name === "train_step" ? part : state.entry.name;
    return [make("h3", {}, `${title}: ${numbers.length} launches${times}`), svg];
  },

  boxOf(launch, number, x, y, width, height) {
    const box = draw("rect", { class: "launch", x, y, width, height, rx: 2, fill: this.scale?.colour(launch) ?? unknownColour,
      "data-launch": number, onclick: () => select({ launch: number }) },
    draw("title", {}, `${launch.layer}: ${launch.op} by ${launch.schedule}, ${timeText(launch.predicted_us)}`));
    this.boxes.set(number, box);
    return box;
  },

  /** Marks the launch that is selected, and draws what it reads and who reads what it makes. */
  mark() {
    const { entry, launch } = state;
    document.querySelectorAll("#strips .arcs").forEach((group) => group.replaceChildren());
    for (const [number, box] of this.boxes ?? []) {
      box.classList.toggle("chosen", number === launch);
      box.classList.toggle("dim", !found(entry.launches[number]));
    }
    if (this.boxes?.has(launch)) {
      const { makers, readers } = neighboursOf(entry, launch);
      makers.forEach((number) => this.arc(number, launch, "from"));
      readers.forEach((number) => this.arc(launch, number, "to"));
    }
    this.table?.update();
  },

  /** Draws from one launch to another, in the strip of the second if they are in two. */
  arc(from, to, name) {
    const boxes = [this.boxes.get(from), this.boxes.get(to)];
    if (!boxes[0] || !boxes[1]) return;
    const own = this.boxes.get(state.launch).ownerSVGElement, home = own.getBoundingClientRect();
    const [a, b] = boxes.map((box) => {
      const place = box.getBoundingClientRect();
      return { x: place.x + place.width / 2 - home.x, top: place.y - home.y, bottom: place.bottom - home.y };
    });
    const sameRow = Math.abs(a.top - b.top) < 4;
    const path = sameRow
      ? `M${a.x} ${a.bottom}C${a.x} ${a.bottom + 16} ${b.x} ${b.bottom + 16} ${b.x} ${b.bottom}`
      : a.top < b.top
        ? `M${a.x} ${a.bottom}C${a.x} ${a.bottom + 40} ${b.x} ${b.top - 40} ${b.x} ${b.top}`
        : `M${a.x} ${a.top}C${a.x} ${a.top - 40} ${b.x} ${b.bottom + 40} ${b.x} ${b.bottom}`;
    own.querySelector(".arcs").append(draw("path", { class: name, d: path }));
  },

  /** Makes the table, without the columns that nothing is known for. */
  makeTable(entry) {
    const launchOf = (item) => item.launch;
    const column = (title, width, text, value, number) => ({ title, width, number,
      text: (item) => text(launchOf(item), item), value: (item) => value(launchOf(item), item) });
    return new SortedTable(element("launch-table"), [
      column("number", "84px", (_, item) => String(item.number), (_, item) => item.number, true),
      column("layer", "minmax(130px, 2fr)", (l) => l.layer, (l) => l.layer),
      column("operation", "minmax(80px, 1fr)", (l) => l.op, (l) => l.op),
      column("schedule", "minmax(100px, 1fr)", (l) => l.schedule, (l) => l.schedule),
      column("time", "76px", (l) => timeText(l.predicted_us), (l) => l.predicted_us, true),
      column("floor", "76px", (l) => (known(l.floor_us) ? timeText(l.floor_us) : "-"), (l) => l.floor_us, true),
      column("ratio", "60px", (l) => (known(l.ratio) ? ratioText(l.ratio) : "-"), (l) => l.ratio, true),
      column("waits for", "84px", (l) => l.limit ?? "-", (l) => l.limit),
      column("bytes", "76px", (l) => bytesText(movedBytes(l)), movedBytes, true),
      column("macs", "76px", (l) => countText(l.macs), (l) => l.macs, true),
    ].filter((column) => column.title === "number" || entry.launches.some((launch) => known(column.value({ launch })))), {
      height: 420,
      mark: (item) => make("i", { class: "swatch", style: `background: ${this.scale?.colour(item.launch) ?? unknownColour}` }),
      choose: (item) => select({ launch: item.number }),
      isChosen: (item) => item.number === state.launch,
    });
  },
};

/** Returns the name of the block that a launch belongs to, without the number of its copy: "stage2.0". */
function blockOf(network, launch) {
  const layer = known(launch.layer_number) ? network.layers[launch.layer_number].name : launch.layer;
  const words = layer.split(".");
  return words.length > 1 ? words.slice(0, -1).join(".") : layer;
}

function insideText(launch, width) {
  const text = `${launch.op} ${launch.layer.split(".").slice(-2).join(".")}`;
  const letters = Math.floor((width - 8) / 5.8);
  return text.length <= letters ? text : text.slice(0, Math.max(1, letters - 1)) + "…";
}

/** Returns the launches that make what a launch reads, and those that read what it makes. */
function neighboursOf(entry, number) {
  const makers = new Set(), readers = new Set();
  for (const life of entry.lives) {
    if (life.maker === number) life.readers.forEach((reader) => readers.add(reader));
    else if (life.readers.includes(number)) makers.add(life.maker);
  }
  return { makers: [...makers], readers: [...readers].filter((reader) => reader !== number) };
}

function showLegend(list, entries) {
  list.replaceChildren(...entries.map(([colour, text]) => make("li", {}, make("i", { style: `background: ${colour}` }), text)));
}
