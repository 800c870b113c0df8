/* The page around the picture: header, views, search, zoom, what a box is. Names come from the
   program that was recorded: they are only ever set as text. */

const find = id => document.getElementById(id);
const data = JSON.parse(find("data").textContent);
const graphs = data.profiles.map(profile => new Graph(profile, data));

let graph = null;

const view = new FlameView(find("scroller"), {
  zoom: showZoom,
  select: showTip,
  colours() { view.resize(); showLegend(); },
});
const tables = ["functions", "waits"].map(id =>
  new HeaviestTable(find(id), name => search(`"${name}"`)));

function make(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className)
    element.className = className;
  return element;
}

/* --- the header --- */

function listFacts() {
  const {recording, end} = data, facts = [];
  const fact = (text, title, isAlarm) => facts.push(
    Object.assign(make("span", text, isAlarm ? "alarm" : ""), {title}));
  if (recording.pid !== undefined)
    fact("pid " + recording.pid, "process id");
  if (recording.python)
    fact("CPython " + recording.python + (recording.free_threaded ? " free-threaded" : ""), "");
  if (recording.started_at)
    fact(recording.started_at.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC"), "when it was recorded");
  if (end.time !== null)
    fact(formatSeconds(end.time), "how long it was recorded");
  const rate = recording.rate ? ` at ${+recording.rate.toPrecision(3)}/s` : "";
  fact(`${formatCount(end.samples)} samples${rate}`, rate ? "the rate that was asked for" : "");
  if (end.failed)
    fact(`${formatCount(end.failed)} samples failed (${formatShare(end.failed / (end.failed + end.samples))})`,
      "attempts that gave no sample", end.failed > end.samples / 99);
  if (end.samples && end.late > 0)
    fact(formatSeconds(end.late / end.samples) + " late on average", "how long after it was due a sample was taken");
  if (end.pause > 0)
    fact(`process stopped for ${formatSeconds(end.pause)} (${formatShare(end.pause / end.time)})`,
      `in all; at most ${formatSeconds(end.longest_pause || 0)} at a time`, end.pause > end.time / 10);
  else if (end.samples)
    fact("process never stopped", "");
  if (end.reason === null)
    fact("cut off: its end is missing", "asyncspy was killed, or the disk was full", true);
  else
    fact("until " + end.reason, "why it ended");
  return facts;
}

function showHeader() {
  const {recording} = data;
  const command = recording.command || (recording.pid !== undefined ? `pid ${recording.pid}` : "a recording");
  find("command").textContent = find("command").title = command;
  for (const fact of [...listFacts(), make("span", ("asyncspy " + (recording.asyncspy || "")).trim())])
    find("facts").append(fact, " ");
  document.title = `${command} – asyncspy flame graph`;
}

/* --- which profile --- */

function showModes() {
  find("modes").append(...graphs.map((each, i) => {
    const button = make("button", each.title);
    button.type = "button";
    button.title = each.about;
    button.addEventListener("click", () => showGraph(i));
    return button;
  }));
}

function showGraph(number) {
  graph = graphs[number];
  [...find("modes").children].forEach((button, i) => button.setAttribute("aria-pressed", i === number));
  const isEmpty = graph.empty !== null;
  document.body.classList.toggle("is-empty", isEmpty);
  find("empty").querySelector("p").textContent = graph.empty || "";
  if (!isEmpty) {
    view.show(graph);
    tables.forEach((table, i) => table.show(graph, graph.list(i === 1)));
    showLegend();
    showZoom(0);
  }
  showNotice();
  search(find("search").value);
}

function showNotice() {
  const [boxes, what] = graph.smallCount === 1 ? ["box that is", "is not drawn; the tables count it"]
    : ["boxes that are", "are not drawn; the tables count them"];
  find("notice").textContent = graph.smallCount ? `${formatCount(graph.smallCount)} ${boxes} `
    + `lighter than ${formatSeconds(graph.least)} (${formatShare(graph.least * 1e6 / graph.total)}) `
    + `or too deep ${what}.` : "";
}

/* "Every task that is not done, by wall time: 22.5 tasks on average." */
function describeMode() {
  const average = graph.total / 1e6 / graph.duration;
  const isKnown = graph.unit && Number.isFinite(average) && average < 1e9;
  return graph.about + (isKnown ? `: ${+average.toPrecision(3)} ${graph.unit} on average.` : ".");
}

/* Tables beside a deep graph, below one that leaves room there. */
function arrange() {
  const main = document.querySelector("main"), rows = Math.max(...graphs.map(each => each.rows.length));
  const isStacked = main.clientWidth < 1200 || rows * ROW < main.clientHeight * 0.6;
  main.classList.toggle("stacked", isStacked);
  view.resize();
}

function showLegend() {
  const present = new Set(graph.functions.kind);
  find("legend").replaceChildren(...data.kinds.filter((kind, i) => kind.label && present.has(i)).map(kind => {
    const item = make("li", "", kind.is_wait ? "is-wait" : ""), swatch = make("canvas", "", "swatch");
    view.paintSwatch(swatch, kind);
    item.append(swatch, make("span", kind.label));
    return item;
  }));
}

/* --- zoom --- */

function makeCrumb(node) {
  const crumb = make("button", graph.nameOf(node));
  crumb.type = "button";
  crumb.title = "Zoom to " + graph.nameOf(node);
  crumb.addEventListener("click", () => view.zoom(node));
  return crumb;
}

function showZoom(node) {
  const path = graph.pathTo(node), crumbs = [];
  for (const [i, each] of path.entries()) {
    if (i > 0 && i === path.length - 4)
      crumbs.push(make("i", "› …"));
    if (i > 0 && i < path.length - 3)
      continue;
    if (i > 0)
      crumbs.push(make("i", "›"));
    crumbs.push(makeCrumb(each));
  }
  find("crumbs").replaceChildren(...(node ? crumbs : [make("span", describeMode())]));
  find("reset").disabled = !node;
}

/* --- search --- */

let found = null, shownMatch = -1;

function search(text) {
  const input = find("search");
  if (input.value !== text)
    input.value = text;
  let test = null, error = "";
  try {
    test = parseSearch(text);
  } catch (problem) {
    error = "no regular expression";
  }
  found = test && graph.empty === null ? graph.search(test) : null;
  shownMatch = -1;
  input.setAttribute("aria-invalid", error !== "");
  view.setFound(found);
  tables.forEach(table => table.mark(text));
  showResult(error);
}

function showResult(error) {
  const result = find("search-result");
  result.textContent = error;
  if (!found)
    return;
  if (!found.count)
    result.textContent = "no match";
  else
    result.replaceChildren(make("b", formatShare(found.weight / graph.total)),
      ` in ${formatCount(found.count)} ${found.count === 1 ? "box" : "boxes"}`);
  find("search").title = found.count ? `${formatWeight(found.weight)}; Enter shows the next one` : "";
}

/* The heaviest match, then the next one. */
function showNextMatch() {
  if (!found || !found.count)
    return;
  shownMatch = (shownMatch + 1) % found.outermost.length;
  view.select(found.outermost[shownMatch]);
}

/* --- what a box is --- */

function describeLines(node) {
  const of = graph.functionOf[node], lines = of < 0 ? [] : graph.functions.lines[of];
  const total = of < 0 ? 1 : graph.functions.total[of], words = [];
  for (let i = 0; i < lines.length; i += 2)
    words.push(lines.length > 2 ? `${lines[i]} (${formatShare(lines[i + 1] / total)})` : lines[i]);
  return words.length ? (words.length > 1 ? "lines " : "line ") + words.join(", ") : "";
}

function listFigures(node) {
  const parent = graph.parent[node], rows = [];
  const row = (word, weight) => rows.push([word, formatWeight(weight), formatShare(weight / graph.total) + " of all"]);
  row("total", graph.weight[node]);
  if (graph.self[node] && graph.self[node] < graph.weight[node])
    row("self", graph.self[node]);
  if (parent >= 0)
    rows.push(["of its parent", formatShare(graph.weight[node] / graph.weight[parent]), ""]);
  const of = graph.functionOf[node];
  if (of >= 0 && graph.functions.total[of] > graph.weight[node] * 1.0001)
    row("in all stacks", graph.functions.total[of]);
  rows.push(["samples", formatCount(graph.samples[node]), ""]);
  return rows;
}

function fillTip(node) {
  const kind = graph.kindOf(node), where = graph.fileOf(node), label = make("div", "", "kind");
  const swatch = make("canvas", "", "swatch"), figures = document.createElement("dl");
  view.paintSwatch(swatch, kind);
  const word = kind.label || (node ? "boxes too light to be drawn alone" : "everything");
  label.append(swatch, make("span", kind.name === "wait" ? "what is waited for" : word));
  for (const [word, value, rest] of listFigures(node))
    figures.append(make("dt", word), make("dd", value), make("dd", rest));
  const name = make("b", graph.nameOf(node), kind.is_wait ? "is-wait" : "");
  find("tip").replaceChildren(name);
  if (where)
    find("tip").append(make("div", where, "where"), make("div", describeLines(node), "where"));
  find("tip").append(label, figures);
}

let tipOf = -1;

function showTip(node, x, y, isSpoken) {
  const tip = find("tip");
  tip.hidden = node < 0;
  if (node < 0) {
    tipOf = -1;
    return;
  }
  if (node !== tipOf)
    fillTip(node);
  tipOf = node;
  const room = {width: innerWidth - tip.offsetWidth - 8, height: innerHeight - tip.offsetHeight - 8};
  const below = y + 16 > room.height ? y - tip.offsetHeight - 14 : y + 16;
  tip.style.left = Math.max(8, Math.min(x + 14, room.width)) + "px";
  tip.style.top = Math.max(8, below) + "px";
  if (isSpoken)
    find("spoken").textContent = `${graph.nameOf(node)}, ${formatWeight(graph.weight[node])}, ${formatShare(graph.share(node))}`;
}

/* --- keys and buttons --- */

function press(event) {
  const input = find("search"), isSearching = document.activeElement === input;
  if (event.key === "Escape") {
    if (isSearching && input.value || !view.zoomed)
      search("");
    else
      view.zoom(0);
    view.select(-1);
  } else if (event.key === "Enter" && isSearching) {
    showNextMatch();
  } else if ((event.key === "/" || event.key === "f" && (event.ctrlKey || event.metaKey)) && !isSearching) {
    input.focus();
    input.select();
  } else {
    return;
  }
  event.preventDefault();
}

function toggle(button) {
  const isPressed = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", isPressed);
  return isPressed;
}

/* On paper: all rows, light, without a scroll bar. */
function setPrinting(isPrinting) {
  view.printing = isPrinting;
  view.resize();
  showLegend();
}

function listen() {
  document.addEventListener("keydown", press);
  find("search").addEventListener("input", event => search(event.target.value));
  find("reset").addEventListener("click", () => view.zoom(0));
  find("flip").addEventListener("click", () => view.setGrows(toggle(find("flip")) ? "up" : "down"));
  find("fold").addEventListener("click", () => {
    find("heaviest").hidden = !toggle(find("fold"));
  });
  window.addEventListener("resize", arrange);
  matchMedia("print").addEventListener("change", event => setPrinting(event.matches));
}

/* What is seen, for scripts: read only. */
Object.defineProperty(window, "flamegraph", {value: Object.freeze({
  get state() {
    return {mode: graph.mode, zoomed: graph.nameOf(view.zoomed), selected: view.selected < 0 ? null : graph.nameOf(view.selected),
      grows: view.grows, rows: graph.rows.length, boxes: graph.count, moving: view.animation !== null || Boolean(view.pending),
      matches: found && found.count, matched: found && found.weight / graph.total};
  },
  /* Where the heaviest box of that name is in the window. */
  find(name) {
    let best = -1;
    for (let node = 0; node < graph.count; node++)
      if (graph.nameOf(node) === name && (best < 0 || graph.weight[node] > graph.weight[best]))
        best = node;
    if (best < 0)
      return null;
    const edges = view.canvas.getBoundingClientRect(), box = view.boxOf(best);
    return {x: edges.x + box.x, y: edges.y + box.y, width: box.width, height: box.height, share: graph.share(best)};
  },
})});

showHeader();
showModes();
listen();
if (graphs.length) {
  showGraph(0);
  arrange();
} else {
  document.body.classList.add("is-empty");
}
