//! `GET /events`: a stream of server-sent events (HTML, 9.2).

use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};
use tracing::info;
use utoipa::IntoParams;
use webtrunk_signalling::lock::lock;

use super::event::EventKind;
use super::hub::{EventId, Hub, Missed, Numbered};
use crate::rest::caller::Caller;
use crate::rest::door::Door;
use crate::rest::keys::ApiKey;
use crate::rest::problem::Problem;
use crate::rest::scope::Scope;
use crate::rest::told;

/// How often a stream says that it is there, so that nobody on the way takes it for dead. Chosen by us: proxies wait for 30 s
/// and more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Streams of one key at one time. Chosen by us: a few servers of a back end.
const STREAMS_MAX: usize = 16;

/// What is written as one piece at most.
const PIECE: usize = 64;

/// The streams that there are; cheap to clone.
#[derive(Clone, Default)]
pub struct Streams {
    /// Where events come from.
    pub hub: Hub,
    open: Arc<Mutex<Vec<String>>>,
}

/// Which events are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Kinds of events, with commas between them; all where it is not said.
    types: Option<String>,
}

/// One key's stream, which is counted as long as it is there.
struct Stream {
    key: ApiKey,
    kinds: HashSet<EventKind>,
    hub: Hub,
    door: Door,
    live: Receiver<Arc<Numbered>>,
    /// What happened before.
    kept: VecDeque<Arc<Numbered>>,
    missed: Option<Missed>,
    is_new: bool,
    _place: Place,
}

/// A place among the streams of a key.
struct Place {
    open: Arc<Mutex<Vec<String>>>,
    key: String,
}

/// Tells what happens, as it happens (`text/event-stream`).
///
/// The type of each event is in `event`, its number in `id`, what it is in `data` (the schema Event). Who comes back with Last-Event-ID is told what it missed, as far as that is kept; where it is not, an event `missed` comes
/// first.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "listen", params(EventQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that is known")),
    responses((status = 200, description = "Events, until either side ends it", body = String, content_type = "text/event-stream"),
        (status = 409, description = "The key has as many streams as it may have", body = Problem,
            content_type = "application/problem+json")),
    security(("api_key" = ["events"])))]
pub async fn events(
    caller: Caller,
    streams: web::Data<Streams>,
    door: web::Data<Door>,
    query: web::Query<EventQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::Events)?;
    let kinds = query.kinds()?;
    let place = streams.place(&caller.0.id)?;
    let last = request.headers().get("Last-Event-ID").and_then(|value| value.to_str().ok());
    let customer = caller.0.customer.as_deref();
    let (kept, missed, live) = match last.map(str::parse::<EventId>) {
        None => streams.hub.listen(None, customer),
        Some(Ok(last)) => streams.hub.listen(Some(last), customer),
        // Whatever it is, it is none of ours.
        Some(Err(missed)) => {
            let (_, _, live) = streams.hub.listen(None, customer);
            (Vec::new(), Some(missed), live)
        }
    };
    info!(key = caller.0.id, after = last, "a stream of events begins");
    let stream = Stream {
        key: caller.0,
        kinds,
        hub: streams.hub.clone(),
        door: door.get_ref().clone(),
        live,
        kept: kept.into(),
        missed,
        is_new: true,
        _place: place,
    };
    let pieces = stream::unfold(stream, async |mut stream| {
        let piece = stream.next().await?;
        Some((Ok::<_, actix_web::Error>(piece), stream))
    });
    let mut answer = told(StatusCode::OK);
    // Proxies that gather answers would keep events back.
    answer.insert_header(("X-Accel-Buffering", "no"));
    Ok(answer.content_type("text/event-stream").streaming(Box::pin(pieces)))
}

impl EventQuery {
    fn kinds(&self) -> Result<HashSet<EventKind>, Problem> {
        let Some(types) = &self.types else { return Ok(EventKind::ALL.into()) };
        let kind = |name: &str| {
            let found = name.parse::<EventKind>();
            found.map_err(|_| Problem::bad_request(format!("types: {name:?} is no type of events")))
        };
        types.split(',').map(kind).collect()
    }
}

