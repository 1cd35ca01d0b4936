//! hyper with hyper-util's `GracefulShutdown`, after the guide: https://hyper.rs/guides/1/server/graceful-shutdown/

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use gate::Answer;
use gate::program::{Arguments, signalled};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyDataStream, BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::read("hyper");
    let listener = TcpListener::bind(arguments.address).await.expect("the port is free");
    let tls = arguments.tls.as_ref().map(|(certificate, key)| {
        let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let mut config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
        TlsAcceptor::from(Arc::new(config))
    });
    let graceful = GracefulShutdown::new();
    let (stop, stopping) = watch::channel(());
    let mut signal = std::pin::pin!(signalled());
    loop {
        tokio::select! {
            Ok((tcp, _)) = listener.accept() => accepted(tcp, tls.clone(), graceful.watcher(), stopping.clone()),
            () = &mut signal => break,
        }
    }
    drop((listener, stop));
    let expired = async {
        match arguments.drain {
            Some(drain) => tokio::time::sleep(drain).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = graceful.shutdown() => ExitCode::SUCCESS,
        () = expired => {
            eprintln!("timed out wait for all connections to close");
            ExitCode::FAILURE
        }
    }
}

/// Serves a connection in a task of its own, which the end of `main` cuts. The shutdown ends a TLS handshake, because
/// nothing is in flight during it.
fn accepted(tcp: TcpStream, tls: Option<TlsAcceptor>, watcher: Watcher, mut stopping: watch::Receiver<()>) {
    tokio::spawn(async move {
        let Some(acceptor) = tls else { return serve(tcp, watcher).await };
        tokio::select! {
            biased;
            _ = stopping.changed() => {}
            stream = acceptor.accept(tcp) => match stream {
                Ok(stream) => serve(stream, watcher).await,
                Err(error) => eprintln!("TLS handshake: {error}"),
            }
        }
    });
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, watcher: Watcher) {
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service_fn(respond));
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        eprintln!("connection: {error}");
    }
}

async fn respond(request: Request<Incoming>) -> io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let (status, body) = match gate::answer(head.method.as_str(), target, BodyDataStream::new(body)).await {
        Answer::Whole(status, body) => (status, Full::new(body).map_err(|never| match never {}).boxed_unsync()),
        Answer::Pieces(held) => (200, StreamBody::new(held.pieces().map_ok(Frame::data)).boxed_unsync()),
    };
    Ok(Response::builder().status(status).header("content-type", "text/plain").body(body).expect("a response"))
}
