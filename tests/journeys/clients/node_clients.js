// Programs that phone home through clients from npm, each with a spy that writes what the client says that it sends.
// `node node_clients.js NAME FILE` appends lines of JSON to the file: what came to a client's own transport.

const fs = require("node:fs"), https = require("node:https");
const { spawn } = require("node:child_process");

const [name, file] = process.argv.slice(2);
const telemock = process.env.HTTPS_PROXY;
const HOME = { plan: "free", seats: 3, ratio: 1.5, none: null, tags: ["a", "b"], nested: { deep: true } };

function say(facts) {
  fs.appendFileSync(file, JSON.stringify({ client: name, ...facts }) + "\n");
}

// fetch of Node.js 20 takes no notice of proxies: these clients are told that telemock is their vendor.
async function sayingFetch(url, options) {
  const text = typeof options.body === "string" ? options.body : await new Response(options.body).text();
  say({ body: text });
  return fetch(url, options);
}

function mixpanel(host) {
  const request = https.request;
  https.request = (options, done) => {
    say({ query: Object.fromEntries(new URL(options.path, "https://any.test").searchParams) });
    return request(options, done);
  };
  const client = require("mixpanel").init("token", { host });
  client.track("started", { distinct_id: "user-1", ...HOME });
}

const clients = {
  "mixpanel-node": () => mixpanel("mixpanel-node.test"),

  "in-a-detached-process": () => mixpanel("in-a-detached-process.test"),

  detached: () => {
    const command = [__filename, "in-a-detached-process", file];
    spawn(process.execPath, command, { detached: true, stdio: "ignore" }).unref();
  },

  "analytics-node": () => {
    const Analytics = require("analytics-node");
    const client = new Analytics("write-key", { host: "https://analytics-node.test", flushAt: 2, flushInterval: 100 });
    client.axiosInstance.interceptors.request.use((config) => {
      say({ body: JSON.stringify(config.data) });
      return config;
    });
    client.identify({ userId: "user-1", traits: HOME });
    client.track({ userId: "user-1", event: "started", properties: HOME });
  },

  "segment-node": async () => {
    const { Analytics } = require("@segment/analytics-node");
    const client = new Analytics({ writeKey: "write-key", host: telemock, httpClient: sayingFetch });
    client.track({ userId: "user-1", event: "started", properties: HOME });
    client.track({ anonymousId: "nobody", event: "ended" });
    await client.closeAndFlush();
  },

  "posthog-node": async () => {
    const { PostHog } = require("posthog-node");
    const client = new PostHog("phc_abc", { host: telemock, fetch: sayingFetch, disableCompression: true });
    client.capture({ distinctId: "user-1", event: "started", properties: HOME });
    client.capture({ distinctId: "user-2", event: "ended" });
    await client.shutdown();
  },
};

clients[name]();
