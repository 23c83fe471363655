"use strict";
(() => {
  const plots = document.querySelector("[data-times]");
  if (plots) {
    const times = JSON.parse(plots.dataset.times);
    const frames = JSON.parse(plots.dataset.frames);
    const states = JSON.parse(plots.dataset.states);
    const pad = (value, size) => String(value).padStart(size, "0");
    const timecode = (all) => {
      const ms = Math.abs(all), s = Math.floor(ms / 1000), m = Math.floor(s / 60);
      return (all < 0 ? "-" : "") + Math.floor(m / 60) + ":" + pad(m % 60, 2) + ":" +
        pad(s % 60, 2) + "." + pad(ms % 1000, 3);
    };
    for (const plot of plots.querySelectorAll(".plot")) {
      const svg = plot.querySelector("svg"), cursor = svg.querySelector(".cursor");
      const readout = plot.parentNode.querySelector(".readout");
      const columns = JSON.parse(svg.dataset.columns), marks = JSON.parse(svg.dataset.marks);
      let place = 0;
      const show = (column) => {
        place = Math.min(columns.length - 1, Math.max(0, column));
        const cell = columns[place];
        let text = timecode(times[place]) + ", frame " + frames[place] + ": ";
        if (cell) {
          const low = (cell[0] / 1000).toFixed(2), high = (cell[1] / 1000).toFixed(2);
          text += "confidence " + (low === high ? low : low + " to " + high) + ", " + states[cell[2]];
        } else {
          text += "not in the run";
        }
        readout.textContent = marks[place] ? text + "; " + marks[place].join(", ") : text;
        cursor.setAttribute("transform", "translate(" + (place + 0.5) + " 0)");
        cursor.removeAttribute("hidden");
      };
      svg.setAttribute("tabindex", "0");
      svg.addEventListener("pointermove", (event) => {
        const box = svg.getBoundingClientRect();
        show(Math.floor((event.clientX - box.left) / box.width * columns.length));
      });
      svg.addEventListener("focus", () => show(place));
      svg.addEventListener("keydown", (event) => {
        const step = event.shiftKey ? 10 : 1;
        const to = { ArrowLeft: place - step, ArrowRight: place + step,
          Home: 0, End: columns.length - 1 }[event.key];
        if (event.target !== svg || to === undefined) return;
        event.preventDefault();
        show(to);
      });
    }
  }
  const cards = [...document.querySelectorAll(".moment-card")];
  const filter = document.querySelector(".controls");
  if (filter) {
    filter.hidden = false;
    filter.querySelector("select").addEventListener("change", (event) => {
      for (const card of cards) {
        card.hidden = event.target.value !== "" && card.dataset.track !== event.target.value;
      }
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
    if (event.target.closest?.("select, input, textarea")) return;
    const shown = cards.filter((card) => !card.hidden);
    const now = shown.indexOf(document.activeElement.closest(".moment-card"));
    const next = shown[event.key === "j" ? now + 1 : Math.max(0, now - 1)];
    if (next) { next.focus(); next.scrollIntoView({ block: "start" }); }
  });
})();
