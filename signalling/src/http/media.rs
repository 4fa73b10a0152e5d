//! Media streams among the connections of an HTTP port: browsers whose UDP is blocked (RFC 6544) come by
//! the one TCP port that every network lets through.

use std::io;
use std::net;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::debug;

use super::gate::Pass;

/// A connection that carries media, unread.
#[derive(Debug)]
pub struct MediaStream {
    /// The connection.
    pub stream: net::TcpStream,
    /// Its place among the connections that nobody has answered for.
    pub pass: Pass,
}

/// Where they go; cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaStreams {
    streams: mpsc::Sender<MediaStream>,
    overflows: Arc<AtomicU64>,
}

impl MediaStreams {
    /// So many may wait for who takes them out; those for which there was no room are counted in `overflows`.
    #[must_use]
    pub fn channel(waiting: usize, overflows: Arc<AtomicU64>) -> (Self, mpsc::Receiver<MediaStream>) {
        let (streams, incoming) = mpsc::channel(waiting);
        (Self { streams, overflows }, incoming)
    }
}

/// First bytes that are the length of a STUN message (RFC 4571 2). TLS begins with 22, HTTP with a letter.
const LENGTHS: std::ops::RangeInclusive<u8> = 0..=5;

/// Whether a connection carries media, by its first byte, which stays unread.
pub(super) async fn is_media(stream: &TcpStream, deadline: Duration) -> io::Result<bool> {
    let mut first = [0];
    let read = timeout(deadline, stream.peek(&mut first)).await??;
    Ok(read == 1 && LENGTHS.contains(&first[0]))
}

/// Hands a connection over; one for which there is no room is closed.
pub(super) fn hand_over(stream: TcpStream, pass: Pass, streams: &MediaStreams) -> io::Result<()> {
    let stream = stream.into_std()?;
    if streams.streams.try_send(MediaStream { stream, pass }).is_err() {
        streams.overflows.fetch_add(1, Ordering::Relaxed);
        debug!("media stream refused: too many wait");
    }
    Ok(())
}
