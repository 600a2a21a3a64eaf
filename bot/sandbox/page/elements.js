// Block Kit's interactive elements in actions blocks and section accessories: buttons, overflow
// menus, images, and the selects and pickers that send an action as soon as something is chosen.

import { makeControl } from "./controls.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { act, busyKey, isBusy, markBusy } from "./interaction.js";
import { openMenu } from "./menu.js";
import { plainText } from "./mrkdwn.js";

/**
 * @typedef {object} BlockContext
 * @property {import("./interaction.js").Source} source
 * @property {(blockId: string, actionId: string, control: import("./controls.js").Control) => void} [register]
 *   a modal keeps its controls to read their values
 */

/** @param {any} element @param {string} blockId @param {BlockContext} context @returns {HTMLElement} */
export function renderElement(element, blockId, context) {
  switch (element.type) {
    case "button":
    case "workflow_button": return button(element, blockId, context);
    case "overflow": return overflow(element, blockId, context);
    case "image": return image(element);
    default: return picker(element, blockId, context);
  }
}

/** @param {any} element */
export function image(element) {
  const source = /^(https?:|data:image\/)/i.test(element.image_url ?? "") ? element.image_url : "";
  return h("img", { class: "b-img", src: source, alt: element.alt_text ?? "", loading: "lazy", referrerpolicy: "no-referrer" });
}

/** @param {any} element @param {string} blockId @param {BlockContext} context */
function button(element, blockId, context) {
  const node = h("button", {
    type: "button",
    class: `btn ${element.style ?? ""}`,
    "data-action-id": element.action_id,
    "data-busy-key": busyKey(context.source, blockId, element.action_id),
    "aria-label": element.accessibility_label ?? null,
    "aria-haspopup": element.confirm ? "dialog" : null,
    onclick: () => {
      if (/^https?:\/\//i.test(element.url ?? "")) open(element.url, "_blank", "noopener");
      act(context.source, blockId, element, { value: element.value });
    },
  }, h("span", { class: "btn-text" }, plainText(element.text)), element.url && h("span", { "aria-hidden": "true" }, " ↗"));
  markBusy(node, isBusy(/** @type {string} */ (node.dataset.busyKey)));
  return node;
}

/** @param {any} element @param {string} blockId @param {BlockContext} context */
function overflow(element, blockId, context) {
  const node = h("button", {
    type: "button",
    class: "btn icon-only",
    "data-action-id": element.action_id,
    "data-busy-key": busyKey(context.source, blockId, element.action_id),
    "aria-label": "More choices",
    "aria-haspopup": "menu",
    "aria-expanded": "false",
    onclick: () => openMenu(node, element.options.map((option) => ({
      label: plainText(option.text),
      hint: option.description && plainText(option.description),
      value: option.value,
      onPick: () => act(context.source, blockId, element, { selected_option: option }),
    })), "More choices"),
  }, icon("more"));
  return node;
}

/** @param {any} element @param {string} blockId @param {BlockContext} context */
function picker(element, blockId, context) {
  const control = makeControl(element);
  if (!control) return h("span", { class: "b-unknown" }, `“${element.type}” cannot be shown here`);
  control.field.dataset.actionId = element.action_id;
  control.field.setAttribute("aria-label", element.placeholder ? plainText(element.placeholder) : element.action_id);
  context.register?.(blockId, element.action_id, control);
  control.node.addEventListener("change", async () => {
    const { type: _, ...details } = control.read();
    await act(context.source, blockId, element, details);
  });
  return control.node;
}

const DEFAULT_TRIGGERS = ["on_enter_pressed"];

/**
 * Makes an input block's element send actions when the block asks for it (dispatch_action).
 * @param {any} element @param {string} blockId @param {BlockContext} context @param {import("./controls.js").Control} control
 */
export function dispatchValues(element, blockId, context, control) {
  const send = () => {
    const { type: _, ...details } = control.read();
    act(context.source, blockId, element, details);
  };
  if (control.isGroup || control.field instanceof HTMLSelectElement) {
    control.node.addEventListener("change", send);
    return;
  }
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? DEFAULT_TRIGGERS;
  if (triggers.includes("on_character_entered")) {
    let pause = 0;
    control.field.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(send, 300);
    });
  }
  if (triggers.includes("on_enter_pressed")) {
    control.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
      event.preventDefault();
      send();
    });
  }
}
