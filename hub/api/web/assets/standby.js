// A box that is not the store's: what a standby has, and the act of taking over.

import { Unreachable, act } from "./api.js";
import { ask, tell, why } from "./ask.js";
import { byId, changed, h, say, show } from "./dom.js";
import { manner, moment, number } from "./format.js";
import { t } from "./i18n.js";
import { age } from "./ticker.js";

// The box changes its part within seconds; after this long something else is wrong, and the page says what it sees.
const TAKING_MS = 60_000;
let taking_since = null;
let copy = null;

const taking = () => taking_since !== null && performance.now() - taking_since < TAKING_MS;

/** Which state of the page this box's part is, or null for the store's own box. */
export function part(sync) {
  if (sync.role === "superseded") return "superseded";
  if (sync.role !== "standby") return null;
  return taking() ? "taking" : `standby_${sync.standby?.state ?? "starting"}`;
}

/** What of the copy is here. */
export function showCopy(standby) {
  copy = standby;
  say(byId("copy-count"), t("copy.lag", { n: number(standby.lag_entries), count: standby.lag_entries }));
  const facts = byId("copy-facts");
  if (!changed(facts, standby, manner())) return;
  show(facts,
    fact("copy.heard", standby.heard_at ? age("ago", standby.heard_at) : t("copy.never")),
    fact("copy.seq", number(standby.seq)),
    fact("copy.primary", h("code", {}, standby.primary.box)),
    fact("copy.at", h("code", {}, standby.primary.url)));
}

const fact = (label, value) => h("div", {}, h("dt", {}, t(label)), h("dd", {}, value));

/** Asks, with the old box's name to be typed, and makes this box the store's. refresh() reads how it stands. */
export async function takeOver(refresh) {
  const { primary, heard_at, lag_entries } = copy;
  const missing = heard_at
    ? t("take.missing", { time: moment(heard_at), n: number(lag_entries), count: lag_entries })
    : t("take.unheard");
  const agreed = await ask({
    title: t("take.confirm"),
    body: [t("take.unplug"), missing, t("take.final")].join("\n\n"),
    word: primary.box,
    label: t("take.word", { box: primary.box }),
    yes: t("take"),
    danger: true,
  });
  if (!agreed) return;
  taking_since = performance.now();
  void refresh();
  try {
    await act("POST", "/v1/standby/promote", { unplugged: true });
  } catch (error) {
    // No answer, or "I am no standby": it may have begun. How the box stands is then read, as after an answer.
    if (!(error instanceof Unreachable) && error.slug !== "not-found") {
      taking_since = null;
      tell(t("failed", { why: why(error) }), "red");
    }
  }
  await refresh();
}

/** Tells it once when this box has become the store's. */
export function taken(sync) {
  if (taking_since === null || sync.role !== "primary") return;
  taking_since = null;
  tell(t("done.take"));
}
