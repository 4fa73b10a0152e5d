//! Starts everything that a configuration asks for, and stops it in order.

mod course;

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use tokio::task::JoinHandle;
use tracing::{error, info};
use webtrunk_signalling::http::Gate;

use crate::addresses::Followed;
use crate::admin::{AdminError, AdminServices, BoundAdmin, Errands};
use crate::certificates::{self, Certificates};
use crate::config::{Config, ConfigError};
use crate::demo::Demo;
use crate::descriptors;
use crate::drain::Drain;
use crate::http::{BoundHttp, HttpError, Services};
use crate::logging::LogControl;
use crate::people::People;
use crate::reload::{Changed, Reloading, Reloads};
use crate::rest::logins::Logins;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};
use crate::supervision::{Fault, Panics, ServiceManager, Watchdog};
use crate::telephony::{Collapse, Telephony, TelephonyError};
use crate::tls::TlsError;
use course::Course;

/// The gateway did not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The configuration cannot be read with whom the store knows.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What was kept cannot be read, or nothing can be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP server cannot be opened.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The admin API cannot be opened.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// What carries calls did not start.
    #[error(transparent)]
    Telephony(#[from] TelephonyError),
    /// No more calls could be carried.
    #[error(transparent)]
    Collapsed(#[from] Collapse),
    /// It runs, and is of no use.
    #[error("the gateway ends, to be started anew: {0}")]
    Unsound(#[from] Fault),
    /// The system refused something.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What the configuration was read from, to be read again.
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// What it says.
    pub written: Config,
    /// The same, as it is written.
    pub text: String,
    /// The log; `None` where something else than the configuration says what is logged.
    pub log: Option<LogControl>,
}

/// Serves until a signal asks for the stop; SIGHUP has the source read again.
///
/// # Errors
/// [`ServeError`] when something cannot be started, or ends before it was told to; nothing is left running.
pub fn run(config: Config, demo: Option<Demo>, source: Option<Source>) -> Result<(), ServeError> {
    // Dropped, it would wait for each of its threads that waits for a disk, however long that takes.
    let system = ManuallyDrop::new(actix::System::new());
    system.block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let (people, desk) = People::channel();
        let on_hangup =
            |Source { file, written, text, log }| Reloads::on_hangup(file, (written, &text), log, desk);
        let supervision =
            Supervision { manager: Arc::new(ServiceManager::from_environment()), panics: Panics::watch() };
        let reloads = source.map(on_hangup).transpose()?;
        serve(config, demo, shutdown, (reloads, people), supervision).await
    })
}

/// Who is told how the process is, and hears how it is.
pub struct Supervision {
    /// The service manager.
    pub manager: Arc<ServiceManager>,
    /// All panics.
    pub panics: Panics,
}

