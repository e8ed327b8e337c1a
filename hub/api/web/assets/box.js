// The machine: how long its disk lasts, its clock, where it is found, what it is.

import { byId, changed, h, show } from "./dom.js";
import { bytes, manner, moment, number } from "./format.js";
import { t, word } from "./i18n.js";

export function showBox(sync, session) {
  const body = byId("box-body");
  const { storage, clock, beacon, journal } = sync;
  const hub = { ...session.hub, ...sync.hub };
  if (!changed(body, storage, clock, beacon, journal, hub, sync.epoch, sync.last_seq, manner())) return;
  const days = storage.days_left;
  show(body,
    h("div", { class: "gauges" },
      gauge("box.days", Number.isFinite(days) ? t("box.days.n", { n: number(Math.floor(days)), count: Math.floor(days) }) : t("box.days.unknown"),
        t("box.free", { size: bytes(storage.free_bytes) })),
      gauge("box.journal", bytes(storage.journal_bytes), journal && word("journal", journal.state)),
      gauge("box.clock", t(clock.trusted ? "box.clock.trusted" : "box.clock.untrusted"), word("clock", clock.source))),
    h("dl", { class: "facts" },
      beacon && fact("box.beacon", [word("beacon", beacon.state), beacon.reason && ` (${beacon.reason})`,
        (beacon.addresses ?? []).map((one) => h("code", {}, one))]),
      fact("box.url", hub.url && h("code", {}, hub.url)),
      fact("box.started", hub.started_at && moment(hub.started_at)),
      fact("box.position", h("code", {}, `${sync.epoch}:${sync.last_seq}`)),
      fact("box.store", h("code", {}, hub.store_id ?? hub.store)),
      fact("box.hub", hub.id && h("code", {}, hub.id)),
      fact("box.machine", hub.box && h("code", {}, hub.box)),
      fact("box.version", hub.version && h("code", {}, hub.version)),
      fact("box.fingerprint", hub.fp && h("code", { class: "long" }, hub.fp.replace(/(.{4})(?=.)/g, "$1 ")))));
}

const gauge = (label, value, more) =>
  h("div", {}, h("p", { class: "label" }, t(label)), h("p", { class: "value" }, value), more && h("p", { class: "quiet" }, more));

const fact = (label, value) => value && h("div", {}, h("dt", {}, t(label)), h("dd", {}, value));
