// Modals: the viewer's stack of views as <dialog>s. A live update redraws a view without losing what
// was typed into it, and leaves an unchanged view alone.

import { sendClose, sendSubmit } from "./api.js";
import { renderBlocks, showFieldError } from "./blocks.js";
import { all, byId, h, uid } from "./dom.js";
import { icon } from "./icons.js";
import { markBusy } from "./interaction.js";
import { plainText } from "./mrkdwn.js";
import { reportFailure } from "./notice.js";
import { refresh, state } from "./state.js";

/**
 * @typedef {object} OpenView
 * @property {HTMLDialogElement} dialog
 * @property {string} user
 * @property {string} sig what was drawn
 * @property {string} shownErrors the server's errors, as last shown
 * @property {Map<string, Map<string, import("./controls.js").Control>>} controls by block id, then action id
 * @property {boolean} busy
 */

/** @type {Map<string, OpenView>} */
const openViews = new Map();

/** @param {any[]} views the stack, top last */
export function renderModals(views) {
  const ids = new Set(views.map((view) => view.id));
  for (const [id, open] of [...openViews].reverse()) if (!ids.has(id)) shut(id, open);
  views.forEach((view, index) => {
    const open = openViews.get(view.id) ?? create(view);
    const sig = JSON.stringify([view.title, view.submit, view.close, view.blocks, view.hash]);
    if (open.sig !== sig) draw(open, view, sig);
    const errors = JSON.stringify(view.errors ?? null);
    if (open.shownErrors !== errors) {
      open.shownErrors = errors;
      showErrors(open, view.errors ?? {});
    }
    const isTop = index === views.length - 1;
    open.dialog.dataset.testid = isTop ? "modal" : "modal-below";
    open.dialog.classList.toggle("below", !isTop);
  });
}

/** @param {any} view @returns {OpenView} */
function create(view) {
  const dialog = h("dialog", { class: "dialog modal", "data-view-id": view.id, "data-callback-id": view.callback_id });
  const open = { dialog, user: state.place.user, sig: "", shownErrors: "null", controls: new Map(), busy: false };
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    dismiss(view.id, open);
  });
  document.body.append(dialog);
  openViews.set(view.id, open);
  return open;
}

/** @param {OpenView} open @param {any} view @param {string} sig */
function draw(open, view, sig) {
  const { dialog } = open;
  const typed = readValues(open);
  const focus = focusWithin(dialog);
  open.sig = sig;
  open.controls = new Map();
  const titleId = uid("modal-title");
  /** @type {import("./elements.js").BlockContext} */
  const context = {
    source: { kind: "view", id: view.id, values: () => readValues(open) },
    register: (blockId, actionId, control) => {
      if (!open.controls.has(blockId)) open.controls.set(blockId, new Map());
      open.controls.get(blockId).set(actionId, control);
    },
  };
  const blocks = renderBlocks(view.blocks, context);
  for (const [blockId, byAction] of open.controls) {
    for (const [actionId, control] of byAction) {
      const value = typed[blockId]?.[actionId] ?? view.state?.values?.[blockId]?.[actionId];
      // Nothing typed and nothing kept: the element's own initial value stands.
      if (value && (value === typed[blockId]?.[actionId] || !isEmpty(value)) && value.type === control.read().type) control.write(value);
    }
  }
  const form = h("form", { class: "modal-form", novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    submit(view.id, open);
  } },
  h("header", { class: "modal-head" },
    h("h2", { class: "dialog-title", id: titleId, tabindex: "-1" }, plainText(view.title)),
    h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => dismiss(view.id, open) }, icon("close"))),
  h("div", { class: "dialog-body" }, blocks),
  h("p", { class: "modal-problem", role: "alert" }),
  h("footer", { class: "dialog-foot" },
    h("button", { type: "button", class: "btn", "data-testid": "modal-close", onclick: () => dismiss(view.id, open) }, view.close ? plainText(view.close) : view.submit ? "Cancel" : "Close"),
    view.submit && h("button", { type: "submit", class: "btn primary", "data-testid": "modal-submit" }, h("span", { class: "btn-text" }, plainText(view.submit)))));
  for (const node of blocks) node.addEventListener("input", () => node.classList.contains("invalid") && showFieldError(node, null));
  dialog.setAttribute("aria-labelledby", titleId);
  dialog.replaceChildren(form);
  open.shownErrors = "null";
  setBusy(open, open.busy);
  if (!dialog.open) dialog.showModal();
  restoreFocus(dialog, focus);
}

