//! The whole stage x input table of a call: what each input makes the core send and tell. What is sent
//! several times stands once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use webtrunk_engine::{EndCause, LegId};

use super::description;
use super::peer::Peer;
use crate::adapter::{Command, Event, Origin};
use crate::sip::agent::Reach;
use crate::sip::message::{HeaderName, Message, Request};

#[test]
fn every_input_in_every_stage() {
    let mut table = String::new();
    for (stage_name, stage) in STAGES {
        writeln!(table, "{stage_name}").expect("a String");
        for (input_name, input) in INPUTS {
            let mut bench = stage();
            bench.peer.lines();
            let told = bench.peer.told.len();
            input(&mut bench);
            let mut effects = bench.peer.lines();
            effects.extend(bench.peer.told[told..].iter().map(name));
            let mut seen = BTreeSet::new();
            effects.retain(|effect| seen.insert(effect.clone()));
            let effects = if effects.is_empty() { "-".to_owned() } else { effects.join(", ") };
            writeln!(table, "  {input_name:21} {effects}").expect("a String");
        }
    }
    insta::assert_snapshot!(table, @r"
        Outgoing, ringing
          INVITE with offer     100 INVITE, 491 INVITE
          INVITE                100 INVITE, 491 INVITE
          UPDATE with offer     491 UPDATE
          UPDATE                200 UPDATE
          ACK                   -
          ACK with answer       -
          OPTIONS               200 OPTIONS
          INFO with digit       480 INFO
          BYE                   200 BYE, CANCEL, Ended Declined
          Ring                  -
          Answer                -
          Reoffer               ReofferRefused Glare
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             -
          Hangup                CANCEL, Ended Declined
          140 s                 CANCEL, Ended NoAnswer
        Incoming, ringing
          INVITE with offer     100 INVITE, 500 INVITE
          INVITE                100 INVITE, 500 INVITE
          UPDATE with offer     500 UPDATE
          UPDATE                200 UPDATE
          ACK                   -
          ACK with answer       -
          OPTIONS               200 OPTIONS
          INFO with digit       480 INFO
          BYE                   200 BYE, 487 INVITE, Ended Cancelled
          Ring                  180 INVITE
          Answer                200 INVITE
          Reoffer               ReofferRefused Glare
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             -
          Hangup                603 INVITE, Ended Declined
          140 s                 180 INVITE
        Session, idle
          INVITE with offer     100 INVITE, Reoffered with offer
          INVITE                100 INVITE, Reoffered
          UPDATE with offer     Reoffered with offer
          UPDATE                200 UPDATE
          ACK                   -
          ACK with answer       -
          OPTIONS               200 OPTIONS
          INFO with digit       200 INFO, DigitPressed
          BYE                   200 BYE, Ended Hangup
          Ring                  -
          Answer                -
          Reoffer               INVITE
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             INFO
          Hangup                BYE, Ended Declined
          140 s                 -
        Session, owes ACK
          INVITE with offer     100 INVITE, 491 INVITE
          INVITE                100 INVITE, 491 INVITE
          UPDATE with offer     491 UPDATE
          UPDATE                200 UPDATE
          ACK                   -
          ACK with answer       -
          OPTIONS               200 OPTIONS
          INFO with digit       200 INFO, DigitPressed
          BYE                   200 BYE, Ended Hangup
          Ring                  -
          Answer                ACK
          Reoffer               ReofferRefused Glare
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             INFO
          Hangup                ACK, BYE, Ended Declined
          140 s                 ACK, BYE, Ended InternalError
        Session, awaiting ACK
          INVITE with offer     100 INVITE, Acknowledged, Reoffered with offer
          INVITE                100 INVITE, Acknowledged, Reoffered
          UPDATE with offer     Acknowledged, Reoffered with offer
          UPDATE                200 UPDATE
          ACK                   Acknowledged
          ACK with answer       Acknowledged
          OPTIONS               200 OPTIONS
          INFO with digit       200 INFO, DigitPressed
          BYE                   200 BYE, Ended Hangup
          Ring                  -
          Answer                -
          Reoffer               ReofferRefused Glare
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             INFO
          Hangup                Ended Declined
          140 s                 200 INVITE, BYE, Ended SignallingLost
        Session, awaiting ACK with answer
          INVITE with offer     100 INVITE, 491 INVITE
          INVITE                100 INVITE, 491 INVITE
          UPDATE with offer     491 UPDATE
          UPDATE                200 UPDATE
          ACK                   BYE, Ended NotAcceptable
          ACK with answer       Acknowledged with answer
          OPTIONS               200 OPTIONS
          INFO with digit       200 INFO, DigitPressed
          BYE                   200 BYE, Ended Hangup
          Ring                  -
          Answer                -
          Reoffer               ReofferRefused Glare
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             INFO
          Hangup                Ended Declined
          140 s                 200 INVITE, BYE, Ended SignallingLost
        Session, offer sent
          INVITE with offer     100 INVITE, 491 INVITE
          INVITE                100 INVITE, 491 INVITE
          UPDATE with offer     491 UPDATE
          UPDATE                200 UPDATE
          ACK                   -
          ACK with answer       -
          OPTIONS               200 OPTIONS
          INFO with digit       200 INFO, DigitPressed
          BYE                   200 BYE, Ended Hangup
          Ring                  -
          Answer                -
          Reoffer               ReofferRefused Glare
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             INFO
          Hangup                BYE, Ended Declined
          140 s                 INVITE, BYE, Ended SignallingLost
        Session, offer received
          INVITE with offer     100 INVITE, 500 INVITE
          INVITE                100 INVITE, 500 INVITE
          UPDATE with offer     500 UPDATE
          UPDATE                200 UPDATE
          ACK                   -
          ACK with answer       -
          OPTIONS               200 OPTIONS
          INFO with digit       200 INFO, DigitPressed
          BYE                   487 INVITE, 200 BYE, Ended Hangup
          Ring                  -
          Answer                -
          Reoffer               ReofferRefused Glare
          AnswerReoffer         200 INVITE
          RefuseReoffer         488 INVITE
          SendDigit             INFO
          Hangup                487 INVITE, BYE, Ended Declined
          140 s                 487 INVITE, BYE, Ended InternalError
        Leaving, awaiting ACK
          INVITE with offer     100 INVITE, 481 INVITE
          INVITE                100 INVITE, 481 INVITE
          UPDATE with offer     481 UPDATE
          UPDATE                481 UPDATE
          ACK                   BYE
          ACK with answer       BYE
          OPTIONS               481 OPTIONS
          INFO with digit       481 INFO
          BYE                   200 BYE
          Ring                  -
          Answer                -
          Reoffer               -
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             -
          Hangup                -
          140 s                 200 INVITE, BYE
        Leaving, BYE sent
          INVITE with offer     100 INVITE, 481 INVITE
          INVITE                100 INVITE, 481 INVITE
          UPDATE with offer     481 UPDATE
          UPDATE                481 UPDATE
          ACK                   -
          ACK with answer       -
          OPTIONS               481 OPTIONS
          INFO with digit       481 INFO
          BYE                   200 BYE
          Ring                  -
          Answer                -
          Reoffer               -
          AnswerReoffer         -
          RefuseReoffer         -
          SendDigit             -
          Hangup                -
          140 s                 BYE
        ");
}

struct Bench {
    peer: Peer,
    leg: LegId,
    /// How the peer's requests name the dialog.
    from: String,
    to: String,
    call_id: String,
    /// The CSeq of the peer's last INVITE.
    invited: u32,
}

type Stage = fn() -> Bench;
type Input = fn(&mut Bench);

const STAGES: &[(&str, Stage)] = &[
    ("Outgoing, ringing", outgoing),
    ("Incoming, ringing", incoming),
    ("Session, idle", session),
    ("Session, owes ACK", owes_ack),
    ("Session, awaiting ACK", || answered(1)),
    ("Session, awaiting ACK with answer", || answered(0)),
    ("Session, offer sent", || {
        let mut bench = session();
        bench.command(Command::Reoffer { leg: bench.leg, offer: description(3) });
        bench
    }),
    ("Session, offer received", || {
        let mut bench = session();
        bench.send("INVITE", 3);
        bench
    }),
    ("Leaving, awaiting ACK", || {
        let mut bench = answered(1);
        bench.command(Command::Hangup { leg: bench.leg, cause: EndCause::Hangup });
        bench
    }),
    ("Leaving, BYE sent", || {
        let mut bench = session();
        bench.command(Command::Hangup { leg: bench.leg, cause: EndCause::Hangup });
        bench
    }),
];

const INPUTS: &[(&str, Input)] = &[
    ("INVITE with offer", |bench| bench.send("INVITE", 5)),
    ("INVITE", |bench| bench.send("INVITE", 0)),
    ("UPDATE with offer", |bench| bench.send("UPDATE", 5)),
    ("UPDATE", |bench| bench.send("UPDATE", 0)),
    ("ACK", |bench| bench.send_ack(0)),
    ("ACK with answer", |bench| bench.send_ack(6)),
    ("OPTIONS", |bench| bench.send("OPTIONS", 0)),
    ("INFO with digit", Bench::send_digit),
    ("BYE", |bench| bench.send("BYE", 0)),
    ("Ring", |bench| bench.command(Command::Ring { leg: bench.leg, description: None })),
    ("Answer", |bench| bench.command(Command::Answer { leg: bench.leg, description: description(7) })),
    ("Reoffer", |bench| bench.command(Command::Reoffer { leg: bench.leg, offer: description(7) })),
    ("AnswerReoffer", |bench| {
        bench.command(Command::AnswerReoffer { leg: bench.leg, description: description(7) });
    }),
    ("RefuseReoffer", |bench| {
        bench.command(Command::RefuseReoffer { leg: bench.leg, cause: EndCause::NotAcceptable });
    }),
    ("SendDigit", |bench| {
        let duration = Duration::from_millis(100);
        bench.command(Command::SendDigit { leg: bench.leg, digit: '5', duration });
    }),
    ("Hangup", |bench| bench.command(Command::Hangup { leg: bench.leg, cause: EndCause::Declined })),
    ("140 s", |bench| bench.peer.run_for(Duration::from_secs(140))),
];

fn outgoing() -> Bench {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(Origin::User("bob".to_owned()));
    peer.respond(&invite, 180, "one");
    Bench::of_ours(peer, leg, &invite)
}

fn session() -> Bench {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(Origin::User("bob".to_owned()));
    peer.respond(&invite, 200, "one");
    Bench::of_ours(peer, leg, &invite)
}

fn owes_ack() -> Bench {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called_with(Origin::User("bob".to_owned()), Reach::Flow, None);
    peer.respond(&invite, 200, "one");
    Bench::of_ours(peer, leg, &invite)
}

fn incoming() -> Bench {
    let mut bench = invited(1);
    bench.command(Command::Ring { leg: bench.leg, description: None });
    let Some(Message::Response(ringing)) = bench.peer.sent_messages().pop() else { panic!("180") };
    bench.to = ringing.headers.get(&HeaderName::To).expect("is whole").to_owned();
    bench
}

/// A call that came in with the offer of this number, 0 for none, and was answered.
fn answered(offer: u64) -> Bench {
    let mut bench = invited(offer);
    bench.command(Command::Answer { leg: bench.leg, description: description(2) });
    let Some(Message::Response(ok)) = bench.peer.sent_messages().pop() else { panic!("200") };
    bench.to = ok.headers.get(&HeaderName::To).expect("is whole").to_owned();
    bench
}

fn invited(offer: u64) -> Bench {
    let mut peer = Peer::new();
    let invite = with_body(peer.request("INVITE"), offer);
    let get = |name| invite.headers.get(&name).expect("is whole").to_owned();
    let (from, to, call_id) = (get(HeaderName::From), get(HeaderName::To), get(HeaderName::CallId));
    let invited = invite.headers.cseq().expect("is whole").number;
    peer.receive(invite);
    let Some(Event::Incoming(incoming)) = peer.told.last() else { panic!("a call came in") };
    Bench { leg: incoming.leg, peer, from, to, call_id, invited }
}

impl Bench {
    fn of_ours(peer: Peer, leg: LegId, invite: &Request) -> Self {
        let get = |name| invite.headers.get(&name).expect("is whole").to_owned();
        let from = format!("{};tag=one", get(HeaderName::To));
        Self { peer, leg, from, to: get(HeaderName::From), call_id: get(HeaderName::CallId), invited: 0 }
    }

    fn command(&mut self, command: Command) {
        self.peer.command(command);
    }

    /// Sends a request in the dialog, with the description of this number, 0 for none.
    fn send(&mut self, method: &str, number: u64) {
        let request = with_body(self.request(method), number);
        self.peer.receive(request);
    }

    /// Sends the ACK of the peer's INVITE.
    fn send_ack(&mut self, number: u64) {
        let mut ack = with_body(self.request("ACK"), number);
        ack.headers.set(HeaderName::CSeq, format!("{} ACK", self.invited));
        self.peer.receive(ack);
    }

    fn send_digit(&mut self) {
        let mut info = self.request("INFO");
        info.headers.set(HeaderName::ContentType, "application/dtmf-relay");
        info.body = "Signal=5\r\nDuration=100\r\n".into();
        self.peer.receive(info);
    }

    fn request(&mut self, method: &str) -> Request {
        let mut request = self.peer.request(method);
        request.headers.set(HeaderName::From, self.from.as_str());
        request.headers.set(HeaderName::To, self.to.as_str());
        request.headers.set(HeaderName::CallId, self.call_id.as_str());
        request
    }
}

fn with_body(mut request: Request, number: u64) -> Request {
    if number > 0 {
        request.headers.set(HeaderName::ContentType, "application/sdp");
        request.body = description(number).to_string().into();
    }
    request
}

fn name(event: &Event) -> String {
    match event {
        Event::Incoming(_) => "Incoming".to_owned(),
        Event::Progress { .. } => "Progress".to_owned(),
        Event::Answered { .. } => "Answered".to_owned(),
        Event::Acknowledged { description, .. } => with("Acknowledged", description.is_some(), "answer"),
        Event::Reoffered { offer, .. } => with("Reoffered", offer.is_some(), "offer"),
        Event::ReofferAnswered { .. } => "ReofferAnswered".to_owned(),
        Event::ReofferRefused { cause, .. } => format!("ReofferRefused {cause:?}"),
        Event::DigitPressed { .. } => "DigitPressed".to_owned(),
        Event::CandidatesTold { .. } => "CandidatesTold".to_owned(),
        Event::RecordAsked { .. } => "RecordAsked".to_owned(),
        Event::RecordingBound { .. } => "RecordingBound".to_owned(),
        Event::TransferAsked { .. } => "TransferAsked".to_owned(),
        Event::MergeAsked { .. } => "MergeAsked".to_owned(),
        Event::Supervising(_) => "Supervising".to_owned(),
        Event::ModeAsked { .. } => "ModeAsked".to_owned(),
        Event::AwayTold { .. } => "AwayTold".to_owned(),
        Event::MuteAsked { .. } => "MuteAsked".to_owned(),
        Event::FiguresAsked { .. } => "FiguresAsked".to_owned(),
        Event::Redirected { .. } => "Redirected".to_owned(),
        Event::ContentTold { .. } => "ContentTold".to_owned(),
        Event::ContentAnswered { .. } => "ContentAnswered".to_owned(),
        Event::Refused(_) => "Refused".to_owned(),
        Event::Texted(_) => "Texted".to_owned(),
        Event::TextSent { .. } => "TextSent".to_owned(),
        Event::EndTold { codes, .. } => format!("EndTold {:?} {:?}", codes.sip_status, codes.q850),
        Event::Ended { cause, .. } => format!("Ended {cause:?}"),
    }
}

fn with(event: &str, has_it: bool, what: &str) -> String {
    if has_it { format!("{event} with {what}") } else { event.to_owned() }
}
