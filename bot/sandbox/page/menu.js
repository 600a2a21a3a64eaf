// A popup menu on a button: message actions, global shortcuts, overflow elements.

import { h, uid } from "./dom.js";

/**
 * @typedef {{label: string | Node, hint?: string, testid?: string, value?: string, onPick: () => void}} MenuItem
 */

/**
 * Opens the menu beside `anchor`. The popover sits in the top layer, so no scroll area clips it;
 * inside a modal it must stand in the dialog, everything else being inert.
 * @param {HTMLElement} anchor
 * @param {MenuItem[]} items
 * @param {string} label
 */
export function openMenu(anchor, items, label) {
  const menu = h("div", { class: "menu", role: "menu", popover: "auto", id: uid("menu"), "aria-label": label, "data-testid": "menu" },
    items.map((item) => h("button", {
      type: "button", role: "menuitem", class: "menu-item", tabindex: "-1", "data-testid": item.testid, "data-value": item.value,
      onclick: () => {
        menu.hidePopover();
        item.onPick();
      },
    }, h("span", null, item.label), item.hint && h("small", null, item.hint))));
  (anchor.closest("dialog, aside, main") ?? document.body).append(menu);
  anchor.setAttribute("aria-expanded", "true");
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "open") return;
    anchor.setAttribute("aria-expanded", "false");
    if (menu.contains(document.activeElement)) anchor.focus();
    menu.remove();
  });
  menu.addEventListener("keydown", (event) => moveWithin(menu, event));
  menu.showPopover();
  place(menu, anchor);
  menu.querySelector("button")?.focus();
}

/** @param {HTMLElement} menu @param {HTMLElement} anchor */
function place(menu, anchor) {
  const gap = 6;
  const at = anchor.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = at.bottom + gap + size.height <= innerHeight;
  menu.style.top = `${Math.max(gap, below ? at.bottom + gap : at.top - gap - size.height)}px`;
  menu.style.left = `${Math.max(gap, Math.min(at.left, innerWidth - size.width - gap))}px`;
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function moveWithin(menu, event) {
  const items = [...menu.querySelectorAll("button")];
  const now = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (next === undefined) return;
  event.preventDefault();
  items[(next + items.length) % items.length].focus();
}
