// What the box took beside what the cloud has, business day by business day.

import { byId, changed, h, show } from "./dom.js";
import { day, manner, money, number } from "./format.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

export function showReconciliation(rows) {
  const body = byId("reconciliation-body");
  if (!changed(body, rows, manner())) return;
  if (rows.length === 0) return show(body, h("p", { class: "quiet" }, t("rec.empty")));
  const days = [...rows].sort((a, b) => (a.business_date < b.business_date ? 1 : -1));
  show(body, h("table", { class: "compare" },
    h("thead", {}, h("tr", {},
      h("th", { scope: "col", colspan: 2 }, t("rec.day")),
      ["rec.entries", "rec.sales", "rec.amount"].map((key) => h("th", { scope: "col", class: "n" }, t(key))),
      h("th", { scope: "col", class: "result" }, t("rec.result")))),
    days.map(paint)));
}

function paint({ business_date, hub, cloud, agrees }) {
  const differs = (name) => agrees === false && cloud && hub[name] !== cloud[name];
  const cells = (side) => [["entries", number], ["sales", number], ["total", money]].map(([name, write]) =>
    h("td", { class: differs(name) ? "n differs" : "n" }, side ? write(side[name]) : t("none")));
  return h("tbody", {},
    h("tr", {},
      h("th", { scope: "rowgroup", rowspan: 2 }, day(business_date)),
      h("th", { scope: "row" }, t("rec.hub")), cells(hub),
      h("td", { rowspan: 2, class: "result" }, result(agrees))),
    h("tr", {}, h("th", { scope: "row" }, t("rec.cloud")), cells(cloud)));
}

function result(agrees) {
  if (agrees === true) return h("span", { class: "mark green" }, icon("check"), h("span", {}, t("rec.yes")));
  if (agrees === false) return h("span", { class: "mark red" }, icon("stop"), h("span", {}, t("rec.no")));
  return h("span", { class: "quiet" }, t("rec.open"));
}
