//! What is sent: it makes the call, changes it, and ends it.

use super::{Stage, State};
use crate::scenario::CALL;
use crate::sipp::element::Element;
use crate::sipp::fault::Remark;
use crate::sipp::message::{Address, Message, Start};
use crate::sipp::pause::Elapsed;
use crate::sipp::plan::{Step, StepDeed};
use crate::sipp::sdp::Sdp;
use crate::sipp::words::Words;

const RINGS_MAX: f64 = 120.0;

impl State {
    pub(super) fn send(
        &mut self,
        element: &Element,
        message: &Message,
        words: &Words<'_>,
    ) -> Result<(), Remark> {
        let (method, uri) = match &message.start {
            Start::Response(status) => return self.respond(element, *status, message),
            Start::Request { method, uri } => (method.as_str(), uri.as_str()),
        };
        for name in message.unusual_headers() {
            self.remarks.insert(element.remark(format!("the header {name} is not sent")));
        }
        match (method, self.stage) {
            ("INVITE", Stage::Before | Stage::Calling) => self.call(element, uri, message, words)?,
            ("INVITE", Stage::Up) => self.offer_again(element, message),
            ("INVITE", Stage::Over) => return Err(element.remark("begins a second call in one scenario")),
            ("REGISTER", Stage::Before) => {
                self.manner.registers = true;
                self.log_in(element, message, words)?;
            }
            // Registrations end by themselves.
            ("ACK", _) | ("REGISTER", _) | (_, Stage::Over) => {}
            ("BYE", Stage::Up) => self.end(true),
            ("INFO", Stage::Up) => self.press_by_info(element, message)?,
            ("UPDATE", Stage::Up) => {
                self.remarks.insert(element.remark("an UPDATE is sent as a re-INVITE"));
                self.step(element, StepDeed::Refresh);
            }
            ("REFER", Stage::Up) => {
                let to = message.header("refer-to").and_then(Address::find).and_then(|to| to.user);
                let to = constant(element, "Refer-To", to.unwrap_or_default())?;
                self.step(element, StepDeed::Transfer(to));
                self.end(true);
            }
            ("CANCEL", _) => {
                return Err(
                    element.remark("gives a call up before its answer, which counts as a failure here")
                );
            }
            ("PRACK", _) => {
                return Err(
                    element.remark("acknowledges reliable responses, which agents here do not ask for")
                );
            }
            (method, _) => return Err(element.remark(format!("agents here send no {method}"))),
        }
        Ok(())
    }

    fn respond(&mut self, element: &Element, status: u16, message: &Message) -> Result<(), Remark> {
        match (self.stage, status) {
            (Stage::Ringing, 183) if !message.body.is_empty() => {
                self.remarks.insert(element.remark("180 is sent in place of early media"));
            }
            (Stage::Ringing, 200..=299) => {
                self.describe(element, message)?;
                let rings = self.clock.mean();
                if rings > RINGS_MAX {
                    return Err(
                        element.remark(format!("rings for {rings} s; {RINGS_MAX} s are the most here"))
                    );
                }
                self.manner.rings = rings;
                (self.stage, self.clock) = (Stage::Up, Elapsed::default());
            }
            (Stage::Ringing, 300..) => {
                return Err(element.remark("refuses its calls; phones here answer theirs"));
            }
            (Stage::Up, 300..) => {
                return Err(
                    element.remark("refuses what the other end asks in a call, which phones here do not")
                );
            }
            (Stage::Before, _) => return Err(element.remark("answers what is no call")),
            _ => {}
        }
        Ok(())
    }

    /// Calls, at first or with credentials.
    fn call(
        &mut self,
        element: &Element,
        uri: &str,
        message: &Message,
        words: &Words<'_>,
    ) -> Result<(), Remark> {
        let called =
            Address::find(uri).ok_or_else(|| element.remark(format!("{uri:?} is nobody to call")))?;
        let destination = match called.user {
            Some(user) => user.to_owned(),
            None => format!("sip:{}", called.host),
        };
        self.identity.destination = known(element, "the Request-URI", &destination)?;
        self.manner.domain = called.domain().filter(|_| called.user.is_some()).map(str::to_owned);
        let from = message.header("from").and_then(Address::find).and_then(|from| from.user);
        match from.map(|user| constant(element, "From", user)) {
            Some(Err(remark)) if remark.text.contains("[field") => return Err(remark),
            Some(Err(mut remark)) => {
                remark.text += "; it is named as its population";
                self.remarks.insert(remark);
            }
            Some(Ok(user)) => self.identity.user = Some(user),
            None => {}
        }
        self.log_in(element, message, words)?;
        self.describe(element, message)?;
        self.stage = Stage::Calling;
        Ok(())
    }

