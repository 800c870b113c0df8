/* The heaviest functions, or the heaviest waits. */

const TABLE_ROWS_MOST = 250;

class HeaviestTable {
  /* `pick` is called with the name of the row that was clicked. */
  constructor(section, pick) {
    this.section = section;
    this.body = section.querySelector("tbody");
    this.heads = [...section.querySelectorAll("th button")];
    this.pick = pick;
    this.searched = "";
    for (const head of this.heads)
      head.addEventListener("click", () => this.sort(head.dataset.column));
  }

  show(graph, list) {
    this.graph = graph;
    this.listed = list;
    this.section.hidden = !list.length;
    /* Where nothing is anybody's own time, functions are told apart by their total. */
    const column = list.some(i => graph.functions.self[i]) ? "self" : "total";
    this.order = {column, up: false};
    this.fill();
  }

  sort(column) {
    const again = this.order.column === column;
    this.order = {column, up: again ? !this.order.up : column === "name"};
    this.fill();
  }

  #sorted() {
    const {self, total} = this.graph.functions, names = this.graph.names;
    const weight = this.order.column === "total" ? total : self;
    const lighter = (a, b) => weight[a] - weight[b] || total[a] - total[b];
    const earlier = (a, b) => names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : 0;
    const rows = [...this.listed].sort(this.order.column === "name" ? earlier : lighter);
    return this.order.up ? rows : rows.reverse();
  }

  fill() {
    const rows = this.#sorted();
    this.body.replaceChildren(...rows.slice(0, TABLE_ROWS_MOST).map(i => this.#makeRow(i)));
    const left = rows.length - TABLE_ROWS_MOST;
    this.section.querySelector(".rest").textContent = left > 0 ? formatCount(left) + " more" : "";
    for (const head of this.heads) {
      const direction = this.order.up ? "ascending" : "descending";
      head.parentElement.setAttribute("aria-sort",
        head.dataset.column === this.order.column ? direction : "none");
    }
    this.mark(this.searched);
  }

  /* Marks the row of what is searched for. */
  mark(search) {
    this.searched = search;
    for (const row of this.body.rows)
      row.classList.toggle("is-searched", `"${row.dataset.name}"` === search);
  }

  #makeRow(i) {
    const row = document.createElement("tr"), {functions, names} = this.graph;
    const weight = this.order.column === "total" ? functions.total[i] : functions.self[i];
    row.dataset.name = names[i];
    row.style.setProperty("--share", 100 * weight / (this.graph.total || 1) + "%");
    for (const head of this.heads)
      row.append(head.dataset.column === "name" ? this.#makeName(i)
        : this.#makeShare(functions[head.dataset.column][i]));
    row.addEventListener("click", () => this.pick(names[i]));
    return row;
  }

  #makeShare(weight) {
    const cell = document.createElement("td"), time = document.createElement("span");
    const share = document.createElement("small");
    time.textContent = weight ? formatWeight(weight) : "–";
    share.textContent = weight ? formatShare(weight / this.graph.total) : "";
    cell.append(time, share);
    return cell;
  }

  #makeName(i) {
    const cell = document.createElement("td"), name = document.createElement("button");
    name.type = "button";
    name.textContent = name.title = this.graph.names[i];
    name.classList.toggle("is-wait", this.graph.kindOfFunction(i).is_wait);
    cell.append(name);
    if (this.graph.files[i]) {
      const where = document.createElement("small");
      where.className = "where";
      where.textContent = shortenFile(this.graph.files[i]);
      where.title = this.graph.files[i];
      cell.append(where);
    }
    return cell;
  }
}
