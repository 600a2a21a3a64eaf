// The rich_text and table blocks: structured text, where the sender has done the parsing already.

import { h } from "./dom.js";
import { emojiFor } from "./emoji.js";
import { broadcast, channelMention, dateNode, groupMention, link, plainText, userMention } from "./mrkdwn.js";

/** @param {any} block @returns {HTMLElement} */
export function renderRichText(block) {
  return h("div", { class: "b-rich" }, groupLists(block.elements ?? []));
}

/** @param {any[]} elements */
function groupLists(elements) {
  return elements.map((element) => {
    const inline = () => (element.elements ?? []).map(renderInline);
    switch (element.type) {
      case "rich_text_list":
        return h(element.style === "ordered" ? "ol" : "ul",
          { class: "rich-list", "data-indent": Math.min(element.indent ?? 0, 8), start: element.offset ? element.offset + 1 : null },
          (element.elements ?? []).map((item) => h("li", null, (item.elements ?? []).map(renderInline))));
      case "rich_text_quote":
        return h("blockquote", { class: "md-quote" }, inline());
      case "rich_text_preformatted":
        return h("pre", { class: "md-pre" }, inline());
      default:
        return h("div", { class: "md" }, inline());
    }
  });
}

const TAGS = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

/** @param {any} element @returns {Node} */
function renderInline(element) {
  let node = inlineNode(element);
  for (const [style, tag] of Object.entries(TAGS)) {
    if (element.style?.[style]) node = h(tag, { class: tag === "code" ? "md-code" : null }, node);
  }
  return node;
}

/** @param {any} element @returns {Node} */
function inlineNode(element) {
  switch (element.type) {
    case "text": return document.createTextNode(element.text ?? "");
    case "link": return link(element.url ?? "", element.text ?? null);
    case "user": return userMention(element.user_id ?? "");
    case "channel": return channelMention(element.channel_id ?? "");
    case "usergroup": return groupMention(element.usergroup_id ?? "");
    case "broadcast": return broadcast(element.range);
    case "emoji": return document.createTextNode(emojiFor(element.name) ?? `:${element.name}:`);
    case "date": return dateNode(element.timestamp, element.format ?? "{date}", element.url ?? null);
    default: return document.createTextNode(element.text ?? element.fallback ?? "");
  }
}

/** The first row is the header row, as in Slack. @param {any} block @returns {HTMLElement} */
export function renderTable(block) {
  const columns = block.column_settings ?? [];
  const row = (cells, tag) => h("tr", null, cells.map((cell, index) => h(tag, {
    scope: tag === "th" ? "col" : null,
    "data-align": columns[index]?.align ?? (cell.type === "raw_number" ? "right" : null),
    "data-wrap": columns[index]?.is_wrapped ? "" : null,
  }, cellNode(cell))));
  const [head, ...body] = block.rows ?? [];
  return h("div", { class: "b-table", tabindex: "0", role: "region", "aria-label": "Table" },
    h("table", null,
      head && h("thead", null, row(head, "th")),
      h("tbody", null, body.map((cells) => row(cells, "td")))));
}

/** @param {any} cell */
function cellNode(cell) {
  if (cell.type === "rich_text") return renderRichText(cell);
  return document.createTextNode(plainText({ text: String(cell.text ?? cell.value ?? ""), emoji: true }));
}
