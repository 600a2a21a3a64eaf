// The upstream's order panel: which order, which fault, and (order.js) what the upstream holds.

import { copyOrder, setFault } from "./api.js";
import { byId, h } from "./dom.js";
import { icon } from "./icons.js";
import { notice, reportFailure } from "./notice.js";
import { renderOrder } from "./order.js";
import { go, refresh, state } from "./state.js";

const FAULT_NAMES = ["slow", "error_before", "error_after", "cut_after", "changed_meanwhile"];

/** @type {Record<string, [string, string]>} name and explanation */
const FAULT_WORDS = {
  slow: ["Slow", "ACME answers, but only after several seconds."],
  error_before: ["500 before the change", "ACME answers with an error; nothing was changed."],
  error_after: ["500 after the change", "ACME answers with an error, although the change was made."],
  cut_before: ["Connection cut before the change", "No answer arrives; nothing was changed."],
  cut_after: ["Connection cut after the change", "The change is made, and the answer never arrives."],
  blackout: ["Cut after the change, then no reading", "The change is made, the answer is lost, and the order cannot be read for a while."],
  late_commit: ["500 now, changed later", "ACME answers with an error and makes the change a little later."],
  malformed: ["Nonsense after the change", "A web page comes instead of an answer, although the change was made."],
  malformed_before: ["Nonsense before the change", "A web page comes instead of an answer; nothing was changed."],
  changed_meanwhile: ["Changed by somebody else", "Another clerk cancels one ticket right after the bot’s next look at the order."],
  forbidden: ["Access denied", "ACME refuses the bot’s key for this order."],
  read_error: ["500 on reading", "The order cannot be read."],
};

const ALWAYS = "";

const orderSelect = h("select", { class: "field", id: "order-select", "data-testid": "order-select",
  onchange: () => go({ order: orderSelect.value }) });
const copyButton = h("button", { type: "button", class: "quiet-button", "data-testid": "order-copy", title: "A new order like this one, untouched", onclick: copy },
  icon("copy"), "Fresh copy");
const faultSelect = h("select", { class: "field", id: "fault-select", "data-testid": "fault-select",
  "aria-describedby": "fault-help", onchange: applyFault });
const timesSelect = h("select", { class: "field", id: "fault-times", "data-testid": "fault-times", onchange: applyFault },
  h("option", { value: "1" }, "once"), h("option", { value: ALWAYS }, "every time, until cleared"));
const timesRow = h("div", { class: "fault-times" }, h("label", { for: "fault-times" }, "Happens"), h("div", { class: "select-wrap" }, timesSelect));
const faultHelp = h("p", { class: "hint", id: "fault-help" });
const faultBox = h("section", { class: "fault", "aria-label": "Fault" },
  h("label", { for: "fault-select" }, "Fault"),
  h("div", { class: "select-wrap" }, faultSelect),
  timesRow,
  faultHelp);
const roots = { stub: h("div", { class: "stub" }), log: h("div", { class: "order-log" }) };
const nothing = h("p", { class: "nothing" });

/** Call once, when the page starts. */
export function startPanel() {
  byId("order-panel").append(
    h("header", { class: "side-head" },
      h("div", null,
        h("p", { class: "eyebrow" }, "ACME Ticketing"),
        h("h2", { id: "panel-title" }, "What the upstream holds")),
      copyButton,
      h("button", { type: "button", class: "icon-button only-middle", id: "close-panel", "aria-label": "Close the order panel" }, icon("close"))),
    h("div", { class: "panel-scroll" },
      h("div", { class: "order-choice" },
        h("label", { for: "order-select", class: "sr-only" }, "Order"),
        h("div", { class: "select-wrap" }, orderSelect)),
      nothing,
      roots.stub,
      faultBox,
      roots.log));
}

export function renderPanel() {
  renderOptions(orderSelect, state.orders.map((row) => [row.id, `${row.id} · ${row.title}`]));
  orderSelect.value = state.place.order;
  nothing.hidden = Boolean(state.order);
  for (const part of [faultBox, roots.stub, roots.log]) part.hidden = !state.order;
  if (!state.order) {
    nothing.textContent = state.orders.length ? `ACME knows no order ${state.place.order}.` : "No orders yet.";
    return;
  }
  const names = (state.faults ?? FAULT_NAMES).map((fault) => (typeof fault === "string" ? { name: fault } : fault));
  renderOptions(faultSelect, [["", "None: answers normally"], ...names.map((fault) => [fault.name, faultWords(fault)[0]])]);
  const now = state.order.fault ?? "";
  if (document.activeElement !== faultSelect || faultSelect.value !== now) faultSelect.value = now;
  faultBox.classList.toggle("active", Boolean(now));
  timesRow.hidden = !now;
  faultHelp.textContent = now ? faultWords(names.find((fault) => fault.name === now) ?? { name: now })[1] : "Make the upstream misbehave and see what the bot does about it.";
  renderOrder(roots, state.order);
}

/** @param {{name: string, label?: string, description?: string}} fault @returns {[string, string]} */
function faultWords({ name, label, description }) {
  const [title, text] = FAULT_WORDS[name] ?? [name.replaceAll("_", " "), ""];
  return [label ?? title, description ?? text];
}

/** Leaves an open select alone when its choices are the same. @param {HTMLSelectElement} select @param {string[][]} choices */
function renderOptions(select, choices) {
  const sig = JSON.stringify(choices);
  if (select.dataset.sig === sig) return;
  select.dataset.sig = sig;
  select.replaceChildren(...choices.map(([value, label]) => h("option", { value }, label)));
}

async function applyFault() {
  const fault = faultSelect.value || null;
  const times = timesSelect.value === ALWAYS ? null : Number(timesSelect.value);
  const answer = await setFault(state.place.order, { fault, times });
  await refresh();
  if (!answer.ok) reportFailure(answer);
}

async function copy() {
  const answer = await copyOrder(state.place.order);
  if (!answer.ok) {
    reportFailure(answer);
    return;
  }
  await refresh();
  go({ order: answer.id });
  notice(`Order ${answer.id} is a fresh copy.`, "info");
}
