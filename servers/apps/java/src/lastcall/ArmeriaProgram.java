package lastcall;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpResponseWriter;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.ResponseHeadersBuilder;
import com.linecorp.armeria.server.Server;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.ServiceRequestContext;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import lastcall.shared.Exchange;
import lastcall.shared.Gate;
import lastcall.shared.Launch;
import lastcall.shared.ResponseStream;

/** Armeria, with its gracefulShutdownTimeout. */
final class ArmeriaProgram {
    private static final Duration QUIET = Duration.ofMillis(200);

    public static void main(String[] arguments) {
        Launch launch = Launch.of(arguments);
        InetSocketAddress address = new InetSocketAddress(launch.host(), launch.port());
        ServerBuilder builder = Server.builder();
        if (launch.tls()) {
            builder.https(address).tls(launch.cert().toFile(), launch.key().toFile());
        } else {
            builder.http(address);
        }
        // By default a request may take 10 s, and a connection may be idle for 10 s; a held one takes longer.
        builder.requestTimeoutMillis(0).maxRequestLength(0).idleTimeoutMillis(Launch.IDLE_MS);
        builder.blockingTaskExecutor(Launch.THREADS);
        launch.drain().ifPresent(drain -> builder.gracefulShutdownTimeout(QUIET, drain));
        builder.serviceUnder("/", ArmeriaProgram::serve);
        Server server = builder.build();
        server.closeOnJvmShutdown();
        server.start().join();
    }

    private static HttpResponse serve(ServiceRequestContext context, HttpRequest request) {
        HttpResponseWriter response = HttpResponse.streaming();
        context.blockingTaskExecutor().execute(() -> {
            try {
                Gate.answer(new ArmeriaExchange(context, request, response));
            } catch (IOException | RuntimeException error) {
                response.close(error);
            }
        });
        return response;
    }

    private record ArmeriaExchange(ServiceRequestContext context, HttpRequest request, HttpResponseWriter response)
            implements Exchange {
        @Override
        public String method() {
            return request.method().name();
        }

        @Override
        public String target() {
            return request.path();
        }

        @Override
        public InputStream body() throws IOException {
            try {
                return new ByteArrayInputStream(request.aggregate().join().content().array());
            } catch (RuntimeException error) {
                throw new IOException(error);
            }
        }

        @Override
        public OutputStream start(int status, long length) {
            ResponseHeadersBuilder head = ResponseHeaders.builder(status).add(HttpHeaderNames.CONTENT_TYPE, "text/plain");
            if (length >= 0) {
                head.contentLength(length);
            }
            response.write(head.build());
            return new ArmeriaStream(response);
        }

        @Override
        public void whenGone(Runnable action) {
            context.whenRequestCancelling().thenAccept(cause -> action.run());
        }
    }

    private static final class ArmeriaStream extends ResponseStream {
        private final HttpResponseWriter response;

        ArmeriaStream(HttpResponseWriter response) {
            this.response = response;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            if (length > 0 && !response.tryWrite(HttpData.copyOf(bytes, offset, length))) {
                throw new IOException("the response is closed");
            }
        }

        @Override
        public void flush() throws IOException {
            try {
                response.whenConsumed().join();
            } catch (RuntimeException error) {
                throw new IOException(error);
            }
        }

        @Override
        public void close() {
            response.close();
        }
    }
}
