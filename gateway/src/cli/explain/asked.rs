//! The call that is asked about, as an INVITE that comes to the door.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use webtrunk_engine::LegId;
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::adapter::{
    HOPS_MAX, Incoming, MediaProfile, Origin, Passage, RecordingPolicy, leg_span,
};
use webtrunk_signalling::auth::issuer::customer_of;
use webtrunk_signalling::json;
use webtrunk_signalling::sip::agent::Verdict;
use webtrunk_signalling::sip::doorkeeper::Admission;
use webtrunk_signalling::sip::flow::{Flow, ListenerId, TransportKind};
use webtrunk_signalling::sip::headers_of;
use webtrunk_signalling::sip::message::{HeaderName, Method, NameAddr, Request, SipUri};
use webtrunk_signalling::sip::transport::{Addresses, ListenerAddress, Network, literal};
use webtrunk_signalling::sip::trunk::{TrunkConfig, Trunks};
use webtrunk_signalling::source_networks::SourceNetworks;

use super::{ExplainArguments, Failure, page, reasons};
use crate::config::{Config, Trunk};
use crate::wiring;

/// Where a caller is of whom nothing is said: an address for documents (RFC 5737).
pub(super) const SOMEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

/// What the door says.
pub(super) enum Asked {
    /// The rules are asked.
    Admitted(Box<Incoming>),
    /// They are not: the response, the listener that the call came to, and from where.
    Refused { status: u16, reason: String, listener: String, source: IpAddr },
}

/// Has the call come to the door; its `offer` is as it was read.
pub(super) fn ask(
    arguments: &ExplainArguments,
    config: &Config,
    addresses: &Addresses,
    offer: Option<SessionDescription>,
    now: Instant,
) -> Result<Asked, Failure> {
    let trunk = arguments.trunk.as_deref().map(|name| trunk_named(name, config)).transpose()?;
    let prover = prover(arguments, config)?;
    if page::is_meant(arguments, config, addresses) {
        return page::ask(arguments, config, prover, offer);
    }
    let listener = listener(arguments, config, addresses, (trunk, prover.as_deref()), offer.as_ref())?;
    let known = addresses.listener(listener).ok_or("nothing listens")?;
    let source = arguments.source.or_else(|| trunk.and_then(source_of));
    let source = source.or_else(|| home_of(prover.as_deref(), config)).unwrap_or(SOMEWHERE);
    let flow = Flow {
        kind: known.kind,
        listener,
        local: known.bound,
        remote: SocketAddr::new(source, known.bound.port()),
        connection: None,
    };
    let invite = invite(arguments, &flow);
    let admission = admission(config, trunk, source, now);
    let origin = match judge(admission, &invite, &flow, (trunk, prover), now)? {
        (Verdict::Accept { origin }, admission) => (origin, admission),
        (Verdict::Challenge(_), _) => return Ok(refused(401, &unproven(arguments), known, source)),
        (Verdict::Reject(reject), _) => {
            return Ok(refused(reject.status.code(), &reject.reason, known, source));
        }
        (Verdict::Drop, _) => return Err("the call gets no answer at all".into()),
    };
    let (origin, admission) = origin;
    let reading = admission.read(&invite, &origin).map_err(|error| format!("--from: {error}"))?;
    let passed = match &origin {
        Origin::User(_) => {
            let headers = config.sip.passing.incoming(&invite.headers).headers;
            Passage { headers, diversions: Vec::new() }
        }
        Origin::Trunk(_) => reading.passed,
    };
    let leg = LegId::next();
    let profile = if known.kind.is_websocket() { MediaProfile::Webrtc } else { MediaProfile::Rtp };
    Ok(Asked::Admitted(Box::new(Incoming {
        leg,
        origin,
        caller: reading.caller,
        destination: reading.destination,
        device: reading.device,
        profile,
        offer: offer.map(Box::new),
        signalled_from: source,
        listener: Arc::clone(&known.name),
        headers: headers_of(&invite),
        recording: RecordingPolicy::ByRule,
        hops: HOPS_MAX,
        passed,
        replaces: None,
        span: leg_span(leg),
    })))
}

