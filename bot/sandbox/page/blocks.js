// Block Kit's layout blocks as DOM. The same code draws messages and modals; what differs is the
// context: where an action comes from, and whether somebody collects the inputs.

import { makeControl } from "./controls.js";
import { h, uid } from "./dom.js";
import { dispatchValues, image, renderElement } from "./elements.js";
import { plainText, renderMrkdwn, renderText } from "./mrkdwn.js";
import { renderRichText, renderTable } from "./richtext.js";

/** @typedef {import("./elements.js").BlockContext} BlockContext */

/** @type {Record<string, (block: any, context: BlockContext) => HTMLElement>} */
const BLOCKS = {
  header: (block) => h("h2", { class: "b-header" }, plainText(block.text)),
  divider: () => h("hr", { class: "b-divider" }),
  section,
  context: contextBlock,
  actions,
  image: imageBlock,
  input,
  rich_text: renderRichText,
  table: renderTable,
  markdown: (block) => h("div", { class: "md" }, renderMrkdwn(block.text)),
};

/** @param {any[]} blocks @param {BlockContext} context @returns {HTMLElement[]} */
export function renderBlocks(blocks, context) {
  return (blocks ?? []).map((block) => {
    const node = BLOCKS[block.type]?.(block, context)
      ?? h("p", { class: "b-unknown" }, `A “${block.type}” block, which this page cannot draw.`);
    if (block.block_id) node.dataset.blockId = block.block_id;
    return node;
  });
}

/** @param {any} block @param {BlockContext} context */
function section(block, context) {
  const { accessory } = block;
  return h("div", { class: accessory ? "b-section with-accessory" : "b-section" },
    h("div", { class: "b-section-main" },
      block.text && h("div", { class: "md" }, renderText(block.text)),
      block.fields && h("div", { class: "b-fields" }, block.fields.map((field) => h("div", { class: "md" }, renderText(field))))),
    accessory && h("div", { class: `b-accessory of-${accessory.type}` }, renderElement(accessory, block.block_id, context)));
}

/** @param {any} block @param {BlockContext} context */
function contextBlock(block, context) {
  return h("div", { class: "b-context" }, (block.elements ?? []).map((element) =>
    element.type === "image" ? renderElement(element, block.block_id, context) : h("div", { class: "md" }, renderText(element))));
}

/** @param {any} block @param {BlockContext} context */
function actions(block, context) {
  return h("div", { class: "b-actions" }, (block.elements ?? []).map((element) => renderElement(element, block.block_id, context)));
}

/** @param {any} block */
function imageBlock(block) {
  return h("figure", { class: "b-figure" }, block.title && h("figcaption", null, plainText(block.title)), image(block));
}

/** @param {any} block @param {BlockContext} context */
function input(block, context) {
  const { element } = block;
  const control = makeControl(element);
  if (!control) return h("p", { class: "b-unknown" }, `A “${element.type}” input, which this page cannot draw.`);
  const id = uid("field");
  const labelId = uid("label");
  const hintId = uid("hint");
  const label = [plainText(block.label), block.optional && h("span", { class: "optional" }, " (optional)")];
  control.field.id = id;
  control.field.dataset.actionId = element.action_id;
  control.field.setAttribute("aria-required", String(!block.optional));
  if (control.isGroup) control.field.setAttribute("aria-labelledby", labelId);
  if (element.focus_on_load) control.field.dataset.focusOnLoad = "";
  if (block.hint) control.field.setAttribute("aria-describedby", hintId);
  context.register?.(block.block_id, element.action_id, control);
  if (block.dispatch_action) dispatchValues(element, block.block_id, context, control);
  return h("div", { class: "b-input" },
    control.isGroup ? h("span", { class: "label", id: labelId }, label) : h("label", { class: "label", for: id }, label),
    control.node,
    block.hint && h("p", { class: "hint", id: hintId }, plainText(block.hint)));
}

/**
 * Shows or clears the error beside an input block's field.
 * @param {HTMLElement} node the input block
 * @param {string | null} text
 */
export function showFieldError(node, text) {
  const field = node.querySelector("[aria-required]");
  const previous = node.querySelector(".field-error");
  const described = (field?.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== previous?.id);
  previous?.remove();
  if (text) {
    const id = uid("error");
    node.append(h("p", { class: "field-error", id, "data-testid": "field-error" }, text));
    described.unshift(id);
  }
  node.classList.toggle("invalid", Boolean(text));
  if (!field) return;
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (described.length) field.setAttribute("aria-describedby", described.join(" "));
  else field.removeAttribute("aria-describedby");
}