/** @param {HTMLElement} dialog */
function focusWithin(dialog) {
  const node = /** @type {HTMLInputElement} */ (document.activeElement);
  if (!dialog.contains(node) || !node.dataset.actionId) return null;
  const canSelect = node instanceof HTMLTextAreaElement || (node instanceof HTMLInputElement && /text|url/.test(node.type));
  return {
    actionId: node.dataset.actionId,
    blockId: node.closest("[data-block-id]")?.getAttribute("data-block-id"),
    selection: canSelect ? /** @type {[number, number]} */ ([node.selectionStart, node.selectionEnd]) : null,
  };
}

/** @param {HTMLDialogElement} dialog @param {ReturnType<typeof focusWithin>} focus */
function restoreFocus(dialog, focus) {
  const twin = focus && all(dialog, "[data-action-id]").find((node) =>
    node.dataset.actionId === focus.actionId && node.closest("[data-block-id]")?.getAttribute("data-block-id") === focus.blockId);
  if (twin) {
    twin.focus();
    if (focus.selection) /** @type {HTMLInputElement} */ (twin).setSelectionRange(...focus.selection);
    return;
  }
  const first = dialog.querySelector("[data-focus-on-load]")
    ?? dialog.querySelector(".dialog-body :is(input, textarea, select):not([type=radio]:not(:checked))")
    ?? dialog.querySelector(".dialog-title");
  /** @type {HTMLElement} */ (first).focus();
}

/** @param {any} value an element's state */
const isEmpty = ({ type: _, ...value }) => Object.values(value).every((part) => part === null || part?.length === 0);

/** @param {OpenView} open @returns {Record<string, Record<string, any>>} Slack's view.state.values */
function readValues(open) {
  return Object.fromEntries([...open.controls].map(([blockId, byAction]) =>
    [blockId, Object.fromEntries([...byAction].map(([actionId, control]) => [actionId, control.read()]))]));
}

/** @param {string} id @param {OpenView} open */
async function submit(id, open) {
  if (open.busy) return;
  setBusy(open, true);
  showErrors(open, {});
  const answer = await sendSubmit({ user: open.user, view_id: id, values: readValues(open) });
  await refresh();
  setBusy(open, false);
  if (answer.ok || !openViews.has(id)) return;
  showErrors(open, answer.errors ?? {}, answer.errors ? "" : answer.message ?? "The app did not answer. Try again.");
}

/** @param {string} id @param {OpenView} open */
async function dismiss(id, open) {
  if (open.busy) return;
  setBusy(open, true);
  const answer = await sendClose({ user: open.user, view_id: id });
  await refresh();
  setBusy(open, false);
  if (!answer.ok) reportFailure(answer);
}

/**
 * Errors go beside their fields; one that belongs to no field shown is said at the foot.
 * @param {OpenView} open @param {Record<string, string>} errors @param {string} [problem]
 */
function showErrors(open, errors, problem = "") {
  const left = { ...errors };
  /** @type {HTMLElement | null} */
  let first = null;
  for (const node of all(open.dialog, ".b-input")) {
    const text = left[node.dataset.blockId] ?? null;
    delete left[node.dataset.blockId];
    showFieldError(node, text);
    if (text) first ??= node.querySelector("[aria-invalid]");
  }
  open.dialog.querySelector(".modal-problem").textContent = [problem, ...Object.values(left)].filter(Boolean).join(" ");
  const target = first?.matches("[role]") ? first.querySelector("input") : first;
  target?.focus();
}

/** @param {OpenView} open @param {boolean} busy */
function setBusy(open, busy) {
  open.busy = busy;
  open.dialog.setAttribute("aria-busy", String(busy));
  const [button] = all(open.dialog, "[data-testid=modal-submit]");
  if (button) markBusy(button, busy);
}

/** @param {string} id @param {OpenView} open */
function shut(id, open) {
  openViews.delete(id);
  // close() gives the focus back to what had it before; if that is gone (a redrawn card), the composer is next.
  open.dialog.close();
  open.dialog.remove();
  if (document.activeElement === document.body) byId("composer").querySelector("textarea")?.focus();
}
