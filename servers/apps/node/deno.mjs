// The gated application on Deno.serve. On SIGTERM it does what Deno's example does: it waits for server.shutdown(), and
// exits with status 1 if that takes longer than the drain timeout, a timer set by --drain:
// https://docs.deno.com/examples/http_server_graceful_shutdown/

import { parseArgs } from "node:util";

import { handle } from "./web.mjs";

const names = ["host", "port", "drain", "cert", "key"];
const { values: options } = parseArgs({
  args: Deno.args,
  options: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
});
const read = (path) => path && Deno.readTextFileSync(path);

const server = Deno.serve(
  {
    hostname: options.host,
    port: Number(options.port),
    ...(options.cert && { cert: read(options.cert), key: read(options.key) }),
    onListen() {},
  },
  handle,
);

async function stop() {
  const expired = options.drain && setTimeout(() => Deno.exit(1), Number(options.drain) * 1000);
  await server.shutdown();
  clearTimeout(expired);
  Deno.removeSignalListener("SIGTERM", stop);
}
Deno.addSignalListener("SIGTERM", stop);
