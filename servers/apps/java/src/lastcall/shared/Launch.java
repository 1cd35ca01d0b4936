package lastcall.shared;

import java.nio.file.Path;

/** What a program is told: {@code HOST PORT PROTOCOL DRAIN_MS CERT KEY}; the last two are files, in PEM. */
public record Launch(String host, int port, String protocol, long drainMs, Path cert, Path key) {
    /** How long an idle connection lasts. Most servers close it sooner by default, and before the shutdown comes. */
    public static final int IDLE_MS = 120_000;

    /** How many requests can be in their handlers at once. */
    public static final int THREADS = 64;

    /** What a program does when it is told to stop. */
    public interface Stop {
        void run() throws Exception;
    }

    public static Launch of(String[] words) {
        long drainMs = Math.round(Double.parseDouble(words[3]) * 1000);
        return new Launch(words[0], Integer.parseInt(words[1]), words[2], drainMs, Path.of(words[4]), Path.of(words[5]));
    }

    public boolean tls() {
        return protocol.equals("h1-tls") || protocol.equals("h2");
    }

    /** SIGTERM and SIGINT run the hooks of the JVM, which then ends with status 128 and the signal's number. */
    public static void atShutdown(Stop stop) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                stop.run();
            } catch (Exception error) {
                System.err.println("shutdown: " + error);
            }
        }, "shutdown"));
    }
}
