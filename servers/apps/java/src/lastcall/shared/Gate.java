package lastcall.shared;

import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** The gated application of docs/gate.md, on any server that has an {@link Exchange}. */
public final class Gate {
    private static final byte[] LINE = "lastcall\n".getBytes(StandardCharsets.US_ASCII);

    private final Exchange exchange;
    private final Socket gate;
    private OutputStream response;
    private long sent;
    private boolean ended;

    private Gate(Exchange exchange, Socket gate) {
        this.exchange = exchange;
        this.gate = gate;
    }

    /**
     * Answers the routes; blocks for as long as a request is held.
     *
     * @throws IOException when the response is not whole, which the server must not take for its end
     */
    public static void answer(Exchange exchange) throws IOException {
        String path = exchange.target().split("\\?", 2)[0];
        String id = path.startsWith("/hold/") ? path.substring(6) : "";
        if (!id.isEmpty() && !id.contains("/")) {
            String[] address = System.getenv("LASTCALL_GATE").split(":");
            try (Socket gate = new Socket(address[0], Integer.parseInt(address[1]))) {
                new Gate(exchange, gate).hold(id);
            }
        } else if (exchange.method().equals("GET") && path.equals("/ready")) {
            answer(exchange, 200, "ready\n");
        } else {
            answer(exchange, 404, "not found\n");
        }
    }

    private static void answer(Exchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.US_ASCII);
        try (OutputStream response = exchange.start(status, body.length)) {
            response.write(body);
        }
    }

    private void hold(String id) throws IOException {
        gate.setTcpNoDelay(true);
        report("entered " + id + " " + exchange.method() + " " + exchange.target());
        exchange.whenGone(() -> report("disconnected"));
        try {
            obey(new BufferedReader(new InputStreamReader(gate.getInputStream(), StandardCharsets.US_ASCII)));
        } catch (IOException | RuntimeException error) {
            report("failed " + error.toString().replaceAll("\\s+", " "));
            throw error;
        }
    }

    private void obey(BufferedReader orders) throws IOException {
        for (String order = orders.readLine(); order != null; order = orders.readLine()) {
            String[] fields = order.split(" ");
            switch (fields[0]) {
                case "read" -> report("read " + read());
                case "send" -> {
                    send(Integer.parseInt(fields[1]), -1);
                    response.flush();
                    report("sent " + fields[1]);
                }
                case "finish" -> {
                    send(Integer.parseInt(fields[1]), Integer.parseInt(fields[1]));
                    response.close();
                    report("finished " + sent);
                    return;
                }
                default -> throw new IOException("unknown order: " + order);
            }
        }
        throw new EOFException("the gate closed without a finish");
    }

    private long read() throws IOException {
        try (InputStream body = exchange.body()) {
            return body.transferTo(OutputStream.nullOutputStream());
        }
    }

    private void send(int length, long whole) throws IOException {
        if (response == null) {
            response = exchange.start(200, whole);
        }
        byte[] piece = new byte[length];
        for (int index = 0; index < length; index++) {
            piece[index] = LINE[(int) ((sent + index) % LINE.length)];
        }
        response.write(piece);
        sent += length;
    }

    /** Writes one line, but none after the last one; it ignores a gate that has gone, where reading orders fails. */
    private synchronized void report(String line) {
        if (ended) {
            return;
        }
        ended = line.startsWith("finished ") || line.startsWith("failed ");
        try {
            gate.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        } catch (IOException gone) {
            ended = true;
        }
    }
}
