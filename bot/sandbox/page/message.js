// One message: who, when, what, and what can be done with it.

import { sendShortcut } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { dateOf, fullTime, messageTime } from "./dates.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { renderMrkdwn } from "./mrkdwn.js";
import { isShownInChannel, reportFailure } from "./notice.js";
import { avatar, isSlackbot, nameOf } from "./people.js";
import { go, refresh, state } from "./state.js";

/** @typedef {import("./state.js").Message} Message */

const GROUP_SECONDS = 5 * 60;

/** Whether `message` goes under `previous` without a head of its own. @param {Message | undefined} previous @param {Message} message */
export function continues(previous, message) {
  return Boolean(previous)
    && previous.user === message.user
    && !previous.ephemeral && !message.ephemeral
    && !previous.blocks?.length && !message.blocks?.length
    && Number(message.ts) - Number(previous.ts) < GROUP_SECONDS;
}

/** @param {Message} message */
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;

/**
 * @param {Message} message
 * @param {{grouped: boolean, inThread: boolean, isUpdate: boolean, lastReply?: Message}} look
 */
export function renderMessage(message, { grouped, inThread, isUpdate, lastReply }) {
  const date = dateOf(message.ts);
  const name = nameOf(message.user);
  const failed = isSlackbot(message.user);
  const classes = ["message", grouped && "grouped", message.ephemeral && "ephemeral", failed && "failed", isUpdate && "updated"];
  const when = h("time", { class: "when", datetime: date.toISOString(), title: fullTime(date) }, messageTime(date));
  return h("article", {
    class: classes.filter(Boolean).join(" "), "data-testid": "message", "data-ts": message.ts, "data-user": message.user,
    "data-ephemeral": message.ephemeral, tabindex: "-1", "aria-label": `${name}, ${messageTime(date)}`,
  },
  h("div", { class: "gutter" }, grouped ? when : avatar(message.user)),
  h("div", { class: "message-main" },
    message.ephemeral && h("p", { class: "only-you" }, icon("eye"), "Only visible to you"),
    !grouped && h("div", { class: "byline" },
      h("strong", { class: "author" }, name),
      message.bot && h("span", { class: "badge" }, "App"),
      failed && h("span", { class: "badge bad" }, "Not delivered"),
      when),
    content(message),
    attachments(message),
    !inThread && !isReply(message) && message.reply_count > 0 && repliesLink(message, lastReply)),
  !message.ephemeral && toolbar(message, inThread));
}

/** @param {Message} message */
function content(message) {
  const edited = message.edited && h("span", { class: "edited" }, "(edited)");
  if (!message.blocks?.length) return h("div", { class: "content md" }, renderMrkdwn(message.text), edited && [" ", edited]);
  return h("div", { class: "content card" }, renderBlocks(message.blocks, contextOf(message)), edited);
}

/** @param {Message} message @returns {import("./elements.js").BlockContext} */
const contextOf = (message) => ({ source: { kind: "message", channel: message.channel, ts: message.ts } });

/** Attachments, the older way of adding to a message. @param {Message} message */
function attachments(message) {
  return (message.attachments ?? []).map((attachment) => h("div", { class: "attachment" }, attachment.blocks
    ? renderBlocks(attachment.blocks, contextOf(message))
    : h("div", { class: "md" }, renderMrkdwn(attachment.text ?? attachment.fallback ?? ""))));
}

/** @param {Message} message @param {Message | undefined} lastReply */
function repliesLink(message, lastReply) {
  const count = message.reply_count;
  return h("button", { type: "button", class: "replies", "data-testid": "replies", "data-focus-key": "replies", onclick: () => go({ thread: message.ts }) },
    h("strong", null, count === 1 ? "1 reply" : `${count} replies`),
    lastReply && h("span", null, `last by ${nameOf(lastReply.user)} at ${messageTime(dateOf(lastReply.ts))}`));
}

/** @param {Message} message @param {boolean} inThread */
function toolbar(message, inThread) {
  const openThread = () => go({ thread: message.thread_ts ?? message.ts });
  const shortcuts = state.snapshot.shortcuts.filter((shortcut) => shortcut.type === "message");
  const more = h("button", {
    type: "button", class: "icon-button", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false",
    "data-testid": "message-menu", "data-focus-key": "more",
    onclick: () => openMenu(more, [
      ...(inThread ? [] : [{ label: "Reply in thread", testid: "reply-in-thread", onPick: openThread }]),
      ...shortcuts.map((shortcut) => ({
        label: shortcut.name, hint: shortcut.description, testid: `shortcut-${shortcut.callback_id}`,
        onPick: () => useShortcut(shortcut.callback_id, message),
      })),
    ], "Message actions"),
  }, icon("more"));
  return h("div", { class: "toolbar" },
    !inThread && h("button", {
      type: "button", class: "icon-button", "aria-label": "Reply in thread", title: "Reply in thread", "data-focus-key": "reply", onclick: openThread,
    }, icon("reply")),
    (!inThread || shortcuts.length > 0) && more);
}

/** @param {string} callbackId @param {Message} message */
async function useShortcut(callbackId, message) {
  const answer = await sendShortcut({
    user: state.place.user, callback_id: callbackId, channel: message.channel, message_ts: message.ts,
  });
  await refresh();
  if (!answer.ok && !isShownInChannel(answer)) reportFailure(answer);
}
