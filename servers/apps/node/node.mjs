// The gated application on Node's own servers: http and https, or, with --http2, http2 over TLS or in the clear.
//
// On SIGTERM it stops as the module's documentation describes, and the process exits by itself after the last connection.
// Node has no drain timeout, so --drain sets a timer, as usual, after which the program destroys what is left and exits:
// https://nodejs.org/api/http.html#servercloseallconnections

import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import process from "node:process";
import { parseArgs } from "node:util";

import { heldID, hold, TEXT } from "./gate.mjs";

const { values: options } = parseArgs({
  options: Object.fromEntries([
    ...["host", "port", "drain", "cert", "key"].map((name) => [name, { type: "string" }]),
    ["http2", { type: "boolean" }],
  ]),
});
const tls = options.cert ? { cert: readFileSync(options.cert), key: readFileSync(options.key) } : null;

function handle(request, response) {
  const id = heldID(request.url.split("?")[0]);
  if (id) {
    hold(id, new Exchange(request, response));
    return;
  }
  const [status, body] = request.url === "/ready" ? [200, "ready\n"] : [404, "not found\n"];
  response.writeHead(status, { ...TEXT, "content-length": body.length });
  response.end(body);
}

class Exchange {
  onGone = () => {};

  constructor(request, response) {
    Object.assign(this, { request, response, method: request.method, target: request.url });
    response.on("close", () => response.writableFinished || this.onGone());
  }

  async read() {
    let length = 0;
    for await (const bytes of this.request) length += bytes.length;
    return length;
  }

  head(length) {
    this.response.writeHead(200, length === null ? TEXT : { ...TEXT, "content-length": length });
    if (length === null) this.response.flushHeaders();
  }

  write(bytes) {
    this.response.write(bytes);
  }

  end() {
    this.response.end();
  }

  fail(error) {
    if (!this.response.headersSent) this.response.writeHead(500).end();
    else if (this.response.stream) this.response.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    else this.response.destroy(error);
  }
}

// server.close() closes the listener and, since Node 19, idle connections: https://nodejs.org/api/http.html#serverclosecallback
function serveHTTP1() {
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  server.keepAliveTimeout = 120_000; // 5 s by default; an idle connection must last until the shutdown
  return [server, () => {}, () => server.closeAllConnections()];
}

// "To gracefully shut down" http2, its documentation closes every session as well as the server:
// https://nodejs.org/api/http2.html#serverclosecallback
function serveHTTP2() {
  const server = tls ? http2.createSecureServer(tls, handle) : http2.createServer(handle);
  const sessions = new Set();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  const forAllSessions = (act) => () => sessions.forEach(act);
  return [server, forAllSessions((session) => session.close()), forAllSessions((session) => session.destroy())];
}

const [server, closeSessions, destroy] = options.http2 ? serveHTTP2() : serveHTTP1();
server.listen(Number(options.port), options.host);
process.once("SIGTERM", () => {
  server.close();
  closeSessions();
  const force = () => {
    destroy();
    process.exit(); // handlers may still wait; the application decides the exit status
  };
  if (options.drain) setTimeout(force, Number(options.drain) * 1000).unref();
});
