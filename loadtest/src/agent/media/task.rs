//! The task that owns one call's media: socket, clock, transport.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use webtrunk_codecs::CodecId;
use webtrunk_codecs::tone::Digit;

use super::held::Held;
use super::sender::Sender;
use super::{Heard, Leg, Log, MediaSocket, MediaState, PTIME, Received, Sent, Talk, Uplink, Voice};
use crate::agent::AgentError;
use crate::agent::sdp::{Agreement, Direction};

/// What one call's media is made of.
pub(crate) struct MediaConfig {
    pub(crate) leg: Box<dyn Leg>,
    pub(crate) socket: MediaSocket,
    /// The socket for RTCP, where it has one of its own.
    pub(crate) rtcp_socket: Option<MediaSocket>,
    pub(crate) codecs: Vec<CodecId>,
    pub(crate) voice: Option<Voice>,
    pub(crate) uplink: Uplink,
}

/// What the handle asks for.
pub(super) enum Order {
    Offer {
        direction: Direction,
        reply: oneshot::Sender<String>,
    },
    Answer {
        offer: String,
        direction: Direction,
        reply: oneshot::Sender<Result<String, AgentError>>,
    },
    Accept {
        answer: String,
        reply: oneshot::Sender<Result<(), AgentError>>,
    },
    Restart(oneshot::Sender<Result<(), AgentError>>),
    /// And where RTCP is, for who has a socket of its own for it.
    Move(MediaSocket, MediaSocket),
    Fragment(oneshot::Sender<Option<String>>),
    /// The other end's candidates, in a fragment of its description.
    TakeCandidates(String),
    Say(Option<Voice>),
    Talk(Talk),
    BeginTalk,
    ReturnDigits,
    ClaimLoss(Option<u8>),
    SendOver(Uplink),
    Press {
        digits: Vec<Digit>,
        reply: oneshot::Sender<()>,
    },
    Heard(oneshot::Sender<Heard>),
    Sent(oneshot::Sender<Sent>),
    Agreement(oneshot::Sender<Option<Agreement>>),
    /// Stops; what was heard stays. Without a goodbye where the agent vanishes.
    Stop {
        says_goodbye: bool,
    },
}

struct Task {
    leg: Box<dyn Leg>,
    socket: MediaSocket,
    rtcp_socket: Option<MediaSocket>,
    codecs: Vec<CodecId>,
    sender: Sender,
    uplink: Uplink,
    /// What the uplink holds back.
    held: Held,
    log: Log,
    pressed: Vec<oneshot::Sender<()>>,
    /// Each digit that comes is sent back.
    returns_digits: bool,
    /// The voice is being encoded, for the first call that wants it so.
    encoding: Option<JoinHandle<()>>,
    /// The clock has begun.
    is_talking: bool,
    /// When a NAT in front forgets.
    rebinds_at: Option<Instant>,
    state: watch::Sender<MediaState>,
}

/// Octets of the largest datagram.
const DATAGRAM_MAX: usize = 65_535;
/// Datagrams read in a row before the clock is looked at again.
const BURST_MAX: usize = 64;

/// Starts the task, which ends when nobody is left who could ask: where orders go, and what is worth waiting for.
pub(super) fn start(config: MediaConfig) -> (mpsc::UnboundedSender<Order>, watch::Receiver<MediaState>) {
    let (orders, inbox) = mpsc::unbounded_channel();
    let (state, watching) = watch::channel(MediaState::default());
    let MediaConfig { leg, socket, rtcp_socket, codecs, voice, uplink } = config;
    let sender = Sender::new(leg.ssrc(), voice);
    let log = Log::new(Instant::now());
    let task = Task {
        leg,
        socket,
        rtcp_socket,
        codecs,
        sender,
        uplink,
        held: Held::default(),
        log,
        pressed: Vec::new(),
        returns_digits: false,
        encoding: None,
        is_talking: false,
        rebinds_at: None,
        state,
    };
    tokio::spawn(task.run(inbox));
    (orders, watching)
}

