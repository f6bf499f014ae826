// The page of a unit or a class: the slider from opaque to transparent, the background, seeds, and what can be copied.
(function () {
  "use strict";
  const fading = document.querySelectorAll("[data-fading]");
  const controls = document.querySelector("[data-controls]");

  if (controls && fading.length) {
    const slider = controls.querySelector("[data-fade]");
    const grounds = controls.querySelectorAll("input[name='ground']");
    const apply = () => {
      for (const element of fading) element.style.setProperty("--opaque", 1 - slider.value / 100);
      slider.setAttribute("aria-valuetext", slider.value + " % transparent");
    };
    const paint = () => {
      document.documentElement.dataset.ground = controls.querySelector("input[name='ground']:checked").value;
    };
    if (remembered.get("fade") !== null) slider.value = remembered.get("fade");
    for (const ground of grounds) {
      if (ground.value === remembered.get("ground")) ground.checked = true;
      ground.addEventListener("change", () => { remembered.set("ground", ground.value); paint(); });
    }
    slider.addEventListener("input", () => { remembered.set("fade", slider.value); apply(); });
    controls.hidden = false;
    apply();
    paint();
  }

  // The seed is in the address, so that a link can lead to it.
  const seeds = Array.from(document.querySelectorAll(".seed"));
  function choose() {
    const chosen = seeds.find((seed) => "#" + seed.id === location.hash) || seeds[0];
    for (const seed of seeds) seed.hidden = seed !== chosen;
    for (const link of document.querySelectorAll(".seeds a")) {
      if (link.getAttribute("href") === "#" + chosen.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  if (seeds.length) {
    for (const link of document.querySelectorAll(".seeds a")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        try { history.replaceState(null, "", link.getAttribute("href")); } catch (error) { location.replace(link.href); }
        choose();
      });
    }
    window.addEventListener("hashchange", choose);
    choose();
  }

  // The clipboard may be closed to pages on disk; a selected field can be copied everywhere.
  function copy(text) {
    const byHand = () => {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done ? Promise.resolve() : Promise.reject(new Error("refused"));
    };
    return navigator.clipboard ? navigator.clipboard.writeText(text).catch(byHand) : byHand();
  }
  function copies(button, text) {
    const name = button.textContent;
    button.hidden = false;
    button.addEventListener("click", () => {
      const say = (word) => { button.textContent = word; setTimeout(() => { button.textContent = name; }, 1500); };
      copy(text()).then(() => say("Copied"), () => say("Could not copy"));
    });
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    copies(button, () => document.getElementById(button.dataset.copy).textContent);
  }
  for (const button of document.querySelectorAll("[data-copy-link]")) copies(button, () => location.href);

  // The arrow keys lead to the units beside this one.
  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const link = document.querySelector({ ArrowLeft: "a[rel='prev']", ArrowRight: "a[rel='next']" }[event.key] || "none");
    if (link) location.href = link.href;
  });
})();
