// The business day (営業日): open or closed, what came after its closing, and the registers' drawers.

import { act } from "./api.js";
import { ask, attempt } from "./ask.js";
import { byId, changed, h, show } from "./dom.js";
import { day, manner, money, number } from "./format.js";
import { t, word } from "./i18n.js";
import { icon } from "./icons.js";
import { age } from "./ticker.js";

export function showDay({ business, date, role, devices }, refresh) {
  if (role === "technician") return;
  byId("day-date").textContent = day(date);
  const body = byId("day-body");
  const names = Object.fromEntries(devices.map((one) => [one.device_id, one.name]));
  if (!changed(body, business, names, manner())) return;
  if (!business) show(body, h("p", { class: "quiet" }, t("loading")));
  else show(body, ...paint(business, names, refresh));
}

function paint(business, names, refresh) {
  const { figures, frozen, late, open_checks: open, registers } = business;
  const left = open.reduce((sum, one) => sum + one.total, 0);
  return [
    h("p", { class: "standing" }, standing(business)),
    h("dl", { class: "leaders" },
      fact("day.net", money(figures.net)),
      frozen && fact("day.frozen", money(frozen.net)),
      frozen && late.count > 0 && fact("day.late", `+${number(late.count)}`, money(late.total)),
      fact("day.checks", number(open.length), open.length > 0 && money(left)),
      registers.some((one) => one.settlements.length > 0) && fact("day.cash", overShort(business.drawers.over_short)),
      business.status !== "open" && fact("day.unsent", number(business.unsent_at_closing))),
    h("h3", {}, t("day.registers")),
    registers.length === 0
      ? h("p", { class: "quiet" }, t("day.registers.none"))
      : h("ul", { class: "rows" }, registers.map((one) => register(one, names))),
    business.status !== "closed" && (figures.sales.count > 0 || registers.length > 0) &&
      h("div", { class: "actions" }, closing(business, refresh)),
  ];
}

function standing({ status, closed_at, closed_by }) {
  const badge = (tone, name, text) => h("span", { class: `mark ${tone}` }, icon(name), h("span", {}, text));
  if (status === "open") return badge("green", "door", t("day.open"));
  const how = [h("span", { class: "quiet" }, ` ${t(closed_by === "auto" ? "day.by.auto" : "day.by.hand")} · `, age("moment", closed_at))];
  return status === "closed" ? [badge("indigo", "check", t("day.closed")), how] : [badge("amber", "alert", t("day.amended")), how];
}

const fact = (label, value, more) =>
  h("div", {}, h("dt", {}, t(label), more && h("span", { class: "quiet" }, ` ${value}`)), h("dd", {}, more || value));

/** More in the drawer than expected, or less: in words beside the sign, and vermilion only where it is not right. */
function overShort(amount) {
  if (amount === 0) return t("day.exact");
  const text = amount > 0 ? "day.over" : "day.short";
  return h("span", { class: "differs" }, t(text, { amount: money(Math.abs(amount)) }));
}

function register(one, names) {
  const told = [one.float > 0 && t("day.float", { amount: money(one.float) }), one.openings > 0 && t("day.openings", { n: number(one.openings) })];
  return h("li", { class: "drawer" },
    h("div", { class: "what" },
      h("p", {}, h("strong", {}, names[one.register_id] ?? one.register_id), h("span", { class: "badge" }, word("register", one.status))),
      told.some(Boolean) && h("p", { class: "quiet" }, told.filter(Boolean).join(" · ")),
      one.last_count && counted("day.count", one.last_count, one.last_count.over_short),
      one.settlements.map((run) => counted("day.settled", run, run.over_short_now))),
    one.status === "open" && h("p", { class: "expected" }, h("span", { class: "label" }, t("day.expected")), h("strong", {}, money(one.expected))));
}

const counted = (label, run, over_short) =>
  h("p", { class: "quiet" }, t(label), " ", age("moment", run.at), ` · ${money(run.counted)} · `, overShort(over_short));

function closing(business, refresh) {
  const { business_date, open_checks, unsettled } = business;
  const button = h("button", { type: "button", class: "plain", "data-key": "close day" }, t("day.close"));
  button.addEventListener("click", async () => {
    const warns = [
      t("day.close.body"),
      open_checks.length > 0 && t("day.close.checks", { n: number(open_checks.length), count: open_checks.length }),
      unsettled.length > 0 && t("day.close.registers", { n: number(unsettled.length), count: unsettled.length }),
    ];
    const agreed = await ask({ title: t("day.close.confirm", { day: day(business_date) }), body: warns.filter(Boolean).join(" "), yes: t("day.close") });
    if (!agreed) return;
    await attempt(button, () => act("POST", `/v1/days/${business_date}/close`, { open_checks: "carry" }), t("done.day"));
    refresh();
  });
  return button;
}
