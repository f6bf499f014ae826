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
  const BLOCK_ROWS = 4;
  // Pixels between two frames from which a scroll is too fast to see pictures.
  const FAST = 150;

  let catalogue = null, wanted = [], loaded = 0, begun = false, rows = [], shown = [], groupOfChunk = [];

  // ---- The index ----

  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

  function load(file, done) {
    const script = document.createElement("script");
    script.src = root + "data/" + file;
    script.onload = done;
    script.onerror = () => { count.textContent = "A file of the search index is missing: data/" + file; };
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
    const loading = loaded < wanted.length ? "; loading the index" : "";
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

  // ---- Blocks: rows of pictures. Only those near the window exist, so that the page does not grow with the results ----

  let columns = 0, height = 0;
  const blocks = new Map();
  const side = () => columns * BLOCK_ROWS;

  function measure() {
    const style = getComputedStyle(results), number = (name) => parseFloat(style.getPropertyValue(name));
    const gap = number("column-gap"), width = results.clientWidth;
    const fitting = Math.max(2, Math.floor((width + gap) / (number("--least") + gap)));
    const row = (width - gap * (fitting - 1)) / fitting + number("--caption") + number("row-gap");
    const changed = fitting !== columns || Math.abs(row - height) > 0.01;
    [columns, height] = [fitting, row];
    return changed;
  }

  function show(found) {
    // What is drawn already stays, with its focus, if more of the index only adds to it.
    const same = !measure() && shown.length <= found.length && shown.every((row, place) => row === found[place]);
    const partial = Math.floor(shown.length / side());
    if (same && found.length > shown.length && blocks.has(partial)) {
      blocks.get(partial).remove();
      blocks.delete(partial);
    }
    shown = found;
    if (!same) {
      results.replaceChildren();
      blocks.clear();
    }
    results.style.setProperty("--columns", columns);
    results.style.height = Math.ceil(shown.length / columns) * height + "px";
    draw();
    if (!results.querySelector("a[tabindex='0']")) enterable(results, results.querySelector("a"));
  }

  // Draw the blocks within half a window of the window, and remove those that are far from it. What flies past gets no
  // pictures: they would be loaded for nothing.
  let before = 0, rest = 0;
  function draw() {
    if (results.hidden || !columns) return;
    const top = results.getBoundingClientRect().top, one = height * BLOCK_ROWS, last = Math.ceil(shown.length / side()) - 1;
    const from = Math.max(0, Math.floor((-top - innerHeight / 2) / one));
    const to = Math.min(last, Math.floor((-top + 1.5 * innerHeight) / one));
    const fast = Math.abs(top - before) > FAST;
    before = top;
    clearTimeout(rest);
    if (fast) rest = setTimeout(draw, 100);
    for (const [place, block] of blocks) {
      if ((place < from - 2 || place > to + 2) && !block.contains(document.activeElement)) {
        block.remove();
        blocks.delete(place);
      }
    }
    for (let place = from; place <= to; place += 1) {
      fill(place);
      if (!fast) loadPictures(blocks.get(place));
    }
  }

  function loadPictures(block) {
    for (const image of block.querySelectorAll("img:not([src])")) {
      image.srcset = image.dataset.from + "/thumb-256.webp 2x";
      image.src = image.dataset.from + "/thumb-128.webp";
    }
  }

  function fill(place) {
    if (place < 0 || place * side() >= shown.length || blocks.has(place)) return;
    const block = document.createElement("ul");
    const first = place * side(), last = Math.min(first + side(), shown.length);
    block.className = "block";
    block.place = place;
    block.style.top = place * BLOCK_ROWS * height + "px";
    block.setAttribute("aria-label", "Units " + (first + 1).toLocaleString("en") + " to " + last.toLocaleString("en"));
    for (let number = first; number < last; number += 1) block.append(tile(shown[number]));
    // In the order of the units, for the tab key and for screen readers.
    const after = Array.from(results.children).find((other) => other.place > place);
    results.insertBefore(block, after || null);
    blocks.set(place, block);
  }

  let drawing = false;
  addEventListener("scroll", () => {
    if (!drawing) requestAnimationFrame(() => { drawing = false; draw(); });
    drawing = true;
  }, { passive: true });

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
      image.dataset.from = from;
      picture.append(image);
    }
    link.append(picture, span("name", title(row), row[NAME]), span("note", note(row)));
    item.append(link);
    return item;
  }

  function note(row) {
    const sort = control("sort").value;
    const column = { score: SCORE, clarity: CLARITY, activity: ACTIVITY }[sort];
    if (column) return row[column] === null ? "unknown" : sort === "activity" ? (100 * row[column]).toFixed(1) + " %" : String(row[column]);
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
    fill(block.place - 1);
    fill(block.place + 1);
    if (event.key === "Home") fill(0);
    if (event.key === "End") fill(Math.ceil(shown.length / side()) - 1);
  }, true);
  // A page of few results may never scroll, and a focus moves without a scroll.
  results.addEventListener("focusin", () => requestAnimationFrame(draw));

  // ---- Events ----

  let timer = 0;
  const soon = () => { clearTimeout(timer); timer = setTimeout(() => { begin(); update(); write(); }, 80); };
  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => { event.preventDefault(); soon(); });
  window.addEventListener("hashchange", () => { if (catalogue) { read(); update(); } });
  new ResizeObserver(() => { if (catalogue && !results.hidden) show(shown); }).observe(results);

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
