/* The picture. Only the rows that are seen are drawn, on a canvas as large as what is seen: the
   page is as fast with 100,000 boxes as with ten, and rows may be thousands. */

const ROW = 22;
const LEAST_WIDTH = 0.4; /* pixels of a box that is drawn */
const TEXT_FROM = 28;
const ZOOM_MS = 260;
const DIMMED = 0.38;

class FlameView {
  /* `on` is told: zoom(node), select(node, x, y) of the box in hand (-1: none) and where. */
  constructor(scroller, on) {
    this.scroller = scroller;
    this.extent = scroller.querySelector("#extent");
    this.canvas = scroller.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.on = on;
    this.grows = "down";
    this.zoomed = 0;
    this.selected = -1;
    this.found = null;
    this.animation = null;
    this.printing = false;
    this.#listen();
  }

  show(graph) {
    this.graph = graph;
    this.zoomed = 0;
    this.selected = -1;
    this.left = 0;
    this.right = graph.total || 1;
    this.animation = null;
    this.resize();
    this.scroller.scrollTop = this.grows === "down" ? 0 : this.extent.clientHeight;
  }

  setGrows(grows) {
    const hidden = this.extent.clientHeight - this.scroller.clientHeight;
    this.grows = grows;
    this.scroller.scrollTop = Math.max(0, hidden - this.scroller.scrollTop);
    this.draw();
  }

  setFound(found) {
    this.found = found;
    this.draw();
  }

