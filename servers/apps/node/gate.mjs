// The application's side of docs/gate.md, shared by all JavaScript servers: it uses only what Node, Bun and Deno have.
//
// An exchange is a server's object for a request and its response: {method, target, read(), head(length), write(bytes),
// end(bytes), fail(error)}. `length` is the body's, or null when more pieces than one will come. It calls `onGone`
// when the server reports that the client has gone.

import { Buffer } from "node:buffer";
import { connect } from "node:net";
import process from "node:process";

const PATTERN = Buffer.from("lastcall\n");
const PIECE = 7281 * PATTERN.length; // the most bytes written at once

export const TEXT = { "content-type": "text/plain" };

// Return the ID of a gated path, or undefined.
export function heldID(path) {
  return /^\/hold\/([^/]+)$/.exec(path)?.[1];
}

// Hold one request: report, and execute the gate's orders, until the response is whole.
export async function hold(id, exchange) {
  const [host, port] = process.env.LASTCALL_GATE.split(":");
  const gate = connect({ host, port: Number(port) });
  const report = (...fields) => gate.writable && gate.write(fields.join(" ") + "\n");
  exchange.onGone = () => report("disconnected");
  try {
    report("entered", id, exchange.method, exchange.target);
    await obey(lines(gate), exchange, report);
  } catch (error) {
    report("failed", String(error).replace(/\s+/g, " "));
    exchange.fail(error);
  }
  exchange.onGone = () => {};
  gate.end();
}

async function obey(orders, exchange, report) {
  let sent = -1; // no head yet
  for await (const order of orders) {
    const [verb, number] = order.split(" ");
    const length = Number(number ?? 0);
    if (verb === "read") {
      report("read", await exchange.read());
      continue;
    }
    if (sent < 0) {
      sent = 0;
      await exchange.head(verb === "finish" ? length : null);
    }
    for (const end = sent + length; sent < end; ) {
      const bytes = pattern(sent, Math.min(PIECE, end - sent));
      sent += bytes.length;
      await exchange.write(bytes);
    }
    if (verb === "finish") {
      await exchange.end();
      report("finished", sent);
      return;
    }
    report("sent", length);
  }
  throw new Error("the gate closed without a finish");
}

function pattern(offset, length) {
  const begin = offset % PATTERN.length;
  return Buffer.alloc(begin + length, PATTERN).subarray(begin);
}

async function* lines(socket) {
  let rest = "";
  for await (const bytes of socket) {
    const parts = (rest + bytes.toString("latin1")).split("\n");
    rest = parts.pop();
    yield* parts;
  }
}
