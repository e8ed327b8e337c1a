// Line icons on a 24-unit square. A state is told by its icon and its words; colour only repeats it.

import { s } from "./dom.js";

const PATHS = {
  check: ["M5 12.5l4.6 4.6L19 7.5"],
  alert: ["M12 7v6.2", "M12 17v.1"],
  wave: ["M3.5 13.5c2-4.5 4-4.5 6 0s4 4.5 6 0 3-3.5 5-3.5"],
  unplugged: ["M4 4l16 16", "M8.2 8.6A5.5 5.5 0 0 0 6.6 19H17", "M19.6 17.6A4.3 4.3 0 0 0 17.4 10.4A5.7 5.7 0 0 0 11 6.3"],
  door: ["M6.5 20.5V4.5h11v16", "M4 20.5h16", "M14 12.4v.1"],
  stop: ["M6 6l12 12", "M18 6L6 18"],
  pause: ["M9 6v12", "M15 6v12"],
  box: ["M4 8l8-4 8 4v8l-8 4-8-4z", "M4 8l8 4 8-4", "M12 12v8"],
};

export function icon(name) {
  return s(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    PATHS[name].map((d) => s("path", { d })),
  );
}
