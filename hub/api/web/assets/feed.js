// The live feed, used as a trigger: what has changed is then read from the box, so nothing can be missed by it.

const NOUNS = {
  check: ["opened", "moved", "merged", "unmerged", "split", "billed", "reopened", "aborted"],
  order: ["placed"],
  lines: ["voided", "served"],
  sale: ["completed", "voided", "refunded"],
  product: ["changed"],
  stock: ["moved"],
  customer: ["registered"],
  points: ["changed"],
  drawer: ["moved"],
  register: ["counted", "settled"],
  day: ["closed"],
  device: ["paired", "revoked"],
  master: ["applied"],
  clock: ["corrected"],
  hub: ["started"],
  entry: ["recovered", "corrected"],
};
// An EventSource hears only the types it is told; those of handheld makers (x.…) reach us by the slow poll.
const ENTRY_TYPES = Object.entries(NOUNS).flatMap(([noun, verbs]) => verbs.map((verb) => `${noun}.${verb}`));
const WORDS = ["synced", "link", "resend"];
const REOPEN_MS = 5000;

export class Feed {
  #source = null;
  #timer = null;
  #heard;
  #position;
  state = "closed";

  /** heard(kind) with the short type of an entry, "synced", "link", "resend", "reset", "open" or "state". position() as `epoch:seq`. */
  constructor(heard, position) {
    this.#heard = heard;
    this.#position = position;
  }

  open() {
    this.close();
    const after = this.#position();
    const source = new EventSource(`/v1/events${after ? `?after=${encodeURIComponent(after)}` : ""}`);
    this.#source = source;
    this.#become("connecting");
    source.onopen = () => {
      this.#become("open");
      this.#heard("open");
    };
    source.onerror = () => {
      this.#become("connecting");
      // The browser reconnects by itself after a lost connection, but not after an error answer.
      if (source.readyState === EventSource.CLOSED) this.#timer ??= setTimeout(() => this.open(), REOPEN_MS);
    };
    for (const type of ENTRY_TYPES) source.addEventListener(`storehub.${type}.v1`, () => this.#heard(type));
    for (const kind of WORDS) source.addEventListener(kind, () => this.#heard(kind));
    source.addEventListener("reset", () => {
      this.close();
      this.#heard("reset");
    });
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#source?.close();
    this.#source = null;
    this.#become("closed");
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.#heard("state");
  }
}
