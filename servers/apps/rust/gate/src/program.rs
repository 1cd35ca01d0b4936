//! The parts of a program around its server: arguments, the version, the signal.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// `ADDRESS [DRAIN_S] [CERTIFICATE KEY]`, or `--version`.
pub struct Arguments {
    pub address: SocketAddr,
    /// The drain timeout; None leaves it to the server.
    pub drain: Option<Duration>,
    /// Certificate chain and private key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl Arguments {
    /// Reads the command line; for `--version`, prints the version of this package from Cargo.lock and ends the process.
    pub fn read(package: &str) -> Arguments {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (address, drain_s, tls) = match words[..] {
            ["--version"] => {
                println!("{}", version(package));
                std::process::exit(0);
            }
            [address] => (address, None, None),
            [address, drain_s] => (address, Some(drain_s), None),
            [address, certificate, key] => (address, None, Some((certificate.into(), key.into()))),
            [address, drain_s, certificate, key] => (address, Some(drain_s), Some((certificate.into(), key.into()))),
            _ => panic!("wanted: ADDRESS [DRAIN_S] [CERTIFICATE KEY]"),
        };
        let drain = drain_s.map(|text| Duration::from_secs_f64(text.parse().expect("a drain timeout in seconds")));
        Arguments { address: address.parse().expect("host:port"), drain, tls }
    }
}

/// The package's version that Cargo.lock had when this was compiled.
fn version(package: &str) -> &'static str {
    let (_, entry) = include_str!("../../Cargo.lock")
        .split_once(&format!("name = \"{package}\"\n"))
        .expect("a package of Cargo.lock");
    entry.split('"').nth(1).expect("a version")
}

/// Waits for SIGTERM or SIGINT.
pub async fn signalled() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler of SIGINT");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
