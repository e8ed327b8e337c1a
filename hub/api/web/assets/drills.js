// Drills: begun by a person, told while they run, and what came of the last one.

import { act } from "./api.js";
import { ask, attempt, tell, why } from "./ask.js";
import { byId, changed, h, show } from "./dom.js";
import { TONES, finding } from "./doctor.js";
import { manner, moment } from "./format.js";
import { t } from "./i18n.js";
import { age } from "./ticker.js";

const SECONDS = 60;
// What only somebody at the box can do: longer, or from a copy of their own choice.
const OPTIONS = { wan: "--seconds 600", box: "--from BACKUP" };
const RESULT = { ...TONES, refused: "amber", unfinished: "amber" };

/** view: GET /v1/drills. refresh() reads it again. */
export function showDrills(view, refresh) {
  const body = byId("drill-body");
  if (!changed(body, view, manner())) return;
  show(body,
    view.running && runs(view.running, refresh),
    !view.running && view.last && came(view.last),
    h("ul", { class: "rows" }, view.drills.map((one) => offer(one, view.running, refresh))));
}

const runs = (running, refresh) =>
  h("div", { class: "notice amber" },
    h("p", {}, h("strong", {}, t(`drill.${running.kind}`))),
    h("p", {}, t("drill.running", { time: moment(running.ends_by) })),
    running.kind === "wan" && button("drill.end", "drill-end", async (event) => {
      await attempt(event.currentTarget, () => act("POST", "/v1/sync/resume"), t("done.drill.end"));
      await refresh();
    }));

const came = (last) =>
  h("div", {},
    h("p", { class: `notice ${RESULT[last.state]}` }, h("strong", {}, t(`drill.${last.state}`))),
    h("p", { class: "quiet" }, `${t(`drill.${last.kind}`)} `, age("ago", last.at)),
    h("ul", { class: "rows" }, last.steps.map(finding)));

const offer = ({ kind, why: reason }, running, refresh) =>
  h("li", { class: "drill", "data-kind": kind },
    h("div", { class: "what" },
      h("p", {}, h("strong", {}, t(`drill.${kind}`))),
      h("p", { class: "quiet" }, t(`drill.${kind}.body`)),
      reason && !running && h("p", { class: "todo" }, t(`drill.why.${reason}`)),
      h("p", { class: "quiet" }, t(`drill.command.${kind}`)),
      h("p", {}, h("code", { class: "command" }, `sudo storehub drill ${kind} `, h("span", {}, OPTIONS[kind])))),
    !reason && button("drill.start", `drill-${kind}`, () => begin(kind, refresh), t(`drill.${kind}.confirm`)));

function button(text, key, press, label) {
  const made = h("button", { class: "plain", type: "button", "data-key": key, "aria-label": label }, t(text));
  made.addEventListener("click", (event) => void press(event));
  return made;
}

async function begin(kind, refresh) {
  const agreed = await ask({ title: t(`drill.${kind}.confirm`), body: t(`drill.${kind}.body`), yes: t("drill.start") });
  if (!agreed) return;
  try {
    await act("POST", "/v1/drills", kind === "wan" ? { kind, seconds: SECONDS } : { kind });
    tell(t("done.drill"));
  } catch (error) {
    // It may have begun though its answer was lost: how it stands is read below.
    if (error.why !== "running") tell(t("failed", { why: error.why ? t(`drill.why.${error.why}`) : why(error) }), "red");
  }
  await refresh();
}
