// What happens when an interactive element is used: confirm, mark it busy, tell the sandbox, report.

import { sendAction } from "./api.js";
import { askConfirm } from "./confirm.js";
import { all } from "./dom.js";
import { reportFailure } from "./notice.js";
import { refresh, state } from "./state.js";

/**
 * Where an element stands: in a message or in a modal (whose inputs' values travel along).
 * @typedef {{kind: "message", channel: string, ts: string} | {kind: "view", id: string, values: () => object}} Source
 */

/** Elements in flight, by key: the card may be drawn anew before its click is answered. @type {Set<string>} */
const inFlight = new Set();

/** @param {Source} source @param {string} blockId @param {string} actionId */
export const busyKey = (source, blockId, actionId) =>
  JSON.stringify([state.place.user, source.kind === "view" ? source.id : source.ts, blockId, actionId]);

/** @param {string} key */
export const isBusy = (key) => inFlight.has(key);

/**
 * @param {Source} source
 * @param {string} blockId
 * @param {any} element the Block Kit element
 * @param {object} [details] what the user chose: value, selected_option, ...
 * @returns {Promise<boolean>} whether it was sent and accepted
 */
export async function act(source, blockId, element, details = {}) {
  const key = busyKey(source, blockId, element.action_id);
  if (inFlight.has(key)) return false;
  if (element.confirm && !(await askConfirm(element.confirm))) return false;
  inFlight.add(key);
  showBusy(key, true);
  const place = source.kind === "view"
    ? { view_id: source.id, values: source.values() }
    : { channel: source.channel, message_ts: source.ts };
  const answer = await sendAction({
    user: state.place.user, channel: state.place.channel, ...place, block_id: blockId, action_id: element.action_id, ...details,
  });
  await refresh();
  inFlight.delete(key);
  showBusy(key, false);
  if (!answer.ok) reportFailure(answer);
  return Boolean(answer.ok);
}

/** @param {string} key @param {boolean} busy */
function showBusy(key, busy) {
  for (const node of all(document, "[data-busy-key]")) if (node.dataset.busyKey === key) markBusy(node, busy);
}

/** aria-disabled and not `disabled`: a disabled button would drop the keyboard's focus. @param {HTMLElement} node @param {boolean} busy */
export function markBusy(node, busy) {
  node.classList.toggle("busy", busy);
  if (busy) node.setAttribute("aria-disabled", "true");
  else node.removeAttribute("aria-disabled");
}
