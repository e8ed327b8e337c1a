// The first-run page: the box's code, the store, and the QR code for the manager's device.

import { byId, h, say } from "/console/assets/dom.js";
import texts from "./texts.js";

const FIELDS = ["store_name", "store_id", "timezone", "day_change_time", "cloud_url", "cloud_token"];
const ANSWER_MS = 30000; // The box itself asks the cloud, which may be slow to be found dead.
const READY_EVERY_MS = 1000;
let language = navigator.language.toLowerCase().startsWith("ja") ? "ja" : "en";

function t(key, values = {}) {
  return (texts[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function speak() {
  document.documentElement.lang = language;
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  byId("qr").alt = t("done.qr");
}

function step(name) {
  for (const one of document.querySelectorAll("[data-step]")) one.classList.toggle("here", one.dataset.step === name);
  for (const [id, of] of [["code-form", "code"], ["answers-form", "answers"], ["done", "done"]]) byId(id).hidden = of !== name;
}

/** The box's answer, or an Error whose message a person can read. */
async function ask(body) {
  let answer;
  try {
    answer = await fetch("/setup", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept-Language": language },
      body: JSON.stringify({ code: byId("code").value.trim(), ...body }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch {
    throw new Error(t("unreachable"));
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  if (answer.status === 404) throw new Error(t("gone"));
  if (said.slug === "pairing-code-invalid") throw new Error(t("code.wrong"));
  if (said.slug === "too-many-requests") throw new Error(t("throttled", { seconds: answer.headers.get("Retry-After") || 60 }));
  throw new Error(t("failed", { why: said.detail ?? said.title ?? answer.status }));
}

function mark(bad) {
  for (const name of FIELDS) {
    const wrong = bad.includes(name);
    say(byId(`${name}-wrong`), wrong ? t(`${name}.wrong`) : "");
    byId(name).toggleAttribute("aria-invalid", wrong);
    if (wrong) byId(name).setAttribute("aria-invalid", "true");
  }
  if (bad.length) byId(FIELDS.find((name) => bad.includes(name))).focus();
}

async function busily(form, work, wrong) {
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  say(wrong, "");
  try {
    await work();
  } catch (error) {
    say(wrong, error.message);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

async function send(unreached) {
  mark([]);
  byId("anyway").hidden = true;
  const answers = Object.fromEntries(FIELDS.map((name) => [name, byId(name).value.trim()]).filter(([, value]) => value));
  byId("cloud-says").replaceChildren(...(answers.cloud_url ? [h("p", { class: "quiet" }, t("asking"))] : []));
  let said;
  try {
    said = await ask({ answers: { store_name: "", ...answers }, unreached });
  } finally {
    byId("cloud-says").replaceChildren();
  }
  if (said.wrong) mark(said.wrong);
  else if (said.pairing) await finished(said.pairing);
  else {
    byId("cloud-says").replaceChildren(
      h("div", { class: said.refused ? "notice red" : "notice amber" }, h("p", {}, h("strong", {}, said.cloud.text)), h("p", {}, said.cloud.advice)),
    );
    byId("anyway").hidden = said.refused;
  }
}

async function finished(pairing) {
  step("done");
  byId("qr").src = `data:image/svg+xml,${encodeURIComponent(pairing.qr_svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))}`;
  say(byId("pairing-code"), pairing.code);
  say(byId("digits"), pairing.digits.replace(/^(...)/, "$1 "));
  byId("done-title").focus();
  // It answers until it leaves, and when it is back it says that it is this store.
  for (let store = ""; store !== byId("store_id").value.trim(); ) {
    await new Promise((resume) => setTimeout(resume, READY_EVERY_MS));
    store = await fetch("/.well-known/storehub", { cache: "no-store" }).then((answer) => answer.json()).then((box) => box.store, () => "");
  }
  byId("starting").hidden = true;
  byId("ready").hidden = false;
}

byId("language").addEventListener("click", () => {
  language = language === "ja" ? "en" : "ja";
  speak();
  // What was said in the other language.
  byId("cloud-says").replaceChildren();
  for (const one of document.querySelectorAll(".wrong")) say(one, "");
});
byId("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busily(byId("code-form"), async () => {
    const box = await ask({});
    say(byId("hub-id"), box.hub_id);
    byId("timezone").value = box.timezone;
    byId("day_change_time").value = "05:00";
    byId("zones").replaceChildren(...Intl.supportedValuesOf("timeZone").map((name) => h("option", { value: name })));
    step("answers");
    byId("store_name").focus();
  }, byId("code-wrong"));
});
byId("answers-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busily(byId("answers-form"), () => send(false), byId("answers-wrong"));
});
byId("anyway").addEventListener("click", () => busily(byId("answers-form"), () => send(true), byId("answers-wrong")));
speak();
step("code");
byId("code").focus();
