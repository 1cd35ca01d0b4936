// The gate's side of docs/gate.md, shared by everything that runs JavaScript: it keeps to what Node, Bun and Deno have.
//
// An exchange is what a server makes of a request and its response: {method, target, read(), head(length), write(bytes),
// end(bytes), fail(error)}. `length` is the body's, or null when more pieces than one will come. `onGone` is called by it
// when the server says that the client is gone.

import { Buffer } from "node:buffer";
import { connect } from "node:net";
import process from "node:process";

const PATTERN = Buffer.from("lastcall\n");
const PIECE = 7281 * PATTERN.length; // the most bytes handed over at once

export const TEXT = { "content-type": "text/plain" };

// Give the ID of a gated path, or undefined.
export function heldID(path) {
  return /^\/hold\/([^/]+)$/.exec(path)?.[1];
}

// Hold one request: report, and do what the gate orders, until the response is whole.
export async function hold(id, exchange) {
  const [host, port] = process.env.LASTCALL_GATE.split(":");
  const gate = connect({ host, port: Number(port) });
  const report = (...words) => gate.writable && gate.write(words.join(" ") + "\n");
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
