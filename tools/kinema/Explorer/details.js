// Details: all that is known of the launch that is selected.

function showDetails() {
  const { network, entry, launch: number } = state;
  const launch = entry.launches[number];
  const box = element("details");
  if (!launch) {
    box.replaceChildren(make("h2", {}, "No launch selected"), make("p", { class: "note" },
      "A click on a launch, a tensor, a point or a line shows here what it is, what it was made of, and what depends on it."));
    return;
  }
  const rows = [
    ["launch", `${number} of ${entry.name}`], ["kernel", launch.kernel], ["layer", launch.layer], ["part", launch.part],
    ["schedule", launch.schedule], ["predicted", known(launch.predicted_us) && timeText(launch.predicted_us)],
    ["at least", known(launch.floor_us) && timeText(launch.floor_us)],
    ["time over floor", known(launch.ratio) && ratioText(launch.ratio)],
    ["measured", known(launch.measured_us) && timeText(launch.measured_us)], ["waits for", launch.limit],
    ["read", bytesText(launch.reads)], ["written", bytesText(launch.writes)],
    ["multiply-adds", launch.macs > 0 && grouped(launch.macs)],
    ["blocks", `${grouped(launch.blocks)}${launch.threads > 1 ? ` of ${launch.threads} threads` : ""}`],
    ["near memory", launch.shared > 0 && `${grouped(launch.shared)} B a block`],
  ].filter(([, value]) => value);
  box.replaceChildren(
    make("h2", {}, `${launch.op} of ${launch.layer}`),
    make("table", {}, rows.map(([name, value]) => make("tr", {}, make("td", {}, name), make("td", {}, value)))),
    ...(launch.note ? [make("h3", {}, "why not better"), make("p", { class: "note" }, launch.note)] : []),
    make("h3", {}, "parameters of its schedule"),
    make("p", { class: "note" }, Object.entries(launch.parameters).map(([key, value]) => `${key}=${value}`).join(" ") || "none"),
    make("h3", {}, "what it computes"), fusionList(network, launch),
    make("h3", {}, "reads"), tensorList(entry, number, "readers"),
    make("h3", {}, "makes"), tensorList(entry, number, "maker"),
    make("h3", {}, "look at it"),
    make("p", {}, link("in memory", () => show("memory")), " · ", link("on the roofline", () => show("roofline")), " · ",
      link("in all phases", () => show("phases"))),
  );
}

function link(text, action) {
  return make("button", { class: "link", type: "button", onclick: action }, text);
}

/** Lists the operations of phase `step` that a launch computes, its fusion group. */
function fusionList(network, launch) {
  const steps = [...network.linkedWith({ kernels: launch.kernels }).step];
  const shown = steps.slice(0, 40).map((number) => {
    const op = network.step[number];
    const layer = known(op.layer) ? network.layers[op.layer].name : "";
    return make("li", {}, link(op.op, () => select({ origin: { step: number }, keepsLaunch: true, view: "phases" })), layer && ` of ${layer}`);
  });
  if (steps.length > shown.length) shown.push(make("li", {}, `and ${steps.length - shown.length} more`));
  return make("ul", { id: "fusion" }, shown.length > 0 ? shown : make("li", {}, "no operation of the step: it moves or converts"));
}

/** Lists the tensors that a launch reads, or those that it makes, with who is at their other end. */
function tensorList(entry, number, end) {
  const items = [];
  const go = (launch) => link(`${launch}: ${entry.launches[launch].op} of ${entry.launches[launch].layer}`, () => select({ launch }));
  for (const life of entry.lives) {
    if (end === "readers" ? !life.readers.includes(number) : life.maker !== number) continue;
    const others = end === "readers" ? [life.maker] : life.readers;
    const item = make("li", {}, `${life.type}, ${bytesText(life.bytes)}`);
    others.slice(0, 6).forEach((other) => item.append(make("br"), end === "readers" ? "from " : "to ", go(other)));
    if (others.length > 6) item.append(` and ${others.length - 6} more`);
    if (life.output) item.append(`, for the caller as ${life.output}`);
    items.push(item);
  }
  const shown = items.slice(0, 30);
  if (items.length > shown.length) shown.push(make("li", {}, `and ${items.length - shown.length} more`));
  const buffers = entry.buffers.filter((buffer) => buffer[end === "maker" ? "writers" : "readers"].includes(number));
  for (const role of new Set(buffers.map((buffer) => buffer.role))) shown.push(bufferList(role, buffers.filter((b) => b.role === role)));
  return make("ul", {}, shown.length > 0 ? shown : make("li", {}, "nothing"));
}

/** Lists buffers of one role, those that are many folded. */
function bufferList(role, buffers) {
  const items = buffers.map(({ name, bytes }) => make("li", {}, `${name}, ${bytesText(bytes)}`));
  const title = `${role}: ${buffers.length}, ${bytesText(sum(buffers.map((buffer) => buffer.bytes)))}`;
  return make("li", {}, make("details", { open: buffers.length <= 4 ? "" : null }, make("summary", {}, title), make("ul", {}, items)));
}