/// Serves until `shutdown` is requested, and reads the configuration again when `reloads` says so. Needs an actix system around it.
///
/// # Errors
/// [`ServeError`] when something cannot be started, or ends before it was told to; nothing is left running.
pub async fn serve(
    mut config: Config,
    demo: Option<Demo>,
    mut shutdown: Shutdown,
    (mut reloads, people): (Option<Reloads>, People),
    Supervision { manager, mut panics }: Supervision,
) -> Result<(), ServeError> {
    let certificates = Certificates::read(&config)?;
    let http = config.http.as_ref().map(|http| BoundHttp::open(http, certificates.server())).transpose()?;
    let admin = config.admin.as_ref().map(BoundAdmin::open).transpose()?;
    let mut store = match &config.store {
        Some(store) => Some(Store::open(store, config.cdr.as_ref()).await?),
        None => None,
    };
    if let (Some(reloads), Some(store)) = (&mut reloads, &mut store)
        && let Some(roll) = store.take_roll()
    {
        config = reloads.take_roll(&config, roll, store.people_keeper())?;
    }
    let shares = descriptors::share_out(config.media.calls_max, config.json.is_some() && http.is_some());
    let mut telephony = Telephony::start(&config, &certificates, http.as_ref(), shares, store)?;
    let mut servers = Vec::new();
    let bound = http.as_ref().map(BoundHttp::address);
    if let Some(http) = http {
        info!(address = %http.address(), "HTTP listens");
        let services = public(&config, &telephony, demo, (shares.http, people.clone()));
        welcome(&http, &services, telephony.phones());
        servers.push(spawn(http.serve(services)?));
    }
    let (errands, left) = Errands::channel();
    if let Some(admin) = admin {
        servers.push(spawn(admin.serve(AdminServices {
            calls: telephony.calls(),
            instruments: telephony.instruments(certificates.clone(), panics.mishaps(), people.clone()),
            certificates: certificates.clone(),
            errands: errands.clone(),
            traces: telephony.traces(),
            people: people.clone(),
        })?));
    }
    let mut watchdog = Watchdog::start(telephony.engine().clone(), Arc::clone(&manager), panics.mishaps());
    telephony.health().heed(watchdog.faults());
    manager.tell_ready();
    let keeping = actix::spawn(certificates::keep(certificates.clone()));
    let following = Followed::new(&config.media, bound);
    let following = following.map(|followed| actix::spawn(followed.follow(telephony.engine().clone())));
    let changed = Changed { telephony: telephony.changing(), certificate: certificates.own() };
    let course = Course {
        telephony: &mut telephony,
        shutdown: &mut shutdown,
        reloading: reloads.map(|reloads| Reloading::start(reloads, changed)),
        errands: left,
        watchdog: &mut watchdog,
        panics: &mut panics,
        drain: Drain::new(config.drain.timeout),
        unsound: None,
    };
    let outcome = course.run().await;
    manager.tell_stopping();
    match &outcome {
        Err(ServeError::Unsound(fault)) => error!(%fault, "the gateway ends, to be started anew"),
        // It would take the orderly end of the threads for a fault; else it sees to it that there is an end.
        Ok(()) | Err(_) => drop(watchdog),
    }
    shutdown.set_ending();
    keeping.abort();
    following.iter().for_each(JoinHandle::abort);
    telephony.stop().await;
    for server in servers {
        server.stop(true).await;
    }
    outcome
}

/// Has a server served by this thread's system.
fn spawn(server: Server) -> ServerHandle {
    let handle = server.handle();
    actix::spawn(server);
    handle
}

/// What the HTTP server, which takes so many connections, has for everybody; back ends change people there.
fn public(
    config: &Config,
    telephony: &Telephony,
    demo: Option<Demo>,
    (connections, people): (usize, People),
) -> Services {
    Services {
        sip: telephony.websocket().map(|endpoint| (config.sip_ws.path.clone(), endpoint)),
        json: config.json.as_ref().and_then(|json| Some((json.path.clone(), telephony.pages()?))),
        rest: {
            let folder = config.recording.as_ref().map(|recording| recording.folder.clone());
            let rest = config.rest.as_ref();
            rest.and_then(|rest| telephony.rest(rest, folder, people, logins(config, telephony)))
        },
        entry: telephony.entry(),
        demo: demo.map(Arc::new),
        status: Some(telephony.status()),
        health: Some(telephony.health()),
        gate: Gate::new(config.sip.strangers_per_address, connections),
        media: config.media.tcp.then(|| telephony.media_streams()),
    }
}

/// Where logins of the edge are made, and where pages log in by them.
fn logins(config: &Config, telephony: &Telephony) -> Logins {
    Logins {
        desk: telephony.entry(),
        realm: config.sip.realm.clone(),
        sip_path: telephony.websocket().map(|_| config.sip_ws.path.clone()),
        json_path: telephony.pages().and(config.json.as_ref()).map(|json| json.path.clone()),
        is_secure: config.tls.is_some(),
    }
}

/// Tells a newcomer where to go. The first line is also what scripts wait for.
fn welcome(http: &BoundHttp, services: &Services, phones: Option<SocketAddr>) {
    let Some(demo) = &services.demo else { return };
    let mut text = format!(
        "Webtrunk demo: open {}\n  call 9196 (echo), 07010002000 (announcement), 9197 (tone), or another tab's user\n",
        http.url()
    );
    if let Some(phones) = phones {
        text += &format!(
            "  SIP phones on this machine: {phones}; their users are told at {}api/demo\n",
            http.url()
        );
    }
    if demo.media_addresses().is_empty() {
        text += "  This machine has no address besides loopback, and browsers send no audio over loopback:\n  \
                 calls connect and stay silent. Connect it to any network, and start the demo again.\n";
    }
    // Nobody may be reading; the gateway works all the same.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests;
