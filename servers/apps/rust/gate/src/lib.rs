//! The test application of docs/gate.md, for every server: the server passes a request's body in, and sends the answer.

use std::fmt::Display;
use std::{env, io};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

pub mod program;

const LINE: &[u8] = b"lastcall\n";

/// What the server has to send, as `text/plain`.
pub enum Answer<B> {
    /// A status and a whole body.
    Whole(u16, Bytes),
    /// Status 200 and the body from [`Held::pieces`], whose length is not known yet.
    Pieces(Held<B>),
}

/// Returns the answer as soon as its head is known. A server that gives up the request drops it, which closes the gate's
/// connection.
pub async fn answer<B, E>(method: &str, target: &str, body: B) -> Answer<B>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Display,
{
    let path = target.split('?').next().unwrap_or_default();
    match path.strip_prefix("/hold/") {
        _ if (method, path) == ("GET", "/ready") => Answer::Whole(200, "ready\n".into()),
        Some(id) if !id.is_empty() && !id.contains('/') => {
            hold(id, method, target, body).await.unwrap_or_else(|error| Answer::Whole(502, format!("{error}\n").into()))
        }
        _ => Answer::Whole(404, "no such resource\n".into()),
    }
}

async fn hold<B, E>(id: &str, method: &str, target: &str, body: B) -> io::Result<Answer<B>>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Display,
{
    let gate = env::var("LASTCALL_GATE").map_err(io::Error::other)?;
    let (orders, reports) = TcpStream::connect(gate).await?.into_split();
    let orders = BufReader::new(orders).lines();
    let mut held = Held { orders, reports, body, sent: 0, handed: Handed::Nothing };
    held.report(format!("entered {id} {method} {target}")).await?;
    match held.next().await? {
        (piece, true) => {
            held.report(format!("finished {}", piece.len())).await?;
            Ok(Answer::Whole(200, piece))
        }
        (piece, false) => {
            held.handed = Handed::First(piece);
            Ok(Answer::Pieces(held))
        }
    }
}

/// A held request. When it is dropped before its end, its connection to the gate closes.
pub struct Held<B> {
    orders: Lines<BufReader<OwnedReadHalf>>,
    reports: OwnedWriteHalf,
    body: B,
    sent: usize,
    handed: Handed,
}

/// What the server has taken of a body in pieces.
enum Handed {
    Nothing,
    /// The piece that decided the head; it is still to be sent.
    First(Bytes),
    /// The server has a piece of this length; when it polls for the next one, that is reported.
    Piece(usize),
    All,
}

impl<B, E> Held<B>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Display,
{
    /// The response's body, which executes the orders when the server polls for more of it.
    pub fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::try_unfold(self, |mut held| async move {
            let (piece, finish) = match std::mem::replace(&mut held.handed, Handed::Nothing) {
                Handed::All => return Ok(None),
                Handed::First(piece) => (piece, false),
                Handed::Piece(length) => {
                    held.report(format!("sent {length}")).await?;
                    held.next().await?
                }
                Handed::Nothing => held.next().await?,
            };
            held.handed = if finish { Handed::All } else { Handed::Piece(piece.len()) };
            if finish {
                held.report(format!("finished {}", held.sent)).await?;
            }
            // An empty last piece is left out: as a chunk of HTTP/1.1 it would be the end.
            Ok((!finish || !piece.is_empty()).then_some((piece, held)))
        })
    }

    /// Executes orders until there is a piece to send; returns it, and whether it is the last.
    async fn next(&mut self) -> io::Result<(Bytes, bool)> {
        let piece = self.obey().await;
        if let Err(error) = &piece {
            // The report fails when the gate has gone, and then it has no reader.
            let _ = self.report(format!("failed {}", error.to_string().replace('\n', " "))).await;
        }
        piece
    }

    async fn obey(&mut self) -> io::Result<(Bytes, bool)> {
        while let Some(order) = self.orders.next_line().await? {
            match order.split_once(' ').unwrap_or((&order, "0")) {
                ("read", _) => {
                    let mut length = 0;
                    while let Some(data) = self.body.next().await {
                        length += data.map_err(|error| io::Error::other(error.to_string()))?.len();
                    }
                    self.report(format!("read {length}")).await?;
                }
                (verb @ ("send" | "finish"), n) => {
                    return Ok((self.pattern(n.parse().map_err(io::Error::other)?), verb == "finish"));
                }
                _ => return Err(io::Error::other(format!("unknown order {order}"))),
            }
        }
        Err(io::Error::other("the gate closed without a finish"))
    }

    /// The next bytes of the body.
    fn pattern(&mut self, length: usize) -> Bytes {
        let piece = LINE.iter().cycle().skip(self.sent % LINE.len()).take(length).copied().collect();
        self.sent += length;
        piece
    }

    async fn report(&mut self, line: String) -> io::Result<()> {
        self.reports.write_all(format!("{line}\n").as_bytes()).await
    }
}
