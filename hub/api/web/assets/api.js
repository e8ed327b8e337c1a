// Requests to the box, and whether it answers.

import { heardDate, now } from "./format.js";
import { currentLanguage } from "./i18n.js";

// A box on the LAN answers in milliseconds; silence this long is a broken path, not a slow one.
const SILENCE_MS = 6000;
const FILE_MS = 90_000;
const ATTEMPTS_MAX = 3;

export class Unreachable extends Error {}

export class Refused extends Error {
  constructor(status, problem, retry_after_s) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`);
    this.status = status;
    this.slug = problem?.slug ?? "";
    this.why = problem?.why ?? "";
    this.retry_after_s = retry_after_s;
  }
}

/** What is known of the path to the box: ok, and when by its own clock it last answered. */
export const reach = { ok: true, answered_ms: now() };
let onReach = () => {};

export function whenReachChanges(act) {
  onReach = act;
}

function heard(ok) {
  if (ok) reach.answered_ms = now();
  if (ok === reach.ok) return;
  reach.ok = ok;
  onReach(ok);
}

async function call(method, path, body, key, { silence_ms = SILENCE_MS, file = false } = {}) {
  const headers = { Accept: file ? "*/*" : "application/json", "Accept-Language": currentLanguage() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let answer, text, blob;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(silence_ms),
    });
    if (file && answer.ok) blob = await answer.blob();
    else text = await answer.text();
  } catch {
    heard(false);
    throw new Unreachable(path);
  }
  const json = blob ? undefined : parsed(text);
  if (!blob && answer.ok && text !== "" && json === undefined) {
    heard(false); // Something else answered in the box's place.
    throw new Unreachable(path);
  }
  heardDate(answer.headers.get("Date"));
  heard(true);
  if (!answer.ok) throw new Refused(answer.status, json, Number(answer.headers.get("Retry-After")) || 0);
  return blob ?? json;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const get = (path) => call("GET", path);

/** A file that takes the box some time to make. */
export const fetchFile = (path) => call("GET", path, undefined, undefined, { silence_ms: FILE_MS, file: true });

/** One act of a person: its key stays the same while we ask again, so it has one effect however often it is sent. */
export async function act(method, path, body) {
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(method, path, body, key);
    } catch (error) {
      const again = error instanceof Unreachable || error.slug === "outcome-unknown";
      if (!again || attempt === ATTEMPTS_MAX) throw error;
      await new Promise((resume) => setTimeout(resume, 400 * attempt));
    }
  }
}

/** A pairing or sign-in is not repeated: its code may have been used up by the answer that was lost. */
export const once = (method, path, body) => call(method, path, body);
