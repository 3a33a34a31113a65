"use strict";
// Facts: what the compiler has written into the page, how its parts are linked, and how figures are told.

const facts = JSON.parse(document.getElementById("facts").textContent);
const parts = ["forward", "backward", "update"];
const element = (id) => document.getElementById(id);

/** Unpacks what the page holds under an id. Each is unpacked once. */
const unpacked = new Map();
function unpack(id) {
  if (!unpacked.has(id)) unpacked.set(id, readPacked(id));
  return unpacked.get(id);
}

async function readPacked(id) {
  await loaded;
  const bytes = Uint8Array.from(atob(element(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

/** The texts stand behind the script. */
const loaded = new Promise((resolve) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", resolve);
  else resolve();
});

/** A Network is one of the page's networks with the links between its phases. */
class Network {
  constructor(facts, number) {
    Object.assign(this, facts);
    this.number = number;
  }

  entryNamed(name) {
    return this.entries.find((entry) => entry.name === name) ?? this.entries[0];
  }

  /** For each operation of `clip` those of `step` that were made of it, and so on; computed when first asked for. */
  get links() {
    if (this.known) return this.known;
    const stepsOf = this.clip.map(() => []);
    this.step.forEach((op, number) => (op.from ?? []).forEach((clip) => stepsOf[clip].push(number)));
    const kernelsOf = this.step.map(() => []);
    this.kernels.forEach((kernel, number) => kernel.from.forEach((step) => kernelsOf[step].push(number)));
    const launchOf = new Map();
    for (const entry of this.entries)
      entry.launches.forEach((launch, number) =>
        launch.kernels.forEach((kernel) => launchOf.set(kernel, { entry, number })));
    const clipOf = new Map();
    this.clip.forEach((op, number) => {
      if (!op.place) return;
      const place = op.place.join(":");
      if (!clipOf.has(place)) clipOf.set(place, []);
      clipOf.get(place).push(number);
    });
    return (this.known = { stepsOf, kernelsOf, launchOf, clipOf });
  }

  /** Returns the operations of `step` that a launch computes, by those that its kernel was made of: launches share
   * kernels that are equal but for these. */
  stepsInCode(launch) {
    const { launchOf } = this.links;
    const first = launchOf.get(this.codes[launch.kernel]);
    const made = first.entry.launches[first.number].kernels, own = launch.kernels;
    const steps = new Map();
    made.forEach((kernel, place) => {
      for (const [line, numbers] of Object.entries(this.kernels[kernel].lines))
        numbers.forEach((number, rank) => {
          const other = this.kernels[own[place]]?.lines[line]?.[rank];
          if (known(other)) steps.set(number, other);
        });
    });
    return steps;
  }

  /** Returns all that belongs to one thing: {line|clip|step|kernel: what}. */
  linkedWith(origin) {
    const { stepsOf, kernelsOf, launchOf, clipOf } = this.links;
    const all = (lists) => new Set(lists.flat());
    let clip = null;
    if (origin.line !== undefined) clip = new Set(clipOf.get(origin.line) ?? []);
    if (origin.clip !== undefined) clip = new Set([origin.clip]);
    let step = new Set();
    if (clip) step = all([...clip].map((number) => stepsOf[number]));
    else if (origin.step !== undefined) step = new Set([origin.step]);
    else if (origin.kernels) step = all(origin.kernels.map((number) => this.kernels[number].from));
    clip ??= all([...step].map((number) => this.step[number].from ?? []));
    const kernels = origin.kernels ? new Set(origin.kernels) : all([...step].map((number) => kernelsOf[number]));
    const lines = new Set([...clip].map((number) => this.clip[number].place?.join(":")));
    if (origin.line !== undefined) lines.add(origin.line);
    const launches = [...kernels].map((number) => launchOf.get(number)).filter(Boolean);
    return { lines, clip, step, kernels, launches };
  }
}

const networks = facts.sides.map((side, number) => new Network(side, number));

/* Figures */

const known = (value) => value !== undefined && value !== null;
const grouped = (value) => Math.round(value).toLocaleString("en-US");

function scaled(value, units, base = 1000) {
  let unit = 0;
  while (Math.abs(value) >= base * 0.9995 && unit + 1 < units.length) {
    value /= base;
    unit += 1;
  }
  const digits = unit === 0 && Number.isInteger(value) ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return value.toFixed(digits) + " " + units[unit];
}

const timeText = (us) => (known(us) ? scaled(us * 1000, ["ns", "us", "ms", "s"]) : "not known");
const bytesText = (bytes) => scaled(bytes, ["B", "kB", "MB", "GB", "TB"]);
const countText = (count) => scaled(count, ["", "k", "M", "G", "T", "P"]).trim();
const ratioText = (ratio) =>
  known(ratio) ? (ratio < 99.95 ? ratio.toFixed(ratio < 9.995 ? 2 : 1) : grouped(ratio)) + "x" : "not known";
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Returns how long launches take, {predicted, floor} in microseconds; null where one of them is not known. */
function timesOf(launches) {
  const total = (key) =>
    launches.length > 0 && launches.every((launch) => known(launch[key])) ? sum(launches.map((l) => l[key])) : null;
  return { predicted: total("predicted_us"), floor: total("floor_us") };
}

const movedBytes = (launch) => launch.reads + launch.writes;
/** Returns multiply-adds a byte. */
const intensityOf = (launch) => (movedBytes(launch) > 0 ? launch.macs / movedBytes(launch) : 0);

/** Makes an element: make("td", {class: "number"}, "text or elements", ...). */
function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  return filled(made, attributes, children);
}

/** Returns a text as the parts of an element, what stands in backquotes as code. */
const prose = (text) => text.split("`").map((piece, number) => (number % 2 ? make("code", {}, piece) : piece));

/** Makes an element of a picture. */
function draw(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (known(value)) made.setAttribute(key, value);
  made.append(...children.flat().filter(known));
  return made;
}
