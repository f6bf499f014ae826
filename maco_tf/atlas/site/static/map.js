// The activation atlas of a layer: a map that is moved and zoomed with mouse, fingers, keys and buttons.
(function () {
  "use strict";
  const map = document.querySelector("[data-map]"), world = map.querySelector(".world");
  const controls = document.querySelector("[data-map-controls]"), status = document.querySelector("[data-map-status]");
  const cells = Array.from(world.children);
  const style = getComputedStyle(world);
  const rows = Number(style.getPropertyValue("--rows")), columns = Number(style.getPropertyValue("--columns"));
  const MOST = 400, STEP = 1.5, LABELS = 104;

  // Side of a cell in pixels, and the place of the world's corner in the window of the map.
  let side = 0, x = 0, y = 0;
  const whole = () => Math.min(map.clientWidth / columns, map.clientHeight / rows);

  function clamp(value, size, room) {
    return size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, value));
  }

  function draw() {
    x = clamp(x, side * columns, map.clientWidth);
    y = clamp(y, side * rows, map.clientHeight);
    world.style.width = side * columns + "px";
    world.style.height = side * rows + "px";
    world.style.transform = "translate(" + x + "px," + y + "px)";
    map.classList.toggle("labelled", side >= LABELS);
    sharpen();
  }

  // A zoomed cell gets a larger picture, if it can be seen.
  function sharpen() {
    const size = side * devicePixelRatio, name = size > 300 ? "alpha" : size > 140 ? "thumb-256" : "";
    if (!name) return;
    for (const cell of cells) {
      const image = cell.querySelector("img"), left = x + side * cell.column, top = y + side * cell.row;
      if (!image || left + side < 0 || top + side < 0 || left > map.clientWidth || top > map.clientHeight) continue;
      const wanted = image.getAttribute("src").replace(/[^/]*$/, name + ".webp");
      if (image.getAttribute("src") !== wanted && !image.src.endsWith("alpha.webp")) image.src = wanted;
    }
  }

  function zoom(factor, atX, atY) {
    const before = side;
    side = Math.min(Math.max(side * factor, whole()), Math.max(MOST, whole()));
    x = atX - (atX - x) * (side / before);
    y = atY - (atY - y) * (side / before);
    draw();
  }

  function all() {
    side = whole();
    x = y = 0;
    draw();
  }

  // On a narrow window, the whole map would be too small to see anything.
  function begin() {
    side = Math.max(whole(), Math.min(64, Math.max(map.clientWidth / columns, map.clientHeight / rows)));
    [x, y] = [(map.clientWidth - side * columns) / 2, (map.clientHeight - side * rows) / 2];
    draw();
  }

  function reveal(cell) {
    const left = x + side * cell.column, top = y + side * cell.row, edge = Math.min(side, map.clientWidth / 4);
    if (left < edge) x += edge - left;
    if (left + side > map.clientWidth - edge) x -= left + side - map.clientWidth + edge;
    if (top < edge) y += edge - top;
    if (top + side > map.clientHeight - edge) y -= top + side - map.clientHeight + edge;
    draw();
  }

  const middle = () => [map.clientWidth / 2, map.clientHeight / 2];

  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = map.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });

  // One pointer moves the map, two zoom it. A pointer that has moved opens no page.
  const pointers = new Map();
  let moved = 0;
  map.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!pointers.size) moved = 0;
    pointers.set(event.pointerId, event);
  });
  window.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const others = Array.from(pointers.values()).filter((other) => other.pointerId !== event.pointerId);
    moved += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
    if (others.length) {
      const box = map.getBoundingClientRect(), other = others[0];
      const distance = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY) || 1;
      zoom(distance(event) / distance(before), (event.clientX + other.clientX) / 2 - box.left, (event.clientY + other.clientY) / 2 - box.top);
    } else if (moved > 4) {
      map.classList.add("held");
      x += event.clientX - before.clientX;
      y += event.clientY - before.clientY;
      draw();
    }
    pointers.set(event.pointerId, event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    window.addEventListener(name, (event) => { pointers.delete(event.pointerId); map.classList.remove("held"); });
  }
  map.addEventListener("click", (event) => { if (moved > 4) event.preventDefault(); }, true);

  const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // The nearest cell in a direction, where a step aside counts twice.
  function beside(cell, [right, down]) {
    let best = null, least = Infinity;
    for (const other of cells) {
      const along = (other.column - cell.column) * right + (other.row - cell.row) * down;
      const aside = Math.abs((other.column - cell.column) * down) + Math.abs((other.row - cell.row) * right);
      if (along > 0 && along + 2 * aside < least && !other.hidden) [best, least] = [other, along + 2 * aside];
    }
    return best;
  }

  map.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = DIRECTIONS[event.key], cell = event.target.closest("li");
    if (direction && cell) {
      const other = beside(cell, direction);
      if (other) enter(other);
    } else if (direction) {
      x -= direction[0] * 60;
      y -= direction[1] * 60;
      draw();
    } else if (event.key === "+" || event.key === "=") zoom(STEP, ...middle());
    else if (event.key === "-") zoom(1 / STEP, ...middle());
    else if (event.key === "0") all();
    else return;
    event.preventDefault();
  });

  function enter(cell) {
    for (const other of cells) other.firstElementChild.tabIndex = other === cell ? 0 : -1;
    cell.firstElementChild.focus({ preventScroll: true });
  }
  world.addEventListener("focusin", (event) => { map.scrollTo(0, 0); reveal(event.target.closest("li")); });

  cells.forEach((cell, place) => {
    cell.row = Number(cell.style.getPropertyValue("--row"));
    cell.column = Number(cell.style.getPropertyValue("--column"));
    cell.firstElementChild.tabIndex = place ? -1 : 0;
  });
  for (const button of controls.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom === "all") all();
      else zoom(button.dataset.zoom === "in" ? STEP : 1 / STEP, ...middle());
    });
  }

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.elements.namedItem("class").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    let number = 0;
    for (const cell of cells) {
      const found = wanted && cell.dataset.names.toLowerCase().includes(wanted);
      cell.classList.toggle("found", Boolean(found));
      number += found ? 1 : 0;
    }
    map.classList.toggle("searching", Boolean(wanted));
    status.textContent = wanted ? number + (number === 1 ? " cell supports " : " cells support ") + wanted : "";
  });

  controls.hidden = false;
  map.classList.add("live");
  begin();
  let before = whole();
  new ResizeObserver(() => {
    const fitted = side <= before;
    before = whole();
    if (fitted) all();
    else draw();
  }).observe(map);
})();
