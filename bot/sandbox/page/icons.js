// The page's line icons, drawn for it, as path data on a 20 x 20 grid.

const PATHS = {
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  close: "m5 5 10 10M15 5 5 15",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  reply: "M3.5 5.5A1.5 1.5 0 0 1 5 4h10a1.5 1.5 0 0 1 1.5 1.5v6A1.5 1.5 0 0 1 15 13H9.5L6 16v-3H5a1.5 1.5 0 0 1-1.5-1.5z",
  bolt: "M11 2.5 4.5 11.5H10L9 17.5l6.5-9H10z",
  send: "M3.5 10h7M3.5 10 2.8 3.6 17 10 2.8 16.4z",
  lock: "M5.5 9h9v7h-9zM7.2 9V6.8a2.8 2.8 0 0 1 5.6 0V9",
  eye: "M2 10s2.8-5 8-5 8 5 8 5-2.8 5-8 5-8-5-8-5zM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  down: "M10 4v11M5.5 10.5 10 15l4.5-4.5",
  copy: "M7 7h9v9H7zM4 13V4h9",
  alert: "M10 3 1.8 16.5h16.4zM10 8v4M10 14.4h.01",
  check: "m4 10.5 4 4 8-9",
};

/** @param {keyof typeof PATHS} name @returns {SVGSVGElement} */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
