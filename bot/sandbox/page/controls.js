// Form controls for Block Kit's input elements. A control can be read and written as the element's
// state in Slack's view.state.values, which is also how a redrawn modal keeps what was typed.

import { h, uid } from "./dom.js";
import { plainText, renderText } from "./mrkdwn.js";
import { state } from "./state.js";

/**
 * @typedef {object} Control
 * @property {HTMLElement} node what stands on the page
 * @property {HTMLElement} field what takes the focus and the aria attributes
 * @property {boolean} isGroup radio buttons and checkboxes: named by a legend, not by a label
 * @property {() => any} read the element's state
 * @property {(value: any) => void} write
 */

/** @type {Record<string, (element: any) => Control>} */
const MAKERS = {
  plain_text_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  number_input: numberInput,
  datepicker: (element) => timeInput(element, "date"),
  timepicker: (element) => timeInput(element, "time"),
  static_select: staticSelect,
  users_select: (element) => listSelect(element, "selected_user", people(), element.initial_user),
  conversations_select: (element) => listSelect(element, "selected_conversation", conversations(element.filter),
    element.initial_conversation ?? (element.default_to_current_conversation ? state.place.channel : null)),
  channels_select: (element) => listSelect(element, "selected_channel",
    conversations({ include: ["public"] }), element.initial_channel),
  radio_buttons: radioButtons,
  checkboxes,
};

/** @param {any} element @returns {Control | null} null for an element that takes no input */
export function makeControl(element) {
  return MAKERS[element.type]?.(element) ?? null;
}

const INPUT_TYPES = { email_text_input: "email", url_text_input: "url" };

/** @returns {Control} */
function textInput(element) {
  const common = {
    class: "field",
    placeholder: element.placeholder ? plainText(element.placeholder) : null,
    autocomplete: "off",
  };
  const field = /** @type {HTMLInputElement} */ (element.multiline
    ? h("textarea", { ...common, rows: 3 })
    : h("input", { ...common, type: INPUT_TYPES[element.type] ?? "text" }));
  const counter = h("span", { class: "counter", "aria-hidden": "true" });
  const count = () => {
    const left = (element.max_length ?? Infinity) - field.value.length;
    counter.textContent = left <= 100 ? `${left}` : "";
    counter.classList.toggle("over", left < 0);
  };
  field.addEventListener("input", count);
  field.value = element.initial_value ?? "";
  count();
  return {
    node: h("div", { class: "field-wrap" }, field, counter),
    field,
    isGroup: false,
    read: () => ({ type: element.type, value: field.value || null }),
    write: (value) => {
      field.value = value.value ?? "";
      count();
    },
  };
}

/** @returns {Control} */
function numberInput(element) {
  const field = h("input", {
    class: "field number",
    type: "number",
    min: element.min_value,
    max: element.max_value,
    step: element.is_decimal_allowed ? "any" : "1",
    placeholder: element.placeholder ? plainText(element.placeholder) : null,
    autocomplete: "off",
  });
  field.value = element.initial_value ?? "";
  const step = (/** @type {1 | -1} */ direction) => {
    if (field.value === "") field.value = element.min_value ?? "0";
    else if (direction > 0) field.stepUp();
    else field.stepDown();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };
  // The arrow keys do the same on the field itself, so these stay out of the tab order.
  const stepper = (sign, label, direction) =>
    h("button", { type: "button", class: "stepper", tabindex: "-1", "aria-label": label, onclick: () => step(direction) }, sign);
  return {
    node: h("div", { class: "number-wrap" }, stepper("−", "One less", -1), field, stepper("+", "One more", 1)),
    field,
    isGroup: false,
    read: () => ({ type: element.type, value: field.value || null }),
    write: (value) => {
      field.value = value.value ?? "";
    },
  };
}

/** @param {any} element @param {"date" | "time"} type @returns {Control} */
function timeInput(element, type) {
  const field = h("input", { class: "field", type });
  field.value = element[`initial_${type}`] ?? "";
  return {
    node: field,
    field,
    isGroup: false,
    read: () => ({ type: element.type, [`selected_${type}`]: field.value || null }),
    write: (value) => {
      field.value = value[`selected_${type}`] ?? "";
    },
  };
}