  /* --- looks --- */

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const get = name => style.getPropertyValue(name).trim();
    const dark = !this.printing && matchMedia("(prefers-color-scheme: dark)").matches;
    this.colours = {ink: get("--ink"), match: get("--match"), matchInk: get("--match-ink"),
      page: get("--page"), dark};
    this.scheme = dark ? "dark" : "light";
    this.font = "12px " + get("--mono");
    this.hatch = this.#makeHatch(dark ? "rgb(255 255 255 / 11%)" : "rgb(255 255 255 / 40%)");
    this.matchHatch = this.#makeHatch("rgb(255 255 255 / 22%)");
  }

  /* The stripes that tell a wait from code without colour. */
  #makeHatch(colour) {
    const size = 7 * this.scale;
    const tile = Object.assign(document.createElement("canvas"), {width: size, height: size});
    const context = tile.getContext("2d");
    context.strokeStyle = colour;
    context.lineWidth = 2 * this.scale;
    for (const shift of [-1, 0, 1]) {
      context.beginPath();
      context.moveTo(shift * size - size / 2, size * 1.5);
      context.lineTo(shift * size + size * 1.5, -size / 2);
      context.stroke();
    }
    const pattern = this.context.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / this.scale));
    return pattern;
  }

  paintSwatch(canvas, kind) {
    canvas.width = canvas.height = 13 * this.scale;
    const context = canvas.getContext("2d");
    context.scale(this.scale, this.scale);
    context.fillStyle = kind[this.scheme][0];
    context.fillRect(0, 0, 13, 13);
    if (kind.is_wait) {
      context.fillStyle = this.hatch;
      context.fillRect(0, 0, 13, 13);
    }
  }

  /* --- sizes --- */

  resize() {
    if (!this.graph)
      return;
    this.scale = this.printing ? 2 : window.devicePixelRatio || 1;
    this.height = this.graph.rows.length * ROW;
    this.extent.style.height = this.height + "px";
    const seen = this.printing ? Math.min(this.height, 4000)
      : Math.max(ROW, Math.min(this.scroller.clientHeight, this.height));
    this.width = this.extent.clientWidth;
    this.seen = seen;
    this.canvas.style.height = seen + "px";
    this.canvas.width = Math.round(this.width * this.scale);
    this.canvas.height = Math.round(seen * this.scale);
    this.readColours();
    this.context.font = this.font;
    this.letter = this.context.measureText("M").width;
    this.draw();
  }

  rowTop(row) {
    return (this.grows === "down" ? row : this.graph.rows.length - 1 - row) * ROW;
  }

  /* Where a node is on the canvas, cut to its edges. */
  boxOf(node) {
    const factor = this.width / (this.right - this.left);
    const begin = (this.graph.left[node] - this.left) * factor;
    const end = begin + this.graph.weight[node] * factor;
    const x = Math.max(0, begin);
    return {x, width: Math.min(this.width, end) - x, height: ROW,
      y: this.rowTop(this.graph.depth[node]) - this.scroller.scrollTop};
  }

  nodeAt(x, y) {
    const graph = this.graph;
    const line = Math.floor((y + this.scroller.scrollTop) / ROW);
    const row = this.grows === "down" ? line : graph.rows.length - 1 - line;
    if (row < 0 || row >= graph.rows.length || x < 0 || x > this.width)
      return -1;
    const at = this.left + x * (this.right - this.left) / this.width;
    const node = graph.rows[row][graph.firstInRow(row, at)];
    return node !== undefined && graph.left[node] <= at ? node : -1;
  }

  /* --- drawing --- */

  draw() {
    if (this.pending || !this.graph)
      return;
    this.pending = true;
    requestAnimationFrame(now => {
      this.pending = false;
      this.#step(now);
      this.#paint();
    });
  }

  #step(now) {
    const move = this.animation;
    if (!move)
      return;
    move.start ??= now;
    const done = Math.min(1, (now - move.start) / ZOOM_MS);
    const eased = 1 - (1 - done) ** 3;
    this.left = move.from.left + (move.to.left - move.from.left) * eased;
    this.right = move.from.right + (move.to.right - move.from.right) * eased;
    if (done === 1)
      this.animation = null;
    else
      this.draw();
  }

  #paint() {
    const context = this.context, rows = this.graph.rows.length;
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, this.width, this.seen);
    context.font = this.font;
    context.textBaseline = "middle";
    const top = this.scroller.scrollTop;
    const first = Math.floor(top / ROW), last = Math.min(rows - 1, Math.floor((top + this.seen) / ROW));
    for (let line = first; line <= last; line++)
      this.#paintRow(this.grows === "down" ? line : rows - 1 - line, line * ROW - top);
    if (this.selected >= 0)
      this.#paintSelection();
  }

  #paintRow(row, y) {
    const graph = this.graph, nodes = graph.rows[row];
    const factor = this.width / (this.right - this.left);
    let painted = -1; /* the right edge of the last box */
    for (let i = graph.firstInRow(row, this.left); i < nodes.length; i++) {
      const node = nodes[i];
      if (graph.left[node] >= this.right)
        break;
      const begin = (graph.left[node] - this.left) * factor;
      const x = Math.max(0, begin);
      const end = Math.min(this.width, begin + graph.weight[node] * factor);
      if (end - painted < LEAST_WIDTH)
        continue;
      this.#paintBox(node, x, y, end - x);
      painted = end;
    }
  }

  #paintBox(node, x, y, room) {
    const context = this.context, kind = this.graph.kindOf(node);
    const isFound = this.found && this.found.marks[node];
    const width = room > 3 ? room - 1 : Math.max(room, LEAST_WIDTH);
    context.globalAlpha = this.found && !isFound ? DIMMED : 1;
    if (node < this.zoomed && this.graph.end[node] > this.zoomed) /* what it was zoomed out of */
      context.globalAlpha *= 0.62;
    const fill = colour => {
      context.fillStyle = colour;
      if (width < 8)
        context.fillRect(x, y, width, ROW - 1);
      else
        context.fill();
    };
    context.beginPath();
    context.roundRect(x, y, width, ROW - 1, 2.5);
    fill(isFound ? this.colours.match : kind[this.scheme][this.graph.shadeOf(node)]);
    if (kind.is_wait && width > 2)
      fill(isFound ? this.matchHatch : this.hatch);
    context.globalAlpha = Math.min(1, context.globalAlpha + (this.found && !isFound ? 0.3 : 0));
    if (width >= TEXT_FROM)
      this.#paintText(node, kind, x + 6, y + ROW / 2, width - 11, isFound);
    context.globalAlpha = 1;
  }

  #paintText(node, kind, x, y, room, isFound) {
    const context = this.context;
    context.fillStyle = isFound ? this.colours.matchInk : this.colours.ink;
    context.font = kind.is_wait ? "italic " + this.font : this.font;
    const name = this.graph.nameOf(node);
    const text = this.#clip(name, room);
    context.fillText(text, x, y + 0.5);
    if (text !== name)
      return;
    const used = context.measureText(name).width;
    const share = formatShare(this.graph.share(node));
    if (used + (share.length + 3) * this.letter > room)
      return;
    context.globalAlpha *= 0.55;
    context.fillText(share, x + used + 1.6 * this.letter, y + 0.5);
  }

  /* What fits, with an ellipsis; nothing rather than one letter. */
  #clip(text, room) {
    if (this.#measure(text) <= room)
      return text;
    const letters = Array.from(text.slice(0, 400));
    let low = 0, high = Math.min(letters.length, Math.floor(room / (this.letter / 2)));
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#measure(letters.slice(0, middle).join("") + "…") <= room)
        low = middle;
      else
        high = middle - 1;
    }
    return low > 1 ? letters.slice(0, low).join("") + "…" : "";
  }

  /* Letters of ASCII are all as wide: most names need no measuring. */
  #measure(text) {
    return /^[\x20-\x7e…]*$/.test(text) ? text.length * this.letter
      : this.context.measureText(text).width;
  }

  #paintSelection() {
    const box = this.boxOf(this.selected);
    this.context.strokeStyle = this.colours.ink;
    this.context.lineWidth = 1.5;
    this.context.beginPath();
    this.context.roundRect(box.x + 0.25, box.y - 0.25, Math.max(2, box.width - 1.5), ROW - 0.5, 3);
    this.context.stroke();
  }

  /* --- moving --- */

  zoom(node) {
    const graph = this.graph;
    this.zoomed = node;
    const to = {left: graph.left[node], right: graph.left[node] + (graph.weight[node] || 1)};
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.animation = still ? null : {from: {left: this.left, right: this.right}, to};
    if (still)
      Object.assign(this, to);
    this.draw();
    this.on.zoom(node);
  }

  /* Scrolls there and marks it. */
  select(node) {
    this.selected = node;
    if (node >= 0)
      this.#reveal(node);
    this.draw();
    const box = node >= 0 ? this.boxOf(node) : null;
    const edges = this.canvas.getBoundingClientRect();
    this.on.select(node, box && edges.x + box.x + Math.min(box.width / 2, 60),
      box && edges.y + box.y + ROW, true);
  }

  #reveal(node) {
    const graph = this.graph, scroller = this.scroller;
    if (graph.left[node] >= this.right || graph.left[node] + graph.weight[node] <= this.left)
      this.zoom(0);
    const y = this.rowTop(graph.depth[node]);
    if (y < scroller.scrollTop)
      scroller.scrollTop = y - ROW;
    else if (y + ROW > scroller.scrollTop + this.seen)
      scroller.scrollTop = y + 2 * ROW - this.seen;
  }

  /* Where an arrow key leads; `down` means to a child, whichever way the stacks grow. */
  #neighbour(node, key) {
    const graph = this.graph, down = this.grows === "down" ? "ArrowDown" : "ArrowUp";
    if (node < 0)
      return this.zoomed;
    if (key === down)
      return graph.childrenOf(node)[0] ?? node;
    if (key === "ArrowUp" || key === "ArrowDown")
      return Math.max(0, graph.parent[node]);
    const row = graph.rows[graph.depth[node]];
    const next = row.indexOf(node) + (key === "ArrowRight" ? 1 : -1);
    return row[next] ?? node;
  }

  #press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.graph.total)
      return;
    if (event.key.startsWith("Arrow"))
      this.select(this.#neighbour(this.selected, event.key));
    else if (event.key === "Home")
      this.select(0);
    else if ((event.key === "Enter" || event.key === " ") && this.selected >= 0)
      this.zoom(this.selected);
    else
      return;
    event.preventDefault();
  }

  #hover(event) {
    const edges = this.canvas.getBoundingClientRect();
    const node = this.nodeAt(event.clientX - edges.x, event.clientY - edges.y);
    this.canvas.style.cursor = node >= 0 ? "pointer" : "";
    if (node !== this.selected)
      this.draw();
    this.selected = node;
    this.on.select(node, event.clientX, event.clientY, false);
    return node;
  }

  #leave() {
    this.selected = -1;
    this.draw();
    this.on.select(-1);
  }

  #listen() {
    this.canvas.addEventListener("mousemove", event => this.#hover(event));
    this.canvas.addEventListener("mouseleave", () => this.#leave());
    this.canvas.addEventListener("blur", () => this.#leave());
    this.canvas.addEventListener("click", event => {
      const node = this.#hover(event);
      if (node >= 0)
        this.zoom(node);
    });
    this.canvas.addEventListener("keydown", event => this.#press(event));
    this.scroller.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.resize()).observe(this.scroller);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.on.colours());
  }
}
