// Memory: what lives where in the arena while the launches of an entry run.

const memoryView = {
  show() {
    const { network, entry } = state;
    const { arena } = network;
    const whole = element("memory-range").value === "arena";
    const makes = arena.segments.filter((segment) => ["prepared", "activations"].includes(segment.kind));
    const low = whole ? 0 : Math.min(...makes.map((segment) => segment.offset));
    const peak = entry.live_bytes.reduce((best, bytes, launch) => (bytes > entry.live_bytes[best] ? launch : best), 0);
    element("memory-note").textContent = `The arena has ${bytesText(arena.bytes)}; what lives between launches takes ` +
      `${bytesText(arena.activations)} of it, where ${bytesText(arena.activations_unshared)} would be needed if no two tensors ` +
      `shared memory. In this entry ${entry.lives.length} tensors come and go, and the most are alive at launch ${peak} ` +
      `(${entry.launches[peak]?.layer}): ${bytesText(entry.live_bytes[peak] ?? 0)}.`;
    showLegend(element("memory-legend"), entry.name === "train_step"
      ? parts.map((part) => [`var(--${part})`, `made in the ${part} part`]) : [["var(--forward)", "made by a launch"]]);
    this.draw(entry, low, arena.bytes, whole ? arena.segments : [], peak);
    this.mark();
  },

  draw(entry, low, high, segments, peak) {
    const box = element("memory-map"), left = 66, width = Math.max(320, box.clientWidth || 900);
    const top = 8, height = Math.max(300, Math.min(560, window.innerHeight - 420)), gap = 34, chart = 90;
    const count = entry.launches.length || 1;
    const x = (launch) => left + ((width - left) * launch) / count;
    const y = (offset) => top + height - (height * (offset - low)) / (high - low || 1);
    const shapes = [];
    for (const tick of ticks(low, high, 6))
      shapes.push(draw("path", { class: "axis", d: `M${left - 4} ${y(tick)}H${width}` }),
        draw("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, bytesText(tick)));
    for (const segment of segments) {
      const tall = y(segment.offset) - y(segment.offset + segment.bytes);
      shapes.push(draw("rect", { class: "segment", x: left, y: y(segment.offset + segment.bytes), width: width - left, height: tall }));
      if (tall > 14) shapes.push(draw("text", { x: left + 8, y: y(segment.offset + segment.bytes) + 13 },
        `${segment.kind}: ${bytesText(segment.bytes)}`));
    }
    this.boxes = entry.lives.map((life, number) => draw("rect", {
      class: "launch", "data-life": number, x: x(life.maker), y: y(life.offset + life.bytes),
      width: Math.max(1.2, x(lastOf(life, count) + 1) - x(life.maker)), height: Math.max(0.8, y(life.offset) - y(life.offset + life.bytes)),
      fill: `var(--${entry.launches[life.maker].part})`, onclick: () => select({ launch: life.maker }),
    }, draw("title", {}, lifeText(entry, life))));
    const base = top + height + gap + chart;
    const most = Math.max(1, ...entry.live_bytes);
    const level = (bytes) => base - (chart * bytes) / most;
    const outline = entry.live_bytes.map((bytes, launch) => `L${x(launch)} ${level(bytes)}H${x(launch + 1)}`).join("");
    this.cursor = draw("path", { class: "at" });
    this.place = (launch) => `M${(x(launch) + x(launch + 1)) / 2} ${top}V${base}`;
    box.replaceChildren(draw("svg", { width, height: base + 26, role: "group", "aria-label": "tensors in the arena" },
      shapes, this.boxes,
      draw("text", { x: left, y: base - chart - 10 }, "bytes alive at each launch"),
      draw("path", { class: "live", d: `M${left} ${base}${outline}V${base}Z` }),
      draw("path", { class: "axis", d: `M${left} ${base}H${width}` }),
      draw("text", { x: left - 8, y: level(most) + 4, "text-anchor": "end" }, bytesText(most)),
      draw("path", { class: "peak", d: `M${x(peak + 0.5)} ${top}V${base}` }),
      draw("text", { x: x(peak + 0.5) + (peak > count * 0.8 ? -6 : 6), y: base - chart - 10,
        "text-anchor": peak > count * 0.8 ? "end" : "start" }, `peak, launch ${peak}`),
      draw("text", { x: left, y: base + 16 }, "launch 0"),
      draw("text", { x: width, y: base + 16, "text-anchor": "end" }, `launch ${count - 1}`),
      this.cursor));
  },

  mark() {
    const { entry, launch } = state;
    if (!this.boxes) return;
    this.cursor.setAttribute("d", known(launch) ? this.place(launch) : "");
    entry.lives.forEach((life, number) => {
      this.boxes[number].classList.toggle("chosen", life.maker === launch || life.readers.includes(launch));
      this.boxes[number].classList.toggle("dim", !found(entry.launches[life.maker]));
    });
  },
};

/** Returns the last launch during which a tensor lives. */
function lastOf(life, launches) {
  return life.output ? launches - 1 : life.readers.at(-1) ?? life.maker;
}

function lifeText(entry, life) {
  const readers = life.readers.map((reader) => entry.launches[reader].layer);
  return `${life.type}, ${bytesText(life.bytes)} at ${grouped(life.offset)}\nmade by launch ${life.maker}, ` +
    `${entry.launches[life.maker].op} of ${entry.launches[life.maker].layer}\n` +
    (life.output ? `left for the caller as ${life.output}` : readers.length ? `read by ${[...new Set(readers)].join(", ")}` : "read by none");
}

/** Returns about so many round numbers between two. */
function ticks(low, high, count) {
  const raw = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const all = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) all.push(tick);
  return all;
}
