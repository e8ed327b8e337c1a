// Records that the cloud refused: in plain sight, with its reason, to be sent again.

import { act } from "./api.js";
import { ask, attempt } from "./ask.js";
import { byId, changed, h, show } from "./dom.js";
import { day, manner, money, number } from "./format.js";
import { t, word } from "./i18n.js";
import { age } from "./ticker.js";

export function showQuarantine(items, refresh) {
  const count = byId("quarantine-count");
  count.hidden = items.length === 0;
  count.textContent = number(items.length);
  byId("quarantine").classList.toggle("urgent", items.length > 0);
  const body = byId("quarantine-body");
  if (!changed(body, items, manner())) return;
  if (items.length === 0) return show(body, h("p", { class: "quiet" }, t("quarantine.empty")));
  show(body, h("p", { class: "quiet" }, t("quarantine.lead")),
    h("ul", { class: "rows" }, items.map((item) => paint(item, refresh))));
}

function paint(item, refresh) {
  const kind = (item.type ?? "").replace(/^storehub\./, "").replace(/\.v\d+$/, "");
  const again = h("button", { type: "button", class: "plain", "data-key": `retry ${item.epoch} ${item.seq}` }, t("quarantine.retry"));
  again.addEventListener("click", async () => {
    const agreed = await ask({
      title: t("quarantine.retry.one", { seq: number(item.seq) }), body: t("retry.confirm.body"), yes: t("quarantine.retry"),
    });
    if (!agreed) return;
    await attempt(again, () => act("POST", "/v1/sync/retry", { seq: item.seq }), t("done.retry"));
    refresh();
  });
  return h("li", { class: "set-aside" },
    h("div", { class: "what" },
      h("p", {}, h("strong", {}, word("entry", kind)), ` #${number(item.seq)}`,
        Number.isFinite(item.amount) && h("span", { class: "amount" }, money(item.amount))),
      h("p", { class: "says" }, h("span", { class: "quiet" }, `${t("quarantine.reason")}: `), item.reason),
      h("p", { class: "quiet" }, item.business_date && `${day(item.business_date)} · `, age("ago", item.at ?? item.since),
        item.hash && h("code", { title: item.hash }, ` ${item.hash.slice(0, 12)}…`))),
    again);
}