impl Streams {
    /// How many there are, of all keys.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.open).len()
    }

    fn place(&self, key: &str) -> Result<Place, Problem> {
        let mut open = lock(&self.open);
        if open.iter().filter(|own| *own == key).count() >= STREAMS_MAX {
            return Err(Problem::conflict(format!(
                "the key has {STREAMS_MAX} streams, as many as it may have"
            )));
        }
        open.push(key.to_owned());
        Ok(Place { open: Arc::clone(&self.open), key: key.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(index) = open.iter().position(|own| *own == self.key) {
            open.swap_remove(index);
        }
    }
}

impl Stream {
    /// What is written next; `None` where it is over.
    async fn next(&mut self) -> Option<Bytes> {
        let mut text = String::new();
        if std::mem::take(&mut self.is_new) {
            // At once, so that whoever listens knows that it does.
            text += ": webtrunk\n\n";
        }
        if self.missed.take().is_some() {
            text += "event: missed\ndata: {}\n\n";
        }
        // Others' may be many; this key's own go before what happens now.
        while text.is_empty() && !self.kept.is_empty() {
            for event in self.kept.drain(..self.kept.len().min(PIECE)).collect::<Vec<_>>() {
                self.write(&event, &mut text);
            }
        }
        // Whatever happens that is not for this key.
        let until = Instant::now() + KEEP_ALIVE;
        while text.is_empty() {
            match timeout_at(until, self.live.recv()).await {
                Ok(Ok(event)) => self.write(&event, &mut text),
                Ok(Err(RecvError::Closed)) => return None,
                Ok(Err(RecvError::Lagged(events))) => {
                    info!(key = self.key.id, events, "a stream of events does not keep up, and ends");
                    self.hub.note_slow();
                    return None;
                }
                Err(_) if !self.door.has(&self.key) => return None,
                Err(_) => text += ": it is there\n\n",
            }
        }
        Some(text.into())
    }

    fn write(&self, event: &Numbered, text: &mut String) {
        let kind = event.happening.kind();
        if !self.kinds.contains(&kind) || !self.door.has(&self.key) {
            return;
        }
        let Some(told) = event.happening.told_to(&self.key, event.at) else { return };
        let Ok(data) = serde_json::to_string(&told) else { return };
        let _ = write!(text, "id: {}\nevent: {}\ndata: {data}\n\n", self.hub.name(event.number), kind.name());
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Happening;
    use super::*;
    use crate::rest::calls::belonging::tests::key;
    use crate::rest::keys::ApiKeys;

    #[test]
    fn back_ends_streams_are_counted_as_long_as_they_are_there_and_webhooks_are_none() {
        let streams = Streams::default();
        let _webhooks = streams.hub.listen(None, None);
        assert_eq!(streams.count(), 0);
        let places = ["crm", "crm", "other"].map(|key| streams.place(key).expect("there is room"));
        assert_eq!(streams.count(), 3);
        drop(places);
        assert_eq!(streams.count(), 0);
    }

    #[tokio::test]
    async fn what_was_missed_behind_much_of_others_comes_at_once_and_before_what_happens_now() {
        let (streams, door, key) = (Streams::default(), Door::default(), key(Some("beta")));
        door.take_up(ApiKeys::new(vec![key.clone()]), 60);
        let happens = |user: &str| {
            let happening = Happening::Registration(user.to_owned(), 1);
            let customers = happening.customers();
            streams.hub.publish(happening, customers);
        };
        for _ in 0..3 * PIECE {
            happens("acme+alice");
        }
        happens("beta+missed");
        let (kept, missed, live) = streams.hub.listen(Some(streams.hub.name(1)), Some("beta"));
        let mut stream = Stream {
            key,
            kinds: EventKind::ALL.into(),
            hub: streams.hub.clone(),
            door,
            live,
            kept: kept.into(),
            missed,
            is_new: false,
            _place: streams.place("crm").expect("there is room"),
        };
        happens("beta+now");
        for user in ["beta+missed", "beta+now"] {
            let piece = stream.next().await.expect("it goes on");
            let text = String::from_utf8_lossy(&piece);
            assert!(text.contains(user) && text.matches("event:").count() == 1, "{text}");
        }
    }
}
