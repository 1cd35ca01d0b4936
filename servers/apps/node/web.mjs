// The gated application for servers that take a Request and expect a Response: Bun.serve and Deno.serve.

import { heldID, hold, TEXT } from "./gate.mjs";

// Answer the routes of docs/gate.md. Deno's second argument has a promise that fails when the response is not delivered.
export function handle(request, { completed } = {}) {
  const url = new URL(request.url);
  const id = heldID(url.pathname);
  if (id) return new Exchange(request, url, completed).answer(id);
  const [status, body] = url.pathname === "/ready" ? [200, "ready\n"] : [404, "not found\n"];
  return new Response(body, { status, headers: TEXT });
}

class Exchange {
  onGone = () => {};

  constructor(request, url, completed) {
    Object.assign(this, { request, method: request.method, target: url.pathname + url.search });
    this.pieces = []; // the body of a response in one piece, from which Response takes its content-length
    // Deno's signal aborts after a whole response, too: https://docs.deno.com/api/deno/~/Deno.ServeHandlerInfo
    if (completed) completed.catch(() => this.onGone());
    else request.signal.addEventListener("abort", () => this.onGone());
  }

  answer(id) {
    return new Promise((resolve) => {
      this.respond = resolve;
      hold(id, this);
    });
  }

  async read() {
    let length = 0;
    if (this.request.body) for await (const bytes of this.request.body) length += bytes.length;
    return length;
  }

  head(length) {
    if (length !== null) return;
    const start = (controller) => (this.stream = controller);
    this.respond(new Response(new ReadableStream({ start }), { headers: TEXT }));
  }

  write(bytes) {
    if (this.stream) this.stream.enqueue(new Uint8Array(bytes));
    else this.pieces.push(new Uint8Array(bytes));
  }

  async end() {
    if (this.stream) this.stream.close();
    else this.respond(new Response(await new Blob(this.pieces).arrayBuffer(), { headers: TEXT }));
  }

  fail(error) {
    if (this.stream) this.stream.error(error);
    else this.respond(new Response("failed\n", { status: 500, headers: TEXT }));
  }
}
