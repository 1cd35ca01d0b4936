package lastcall;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import lastcall.shared.Exchange;
import lastcall.shared.Gate;
import lastcall.shared.Launch;
import lastcall.shared.Pem;

/** The JDK's own com.sun.net.httpserver. */
final class JdkProgram {
    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 0) {
            System.out.println(Runtime.version());
            return;
        }
        Launch launch = Launch.of(arguments);
        InetSocketAddress address = new InetSocketAddress(launch.host(), launch.port());
        HttpServer server;
        if (launch.tls()) {
            HttpsServer secure = HttpsServer.create(address, 0);
            secure.setHttpsConfigurator(new HttpsConfigurator(Pem.context(launch)));
            server = secure;
        } else {
            server = HttpServer.create(address, 0);
        }
        server.setExecutor(Executors.newFixedThreadPool(Launch.THREADS));
        server.createContext("/", exchange -> Gate.answer(new JdkExchange(exchange)));
        Launch.atShutdown(() -> server.stop((int) launch.drain().orElseThrow().toSeconds()));
        server.start();
    }

    private record JdkExchange(HttpExchange exchange) implements Exchange {
        @Override
        public String method() {
            return exchange.getRequestMethod();
        }

        @Override
        public String target() {
            return exchange.getRequestURI().toString();
        }

        @Override
        public InputStream body() {
            return exchange.getRequestBody();
        }

        @Override
        public OutputStream start(int status, long length) throws IOException {
            exchange.getResponseHeaders().set("content-type", "text/plain");
            // Here 0 means an unknown length, and -1 an empty body.
            exchange.sendResponseHeaders(status, length == 0 ? -1 : Math.max(length, 0));
            return exchange.getResponseBody();
        }
    }
}
