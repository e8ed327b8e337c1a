// Money, dates and durations in the store's currency and time zone, counted from the box's clock.

import { currentLanguage, t } from "./i18n.js";

const zone = { name: "Asia/Tokyo", currency: "JPY", turn_min: 5 * 60 };
let skew_ms = 0;
const made = new Map();

/** Takes what the hub says of itself; what it leaves out stays. */
export function configure({ timezone, currency, day_change_time } = {}) {
  if (timezone) zone.name = timezone;
  if (currency) zone.currency = currency;
  if (/^\d\d:\d\d/.test(day_change_time ?? "")) {
    zone.turn_min = Number(day_change_time.slice(0, 2)) * 60 + Number(day_change_time.slice(3, 5));
  }
  made.clear();
}

/** Names how things are written now: what was shown in another manner has to be shown again. */
export const manner = () => `${currentLanguage()} ${zone.name} ${zone.currency}`;

/** The box's clock counts, not the browser's; below two seconds a Date header says nothing. */
export function heardDate(date) {
  const difference = Date.parse(date) - Date.now();
  if (Number.isFinite(difference)) skew_ms = Math.abs(difference) < 2000 ? 0 : difference;
}

export const now = () => Date.now() + skew_ms;

// Formatters are dear to make and a day's table uses the same few.
function formatter(kind, make) {
  const key = `${currentLanguage()} ${kind}`;
  if (!made.has(key)) made.set(key, make(currentLanguage() === "ja" ? "ja-JP" : "en"));
  return made.get(key);
}

const numberFormat = () => formatter("number", (l) => new Intl.NumberFormat(l));
export const number = (value) => (Number.isFinite(value) ? numberFormat().format(value) : t("none"));

export function money(amount) {
  if (!Number.isFinite(amount)) return t("none");
  const format = formatter("money", (l) =>
    new Intl.NumberFormat(l, { style: "currency", currency: zone.currency, currencyDisplay: "narrowSymbol" }));
  // The narrow yen sign of Japanese locales is full width and tears the columns apart.
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits).replace("\uFFE5", "\u00A5");
}

const dated = (kind, options) => formatter(kind, (l) => new Intl.DateTimeFormat(l, { timeZone: zone.name, ...options }));

/** The time alone when it was within the last 18 hours, else with its date. */
export function moment(iso) {
  const at = Date.parse(iso);
  if (!Number.isFinite(at)) return t("none");
  const near = Math.abs(now() - at) < 18 * 3600_000;
  return near
    ? dated("time", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at)
    : dated("stamp", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
}

export const clockTime = (at_ms) =>
  dated("seconds", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(at_ms);

/** With its year: for a moment that may be far off. */
export const stamp = (at_ms) =>
  dated("year", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(at_ms);

/** A moment as a field for date and time writes it, by the clock on the store's wall. */
export const localTime = (at_ms) =>
  formatter("field", () => new Intl.DateTimeFormat("sv-SE", { timeZone: zone.name, dateStyle: "short", timeStyle: "short" }))
    .format(at_ms).replace(" ", "T");

/** The moment of such a text; NaN for none. Where a clock is put back, the earlier of two. */
export function momentOf(text) {
  const wall = Date.parse(`${text}Z`);
  if (!Number.isFinite(wall)) return NaN;
  const guess = wall - (Date.parse(`${localTime(wall)}Z`) - wall);
  return wall - (Date.parse(`${localTime(guess)}Z`) - guess);
}

// A business date is a name and not a moment: it is written as it stands, in no time zone.
export const day = (date) =>
  formatter("day", (l) => new Intl.DateTimeFormat(l, { timeZone: "UTC", month: "short", day: "numeric", weekday: "short" }))
    .format(Date.parse(`${date}T00:00:00Z`));

const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** A length of time in its two largest units. */
export function duration(seconds) {
  let rest = Math.max(0, Math.floor(seconds));
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count === 0 && !(unit === "second" && parts.length === 0)) {
      if (parts.length > 0) break;
      continue;
    }
    rest -= count * size;
    // Beside minutes and more, seconds would only flicker.
    if (unit === "second" && parts.length > 0) break;
    const format = formatter(unit, (l) => new Intl.NumberFormat(l, { style: "unit", unit, unitDisplay: "short" }));
    parts.push(format.format(count));
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

export const since = (iso) => duration((now() - Date.parse(iso)) / 1000);

export function ago(iso) {
  const seconds = Math.max(0, (now() - Date.parse(iso)) / 1000);
  const [unit, size] = UNITS.find(([, one]) => seconds >= one) ?? UNITS.at(-1);
  const format = formatter("ago", (l) => new Intl.RelativeTimeFormat(l, { numeric: "auto", style: "short" }));
  return format.format(-Math.floor(seconds / size), unit);
}

export function bytes(count) {
  if (!Number.isFinite(count)) return t("none");
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log10(count) / 3));
  const format = formatter(units[step], (l) =>
    new Intl.NumberFormat(l, { style: "unit", unit: units[step], maximumFractionDigits: step < 3 ? 0 : 1 }));
  return format.format(count / 1000 ** step);
}

/** Today's business date at the box. */
export function businessDate() {
  const turned = now() - zone.turn_min * 60_000;
  return formatter("iso", () =>
    new Intl.DateTimeFormat("sv-SE", { timeZone: zone.name, year: "numeric", month: "2-digit", day: "2-digit" })).format(turned);
}

export const shiftDate = (date, days) =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);

/** Where an hour of the clock stands in a business day. */
export const hourOfDay = (hour) => (Number(hour) - Math.floor(zone.turn_min / 60) + 24) % 24;
