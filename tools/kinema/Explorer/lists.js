// Lists: those that may be long draw the rows alone that are seen.

/** A LongList shows `count` rows, of which `render(number)` makes the elements, all of the same height. */
class LongList {
  constructor(container, { height, render }) {
    this.container = container;
    this.height = height;
    this.render = render;
    this.count = 0;
    this.space = make("div", { class: "space" });
    container.replaceChildren(this.space);
    container.classList.add("lines");
    container.addEventListener("scroll", () => this.update());
    new ResizeObserver(() => this.update()).observe(container);
  }

  /** Shows so many rows, the longest of which has `letters` letters; 0: rows are as wide as the list. */
  show(count, letters = 0) {
    this.count = count;
    this.space.style.height = `${count * this.height}px`;
    this.space.style.width = letters ? `calc(${letters}ch + 24px)` : "100%";
    this.update();
  }

  update() {
    const first = Math.max(0, Math.floor(this.container.scrollTop / this.height) - 8);
    const last = Math.min(this.count, first + Math.ceil(this.container.clientHeight / this.height) + 16);
    const rows = [];
    for (let number = first; number < last; ++number) {
      const row = this.render(number);
      row.style.top = `${number * this.height}px`;
      row.style.height = `${this.height}px`;
      rows.push(row);
    }
    this.space.replaceChildren(...rows);
  }

  /** Scrolls so that a row is seen, near the middle unless it is seen already. */
  reveal(number) {
    const top = number * this.height, seen = this.container.clientHeight;
    if (top < this.container.scrollTop || top + this.height > this.container.scrollTop + seen)
      this.container.scrollTop = Math.max(0, top - seen / 3);
    this.update();
  }
}

/** Makes a table whose columns sort it: columns are {title, width, number, text(item), value(item)}. */
class SortedTable {
  constructor(container, columns, { height, mark, choose, isChosen }) {
    this.columns = columns;
    this.items = [];
    const widths = columns.map((column) => column.width).join(" ");
    const head = make("div", { class: "head", style: `grid-template-columns: ${widths}` }, columns.map((column) =>
      make("button", { type: "button", class: column.number ? "number" : null, onclick: () => this.sort(column) },
        column.title)));
    const rows = make("div", { style: `height: ${height}px`, tabindex: 0, role: "listbox", "aria-label": "launches" });
    rows.addEventListener("keydown", (event) => {
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!move || this.items.length === 0) return;
      event.preventDefault();
      const now = this.items.findIndex(isChosen);
      const next = Math.min(this.items.length - 1, Math.max(0, now + move));
      choose(this.items[next]);
      this.list.reveal(next);
    });
    container.replaceChildren(head, rows);
    this.list = new LongList(rows, { height: 26, render: (number) => {
      const item = this.items[number];
      return make("div", {
        class: isChosen(item) ? "row chosen" : "row", role: "option", "aria-selected": isChosen(item),
        style: `grid-template-columns: ${widths}`, onclick: () => choose(item),
      }, columns.map((column, place) => make("span", { class: column.number ? "number" : null, title: column.text(item) },
        place === 0 ? mark(item) : null, column.text(item))));
    } });
    this.isChosen = isChosen;
  }

  show(items) {
    this.items = [...items];
    this.order();
  }

  sort(column) {
    this.falling = this.by === column ? !this.falling : Boolean(column.number) && column !== this.columns[0];
    this.by = column;
    this.order();
    this.list.container.scrollTop = 0;
    this.list.update();
  }

  order() {
    if (this.by) {
      const value = this.by.value ?? this.by.text, way = this.falling ? -1 : 1;
      const compare = (a, b) => (a === b ? 0 : !known(a) ? 1 : !known(b) ? -1 : a < b ? -way : way);
      this.items.sort((a, b) => compare(value(a), value(b)));
    }
    this.list.show(this.items.length);
  }

  /** Marks what is chosen, and scrolls to it. */
  update() {
    const now = this.items.findIndex(this.isChosen);
    if (now >= 0) this.list.reveal(now);
    else this.list.update();
  }
}
