//! The thread that sends spans to a collector. No call waits for it: what finds no room in its queue is lost, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use tracing::{info, warn};
use webtrunk_signalling::cdr::{CallRecord, CdrKeeper, Filing};

use super::spans;
use crate::config::Collector;
use crate::http_client::{Request, ask};

/// Takes the records of calls that are over; cheap to clone.
#[derive(Debug, Clone)]
pub struct Exporter {
    queue: SyncSender<Told>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Told {
    Over(Box<CallRecord>),
    /// Sends what it has, and answers when that is done.
    Finish(SyncSender<()>),
}

/// Calls that may wait. Chosen by us: some 10 MB, and a minute of a collector that starts anew under 60 calls a second.
const QUEUE: usize = 4096;

/// Calls that are sent together, and how long the first of them waits for others.
const BATCH: usize = 256;
const COLLECTED: Duration = Duration::from_secs(1);

/// How long a collector may take, and how long one is left alone that took nothing; it is tried twice.
const PATIENCE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(5);

/// How long the last spans may take when the process ends.
const FAREWELL: Duration = Duration::from_secs(2);

impl Exporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(collector: Collector) -> io::Result<Self> {
        let (queue, told) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let sender = Sender { collector, lost: Arc::clone(&lost), is_failing: false };
        thread::Builder::new().name("telemetry".to_owned()).spawn(move || sender.run(&told))?;
        Ok(Self { queue, lost })
    }

    /// Calls whose spans were lost, since the start: for want of room, or since no collector took them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Sends what still waits. It takes its time, so call it where one may wait.
    pub fn finish(&self) {
        let (done, is_done) = sync_channel(1);
        if self.queue.try_send(Told::Finish(done)).is_ok() {
            // What is not sent by then is lost with the process.
            let _ = is_done.recv_timeout(FAREWELL);
        }
    }
}

impl CdrKeeper for Exporter {
    fn file(&self, filing: Filing) {
        if let Filing::Closed(record) = filing
            && self.queue.try_send(Told::Over(record)).is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Sender {
    collector: Collector,
    lost: Arc<AtomicU64>,
    is_failing: bool,
}

impl Sender {
    fn run(mut self, told: &Receiver<Told>) {
        while let Ok(first) = told.recv() {
            let mut batch = Vec::new();
            let mut finish = None;
            let until = Instant::now() + COLLECTED;
            let mut next = Ok(first);
            loop {
                match next {
                    Ok(Told::Over(record)) => batch.push(record),
                    Ok(Told::Finish(done)) => finish = Some(done),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
                if batch.len() >= BATCH || finish.is_some() {
                    break;
                }
                next = told.recv_timeout(until.saturating_duration_since(Instant::now()));
            }
            self.send(&batch, finish.is_some());
            if let Some(done) = finish {
                let _ = done.try_send(());
            }
        }
    }

    fn send(&mut self, batch: &[Box<CallRecord>], is_last: bool) {
        if batch.is_empty() {
            return;
        }
        let body = spans::request(batch).to_string();
        let mut sent = self.post(&body);
        if sent.is_err() && !is_last {
            thread::sleep(RETRY);
            sent = self.post(&body);
        }
        match sent {
            Ok(()) if self.is_failing => info!("the collector of traces takes them again"),
            Ok(()) => {}
            Err(error) => {
                self.lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
                if !self.is_failing {
                    let collector = &self.collector.authority;
                    warn!(%error, collector, "the collector takes no traces: they are lost, and calls go on");
                }
                self.is_failing = true;
                return;
            }
        }
        self.is_failing = false;
    }

    fn post(&self, body: &str) -> io::Result<()> {
        let Collector { authority, path } = &self.collector;
        let headers = [("Content-Type", "application/json")];
        let request = Request {
            method: "POST",
            authority,
            path,
            headers: &headers,
            body: body.as_bytes(),
            patience: PATIENCE,
        };
        match ask(&request)?.status {
            200..=299 => Ok(()),
            status => Err(io::Error::other(format!("it answered {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use serde_json::json;

    use super::*;

    fn closed() -> Filing {
        let record = json!({"id": "019ac9f2-5a3c-7d11-9d2e-0f5a6b7c8d9e", "origin": {"user": "a"}, "caller": "a",
            "destination": "1", "listener": "udp", "began_at": "2026-11-28T09:00:00.000Z", "duration_ms": 5, "talked_ms": 2,
            "clock_step": false, "timeline": {"segments": []}, "legs": []});
        Filing::Closed(Box::new(serde_json::from_value(record).expect("a record")))
    }

    /// A collector that takes a connection and never answers.
    #[test]
    fn a_collector_that_hangs_holds_up_no_call() {
        let hung = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let authority = hung.local_addr().expect("it is bound").to_string();
        let exporter =
            Exporter::start(Collector { authority, path: "/v1/traces".to_owned() }).expect("a thread");
        let (start, filing) = (Instant::now(), closed());
        for _ in 0..2 * QUEUE {
            exporter.file(filing.clone());
        }
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        let lost = exporter.lost();
        assert!(lost >= (QUEUE - BATCH) as u64, "{lost} of {} found no room", 2 * QUEUE);
    }
}
