package lastcall.shared;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * The arguments of a program: {@code HOST PORT PROTOCOL DRAIN_S CERT KEY}; the last two are files, in PEM.
 *
 * <p>A dash for the drain timeout keeps the library's default.
 */
public record Launch(String host, int port, String protocol, Optional<Duration> drain, Path cert, Path key) {
    /** How long an idle connection lasts. Most servers close it sooner by default, and before the shutdown comes. */
    public static final int IDLE_MS = 120_000;

    /** How many requests can be in their handlers at once. */
    public static final int THREADS = 64;

    /** What a program does when the JVM shuts down. */
    public interface Stop {
        void run() throws Exception;
    }

    public static Launch of(String[] arguments) {
        Optional<Duration> drain = Optional.of(arguments[3])
                .filter(text -> !text.equals("-"))
                .map(text -> Duration.ofMillis(Math.round(Double.parseDouble(text) * 1000)));
        int port = Integer.parseInt(arguments[1]);
        return new Launch(arguments[0], port, arguments[2], drain, Path.of(arguments[4]), Path.of(arguments[5]));
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
