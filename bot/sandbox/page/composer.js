// A message box: command suggestions, Enter sends, drafts kept per place. Used by channel and thread.

import { h, uid } from "./dom.js";
import { icon } from "./icons.js";
import { plainText } from "./mrkdwn.js";
import { state } from "./state.js";

const KEYS_HINT = "Enter sends · Shift+Enter new line";

/**
 * @param {object} options
 * @param {string} options.testid
 * @param {boolean} options.commands whether / suggests commands
 * @param {HTMLButtonElement[]} [options.tools]
 * @param {(text: string) => Promise<{sent: boolean, status?: string}>} options.onSend
 * @param {() => void} [options.onLeave] arrow up in an empty box
 */
export function createComposer({ testid, commands, tools = /** @type {HTMLButtonElement[]} */ ([]), onSend, onLeave }) {
  const listId = uid("suggestions");
  const statusId = uid("status");
  const box = h("textarea", {
    class: "composer-box", rows: 1, "data-testid": testid, "aria-describedby": statusId, spellcheck: "true",
    "aria-autocomplete": commands ? "list" : null, "aria-controls": commands ? listId : null,
  });
  const list = h("div", { class: "suggestions", role: "listbox", id: listId, "aria-label": "Commands", hidden: true });
  const status = h("p", { class: "composer-status", id: statusId, role: "status", "data-kind": "hint" }, KEYS_HINT);
  const send = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send" }, icon("send"));
  const frame = h("div", { class: "composer-frame" }, box, h("div", { class: "composer-tools" }, tools, send));
  const node = h("form", { class: "composer" }, list, frame, status);

  /** @type {Map<string, string>} */
  const drafts = new Map();
  let draftKey = "";
  let chosen = 0;
  /** @type {any[]} */
  let suggested = [];

  const grow = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 180)}px`;
    send.disabled = !box.value.trim();
  };

  const suggest = () => {
    const typed = box.value;
    const known = commands ? state.snapshot?.commands ?? [] : [];
    // Once a space follows, the command is chosen; what remains useful is how it is used.
    suggested = /^\/\S*$/.test(typed) ? known.filter((item) => item.command.startsWith(typed.toLowerCase())) : [];
    chosen = Math.min(chosen, Math.max(0, suggested.length - 1));
    list.hidden = suggested.length === 0;
    list.replaceChildren(...suggested.map((item, index) => h("div", {
      class: "suggestion", role: "option", id: `${listId}-${index}`, "aria-selected": String(index === chosen), "data-command": item.command,
      // pointerdown would take the focus out of the box before the click arrives
      onpointerdown: (event) => event.preventDefault(),
      onclick: () => pick(index),
    }, h("span", { class: "suggestion-name" }, h("strong", null, item.command), " ", usage(item)), h("small", null, item.description))));
    if (suggested.length) box.setAttribute("aria-activedescendant", `${listId}-${chosen}`);
    else box.removeAttribute("aria-activedescendant");
    const using = known.find((item) => typed.startsWith(`${item.command} `));
    if (using) say(`${using.command} ${usage(using)}`);
    else if (status.dataset.kind !== "kept" || typed) say(KEYS_HINT);
  };

  const say = (/** @type {string} */ text, /** @type {string} */ kind = "hint") => {
    if (status.textContent !== text) status.textContent = text;
    status.dataset.kind = kind;
  };

  const pick = (/** @type {number} */ index) => {
    box.value = `${suggested[index].command} `;
    changed();
    box.focus();
  };

  const changed = () => {
    drafts.set(draftKey, box.value);
    grow();
    suggest();
  };

  const submit = async () => {
    const text = box.value.trim();
    if (!text || box.disabled) return;
    const key = draftKey;
    box.value = "";
    changed();
    node.classList.add("busy");
    const { sent, status: outcome } = await onSend(text);
    node.classList.remove("busy");
    if (!sent && !box.value && key === draftKey) {
      box.value = text;
      changed();
    }
    if (outcome) say(outcome, sent ? "kept" : "error");
  };

  box.addEventListener("input", changed);
  box.addEventListener("blur", () => {
    list.hidden = true;
  });
  box.addEventListener("focus", suggest);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = !list.hidden;
    const exact = open && suggested[chosen]?.command === box.value;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + suggested.length) % suggested.length;
      suggest();
    } else if (open && (event.key === "Tab" || (event.key === "Enter" && !exact)) && !event.shiftKey) pick(chosen);
    else if (open && event.key === "Escape") list.hidden = true;
    else if (event.key === "Enter" && !event.shiftKey) submit();
    else if (event.key === "ArrowUp" && !box.value && onLeave) onLeave();
    else return;
    event.preventDefault();
  });
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });

  return {
    node,
    /** @param {string} text */
    fill(text) {
      box.value = text;
      changed();
      box.focus();
      box.setSelectionRange(text.length, text.length);
    },
    focus: () => box.focus(),
    /**
     * Adapts the box to where the viewer stands now.
     * @param {{key: string, placeholder: string, closed: string | null}} place `closed` says why nothing can be written
     */
    moveTo({ key, placeholder, closed }) {
      box.placeholder = closed ?? placeholder;
      box.setAttribute("aria-label", placeholder);
      for (const part of [box, ...tools]) part.disabled = Boolean(closed);
      if (key !== draftKey) {
        draftKey = key;
        box.value = drafts.get(key) ?? "";
        say(KEYS_HINT);
        grow();
        list.hidden = true;
      }
    },
  };
}

/** @param {{usage_hint?: string}} command */
const usage = (command) => plainText({ text: command.usage_hint ?? "", emoji: false });
