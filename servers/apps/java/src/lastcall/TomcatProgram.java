package lastcall;

import lastcall.servlet.GatedServlet;
import lastcall.shared.Launch;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.core.StandardService;
import org.apache.catalina.startup.Tomcat;
import org.apache.coyote.http2.Http2Protocol;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;

/** Tomcat, embedded: gracefulStopAwaitMillis is its drain timeout. */
final class TomcatProgram {
    public static void main(String[] arguments) throws Exception {
        Launch launch = Launch.of(arguments);
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(System.getProperty("user.dir"));
        Connector connector = connector(launch);
        tomcat.getService().addConnector(connector);
        // Tomcat waits only for a connector that its start binds and its stop closes.
        connector.setProperty("bindOnInit", "false");
        StandardService service = (StandardService) tomcat.getService();
        launch.drain().ifPresent(drain -> service.setGracefulStopAwaitMillis(drain.toMillis()));
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "gate", new GatedServlet());
        context.addServletMappingDecoded("/*", "gate");
        Launch.atShutdown(() -> {
            tomcat.stop();
            tomcat.destroy();
        });
        tomcat.start();
    }

    private static Connector connector(Launch launch) {
        Connector connector = new Connector("org.apache.coyote.http11.Http11NioProtocol");
        connector.setPort(launch.port());
        connector.setProperty("address", launch.host());
        connector.setProperty("keepAliveTimeout", String.valueOf(Launch.IDLE_MS));
        connector.setProperty("maxThreads", String.valueOf(Launch.THREADS));
        Http2Protocol http2 = new Http2Protocol();
        http2.setKeepAliveTimeout(Launch.IDLE_MS);
        // By default 20 streams of one connection have a thread, and the others wait.
        http2.setMaxConcurrentStreamExecution(Launch.THREADS);
        connector.addUpgradeProtocol(http2);
        if (launch.tls()) {
            SSLHostConfig host = new SSLHostConfig();
            SSLHostConfigCertificate pair = new SSLHostConfigCertificate(host, SSLHostConfigCertificate.Type.UNDEFINED);
            pair.setCertificateFile(launch.cert().toString());
            pair.setCertificateKeyFile(launch.key().toString());
            host.addCertificate(pair);
            connector.addSslHostConfig(host);
            connector.setScheme("https");
            connector.setSecure(true);
            connector.setProperty("SSLEnabled", "true");
        }
        return connector;
    }
}
