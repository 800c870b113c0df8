/* What is shown: one profile as columns, and what is asked of it. Nothing here touches the page.
   Weights are whole microseconds. A node's children follow it, the heaviest first. */

class Graph {
  constructor(profile, data) {
    this.mode = profile.mode;
    this.title = profile.title;
    this.about = profile.about;
    this.unit = profile.unit;
    this.empty = profile.empty;
    this.duration = profile.duration;
    this.least = profile.least;
    this.smallCount = profile.small_count;
    this.kinds = data.kinds;
    this.functions = profile.functions;
    this.names = profile.functions.name.map(i => data.strings[i] || "(no name)");
    this.files = profile.functions.file.map(i => i < 0 ? "" : data.strings[i]);
    this.functionOf = Int32Array.from(profile.nodes.function);
    this.depth = Int32Array.from(profile.nodes.depth);
    this.weight = Float64Array.from(profile.nodes.weight);
    this.self = Float64Array.from(profile.nodes.self);
    this.samples = Float64Array.from(profile.nodes.samples);
    this.count = this.depth.length;
    this.total = this.weight[0];
    this.#place();
  }

  /* Parents, where each node begins, where its descendants end, and the nodes of each row. */
  #place() {
    this.parent = new Int32Array(this.count).fill(-1);
    this.left = new Float64Array(this.count);
    this.end = new Int32Array(this.count).fill(this.count);
    this.rows = [];
    const last = [], next = [0];
    for (let node = 0; node < this.count; node++) {
      const depth = this.depth[node];
      for (let open = last.length - 1; open >= depth; open--)
        this.end[last.pop()] = node;
      this.parent[node] = depth ? last[depth - 1] : -1;
      last.push(node);
      this.left[node] = next[depth];
      next[depth] += this.weight[node];
      next[depth + 1] = this.left[node];
      (this.rows[depth] ||= []).push(node);
    }
  }

  kindOf(node) {
    const of = this.functionOf[node];
    return this.kinds[of < 0 ? 0 : this.functions.kind[of]];
  }

  kindOfFunction(of) { return this.kinds[this.functions.kind[of]]; }

  shadeOf(node) {
    const of = this.functionOf[node];
    return of < 0 ? 0 : this.functions.shade[of];
  }

  nameOf(node) {
    const of = this.functionOf[node];
    return of >= 0 ? this.names[of] : node ? "(small)" : "all";
  }

  fileOf(node) {
    const of = this.functionOf[node];
    return of < 0 ? "" : this.files[of];
  }

  share(node) { return this.total ? this.weight[node] / this.total : 0; }

  /* From the root down. */
  pathTo(node) {
    const path = [];
    for (; node >= 0; node = this.parent[node])
      path.push(node);
    return path.reverse();
  }

  childrenOf(node) {
    const children = [];
    for (let child = node + 1; child < this.end[node]; child = this.end[child])
      children.push(child);
    return children;
  }

  /* The first node of a row that ends to the right of `left`. */
  firstInRow(row, left) {
    const nodes = this.rows[row];
    let low = 0, high = nodes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const node = nodes[middle];
      if (this.left[node] + this.weight[node] > left)
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

  /* Which nodes match, how many, and their time: a match below a match is in that already. */
  search(test) {
    const functions = this.names.map((name, i) => test(name, this.files[i]));
    const result = {marks: new Uint8Array(this.count), count: 0, weight: 0, outermost: []};
    let inside = 0; /* end of the outermost match in hand */
    for (let node = 0; node < this.count; node++) {
      const of = this.functionOf[node];
      if (of < 0 || !functions[of])
        continue;
      result.marks[node] = 1;
      result.count++;
      if (node < inside)
        continue;
      result.weight += this.weight[node];
      result.outermost.push(node);
      inside = this.end[node];
    }
    result.outermost.sort((a, b) => this.weight[b] - this.weight[a]);
    return result;
  }

  /* What a table lists: waits, or code. */
  list(waits) {
    const isListed = kind => waits ? kind.is_wait : !kind.is_wait && kind.name !== "root";
    return this.names.map((_, i) => i).filter(i => isListed(this.kindOfFunction(i)));
  }
}

/* A test for name and file of "text", "/regex/" or "\"whole name\""; null for nothing to look for.
   Throws a SyntaxError of a wrong regex. */
function parseSearch(text) {
  const regex = /^\/(.+)\/([a-z]*)$/s.exec(text);
  if (regex) {
    const pattern = new RegExp(regex[1], regex[2].replace(/[gy]/g, ""));
    return (name, file) => pattern.test(name) || pattern.test(file);
  }
  const whole = /^"(.+)"$/s.exec(text);
  if (whole)
    return name => name === whole[1];
  const part = text.trim().toLowerCase();
  if (!part)
    return null;
  return (name, file) => name.toLowerCase().includes(part) || file.toLowerCase().includes(part);
}

/* "0.3 ms", "850 ms", "12.3 s", "3m05s", "2h05m", "3d04h": as in the tool's own reports. */
function formatSeconds(seconds) {
  const two = number => String(number).padStart(2, "0");
  if (seconds < 0.00995)
    return (seconds * 1e3).toFixed(1) + " ms";
  if (seconds < 0.9995)
    return (seconds * 1e3).toFixed(0) + " ms";
  if (seconds < 99.95)
    return seconds.toFixed(1) + " s";
  const all = Math.round(seconds);
  if (all < 3600)
    return Math.floor(all / 60) + "m" + two(all % 60) + "s";
  if (all < 86400)
    return Math.floor(all / 3600) + "h" + two(Math.floor(all / 60) % 60) + "m";
  return Math.floor(all / 86400) + "d" + two(Math.floor(all / 3600) % 24) + "h";
}

const formatWeight = weight => formatSeconds(weight / 1e6);
const formatCount = count => Math.round(count).toLocaleString("en-US");

function formatShare(share) {
  const percent = share * 100;
  if (percent > 0 && percent < 0.01)
    return "< 0.01 %";
  return percent.toFixed(percent < 1 ? 2 : 1) + " %";
}

/* The last two parts of a path; of a library's the part from the library on. */
function shortenFile(file) {
  const library = /.*\/(?:site-packages|dist-packages|lib(?:64)?\/python3\.\d+t?)\/(.+)$/.exec(file);
  return library ? library[1] : file.split("/").slice(-2).join("/");
}
