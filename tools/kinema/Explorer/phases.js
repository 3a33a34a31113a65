// Phases: the texts of a network in all phases beside each other. What belongs together is marked in all of them.

/** A Column shows the lines of one phase: {text, origin, title} each, where origin is what a click selects. */
class Column {
  constructor(name, title) {
    this.lines = [];
    this.isLinked = () => false;
    this.isChosen = () => false;
    this.about = make("span", {});
    this.tools = make("span", {});
    const rows = make("div", { tabindex: 0, role: "listbox", "aria-label": title });
    this.name = name;
    this.box = make("div", { class: "column", id: `column-${name}` },
      make("div", { class: "head" }, make("b", {}, title), this.about, this.tools), rows);
    this.list = new LongList(rows, { height: 18, render: (number) => this.row(number) });
    rows.addEventListener("keydown", (event) => this.step(event));
  }

  row(number) {
    const line = this.lines[number];
    const names = ["row"];
    if (line.title) names.push("title");
    if (this.isChosen(line)) names.push("chosen");
    else if (this.isLinked(line)) names.push("linked");
    return make("div", { class: names.join(" "), role: "option", "aria-selected": this.isChosen(line), "data-row": number,
      onclick: () => line.origin && select({ origin: line.origin, keepsLaunch: Boolean(line.origin.inCode) }) }, coloured(line.text));
  }

  /** Moves to the next line that can be selected. */
  step(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    let next = this.lines.findIndex(this.isChosen) + way;
    while (next >= 0 && next < this.lines.length && !this.lines[next].origin) next += way;
    if (next >= 0 && next < this.lines.length)
      select({ origin: this.lines[next].origin, keepsLaunch: Boolean(this.lines[next].origin.inCode) });
  }

  show(lines) {
    this.lines = lines;
    this.list.show(lines.length, lines.reduce((most, line) => Math.max(most, line.text.length), 0));
  }

  mark(isLinked, isChosen) {
    this.isLinked = isLinked;
    this.isChosen = isChosen;
    // Of what is linked, the entry's own operations come first, and reads of parameters last.
    const isOwn = (line) => isLinked(line) && !line.moves, isHere = (line) => isOwn(line) && line.function === state.entry.name;
    const first = [isChosen, isHere, isOwn, isLinked].map((test) => this.lines.findIndex(test)).find((place) => place >= 0);
    if (known(first)) this.list.reveal(first);
    else this.list.update();
  }
}

/** Returns a line with the names of its operations in bold. */
function coloured(text) {
  return text.split(/\b((?:clip|kernel|arith|math|llvm|nvvm)\.[a-z_0-9.]+)/).map((piece, number) =>
    number % 2 ? make("b", {}, piece) : piece);
}