fn refused(status: u16, reason: &str, listener: &ListenerAddress, source: IpAddr) -> Asked {
    Asked::Refused { status, reason: reason.to_owned(), listener: listener.name.to_string(), source }
}

/// Why a call is asked for a password that it does not have.
pub(super) fn unproven(arguments: &ExplainArguments) -> String {
    let ExplainArguments { from, unauthenticated, .. } = arguments;
    if *unauthenticated {
        return "Unauthorized: it proves nothing".to_owned();
    }
    format!(
        "Unauthorized: it proves nothing, since no user of the configuration is named {from:?}; correct --from, or say \
         whose call it is by --user or --trunk"
    )
}

fn trunk_named<'c>(name: &str, config: &'c Config) -> Result<&'c Trunk, String> {
    config.trunks.iter().find(|trunk| trunk.sip.name == name).ok_or_else(|| {
        let known: Vec<_> = config.trunks.iter().map(|trunk| trunk.sip.name.as_str()).collect();
        format!("--trunk {name}: no trunk has this name; {}", there_are(&known))
    })
}

fn there_are(known: &[&str]) -> String {
    if known.is_empty() { "there is none".to_owned() } else { format!("there are {}", known.join(", ")) }
}

/// The user whose password it has.
fn prover(arguments: &ExplainArguments, config: &Config) -> Result<Option<String>, String> {
    match &arguments.user {
        Some(user) if !config.users.contains(user) => {
            Err(format!("--user {user}: no user has this name; add it to [[users]], or correct the name"))
        }
        Some(user) => Ok(Some(user.clone())),
        None if arguments.unauthenticated => Ok(None),
        None => Ok(Some(arguments.from.clone()).filter(|from| config.users.contains(from))),
    }
}

/// Which listener it comes to: the one that is named, else one of its caller's kind.
fn listener(
    arguments: &ExplainArguments,
    config: &Config,
    addresses: &Addresses,
    (trunk, prover): (Option<&Trunk>, Option<&str>),
    offer: Option<&SessionDescription>,
) -> Result<ListenerId, String> {
    let position = |fits: &dyn Fn(&ListenerAddress) -> bool| {
        (0..).map(ListenerId).zip(addresses.iter()).find(|(_, known)| fits(known)).map(|(id, _)| id)
    };
    if let Some(name) = &arguments.listener {
        return position(&|known| *known.name == **name).ok_or_else(|| {
            let known = addresses.iter().map(|listener| &*listener.name);
            let known: Vec<_> = known.chain(config.json.as_ref().map(|_| json::LISTENER)).collect();
            format!("--listener {name}: no listener has this name; {}", there_are(&known))
        });
    }
    if let Some(trunk) = trunk {
        let is_certified = trunk.sip.certificate_name.is_some();
        let kind = if is_certified { TransportKind::Tls } else { trunk.sip.transport };
        let own = position(&|known| known.kind == kind);
        return own.ok_or_else(|| "--trunk: no listener has its transport".to_owned());
    }
    let is_browser = offer.map_or(prover.is_some(), SessionDescription::is_webrtc);
    let of_kind = position(&|known| known.kind.is_websocket() == is_browser);
    of_kind.or_else(|| position(&|_| true)).ok_or_else(|| "nothing listens".to_owned())
}

/// An address from which the trunk may call.
fn source_of(trunk: &Trunk) -> Option<IpAddr> {
    trunk.sip.source_networks.first().and_then(base_of).or_else(|| literal(&trunk.sip.host))
}

/// An address from which a user may come, where it may not from everywhere.
pub(super) fn home_of(user: Option<&str>, config: &Config) -> Option<IpAddr> {
    let customer = customer_of(user?)?;
    let own = config.entry.customers.iter().find(|own| own.issuer.name == customer)?;
    own.networks.first().and_then(base_of)
}

fn base_of(network: &Network) -> Option<IpAddr> {
    network.to_string().split('/').next()?.parse().ok()
}

