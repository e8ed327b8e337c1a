// What must not be overlooked, above everything else.

import { reach } from "./api.js";
import { byId, changed, h, show } from "./dom.js";
import { clockTime, moment, number } from "./format.js";
import { t, word } from "./i18n.js";

const DAYS_LEFT_MIN = 14;

export function showNotices(sync) {
  const place = byId("notices");
  const notices = collect(sync);
  document.body.classList.toggle("stale", !reach.ok);
  if (!changed(place, notices)) return;
  show(place, notices.map(([tone, title, body, more]) =>
    h("div", { class: `notice ${tone}` }, h("strong", {}, title), h("p", {}, body, more && [" ", h("a", { href: more[0] }, more[1])]))));
}

function collect(sync) {
  const notices = [];
  if (!reach.ok) {
    const time = clockTime(reach.answered_ms);
    notices.push(["red", t("unreachable.title"), t("unreachable.body", { time })]);
  }
  if (!sync) return notices;
  const { journal, behind, clock, storage } = sync;
  // What a box that is not the store's is stands on its card.
  if (journal && !["writable", "standby", "superseded"].includes(journal.state)) {
    const title = word("notice", journal.state);
    const body = t(`notice.${journal.state}.body`, { time: moment(journal.since) });
    notices.push([journal.state === "reopening" ? "amber" : "red", title, journal.reason ? `${body} (${journal.reason})` : body]);
  }
  if (behind) {
    const witness = word("witness", behind.witness);
    notices.push(["red", t("notice.behind"), t("notice.behind.body", { witness, seq: number(behind.seq) })]);
  }
  const repaired = sync.repairs?.at(-1);
  if (sync.lost?.length > 0 || repaired?.unsure) {
    const which = (sync.lost ?? []).map((one) => (one.first === one.last ? number(one.first) : `${number(one.first)}–${number(one.last)}`));
    const body = t("notice.lost.body", { which: which.join(", ") || "–", time: moment(repaired.at) });
    notices.push(["red", t("notice.lost"), body]);
  }
  if (["low", "full"].includes(storage?.state)) {
    notices.push([storage.state === "full" ? "red" : "amber", t(`notice.storage.${storage.state}`), t(`notice.storage.${storage.state}.body`)]);
  }
  const copy = sync.mirror;
  if (sync.role === "primary" && (copy?.state === "gone" || (copy?.waits && copy.state !== "following"))) {
    const refused = copy.waits && copy.otherwise === "refuse";
    const body = t("notice.copy.body", { n: number(copy.lag_entries), why: copy.reason || copy.state });
    notices.push([refused ? "red" : "amber", t(refused ? "notice.copy.refused" : "notice.copy"), body]);
  }
  if (["returned", "stuck"].includes(sync.update?.state)) {
    const { state, from_version, to_version, reason, at } = sync.update;
    const body = t(`notice.update.${state}.body`, { from: from_version, to: to_version, why: reason, time: moment(at) });
    notices.push([state === "stuck" ? "red" : "amber", t(`notice.update.${state}`), body]);
  }
  if (sync.unrecovered?.length > 0) {
    notices.push(["red", t("notice.unrecovered"), t("notice.unrecovered.body", { which: sync.unrecovered.join(", ") })]);
  }
  if (sync.problem) notices.push(["red", t("notice.problem"), t("notice.problem.body", { why: sync.problem })]);
  if (sync.master?.problem && sync.link.state === "online") {
    notices.push(["amber", t("notice.master"), t("notice.master.body", { why: sync.master.problem })]);
  }
  if (Number.isFinite(storage?.days_left) && storage.days_left < DAYS_LEFT_MIN) {
    notices.push(["amber", t("notice.disk", { days: number(Math.floor(storage.days_left)) }), t("notice.disk.body")]);
  }
  if (clock && !clock.trusted) {
    notices.push(["amber", t("notice.clock"), t("notice.clock.body"), sync.role === "primary" && ["#clock", t("time.title")]]);
  }
  const machine = sync.box;
  if (machine?.power === "low") notices.push(["red", t("notice.voltage"), t("notice.voltage.body")]);
  if (machine?.heat === "warm" || machine?.heat === "hot")
    notices.push([machine.heat === "hot" ? "red" : "amber", t("notice.heat"), t("notice.heat.body", { c: Math.round(machine.celsius) })]);
  if (machine?.ups?.state === "battery") notices.push(["amber", t("notice.ups"), t("notice.ups.body", { n: machine.ups.minutes_left ?? "?" })]);
  if (machine?.ups?.state === "low") notices.push(["red", t("notice.ups"), t("notice.ups.low")]);
  // Stable: what stops the store comes first.
  return notices.sort(([one], [other]) => (other === "red") - (one === "red"));
}
