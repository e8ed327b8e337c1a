// Sales by the hour as bars, from the first to the last hour of the business day that sold anything.

import { s } from "./dom.js";
import { hourOfDay, money, number } from "./format.js";
import { t } from "./i18n.js";

const WIDTH = 480;
const HEIGHT = 96;
const GROUND = 76;
// A day with a single sale should not show one bar as wide as the card.
const SLOTS_MIN = 8;

const label = (hour) => `${String(hour).padStart(2, "0")}:00`;

export function hourBars(hours) {
  const sold = [...hours].map((one) => ({ ...one, at: hourOfDay(one.hour) })).sort((a, b) => a.at - b.at);
  const [first, last] = [sold[0], sold.at(-1)];
  const slots = Math.max(SLOTS_MIN, last.at - first.at + 1);
  const most = sold.reduce((a, b) => (b.total > a.total ? b : a));
  const step = WIDTH / slots;
  const every = Math.ceil(slots / 8);
  return s(
    "svg",
    {
      class: "hours", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-label": t("sales.hours.label", { first: label(first.hour), last: label(last.hour), peak: label(most.hour), amount: money(most.total) }),
    },
    s("path", { class: "ground", d: `M0 ${GROUND}.5H${WIDTH}` }),
    sold.map((one) => bar(one, { x: (one.at - first.at) * step, width: step, most: most.total })),
    Array.from({ length: slots }, (_, slot) => slot).filter((slot) => slot % every === 0).map((slot) =>
      s("text", { x: (slot + 0.5) * step, y: HEIGHT - 4, "text-anchor": "middle" }, String((Number(first.hour) + slot) % 24))),
  );
}

function bar(one, { x, width, most }) {
  const height = most > 0 ? Math.max(2, (GROUND - 6) * Math.max(0, one.total) / most) : 2;
  const sales = t("sales.count", { n: number(one.count), count: one.count });
  return s(
    "rect",
    { class: one.total === most ? "bar most" : "bar", x: x + width * 0.15, y: GROUND - height, width: width * 0.7, height, rx: 2 },
    s("title", {}, t("sales.hour", { hour: label(one.hour), amount: money(one.total), sales })),
  );
}