/// From where users of customers may come.
pub(super) fn networks(config: &Config) -> SourceNetworks {
    let networks = SourceNetworks::default();
    networks.set(wiring::networks_of_customers(config));
    networks
}

fn admission(config: &Config, trunk: Option<&Trunk>, source: IpAddr, now: Instant) -> Admission {
    let trunks = Trunks::new(config.trunks.iter().map(|trunk| trunk.sip.clone()).collect());
    let users = Arc::new(config.users.clone());
    let admission = Admission::new(wiring::digest(config), users, trunks, rand::random(), now);
    let mut admission = admission.within(networks(config));
    // It is taken to be registered at.
    if let Some(trunk) = trunk.filter(|trunk| !trunk.sip.registrations.is_empty()) {
        admission.registered(&trunk.sip.name, std::iter::once(source));
    }
    admission
}

fn judge(
    mut admission: Admission,
    invite: &Request,
    flow: &Flow,
    (trunk, prover): (Option<&Trunk>, Option<String>),
    now: Instant,
) -> Result<(Verdict, Admission), Failure> {
    // A trunk is taken to show the certificate that it has to show, where anybody is asked for one.
    let is_asked = flow.kind == TransportKind::Tls;
    let of_trunk = trunk.and_then(|trunk| trunk.sip.certificate_name.as_deref());
    let proves =
        |known: &TrunkConfig| is_asked && of_trunk.is_some() && known.certificate_name.as_deref() == of_trunk;
    let judged = admission.judge(invite, flow, &proves, now);
    let verdict = match (judged, trunk, prover) {
        (Verdict::Challenge(_), None, Some(user)) => admission.judge_proven(user, invite, flow.remote.ip()),
        (Verdict::Challenge(_), Some(Trunk { sip, .. }), _) => match &sip.peer_user {
            Some(user) => admission.judge_proven(user.clone(), invite, flow.remote.ip()),
            None if of_trunk.is_some() && !is_asked => {
                let name = &sip.name;
                return Err(format!(
                    "--trunk {name}: it shows its certificate over TLS; say another --listener"
                )
                .into());
            }
            None => {
                return Err(format!(
                    "--trunk {}: its calls do not come from {}; name one of its networks with --source, or add networks \
                     to it",
                    sip.name,
                    flow.remote.ip()
                )
                .into());
            }
        },
        (verdict, ..) => verdict,
    };
    if let (Verdict::Accept { origin }, Some(trunk)) = (&verdict, trunk)
        && *origin != Origin::Trunk(trunk.sip.name.clone())
    {
        let (name, ip) = (&trunk.sip.name, flow.remote.ip());
        let other = reasons::party(origin);
        return Err(format!("--trunk {name}: a call from {ip} is of {other}; say another --source").into());
    }
    Ok((verdict, admission))
}

/// RFC 3261 8.1.1.
fn invite(arguments: &ExplainArguments, flow: &Flow) -> Request {
    let at = |user: &str, ip: IpAddr| SipUri::new(user, ip.into(), None);
    let (ours, theirs) = (flow.local.ip(), flow.remote.ip());
    let mut invite = Request::new(Method::Invite, at(&arguments.to, ours));
    let headers = &mut invite.headers;
    let via = format!("SIP/2.0/{} {};branch=z9hG4bKexplained", flow.kind.via_name(), flow.remote);
    headers.push(HeaderName::Via, via);
    headers.push(HeaderName::MaxForwards, HOPS_MAX.to_string());
    let from = NameAddr::new(at(&arguments.from, ours)).with_tag("explained");
    headers.push(HeaderName::From, from.to_string());
    headers.push(HeaderName::To, NameAddr::new(at(&arguments.to, ours)).to_string());
    headers.push(HeaderName::CallId, "explained");
    headers.push(HeaderName::CSeq, "1 INVITE");
    headers.push(HeaderName::Contact, NameAddr::new(at(&arguments.from, theirs)).to_string());
    for header in &arguments.header {
        headers.push(HeaderName::from(header.name.as_str()), header.value.as_str());
    }
    invite
}
