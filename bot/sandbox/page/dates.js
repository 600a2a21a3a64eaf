// Times as the viewer reads them: message times, day dividers, and Slack's <!date^...> tokens.

const DAY = 24 * 60 * 60 * 1000;

/** @param {Intl.DateTimeFormatOptions} options */
const formatter = (options) => {
  const format = new Intl.DateTimeFormat(undefined, options);
  return (/** @type {Date} */ date) => format.format(date);
};

const time = formatter({ hour: "numeric", minute: "2-digit" });
const timeWithSeconds = formatter({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const numeric = formatter({ year: "numeric", month: "2-digit", day: "2-digit" });
const short = formatter({ year: "numeric", month: "short", day: "numeric" });
const medium = formatter({ year: "numeric", month: "long", day: "numeric" });
const long = formatter({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
const weekday = formatter({ weekday: "long", month: "long", day: "numeric" });
const full = formatter({ dateStyle: "full", timeStyle: "long" });

/** @param {Date} date @param {(date: Date) => string} otherwise */
function relativeDay(date, otherwise) {
  const midnight = (/** @type {Date} */ day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  const days = Math.round((midnight(date) - midnight(new Date())) / DAY);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] ?? otherwise(date);
}

/** @param {Date} date */
function ago(date) {
  const seconds = Math.round((date.getTime() - Date.now()) / 1000);
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  for (const [unit, size] of /** @type {const} */ ([["day", 86400], ["hour", 3600], ["minute", 60]])) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return relative.format(seconds, "second");
}

/** @type {Record<string, (date: Date) => string>} */
const PARTS = {
  date_num: numeric,
  date_slash: numeric,
  date: medium,
  date_pretty: (date) => relativeDay(date, medium),
  date_short: short,
  date_short_pretty: (date) => relativeDay(date, short),
  date_long: long,
  date_long_pretty: (date) => relativeDay(date, long),
  day_divider_pretty: (date) => relativeDay(date, weekday),
  time,
  time_secs: timeWithSeconds,
  ago,
};

/** @param {Date} date @param {string} format such as "{date_short_pretty} at {time}" */
export function formatDate(date, format) {
  const text = format.replace(/\{(\w+)\}/g, (token, name) => (Object.hasOwn(PARTS, name) ? PARTS[name](date) : token));
  // Slack capitalises a date that opens the text ("Today at 10:00").
  return /^\{\w+_pretty\}/.test(format) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** @param {string} ts a message's ts @returns {Date} */
export const dateOf = (ts) => new Date(Number.parseFloat(ts) * 1000);

export const messageTime = time;
export const fullTime = full;

/** @param {Date} date */
export function dayName(date) {
  const name = relativeDay(date, weekday);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The day and hour of an event on the venue's own clock, wherever the viewer is. @param {string} value with an offset */
export function eventDay(value) {
  const date = new Date(value.replace(/(Z|[+-]\d\d:?\d\d)$/, ""));
  return Number.isNaN(date.getTime()) ? value : `${short(date)}, ${time(date)}`;
}

/** An upstream's timestamp, to the second; what cannot be read as a time is shown as it came. @param {string | number | null | undefined} value */
export function stamp(value) {
  if (value === null || value === undefined || value === "") return "–";
  const date = new Date(typeof value === "number" ? value * 1000 : value);
  if (Number.isNaN(date.getTime())) return String(value);
  return `${relativeDay(date, short)} ${timeWithSeconds(date)}`;
}
