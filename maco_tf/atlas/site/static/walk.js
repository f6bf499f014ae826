// The arrow keys walk over the pictures of a list, and the tab key enters and leaves it.
(function () {
  "use strict";
  const list = (element) => element.closest("[data-walk]");
  const links = (box) => Array.from(box.querySelectorAll(".tile > a"));

  // One link of a list takes the focus from the tab key.
  window.enterable = (box, link) => {
    for (const other of box.querySelectorAll(".tile > a[tabindex='0']")) other.tabIndex = -1;
    if (link) link.tabIndex = 0;
  };

  function next(all, from, key) {
    if (key === "Home") return all[0];
    if (key === "End") return all[all.length - 1];
    const step = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    let place = all.indexOf(from) + step;
    if (key === "ArrowLeft" || key === "ArrowRight") return all[place];
    // The nearest link of the row above or below.
    const start = from.getBoundingClientRect();
    let best = null, bestDistance = Infinity, row = null;
    for (; place >= 0 && place < all.length; place += step) {
      const box = all[place].getBoundingClientRect();
      if (Math.abs(box.top - start.top) < 4) continue;
      if (row === null) row = box.top;
      if (Math.abs(box.top - row) > 4) break;
      const distance = Math.abs(box.left - start.left);
      if (distance < bestDistance) [best, bestDistance] = [all[place], distance];
    }
    return best;
  }

  document.addEventListener("keydown", (event) => {
    const link = event.target.closest && event.target.closest(".tile > a");
    if (!link || !list(link) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
    const box = list(link);
    const target = next(links(box), link, event.key);
    event.preventDefault();
    event.stopPropagation();
    if (!target) return;
    enterable(box, target);
    target.focus();
    target.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("focusin", (event) => {
    const link = event.target.closest(".tile > a");
    if (link && list(link)) enterable(list(link), link);
  });

  for (const box of document.querySelectorAll("ul[data-walk]")) {
    links(box).forEach((link, place) => { link.tabIndex = place ? -1 : 0; });
  }
})();
