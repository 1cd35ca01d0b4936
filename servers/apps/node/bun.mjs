// The gated application on Bun.serve. On SIGTERM it calls server.stop(), which lets requests in flight complete. Bun has no
// drain timeout, so --drain sets a timer, after which the program calls server.stop(true) and exits:
// https://bun.com/docs/runtime/http/server#server-stop

import { parseArgs } from "node:util";

import { handle } from "./web.mjs";

const names = ["host", "port", "drain", "cert", "key"];
const { values: options } = parseArgs({
  options: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
});
const tls = options.cert ? { cert: Bun.file(options.cert), key: Bun.file(options.key) } : undefined;

const server = Bun.serve({
  hostname: options.host,
  port: Number(options.port),
  tls,
  http2: Boolean(tls),
  idleTimeout: 255, // seconds, 10 by default; it also closes connections of held requests
  maxRequestBodySize: 1 << 30,
  fetch: handle,
});

process.once("SIGTERM", () => {
  const force = async () => {
    await server.stop(true);
    process.exit(); // handlers may still wait; the application decides the exit status
  };
  if (options.drain) setTimeout(force, Number(options.drain) * 1000).unref();
  server.stop();
});