impl Task {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut clock = interval(PTIME);
        // Packets that are due go out, late as they may be: a source counts its samples, not its luck.
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut buffer = vec![0; DATAGRAM_MAX];
        let mut rtcp_buffer = vec![0; DATAGRAM_MAX];
        loop {
            self.flush();
            if !self.is_talking && self.leg.is_ready() {
                self.is_talking = true;
                self.await_rebinding();
                // The first packet goes at once.
                clock.reset_immediately();
            }
            let timeout = self.leg.poll_timeout();
            let (held_until, rebinds_at) = (self.held.next_at(), self.rebinds_at);
            tokio::select! {
                arrival = self.socket.receive(&mut buffer) => if let Ok(arrival) = arrival {
                    self.take(&buffer[..arrival.length], arrival.from, arrival.at);
                    for _ in 0..BURST_MAX {
                        let Ok(arrival) = self.socket.try_receive(&mut buffer) else { break };
                        self.take(&buffer[..arrival.length], arrival.from, arrival.at);
                    }
                },
                arrival = receive_rtcp(self.rtcp_socket.as_ref(), &mut rtcp_buffer) => {
                    if let Some(length) = arrival {
                        self.log.push_report(&rtcp_buffer[..length], self.leg.ssrc(), Instant::now());
                    }
                }
                _ = clock.tick() => self.tick(),
                () = sleep_until(held_until.unwrap_or_else(Instant::now).into()), if held_until.is_some() => {
                    self.let_go();
                }
                () = sleep_until(rebinds_at.unwrap_or_else(Instant::now).into()), if rebinds_at.is_some() => {
                    self.rebind();
                }
                () = finished(&mut self.encoding) => self.sender.choose_frames(),
                () = sleep_until(timeout.unwrap_or_else(Instant::now).into()), if timeout.is_some() => {
                    self.leg.handle_timeout(Instant::now());
                }
                order = orders.recv() => match order {
                    Some(Order::Stop { says_goodbye }) => {
                        if says_goodbye {
                            self.leg.close(Instant::now());
                            self.flush();
                        }
                        break;
                    }
                    Some(order) => self.obey(order),
                    None => return,
                }
            }
        }
        self.remember(orders).await;
    }

    /// After the end: without socket and clock, only to be asked.
    async fn remember(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let log = std::mem::take(&mut self.log.heard);
        let sent = self.sender.sent().clone();
        let agreement = self.sender.agreement().cloned();
        // Drops the sockets, so that the ports are free again.
        drop(self);
        while let Some(order) = orders.recv().await {
            match order {
                Order::Heard(reply) => drop(reply.send(log.clone())),
                Order::Sent(reply) => drop(reply.send(sent.clone())),
                Order::Agreement(reply) => drop(reply.send(agreement.clone())),
                // Who asks for more hears that the call is gone.
                _ => {}
            }
        }
    }

    fn obey(&mut self, order: Order) {
        let now = Instant::now();
        match order {
            Order::Offer { direction, reply } => {
                let offer = self.leg.offer(&self.codecs, direction);
                self.log.understand(self.leg.receive_formats());
                let _ = reply.send(offer);
            }
            Order::Answer { offer, direction, reply } => {
                let answer = self.leg.answer(&offer, &self.codecs, direction, now);
                let _ = reply.send(answer.map(|(answer, agreement)| {
                    self.agree(agreement);
                    answer
                }));
            }
            Order::Accept { answer, reply } => {
                let agreement = self.leg.accept(&answer, now);
                let _ = reply.send(agreement.map(|agreement| self.agree(agreement)));
            }
            Order::Restart(reply) => drop(reply.send(self.leg.restart_ice(now))),
            Order::Move(socket, rtcp_socket) => {
                self.leg.move_to(socket.local());
                self.take_sockets(socket, rtcp_socket);
            }
            Order::TakeCandidates(fragment) => self.leg.take_candidates(&fragment, now),
            Order::Fragment(reply) => drop(reply.send(self.leg.fragment())),
            Order::Say(voice) => {
                self.sender.say(voice);
                self.encode();
            }
            Order::Talk(talk) => {
                self.sender.talk(talk);
                self.encode();
            }
            Order::BeginTalk => self.sender.begin_talk(),
            Order::ReturnDigits => self.returns_digits = true,
            Order::ClaimLoss(percent) => self.log.claim_loss(percent, now),
            Order::SendOver(uplink) => {
                self.uplink = uplink;
                self.await_rebinding();
            }
            Order::Press { digits, reply } => {
                self.sender.press(digits);
                self.pressed.push(reply);
            }
            Order::Heard(reply) => drop(reply.send(self.log.heard.clone())),
            Order::Sent(reply) => drop(reply.send(self.sender.sent().clone())),
            Order::Agreement(reply) => drop(reply.send(self.sender.agreement().cloned())),
            Order::Stop { .. } => {}
        }
        self.publish();
    }

    fn take_sockets(&mut self, socket: MediaSocket, rtcp_socket: MediaSocket) {
        self.socket = socket;
        if let Some(own) = &mut self.rtcp_socket {
            *own = rtcp_socket;
        }
    }

    /// A NAT forgets what sends, and not before.
    fn await_rebinding(&mut self) {
        let every = self.uplink.rebinds().filter(|_| self.is_talking);
        self.rebinds_at = every.map(|every| Instant::now() + every);
    }

    /// Is seen at another port from now on, and believes to be where it was.
    fn rebind(&mut self) {
        self.await_rebinding();
        match MediaSocket::bind_pair(self.socket.local().ip()) {
            Ok((socket, rtcp_socket)) => self.take_sockets(socket, rtcp_socket),
            Err(error) => tracing::warn!(%error, "no other ports for media"),
        }
    }

    fn agree(&mut self, agreement: Agreement) {
        self.log.understand(self.leg.receive_formats());
        self.sender.agree(agreement);
        self.encode();
    }

    /// Has the voice encoded elsewhere, where that must be: here it would hold up the call.
    fn encode(&mut self) {
        let missing = self.sender.missing();
        self.encoding = (!missing.is_empty()).then(|| {
            tokio::task::spawn_blocking(move || {
                for (voice, encoding) in missing {
                    if let Err(error) = voice.encode(encoding) {
                        tracing::warn!(%error, "the voice cannot be encoded");
                    }
                }
            })
        });
    }

    fn take(&mut self, datagram: &[u8], from: SocketAddr, at: SystemTime) {
        match self.leg.handle_datagram(datagram, from, Instant::now()) {
            Received::Rtp(packet) => {
                let known = self.log.heard.digits.len();
                self.log.push(&packet, (from, at));
                if self.returns_digits {
                    self.send_back(known);
                }
            }
            Received::Rtcp(compound) => self.log.push_report(&compound, self.leg.ssrc(), Instant::now()),
            Received::Control => {}
            Received::Broken => self.log.heard.broken += 1,
        }
        self.publish();
    }

    /// Sends back the digits that came after so many.
    fn send_back(&mut self, known: usize) {
        for (heard, came) in self.log.heard.digits.iter().enumerate().skip(known) {
            if let Some(digit) = Digit::parse(came.digit) {
                self.sender.send_back(digit, heard);
            }
        }
    }

    fn tick(&mut self) {
        if !self.is_talking {
            return;
        }
        let Self { leg, socket, uplink, held, sender, .. } = self;
        sender.step(|packet| {
            // What has nowhere to go yet is not dropped on purpose.
            let Some((to, datagram)) = leg.protect_rtp(packet) else { return true };
            let leaves = uplink.carries();
            match uplink.departures(Instant::now()) {
                _ if !leaves => {}
                None => socket.send(to, &datagram),
                Some((due, again)) => {
                    if let Some(again) = again {
                        held.push(again, to, datagram.clone());
                    }
                    held.push(due, to, datagram);
                }
            }
            leaves
        });
        if let Some(report) = self.log.poll_report(&self.sender.sending(), Instant::now())
            && let Some((to, datagram)) = self.leg.protect_rtcp(&report)
        {
            self.rtcp_socket.as_ref().unwrap_or(&self.socket).send(to, &datagram);
        }
        if !self.pressed.is_empty() && !self.sender.is_pressing() {
            for reply in self.pressed.drain(..) {
                let _ = reply.send(());
            }
        }
    }

    /// Sends what was held back and is due.
    fn let_go(&mut self) {
        while let Some((to, datagram)) = self.held.pop(Instant::now()) {
            self.socket.send(to, &datagram);
        }
    }

    fn flush(&mut self) {
        while let Some((to, datagram)) = self.leg.poll_transmit() {
            self.socket.send(to, &datagram);
        }
        self.publish();
    }

    fn publish(&self) {
        let state = MediaState {
            is_ready: self.leg.is_ready(),
            heard: self.log.heard.packets.len(),
            digits: self.log.heard.digits.len(),
            is_pressing: self.sender.is_pressing(),
            is_closed_by_peer: self.leg.is_closed_by_peer(),
            failure: self.leg.failure(),
            profile: self.leg.srtp_profile(),
        };
        self.state.send_if_modified(|known| std::mem::replace(known, state) != state);
    }
}

async fn finished(encoding: &mut Option<JoinHandle<()>>) {
    match encoding {
        Some(running) => {
            // One that died says nothing, as one that failed.
            let _ = running.await;
            *encoding = None;
        }
        None => std::future::pending().await,
    }
}

async fn receive_rtcp(socket: Option<&MediaSocket>, buffer: &mut [u8]) -> Option<usize> {
    match socket {
        Some(socket) => socket.receive(buffer).await.ok().map(|arrival| arrival.length),
        None => std::future::pending().await,
    }
}
