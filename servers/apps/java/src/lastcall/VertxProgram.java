package lastcall;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.net.PemKeyCertOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import lastcall.shared.Exchange;
import lastcall.shared.Gate;
import lastcall.shared.Launch;
import lastcall.shared.ResponseStream;

/** Vert.x: HttpServer.shutdown with its timeout. The dialogue with the gate blocks, so it runs off the event loop. */
final class VertxProgram {
    private static final ExecutorService HANDLERS = Executors.newFixedThreadPool(Launch.THREADS);

    public static void main(String[] arguments) throws Exception {
        Launch launch = Launch.of(arguments);
        HttpServerOptions options = new HttpServerOptions()
                .setIdleTimeout(Launch.IDLE_MS / 1000)
                .setHandle100ContinueAutomatically(true);
        if (launch.tls()) {
            PemKeyCertOptions pair = new PemKeyCertOptions()
                    .setCertPath(launch.cert().toString())
                    .setKeyPath(launch.key().toString());
            options.setSsl(true).setUseAlpn(true).setKeyCertOptions(pair);
        }
        Vertx vertx = Vertx.vertx();
        HttpServer server = vertx.createHttpServer(options).requestHandler(VertxProgram::handle);
        Launch.atShutdown(() -> {
            done(launch.drain().map(drain -> server.shutdown(drain)).orElseGet(() -> server.shutdown()));
            done(vertx.close());
        });
        done(server.listen(launch.port(), launch.host()));
    }

    private static void handle(HttpServerRequest request) {
        VertxExchange exchange = new VertxExchange(request, request.body());
        HANDLERS.execute(() -> {
            try {
                Gate.answer(exchange);
            } catch (IOException | RuntimeException error) {
                HttpServerResponse response = request.response();
                if (response.headWritten()) {
                    response.reset();
                } else {
                    response.setStatusCode(500).end();
                }
            }
        });
    }

    private static <T> T done(Future<T> future) throws IOException {
        try {
            return future.toCompletionStage().toCompletableFuture().get();
        } catch (Exception error) {
            throw new IOException(error);
        }
    }

    private record VertxExchange(HttpServerRequest request, Future<Buffer> whole) implements Exchange {
        @Override
        public String method() {
            return request.method().name();
        }

        @Override
        public String target() {
            return request.uri();
        }

        @Override
        public InputStream body() throws IOException {
            return new ByteArrayInputStream(done(whole).getBytes());
        }

        @Override
        public OutputStream start(int status, long length) {
            HttpServerResponse response = request.response().setStatusCode(status);
            response.putHeader("content-type", "text/plain");
            if (length >= 0) {
                response.putHeader("content-length", String.valueOf(length));
            } else {
                response.setChunked(true);
            }
            return new VertxStream(response);
        }

        @Override
        public void whenGone(Runnable action) {
            request.response().exceptionHandler(error -> action.run()).closeHandler(nothing -> action.run());
        }
    }

    private static final class VertxStream extends ResponseStream {
        private final HttpServerResponse response;

        VertxStream(HttpServerResponse response) {
            this.response = response;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            done(length > 0 ? response.write(Buffer.buffer().appendBytes(bytes, offset, length)) : Future.succeededFuture());
        }

        @Override
        public void flush() throws IOException {
            done(response.headWritten() ? Future.succeededFuture() : response.writeHead());
        }

        @Override
        public void close() throws IOException {
            done(response.end());
        }
    }
}
