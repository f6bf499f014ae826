// Search, filters and sort over all units. The index comes as scripts, because a page on disk may not read other files.
(function () {
  "use strict";
  const box = document.querySelector("[data-explorer]");
  if (!box) return;
  const root = box.dataset.root, own = box.dataset.group;
  const form = box.querySelector("form"), results = box.querySelector(".results"), count = box.querySelector(".count");
  const fixed = document.querySelector("[data-static]");
  const control = (name) => form.elements.namedItem(name);
  const names = ["q", "layer", "sort", "clarity", "dead"];

  // Columns of a row of the index; see search_index.py.
  const TAIL = 0, NAME = 1, PICTURE = 2, SCORE = 3, CLARITY = 4, ACTIVITY = 5, DEAD = 6, WORDS = 7, GROUP = 8, TEXT = 9;
  const BLOCK_ROWS = 8;

  let catalogue = null, wanted = [], loaded = 0, begun = false, rows = [], shown = [], groupOfChunk = [];

  // ---- The index ----

  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

  function load(file, done) {
    const script = document.createElement("script");
    script.src = root + "data/" + file;
    script.onload = done;
    script.onerror = () => { count.textContent = "The search index is missing: data/" + file; };
    document.head.append(script);
  }

  window.atlas = {
    catalogue(data) {
      catalogue = data;
      catalogue.groups.forEach((group, place) => {
        for (const chunk of group.chunks) groupOfChunk[chunk] = place;
        if (!own || group.prefix === own) wanted.push(...group.chunks);
      });
      if (catalogue.clarity) box.querySelector(".clarity").hidden = false;
      if (catalogue.dead) box.querySelector(".check").hidden = false;
    },
    chunk(number, data) {
      for (const row of data) {
        row.push(groupOfChunk[number], null);
        rows.push(row);
      }
    },
  };

  function begin() {
    if (begun) return;
    begun = true;
    load("index-catalogue.js", () => { read(); more(); });
  }

  function more() {
    if (loaded === wanted.length) { finish(); return; }
    load("index-" + wanted[loaded] + ".js", () => {
      loaded += 1;
      if (loaded === 1 || loaded % 10 === 0) update();
      more();
    });
  }

  const key = (row) => catalogue.groups[row[GROUP]].prefix + "/" + row[TAIL];
  const address = (row) => root + key(row) + ".html";

  function text(row) {
    if (row[TEXT] === null) {
      const words = row[WORDS].map((word) => catalogue.words[word]).join(" ");
      row[TEXT] = plain(row[NAME] + " " + key(row) + " " + words);
    }
    return row[TEXT];
  }

  // ---- State: the controls, and the part of the address after "#" ----

  function state() {
    const found = {};
    for (const name of names) {
      const input = control(name);
      const value = !input ? "" : input.type === "checkbox" ? (input.checked ? "hide" : "") : input.value.trim();
      if (value && !(name === "clarity" && value === "0")) found[name] = value;
    }
    return found;
  }

  function read() {
    const hash = new URLSearchParams(location.hash.slice(1)), query = new URLSearchParams(location.search);
    for (const name of names) {
      const input = control(name), value = hash.get(name) || query.get(name) || "";
      if (!input) continue;
      if (input.type === "checkbox") input.checked = value === "hide";
      else input.value = name === "clarity" ? value || "0" : value;
    }
  }

  function write() {
    const hash = new URLSearchParams(state()).toString();
    try { history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search); }
    catch (error) { location.replace("#" + hash); }
  }

  // ---- Results ----

  const threshold = (value) => catalogue.clarity[0] + (catalogue.clarity[1] - catalogue.clarity[0]) * (value / 100);

  function rank(row, query) {
    const name = plain(row[NAME]);
    if (name === query || row[TAIL] === query) return 0;
    return name.startsWith(query) ? 1 : name.includes(query) ? 2 : 3;
  }

  function find() {
    const now = state(), query = plain(now.q || ""), parts = query.split(/\s+/).filter(Boolean);
    const group = catalogue.groups.findIndex((one) => one.prefix === now.layer);
    let found = rows.filter((row) => {
      if (now.layer && row[GROUP] !== group) return false;
      if (now.dead && row[DEAD]) return false;
      if (now.clarity && !(row[CLARITY] !== null && row[CLARITY] >= threshold(now.clarity))) return false;
      return parts.every((part) => text(row).includes(part));
    });
    const column = { score: SCORE, clarity: CLARITY, activity: ACTIVITY }[now.sort];
    if (column) found.sort((a, b) => (b[column] === null ? -Infinity : b[column]) - (a[column] === null ? -Infinity : a[column]) || 0);
    else if (now.sort === "name") found.sort((a, b) => (a[NAME] < b[NAME] ? -1 : a[NAME] > b[NAME] ? 1 : 0));
    else if (query) {
      const ranks = new Map(found.map((row) => [row, rank(row, query)]));
      found.sort((a, b) => ranks.get(a) - ranks.get(b));
    }
    return found;
  }

  function say() {
    const total = catalogue.groups.reduce((sum, group) => sum + (!own || group.prefix === own ? group.count : 0), 0);
    const units = (number) => number.toLocaleString("en") + (number === 1 ? " picture" : " pictures");
    const loading = loaded < wanted.length ? ", reading the index" : "";
    count.textContent = shown.length === total ? units(total) : units(shown.length) + " of " + total.toLocaleString("en") + loading;
    const output = form.querySelector("output");
    if (catalogue.clarity) output.textContent = threshold(Number(control("clarity").value)).toFixed(2);
  }

  function update() {
    if (!catalogue) return;
    const active = !own || Object.keys(state()).length > 0;
    if (fixed) fixed.hidden = active;
    results.hidden = count.hidden = !active;
    if (active) show(find());
    say();
  }

  function finish() {
    update();
    box.dataset.ready = "true";
    restore();
  }

  // ---- Blocks: rows of pictures that are drawn when they come near the window ----

  let columns = 0, height = 0, blocks = [];
  const near = new IntersectionObserver((seen) => {
    for (const entry of seen) if (entry.isIntersecting) fill(entry.target);
  }, { rootMargin: "600px 0px" });
  const far = new IntersectionObserver((seen) => {
    for (const entry of seen) if (!entry.isIntersecting && !entry.target.contains(document.activeElement)) empty(entry.target);
  }, { rootMargin: "5000px 0px" });

  function measure() {
    const style = getComputedStyle(results), gap = parseFloat(style.columnGap) || 8, least = parseFloat(style.getPropertyValue("--least")) || 112;
    const width = results.clientWidth;
    const number = Math.max(2, Math.floor((width + gap) / (least + gap)));
    const side = (width - gap * (number - 1)) / number;
    const row = side + (parseFloat(style.getPropertyValue("--caption")) || 40) + (parseFloat(style.rowGap) || 10);
    const changed = number !== columns || Math.abs(row - height) > 0.01;
    [columns, height] = [number, row];
    return changed;
  }

  function show(found) {
    results.hidden = false;
    const changed = measure();
    const same = !changed && shown.length <= found.length && shown.every((row, place) => row === found[place]);
    const size = columns * BLOCK_ROWS;
    if (!same) {
      near.disconnect();
      far.disconnect();
      results.replaceChildren();
      blocks = [];
    } else if (shown.length % size && found.length > shown.length) {
      blocks.pop().remove();
    }
    shown = found;
    results.style.setProperty("--columns", columns);
    while (blocks.length * size < shown.length) {
      const block = document.createElement("ul");
      const first = blocks.length * size, last = Math.min(first + size, shown.length);
      block.className = "block";
      block.first = first;
      block.last = last;
      block.setAttribute("aria-label", "Units " + (first + 1).toLocaleString("en") + " to " + last.toLocaleString("en"));
      block.style.height = Math.ceil((last - first) / columns) * height + "px";
      blocks.push(block);
      results.append(block);
      near.observe(block);
      far.observe(block);
    }
    if (blocks.length) fill(blocks[0]);
    if (!results.querySelector("a[tabindex='0']")) enterable(results, results.querySelector("a"));
  }

  function fill(block) {
    if (!block || block.firstChild) return;
    const part = document.createDocumentFragment();
    for (let place = block.first; place < block.last; place += 1) part.append(tile(shown[place]));
    block.append(part);
  }

  function empty(block) {
    if (block !== blocks[0]) block.replaceChildren();
  }

  function tile(row) {
    const item = document.createElement("li"), link = document.createElement("a"), picture = document.createElement("span");
    item.className = "tile";
    link.href = address(row);
    link.tabIndex = -1;
    picture.className = "picture";
    if (row[PICTURE] !== -1) {
      const from = root + "images/items/" + (typeof row[PICTURE] === "string" ? row[PICTURE] : key(row) + "/seed-" + row[PICTURE]);
      const image = document.createElement("img");
      image.loading = "lazy";
      image.decoding = "async";
      image.width = image.height = 128;
      image.alt = "";
      image.srcset = from + "/thumb-256.webp 2x";
      image.src = from + "/thumb-128.webp";
      picture.append(image);
    }
    link.append(picture, span("name", title(row), row[NAME]), span("note", note(row)));
    item.append(link);
    return item;
  }

  function note(row) {
    const sort = control("sort").value;
    const column = { score: SCORE, clarity: CLARITY, activity: ACTIVITY }[sort];
    if (column) return row[column] === null ? "not known" : sort === "activity" ? (100 * row[column]).toFixed(1) + " %" : String(row[column]);
    if (row[DEAD]) return "dead";
    return row[WORDS].length ? catalogue.words[row[WORDS][0]] : "";
  }

  // A unit of a layer is known by its number, which a long name of the layer must not push away.
  function title(row) {
    const layer = catalogue.groups[row[GROUP]].layer;
    if (!layer) return row[NAME];
    const number = row[TAIL].replace(/^0+(?=\d)/, "");
    return own ? number : number + " · " + layer;
  }

  function span(name, content, full) {
    const element = document.createElement("span");
    element.className = name;
    element.textContent = content;
    if (full) element.title = full;
    return element;
  }

  // The arrow keys may lead to a block that is not drawn yet.
  results.addEventListener("keydown", (event) => {
    const block = event.target.closest(".block");
    if (!block) return;
    const place = blocks.indexOf(block);
    fill(blocks[place - 1]);
    fill(blocks[place + 1]);
    if (event.key === "Home") fill(blocks[0]);
    if (event.key === "End") fill(blocks[blocks.length - 1]);
  }, true);

  // ---- Events ----

  let timer = 0;
  const soon = () => { clearTimeout(timer); timer = setTimeout(() => { begin(); update(); write(); }, 80); };
  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => { event.preventDefault(); soon(); });
  window.addEventListener("hashchange", () => { if (catalogue) { read(); update(); } });
  new ResizeObserver(() => { if (shown.length && !results.hidden && measure()) { const all = shown; shown = []; show(all); } }).observe(results);

  box.querySelector("[data-random]").addEventListener("click", () => {
    const go = () => {
      const from = results.hidden || !shown.length ? rows : shown;
      if (from.length) location.href = address(from[Math.floor(Math.random() * from.length)]);
    };
    if (box.dataset.ready) go();
    else { begin(); new MutationObserver(go).observe(box, { attributeFilter: ["data-ready"] }); }
  });

  // A page that comes back stands where it was left.
  const place = "scroll" + location.pathname;
  window.addEventListener("pagehide", () => {
    try { sessionStorage.setItem(place, location.hash + " " + Math.round(scrollY)); } catch (error) { /* It starts at the top. */ }
  });
  function restore() {
    let kept = null;
    try { kept = sessionStorage.getItem(place); } catch (error) { /* It starts at the top. */ }
    const back = performance.getEntriesByType("navigation")[0];
    if (kept && back && back.type === "back_forward" && kept.startsWith(location.hash + " ")) scrollTo(0, Number(kept.split(" ").pop()));
  }

  form.hidden = false;
  if (!own || location.hash.length > 1) begin();
  else form.addEventListener("focusin", begin, { once: true });
})();
