// The filter above a long list of sources to tick. Without scripts the whole list is there.
(() => {
  "use strict";
  const fold = (text) => text.normalize("NFKD").toLowerCase();

  const filter = (picker) => {
    const words = fold(picker.querySelector("[data-picker-find] input").value.trim());
    let shown = 0;
    for (const row of picker.querySelectorAll(".picker-list > li")) {
      const name = fold(row.querySelector("bdi").textContent);
      row.hidden = !name.includes(words);
      if (!row.hidden) shown += 1;
    }
    picker.querySelector("[data-picker-none]").hidden = shown > 0;
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const find of document.querySelectorAll("[data-picker-find]")) {
      const picker = find.closest("[data-picker]");
      find.hidden = false;
      find.querySelector("input").addEventListener("input", () => filter(picker));
      find.querySelector("input").addEventListener("keydown", (event) => {
        if (event.key === "Enter") event.preventDefault();  // it would send the form
      });
    }
  });
})();
