//! Traces of calls for a collector of OpenTelemetry: a span for each call, and one in it for each leg.
//!
//! They are made of the calls' records (docs/decisions/0017), when calls are over: the log's filter has no part in it, and
//! nothing is kept for it while a call lasts.
//!
//! ```text
//! each call's clerk --- Filing::Closed ---> queue (bounded, never waits) ---> a thread: OTLP over HTTP, as JSON
//! ```

mod exporter;
mod spans;

pub use exporter::Exporter;
