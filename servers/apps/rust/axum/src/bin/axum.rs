//! axum's own server, as in its example of a graceful shutdown:
//! https://github.com/tokio-rs/axum/blob/main/examples/graceful-shutdown/src/main.rs

use gate::program::{Arguments, signalled};
use lastcall_axum::application;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    // It has no drain timeout of its own, and no TLS.
    let arguments = Arguments::read("axum");
    let listener = TcpListener::bind(arguments.address).await?;
    axum::serve(listener, application()).with_graceful_shutdown(signalled()).await
}
