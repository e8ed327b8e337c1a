// The business day: total, tenders, hours, products, tax.

import { byId, changed, h, show } from "./dom.js";
import { day, manner, money, number } from "./format.js";
import { hourBars } from "./hours.js";
import { t, word } from "./i18n.js";

const PRODUCTS_MAX = 5;

export function showSales({ report, date, today, role, loading }) {
  const hidden = role === "technician";
  byId("sales-days").hidden = hidden;
  byId("sales-date").textContent = date === today ? `${t("sales.today")} ${day(date)}` : day(date);
  byId("sales-later").disabled = date >= today;
  const body = byId("sales-body");
  if (!changed(body, report, hidden, loading, manner())) return;
  if (hidden) show(body, h("p", { class: "quiet" }, t("sales.hidden")));
  else if (!report) show(body, h("p", { class: "quiet" }, t(loading ? "loading" : "none")));
  else show(body, ...paint(report));
}

function paint(report) {
  const { sales, orders, voids, refunds } = report;
  return [
    h("div", { class: "takings" },
      h("p", { class: "figure" }, money(sales.total)),
      h("p", {}, t("sales.count", { n: number(sales.count), count: sales.count }),
        sales.count > 0 && h("span", { class: "quiet" }, ` · ${t("sales.average", { amount: money(Math.round(sales.total / sales.count)) })}`),
        report.closed && h("span", { class: "badge" }, t("sales.closed")))),
    h("dl", { class: "tally" },
      tally("sales.orders", number(orders?.count)),
      tally("sales.voids", number(voids?.count), voids?.count > 0 && money(voids.total)),
      tally("sales.refunds", number(refunds?.count), refunds?.count > 0 && money(refunds.total))),
    sales.count === 0 && h("p", { class: "quiet" }, t("sales.empty")),
    report.hours?.length > 0 && [h("h3", {}, t("sales.hours")), hourBars(report.hours)],
    h("div", { class: "pair" },
      h("div", {},
        list("sales.tenders", report.tenders, (one) => [one.name ?? one.method, `×${number(one.count)}`, money(one.amount)]),
        list("sales.taxes", report.taxes, (one) => [`${word("tax", one.tax_class)} ${percent(one.rate)}`, "", money(one.tax)])),
      list("sales.products", [...(report.products ?? [])].sort((a, b) => b.quantity - a.quantity).slice(0, PRODUCTS_MAX),
        (one) => [one.name, `×${number(one.quantity)}`, money(one.amount)])),
  ];
}

const tally = (label, count, amount) =>
  h("div", {}, h("dt", {}, t(label)), h("dd", {}, count, amount && h("span", { class: "quiet" }, ` ${amount}`)));

function list(title, rows, cells) {
  if (!rows?.length) return null;
  return h("div", {}, h("h3", {}, t(title)), h("dl", { class: "leaders" }, rows.map((row) => {
    const [name, count, amount] = cells(row);
    return h("div", {}, h("dt", {}, name, count && h("span", { class: "quiet" }, ` ${count}`)), h("dd", {}, amount));
  })));
}

const percent = (rate) => `${number(Math.round(Number(rate) * 10_000) / 100)}%`;
