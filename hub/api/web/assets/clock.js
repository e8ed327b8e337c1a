// A clock that nobody has confirmed: what the box believes and why, and a person's word for the right time.

import { act } from "./api.js";
import { ask, attempt } from "./ask.js";
import { byId, say } from "./dom.js";
import { duration, localTime, momentOf, now, number, stamp } from "./format.js";
import { t, word } from "./i18n.js";

// A minute is as fine as the field is.
const SAME_MS = 60_000;
let clock = null;
let offered = "";

export function startClock(refresh) {
  byId("clock-time").addEventListener("input", showShift);
  byId("clock-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { at, text } = wanted();
    const agreed = await ask({
      title: t("time.confirm", { time: stamp(at) }),
      body: [shift(at), t("time.corrects", { n: number(clock.unsure_entries), count: clock.unsure_entries })].join("\n\n"),
      yes: t("time.set"),
    });
    if (!agreed) return;
    await attempt(byId("clock-set"), () => act("POST", "/v1/clock", { time: text }), t("done.clock"));
    refresh();
  });
}

/** What the field says; untouched, this device's own clock to the second. text: as the box is told. */
function wanted() {
  const { value } = byId("clock-time");
  if (value === offered) return { at: Date.now(), text: new Date().toISOString() };
  return { at: momentOf(value), text: value };
}

export function showClock(sync) {
  clock = sync.clock;
  const shown = sync.role === "primary" && clock?.trusted === false;
  if (!shown) offered = "";
  byId("clock").hidden = !shown;
  if (!shown) return;
  say(byId("clock-believed"), stamp(now()));
  say(byId("clock-why"), word("clock", clock.source));
  const field = byId("clock-time");
  // The device in the manager's hand is on a network of its own as a rule, and right.
  if (field.value === offered && document.activeElement !== field) field.value = offered = localTime(Date.now());
  showShift();
}

function showShift() {
  const { at } = wanted();
  byId("clock-set").disabled = !Number.isFinite(at);
  say(byId("clock-shift"), Number.isFinite(at) ? shift(at) : "");
}

function shift(at) {
  const off = at - now();
  if (Math.abs(off) < SAME_MS) return t("time.same");
  return t(off > 0 ? "time.ahead" : "time.back", { duration: duration(Math.abs(off) / 1000) });
}
