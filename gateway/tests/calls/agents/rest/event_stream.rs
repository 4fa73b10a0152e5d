//! A stream of server-sent events, read as a library for them does.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::Value;

use super::back_end::BackEnd;
use crate::support::gateway::{Gateway, PATIENCE};

/// A stream that is open.
pub(super) struct EventStream {
    told: Receiver<Told>,
    connection: TcpStream,
}

/// One event.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Its number.
    pub(super) id: String,
    /// Its type.
    pub(super) kind: String,
    pub(super) data: Value,
}

impl EventStream {
    /// Opens one, behind the last event that is known; when this returns, the gateway tells what happens.
    pub(super) fn open(back_end: &BackEnd, gateway: &Gateway, query: &str, last: Option<&str>) -> Self {
        let authority = gateway.http_authority();
        let mut connection = TcpStream::connect(&authority).expect("the gateway listens");
        connection.set_read_timeout(Some(PATIENCE * 3)).expect("it is open");
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let key = &back_end.key;
        let request = format!(
            "GET /api/v1/events{query} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {key}\r\n{last}\r\n"
        );
        connection.write_all(request.as_bytes()).expect("it is open");
        let mut lines =
            BufReader::new(connection.try_clone().expect("a handle")).lines().map_while(Result::ok);
        let status = lines.next().expect("an answer");
        assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
        // The comment with which a stream begins.
        lines.find(|line| line == ": webtrunk").expect("it begins");
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let mut event = Told::default();
            // The sizes of chunks are lines that mean nothing.
            for line in lines {
                // The chunk that is the last.
                if line == "0" {
                    return;
                }
                match line.split_once(": ") {
                    Some(("id", id)) => event.id = id.to_owned(),
                    Some(("event", kind)) => event.kind = kind.to_owned(),
                    Some(("data", data)) => event.data = serde_json::from_str(data).expect("JSON"),
                    _ if line.is_empty() && !event.kind.is_empty() => {
                        // Nobody may be listening any more.
                        let _ = tell.send(std::mem::take(&mut event));
                    }
                    _ => {}
                }
            }
        });
        Self { told, connection }
    }

    /// The next event, which is of this type.
    pub(super) fn next(&self, kind: &str) -> Told {
        let told = self.told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {kind}"));
        assert_eq!(told.kind, kind, "{told:?}");
        assert!(kind == "missed" || told.data["type"] == kind, "{told:?}");
        told
    }

    /// Fails unless the gateway ends it; what was told until then does not matter.
    pub(super) fn assert_ends(&self) {
        let end = loop {
            if let Err(end) = self.told.recv_timeout(PATIENCE) {
                break end;
            }
        };
        assert_eq!(end, RecvTimeoutError::Disconnected, "it goes on");
    }

    /// Fails unless nothing is told for so long.
    pub(super) fn assert_silent(&self, for_so_long: Duration) {
        let told = self.told.recv_timeout(for_so_long);
        assert!(told.is_err(), "{told:?}");
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let _ = self.connection.shutdown(std::net::Shutdown::Both);
    }
}