    /// Who answers challenges, as SIPp has it where nothing is said.
    fn log_in(&mut self, element: &Element, message: &Message, words: &Words<'_>) -> Result<(), Remark> {
        let Some(mut login) = message.login() else { return Ok(()) };
        let user = login.user.get_or_insert_with(|| words.service.to_owned());
        constant(element, "the user of the credentials", user)?;
        // A password may have any letter, and is not repeated; a keyword stays in it where its field is not known.
        let password = login.password.as_ref();
        if let Some(password) = password.filter(|it| it.starts_with("[field") || it.starts_with("[$")) {
            known(element, "the password", password)?;
        }
        self.identity.login = Some(login);
        Ok(())
    }

    fn describe(&mut self, element: &Element, message: &Message) -> Result<(), Remark> {
        let Some(sdp) = Sdp::parse(&message.body) else {
            let text =
                "leaves the offer to the other end, or the answer to it; ours make and answer them at once";
            self.remarks.insert(element.remark(text));
            return Ok(());
        };
        if sdp.codecs.is_empty() && !sdp.strange.is_empty() {
            let names = sdp.strange.join(", ");
            return Err(element.remark(format!("speaks {names} alone; here are opus, pcmu, pcma, g722, l16")));
        }
        if sdp.has_strange_keys {
            return Err(
                element.remark("has no SRTP profile that is known here; they are cm128, gcm128, gcm256")
            );
        }
        if sdp.is_hold {
            self.remarks.insert(element.remark("begins on hold, which calls here do not"));
        }
        let passed_over = sdp.strange.iter().chain(&sdp.others);
        self.remarks.extend(passed_over.map(|it| element.remark(format!("{it} is not offered"))));
        (self.manner.codecs, self.manner.profile) = (sdp.codecs, sdp.profile);
        Ok(())
    }

    fn offer_again(&mut self, element: &Element, message: &Message) {
        let now = self.clock.mean();
        self.remarks.extend(self.by_chance().map(|text| element.remark(text)));
        match (Sdp::parse(&message.body).is_some_and(|sdp| sdp.is_hold), self.held_since) {
            (true, Some(_)) => {}
            (true, None) => self.held_since = Some(now),
            (false, Some(_)) => self.release(now),
            (false, None) => self.steps.push(Step { after: now, deed: StepDeed::Refresh }),
        }
    }

    fn press_by_info(&mut self, element: &Element, message: &Message) -> Result<(), Remark> {
        let signal = message.body.iter().find_map(|line| line.strip_prefix("Signal="));
        let is_relay = message.header("content-type").is_some_and(|it| it.contains("dtmf-relay"));
        let Some(signal) = signal.filter(|_| is_relay) else {
            return Err(element.remark("agents here send no INFO but for digits"));
        };
        let digit = constant(element, "Signal", signal.trim())?;
        self.remarks.insert(element.remark("digits are sent as RFC 4733 events, and not by INFO"));
        self.step(element, StepDeed::Digits(digit));
        Ok(())
    }

    fn step(&mut self, element: &Element, deed: StepDeed) {
        self.remarks.extend(self.by_chance().map(|text| element.remark(text)));
        self.steps.push(Step { after: self.clock.mean(), deed });
    }
}

/// A text without a keyword that is not known here.
fn known(element: &Element, place: &str, text: &str) -> Result<String, Remark> {
    if text.is_empty() {
        return Err(element.remark(format!("{place} names nobody")));
    }
    let Some((_, keyword)) = text.split_once('[') else { return Ok(text.to_owned()) };
    let keyword = keyword.split(']').next().unwrap_or_default();
    let cure = if keyword.starts_with("field") {
        "give the injection file that has it by --inf"
    } else {
        "write it out, or inject it by a field"
    };
    Err(element.remark(format!("[{keyword}] in {place} is not known before the call; {cure}")))
}

/// The same, where it has to be so in all calls.
fn constant(element: &Element, place: &str, text: &str) -> Result<String, Remark> {
    if text.contains(CALL) {
        return Err(element.remark(format!("[call_number] in {place} is another in each call; write it out")));
    }
    known(element, place, text)
}
