// The :shortcodes: that ticketing messages use, as Unicode. An unknown shortcode stays as it is typed.

/** @type {Record<string, string>} */
const EMOJI = {
  "+1": "👍", "-1": "👎", alarm_clock: "⏰", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️",
  arrow_forward: "▶️", arrow_backward: "◀️", arrows_counterclockwise: "🔄", back: "🔙", ballot_box_with_check: "☑️",
  bangbang: "‼️", bar_chart: "📊", bell: "🔔", no_bell: "🔕", black_square_for_stop: "⏹️", bookmark: "🔖", books: "📚",
  boom: "💥", bulb: "💡", bust_in_silhouette: "👤", busts_in_silhouette: "👥", calendar: "📅", date: "📅",
  spiral_calendar_pad: "🗓️", chart_with_upwards_trend: "📈", clapping: "👏", clap: "👏", clipboard: "📋",
  clock: "🕒", clock1: "🕐", clock3: "🕒", stopwatch: "⏱️", timer_clock: "⏲️", closed_lock_with_key: "🔐",
  construction: "🚧", credit_card: "💳", dollar: "💵", euro: "💶", pound: "💷", moneybag: "💰",
  money_with_wings: "💸", receipt: "🧾", email: "📧", envelope: "✉️", incoming_envelope: "📨", exclamation: "❗",
  heavy_exclamation_mark: "❗", grey_exclamation: "❕", question: "❓", grey_question: "❔", eyes: "👀", fire: "🔥",
  gear: "⚙️", hammer_and_wrench: "🛠️", hand: "✋", raised_hand: "✋", heart: "❤️", heavy_check_mark: "✔️",
  white_check_mark: "✅", heavy_multiplication_x: "✖️", x: "❌", negative_squared_cross_mark: "❎",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", id: "🆔", inbox_tray: "📥", outbox_tray: "📤",
  information_source: "ℹ️", key: "🔑", label: "🏷️", large_blue_circle: "🔵", large_green_circle: "🟢",
  large_orange_circle: "🟠", large_yellow_circle: "🟡", red_circle: "🔴", white_circle: "⚪", black_circle: "⚫",
  leftwards_arrow_with_hook: "↩️", arrow_right_hook: "↪️", link: "🔗", lock: "🔒", unlock: "🔓", mag: "🔍",
  mailbox: "📫", mega: "📣", loudspeaker: "📢", memo: "📝", pencil: "📝", pencil2: "✏️", no_entry: "⛔",
  no_entry_sign: "🚫", octagonal_sign: "🛑", stop_sign: "🛑", ok: "🆗", ok_hand: "👌", package: "📦",
  page_facing_up: "📄", page_with_curl: "📃", paperclip: "📎", performing_arts: "🎭", musical_note: "🎵",
  pray: "🙏", pushpin: "📌", raised_hands: "🙌", recycle: "♻️", repeat: "🔁", robot_face: "🤖", rocket: "🚀",
  rotating_light: "🚨", scales: "⚖️", seat: "💺", shield: "🛡️", slightly_smiling_face: "🙂", smile: "😄",
  sos: "🆘", sparkles: "✨", speech_balloon: "💬", star: "⭐", tada: "🎉", thinking_face: "🤔", thought_balloon: "💭",
  thumbsup: "👍", thumbsdown: "👎", ticket: "🎫", admission_tickets: "🎟️", tickets: "🎟️", trash: "🗑️",
  wastebasket: "🗑️", vertical_traffic_light: "🚦", warning: "⚠️", wave: "👋", wrench: "🔧", zap: "⚡", zzz: "💤",
};

/** @param {string} name without colons @returns {string | undefined} */
export function emojiFor(name) {
  return Object.hasOwn(EMOJI, name) ? EMOJI[name] : undefined;
}

/** @param {string} text @returns {string} `text` with its known shortcodes replaced */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (code, name) => emojiFor(name) ?? code);
}
