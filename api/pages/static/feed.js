// Server-sent events by fetch, which (unlike EventSource) tells why it was refused, and goes on where it stopped.

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
const SILENT_MS = 9_000; // looked at every second, so that a page is grey within 10 s

// Calls on.event(kind, data) for every event, on.refused(status) when the server does not want us, on.change() whenever
// the feed is lost, tried or back. `heardMs` and `retryMs` are instants of performance.now().
export class Feed {
  heardMs = performance.now();
  retryMs = null; // when the next attempt is due; null while connected or connecting
  connected = false;
  #url;
  #on;
  #lastId = null;
  #failures = 0;
  #attempt = null;
  #timer = null;

  constructor(url, on) {
    this.#url = url;
    this.#on = on;
  }

  get silentMs() {
    return performance.now() - this.heardMs;
  }

  get dead() {
    return this.silentMs > SILENT_MS;
  }

  connect() {
    clearTimeout(this.#timer);
    this.retryMs = null;
    this.connected = false;
    this.#attempt?.abort();
    const attempt = this.#attempt = new AbortController();
    // After a silence everything may have changed: without an id the server begins with a snapshot.
    if (this.dead) this.#lastId = null;
    this.#read(attempt.signal).catch(() => {}).finally(() => {
      if (this.#attempt === attempt) this.#lose();
    });
    this.#on.change();
  }

  // A connection that says nothing is none: called every second.
  check() {
    if (this.dead && this.connected) this.#attempt.abort();
  }

  #lose() {
    this.connected = false;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    const jittered = pause * (0.5 + Math.random() / 2);
    this.retryMs = performance.now() + jittered;
    this.#timer = setTimeout(() => this.connect(), jittered);
    this.#on.change();
  }

  async #read(signal) {
    const headers = this.#lastId === null ? {} : { "Last-Event-ID": this.#lastId };
    const answer = await fetch(this.#url, { signal, headers, cache: "no-store" });
    if (!answer.ok) {
      this.#on.refused(answer.status);
      return;
    }
    this.connected = true;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.heardMs = performance.now();
      this.#failures = 0;
      const events = (text + value).split("\n\n");
      text = events.pop();
      events.forEach((event) => this.#take(event));
      this.#on.change();
    }
  }

  #take(event) {
    let kind = null;
    let data = "";
    for (const line of event.split("\n")) {
      if (line.startsWith("id: ")) this.#lastId = line.slice(4);
      else if (line.startsWith("event: ")) kind = line.slice(7);
      else if (line.startsWith("data: ")) data = line.slice(6);
    }
    if (kind === null) return;
    try {
      this.#on.event(kind, JSON.parse(data));
    } catch (error) {
      reportError(error); // a fault of the page, which shall not look like one of the line
    }
  }
}
