// The newcomer's guide: a welcome card in an empty channel, then one tip at a time above the composer.

import { composer } from "./chat.js";
import { byId, h } from "./dom.js";
import { icon } from "./icons.js";
import { firstWithRole, isFullMember } from "./people.js";
import { currentChannel, go, state } from "./state.js";

/** Tips the viewer has put away. @type {Set<string>} */
const dismissed = new Set();

let shownWelcome = "";
let shownTip = "";

export function renderGuide() {
  const channel = currentChannel();
  if (!channel) return;
  const cards = state.snapshot.messages.filter((message) => message.bot && !message.ephemeral && message.blocks?.length);
  const open = cards.some((message) => hasAction(message.blocks, "approve"));
  const usable = channel.bot_is_member && channel.kind !== "im" && !channel.archived;
  const approver = firstWithRole("approver");
  const mayAsk = isFullMember(state.snapshot.me);
  if (usable || state.snapshot.messages.length) renderWelcome(usable && mayAsk && cards.length === 0 ? `/cancel-order ${state.place.order}` : "", approver);
  else renderEmpty(channel);
  renderTip(usable && (cards.length || !mayAsk) ? nextTip(open, approver) : null);
}

/** @param {any[]} blocks @param {string} actionId */
const hasAction = (blocks, actionId) =>
  blocks.some((block) => block.elements?.some?.((element) => element.action_id === actionId));

/** @param {string} command empty when nothing is to be said @param {any} approver */
function renderWelcome(command, approver) {
  const sig = `${command} ${approver?.id}`;
  if (sig === shownWelcome) return;
  shownWelcome = sig;
  const first = approver?.real_name.split(" ")[0] ?? "an approver";
  byId("welcome").replaceChildren(...(command ? [h("section", { class: "welcome", "aria-label": "How to begin" },
    h("h2", null, "Cancel an order in three steps"),
    h("ol", null,
      h("li", null, h("span", null, "Type ", h("code", { class: "md-code" }, command), " and press Enter."),
        h("button", { type: "button", class: "btn primary", "data-testid": "fill-composer", onclick: () => composer.fill(command) }, "Fill it in for me")),
      h("li", null, h("span", null, "Switch to ", h("strong", null, first), " (approver) on the left and press ", h("strong", null, "Approve"), " on the card.")),
      h("li", null, h("span", null, "Watch the order on the right: the quantity drops, once, and the refund stands in the card’s thread.")))),
  ] : []));
}

/** @param {import("./state.js").Channel} channel without messages, and not one to cancel orders in */
function renderEmpty(channel) {
  const text = channel.archived
    ? "This channel is archived. Nothing was kept of it."
    : "Nothing here yet. rescind is not in this channel: type /cancel-order and see what it answers, or invite it above.";
  if (text === shownWelcome) return;
  shownWelcome = text;
  byId("welcome").replaceChildren(h("p", { class: "nothing-here" }, text));
}

/** @param {boolean} open whether a card waits for a decision @param {any} approver */
function nextTip(open, approver) {
  const { me } = state.snapshot;
  if (me.deleted) return null;
  if (!isFullMember(me)) return { id: `no ${me.id}`, text: whyNot(me) };
  if (!open) {
    return {
      id: "harder", text: "Now make it hard: choose a fault in the order panel, take a fresh copy of the order, and cancel again.",
    };
  }
  if (me.role === "approver") return { id: "approve", text: "You may decide: press Approve on the card and watch the quantities change in the order panel." };
  if (!approver) return null;
  const first = approver.real_name.split(" ")[0];
  return {
    id: "switch", text: `The card waits for a decision, and ${first} may approve it.`,
    label: `Become ${first}`, act: () => go({ user: approver.id }),
  };
}

/** @param {import("./state.js").User} me nobody who may ask or approve */
function whyNot(me) {
  const first = me.real_name.split(" ")[0];
  const outcome = `may neither ask nor approve: what ${first} tries is refused privately, and the request stays open.`;
  if (me.is_outsider) return `People from another workspace have no /cancel-order, and ${outcome}`;
  return `${me.is_bot ? "Bots of other apps" : "Guests"} ${outcome}`;
}

/** @param {{id: string, text: string, label?: string, act?: () => void} | null} tip */
function renderTip(tip) {
  const visible = tip && !dismissed.has(tip.id) ? tip : null;
  const sig = visible?.id ?? "";
  if (sig === shownTip) return;
  shownTip = sig;
  byId("tip").replaceChildren(...(visible ? [h("aside", { class: "tip", "aria-label": "Tip" },
    h("p", null, visible.text),
    visible.label && h("button", { type: "button", class: "btn small", "data-testid": "tip-action", onclick: visible.act }, visible.label),
    h("button", { type: "button", class: "icon-button", "aria-label": "Put this tip away", onclick: () => {
      dismissed.add(visible.id);
      renderTip(null);
    } }, icon("close")))] : []));
}
