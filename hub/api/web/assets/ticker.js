// Ages on the page grow by themselves, once a second.

import { h } from "./dom.js";
import { ago, moment, since } from "./format.js";

const WRITE = { ago, since, moment };

/** A time that keeps itself up to date: kind is "ago" (3 minutes ago), "since" (for 3 minutes) or "moment". */
export function age(kind, iso) {
  const element = h("time", { datetime: iso, "data-age": kind, title: moment(iso) });
  element.textContent = WRITE[kind](iso);
  return element;
}

export function tick() {
  for (const element of document.querySelectorAll("time[data-age]")) {
    const text = WRITE[element.dataset.age](element.dateTime);
    if (element.textContent !== text) element.textContent = text;
  }
}
