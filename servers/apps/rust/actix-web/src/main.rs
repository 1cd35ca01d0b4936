//! actix-web, whose `HttpServer` handles the signals itself: https://actix.rs/docs/server/#graceful-shutdown

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Payload, to};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use gate::Answer;
use gate::program::Arguments;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn main() -> std::io::Result<()> {
    // The expansion of actix_web::main, without its macros.
    actix_web::rt::System::new().block_on(serve())
}

async fn serve() -> std::io::Result<()> {
    let Arguments { address, drain, tls } = Arguments::read("actix-web");
    let mut server = HttpServer::new(|| App::new().default_service(to(respond)))
        // 5 s by default; an idle connection must last until the shutdown.
        .keep_alive(Duration::from_secs(120));
    if let Some(drain) = drain {
        server = server.shutdown_timeout(drain.as_secs_f64().ceil() as u64);
    }
    let server = match tls {
        None => server.bind_auto_h2c(address)?,
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
            server.bind_rustls_0_23(address, config)?
        }
    };
    server.run().await
}

async fn respond(request: HttpRequest, body: Payload) -> HttpResponse {
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    match gate::answer(request.method().as_str(), target, body).await {
        Answer::Whole(status, body) => {
            HttpResponse::build(StatusCode::from_u16(status).expect("a status")).content_type("text/plain").body(body)
        }
        Answer::Pieces(held) => HttpResponse::Ok().content_type("text/plain").streaming(held.pieces()),
    }
}
