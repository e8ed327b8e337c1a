// One field for a one-time code; the box keeps the session in a cookie that scripts cannot read.

import { once } from "./api.js";
import { why } from "./ask.js";
import { byId, say } from "./dom.js";
import { t } from "./i18n.js";

export function startSignin(signedIn) {
  byId("signin-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = byId("code");
    const button = byId("signin-form").querySelector("button");
    button.disabled = true;
    say(byId("signin-wrong"), "");
    try {
      await once("POST", "/console/session", { code: field.value.trim() });
      field.value = "";
      await signedIn();
    } catch (error) {
      say(byId("signin-wrong"), explain(error));
      field.setAttribute("aria-invalid", "true");
      field.select();
    } finally {
      button.disabled = false;
    }
  });
}

function explain(error) {
  if (error.slug === "pairing-code-invalid") return t("signin.wrong");
  if (error.slug === "forbidden") return t("signin.role");
  if (error.slug === "too-many-requests") return t("signin.throttled", { seconds: error.retry_after_s || 60 });
  return t("failed", { why: why(error) });
}

export function showSignin(ended) {
  byId("signin").hidden = false;
  byId("console").hidden = true;
  byId("signin-ended").hidden = !ended;
  byId("code").removeAttribute("aria-invalid");
  byId("code").focus();
}
