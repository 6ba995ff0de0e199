// What pages do by themselves where scripts run. Every page works without.
(() => {
  "use strict";
  const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

  /** <time data-when> comes in UTC and is told in the reader's zone. */
  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time[data-when]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.textContent = moment.format(at);
      time.title = clock.format(at);
      time.removeAttribute("data-when");
    }
  };

  /** <button data-copy="id"> copies the text, or the value, of the element with this id. */
  const copyButtons = (root) => {
    for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
  };

  const copy = async (button) => {
    const from = document.getElementById(button.dataset.copy);
    if (!from) return;
    await navigator.clipboard.writeText("value" in from ? from.value : from.textContent.trim());
    const said = button.querySelector("[data-said]");
    if (!said) return;
    const before = said.textContent;
    said.textContent = said.dataset.said;
    setTimeout(() => { said.textContent = before; }, 2000);
  };

  const enhance = (root) => { localTimes(root); copyButtons(root); };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("htmx:after:swap", () => enhance(document));
  document.addEventListener("DOMContentLoaded", () => enhance(document));
})();
