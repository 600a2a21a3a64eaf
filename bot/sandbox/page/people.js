// How people and bots are shown: names, roles in words, coloured initials.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { state, userById } from "./state.js";

/** @typedef {import("./state.js").User} User */

const SLACKBOT = "USLACKBOT";
const FALLBACK_COLOUR = "#5d6478";

/** @param {string} id */
export function nameOf(id) {
  if (id === SLACKBOT) return "Slackbot";
  const user = userById(id);
  return user?.role === "bot" ? user.name : user?.real_name ?? user?.name ?? id;
}

/** @param {string} id */
export const isSlackbot = (id) => id === SLACKBOT;

/** The people one can be, in the sandbox's order. */
export const cast = () => state.snapshot.users.filter((user) => user.role !== "bot");

/** Neither guest nor of another workspace nor another app, and still there. @param {User} user */
export const isFullMember = (user) => !(user.deleted || user.is_outsider || user.is_restricted || user.is_bot);

/** The first full member with this role. @param {string} role */
export const firstWithRole = (role) => cast().find((user) => user.role === role && isFullMember(user));

/** The app itself; Slackbot only delivers bad news. */
export const theBot = () => state.snapshot.users.find((user) => user.role === "bot" && !isSlackbot(user.id));

/** "approver" for the first of them, "second approver" for the next; for others what they are. @param {User} user */
export function roleName(user) {
  if (user.deleted) return "deactivated";
  if (user.is_outsider) return "other workspace";
  if (user.is_bot) return "other app’s bot";
  if (user.is_restricted) return user.is_ultra_restricted ? "one-channel guest" : "guest";
  const place = cast().filter((other) => other.role === user.role && isFullMember(other)).findIndex((other) => other.id === user.id);
  return place === 1 ? `second ${user.role}` : user.role;
}

/** @param {string} id @param {"small" | "normal"} [size] */
export function avatar(id, size = "normal") {
  const user = userById(id);
  if (isSlackbot(id)) return h("span", { class: `avatar ${size} system`, "aria-hidden": "true" }, icon("alert"));
  if (user?.role === "bot") {
    return h("span", { class: `avatar ${size} bot`, "aria-hidden": "true" }, h("img", { src: "/static/icon.svg", alt: "" }));
  }
  const initials = nameOf(id).split(/\s+/).map((word) => [...word][0]).slice(0, 2).join("").toUpperCase();
  const node = h("span", { class: `avatar ${size}`, "aria-hidden": "true" }, initials);
  const colour = /^#[0-9a-f]{6}$/i.test(user?.color ?? "") ? user.color : FALLBACK_COLOUR;
  node.style.setProperty("--colour", colour);
  node.classList.toggle("on-light", luminance(colour) > 0.36);
  return node;
}

/** Relative luminance (WCAG), to choose dark or light initials. @param {string} hex */
function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
