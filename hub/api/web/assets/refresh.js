// Keeps a part fresh without ever weighing on the box: triggers are gathered, and requests never overlap.

const GATHER_MS = 300;
// At most a fifth of the time goes into asking, however many entries the store makes.
const REST_FACTOR = 4;

export class Refresher {
  #load;
  #timer = null;
  #loading = null;
  #again = false;
  #rest_ms = GATHER_MS;

  constructor(load) {
    this.#load = load;
  }

  /** Load again soon. */
  trigger() {
    if (this.#loading) this.#again = true;
    else this.#timer ??= setTimeout(() => this.now(), this.#rest_ms);
  }

  /** Load now, or wait for the load that is on its way. */
  now() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#loading ??= this.#run();
    return this.#loading;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#again = false;
  }

  async #run() {
    const started = performance.now();
    try {
      await this.#load();
    } finally {
      this.#loading = null;
      this.#rest_ms = Math.max(GATHER_MS, REST_FACTOR * (performance.now() - started));
      if (this.#again) {
        this.#again = false;
        this.trigger();
      }
    }
  }
}
