//! axum served by the package axum-server, as in its example of a graceful shutdown:
//! https://github.com/programatik29/axum-server/blob/master/examples/graceful_shutdown.rs

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use gate::program::{Arguments, signalled};
use lastcall_axum::application;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let Arguments { address, drain, tls } = Arguments::read("axum-server");
    rustls::crypto::ring::default_provider().install_default().expect("the only one");
    let handle = Handle::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            signalled().await;
            // By its documentation, None is a shutdown without a timeout.
            handle.graceful_shutdown(drain);
        }
    });
    let service = application().into_make_service();
    match tls {
        None => axum_server::bind(address).handle(handle).serve(service).await,
        Some((certificate, key)) => {
            let config = RustlsConfig::from_pem_file(certificate, key).await?;
            axum_server::bind_rustls(address, config).handle(handle).serve(service).await
        }
    }
}
