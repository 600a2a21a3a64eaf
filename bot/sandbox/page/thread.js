// The thread beside the channel: its first message, the replies, a composer of its own.

import { sendMessage } from "./api.js";
import { createComposer } from "./composer.js";
import { byId, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { messageItems, walk } from "./messages.js";
import { currentChannel, go, refresh, state } from "./state.js";

const composer = createComposer({ testid: "thread-composer", commands: false, onSend: send });
const list = h("div", { class: "log", role: "log", "aria-label": "Thread", "aria-live": "polite", onkeydown: walk });
const scroll = h("div", { class: "scroll" }, list);
const where = h("p", { class: "topic" });

let shown = "";

/** Call once, when the page starts. */
export function startThread() {
  const panel = byId("thread");
  panel.append(
    h("header", { class: "side-head" },
      h("div", null, h("h2", { id: "thread-title" }, "Thread"), where),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close thread", "data-testid": "thread-close", onclick: close }, icon("close"))),
    scroll,
    composer.node);
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) close();
  });
}

function close() {
  const { thread } = state.place;
  go({ thread: "" });
  // Back to the message the thread hangs on.
  /** @type {HTMLElement | null} */ (byId("log").querySelector(`[data-ts="${CSS.escape(thread)}"]`))?.focus();
}

/** @param {string} text */
async function send(text) {
  const { user, channel, thread } = state.place;
  if (text.startsWith("/")) return { sent: false, status: "Slash commands do not work in threads" };
  const answer = await sendMessage({ user, channel, text, thread_ts: thread });
  await refresh();
  scroll.scrollTop = scroll.scrollHeight;
  return { sent: Boolean(answer.ok), status: answer.ok ? undefined : answer.message };
}

export function renderThread() {
  const { thread, user, channel } = state.place;
  const messages = thread ? state.snapshot.messages.filter((message) => message.ts === thread || message.thread_ts === thread) : [];
  const root = messages.find((message) => message.ts === thread);
  const panel = byId("thread");
  panel.hidden = !root;
  byId("app").classList.toggle("with-thread", Boolean(root));
  if (!root) {
    shown = "";
    return;
  }
  const place = currentChannel();
  where.textContent = place ? (place.kind === "im" ? place.name : `#${place.name}`) : "";
  composer.moveTo({ key: `${user} ${channel} ${thread}`, placeholder: "Reply in thread", closed: null });
  const opened = shown !== thread;
  const atBottom = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 48;
  const replies = messages.filter((message) => message.ts !== thread);
  const count = replies.length;
  const rule = {
    key: `${thread} rule`, sig: String(count),
    make: () => h("div", { class: "day left", role: "separator" }, h("span", null, count === 0 ? "No replies yet" : count === 1 ? "1 reply" : `${count} replies`)),
  };
  const key = `thread ${user} ${channel}`;
  reconcile(list, [
    ...messageItems([root], { where: key, inThread: true }),
    rule,
    ...messageItems(replies, { where: key, inThread: true }),
  ]);
  // Opened in order to read the latest reply, from its first line; later ones are followed only from the bottom.
  const latest = /** @type {HTMLElement | null} */ (list.lastElementChild);
  if (opened && latest) scroll.scrollTop = latest.offsetTop - scroll.offsetTop - 8;
  else if (atBottom) scroll.scrollTop = scroll.scrollHeight;
  if (opened && document.activeElement?.closest("#log")) composer.focus();
  shown = thread;
}
