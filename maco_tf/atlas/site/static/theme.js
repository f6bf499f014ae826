// Light and dark: the choice is kept on this machine, and is applied before the page is drawn.
(function () {
  "use strict";
  const root = document.documentElement;
  const names = ["auto", "light", "dark"];

  // Storage is refused in some private windows and for files.
  window.remembered = {
    get(name) {
      try { return localStorage.getItem("atlas-" + name); } catch (error) { return null; }
    },
    set(name, value) {
      try { localStorage.setItem("atlas-" + name, value); } catch (error) { /* The choice lasts for this page. */ }
    },
  };

  let chosen = names.includes(remembered.get("theme")) ? remembered.get("theme") : "auto";
  const apply = () => { root.dataset.theme = chosen; };
  apply();

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector(".theme");
    const name = button.querySelector(".theme-name");
    const show = () => { name.textContent = { auto: "Auto", light: "Light", dark: "Dark" }[chosen]; };
    button.hidden = false;
    button.addEventListener("click", () => {
      chosen = names[(names.indexOf(chosen) + 1) % names.length];
      remembered.set("theme", chosen);
      apply();
      show();
    });
    show();
  });
})();
