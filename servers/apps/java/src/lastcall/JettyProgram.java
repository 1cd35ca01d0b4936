package lastcall;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import lastcall.shared.Exchange;
import lastcall.shared.Gate;
import lastcall.shared.Launch;
import lastcall.shared.Pem;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** Jetty 12, with the GracefulHandler and the stop timeout that its documentation names. */
final class JettyProgram {
    public static void main(String[] arguments) throws Exception {
        Launch launch = Launch.of(arguments);
        Server server = new Server(new QueuedThreadPool(Launch.THREADS + 16));
        ServerConnector connector = connector(server, launch);
        connector.setHost(launch.host());
        connector.setPort(launch.port());
        connector.setIdleTimeout(Launch.IDLE_MS);
        if (arguments.length > 6) {
            connector.setShutdownIdleTimeout(Long.parseLong(arguments[6]));
        }
        server.addConnector(connector);
        server.setHandler(new GracefulHandler(new Gated()));
        launch.drain().ifPresent(drain -> server.setStopTimeout(drain.toMillis()));
        server.setStopAtShutdown(true);
        server.start();
    }

    private static ServerConnector connector(Server server, Launch launch) throws Exception {
        HttpConfiguration configuration = new HttpConfiguration();
        HttpConnectionFactory http1 = new HttpConnectionFactory(configuration);
        if (!launch.tls()) {
            return new ServerConnector(server, http1, new HTTP2CServerConnectionFactory(configuration));
        }
        SslContextFactory.Server tls = new SslContextFactory.Server();
        tls.setKeyStore(Pem.keyStore(launch));
        tls.setKeyStorePassword(Pem.PASSWORD);
        ALPNServerConnectionFactory alpn = new ALPNServerConnectionFactory();
        alpn.setDefaultProtocol(http1.getProtocol());
        SslConnectionFactory first = new SslConnectionFactory(tls, alpn.getProtocol());
        return new ServerConnector(server, first, alpn, new HTTP2ServerConnectionFactory(configuration), http1);
    }

    private static final class Gated extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            try {
                Gate.answer(new JettyExchange(request, response));
                callback.succeeded();
            } catch (IOException | RuntimeException error) {
                callback.failed(error);
            }
            return true;
        }
    }

    private record JettyExchange(Request request, Response response) implements Exchange {
        @Override
        public String method() {
            return request.getMethod();
        }

        @Override
        public String target() {
            return request.getHttpURI().getPathQuery();
        }

        @Override
        public InputStream body() {
            return Content.Source.asInputStream(request);
        }

        @Override
        public OutputStream start(int status, long length) {
            response.setStatus(status);
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/plain");
            if (length >= 0) {
                response.getHeaders().put(HttpHeader.CONTENT_LENGTH, length);
            }
            return Content.Sink.asOutputStream(response);
        }

        @Override
        public void whenGone(Runnable action) {
            request.addFailureListener(failure -> action.run());
        }
    }
}
