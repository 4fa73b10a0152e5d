//! Sets of public keys that identity providers have at servers of their own (`token_keys[].jwks_url`): fetched at the start,
//! every quarter of an hour, and when a token names a key that is not there, at most once a minute.
//!
//! ```text
//!  Keyring -- a key is missed --> FetchedKeys <-- what is there -- a task of each set -- GET --> provider
//! ```
//!
//! No token waits for it: one by a key that is not there yet is refused, and its page comes again.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONNECTION};
use hyper::{Method, StatusCode};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tracing::{info, warn};
use webtrunk_signalling::auth::token::FetchedKeys;
use webtrunk_signalling::auth::token::jwks::{JwksError, SET_MAX};
use webtrunk_signalling::auth::token::remote_keys::RemoteKeys;
use webtrunk_signalling::lock::lock;

use crate::config::JwksSource;
use crate::outgoing::{Fault, Line, PATIENCE, Server};

/// Fetches sets of keys; cheap to clone. Those end with the last clone that are fetched.
#[derive(Clone, Default)]
pub struct JwksFetcher(Arc<Shared>);

#[derive(Default)]
struct Shared {
    served: Mutex<Vec<Served>>,
    counts: Arc<Counts>,
}

/// A set that is fetched as long as this is there.
struct Served {
    source: JwksSource,
    place: watch::Sender<Place>,
}

/// What a configuration that is read again says anew of a set that is the same.
#[derive(Clone)]
struct Place {
    /// Where what is there is put.
    set: FetchedKeys,
    /// By these others reach the gateway: nobody is asked there.
    own: Arc<[IpAddr]>,
}

#[derive(Default)]
struct Counts {
    fetched: AtomicU64,
    failed: AtomicU64,
}

/// Why a set was not fetched.
#[derive(Debug, thiserror::Error)]
enum NotFetched {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("there is no answer within {:?}", PATIENCE)]
    Late,
    #[error("it answers {}, and no redirect is followed", .0.as_u16())]
    Redirect(StatusCode),
    #[error("it answers {}", .0.as_u16())]
    Status(StatusCode),
    #[error("what it answers {0}")]
    NoSet(#[from] JwksError),
}

impl JwksFetcher {
    /// Fetches these from now on, and no others. What is there of one that was fetched already is there at once. By `own` and the
    /// addresses of the machine others reach the gateway: nobody is asked there. Needs a runtime around it.
    pub fn take_up(&self, sources: &[JwksSource], own: Arc<[IpAddr]>) {
        let mut served = lock(&self.0.served);
        let mut known = std::mem::take(&mut *served);
        for source in sources {
            let place = Place { set: source.set.clone(), own: Arc::clone(&own) };
            let one = match known.iter().position(|one| one.source.is_same(source)) {
                Some(index) => {
                    let one = known.swap_remove(index);
                    one.put_into(place);
                    one
                }
                None => Served::start(source.clone(), place, Arc::clone(&self.0.counts)),
            };
            served.push(one);
        }
    }

    /// How often a set was fetched, and how often that failed.
    #[must_use]
    pub fn counts(&self) -> [u64; 2] {
        [&self.0.counts.fetched, &self.0.counts.failed].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Served {
    fn start(source: JwksSource, place: Place, counts: Arc<Counts>) -> Self {
        let (place, places) = watch::channel(place);
        tokio::spawn(keep(source.clone(), places, counts));
        Self { source, place }
    }

    /// A configuration that is read again has a place of its own.
    fn put_into(&self, next: Place) {
        self.place.send_if_modified(|place| {
            let is_other_set = !place.set.is(&next.set);
            if is_other_set {
                next.set.set(place.set.keys());
            }
            let is_other = is_other_set || place.own != next.own;
            *place = next;
            is_other
        });
    }
}

/// Keeps a set until nobody wants it any more.
async fn keep(source: JwksSource, mut places: watch::Receiver<Place>, counts: Arc<Counts>) {
    let mut remote = RemoteKeys::new(Instant::now());
    loop {
        if remote.poll_fetch(Instant::now()) {
            let own = Arc::clone(&places.borrow().own);
            let fetched = fetch(&source, &own, &mut remote).await;
            tell(&source, &fetched, &counts);
        }
        let place = places.borrow_and_update().set.clone();
        place.set(remote.keys(Instant::now()).cloned());
        let due = remote.poll_timeout().unwrap_or_else(Instant::now);
        tokio::select! {
            () = sleep_until(due.into()) => {}
            () = place.missed() => remote.handle_unknown_key(Instant::now()),
            changed = places.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

async fn fetch(source: &JwksSource, own: &[IpAddr], remote: &mut RemoteKeys) -> Result<(), NotFetched> {
    let fetched = timeout(PATIENCE, get(source, own)).await.unwrap_or(Err(NotFetched::Late));
    match fetched {
        Ok(json) => Ok(remote.handle_fetched(&json, Instant::now())?),
        Err(why) => {
            remote.handle_failed(Instant::now());
            Err(why)
        }
    }
}

async fn get(source: &JwksSource, own: &[IpAddr]) -> Result<Bytes, NotFetched> {
    let JwksSource { target, networks, authorities, .. } = source;
    let server = Server { target, networks, own, authorities: authorities.as_ref() };
    let request = server.request(Method::GET).header(ACCEPT, "application/json").header(CONNECTION, "close");
    let request = request.body(Full::default()).map_err(Fault::from)?;
    let mut line = Line::open(&server).await?;
    match line.send(request).await? {
        StatusCode::OK => Ok(line.into_body(SET_MAX).await?),
        status if status.is_redirection() => Err(NotFetched::Redirect(status)),
        status => Err(NotFetched::Status(status)),
    }
}

fn tell(source: &JwksSource, fetched: &Result<(), NotFetched>, counts: &Counts) {
    let key = source.id.as_str();
    match fetched {
        Ok(()) => {
            counts.fetched.fetch_add(1, Ordering::Relaxed);
            info!(key, "a set of keys was fetched");
        }
        Err(why) => {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            warn!(key, %why, "a set of keys could not be fetched; what is there of it is good for a day");
        }
    }
}

#[cfg(test)]
mod tests;
