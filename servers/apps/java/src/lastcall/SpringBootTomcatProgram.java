package lastcall;

import lastcall.servlet.GatedServlet;
import lastcall.shared.Launch;
import org.apache.coyote.UpgradeProtocol;
import org.apache.coyote.http2.Http2Protocol;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.context.LifecycleAutoConfiguration;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.autoconfigure.web.servlet.ServletWebServerFactoryAutoConfiguration;
import org.springframework.boot.web.embedded.tomcat.TomcatConnectorCustomizer;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Spring Boot with its Tomcat and without Spring MVC; nearly all settings are in application.properties. */
@Configuration(proxyBeanMethods = false)
@ImportAutoConfiguration({
    LifecycleAutoConfiguration.class,
    ServletWebServerFactoryAutoConfiguration.class,
    SslAutoConfiguration.class
})
class SpringBootTomcatProgram {
    @Bean
    ServletRegistrationBean<GatedServlet> gate() {
        return new ServletRegistrationBean<>(new GatedServlet(), "/*");
    }

    /** Sets what has no property: by default 20 streams of one connection have a thread, and the others wait. */
    @Bean
    TomcatConnectorCustomizer moreStreamsAtOnce() {
        return connector -> {
            for (UpgradeProtocol protocol : connector.findUpgradeProtocols()) {
                ((Http2Protocol) protocol).setMaxConcurrentStreamExecution(Launch.THREADS);
            }
        };
    }

    public static void main(String[] arguments) {
        SpringApplication.run(SpringBootTomcatProgram.class);
    }
}
