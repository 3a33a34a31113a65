// Differences: two networks, or one on two targets, layer by layer.

const differencesView = {
  show() {
    const box = element("differences");
    if (networks.length < 2) {
      box.replaceChildren(make("p", { class: "note" }, prose("This page shows one network on one target. " +
        "`kinema explore A --against B` compares two specs, `--target T1,T2` two targets.")));
      return;
    }
    const [a, b] = networks;
    const entries = networks.map((network) => network.entryNamed(state.entry.name));
    box.replaceChildren(
      make("h2", {}, `A is ${nameOf(a)}; B is ${nameOf(b)}`),
      this.totals(entries), make("h2", {}, "Layers"),
      make("p", { class: "note" }, "A layer's time is that of the launches that bear its name. What is fused into others' launches is theirs."),
      this.layers(a, b, entries), ...this.changes());
  },

  totals(entries) {
    const row = (title, text, values, ratio) => make("tr", {}, make("td", {}, title), cell(text(values[0])), cell(text(values[1])),
      cell(ratio && known(values[0]) && known(values[1]) ? ratioText(values[1] / values[0]) : ""));
    const of = (value) => entries.map(value);
    const launchesOf = (part) => of((entry) => entry.launches.filter((launch) => launch.part === part));
    const rows = [
      row("time", timeText, of((entry) => timesOf(entry.launches).predicted), true),
      ...(state.entry.name === "train_step" ? parts.map((part) =>
        row(`${part} part`, timeText, launchesOf(part).map((launches) => timesOf(launches).predicted), true)) : []),
      row("floor", timeText, of((entry) => timesOf(entry.launches).floor), true),
      row("launches", grouped, of((entry) => entry.launches.length), true),
      row("bytes moved", bytesText, of((entry) => sum(entry.launches.map(movedBytes))), true),
      row("multiply-adds", countText, of((entry) => sum(entry.launches.map((launch) => launch.macs))), true),
      row("arena", bytesText, networks.map((network) => network.arena.bytes), true),
      row("parameters", grouped, networks.map((network) => network.network.parameters.total), true),
    ];
    return make("table", {}, head([state.entry.name, "A", "B", "B over A"], 1), make("tbody", {}, rows));
  },

  /** Tells what `kinema diff` does. */
  changes() {
    const { network, layers } = facts.difference;
    const title = make("h2", {}, "What the networks differ in");
    const rows = network.map((change) => ["network", change]);
    for (const layer of layers) for (const change of layer.changes) rows.push([layer.a ?? layer.b, change]);
    if (rows.length === 0) return [title, make("p", { class: "note" }, "In nothing: the two compute the same.")];
    return [title, make("table", { id: "changes" }, head(["layer", "what", "A", "B"], 9),
      make("tbody", {}, rows.slice(0, 400).map(([layer, change]) => make("tr", {}, make("td", {}, layer),
        make("td", {}, [change.part, change.what].filter(Boolean).join(" ")), make("td", {}, change.a ?? "-"), make("td", {}, change.b ?? "-")))))];
  },

  layers(a, b, entries) {
    const timeOf = (side, number) => {
      if (!known(number)) return { time: null, count: 0, first: null };
      const launches = entries[side].launches.filter((launch) => launch.layer_number === number);
      const first = entries[side].launches.findIndex((launch) => launch.layer_number === number);
      return { time: timesOf(launches).predicted, count: launches.length, first: first < 0 ? null : first };
    };
    const longest = Math.max(1e-9, ...facts.pairs.map(([left]) => timeOf(0, left).time ?? 0));
    const rows = facts.pairs.flatMap(([left, right]) => {
      const sides = [timeOf(0, left), timeOf(1, right)];
      const ratio = known(sides[0].time) && known(sides[1].time) && sides[0].time > 0 ? sides[1].time / sides[0].time : null;
      const name = (network, number, side) => known(number)
        ? known(sides[side].first)
          ? link(network.layers[number].name, () => select({ side, launch: sides[side].first, view: "launches" }))
          : network.layers[number].name
        : "-";
      const bar = (side) => make("i", { class: "ratio", style: `width: ${Math.min(120, (60 * (sides[side].time ?? 0)) / longest)}px; ` +
        `background: var(--${side ? "backward" : "forward"})` });
      const more = make("button", { class: "more", type: "button", "aria-expanded": false, title: "its launches" }, "▸");
      const row = make("tr", {}, make("td", {}, more), make("td", {}, name(a, left, 0)), make("td", {}, name(b, right, 1)),
        cell(sides.map((side) => side.count || "-").join(" / ")),
        cell(sides[0].time ? timeText(sides[0].time) : "-"), cell(sides[1].time ? timeText(sides[1].time) : "-"),
        cell(known(ratio) ? ratioText(ratio) : "-"), make("td", { class: "bars" }, bar(0), bar(1)));
      const inside = make("tr", { class: "inside", hidden: "" }, make("td", {}), ...[left, right].map((number, side) =>
        make("td", { colspan: side ? 5 : 1 }, this.launchesOf(entries[side], number, side))));
      more.addEventListener("click", () => {
        inside.hidden = !inside.hidden;
        more.setAttribute("aria-expanded", !inside.hidden);
        more.textContent = inside.hidden ? "▸" : "▾";
      });
      return [row, inside];
    });
    return make("table", { id: "pairs" }, head(["", "A", "B", "launches", "time of A", "time of B", "B over A", ""], 3), make("tbody", {}, rows));
  },

  /** Lists the launches of a layer. */
  launchesOf(entry, number, side) {
    const launches = entry.launches.map((launch, at) => ({ launch, at })).filter(({ launch }) => known(number) && launch.layer_number === number);
    return make("ul", {}, launches.map(({ launch, at }) => make("li", {},
      link(`${at}: ${launch.op} by ${launch.schedule}`, () => select({ side, launch: at, view: "launches" })),
      ` ${launch.part}, ${timeText(launch.predicted_us)}`)));
  },
};

/** Returns the name of a network as the page tells it. */
function nameOf(network) {
  const settings = network.settings.length > 0 ? ` (${network.settings.join(", ")})` : "";
  return `${network.network.name}${settings} on ${network.target}`;
}

const cell = (text) => make("td", { class: "number" }, String(text));
const head = (titles, firstNumber) => make("thead", {}, make("tr", {}, titles.map((title, number) =>
  make("th", { class: number >= firstNumber ? "number" : null }, title))));
