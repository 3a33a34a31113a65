// Views: which network, entry, launch and view are seen, and how one changes.

const views = { launches: launchesView, memory: memoryView, roofline: rooflineView, phases: phasesView, differences: differencesView };
const state = { network: networks[0], entry: null, launch: null, origin: null, view: "launches", colour: null, find: "" };

/** Returns whether a launch is among those that are looked for. */
function found(launch) {
  const wanted = state.find.trim().toLowerCase();
  return !wanted || [launch.layer, launch.op, launch.schedule, launch.kernel].some((text) => text.toLowerCase().includes(wanted));
}

/** Selects a launch, or an operation or line with the first launch that computes something of it. */
function select({ launch, origin, side, view, keepsLaunch }) {
  const before = state.network;
  if (known(side)) choose(networks[side], state.entry.name);
  if (known(launch)) {
    state.launch = launch;
    state.origin = { kernels: state.entry.launches[launch].kernels };
  } else if (origin) {
    const { launches, clip } = state.network.linkedWith(origin);
    const isHere = launches.some(({ entry }) => entry === state.entry);
    if (!isHere && launches.length > 0) choose(state.network, launches[0].entry.name); // what no launch here computes
    const own = launches.filter(({ entry }) => entry === state.entry).map(({ number }) => number);
    state.origin = origin;
    // Launches that bear the layer's name come before those that are merged of many layers'.
    const layers = new Set([...clip].map((number) => state.network.clip[number].layer));
    const named = own.filter((number) => layers.has(state.entry.launches[number].layer_number));
    if (!(keepsLaunch && own.includes(state.launch)))
      state.launch = own.length > 0 ? Math.min(...(named.length > 0 ? named : own)) : null;
  }
  if (view || before !== state.network) return show(view ?? state.view);
  views[state.view].mark?.();
  showDetails();
  remember();
}

/** Changes the network and the entry that are seen. */
function choose(network, entry) {
  state.network = network;
  state.entry = network.entryNamed(entry ?? (network.entries.some((e) => e.name === "train_step") ? "train_step" : network.entries[0].name));
  state.launch = state.origin = null;
  element("entry").replaceChildren(...network.entries.map(({ name }) =>
    make("option", { value: name, selected: name === state.entry.name ? "" : null }, name)));
  element("side").value = network.number;
  showHead();
}

function showHead() {
  const { network, entry } = state;
  const { name, batch, inputs, classes, parameters, macs } = network.network;
  element("name").textContent = name;
  element("about").textContent = `${inputs.map((shape) => shape.join("x")).join(", ")} to ${grouped(classes)} classes, batch ${batch}, ` +
    `on ${network.target}${network.precision ? ` in ${network.precision}` : ""}`;
  const { predicted, floor } = timesOf(entry.launches);
  const figures = [
    ["launches", grouped(entry.launches.length)], ["predicted", known(predicted) && timeText(predicted)],
    ["at least", known(floor) && timeText(floor)], ["arena", bytesText(network.arena.bytes)],
    ["parameters", countText(parameters.total)], ["macs a clip", countText(macs)],
  ].filter(([, value]) => value);
  element("figures").replaceChildren(...figures.map(([title, value]) => make("div", {}, make("dt", {}, title), make("dd", {}, value))));
}

function show(view) {
  state.view = view;
  document.body.dataset.view = view;
  for (const name of Object.keys(views)) {
    element(name).hidden = name !== view;
    element(`tab-${name}`).setAttribute("aria-selected", name === view);
    element(`tab-${name}`).tabIndex = name === view ? 0 : -1;
  }
  views[view].show();
  showDetails();
  remember();
}

/** Keeps what is seen in the page's address, which can be passed on. */
function remember() {
  const fields = { view: state.view, side: state.network.number, entry: state.entry.name, launch: state.launch ?? "" };
  history.replaceState(null, "", "#" + new URLSearchParams(fields));
}

/** Shows what an address asks for: "#view=memory&launch=3". */
function start(address) {
  const fields = new URLSearchParams(new URL(address).hash.slice(1));
  element("side").replaceChildren(...networks.map((network) => make("option", { value: network.number }, nameOf(network))));
  element("side-choice").hidden = networks.length < 2;
  element("tab-differences").hidden = networks.length < 2;
  choose(networks[Number(fields.get("side"))] ?? networks[0], fields.get("entry") ?? undefined);
  const launch = fields.get("launch") ? Number(fields.get("launch")) : null;
  if (state.entry.launches[launch]) Object.assign(state, { launch, origin: { kernels: state.entry.launches[launch].kernels } });
  setTheme(fields.get("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  show(fields.get("view") in views ? fields.get("view") : "launches");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

element("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
element("side").addEventListener("change", (event) => { choose(networks[event.target.value], state.entry.name); show(state.view); });
element("entry").addEventListener("change", (event) => { choose(state.network, event.target.value); show(state.view); });
element("colour").addEventListener("change", (event) => { state.colour = event.target.value; launchesView.show(); });
element("memory-range").addEventListener("change", () => memoryView.show());
element("find").addEventListener("input", (event) => {
  state.find = event.target.value;
  if (state.view === "launches") launchesView.show();
  else views[state.view].mark?.();
});
for (const name of Object.keys(views)) element(`tab-${name}`).addEventListener("click", () => show(name));
document.querySelector("nav").addEventListener("keydown", (event) => {
  const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!way) return;
  const names = Object.keys(views).filter((name) => !element(`tab-${name}`).hidden);
  const next = names[(names.indexOf(state.view) + way + names.length) % names.length];
  show(next);
  element(`tab-${next}`).focus();
});
addEventListener("hashchange", (event) => start(event.newURL)); // the address may have changed since
let resized = null;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => show(state.view), 150);
});
start(location.href);
