// Asking before an act that matters, and saying how it went.

import { Unreachable } from "./api.js";
import { byId, say } from "./dom.js";
import { t } from "./i18n.js";

/** True when the person agreed. word: has to be typed first, under this label. */
export function ask({ title, body, yes, danger = false, word = "", label = "" }) {
  const dialog = byId("ask");
  say(byId("ask-title"), title);
  say(byId("ask-body"), body);
  say(byId("ask-label"), label);
  byId("ask-typed").hidden = !word;
  const field = byId("ask-word");
  field.value = "";
  const typed = () => field.value.trim().toLowerCase() === word.toLowerCase();
  byId("ask-yes").disabled = !typed();
  field.oninput = () => (byId("ask-yes").disabled = !typed());
  say(byId("ask-yes"), yes);
  byId("ask-yes").classList.toggle("danger", danger);
  byId("ask-no").onclick = () => dialog.close("no");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

const SHOWN_MS = 5000;
let timer = null;

export function tell(text, tone = "green") {
  const toast = byId("toast");
  toast.hidden = false;
  toast.className = `toast ${tone}`;
  say(toast, text);
  clearTimeout(timer);
  timer = setTimeout(() => {
    toast.hidden = true;
    say(toast, "");
  }, SHOWN_MS);
}

export const why = (error) => (error instanceof Unreachable ? t("failed.unreachable") : error.message);

/** Does what the person asked for, while its button rests, and says how it went. */
export async function attempt(button, work, done) {
  button.disabled = true;
  try {
    await work();
    tell(done);
  } catch (error) {
    tell(t("failed", { why: why(error) }), "red");
  } finally {
    button.disabled = false;
  }
}
