// One upstream order, drawn like a ticket stub: lines, money, history, the requests it received.
// What changed since the last look flashes.

import { eventDay, stamp } from "./dates.js";
import { h } from "./dom.js";

const REQUESTS_SHOWN = 12;
const FLASH_MS = 2600;

/** Values last shown and when they changed, by order and field. @type {Map<string, Map<string, {text: string, changedAt: number}>>} */
const lastShown = new Map();
/** Requests whose body the viewer opened or closed by hand. @type {Map<string, boolean>} */
const unfolded = new Map();
let drawn = "";

/**
 * @param {{stub: HTMLElement, log: HTMLElement}} roots what it holds, and what happened to it
 * @param {any} order the answer of /ui/orders/{id}
 */
export function renderOrder({ stub, log }, order) {
  const sig = JSON.stringify(order);
  if (sig === drawn && stub.hasChildNodes()) return;
  drawn = sig;
  const isFirstLook = !lastShown.has(order.id);
  const seen = lastShown.get(order.id) ?? new Map();
  lastShown.set(order.id, seen);
  const live = (/** @type {string} */ key, /** @type {any} */ shown, /** @type {string} */ tag = "span", /** @type {any} */ props = {}) => {
    const text = String(shown ?? "–");
    const before = seen.get(key);
    const changedAt = before && before.text !== text ? Date.now() : before?.changedAt ?? 0;
    seen.set(key, { text, changedAt });
    return flashing(h(tag, { ...props, "data-field": key }, text), changedAt);
  };
  const money = moneyFormat(order.currency);
  stub.replaceChildren(
    h("div", { class: "stub-head" },
      h("div", null, h("strong", null, order.guest || order.title), h("span", null, `Order ${order.id} · number ${order.number}`))),
    lines(order, live, money),
    h("dl", { class: "totals" },
      total("Total", live("total", money(order.total), "dd"), order.original_total !== order.total && `was ${money(order.original_total)}`),
      total("Paid", live("paid", money(order.paid), "dd")),
      total("Balance", live("balance", money(order.balance), "dd")),
      total("Refunded", live("refunded", money(order.refunded), "dd", { class: Number(order.refunded) ? "refunded" : "" }))),
    h("p", { class: "stub-foot" }, h("span", null, order.payment), h("span", null, "Updated ", live("updated_on", stamp(order.updated_on)))));
  log.replaceChildren(...[requests(order, isFirstLook), history(order)].filter(Boolean));
}

/** A later redraw takes the flash up where it was. @param {HTMLElement} node @param {number} changedAt */
function flashing(node, changedAt) {
  const elapsed = Date.now() - changedAt;
  if (elapsed >= FLASH_MS) return node;
  node.classList.add("flash");
  node.style.animationDelay = `-${elapsed}ms`;
  return node;
}

/** @param {string} currency @returns {(amount: any) => string} */
function moneyFormat(currency) {
  let format = (/** @type {number} */ amount) => amount.toFixed(2);
  try {
    format = new Intl.NumberFormat(undefined, { style: "currency", currency }).format;
  } catch {
    // An order in a currency the browser does not know: the bare amount will do.
  }
  return (amount) => (amount === null || amount === undefined || amount === "" || Number.isNaN(Number(amount)) ? "–" : format(Number(amount)));
}

/** @param {any} order @param {Function} live @param {(amount: any) => string} money */
function lines(order, live, money) {
  return h("table", { class: "lines" },
    h("thead", null, h("tr", null,
      h("th", { scope: "col" }, "Ticket"), h("th", { scope: "col" }, "Holds"), h("th", { scope: "col" }, "Amount"))),
    h("tbody", null, order.lines.map((line) => {
      const gone = Number(line.quantity) === 0;
      return h("tr", { class: gone ? "gone" : null, "data-line": line.id },
        h("td", null,
          h("span", { class: "line-name" }, line.name),
          h("span", { class: "line-event" }, [line.event, line.event_date && eventDay(line.event_date)].filter(Boolean).join(", ")),
          h("span", { class: "line-more" }, `${money(line.unit_price)} each`,
            Number(line.checked_in) > 0 && h("span", { class: "tag warn" }, `${line.checked_in} checked in`))),
        h("td", { class: "holds" },
          live(`line ${line.id} quantity`, line.quantity, "b", { "data-testid": `quantity-${line.id}` }),
          h("span", null, ` of ${line.original_quantity}`)),
        h("td", { class: "amount" }, live(`line ${line.id} amount`, money(line.amount))));
    })));
}

/** @param {string} name @param {HTMLElement} value @param {string | false} [note] */
function total(name, value, note) {
  return h("div", null, h("dt", null, name, note && h("small", null, ` ${note}`)), value);
}

/** @param {any} order @param {boolean} isFirstLook */
function requests(order, isFirstLook) {
  const all = order.requests ?? [];
  const latest = [...all].sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || 0).slice(-REQUESTS_SHOWN).reverse();
  return h("section", { class: "requests" },
    h("h3", null, "Requests received"),
    latest.length === 0 && h("p", { class: "nothing" }, "None for this order yet."),
    h("ol", null, latest.map((request) => requestRow(order, request, isFirstLook))));
}

/** When each request was first seen. @type {Map<string, number>} */
const seenRequests = new Map();

/** @param {any} order @param {any} request @param {boolean} isFirstLook */
function requestRow(order, request, isFirstLook) {
  const key = `${order.id} ${request.at} ${request.method} ${request.path}`;
  if (!seenRequests.has(key)) seenRequests.set(key, isFirstLook ? 0 : Date.now());
  const item = flashing(h("li", { class: "request" }), seenRequests.get(key));
  const failed = typeof request.status !== "number" || request.status >= 400;
  const head = [
    h("span", { class: `method ${request.method.toLowerCase()}` }, request.method),
    h("span", { class: "path" }, request.path),
    h("span", { class: failed ? "status bad" : "status" }, String(request.status ?? "cut")),
    h("time", null, stamp(request.at)),
  ];
  const hasBody = request.body !== null && request.body !== undefined && request.body !== "";
  if (!hasBody) {
    item.append(h("div", { class: "request-head" }, head));
    return item;
  }
  const text = typeof request.body === "string" ? request.body : JSON.stringify(request.body, null, 2);
  const details = h("details", { open: unfolded.get(key) ?? true },
    h("summary", { class: "request-head" }, head),
    h("pre", { class: "request-body", tabindex: "0", "aria-label": "Request body" }, text));
  details.addEventListener("toggle", () => unfolded.set(key, /** @type {HTMLDetailsElement} */ (details).open));
  item.append(details);
  return item;
}

/** @param {any} order */
function history(order) {
  const entries = [...(order.history ?? [])].reverse();
  if (!entries.length) return null;
  return h("section", { class: "history" },
    h("h3", null, "History"),
    h("ol", null, entries.map((entry) => h("li", null, h("time", null, stamp(entry.at)), h("span", null, entry.what)))));
}
