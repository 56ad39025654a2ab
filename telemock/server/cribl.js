/*
 * cribl.js: the browser client that telemock serves. It is telemock's own work, not the vendor's script.
 *
 *   <script src="http://127.0.0.1:8080/telemetry/cribl.js" data-guid="…" data-version="4.16.1"></script>
 *   <script>cribl.track("page_opened", { page: "sources" });</script>
 *
 * cribl.track(name, properties)  queues an event; it never throws.
 * cribl.flush()                  posts what waits; resolves, always, to the number of events still waiting.
 *
 * Sent is only what was tracked, a random number for this page load, and the script's data-guid, data-version
 * and data-env: neither the page's address nor cookies. An event whose answer was lost is sent again.
 */
(() => {
  "use strict";

  const BATCH_EVENTS = 20;
  // A browser keeps 64 KiB of bodies alive beyond their page, beacons and posts together
  // (https://fetch.spec.whatwg.org/#http-network-or-cache-fetch): one of each fits.
  const BATCH_BYTES = 30 * 1024;
  const QUEUE_EVENTS = 1000;

  if (window.cribl && typeof window.cribl.track === "function") return; // loaded twice

  const script = document.currentScript;
  const source = (script && script.src) || new URL("/telemetry/cribl.js", document.baseURI).href;
  const random = crypto.getRandomValues(new Uint8Array(16)); // crypto.randomUUID is missing on plain http: origins
  const identity = { session_id: Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("") };
  for (const name of ["guid", "version", "env"]) {
    if (script && script.dataset[name]) identity[name] = script.dataset[name];
  }
  const settings = { enabled: true, interval_seconds: 300, endpoint: new URL("events", source).href };
  const utf8 = new TextEncoder();
  let queue = []; // { text: an event as JSON, size: its bytes }, the oldest first
  let draining = null;
  let failing = false; // the last post failed: the timer makes the next one, not the next full batch
  let leaving = false;
  const configured = configure();

  async function request(url, options) {
    const manners = { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" };
    if (AbortSignal.timeout) manners.signal = AbortSignal.timeout(10000); // browsers before 2022 wait longer
    const response = await fetch(url, Object.assign(manners, options));
    return { status: response.status, body: await response.text() };
  }

  async function configure() {
    try {
      const address = new URL("config", source);
      if (identity.version) address.searchParams.set("version", identity.version);
      const { status, body } = await request(address.href);
      const said = status === 200 ? JSON.parse(body) : {};
      // A page load is sent whole or not at all, so that the sessions that arrive are complete.
      const sampled = typeof said.sample_rate !== "number" || Math.random() < said.sample_rate;
      settings.enabled = said.enabled !== false && sampled;
      if (said.interval_seconds > 0) settings.interval_seconds = said.interval_seconds;
      if (typeof said.endpoint === "string") settings.endpoint = new URL(said.endpoint, source).href;
    } catch (error) {
      console.warn("cribl.js: what the configuration does not say is left at its default:", error);
    }
    if (!settings.enabled) queue = [];
    else setInterval(flush, 1000 * Math.max(1, Math.min(settings.interval_seconds, 86400))); // 25 days would be none
  }

  function track(name, properties) {
    try {
      if (!settings.enabled) return;
      const event = Object.assign({ name: String(name), timestamp: Date.now() }, identity);
      const text = `${JSON.stringify(event).slice(0, -1)},"properties":${jsonOf(properties)}}`;
      queue.push({ text, size: utf8.encode(text).length + 1 });
      queue = queue.slice(-QUEUE_EVENTS);
      if (!failing && (queue.length >= BATCH_EVENTS || bytesOf(queue) >= BATCH_BYTES)) flush();
    } catch (error) {
      console.warn("cribl.js: this event is left out:", error);
    }
  }

  function jsonOf(properties) {
    try {
      return JSON.stringify(properties) || "{}";
    } catch (error) {
      console.warn("cribl.js: these properties cannot be JSON and are left out:", error);
      return "{}";
    }
  }

  // What is posted is a JSON array; the first 2 bytes are its brackets.
  const bytesOf = (events) => events.reduce((sum, event) => sum + event.size, 2);
  const bodyOf = (events) => `[${events.map((event) => event.text).join(",")}]`;

  // Takes the oldest events that make a batch: at least one, however large.
  function take() {
    let count = 1;
    while (count < Math.min(queue.length, BATCH_EVENTS) && bytesOf(queue.slice(0, count + 1)) <= BATCH_BYTES) count++;
    return queue.splice(0, count);
  }

  // Resolves to whether the batch is done with; it is when it was refused for what it holds, too.
  async function post(events) {
    const keepalive = bytesOf(events) <= BATCH_BYTES;
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: bodyOf(events), keepalive };
    const staying = !leaving;
    try {
      const { status } = await request(settings.endpoint, options);
      if (status >= 500 || status === 408 || status === 429) return false;
      if (status >= 400) console.warn(`cribl.js: ${events.length} events were refused (${status}) and are given up.`);
      return true;
    } catch (error) {
      return staying && leaving && keepalive; // Chromium says that it failed, and delivers it
    }
  }

  async function drain() {
    await configured;
    failing = false;
    while (queue.length && !failing) {
      const events = take();
      failing = !(await post(events));
      if (failing) queue = events.concat(queue).slice(-QUEUE_EVENTS);
    }
    draining = null; // in the turn that saw the queue empty, so that the next event starts a new round
    return queue.length;
  }

  function flush() {
    return draining || (draining = drain());
  }

  // Text needs no preflight, for which a page that goes has no time. What the browser does not take over
  // is posted as usual: the page may only be hidden, and live on.
  function handOver() {
    const batches = [];
    while (queue.length) batches.push(take());
    queue = [].concat(...batches.filter((events) => !beacon(bodyOf(events))));
    if (queue.length) flush();
  }

  function beacon(body) {
    try {
      return navigator.sendBeacon(settings.endpoint, body);
    } catch (error) {
      return false; // no beacons here, or not to such an endpoint
    }
  }

  addEventListener("pagehide", () => {
    leaving = true;
    handOver();
  });
  addEventListener("pageshow", () => (leaving = false)); // back from where a browser keeps pages for "back"
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && handOver());
  window.cribl = { track, flush };
})();
