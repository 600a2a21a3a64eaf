// The confirm dialog of a Block Kit element (and of the page's own "Start over").

import { h, uid } from "./dom.js";
import { plainText, renderText } from "./mrkdwn.js";

/**
 * @param {{title: any, text: any, confirm: any, deny: any, style?: "primary" | "danger"}} dialog a confirmation object
 * @returns {Promise<boolean>}
 */
export function askConfirm({ title, text, confirm, deny, style = "primary" }) {
  return new Promise((resolve) => {
    const titleId = uid("confirm");
    const textId = uid("confirm");
    const answer = (/** @type {boolean} */ yes) => {
      node.close();
      node.remove();
      resolve(yes);
    };
    const no = h("button", { type: "button", class: "btn", "data-testid": "confirm-no", onclick: () => answer(false) }, plainText(deny));
    const yes = h("button", { type: "button", class: `btn ${style}`, "data-testid": "confirm-yes", onclick: () => answer(true) }, plainText(confirm));
    const node = h("dialog", {
      class: "dialog confirm", role: "alertdialog", "data-testid": "confirm", "aria-labelledby": titleId, "aria-describedby": textId,
    },
    h("h2", { id: titleId, class: "dialog-title" }, plainText(title)),
    h("div", { id: textId, class: "dialog-body md" }, renderText(text)),
    h("div", { class: "dialog-foot" }, no, yes));
    node.addEventListener("cancel", (event) => {
      event.preventDefault();
      answer(false);
    });
    document.body.append(node);
    node.showModal();
    // The harmless answer has the focus: a stray Enter must not refund anything.
    (style === "danger" ? no : yes).focus();
  });
}
