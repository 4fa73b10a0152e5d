//! One SIP stream: messages cut out of bytes by Content-Length (RFC 3261 18.3), with a deadline on
//! everything a peer can be slow at.
//!
//! ```text
//!             first byte             blank line             last byte
//!   Between ------------> Headers -------------> Body -----------------> Between
//!  idle_unauthenticated   header_deadline        body_deadline
//! ```
//!
//! A stream whose framing is lost gets its refusal and is closed: what follows cannot be trusted.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::connections::Control;
use super::cutter::{Cut, Cutter, Stage};
use super::inbound::Inbound;
use super::layer::{Shared, Ticket};
use super::limits::TransportLimits;
use crate::sip::flow::Flow;
use crate::sip::message::ParseError;

/// How long a refused peer may take to read why, and we to hear out what it still sends.
const FAREWELL: Duration = Duration::from_secs(1);

/// What one read asks for, and what an idle stream holds. Chosen by us: an INVITE from a browser fits.
const READ_SIZE: usize = 4 * 1024;

/// Why a stream ended.
#[derive(Debug)]
enum End {
    /// The peer closed it, or the system did.
    ByPeer,
    /// The layer ended it: evicted, not reading, or stopping.
    Cut,
    /// Between messages for too long, not authenticated.
    Idle,
    /// A message did not arrive in time; the refusal, where one can be given.
    Slow(Option<Bytes>),
    /// The framing is lost; the refusal, where one can be given.
    Unframed(Option<Bytes>),
    /// The peer does not read what we write.
    NotRead,
}

/// Serves a stream until it ends; the ticket reports it.
pub(super) async fn run<S>(shared: &Arc<Shared>, stream: S, flow: Flow, mut ticket: Ticket)
where
    S: AsyncRead + AsyncWrite + Send,
{
    debug!(%flow, "connection open");
    let id = ticket.id;
    let control = ticket.control.clone();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let mut write = std::pin::pin!(write(&mut writing, &mut ticket.outgoing, shared.limits.write_deadline));
    let end = tokio::select! {
        end = read(shared, &mut reading, flow, &control) => end,
        end = &mut write => end,
        () = control.cut.notified() => End::Cut,
    };
    if matches!(end, End::Idle | End::Slow(_) | End::NotRead) {
        shared.counters.deadlines.add_one();
    }
    debug!(%flow, ?end, "connection closed");
    if let End::Slow(Some(refusal)) | End::Unframed(Some(refusal)) = end
        && shared.connections.queue(id, refusal).is_ok()
    {
        // Without its place the queue ends, and so the writer. Bytes that nobody read would turn
        // the close into a reset, and a reset would take the refusal away.
        shared.connections.leave(id);
        let _ = timeout(FAREWELL, async { tokio::join!(write, discard(&mut reading)) }).await;
    }
}

async fn read<S: AsyncRead>(
    shared: &Arc<Shared>,
    reading: &mut ReadHalf<S>,
    flow: Flow,
    control: &Control,
) -> End {
    let mut buffer = BytesMut::new();
    let mut cutter = Cutter::default();
    let mut since = Instant::now();
    loop {
        // A line end alone is a pong; where it is two, the peer asks for one itself.
        if cutter.stage() == Stage::Between
            && buffer.starts_with(b"\r\n")
            && !buffer.starts_with(b"\r\n\r\n")
            && control.take_pong()
        {
            drop(buffer.split_to(2));
            cutter = Cutter::default();
            tell_ponged(shared, flow).await;
        }
        let was = cutter.stage();
        match cutter.next(&mut buffer) {
            Cut::Message(bytes) => {
                since = Instant::now();
                let refusal = shared.receive(flow, bytes).await;
                if !reply(shared, flow, refusal) {
                    return End::NotRead;
                }
                continue;
            }
            Cut::KeepAlive => {
                if control.take_pong() {
                    tell_ponged(shared, flow).await;
                }
                if !reply(shared, flow, Some(Bytes::from_static(b"\r\n"))) {
                    return End::NotRead;
                }
                continue;
            }
            Cut::Broken(fault) => {
                return End::Unframed(shared.refusal_of(&flow, buffer.freeze(), fault));
            }
            Cut::Incomplete => {}
        }
        if cutter.stage() != was {
            since = Instant::now();
        }
        buffer.reserve(READ_SIZE);
        let read = reading.read_buf(&mut buffer);
        let outcome = match deadline(cutter.stage(), since, &shared.limits, control) {
            Some(deadline) => timeout_at(deadline, read).await,
            None => Ok(read.await),
        };
        match (outcome, cutter.stage()) {
            (Ok(Ok(0) | Err(_)), _) => return End::ByPeer,
            (Ok(Ok(_)), _) => {}
            // It authenticated while the deadline of strangers ran.
            (Err(_), Stage::Between) if control.is_known() => {}
            (Err(_), Stage::Between) => return End::Idle,
            (Err(_), stage @ (Stage::Headers | Stage::Body)) => {
                let fault =
                    if stage == Stage::Headers { ParseError::Truncated } else { ParseError::ShortBody };
                return End::Slow(shared.refusal_of(&flow, buffer.freeze(), fault));
            }
        }
    }
}

async fn tell_ponged(shared: &Shared, flow: Flow) {
    // Nobody receives any more when the adapter has ended.
    let _ = shared.inbound.send(Inbound::Ponged(flow)).await;
}

/// When a peer that stays in this stage is cut off; known peers may be idle for ever.
fn deadline(stage: Stage, since: Instant, limits: &TransportLimits, control: &Control) -> Option<Instant> {
    match stage {
        Stage::Between if control.is_known() => None,
        Stage::Between => Some(since + limits.idle_unauthenticated),
        Stage::Headers => Some(since + limits.header_deadline),
        Stage::Body => Some(since + limits.body_deadline),
    }
}

/// Queues what the transport itself has to say; whether the peer still reads.
fn reply(shared: &Shared, flow: Flow, answer: Option<Bytes>) -> bool {
    match (answer, flow.connection) {
        (Some(answer), Some(connection)) => shared.connections.queue(connection, answer).is_ok(),
        _ => true,
    }
}

/// Writes what is queued until the queue ends, then closes our side.
async fn write<S: AsyncWrite>(
    writing: &mut WriteHalf<S>,
    queue: &mut mpsc::Receiver<Bytes>,
    deadline: Duration,
) -> End {
    while let Some(message) = queue.recv().await {
        match timeout(deadline, writing.write_all(&message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::ByPeer,
            Err(_) => return End::NotRead,
        }
        // A TLS stream may hold back until it is told.
        if !matches!(timeout(deadline, writing.flush()).await, Ok(Ok(()))) {
            return End::NotRead;
        }
    }
    let _ = timeout(deadline, writing.shutdown()).await;
    End::Cut
}

/// Reads until the peer closes; what it says is past hearing.
async fn discard<S: AsyncRead>(reading: &mut ReadHalf<S>) {
    let mut buffer = vec![0; READ_SIZE];
    while matches!(reading.read(&mut buffer).await, Ok(length) if length > 0) {}
}
