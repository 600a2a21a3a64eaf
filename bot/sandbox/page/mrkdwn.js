// Slack's mrkdwn as DOM nodes. Text becomes text nodes and nothing else, so markup in a message is
// harmless here; <!channel> and its like are drawn loud, because seeing one means the bot forgot to escape.

import { dateOf, formatDate, fullTime } from "./dates.js";
import { h } from "./dom.js";
import { emojiFor, withEmoji } from "./emoji.js";
import { channelById, groupById, userById } from "./state.js";

const STYLES = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;
const SAFE_LINK = /^(https?:\/\/|mailto:|tel:)/i;
const BULLET = /^\s*([•◦▪–-]|\d{1,3}[.)])\s/;

/** @param {string} text */
export const unescape = (text) =>
  text.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">" })[name] ?? "");

/**
 * A Block Kit text object, or plain message text.
 * @param {{type: string, text: string, emoji?: boolean} | null | undefined} object
 * @returns {Node}
 */
export function renderText(object) {
  if (!object) return document.createDocumentFragment();
  if (object.type === "mrkdwn") return renderMrkdwn(object.text, object.verbatim === true);
  return document.createTextNode(plainText(object));
}

/** @param {{text: string, emoji?: boolean} | null | undefined} object a plain_text object */
export function plainText(object) {
  const text = unescape(String(object?.text ?? ""));
  return object?.emoji === false ? text : withEmoji(text);
}

/** @param {string} text @returns {DocumentFragment} */
export function renderMrkdwn(text, verbatim = false) {
  const root = document.createDocumentFragment();
  // The capture makes split() alternate: prose, preformatted, prose, ...
  String(text ?? "").split(/```([\s\S]+?)```\n?/).forEach((part, index) => {
    if (index % 2) root.append(h("pre", { class: "md-pre" }, preformatted(part)));
    else if (part) renderLines(root, part, verbatim);
  });
  return root;
}

/** @param {string} text */
function preformatted(text) {
  const body = text.replace(/^\n/, "").replace(/<([^<>|\n]+)(?:\|([^<>\n]*))?>/g, (_, target, label) => label || target);
  return unescape(body);
}

/** @param {Node} root @param {string} text @param {boolean} verbatim bare addresses stay text */
function renderLines(root, text, verbatim) {
  const lines = text.split("\n");
  let quote = null;
  let quoteRest = false;
  lines.forEach((line, index) => {
    // The newline stays in the text (the styles keep it), so that copying a message keeps its lines.
    const end = index < lines.length - 1 ? "\n" : "";
    const marker = quoteRest ? "" : line.match(/^(&gt;&gt;&gt;|>>>|&gt;|>) ?/)?.[0];
    if (marker === undefined) quote = null;
    else {
      quoteRest ||= /^(&gt;&gt;&gt;|>>>)/.test(marker);
      if (!quote) root.appendChild((quote = h("blockquote", { class: "md-quote" })));
    }
    const content = marker ? line.slice(marker.length) : line;
    let parent = quote ?? root;
    if (BULLET.test(content)) parent = parent.appendChild(h("span", { class: "md-item" }));
    renderInline(parent, content, verbatim);
    if (end) parent.appendChild(document.createTextNode(end));
  });
}

/**
 * @param {Node} parent
 * @param {string} text one line
 * @param {boolean} verbatim
 * @param {string} [active] the style marks that are already open around it
 */
function renderInline(parent, text, verbatim, active = "") {
  let plain = "";
  const flush = () => {
    if (plain) parent.appendChild(document.createTextNode(plain));
    plain = "";
  };
  const put = (/** @type {Node} */ node, /** @type {number} */ next) => {
    flush();
    parent.appendChild(node);
    return next;
  };
  // A mark without a partner further on need not be looked for again: keeps a line of 10,000 stars linear.
  const hopeless = new Set();
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === "`") {
      const end = text.indexOf("`", at + 1);
      if (end > at + 1) {
        at = put(h("code", { class: "md-code" }, preformatted(text.slice(at + 1, end))), end + 1);
        continue;
      }
    } else if (char === "<") {
      const end = text.indexOf(">", at);
      const node = end > 0 && token(text.slice(at + 1, end));
      if (node) {
        at = put(node, end + 1);
        continue;
      }
    } else if (char in STYLES && !active.includes(char) && !hopeless.has(char) && opens(text, at)) {
      const end = closing(text, at);
      if (end > 0) {
        const styled = h(STYLES[char]);
        renderInline(styled, text.slice(at + 1, end), verbatim, active + char);
        at = put(styled, end + 1);
        continue;
      }
      hopeless.add(char);
    } else if (char === ":") {
      const [code, name] = match(/:([a-z0-9_+-]+):/y, text, at);
      const emoji = name && emojiFor(name);
      if (emoji) {
        plain += emoji;
        at += code.length;
        continue;
      }
    } else if (char === "h" && !verbatim && !WORD.test(text[at - 1] ?? "")) {
      const [url] = match(/https?:\/\/[^\s<>|]*[^\s<>|.,;:!?)'"*_~`]/y, text, at);
      if (url) {
        at = put(link(unescape(url), null), at + url.length);
        continue;
      }
    } else if (char === "&") {
      const [entity] = match(/&(?:amp|lt|gt);/y, text, at);
      if (entity) {
        plain += unescape(entity);
        at += entity.length;
        continue;
      }
    }
    plain += char;
    at += 1;
  }
  flush();
}