/** @returns {Control} */
function staticSelect(element) {
  const groups = element.option_groups ?? [{ options: element.options ?? [] }];
  const options = groups.flatMap((group) => group.options);
  const field = selectField(element, groups.map((group) => {
    const nodes = group.options.map((option) => h("option", { value: option.value }, plainText(option.text)));
    return group.label ? h("optgroup", { label: plainText(group.label) }, nodes) : nodes;
  }));
  field.value = element.initial_option?.value ?? "";
  return {
    node: h("div", { class: "select-wrap" }, field),
    field,
    isGroup: false,
    read: () => ({ type: element.type, selected_option: options.find((option) => option.value === field.value) ?? null }),
    write: (value) => {
      field.value = value.selected_option?.value ?? "";
    },
  };
}

/**
 * @param {any} element
 * @param {"selected_user" | "selected_conversation" | "selected_channel"} key
 * @param {Array<[string, string]>} choices id and name
 * @param {string | null | undefined} initial
 * @returns {Control}
 */
function listSelect(element, key, choices, initial) {
  const field = selectField(element, choices.map(([id, name]) => h("option", { value: id }, name)));
  field.value = initial ?? "";
  return {
    node: h("div", { class: "select-wrap" }, field),
    field,
    isGroup: false,
    read: () => ({ type: element.type, [key]: field.value || null }),
    write: (value) => {
      field.value = value[key] ?? "";
    },
  };
}

/** @param {any} element @param {any} options @returns {HTMLSelectElement} */
function selectField(element, options) {
  const placeholder = element.placeholder ? plainText(element.placeholder) : "Choose…";
  return h("select", { class: "field" }, h("option", { value: "" }, placeholder), options);
}

/** @returns {Array<[string, string]>} */
function people() {
  return state.snapshot.users.filter((user) => user.role !== "bot" && !user.deleted).map((user) => [user.id, user.real_name]);
}

/** @param {{include?: string[]} | undefined} filter @returns {Array<[string, string]>} */
function conversations(filter) {
  const include = filter?.include ?? ["public", "private", "im"];
  return state.snapshot.channels
    .filter((channel) => include.includes(channel.kind) && !channel.archived)
    .map((channel) => [channel.id, channel.kind === "im" ? `@${channel.name}` : `#${channel.name}`]);
}

/** @returns {Control} */
function radioButtons(element) {
  const group = optionGroup(element, "radio", element.initial_option ? [element.initial_option] : []);
  return {
    ...group,
    read: () => ({ type: element.type, selected_option: group.chosen()[0] ?? null }),
    write: (value) => group.choose(value.selected_option ? [value.selected_option] : []),
  };
}

/** @returns {Control} */
function checkboxes(element) {
  const group = optionGroup(element, "checkbox", element.initial_options ?? []);
  return {
    ...group,
    read: () => ({ type: element.type, selected_options: group.chosen() }),
    write: (value) => group.choose(value.selected_options ?? []),
  };
}

/** @param {any} element @param {"radio" | "checkbox"} type @param {any[]} initial */
function optionGroup(element, type, initial) {
  const name = uid("options");
  const inputs = /** @type {HTMLInputElement[]} */ ((element.options ?? []).map((option) =>
    h("input", { type, name, value: option.value })));
  const rows = inputs.map((input, index) => {
    const option = element.options[index];
    return h("label", { class: "option" }, input, h("span", { class: "md" }, renderText(option.text),
      option.description && h("small", null, renderText(option.description))));
  });
  const choose = (/** @type {any[]} */ options) => {
    const values = options.map((option) => option.value);
    for (const input of inputs) input.checked = values.includes(input.value);
  };
  choose(initial);
  const node = h("div", { class: "options", role: type === "radio" ? "radiogroup" : "group" }, rows);
  return {
    node,
    field: node,
    isGroup: true,
    choose,
    chosen: () => element.options.filter((_, index) => inputs[index].checked),
  };
}
