// The start of the page: wires the parts, follows the sandbox, draws after every change.

import { followChanges, resetSandbox } from "./api.js";
import { renderChat, startChat } from "./chat.js";
import { askConfirm } from "./confirm.js";
import { byId } from "./dom.js";
import { startDrawers } from "./drawers.js";
import { renderGuide } from "./guide.js";
import { renderMessages, startMessages } from "./messages.js";
import { renderModals } from "./modal.js";
import { reportFailure } from "./notice.js";
import { renderPanel, startPanel } from "./panel.js";
import { renderSidebar, startSidebar } from "./sidebar.js";
import { go, onChange, refresh, setLive, state } from "./state.js";
import { renderThread, startThread } from "./thread.js";

function render() {
  const live = byId("live");
  live.dataset.live = String(state.live);
  const word = state.live ? "Live" : "Reconnecting…";
  if (live.textContent !== word) live.textContent = word;
  if (!state.snapshot) return;
  renderSidebar();
  renderChat();
  renderGuide();
  renderMessages();
  renderThread();
  renderPanel();
  renderModals(state.snapshot.views);
  // Tests wait for this instead of guessing how long a refresh takes.
  document.documentElement.dataset.version = String(state.snapshot.version);
  document.documentElement.dataset.user = state.snapshot.me.id;
}

async function startOver() {
  const sure = await askConfirm({
    title: { text: "Start over?" },
    text: { type: "plain_text", text: "Every message and every order goes back to the beginning." },
    confirm: { text: "Start over" },
    deny: { text: "Keep going" },
    style: "danger",
  });
  if (!sure) return;
  const answer = await resetSandbox();
  await refresh();
  if (!answer.ok) reportFailure(answer);
}

startSidebar();
startChat();
startMessages();
startThread();
startPanel();
startDrawers();
byId("reset").addEventListener("click", startOver);
document.addEventListener("click", (event) => {
  const mention = /** @type {Element} */ (event.target).closest("[data-go-channel]");
  if (!mention) return;
  event.preventDefault();
  go({ channel: /** @type {HTMLElement} */ (mention).dataset.goChannel });
});
document.addEventListener("visibilitychange", () => document.hidden || render());
onChange(render);
followChanges({
  onVersion: (version) => version !== state.snapshot?.version && refresh(),
  onLive: setLive,
});
refresh();
