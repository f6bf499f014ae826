// The page of a class: a concept that is chosen shows its crops, and its places on the maps.
(function () {
  "use strict";
  const buttons = Array.from(document.querySelectorAll("[data-crops]"));
  const crops = document.querySelectorAll(".crops");
  const points = document.querySelectorAll("[data-of]");

  function choose(number) {
    for (const button of buttons) button.setAttribute("aria-expanded", String(button.dataset.crops === "crops-" + number));
    for (const box of crops) box.hidden = box.id !== "crops-" + number;
    for (const concept of document.querySelectorAll("[data-concept]")) concept.classList.toggle("chosen", concept.dataset.concept === String(number));
    for (const point of points) point.classList.toggle("faded", point.dataset.of !== String(number));
  }

  for (const button of buttons) {
    button.hidden = false;
    button.setAttribute("aria-controls", button.dataset.crops);
    button.addEventListener("click", () => {
      choose(button.closest("[data-concept]").dataset.concept);
      document.getElementById(button.dataset.crops).scrollIntoView({ block: "nearest" });
    });
  }
  for (const point of points) point.addEventListener("click", () => choose(point.dataset.of));
  if (buttons.length) {
    choose(buttons[0].closest("[data-concept]").dataset.concept);
    // Before a choice, the maps show all concepts alike.
    for (const point of points) point.classList.remove("faded");
  }
})();
