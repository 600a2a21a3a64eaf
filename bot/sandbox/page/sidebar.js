// The left column: whom one plays, the channels and direct messages, what is unread.

import { byId, h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, cast, isFullMember, roleName } from "./people.js";
import { go, state } from "./state.js";

const READ_KEY = "rescind-sandbox-read";

/** Last message seen, per person and channel. @type {Record<string, string>} */
let read = {};
try {
  read = JSON.parse(sessionStorage.getItem(READ_KEY) ?? "{}");
} catch {
  // A browser that keeps nothing: everything is unread after a reload, nothing worse.
}

const teamName = h("h2", { class: "team" });
const members = h("div");
const others = h("div");
// Folded away: a first visit needs the four who do the work.
const fold = h("details", { class: "others", "data-testid": "others" }, h("summary", null, "Guests and others"), others);
const people = h("div", { class: "people", role: "radiogroup", "aria-labelledby": "you-are", "data-testid": "user-switcher" }, members, fold);
const channels = h("ul", { class: "channels" });
const directs = h("ul", { class: "channels" });
const you = h("p", { class: "you", id: "you-are" });
let shownUser = "";

/** Call once, when the page starts. */
export function startSidebar() {
  byId("sidebar").append(
    teamName,
    h("section", { class: "switcher" }, you, people),
    h("section", null, h("h3", { id: "channels-title" }, "Channels"), channels),
    h("section", null, h("h3", { id: "directs-title" }, "Direct messages"), directs));
  channels.setAttribute("aria-labelledby", "channels-title");
  directs.setAttribute("aria-labelledby", "directs-title");
}

export function renderSidebar() {
  const { snapshot, place } = state;
  teamName.textContent = snapshot.team.name;
  you.replaceChildren("You are ", h("strong", null, snapshot.me.real_name));
  reconcile(members, cast().filter(isFullMember).map(entry));
  reconcile(others, cast().filter((user) => !isFullMember(user)).map(entry));
  if (snapshot.me.id !== shownUser && !isFullMember(snapshot.me)) fold.open = true;
  shownUser = snapshot.me.id;
  for (const input of people.querySelectorAll("input")) input.checked = input.value === place.user;

  markRead();
  const own = snapshot.channels.filter((channel) => channel.kind === "im");
  reconcile(channels, snapshot.channels.filter((channel) => channel.kind !== "im").map(item));
  reconcile(directs, own.map(item));
  directs.dataset.empty = own.length ? "" : "None yet";
}

/** @param {import("./state.js").User} user */
const entry = (user) => ({ key: user.id, sig: JSON.stringify([user, roleName(user)]), make: () => person(user) });

/** @param {import("./state.js").User} user */
function person(user) {
  return h("label", { class: user.deleted ? "person gone" : "person", "data-user": user.id, title: user.deleted ? "Deactivated people cannot act" : null },
    h("input", { type: "radio", name: "user", value: user.id, disabled: user.deleted, onchange: () => go({ user: user.id }) }),
    avatar(user.id, "small"),
    h("span", { class: "person-name" }, user.real_name),
    h("span", { class: "role" }, roleName(user)));
}

/** @param {import("./state.js").Channel} channel */
const readKey = (channel) => `${state.place.user} ${channel.id}`;

/** @param {import("./state.js").Channel} channel */
const isUnread = (channel) => Boolean(channel.last_ts) && channel.last_ts > (read[readKey(channel)] ?? "");

/** What is on the screen counts as read. */
function markRead() {
  const channel = state.snapshot.channels.find((candidate) => candidate.id === state.place.channel);
  if (!channel?.last_ts || document.hidden) return;
  read[readKey(channel)] = channel.last_ts;
  try {
    sessionStorage.setItem(READ_KEY, JSON.stringify(read));
  } catch {
    // See above.
  }
}

/** @param {import("./state.js").Channel} channel */
function item(channel) {
  const current = channel.id === state.place.channel;
  const unread = !current && isUnread(channel);
  const isIm = channel.kind === "im";
  return {
    key: channel.id,
    sig: JSON.stringify([channel, current, unread]),
    make: () => h("li", null, h("button", {
      type: "button",
      class: ["channel", unread && "unread", (channel.archived || (!channel.bot_is_member && !isIm)) && "dim"].filter(Boolean).join(" "),
      "data-testid": `channel-${channel.id}`,
      "data-focus-key": "channel",
      "aria-current": current ? "page" : null,
      onclick: () => go({ channel: channel.id }),
    },
    isIm ? directAvatar(channel) : h("span", { class: "sigil", "aria-hidden": "true" }, channel.kind === "private" ? icon("lock") : "#"),
    h("span", { class: "channel-name" }, channel.name),
    channel.archived && h("span", { class: "tag" }, "archived"),
    channel.is_shared && h("span", { class: "tag", title: "Shared with another workspace (Slack Connect)" }, "shared"),
    unread && h("span", { class: "dot" }, h("span", { class: "sr-only" }, "unread")))),
  };
}

/** A direct message carries the other side's name. @param {import("./state.js").Channel} channel */
function directAvatar(channel) {
  const other = state.snapshot.users.find((user) => user.name === channel.name);
  return other ? avatar(other.id, "small") : h("span", { class: "sigil", "aria-hidden": "true" }, "@");
}
