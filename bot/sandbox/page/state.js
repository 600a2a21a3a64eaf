// What the page shows: where the viewer stands (kept in the URL hash, so that a reload or a link
// lands in the same place) and the last snapshots from the sandbox. Also the refresh loop.

import { fetchOrder, fetchOrders, fetchState } from "./api.js";

/**
 * @typedef {{id: string, name: string, real_name: string, role: string, is_restricted?: boolean, is_ultra_restricted?: boolean, is_outsider?: boolean, is_bot?: boolean, deleted?: boolean, color?: string}} User
 * @typedef {{id: string, name: string, kind: "public"|"private"|"im", bot_is_member: boolean, is_member?: boolean, is_shared?: boolean, archived: boolean, topic: string, last_ts: string|null}} Channel
 * @typedef {{ts: string, thread_ts: string|null, channel: string, user: string, bot: boolean, text: string, blocks: any[], attachments?: any[], broadcast?: boolean, ephemeral: boolean, edited: boolean, reply_count: number}} Message
 * @typedef {{user: string, channel: string, order: string, thread: string}} Place
 */

const DEFAULT_USER = "U0REQUEST";
const DEFAULT_CHANNEL = "C0REFUNDS";
// The order in ACME's own documentation, and in every example of ours.
const FAVOURITE_ORDER = "26644388";

export const state = {
  /** @type {Place} */
  place: { user: DEFAULT_USER, channel: DEFAULT_CHANNEL, order: "", thread: "" },
  /** @type {any} the answer of /ui/state */
  snapshot: null,
  /** @type {any[]} */
  orders: [],
  /** @type {any[] | null} fault names, where the sandbox lists them */
  faults: null,
  /** @type {any} the answer of /ui/orders/{id} */
  order: null,
  live: false,
};

/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener called after every change of `state` */
export function onChange(listener) {
  listeners.add(listener);
}

function announce() {
  for (const listener of listeners) listener();
}

/** @param {string} id @returns {User | undefined} */
export const userById = (id) => state.snapshot?.users.find((user) => user.id === id);
/** @param {string} id @returns {Channel | undefined} */
export const channelById = (id) => state.snapshot?.channels.find((channel) => channel.id === id);
/** @param {string} id of a user group */
export const groupById = (id) => state.snapshot?.groups.find((group) => group.id === id);
export const currentChannel = () => channelById(state.place.channel);

/** @param {boolean} live */
export function setLive(live) {
  if (state.live === live) return;
  state.live = live;
  announce();
}

function readHash() {
  const hash = new URLSearchParams(location.hash.slice(1));
  return {
    user: hash.get("user") || DEFAULT_USER,
    channel: hash.get("channel") || DEFAULT_CHANNEL,
    order: hash.get("order") || "",
    thread: hash.get("thread") || "",
  };
}

/** @param {Place} place */
function toHash(place) {
  return `#${new URLSearchParams(Object.entries(place).filter(([, value]) => value))}`;
}

/**
 * Moves the viewer: another user, channel, thread or order. Changing user or channel leaves the thread.
 * @param {Partial<Place>} changes
 */
export function go(changes) {
  const moved = "user" in changes || "channel" in changes;
  location.hash = toHash({ ...state.place, ...(moved && { thread: "" }), ...changes });
}

/** Puts right what the hash asked for and the sandbox does not have. No step in the browser's history. */
function correct(changes) {
  Object.assign(state.place, changes);
  history.replaceState(null, "", toHash(state.place));
}

addEventListener("hashchange", () => {
  const before = state.place;
  state.place = readHash();
  if (!state.place.order) correct({ order: before.order });
  announce();
  refresh();
});

/** @type {Promise<void> | null} */
let running = null;
let wanted = false;

/** Fetches everything the page shows. Calls made meanwhile are folded into one more round. */
export function refresh() {
  wanted = true;
  running ??= (async () => {
    while (wanted) {
      wanted = false;
      await fetchAll();
    }
  })().finally(() => {
    running = null;
  });
  return running;
}

async function fetchAll() {
  const asked = { ...state.place };
  const [snapshot, list, order] = await Promise.all([
    fetchState(asked.user, asked.channel),
    fetchOrders(),
    asked.order ? fetchOrder(asked.order) : null,
  ]);
  if (["user", "channel", "order"].some((part) => asked[part] !== state.place[part])) {
    wanted = true;
    return;
  }
  if (list.orders) {
    state.orders = list.orders;
    state.faults = list.faults ?? null;
  }
  state.order = order?.lines ? order : null;
  if (snapshot.users) accept(snapshot);
  else if (snapshot.error && snapshot.error !== "unreachable") retreat();
  if (!state.order && state.orders.length) chooseOrder();
  announce();
}

/** @param {any} snapshot */
function accept(snapshot) {
  state.snapshot = snapshot;
  // Somebody who may not see this channel (a guest) is answered with the first one they may.
  if (snapshot.channel !== state.place.channel) correct({ channel: snapshot.channel, thread: "" });
}

/** The hash named a person the sandbox does not have. */
function retreat() {
  if (state.place.user === DEFAULT_USER) return;
  correct({ user: DEFAULT_USER, thread: "" });
  wanted = true;
}

function chooseOrder() {
  const known = state.orders.some((row) => row.id === state.place.order);
  if (known) return;
  const row = state.orders.find((candidate) => candidate.id === FAVOURITE_ORDER) ?? state.orders[0];
  correct({ order: row.id });
  wanted = true;
}

state.place = readHash();
