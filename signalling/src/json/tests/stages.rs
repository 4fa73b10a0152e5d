//! The whole state x input table: what each request, command and loss makes the core answer, tell the page and tell the
//! gateway.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use webtrunk_engine::sdp::CandidateFragment;
use webtrunk_engine::{EndCause, LegId};

use super::page::{Bench, FRAGMENT, SDP, description};
use crate::adapter::{Command, Event, News, TransferProgress};

/// A page in some state, with a call where that has one.
struct Stage {
    bench: Bench,
    flow: u64,
    call_id: String,
    leg: LegId,
    resume_token: Value,
}

#[test]
fn every_input_in_every_state() {
    let mut table = String::new();
    for (name, stage) in STAGES {
        writeln!(table, "{name}").expect("a String");
        for (input_name, input) in INPUTS {
            let mut stage = stage();
            stage.bench.sent.clear();
            stage.bench.events.clear();
            input(&mut stage);
            let effects = stage.effects();
            writeln!(
                table,
                "  {input_name:19} {}",
                if effects.is_empty() { "-".to_owned() } else { effects.join(", ") }
            )
            .expect("a String");
        }
    }
    insta::assert_snapshot!(table, @r"
        stranger
          connect             result, registration
          resume elsewhere    <error 1009>
          call                error 1001
          answer              error 1001
          reject              error 1001
          hangup              error 1001
          hold                error 1001
          rejoin              error 1001
          candidate           error 1001
          mute                error 1001
          sendDtmf            error 1001
          transfer            error 1001
          merge               error 1001
          supervise           error 1001
          setMode             error 1001
          watch               error 1001
          report              error 1001
          record              error 1001
          statistics          error 1001
          ping                error 1001
          disconnect          error 1001
          no JSON             error -32700
          Ring                -
          Ring with media     -
          Answer              -
          Reoffer             -
          AnswerReoffer       -
          RefuseReoffer       -
          SendDigit           -
          TransferProgress    -
          Tell held           -
          Tell candidates     -
          Hangup              -
          connection lost     -
          60 s                -
        connected, no call
          connect             error 1005
          resume elsewhere    replacedSession, <result>, <registration>, closed Replaced
          call                result, trying, Incoming
          answer              error 1004
          reject              error 1004
          hangup              error 1004
          hold                error 1004
          rejoin              error 1004
          candidate           error 1004
          mute                error 1004
          sendDtmf            error 1004
          transfer            error 1004
          merge               error -32602
          supervise           result, trying, Supervising
          setMode             error 1004
          watch               error 1003
          report              result
          record              error 1004
          statistics          error 1004
          ping                result
          disconnect          result, closed Done
          no JSON             error -32700
          Ring                -
          Ring with media     -
          Answer              -
          Reoffer             -
          AnswerReoffer       -
          RefuseReoffer       -
          SendDigit           -
          TransferProgress    -
          Tell held           -
          Tell candidates     -
          Hangup              -
          connection lost     -
          60 s                -
        calling
          connect             error 1005
          resume elsewhere    replacedSession, <result>, <registration>, <trying>, closed Replaced
          call                result, trying, Incoming
          answer              error 1005
          reject              error 1005
          hangup              ended, result, Ended Cancelled
          hold                error 1005
          rejoin              error 1005
          candidate           result
          mute                error 1005
          sendDtmf            error 1005
          transfer            error 1005
          merge               error 1004
          supervise           result, trying, Supervising
          setMode             error 1005
          watch               error 1003
          report              result
          record              error 1005
          statistics          error 1005
          ping                result
          disconnect          result, ended, closed Done, Ended Hangup
          no JSON             error -32700
          Ring                ringing
          Ring with media     earlyMedia
          Answer              connected
          Reoffer             restartNeeded, ReofferRefused NotAcceptable
          AnswerReoffer       -
          RefuseReoffer       -
          SendDigit           dtmf
          TransferProgress    transferProgress
          Tell held           held
          Tell candidates     candidates
          Hangup              ended, Ended Declined
          connection lost     -
          60 s                -
        calling, early media
          connect             error 1005
          resume elsewhere    replacedSession, <result>, <registration>, <trying>, <earlyMedia>, closed Replaced
          call                result, trying, Incoming
          answer              error 1005
          reject              error 1005
          hangup              ended, result, Ended Cancelled
          hold                error 1005
          rejoin              error 1005
          candidate           result
          mute                error 1005
          sendDtmf            error 1005
          transfer            error 1005
          merge               error 1004
          supervise           result, trying, Supervising
          setMode             error 1005
          watch               error 1003
          report              result
          record              error 1005
          statistics          error 1005
          ping                result
          disconnect          result, ended, closed Done, Ended Hangup
          no JSON             error -32700
          Ring                ringing
          Ring with media     earlyMedia
          Answer              connected
          Reoffer             restartNeeded, ReofferRefused NotAcceptable
          AnswerReoffer       -
          RefuseReoffer       -
          SendDigit           dtmf
          TransferProgress    transferProgress
          Tell held           held
          Tell candidates     candidates
          Hangup              ended, Ended Declined
          connection lost     -
          60 s                -
        incoming
          connect             error 1005
          resume elsewhere    replacedSession, <result>, <registration>, <incoming>, closed Replaced
          call                result, trying, Incoming
          answer              result, connected, Answered
          reject              ended, result, Ended Declined
          hangup              ended, result, Ended Declined
          hold                error 1005
          rejoin              error 1005
          candidate           result
          mute                error 1005
          sendDtmf            error 1005
          transfer            error 1005
          merge               error 1004
          supervise           result, trying, Supervising
          setMode             error 1005
          watch               error 1003
          report              result
          record              error 1005
          statistics          error 1005
          ping                result
          disconnect          result, ended, closed Done, Ended Hangup
          no JSON             error -32700
          Ring                -
          Ring with media     -
          Answer              -
          Reoffer             restartNeeded, ReofferRefused NotAcceptable
          AnswerReoffer       -
          RefuseReoffer       -
          SendDigit           dtmf
          TransferProgress    transferProgress
          Tell held           held
          Tell candidates     candidates
          Hangup              ended, Ended Declined
          connection lost     -
          60 s                -
        call is up
          connect             error 1005
          resume elsewhere    replacedSession, <result>, <registration>, <trying>, <connected>, closed Replaced, AwayTold
          call                result, trying, Incoming
          answer              error 1005
          reject              error 1005
          hangup              ended, result, Ended Hangup
          hold                Reoffered
          rejoin              Incoming replaces
          candidate           CandidatesTold
          mute                result, MuteAsked
          sendDtmf            result, DigitPressed
          transfer            result, TransferAsked
          merge               error 1004
          supervise           result, trying, Supervising
          setMode             result, ModeAsked
          watch               error 1003
          report              result
          record              RecordAsked
          statistics          FiguresAsked
          ping                result
          disconnect          result, ended, closed Done, Ended Hangup
          no JSON             error -32700
          Ring                -
          Ring with media     -
          Answer              -
          Reoffer             restartNeeded, ReofferRefused NotAcceptable
          AnswerReoffer       -
          RefuseReoffer       -
          SendDigit           dtmf
          TransferProgress    transferProgress
          Tell held           held
          Tell candidates     candidates
          Hangup              ended, Ended Declined
          connection lost     AwayTold
          60 s                FiguresAsked
        call is up, changing
          connect             error 1005
          resume elsewhere    replacedSession, <result>, <registration>, <trying>, <connected>, closed Replaced, AwayTold
          call                result, trying, Incoming
          answer              error 1005
          reject              error 1005
          hangup              error 1004, ended, result, Ended Hangup
          hold                error 1006
          rejoin              error 1006
          candidate           CandidatesTold
          mute                result, MuteAsked
          sendDtmf            result, DigitPressed
          transfer            result, TransferAsked
          merge               error 1004
          supervise           result, trying, Supervising
          setMode             result, ModeAsked
          watch               error 1003
          report              result
          record              RecordAsked
          statistics          FiguresAsked
          ping                result
          disconnect          result, error 1004, ended, closed Done, Ended Hangup
          no JSON             error -32700
          Ring                -
          Ring with media     -
          Answer              -
          Reoffer             restartNeeded, ReofferRefused NotAcceptable
          AnswerReoffer       result
          RefuseReoffer       error 1008
          SendDigit           dtmf
          TransferProgress    transferProgress
          Tell held           held
          Tell candidates     candidates
          Hangup              error 1004, ended, Ended Declined
          connection lost     AwayTold
          60 s                FiguresAsked
        waiting, call is up
          connect             -
          resume elsewhere    <result>, <registration>, <trying>, <connected>, AwayTold
          call                -
          answer              -
          reject              -
          hangup              -
          hold                -
          rejoin              -
          candidate           -
          mute                -
          sendDtmf            -
          transfer            -
          merge               -
          supervise           -
          setMode             -
          watch               -
          report              -
          record              -
          statistics          -
          ping                -
          disconnect          -
          no JSON             -
          Ring                -
          Ring with media     -
          Answer              -
          Reoffer             ReofferRefused SignallingLost
          AnswerReoffer       -
          RefuseReoffer       -
          SendDigit           -
          TransferProgress    -
          Tell held           -
          Tell candidates     -
          Hangup              Ended Declined
          connection lost     -
          60 s                Ended SignallingLost
    ");
}

type MakeStage = fn() -> Stage;
type Give = fn(&mut Stage);

const STAGES: [(&str, MakeStage); 8] = [
    ("stranger", || {
        let mut bench = Bench::new();
        let flow = bench.open();
        Stage { bench, flow, call_id: "none".to_owned(), leg: LegId::next(), resume_token: json!("none") }
    }),
    ("connected, no call", Stage::connected),
    ("calling", Stage::calling),
    ("calling, early media", || {
        let mut stage = Stage::calling();
        stage.bench.command(Command::Ring { leg: stage.leg, description: Some(description()) });
        stage
    }),
    ("incoming", || {
        let mut stage = Stage::connected();
        let binding = stage.bench.located["alice"][0];
        stage.leg = stage.bench.dial("alice", binding);
        let incoming = stage.bench.event(stage.flow, "incoming");
        stage.call_id = incoming["callId"].as_str().expect("a name").to_owned();
        stage
    }),
    ("call is up", Stage::talking),
    ("call is up, changing", || {
        let mut stage = Stage::talking();
        stage.ask("hold", json!({ "sdp": SDP }));
        stage
    }),
    ("waiting, call is up", || {
        let mut stage = Stage::talking();
        stage.bench.lose(stage.flow);
        stage
    }),
];

const INPUTS: [(&str, Give); 35] = [
    ("connect", |it| {
        let proof = json!({ "kind": "password", "user": "bob", "password": "password-of-bob" });
        it.bench.ask(it.flow, "connect", json!({ "proof": proof }));
    }),
    ("resume elsewhere", |it| {
        let flow = it.bench.open();
        let (token, last_seen) = (it.resume_token.clone(), 99);
        it.bench.ask(flow, "resume", json!({ "token": token, "lastSeen": last_seen }));
    }),
    ("call", |it| it.ask_plain("call", json!({ "to": "101", "sdp": SDP }))),
    ("answer", |it| it.ask("answer", json!({ "sdp": SDP }))),
    ("reject", |it| it.ask("reject", json!({}))),
    ("hangup", |it| it.ask("hangup", json!({}))),
    ("hold", |it| it.ask("hold", json!({ "sdp": SDP }))),
    ("rejoin", |it| it.ask("rejoin", json!({ "sdp": SDP }))),
    ("candidate", |it| it.ask("candidate", json!({ "fragment": FRAGMENT }))),
    ("mute", |it| it.ask("mute", json!({ "muted": true }))),
    ("sendDtmf", |it| it.ask("sendDtmf", json!({ "digits": "1" }))),
    ("transfer", |it| it.ask("transfer", json!({ "to": "101" }))),
    ("merge", |it| it.ask("merge", json!({ "withCall": "none" }))),
    ("supervise", |it| {
        it.ask_plain("supervise", json!({ "user": "bob", "mode": "listen", "sdp": SDP }));
    }),
    ("setMode", |it| it.ask("setMode", json!({ "mode": "barge" }))),
    ("watch", |it| it.ask_plain("watch", json!({ "users": ["carol"] }))),
    ("report", |it| it.ask_plain("report", json!({}))),
    ("record", |it| it.ask("record", json!({ "wish": "on" }))),
    ("statistics", |it| it.ask("statistics", json!({}))),
    ("ping", |it| it.ask_plain("ping", json!({}))),
    ("disconnect", |it| it.ask_plain("disconnect", json!({}))),
    ("no JSON", |it| it.bench.say(it.flow, "{")),
    ("Ring", |it| it.bench.command(Command::Ring { leg: it.leg, description: None })),
    ("Ring with media", |it| {
        it.bench.command(Command::Ring { leg: it.leg, description: Some(description()) });
    }),
    ("Answer", |it| it.bench.command(Command::Answer { leg: it.leg, description: description() })),
    ("Reoffer", |it| it.bench.command(Command::Reoffer { leg: it.leg, offer: description() })),
    ("AnswerReoffer", |it| {
        it.bench.command(Command::AnswerReoffer { leg: it.leg, description: description() });
    }),
    ("RefuseReoffer", |it| {
        it.bench.command(Command::RefuseReoffer { leg: it.leg, cause: EndCause::NotAcceptable });
    }),
    ("SendDigit", |it| {
        it.bench.command(Command::SendDigit {
            leg: it.leg,
            digit: '5',
            duration: Duration::from_millis(100),
        });
    }),
    ("TransferProgress", |it| {
        it.bench.command(Command::TransferProgress { leg: it.leg, progress: TransferProgress::Began });
    }),
    ("Tell held", |it| it.bench.command(Command::Tell { leg: it.leg, news: News::Held(true) })),
    ("Tell candidates", |it| {
        let fragment = CandidateFragment::parse(FRAGMENT.as_bytes()).expect("sound");
        it.bench.command(Command::Tell { leg: it.leg, news: News::Candidates(Box::new(fragment)) });
    }),
    ("Hangup", |it| it.bench.command(Command::Hangup { leg: it.leg, cause: EndCause::Declined })),
    ("connection lost", |it| it.bench.lose(it.flow)),
    ("60 s", |it| it.bench.wait(60)),
];

impl Stage {
    fn connected() -> Self {
        let mut bench = Bench::new();
        let (flow, session) = bench.page("alice");
        let resume_token = session["resumeToken"].clone();
        Self { bench, flow, call_id: "none".to_owned(), leg: LegId::next(), resume_token }
    }

    fn calling() -> Self {
        let mut stage = Self::connected();
        (stage.call_id, stage.leg) = stage.bench.call(stage.flow, "100");
        stage
    }

    fn talking() -> Self {
        let mut stage = Self::calling();
        stage.bench.command(Command::Answer { leg: stage.leg, description: description() });
        stage
    }

    /// Asks for something of the call.
    fn ask(&mut self, method: &str, mut params: Value) {
        params["callId"] = self.call_id.clone().into();
        self.bench.ask(self.flow, method, params);
    }

    fn ask_plain(&mut self, method: &str, params: Value) {
        self.bench.ask(self.flow, method, params);
    }

    /// What was sent, in `<>` what went to another connection, then what the gateway was told.
    fn effects(&self) -> Vec<String> {
        let mut effects = Vec::new();
        for (flow, messages) in &self.bench.sent {
            for message in messages {
                let error = &message["error"]["code"];
                let told = match message["method"].as_str() {
                    Some(name) => name.to_owned(),
                    None if error.is_null() => "result".to_owned(),
                    None => format!("error {error}"),
                };
                effects.push(if *flow == self.flow { told } else { format!("<{told}>") });
            }
        }
        effects.extend(self.bench.closed.values().map(|why| format!("closed {why}")));
        effects.extend(self.bench.events.iter().map(name));
        effects
    }
}

fn name(event: &Event) -> String {
    match event {
        Event::Ended { cause, .. } => format!("Ended {cause:?}"),
        Event::ReofferRefused { cause, .. } => format!("ReofferRefused {cause:?}"),
        Event::Incoming(call) if call.replaces.is_some() => "Incoming replaces".to_owned(),
        other => format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
    }
}
