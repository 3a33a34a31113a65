// Roofline: how many operations a second each launch does, over how many it does for each byte.

const rooflineView = {
  show() {
    const { network, entry } = state;
    const shown = entry.launches.map((launch, number) => ({ launch, number }))
      .filter(({ launch }) => launch.macs > 0 && known(launch.predicted_us) && movedBytes(launch) > 0);
    const rest = entry.launches.length - shown.length;
    const { peaks } = network;
    const lines = [peaks
      ? `The roof is ${countText(2 * peaks.macs)}FLOP/s over ${bytesText(peaks.bytes)}/s of memory, by the model of ${network.target}.`
      : `For ${network.target} no roof is known before it is measured: \`kinema bench --per-kernel\` does that.`];
    if (rest > 0) lines.push(`${rest} launches, which multiply nothing or whose time is not known, are on no roofline.`);
    element("roofline-note").replaceChildren(...prose(lines.join(" ")));
    this.draw(network, shown);
    this.mark();
  },

  draw(network, shown) {
    const box = element("roofline-chart"), left = 82, bottom = 44, width = Math.max(320, box.clientWidth || 900);
    const height = Math.max(320, Math.min(600, window.innerHeight - 300)), top = 12;
    const operations = ({ launch }) => 2 * launch.macs * launch.products;
    const intensity = (item) => operations(item) / movedBytes(item.launch);
    const speed = (item) => operations(item) / (item.launch.predicted_us * 1e-6);
    const { peaks } = network;
    const ridge = peaks ? (2 * peaks.macs) / peaks.bytes : null;
    const xs = decades(shown.map(intensity).concat(known(ridge) ? [ridge] : []));
    const ys = decades(shown.map(speed).concat(peaks ? [2 * peaks.macs] : []));
    const at = (value, [low, high], size) => (size * (Math.log10(value) - low)) / (high - low);
    const x = (value) => left + at(value, xs, width - left - 16);
    const y = (value) => top + height - at(value, ys, height);
    const shapes = [];
    for (let power = xs[0]; power <= xs[1]; ++power)
      shapes.push(draw("path", { class: "axis", d: `M${x(10 ** power)} ${top}V${top + height}` }),
        draw("text", { x: x(10 ** power), y: top + height + 18, "text-anchor": "middle" }, plain(10 ** power)));
    for (let power = ys[0]; power <= ys[1]; ++power)
      shapes.push(draw("path", { class: "axis", d: `M${left} ${y(10 ** power)}H${width - 16}` }),
        draw("text", { x: left - 8, y: y(10 ** power) + 4, "text-anchor": "end" }, scaled(10 ** power, ["", "k", "M", "G", "T", "P"]).replace(".00", "") + "FLOP/s"));
    shapes.push(draw("text", { x: width - 16, y: top + height + 38, "text-anchor": "end" }, "floating-point operations a byte"));
    if (peaks) {
      const low = Math.max(10 ** xs[0], 10 ** ys[0] / peaks.bytes);
      shapes.push(draw("path", { class: "roof",
        d: `M${x(low)} ${y(low * peaks.bytes)}L${x(ridge)} ${y(2 * peaks.macs)}H${width - 16}` }));
    }
    const most = Math.max(1, ...shown.map(({ launch }) => launch.predicted_us));
    this.points = new Map();
    const order = [...shown].sort((a, b) => b.launch.predicted_us - a.launch.predicted_us);
    for (const item of order) {
      const { launch, number } = item;
      this.points.set(number, draw("circle", { "data-launch": number, cx: x(intensity(item)), cy: y(speed(item)),
        r: 3.5 + 12 * Math.sqrt(launch.predicted_us / most), fill: `var(--${launch.part})`, onclick: () => select({ launch: number }) },
      draw("title", {}, `${launch.layer}: ${launch.op} by ${launch.schedule}\n${countText(speed(item))}FLOP/s, ` +
        `${intensity(item).toFixed(1)} a byte, ${timeText(launch.predicted_us)}`)));
    }
    box.replaceChildren(draw("svg", { width, height: top + height + bottom, role: "group", "aria-label": "roofline" },
      shapes, [...this.points.values()]));
  },

  mark() {
    for (const [number, point] of this.points ?? []) {
      point.classList.toggle("chosen", number === state.launch);
      point.classList.toggle("dim", !found(state.entry.launches[number]));
      if (number === state.launch) point.parentNode.append(point); // above the others
    }
  },
};

/** Returns the whole powers of ten around some numbers. */
function decades(values) {
  if (values.length === 0) return [0, 1];
  const low = Math.floor(Math.log10(Math.min(...values))), high = Math.ceil(Math.log10(Math.max(...values) * 1.02));
  return [low, Math.max(high, low + 1)];
}

const plain = (value) => (value >= 1 ? String(Math.round(value)) : String(Number(value.toPrecision(1))));
