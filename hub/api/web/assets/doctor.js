// What the doctor says of the box: asked for by a person, and again until the examination has ended.

import { fetchFile, get } from "./api.js";
import { attempt, tell, why } from "./ask.js";
import { byId, h, show } from "./dom.js";
import { now, number } from "./format.js";
import { t } from "./i18n.js";
import { age } from "./ticker.js";

const AGAIN_MS = 1000;
export const TONES = { ok: "green", skip: "", warn: "amber", fail: "red" };

let found = null;
let asking = false;
let visit = 0;

export function startDoctor() {
  byId("doctor-run").addEventListener("click", () => void examine());
  byId("bundle").addEventListener("click", (event) => attempt(event.currentTarget, saveBundle, t("done.bundle")));
  showDoctor();
}

export function forgetDoctor() {
  found = null;
  asking = false;
  visit += 1;
  showDoctor();
}

async function examine() {
  const mine = visit;
  asking = true;
  found = null;
  showDoctor();
  try {
    do {
      const answer = await get("/v1/doctor");
      if (mine !== visit) return;
      if (!answer.running) found = answer;
      else await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    } while (!found && mine === visit);
  } catch (error) {
    if (mine === visit) tell(t("failed", { why: why(error) }), "red");
  }
  if (mine !== visit) return;
  asking = false;
  showDoctor();
}

/** Handed over to the browser like any download. */
async function saveBundle() {
  tell(t("bundle.packing"));
  const url = URL.createObjectURL(await fetchFile("/v1/doctor/bundle"));
  const name = `storehub-bundle-${new Date(now()).toISOString().slice(0, 19).replace(/[:T-]/g, "")}.tar.gz`;
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Texts come from the box in the page's language, so another language asks again. */
export function showDoctor() {
  byId("doctor-run").disabled = asking;
  const body = byId("doctor-body");
  if (asking) return show(body, h("p", { class: "quiet" }, t("doctor.running")));
  if (!found) return show(body, h("p", { class: "quiet" }, t("doctor.lead")));
  if (found.language !== undefined && found.language !== document.documentElement.lang) return void examine();
  found.language = document.documentElement.lang;
  // What is broken before what is only to be looked at.
  const look = ["fail", "warn"].flatMap((state) => found.checks.filter((one) => one.state === state));
  const rest = found.checks.filter((one) => !look.includes(one));
  return show(body,
    h("p", { class: `notice ${TONES[found.state]}` }, h("strong", {}, t(`doctor.${found.state}`))),
    h("p", { class: "quiet" }, `${t("doctor.at")} `, age("ago", found.at)),
    h("ul", { class: "rows" }, look.map(finding)),
    rest.length > 0 && h("details", {}, h("summary", { "data-key": "doctor-rest" }, t("doctor.others", { n: number(rest.length) })),
      h("ul", { class: "rows" }, rest.map(finding))));
}

/** One thing that was looked at: how it is, and what to do. */
export const finding = (one) =>
  h("li", { class: "finding", "data-id": one.id },
    h("div", { class: "what" },
      h("p", {}, h("strong", {}, one.title), " ", h("span", { class: `mark ${TONES[one.state]}` }, t(`doctor.state.${one.state}`))),
      h("p", {}, one.detail),
      one.advice && h("p", { class: "todo" }, one.advice)));
