package lastcall;

import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.BlockingHandler;
import io.undertow.server.handlers.GracefulShutdownHandler;
import io.undertow.server.handlers.HttpContinueReadHandler;
import io.undertow.util.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import lastcall.shared.Exchange;
import lastcall.shared.Gate;
import lastcall.shared.Launch;
import lastcall.shared.Pem;

/** Undertow, with its GracefulShutdownHandler. */
final class UndertowProgram {
    /** How long stop waits for handlers that outlast the drain timeout; by default it waits forever. */
    private static final int LAST_WORDS_MS = 500;

    public static void main(String[] arguments) throws Exception {
        Launch launch = Launch.of(arguments);
        GracefulShutdownHandler graceful = new GracefulShutdownHandler(
                new HttpContinueReadHandler(new BlockingHandler(UndertowProgram::handle)));
        Undertow.Builder builder = Undertow.builder();
        if (launch.tls()) {
            builder.addHttpsListener(launch.port(), launch.host(), Pem.context(launch));
        } else {
            builder.addHttpListener(launch.port(), launch.host());
        }
        Undertow server = builder.setServerOption(UndertowOptions.ENABLE_HTTP2, true)
                .setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, Launch.IDLE_MS)
                .setServerOption(UndertowOptions.SHUTDOWN_TIMEOUT, LAST_WORDS_MS)
                .setWorkerThreads(Launch.THREADS)
                .setHandler(graceful)
                .build();
        Launch.atShutdown(() -> {
            graceful.shutdown();
            if (launch.drain().isPresent()) {
                graceful.awaitShutdown(launch.drain().get().toMillis());
            } else {
                graceful.awaitShutdown();
            }
            server.stop();
        });
        server.start();
    }

    private static void handle(HttpServerExchange exchange) throws IOException {
        try {
            Gate.answer(new UndertowExchange(exchange));
        } catch (IOException | RuntimeException error) {
            // Otherwise a response that has begun would end as if it were whole. Over HTTP/2 this ends only the stream.
            if (exchange.isResponseStarted()) {
                exchange.getConnection().close();
            }
            throw error;
        }
    }

    private record UndertowExchange(HttpServerExchange exchange) implements Exchange {
        @Override
        public String method() {
            return exchange.getRequestMethod().toString();
        }

        @Override
        public String target() {
            String query = exchange.getQueryString();
            return exchange.getRequestURI() + (query.isEmpty() ? "" : "?" + query);
        }

        @Override
        public InputStream body() {
            return exchange.getInputStream();
        }

        @Override
        public OutputStream start(int status, long length) {
            exchange.setStatusCode(status);
            exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/plain");
            if (length >= 0) {
                exchange.setResponseContentLength(length);
            }
            return exchange.getOutputStream();
        }
    }
}
