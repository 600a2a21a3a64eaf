// On narrow screens the side columns are drawers: a button opens one, Escape or the scrim closes it.

import { byId } from "./dom.js";
import { icon } from "./icons.js";

const DRAWERS = [
  { name: "sidebar", opener: "open-sidebar", drawer: "sidebar" },
  { name: "panel", opener: "open-panel", drawer: "order-panel" },
];

/** Call once, when the page starts. */
export function startDrawers() {
  byId("open-sidebar").append(icon("menu"));
  const app = document.body;
  const scrim = byId("scrim");
  /** @type {HTMLElement | null} */
  let opener = null;

  const close = () => {
    if (!app.dataset.drawer) return;
    delete app.dataset.drawer;
    scrim.hidden = true;
    for (const drawer of DRAWERS) byId(drawer.opener).setAttribute("aria-expanded", "false");
    opener?.focus();
  };

  for (const { name, opener: id, drawer } of DRAWERS) {
    byId(id).addEventListener("click", () => {
      if (app.dataset.drawer === name) {
        close();
        return;
      }
      app.dataset.drawer = name;
      scrim.hidden = false;
      opener = byId(id);
      opener.setAttribute("aria-expanded", "true");
      /** @type {HTMLElement | null} */ (byId(drawer).querySelector("button, input:checked, select"))?.focus();
    });
  }
  byId("close-panel").addEventListener("click", close);
  scrim.addEventListener("click", close);
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  // Somebody who picked a channel or a person wants to see it.
  byId("sidebar").addEventListener("change", close);
  byId("sidebar").addEventListener("click", (event) => /** @type {Element} */ (event.target).closest(".channel") && close());
}
