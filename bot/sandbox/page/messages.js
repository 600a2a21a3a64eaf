// The channel's message list: days, grouping, and staying at the bottom only when one is there.

import { dateOf, dayName } from "./dates.js";
import { all, byId, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { continues, isReply, renderMessage } from "./message.js";
import { userById, state } from "./state.js";

const NEAR_BOTTOM = 48;

let stuck = true;
let shownPlace = "";
let lastSeen = "";

/** Call once, when the page starts. */
export function startMessages() {
  const scroll = byId("scroll");
  const jump = byId("jump");
  jump.prepend(icon("down"));
  jump.addEventListener("click", toBottom);
  scroll.addEventListener("scroll", () => {
    stuck = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_BOTTOM;
    if (stuck) jump.hidden = true;
  }, { passive: true });
  // A card that grows, an image that arrives, a composer that takes a second line: the bottom stays the bottom.
  const watcher = new ResizeObserver(() => stuck && toBottom());
  watcher.observe(byId("log"));
  watcher.observe(scroll);
  byId("log").addEventListener("keydown", walk);
}

export function renderMessages() {
  const { place, snapshot } = state;
  const log = byId("log");
  const where = `${place.user} ${place.channel}`;
  const moved = where !== shownPlace;
  if (moved) {
    // Another channel is not news: screen readers should not read it out from the top.
    log.setAttribute("aria-live", "off");
    setTimeout(() => log.setAttribute("aria-live", "polite"), 300);
  }
  const top = snapshot.messages.filter((message) => !isReply(message) || message.broadcast);
  log.setAttribute("aria-label", "Messages");
  reconcile(log, messageItems(top, { where, inThread: false }));

  const newest = top.at(-1);
  if (moved || stuck || (newest && newest.ts !== lastSeen && newest.user === place.user)) toBottom();
  else if (newest && newest.ts > lastSeen) byId("jump").hidden = false;
  shownPlace = where;
  lastSeen = newest?.ts ?? "";
}

/**
 * Reconcile items for a run of messages, oldest first.
 * @param {import("./state.js").Message[]} messages
 * @param {{where: string, inThread: boolean}} options
 */
export function messageItems(messages, { where, inThread }) {
  const items = [];
  let day = "";
  messages.forEach((message, index) => {
    const today = dayName(dateOf(message.ts));
    const newDay = today !== day;
    if (newDay && !inThread) items.push(divider(`${where} ${today}`, today));
    day = today;
    const grouped = !newDay && continues(messages[index - 1], message);
    const lastReply = inThread || !message.reply_count ? undefined : lastReplyTo(message.ts);
    items.push({
      key: `${where} ${message.ts}`,
      sig: JSON.stringify([message, grouped, lastReply?.ts, userById(message.user)]),
      make: (isUpdate) => renderMessage(message, { grouped, inThread, isUpdate, lastReply }),
    });
  });
  return items;
}

/** @param {string} key @param {string} day */
function divider(key, day) {
  return { key, sig: day, make: () => h("div", { class: "day", role: "separator", "aria-label": day }, h("span", null, day)) };
}

/** @param {string} ts */
function lastReplyTo(ts) {
  return state.snapshot.messages.findLast((message) => message.thread_ts === ts && message.ts !== ts);
}

export function toBottom() {
  const scroll = byId("scroll");
  scroll.scrollTop = scroll.scrollHeight;
  stuck = true;
  byId("jump").hidden = true;
}

/** Up and down go from message to message. @param {KeyboardEvent} event */
export function walk(event) {
  const message = /** @type {HTMLElement} */ (event.target);
  if (message.dataset.testid !== "message" || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const list = all(/** @type {HTMLElement} */ (event.currentTarget), "[data-testid=message]");
  const next = list[list.indexOf(message) + (event.key === "ArrowUp" ? -1 : 1)];
  if (next) next.focus();
  else if (event.key === "ArrowDown") byId("composer").querySelector("textarea")?.focus();
}

/** The way up from an empty composer. */
export function focusLastMessage() {
  all(byId("log"), "[data-testid=message]").at(-1)?.focus();
}