/** @param {RegExp} sticky @param {string} text @param {number} at @returns {string[]} */
function match(sticky, text, at) {
  sticky.lastIndex = at;
  return sticky.exec(text) ?? [];
}

/** @param {string} text @param {number} at */
function opens(text, at) {
  const next = text[at + 1];
  return next !== undefined && next !== text[at] && !/\s/.test(next) && !WORD.test(text[at - 1] ?? "");
}

/** Where the style opened at `at` closes, or -1. Links and code are jumped over. @param {string} text @param {number} at */
function closing(text, at) {
  for (let next = at + 1; next < text.length; next += 1) {
    const char = text[next];
    if (char === "<" || char === "`") {
      const end = text.indexOf(char === "<" ? ">" : "`", next + 1);
      if (end > 0) next = end;
    } else if (char === text[at] && next > at + 1 && !/\s/.test(text[next - 1]) && !WORD.test(text[next + 1] ?? "")) {
      return next;
    }
  }
  return -1;
}

/** What stands between < and >. Null when it is no token of Slack's. @param {string} body @returns {Node | null} */
function token(body) {
  if (!body || /[<\n]/.test(body)) return null;
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? null : body.slice(bar + 1);
  if (/^@[UW]\w+$/.test(target)) return userMention(target.slice(1), label);
  if (/^#[CG]\w+$/.test(target)) return channelMention(target.slice(1), label);
  if (target.startsWith("!")) return special(target.slice(1), label);
  if (SAFE_LINK.test(target)) return link(unescape(target), label);
  return null;
}

/** @param {string} id @param {string | null} [label] */
export function userMention(id, label) {
  const user = userById(id);
  const name = user?.real_name ?? user?.name ?? (label ? unescape(label) : id);
  return h("span", { class: "mention", "data-user": id, title: user ? `${user.real_name}, ${user.role}` : id }, `@${name}`);
}

/** @param {string} id @param {string | null} [label] */
export function groupMention(id, label) {
  const name = groupById(id)?.handle ?? id;
  return h("span", { class: "mention", "data-group": id }, label ? unescape(label) : `@${name}`);
}

/** @param {string} id @param {string | null} [label] */
export function channelMention(id, label) {
  const name = channelById(id)?.name ?? (label ? unescape(label) : id);
  return h("a", { class: "mention", href: `#channel=${id}`, "data-go-channel": id }, `#${name}`);
}

/** @param {"channel" | "here" | "everyone"} range */
export function broadcast(range) {
  return h("strong", { class: "ping", "data-ping": range, title: "In Slack this would notify everybody" }, `@${range}`);
}

/** @param {string} body @param {string | null} label */
function special(body, label) {
  if (body === "channel" || body === "here" || body === "everyone") return broadcast(body);
  const [kind, ...rest] = body.split("^");
  if (kind === "date" && /^\d+$/.test(rest[0] ?? "")) return dateNode(rest[0], unescape(rest[1] ?? "{date}"), rest[2] ?? null);
  if (kind === "subteam") return groupMention(rest[0] ?? "group", label);
  return label === null ? null : document.createTextNode(unescape(label));
}

/** @param {string | number} seconds @param {string} format @param {string | null} url */
export function dateNode(seconds, format, url) {
  const date = dateOf(String(seconds));
  const node = h("time", { datetime: date.toISOString(), title: fullTime(date) }, formatDate(date, format));
  if (!url || !SAFE_LINK.test(url)) return node;
  const anchor = link(unescape(url), null);
  anchor.replaceChildren(node);
  return anchor;
}

/** @param {string} url already checked or to be shown as text @param {string | null} label */
export function link(url, label) {
  const text = label ? withEmoji(unescape(label)) : url.replace(/^mailto:/i, "");
  if (!SAFE_LINK.test(url)) return h("span", null, text);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text);
}
