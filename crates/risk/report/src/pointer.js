"use strict";
(() => {
  const tip = document.getElementById("tip");
  for (const surface of document.querySelectorAll(".surface")) {
    const svg = surface.ownerSVGElement;
    const cross = svg.querySelector(".cross");
    let data = null;
    surface.addEventListener("pointermove", (event) => {
      if (!data) {
        data = JSON.parse(surface.dataset.chart);
        data.times = data.times.split("|");
        for (const one of data.series) one.values = one.values.split("|");
      }
      const box = surface.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      const column = Math.round(share * (data.times.length - 1));
      const x = data.left + (data.right - data.left) * column / Math.max(1, data.times.length - 1);
      cross.setAttribute("x1", x);
      cross.setAttribute("x2", x);
      cross.setAttribute("visibility", "visible");
      const time = document.createElement("b");
      time.textContent = data.times[column] + " UTC";
      tip.replaceChildren(time);
      for (const one of data.series) {
        const row = document.createElement("div");
        const name = document.createElement("span");
        const swatch = document.createElement("i");
        swatch.style.background = "var(--" + one.colour + ")";
        name.append(swatch, one.name);
        const value = document.createElement("span");
        value.textContent = one.values[column];
        row.append(name, value);
        tip.append(row);
      }
      tip.hidden = false;
      const left = event.clientX + 16 + tip.offsetWidth > innerWidth ? event.clientX - 16 - tip.offsetWidth : event.clientX + 16;
      tip.style.left = Math.max(4, left) + "px";
      tip.style.top = Math.min(innerHeight - tip.offsetHeight - 4, event.clientY + 16) + "px";
    });
    surface.addEventListener("pointerleave", () => {
      tip.hidden = true;
      cross.setAttribute("visibility", "hidden");
    });
  }
})();
