//! What is waited for: it says whether the call is to be answered, and who ends it.

use super::{Stage, State};
use crate::sipp::element::{Awaited, Element};
use crate::sipp::fault::Remark;
use crate::sipp::pause::Elapsed;

impl State {
    pub(super) fn receive(&mut self, element: &Element, awaited: &Awaited) -> Result<(), Remark> {
        match (self.stage, awaited) {
            (Stage::Before, Awaited::Request(method)) if method == "INVITE" => {
                self.manner.is_answerer = true;
                (self.stage, self.clock) = (Stage::Ringing, Elapsed::default());
            }
            (Stage::Before, Awaited::Request(method)) => {
                return Err(element.remark(format!("waits for {method} out of a call, as a server does")));
            }
            // Agents prove who they are by themselves.
            (Stage::Before | Stage::Calling | Stage::Up, Awaited::Response(401 | 407)) => {}
            (Stage::Before, Awaited::Response(300..)) => {
                return Err(
                    element.remark("wants its registration to be refused, which counts as a failure here")
                );
            }
            (Stage::Calling, Awaited::Response(200..=299)) => {
                (self.stage, self.clock) = (Stage::Up, Elapsed::default());
            }
            (Stage::Calling, Awaited::Response(300..)) => {
                return Err(element.remark("wants its call to be refused, which counts as a failure here"));
            }
            (Stage::Up, Awaited::Response(300..)) => {
                return Err(element.remark("wants a refusal in a call, which counts as a failure here"));
            }
            (Stage::Calling | Stage::Ringing, Awaited::Request(method))
                if method == "CANCEL" || method == "BYE" =>
            {
                return Err(element.remark("wants its call to be given up, which counts as a failure here"));
            }
            // The response to it would look like the answer.
            (Stage::Ringing, Awaited::Request(method)) if method != "ACK" => {
                return Err(
                    element.remark(format!("waits for {method} before it answers, as phones here do not"))
                );
            }
            (Stage::Up, Awaited::Request(method)) if method == "BYE" => {
                if !self.manner.is_answerer {
                    let cure = "have it send the BYE, or name who answers and hangs_up in [[traffic]]";
                    return Err(element.remark(format!("waits for the target to end the call; {cure}")));
                }
                self.end(false);
            }
            (Stage::Up, Awaited::Request(method)) if method != "ACK" => {
                self.remarks.insert(element.remark(format!("{method} is answered whenever it comes")));
            }
            (Stage::Over, Awaited::Request(method)) if method == "INVITE" => {
                return Err(element.remark("waits for a second call in one scenario"));
            }
            _ => {}
        }
        Ok(())
    }
}
