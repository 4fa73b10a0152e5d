//! A connection that is read only as fast as its peer reads us.
//!
//! The HTTP library reads on while its answers are stuck: a peer that pipelines requests and never
//! reads fills its queues and then keeps its thread busy for ever. So bytes come to it in small pieces,
//! each answered before the next, and none while an answer is stuck; who is stuck for too long is cut.
//!
//! ```text
//!              answer stuck                        deadline
//!  +--------+ --------------> +-------+ ------------------------> cut
//!  | flows  |                 | stuck |
//!  +--------+ <-------------- +-------+
//!      |       answer taken
//!      +---- no WebSocket, and nothing answered by the deadline --> cut
//! ```

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::gate::Pass;

/// A stream, in the clear or within TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// A connection under guard.
pub(super) struct Guarded {
    stream: Box<dyn Stream>,
    /// Held until it is a WebSocket, whose peer may speak without being answered.
    pass: Option<Pass>,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    is_stuck: bool,
    /// Whoever wanted to read while an answer was stuck.
    reader: Option<Waker>,
    /// Whether a piece was read that nobody had the time to answer yet.
    has_piece: bool,
}

/// Bytes of one piece. The smallest request has 18, so this bounds how many are answered together.
const PIECE: usize = 1024;

/// How the answer starts that makes a connection a WebSocket (RFC 6455 4.2.2).
const UPGRADED: &[u8] = b"HTTP/1.1 101 ";

impl Guarded {
    /// Guards a stream; `patience` is how long an answer may be stuck, and a request may take.
    pub(super) fn new(stream: impl Stream + 'static, pass: Pass, patience: Duration) -> Self {
        Self {
            stream: Box::new(stream),
            pass: Some(pass),
            patience,
            deadline: Box::pin(sleep(patience)),
            is_stuck: false,
            reader: None,
            has_piece: false,
        }
    }

    /// The stream cannot take more now.
    fn stuck<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !self.is_stuck {
            self.is_stuck = true;
            self.put_off();
        }
        self.wait(cx)
    }

    /// The stream has taken what was stuck.
    fn loosened(&mut self) {
        self.is_stuck = false;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn put_off(&mut self) {
        self.deadline.as_mut().reset(Instant::now() + self.patience);
    }

    /// Waits for the deadline, and never for anything good.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.has_piece) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut piece = [0; PIECE];
        let mut part = ReadBuf::new(&mut piece[..PIECE.min(buf.remaining())]);
        match Pin::new(&mut self.stream).poll_read(cx, &mut part) {
            Poll::Ready(read) => {
                buf.put_slice(part.filled());
                self.has_piece = !part.filled().is_empty();
                Poll::Ready(read)
            }
            Poll::Pending => self.wait(cx),
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_stuck {
            self.reader = Some(cx.waker().clone());
            return self.wait(cx);
        }
        if self.pass.is_some() {
            return self.poll_piece(cx, buf);
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(cx, buf) else {
            return self.stuck(cx);
        };
        self.loosened();
        self.put_off();
        if buf.starts_with(UPGRADED) {
            self.pass = None;
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx) else { return self.stuck(cx) };
        self.loosened();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(shut) = Pin::new(&mut self.stream).poll_shutdown(cx) else { return self.stuck(cx) };
        Poll::Ready(shut)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;
    use crate::http::gate::Gate;

    const SOON: Duration = Duration::from_millis(100);

    fn guarded(patience: Duration) -> (Guarded, DuplexStream, Gate) {
        let gate = Gate::new(1, 1);
        let (ours, theirs) = duplex(4096);
        let pass = gate.admit(Ipv4Addr::LOCALHOST.into()).expect("a place");
        (Guarded::new(ours, pass, patience), theirs, gate)
    }

    /// Writes until nothing more is taken.
    async fn fill(guarded: &mut Guarded) {
        while timeout(SOON, guarded.write(&[b'a'; 1000])).await.is_ok_and(|written| written.is_ok()) {}
    }

    #[tokio::test]
    async fn nothing_is_read_while_an_answer_is_stuck_and_reading_goes_on_after_it() {
        let (mut guarded, mut peer, _gate) = guarded(Duration::from_secs(20));
        fill(&mut guarded).await;
        peer.write_all(b"GET").await.expect("it is open");
        let mut read = [0; 3];
        assert!(timeout(SOON, guarded.read_exact(&mut read)).await.is_err(), "it waits");
        let (mut reading, mut writing) = tokio::io::split(guarded);
        let others = async {
            peer.read_exact(&mut [0; 4096]).await.expect("what was stuck");
        };
        // The reader is polled first, and after that by whoever wakes it.
        let outcome = timeout(Duration::from_secs(5), async {
            tokio::join!(biased; reading.read_exact(&mut read), others, writing.write_all(b"more"))
        })
        .await;
        let (read_to, (), taken) = outcome.expect("the reader was woken");
        assert_eq!((read_to.ok(), taken.is_ok(), &read), (Some(3), true, b"GET"));
    }

    #[tokio::test]
    async fn who_does_not_read_is_cut() {
        let (mut guarded, _peer, _gate) = guarded(SOON);
        let stuck = guarded.write_all(&[b'a'; 10_000]).await.expect_err("it is stuck");
        assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_asks_nothing_is_cut_and_a_websocket_may_be_silent() {
        let (mut silent, _peer, gate) = guarded(SOON);
        let cut = silent.read(&mut [0; 10]).await.expect_err("nothing came");
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
        assert!(gate.admit(Ipv4Addr::LOCALHOST.into()).is_none(), "it is counted as long as it is there");

        let (mut socket, _peer, gate) = guarded(SOON);
        socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await.expect("it is taken");
        assert!(timeout(5 * SOON, socket.read(&mut [0; 10])).await.is_err(), "it stays open");
        assert!(gate.admit(Ipv4Addr::LOCALHOST.into()).is_some(), "another one counts it now");
    }

    #[tokio::test]
    async fn each_piece_is_answered_before_the_next_is_read() {
        let (mut guarded, mut peer, _gate) = guarded(Duration::from_secs(20));
        peer.write_all(&[b'a'; 2 * PIECE]).await.expect("it is taken");
        let mut bytes = [0; 4 * PIECE];
        let mut buf = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(Waker::noop());
        let mut poll = |buf: &mut ReadBuf<'_>| Pin::new(&mut guarded).poll_read(&mut cx, buf).is_ready();
        assert_eq!((poll(&mut buf), buf.filled().len()), (true, PIECE));
        assert_eq!((poll(&mut buf), buf.filled().len()), (false, PIECE), "its turn is over");
        assert_eq!((poll(&mut buf), buf.filled().len()), (true, 2 * PIECE));
    }
}
