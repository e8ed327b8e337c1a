// The state of the connection, what waits to be sent, and the switch.

import { act, reach } from "./api.js";
import { ask, attempt } from "./ask.js";
import { byId, changed, h, say, show } from "./dom.js";
import { clockTime, duration, manner, moment, money, now, number } from "./format.js";
import { has, t } from "./i18n.js";
import { icon } from "./icons.js";
import { part, showCopy, takeOver } from "./standby.js";
import { age } from "./ticker.js";

// Green: nothing to do. Amber: the store works, the cloud waits. Red: a person has to act.
const SHOWN = {
  online: { lamp: "green", icon: "check" },
  sending: { lamp: "green", icon: "wave" },
  holes: { lamp: "amber", icon: "alert" },
  degraded: { lamp: "amber", icon: "wave" },
  offline: { lamp: "amber", icon: "unplugged" },
  paused: { lamp: "amber", icon: "pause" },
  starting: { lamp: "amber", icon: "wave" },
  unconfigured: { lamp: "amber", icon: "box" },
  captive_portal: { lamp: "red", icon: "door" },
  refused: { lamp: "red", icon: "stop" },
  unknown: { lamp: "amber", icon: "alert" },
  standby_following: { lamp: "green", icon: "check" },
  standby_starting: { lamp: "amber", icon: "wave" },
  standby_gone: { lamp: "red", icon: "unplugged" },
  standby_parted: { lamp: "red", icon: "stop" },
  standby_disk: { lamp: "red", icon: "alert" },
  taking: { lamp: "amber", icon: "wave" },
  superseded: { lamp: "red", icon: "stop" },
};
// Offline for a reason that no router's lamp will explain.
const NOT_REALLY = { starting: "starting", "not-configured": "unconfigured" };
// A busy store always has a record on its way. Only one that lingers makes "sending" worth saying.
const LINGERS_MS = 5000;

const reasonKey = (reason) => (reason ?? "").split(":", 1)[0].trim();

function situation(sync) {
  const other = part(sync);
  if (other) return other;
  const { state } = sync.link;
  if (state === "offline") return NOT_REALLY[reasonKey(sync.link.reason)] ?? state;
  if (state !== "online") return state in SHOWN ? state : "unknown";
  if (sync.unsent.count > 0 && now() - Date.parse(sync.unsent.oldest_at) > LINGERS_MS) return "sending";
  return sync.quarantined.length > 0 ? "holes" : "online";
}

/** What the state is told of: the line to the cloud, or of a box that is not the store's, its own part. */
function subject({ role, link, standby, journal }) {
  if (role === "standby") return { ...standby, state: role };
  return role === "superseded" ? { ...journal, state: role } : link;
}

export function showLink(sync, session, refresh) {
  const kind = situation(sync);
  const told = subject(sync);
  showSignal(reach.ok ? kind : "unreachable");
  if (reach.ok) {
    say(byId("link-state"), t(`state.${told.state}`));
    say(byId("link-title"), t(`link.${kind}.title`));
    say(byId("link-body"), has(`link.${kind}.body`) ? t(`link.${kind}.body`) : "");
    const from = told.since;
    say(byId("link-since"), from ? t("state.since", { time: moment(from), duration: duration((now() - Date.parse(from)) / 1000) }) : "");
  } else {
    say(byId("link-state"), t("state.unreachable"));
    say(byId("link-title"), t("link.unknown.title"));
    say(byId("link-body"), t("unreachable.known", { time: clockTime(reach.answered_ms) }));
    say(byId("link-since"), "");
  }
  const todo = reach.ok && has(`link.${kind}.do`) ? t(`link.${kind}.do`) : "";
  byId("link-todo").hidden = todo === "";
  say(byId("link-todo").lastElementChild, todo);
  showReason(reach.ok ? told.reason : "");
  byId("unsent").hidden = told !== sync.link;
  byId("copy").hidden = told.state !== "standby";
  if (told === sync.link) showUnsent(sync);
  if (told.state === "standby") showCopy(sync.standby);
  showActions(kind, session.role, refresh);
}

function showSignal(kind) {
  const { lamp, icon: name } = SHOWN[kind] ?? { lamp: "", icon: "" };
  byId("link").dataset.tone = lamp || "dark";
  for (const colour of ["green", "amber", "red"]) {
    const element = byId(`lamp-${colour}`);
    const lit = colour === lamp;
    element.classList.toggle("lit", lit);
    if (changed(element, lit && name)) element.replaceChildren(...(lit ? [icon(name)] : []));
  }
}

/** A reason begins with a key that we have words for; the box's own words follow them. */
function showReason(reason) {
  const line = byId("link-reason");
  line.hidden = !reason;
  if (!reason || !changed(line, reason, manner())) return;
  const key = `reason.${reasonKey(reason)}`;
  show(line.lastElementChild, has(key) && `${t(key)} `, h("code", {}, reason));
}

function showUnsent({ unsent, acked_seq, last_seq, last_ack_at }) {
  say(byId("unsent-count"), t("unsent.count", { n: number(unsent.count), count: unsent.count }));
  const facts = byId("unsent-facts");
  if (!changed(facts, unsent, acked_seq, last_seq, last_ack_at, manner())) return;
  show(
    facts,
    h("div", {}, h("dt", {}, t("unsent.oldest")), h("dd", {}, unsent.oldest_at ? age("ago", unsent.oldest_at) : t("unsent.oldest.none"))),
    Number.isFinite(unsent.sales_total) &&
      h("div", {}, h("dt", {}, t("unsent.amount")), h("dd", {}, money(unsent.sales_total))),
    h("div", {}, h("dt", {}, t("unsent.ack")), h("dd", {}, last_ack_at ? age("ago", last_ack_at) : t("unsent.ack.never"))),
  );
  const bar = byId("unsent-progress");
  bar.setAttribute("aria-label", t("unsent.progress", { acked: number(acked_seq), last: number(last_seq) }));
  bar.title = bar.getAttribute("aria-label");
  bar.firstElementChild.style.width = `${last_seq > 0 ? (100 * Math.min(acked_seq, last_seq)) / last_seq : 100}%`;
}

const ACTIONS = { paused: ["resume"], unconfigured: [], taking: [], superseded: [] };

function actionsFor(kind, role) {
  if (kind.startsWith("standby_")) return role === "manager" ? ["take"] : [];
  return ACTIONS[kind] ?? ["retry", "pause"];
}

function showActions(kind, role, refresh) {
  const actions = byId("link-actions");
  const names = actionsFor(kind, role);
  // What is done when all is well should not shout.
  const calm = ["online", "sending", "standby_following", "standby_starting"].includes(kind);
  if (!changed(actions, names, calm, manner())) return;
  show(actions, names.map((name) => {
    const button = h("button", { type: "button", class: name === "pause" || calm ? "plain" : "main", "data-key": name }, t(name));
    button.addEventListener("click", async () => {
      if (name === "take") return takeOver(refresh);
      const agreed = await ask({ title: t(`${name}.confirm`), body: t(`${name}.confirm.body`), yes: t(name) });
      if (!agreed) return;
      await attempt(button, () => act("POST", `/v1/sync/${name}`, name === "retry" ? {} : undefined), t(`done.${name}`));
      return refresh();
    });
    return button;
  }));
}
