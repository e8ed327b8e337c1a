// The page's two languages. A text may have forms by number ("… .one" beside "…"), chosen by the language's own rule.

import en from "./en.js";
import ja from "./ja.js";

const TEXTS = { en, ja };
const REMEMBERED = "storehub.language";
let language = "en";
let plural = new Intl.PluralRules("en");

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null; // Storage may be forbidden; then the browser's language counts each time.
  }
}

export function startLanguage() {
  const wanted = remembered() ?? (navigator.language.toLowerCase().startsWith("ja") ? "ja" : "en");
  useLanguage(wanted in TEXTS ? wanted : "en");
}

export function currentLanguage() {
  return language;
}

export function switchLanguage() {
  const next = language === "ja" ? "en" : "ja";
  try {
    localStorage.setItem(REMEMBERED, next);
  } catch {
    // As above.
  }
  useLanguage(next);
}

function useLanguage(name) {
  language = name;
  plural = new Intl.PluralRules(name);
  document.documentElement.lang = name;
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
  }
}

export function has(key) {
  return key in TEXTS[language];
}

/** The text of a key with {names} filled in; values.count chooses the form. */
export function t(key, values = {}) {
  const texts = TEXTS[language];
  const form = values.count === undefined ? key : `${key}.${plural.select(values.count)}`;
  const text = texts[form] ?? texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The text for a value that the hub may extend: its own words when we have none. */
export function word(group, value) {
  const key = `${group}.${value}`;
  return has(key) ? t(key) : String(value);
}
