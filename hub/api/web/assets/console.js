// Puts the page together: who is signed in, what is asked of the box and when, and which part shows it.

import { Refused, Unreachable, get, once, reach, whenReachChanges } from "./api.js";
import { tell, why } from "./ask.js";
import { showBox } from "./box.js";
import { showClock, startClock } from "./clock.js";
import { addressIs, devicesAre, forgetPairing, showPairingForm, startPairing, tickPairing } from "./pairing.js";
import { showDevices } from "./devices.js";
import { forgetDoctor, showDoctor, startDoctor } from "./doctor.js";
import { showDrills } from "./drills.js";
import { showDay } from "./day.js";
import { byId, say } from "./dom.js";
import { Feed } from "./feed.js";
import { businessDate, configure, shiftDate } from "./format.js";
import { startLanguage, switchLanguage, t, word } from "./i18n.js";
import { showLink } from "./link.js";
import { showNotices } from "./notices.js";
import { showQuarantine } from "./quarantine.js";
import { showReconciliation } from "./reconciliation.js";
import { Refresher } from "./refresh.js";
import { showSales } from "./sales.js";
import { showSignin, startSignin } from "./signin.js";
import { taken } from "./standby.js";
import { tick } from "./ticker.js";

const POLL_MS = 5000;
// Presence and the turn of the business day make no entry, so they are asked for now and then.
const SLOW_POLL_MS = 30_000;

const known = { session: null, sync: null, devices: null, drills: null, report: null, business: null, date: null, today: null };
const timers = [];

// What the box answers

const sync = new Refresher(() => ask("/v1/sync", (answer) => {
  known.sync = answer;
  configure(answer.hub);
}));
const devices = new Refresher(() => ask("/v1/devices", (answer) => {
  devicesAre(answer.devices);
  known.devices = answer.devices;
}));
const drills = new Refresher(() => ask("/v1/drills", (answer) => (known.drills = answer)));
// The box's own business date, name and currency may change while the page stays open.
const session = new Refresher(() => ask("/console/session", (answer) => {
  if (!answer) return signedOut(true);
  known.session = answer;
  configure(answer.hub);
}));
const report = new Refresher(async () => {
  if (known.session?.role === "technician") return;
  const date = chosenDate();
  await ask(`/v1/reports/days/${date}`, (answer) => {
    if (date === chosenDate()) known.report = answer;
  });
});
const business = new Refresher(async () => {
  if (known.session?.role === "technician") return;
  const date = chosenDate();
  await ask(`/v1/days/${date}`, (answer) => {
    if (date === chosenDate()) known.business = answer;
  });
});

async function ask(path, keep) {
  if (!known.session) return;
  try {
    const answer = await get(path);
    if (!known.session) return; // Signed out meanwhile.
    keep(answer);
  } catch (error) {
    if (!known.session) return;
    if (error instanceof Refused) {
      if (error.status === 401 || error.slug === "device-revoked") signedOut(true);
    } else if (!(error instanceof Unreachable)) throw error;
  }
  paint();
}

function chosenDate() {
  known.today = known.sync?.business_date ?? known.session?.hub.business_date ?? businessDate();
  return known.date ?? known.today;
}

// What the page shows

function paint() {
  const { session } = known;
  if (!session) return;
  showNotices(known.sync);
  showLive();
  if (known.sync) {
    showParts(known.sync.role, session.role);
    taken(known.sync);
    showLink(known.sync, session, () => sync.now());
    showReconciliation(known.sync.reconciliation);
    showQuarantine(known.sync.quarantined, () => sync.now());
    showClock(known.sync);
    showBox(known.sync, session);
    void addressIs(known.sync.hub?.url);
  }
  if (known.drills) showDrills(known.drills, () => drills.now());
  if (known.devices) showDevices(known.devices, session, () => devices.now());
  const date = chosenDate();
  showSales({ report: known.report, date, today: known.today, role: session.role, loading: !known.report });
  showDay({ business: known.business, date, role: session.role, devices: known.devices ?? [] }, () => business.now());
}

/** What only the store's own box can tell or do is left out on any other. */
function showParts(part, role) {
  for (const id of ["day", "quarantine", "reconciliation", "devices", "pairing", "drill"]) byId(id).hidden = part !== "primary";
  if (role === "technician") byId("day").hidden = true;
}

function showLive() {
  const state = reach.ok ? feed.state : "connecting";
  byId("live").dataset.state = state;
  byId("live").hidden = false;
  say(byId("live-text"), t(`live.${state}`));
}

