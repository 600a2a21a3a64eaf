// Short notices at the foot of the page: what could not be done, and why.

import { byId, h } from "./dom.js";
import { icon } from "./icons.js";

const SECONDS = 8;

/** @param {string} text @param {"error" | "info"} [kind] */
export function notice(text, kind = "error") {
  const close = () => node.remove();
  const node = h("div", { class: `notice ${kind}`, "data-testid": "notice" },
    icon(kind === "error" ? "alert" : "check"),
    h("p", null, text),
    h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: close }, icon("close")));
  byId("notices").append(node);
  setTimeout(close, SECONDS * 1000);
}

// The sandbox puts these into the channel itself, as Slack does after a command or a shortcut.
const IN_CHANNEL = ["operation_timeout", "dispatch_failed", "invalid_command_response"];

/** @param {import("./api.js").Answer} answer to a command or a shortcut */
export const isShownInChannel = (answer) => IN_CHANNEL.includes(answer.error ?? "");

/** Says what went wrong with an answer that is not ok. @param {import("./api.js").Answer} answer */
export function reportFailure(answer) {
  notice(answer.message || `The sandbox answered “${answer.error ?? "unknown error"}”.`);
}
