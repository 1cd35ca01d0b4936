package lastcall.shared;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What a program is told: {@code HOST PORT PROTOCOL DRAIN_S CERT KEY}; the last two are files, in PEM.
 *
 * <p>A dash for the drain timeout leaves it alone: then the library is used as by those who set none.
 */
public record Launch(String host, int port, String protocol, Optional<Duration> drain, Path cert, Path key) {
    /** How long an idle connection lasts. Most servers close it sooner by default, and before the shutdown comes. */
    public static final int IDLE_MS = 120_000;

    /** How many requests can be in their handlers at once. */
    public static final int THREADS = 64;

    /** What a program does when it is told to stop. */
    public interface Stop {
        void run() throws Exception;
    }

    public static Launch of(String[] words) {
        Optional<Duration> drain = Optional.of(words[3])
                .filter(word -> !word.equals("-"))
                .map(word -> Duration.ofMillis(Math.round(Double.parseDouble(word) * 1000)));
        return new Launch(words[0], Integer.parseInt(words[1]), words[2], drain, Path.of(words[4]), Path.of(words[5]));
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