function showPerson() {
  const { name, role, hub } = known.session;
  say(byId("store"), hub.name || "storehub");
  say(byId("person"), t("signed-in", { name, role: word("role", role) }));
  showPairingForm(role);
}

// What happens by itself

const feed = new Feed(heard, () => known.sync?.last_seq > 0 && `${known.sync.epoch}:${known.sync.last_seq}`);
const SELLS = new Set(["order.placed", "lines.voided", "check.aborted", "sale.completed", "sale.voided", "sale.refunded", "day.closed",
  "clock.corrected", "entry.recovered", "entry.corrected"]);
// What else the day's card tells: drawers, and checks that are open.
const MOVES = new Set([...SELLS, "drawer.moved", "register.counted", "register.settled", "check.opened", "check.merged", "check.unmerged",
  "check.split"]);

function heard(kind) {
  if (kind === "state") return known.session && showLive();
  if (kind === "reset") return void resume();
  sync.trigger();
  if (SELLS.has(kind)) report.trigger();
  if (MOVES.has(kind)) business.trigger();
  if (kind.startsWith("device.") || kind === "hub.started") devices.trigger();
  return undefined;
}

/** Reads everything, then follows from there. */
async function resume() {
  rest();
  if (!known.session) return;
  await sync.now();
  await Promise.all([devices.now(), drills.now(), report.now(), business.now()]);
  // Others may have signed us out, or the page may have been hidden, while we waited.
  if (!known.session || document.hidden || timers.length > 0) return;
  feed.open();
  timers.push(
    setInterval(() => {
      void sync.now();
      if (known.drills?.running) void drills.now();
    }, POLL_MS),
    setInterval(() => reach.ok && [session, devices, drills, report, business].forEach((one) => one.trigger()), SLOW_POLL_MS),
  );
}

function rest() {
  feed.close();
  for (const timer of timers.splice(0)) clearInterval(timer);
  for (const one of [sync, session, devices, drills, report, business]) one.stop();
}

whenReachChanges((ok) => {
  if (known.session && ok) feed.close();
  paint();
  if (known.session && ok) void resume();
});
document.addEventListener("visibilitychange", () => (document.hidden ? rest() : void resume()));
setInterval(() => {
  tick();
  tickPairing();
  if (known.sync && known.session) showLink(known.sync, known.session, () => sync.now());
}, 1000);

// Coming and going

async function enter() {
  known.session = await get("/console/session");
  if (!known.session) return showSignin(false);
  configure(known.session.hub);
  byId("signin").hidden = true;
  byId("console").hidden = false;
  byId("signout").hidden = false;
  showPerson();
  await resume();
}

function signedOut(ended) {
  rest();
  Object.assign(known, { session: null, sync: null, devices: null, drills: null, report: null, business: null, date: null });
  forgetPairing();
  forgetDoctor();
  for (const id of ["signout", "live"]) byId(id).hidden = true;
  say(byId("store"), "storehub");
  say(byId("person"), "");
  showSignin(ended);
}

function chooseDay(days) {
  const next = shiftDate(chosenDate(), days);
  known.date = next >= known.today ? null : next;
  known.report = known.business = null;
  paint();
  void report.now().then(() => known.report ?? report.now());
  void business.now().then(() => known.business ?? business.now());
}

startLanguage();
startSignin(enter);
startPairing(() => devices.now());
startDoctor();
startClock(() => sync.now());
byId("sales-earlier").addEventListener("click", () => chooseDay(-1));
byId("sales-later").addEventListener("click", () => chooseDay(1));
byId("language").addEventListener("click", () => {
  switchLanguage();
  if (known.session) showPerson();
  paint();
  showDoctor();
  void drills.now();
});
byId("signout").addEventListener("click", async () => {
  const { session: leaving } = known;
  rest();
  known.session = null; // What is still asked and then refused is no news.
  try {
    await once("DELETE", "/console/session");
  } catch (error) {
    if (error instanceof Unreachable) {
      known.session = leaving; // The cookie is still there: do not pretend.
      tell(t("failed", { why: why(error) }), "red");
      return void resume();
    }
  }
  return signedOut(false);
});

async function start() {
  try {
    await enter();
  } catch (error) {
    // Without an answer nobody knows yet whether we are signed in.
    if (error instanceof Unreachable) setTimeout(start, POLL_MS);
    else if (error instanceof Refused) showSignin(false);
    else throw error;
  }
}

await start();
