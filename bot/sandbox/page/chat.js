// The middle of the page: channel head, the main composer, commands and global shortcuts.

import { sendCommand, sendMessage, sendShortcut, setMember } from "./api.js";
import { createComposer } from "./composer.js";
import { byId, h } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { focusLastMessage } from "./messages.js";
import { isShownInChannel, notice, reportFailure } from "./notice.js";
import { theBot } from "./people.js";
import { currentChannel, go, refresh, state } from "./state.js";

const shortcutsButton = h("button", {
  type: "button", class: "icon-button", "aria-label": "Shortcuts", title: "Shortcuts", "aria-haspopup": "menu", "aria-expanded": "false",
  "data-testid": "shortcuts", onclick: openShortcuts,
}, icon("bolt"));

const commandButton = h("button", {
  type: "button", class: "icon-button slash", "aria-label": "Commands", title: "Commands", onclick: () => composer.fill("/"),
}, "/");

export const composer = createComposer({
  testid: "composer",
  commands: true,
  tools: [shortcutsButton, commandButton],
  onSend: send,
  onLeave: focusLastMessage,
});

/** Call once, when the page starts. */
export function startChat() {
  byId("composer").append(composer.node);
  byId("skip").addEventListener("click", composer.focus);
}

/** @param {string} text */
async function send(text) {
  const { user, channel } = state.place;
  if (!text.startsWith("/")) {
    const answer = await sendMessage({ user, channel, text });
    await refresh();
    return { sent: Boolean(answer.ok), status: answer.ok ? undefined : answer.message };
  }
  const [, command, rest] = /** @type {RegExpMatchArray} */ (text.match(/^(\S+)\s*([\s\S]*)$/));
  showMentionedOrder(rest);
  const answer = await sendCommand({ user, channel, command, text: rest });
  await refresh();
  if (answer.ok) return { sent: true, status: `rescind answered in ${Number(answer.ms).toFixed(answer.ms < 10 ? 1 : 0)} ms` };
  if (isShownInChannel(answer)) return { sent: true };
  return { sent: false, status: answer.message ?? answer.error };
}

/** The order one talks about is the order one wants to watch. @param {string} text */
function showMentionedOrder(text) {
  const ids = text.match(/\d{4,}/g) ?? [];
  const row = state.orders.find((order) => ids.includes(order.id));
  if (row && row.id !== state.place.order) go({ order: row.id });
}

function openShortcuts() {
  const shortcuts = state.snapshot.shortcuts.filter((shortcut) => shortcut.type === "global");
  if (!shortcuts.length) notice("The app offers no global shortcuts.", "info");
  else openMenu(shortcutsButton, shortcuts.map((shortcut) => ({
    label: shortcut.name, hint: shortcut.description, testid: `shortcut-${shortcut.callback_id}`,
    onPick: async () => {
      const answer = await sendShortcut({ user: state.place.user, callback_id: shortcut.callback_id, channel: state.place.channel });
      await refresh();
      if (!answer.ok && !isShownInChannel(answer)) reportFailure(answer);
    },
  })), "Shortcuts");
}

let shownHead = "";

export function renderChat() {
  const channel = currentChannel();
  if (!channel) {
    byId("chat-head").replaceChildren();
    composer.moveTo({ key: state.place.user, placeholder: "Message", closed: `${state.snapshot.me.real_name} is in no channel` });
    return;
  }
  const title = channel.kind === "im" ? channel.name : `#${channel.name}`;
  composer.moveTo({
    key: `${state.place.user} ${channel.id}`,
    placeholder: `Message ${title}`,
    closed: closedBecause(channel, title),
  });
  document.title = `${title} · Rescind sandbox`;
  const sig = JSON.stringify([channel, state.place.user]);
  if (sig === shownHead && byId("chat-head").hasChildNodes()) return;
  shownHead = sig;
  const name = h("div", { class: "chat-title" },
    h("h1", { id: "channel-name" },
      channel.kind === "public" && h("span", { class: "hash", "aria-hidden": "true" }, "#"),
      channel.kind === "private" && [icon("lock"), h("span", { class: "sr-only" }, "private channel ")],
      channel.name),
    channel.topic && h("p", { class: "topic" }, channel.topic));
  const about = channel.kind === "im" || channel.archived ? [] : [membership(channel)];
  byId("chat-head").replaceChildren(name, ...about);
}

/** @param {import("./state.js").Channel} channel @param {string} title */
function closedBecause(channel, title) {
  const { me } = state.snapshot;
  if (me.deleted) return `${me.real_name} was deactivated and cannot act`;
  if (channel.archived) return `${title} is archived: nothing can be written here`;
  return channel.is_member === false ? `You are not in ${title}` : null;
}

/** @param {import("./state.js").Channel} channel */
function membership(channel) {
  const bot = theBot();
  const present = channel.bot_is_member;
  return h("div", { class: "membership" },
    h("span", { class: present ? "presence here" : "presence" }, present ? `${bot.name} is here` : `${bot.name} is not in this channel`),
    h("button", {
      type: "button", class: "quiet-button", "data-testid": "bot-membership",
      "aria-label": present ? `Remove ${bot.name} from this channel` : `Invite ${bot.name} to this channel`,
      onclick: async () => {
        const answer = await setMember({ channel: channel.id, user: bot.id, present: !present });
        await refresh();
        if (!answer.ok) reportFailure(answer);
      },
    }, present ? "Remove" : "Invite"));
}
