//! TCP streams that browsers opened to us for media where UDP does not get through (ICE-TCP, RFC 6544).
//!
//! A stream belongs to the leg that its first check names, for its life; what comes on it goes to no other.
//! Until the peer has authenticated itself it holds the place that the door gave it, and for 10 s at most.
//! What the peer does not read fast enough is lost, as on any link.

use std::any::Any;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::frames::PREFIX;
use crate::{CallId, LegId};

/// How long a stream may take from its begin to its first check, and from there to an authentic one.
pub(crate) const GREETING_MAX: Duration = Duration::from_secs(10);

/// Bytes that wait for a peer that reads slowly: half a second of the loudest Opus. Chosen by us.
const WAITING_MAX: usize = 32 * 1024;

/// Whatever limits how many streams nobody has answered for: it is dropped when somebody does.
pub type Permit = Box<dyn Any + Send>;

/// A stream whose first frame was read; it is a check for a leg that is to be found.
pub(crate) struct Newcomer {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) from: SocketAddr,
    pub(crate) first: Vec<u8>,
    /// What was read behind the first frame.
    pub(crate) rest: Vec<u8>,
    pub(crate) permit: Permit,
}

/// A stream of a leg.
pub(crate) struct MediaStream {
    pub(crate) leg: (CallId, LegId),
    pub(crate) line: Rc<Line>,
    waiting: Vec<u8>,
    permit: Option<(Permit, Instant)>,
}

/// What the tasks of a stream share with the shard.
pub(crate) struct Line {
    pub(crate) socket: TcpStream,
    /// Ends the task that reads it.
    pub(crate) reading_ends: Notify,
    /// Ends the task that writes it.
    pub(crate) writing_ends: Notify,
    /// Something waits to be written.
    pub(crate) is_waiting: Notify,
}

impl MediaStream {
    pub(crate) fn new(leg: (CallId, LegId), socket: TcpStream, permit: Permit, now: Instant) -> Self {
        let line = Rc::new(Line {
            socket,
            reading_ends: Notify::new(),
            writing_ends: Notify::new(),
            is_waiting: Notify::new(),
        });
        Self {
            leg,
            line,
            waiting: Vec::with_capacity(WAITING_MAX),
            permit: Some((permit, now + GREETING_MAX)),
        }
    }

    /// The peer has authenticated itself: the place at the door is free again.
    pub(crate) fn admit(&mut self) {
        self.permit = None;
    }

    /// Whether nobody has answered for it in time.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.permit.as_ref().is_some_and(|(_, until)| *until <= now)
    }

    /// Sends a datagram, now or when the peer has read what waits before it; past the bound it is lost.
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        let Ok(length) = u16::try_from(datagram.len()) else { return };
        let prefix = length.to_be_bytes();
        if self.waiting.len() + PREFIX + datagram.len() > WAITING_MAX {
            return;
        }
        let mut written = 0;
        if self.waiting.is_empty() {
            // One that broke is noticed by the task that reads it.
            let parts = [IoSlice::new(&prefix), IoSlice::new(datagram)];
            written = self.line.socket.try_write_vectored(&parts).unwrap_or(0);
        }
        if written < PREFIX + datagram.len() {
            self.waiting.extend_from_slice(prefix.get(written..).unwrap_or_default());
            self.waiting.extend_from_slice(&datagram[written.saturating_sub(PREFIX)..]);
            self.line.is_waiting.notify_one();
        }
    }

    /// Writes what waits, as far as the peer reads; returns whether that was all.
    pub(crate) fn write_waiting(&mut self) -> io::Result<bool> {
        while !self.waiting.is_empty() {
            match self.line.socket.try_write(&self.waiting) {
                Ok(written) => drop(self.waiting.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl Drop for MediaStream {
    fn drop(&mut self) {
        self.line.reading_ends.notify_one();
        self.line.writing_ends.notify_one();
    }
}
