// The sandbox's JSON API (/ui/...), one function per call. Every answer is an object; a POST answers
// {ok: true, ...} or {ok: false, error, message}. A sandbox that is not there answers the same way.

/** @typedef {{ok?: boolean, error?: string, message?: string, [key: string]: any}} Answer */

/** @param {string} path @param {object} [body] @returns {Promise<Answer>} */
async function call(path, body) {
  try {
    const response = await fetch(path, body === undefined ? { cache: "no-store" } : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return await response.json();
  } catch {
    return { ok: false, error: "unreachable", message: "The sandbox does not answer. Is it still running?" };
  }
}

export const fetchState = (user, channel) => call(`/ui/state?${new URLSearchParams({ user, channel })}`);
export const fetchOrders = () => call("/ui/orders");
export const fetchOrder = (id) => call(`/ui/orders/${encodeURIComponent(id)}`);

export const sendMessage = (body) => call("/ui/message", body);
export const sendCommand = (body) => call("/ui/command", body);
export const sendAction = (body) => call("/ui/action", body);
export const sendSubmit = (body) => call("/ui/submit", body);
export const sendClose = (body) => call("/ui/close", body);
export const sendShortcut = (body) => call("/ui/shortcut", body);
export const setMember = (body) => call("/ui/members", body);
export const setFault = (id, body) => call(`/ui/orders/${encodeURIComponent(id)}/fault`, body);
export const copyOrder = (template) => call("/ui/orders", { template });
export const resetSandbox = () => call("/ui/reset", {});

/**
 * Follows the sandbox's changes. EventSource reconnects by itself after a dropped connection but
 * gives up for good on an error status, so that case is retried here.
 * @param {{onVersion: (version: number) => void, onLive: (live: boolean) => void}} handlers
 */
export function followChanges({ onVersion, onLive }) {
  let pause = 500;
  const connect = () => {
    const source = new EventSource("/ui/events");
    source.onopen = () => {
      pause = 500;
      onLive(true);
    };
    source.onmessage = (event) => onVersion(JSON.parse(event.data).version);
    source.onerror = () => {
      onLive(false);
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, 8000);
    };
  };
  connect();
}