const phasesView = {
  async show() {
    const { network } = state;
    this.columns ??= this.makeColumns();
    if (this.shown !== network) {
      this.shown = network;
      this.columns.spec.show(this.specLines(network));
      const [clip, step, fused] = await Promise.all(
        ["clip", "step", "fused"].map((phase) => unpack(`texts-${network.number}-${phase}`)));
      if (this.shown !== network) return;
      this.columns.clip.show(operationLines(network.clip, clip, "clip"));
      this.columns.step.show(operationLines(network.step, step, "step"));
      this.columns.fused.show(kernelLines(network, fused));
      for (const [name, count] of [["clip", clip.length], ["step", step.length], ["fused", fused.length]])
        this.columns[name].about.textContent = `${grouped(count)} ${name === "fused" ? "kernels" : "operations"}`;
    }
    this.mark();
  },

  makeColumns() {
    const columns = {
      spec: new Column("spec", "spec"), clip: new Column("clip", "clip"), step: new Column("step", "step"),
      fused: new Column("fused", "fused"), code: new Column("code", "code"),
    };
    this.form = make("select", { "aria-label": "form of the code", onchange: () => {
      this.wanted = this.form.value;
      this.showCode();
    } });
    columns.code.tools.append(this.form);
    element("columns").replaceChildren(...Object.values(columns).map((column) => column.box));
    const roomy = window.innerWidth >= 1700;
    element("column-choice").replaceChildren(...Object.values(columns).map((column) => {
      column.box.hidden = column.name === "step" && !roomy;
      const box = make("input", { type: "checkbox", id: `show-${column.name}`, checked: column.box.hidden ? null : "",
        onchange: () => {
          column.box.hidden = !box.checked;
          this.mark(); // what is hidden does not scroll
        } });
      return make("label", {}, box, ` ${column.name}`);
    }));
    return columns;
  },

  specLines(network) {
    return network.sources.flatMap(({ path, text }, file) => {
      if (!text) return [];
      const lines = text.replace(/\n$/, "").split("\n").map((line, number) => {
        const place = `${file}:${number + 1}`;
        return { text: line, place, origin: network.links.clipOf.has(place) ? { line: place } : null };
      });
      return [{ text: path, title: true }, ...lines];
    });
  },

  /** Marks in each column what belongs to the selection. */
  mark() {
    if (!this.columns || this.shown !== state.network) return;
    const origin = state.origin ?? {};
    const { lines, clip, step, kernels } = state.network.linkedWith(origin);
    const is = (key) => (line) => known(line.origin) && known(origin[key]) && line.origin[key] === origin[key];
    this.columns.spec.mark((line) => lines.has(line.place), is("line"));
    this.columns.clip.mark((line) => clip.has(line.origin?.clip), is("clip"));
    this.columns.step.mark((line) => step.has(line.origin?.step), is("step"));
    const isOfPart = (line) => (line.steps ? line.steps.some((number) => step.has(number)) : line.title || origin.kernels);
    this.columns.fused.mark((line) => kernels.has(line.kernel) && isOfPart(line),
      (line) => line.title && known(state.launch) && state.entry.launches[state.launch]?.kernels[0] === line.kernel);
    this.showCode();
  },

  async showCode() {
    const { network, entry, launch } = state;
    const column = this.columns.code;
    const kernel = entry.launches[launch]?.kernel;
    if (!kernel) {
      column.key = null;
      column.about.textContent = "";
      this.form.replaceChildren();
      return column.show([{ text: "select a launch or an operation that a launch computes" }]);
    }
    const forms = await unpack(`code-${network.number}-${kernel}`);
    if (state.network !== network || state.entry.launches[state.launch]?.kernel !== kernel) return;
    const order = ["assembly", "PTX", "LLVM IR", "target", "kernel"].filter((form) => form in forms);
    const form = order.includes(this.wanted) ? this.wanted : order[0];
    this.form.replaceChildren(...order.map((name) => make("option", { value: name, selected: name === form ? "" : null }, name)));
    const key = `${network.number} ${entry.name} ${launch} ${form}`;
    if (column.key !== key) {
      column.list.container.scrollTop = 0;
      column.show(codeLines(forms[form], network.stepsInCode(entry.launches[launch])));
      column.about.textContent = `${kernel}, ${grouped(column.lines.length)} lines`;
    }
    column.key = key;
    // Only a part of the kernel is worth a mark.
    const { step } = network.linkedWith(state.origin ?? {});
    const isLinked = (line) => line.steps.length > 0 && line.steps.every((number) => step.has(number));
    const isPart = !state.origin?.kernels && column.lines.some(isLinked);
    column.mark((line) => isPart && isLinked(line), () => false);
  },
};

/** Returns operations as lines, with a title for each function. */
function operationLines(operations, texts, phase) {
  let name = null;
  return operations.flatMap((op, number) => {
    const moves = ["clip.read", "clip.write"].includes(op.op);
    const lines = texts[number].split("\n").map((text) => ({ text, moves, function: op.function, origin: { [phase]: number } }));
    if (op.function !== name) lines.unshift({ text: `@${(name = op.function)}`, title: true });
    return lines;
  });
}

/** Returns code as lines that select what they were made of. */
function codeLines({ text, lines }, stepsOf) {
  let run = 0, steps = [];
  return text.replace(/\n$/, "").replaceAll("\t", "  ").split("\n").map((line, number) => {
    for (; run < lines.length && lines[run][0] <= number; ++run)
      steps = lines[run][1].map((step) => stepsOf.get(step)).filter(known);
    return { text: line, steps, origin: steps.length === 1 ? { step: steps[0], inCode: true } : null };
  });
}

/** Returns kernels as lines. The first one of each selects the launch, the others what they were made of. */
function kernelLines(network, texts) {
  return network.kernels.flatMap((kernel, number) => {
    const all = known(kernel.carrier) ? [kernel.carrier, number] : [number];
    return texts[number].split("\n").map((text, line) => {
      const steps = kernel.lines[line];
      return { text, kernel: number, steps, function: kernel.function, title: line === 0, origin: { kernels: all } };
    });
  });
}
