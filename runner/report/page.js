"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const press = (group, button) => group.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));

  // Wipe: a range input over the picture, so that arrow keys, Home and End work as anywhere.
  for (const wipe of all(".wipe")) {
    const range = wipe.querySelector("input");
    const show = () => {
      wipe.style.setProperty("--at", `${range.value}%`);
      range.setAttribute("aria-valuetext", `${Math.round(range.value)} % before`);
    };
    const follow = (event) => {
      const box = wipe.getBoundingClientRect();
      range.value = ((event.clientX - box.left) / box.width) * 100;
      show();
    };
    range.addEventListener("input", show);
    range.addEventListener("pointerdown", (event) => { range.setPointerCapture(event.pointerId); follow(event); });
    range.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
    show();
  }

  const viewer = document.querySelector(".viewer");
  const modes = all(".modes button");
  for (const button of modes) {
    button.addEventListener("click", () => { viewer.dataset.mode = button.dataset.mode; press(modes, button); });
  }

  const thumbs = all(".strip button");
  for (const button of thumbs) {
    button.addEventListener("click", () => {
      for (const still of all(".still")) still.hidden = still.id !== button.dataset.still;
      press(thumbs, button);
    });
  }

  // Curves: read values back from the drawn paths; one cursor over all panels of the page.
  const AREA = { left: 22, right: 350, top: 32, bottom: 130, width: 360 };
  const SVG = document.querySelector(".panel")?.namespaceURI;
  const panels = all(".panel").map((svg) => {
    const curves = all("[data-curve]", svg).map((path) => ({
      name: path.dataset.curve,
      points: [...path.getAttribute("d").matchAll(/([\d.]+) ([\d.]+)/g)].map((m) => [Number(m[1]), Number(m[2])]),
    }));
    const cursor = document.createElementNS(SVG, "path");
    cursor.setAttribute("class", "cursor");
    const readout = document.createElementNS(SVG, "text");
    readout.setAttribute("x", AREA.left);
    readout.setAttribute("y", 28);
    svg.append(cursor, readout);
    return { svg, curves, cursor, readout };
  });
  const nearest = (points, x) => {
    let best = null;
    for (const point of points) if (!best || Math.abs(point[0] - x) < Math.abs(best[0] - x)) best = point;
    return best && Math.abs(best[0] - x) < 4 ? best : null;
  };
  const point = (x) => {
    for (const { svg, curves, cursor, readout } of panels) {
      if (x === null) { cursor.removeAttribute("d"); readout.textContent = ""; continue; }
      const seconds = ((x - AREA.left) / (AREA.right - AREA.left)) * Number(svg.dataset.end);
      const values = curves.map(({ name, points }) => {
        const found = nearest(points, x);
        const value = found && ((AREA.bottom - found[1]) / (AREA.bottom - AREA.top)) * Number(svg.dataset.top);
        return found ? `${name} ${value.toFixed(2)}` : "";
      });
      cursor.setAttribute("d", `M${x} ${AREA.top}V${AREA.bottom}`);
      readout.textContent = [`${seconds.toFixed(2)} s`, ...values.filter(Boolean)].join("  ");
    }
  };
  for (const { svg } of panels) {
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * AREA.width;
      point(Math.min(Math.max(x, AREA.left), AREA.right));
    });
    svg.addEventListener("pointerleave", () => point(null));
  }
})();
