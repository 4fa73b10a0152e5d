//! A page as an agent: its calls are [`Call`]s like those of phones, and the JSON API is what they are signalled by.
//!
//! ```text
//! Call --orders--> line --+
//! Call --orders--> line --+--> PageTask <--> WebSocket
//! PageAgent --------------+
//! ```

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::page::Seen;
use super::{JsonPage, PageError, PageProof};
use crate::agent::call::Facts;
use crate::agent::call_task::Order;
use crate::agent::media::Media;
use crate::agent::sdp::Direction;
use crate::agent::{
    AgentError, Call, CallEnd, CallProgress, Dialing, Incoming, RemoteDescription, WebrtcConfig,
};

/// A page that places and takes calls.
#[derive(Debug)]
pub struct PageAgent {
    wishes: mpsc::UnboundedSender<Wish>,
    incoming: Mutex<mpsc::UnboundedReceiver<Incoming>>,
    config: WebrtcConfig,
}

/// What a page's task is asked for.
enum Wish {
    Dial {
        media: Media,
        to: String,
        reply: oneshot::Sender<Result<Call, AgentError>>,
    },
    Order {
        call_id: String,
        order: Order,
    },
    /// Its connection is lost, and made anew after so long.
    Reconnect {
        away: Duration,
        reply: oneshot::Sender<Result<(), AgentError>>,
    },
}

/// One call of a page.
struct Line {
    media: Media,
    progress: watch::Sender<CallProgress>,
    facts: watch::Sender<Facts>,
    /// Of a call that came in, until it is answered.
    offer: Option<String>,
    is_held: bool,
    /// We have asked for its end.
    is_ending: bool,
}

struct PageTask {
    page: JsonPage,
    config: WebrtcConfig,
    user: String,
    /// Of the last answer to `connect` or `resume`; good once.
    resume_token: String,
    lines: HashMap<String, Line>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    /// Handed to each line.
    own: mpsc::WeakUnboundedSender<Wish>,
    incoming: mpsc::UnboundedSender<Incoming>,
}

impl PageAgent {
    /// Connects, and proves who it is; of the configuration all but the credentials counts.
    ///
    /// # Errors
    /// The server cannot be reached, or does not believe it.
    pub async fn new(config: WebrtcConfig, proof: &PageProof) -> Result<Self, AgentError> {
        let mut page = JsonPage::open(&config.server, &config.trust, None).await?;
        let session = page.request("connect", json!({ "proof": proof.to_json() })).await?;
        let user = session["user"].as_str().unwrap_or_default().to_owned();
        let (wishes, inbox) = mpsc::unbounded_channel();
        let (incoming, calls) = mpsc::unbounded_channel();
        let own = wishes.downgrade();
        let task = PageTask {
            page,
            config: config.clone(),
            user,
            resume_token: session["resumeToken"].as_str().unwrap_or_default().to_owned(),
            lines: HashMap::new(),
            wishes: inbox,
            own,
            incoming,
        };
        tokio::spawn(task.run());
        Ok(Self { wishes, incoming: Mutex::new(calls), config })
    }

    /// Dials a user or number.
    ///
    /// # Errors
    /// The gateway refuses, or there is no port for media.
    pub async fn dial(&self, to: &str) -> Result<Dialing, AgentError> {
        let (reply, answer) = oneshot::channel();
        let wish = Wish::Dial { media: self.config.open_media()?, to: to.to_owned(), reply };
        self.wishes.send(wish).map_err(|_| AgentError::Gone)?;
        answer.await.map_err(|_| AgentError::Gone)?.map(Dialing::new)
    }

    /// Loses its WebSocket without a word, and resumes its session by another after so long. Its calls go on; those that
    /// the gateway has no more are over.
    ///
    /// # Errors
    /// The gateway cannot be reached any more, or the session is over: then all its calls are.
    pub async fn reconnect(&self, away: Duration) -> Result<(), AgentError> {
        let (reply, answer) = oneshot::channel();
        self.wishes.send(Wish::Reconnect { away, reply }).map_err(|_| AgentError::Gone)?;
        answer.await.map_err(|_| AgentError::Gone)?
    }

    /// Waits for a call.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn next_incoming(&self) -> Result<Incoming, AgentError> {
        self.incoming.lock().await.recv().await.ok_or(AgentError::Gone)
    }
}

impl From<PageError> for AgentError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Agent(error) => error,
            PageError::Closed(_) => Self::Gone,
            PageError::Waited { limit, .. } => Self::Waited { what: "an answer of the JSON API", limit },
            error => Self::Page(error.to_string()),
        }
    }
}

impl PageTask {
    /// Until the page is dropped and has no call any more, or its connection ends.
    async fn run(mut self) {
        loop {
            tokio::select! {
                event = self.page.next_event() => match event {
                    Ok(event) => self.handle_event(&event).await,
                    Err(_) => break,
                },
                wish = self.wishes.recv() => match wish {
                    Some(Wish::Dial { media, to, reply }) => {
                        let _ = reply.send(self.dial(media, &to).await);
                    }
                    Some(Wish::Order { call_id, order }) => self.obey(&call_id, order).await,
                    Some(Wish::Reconnect { away, reply }) => {
                        let before = self.page.cut();
                        tokio::time::sleep(away).await;
                        match resume(&self.config, &self.resume_token, before).await {
                            Ok((page, session)) => {
                                self.page = page;
                                self.go_on(&session);
                                let _ = reply.send(Ok(()));
                            }
                            Err(error) => {
                                let _ = reply.send(Err(error.into()));
                                break;
                            }
                        }
                    }
                    None => break,
                },
            }
        }
        for (_, line) in self.lines {
            line.finish(CallEnd::Broken("the page's connection has ended".to_owned()));
        }
    }

    /// Takes the answer to `resume`.
    fn go_on(&mut self, session: &Value) {
        self.resume_token = session["resumeToken"].as_str().unwrap_or_default().to_owned();
        let calls = session["calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_gone = |call_id: &String, _: &mut Line| !calls.iter().any(|call| call["callId"] == **call_id);
        let gone: Vec<_> = self.lines.extract_if(is_gone).collect();
        for (_, line) in gone {
            line.finish(CallEnd::Broken(
                "the gateway has it no more since the connection was lost".to_owned(),
            ));
        }
    }

    async fn dial(&mut self, media: Media, to: &str) -> Result<Call, AgentError> {
        let sdp = media.offer(Direction::SendRecv).await?;
        let invited_at = Some(SystemTime::now());
        let placed = self.page.request("call", json!({ "to": to, "sdp": sdp })).await?;
        let call_id = placed["callId"].as_str().unwrap_or_default().to_owned();
        Ok(self.add(call_id, media, invited_at, None))
    }

    /// A new line, and the handle of its call.
    fn add(
        &mut self,
        call_id: String,
        media: Media,
        invited_at: Option<SystemTime>,
        offer: Option<String>,
    ) -> Call {
        let (orders, mut inbox) = mpsc::unbounded_channel();
        let (progress, watching) = watch::channel(CallProgress::Calling);
        let (facts, known) =
            watch::channel(Facts { call_id: call_id.clone(), invited_at, ..Facts::default() });
        let call = Call { orders, progress: watching, facts: known, media: media.clone() };
        if let Some(own) = self.own.upgrade() {
            let call_id = call_id.clone();
            tokio::spawn(async move {
                while let Some(order) = inbox.recv().await {
                    let _ = own.send(Wish::Order { call_id: call_id.clone(), order });
                }
            });
        }
        let line = Line { media, progress, facts, offer, is_held: false, is_ending: false };
        self.lines.insert(call_id, line);
        call
    }

    async fn handle_event(&mut self, event: &Value) {
        let (name, params) = (event["method"].as_str().unwrap_or_default(), &event["params"]);
        let call_id = params["callId"].as_str().unwrap_or_default();
        if name == "incoming" {
            return self.take(call_id, params);
        }
        let Some(line) = self.lines.get_mut(call_id) else { return };
        match name {
            "ringing" => {
                line.facts.send_modify(|facts| facts.provisional.push(180));
                line.progress.send_replace(CallProgress::Ringing { status: 180, has_media: false });
            }
            "earlyMedia" => {
                line.accept(&params["sdp"]).await;
                line.facts.send_modify(|facts| facts.provisional.push(183));
                line.progress.send_replace(CallProgress::Ringing { status: 183, has_media: true });
            }
            "connected" => {
                line.accept(&params["sdp"]).await;
                line.answered();
            }
            "dtmf" => {
                let digit = params["digit"].as_str().unwrap_or_default();
                line.facts.send_modify(|facts| facts.info_digits.push_str(digit));
            }
            "candidates" => {
                let fragment = params["fragment"].as_str().unwrap_or_default();
                line.media.take_candidates(fragment);
                line.facts.send_modify(|facts| facts.fragments.push(fragment.to_owned()));
            }
            "ended" => {
                let end = line.end_told(params);
                if let Some(line) = self.lines.remove(call_id) {
                    line.finish(end);
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, call_id: &str, params: &Value) {
        let text = |key: &str| params[key].as_str().unwrap_or_default().to_owned();
        let media = match self.config.open_media() {
            Ok(media) => media,
            Err(error) => return tracing::warn!(%error, "no media for a call that came in"),
        };
        let offer = text("sdp");
        let call = self.add(call_id.to_owned(), media, Some(SystemTime::now()), Some(offer.clone()));
        let incoming = Incoming::of_page(call, self.user.clone(), text("from"), text("displayName"), &offer);
        let _ = self.incoming.send(incoming);
    }

    async fn obey(&mut self, call_id: &str, order: Order) {
        let Self { page, lines, .. } = self;
        let Some(line) = lines.get_mut(call_id) else { return };
        match order {
            Order::Ring => {}
            Order::Answer(reply) => drop(reply.send(line.answer(page, call_id).await)),
            Order::Reject(_, reply) => {
                line.is_ending = true;
                let rejected = page.request("reject", json!({ "callId": call_id })).await;
                let _ = reply.send(rejected.map(drop).map_err(AgentError::from));
            }
            Order::Change(direction, reply) => {
                drop(reply.send(line.change(page, call_id, direction).await));
            }
            Order::Fragment(fragment, reply) => {
                let params = json!({ "callId": call_id, "fragment": fragment });
                let told = page.request("candidate", params).await;
                let _ = reply.send(told.map(drop).map_err(AgentError::from));
            }
            Order::Refer(to, reply) => {
                let told = page.request("transfer", json!({ "callId": call_id, "to": to })).await;
                let _ = reply.send(told.map(drop).map_err(AgentError::from));
            }
            Order::HangUp => {
                line.is_ending = true;
                // One that has ended by itself is told by its event.
                let _ = page.request("hangup", json!({ "callId": call_id })).await;
            }
            Order::Vanish => {
                line.media.stop(false);
                line.progress.send_replace(CallProgress::Ended(CallEnd::ByUs));
            }
            Order::EarlyMedia(reply) | Order::Info(_, reply) | Order::Record(_, reply) => {
                let _ = reply.send(Err(AgentError::Page("pages have no word for it".to_owned())));
            }
        }
    }
}

/// Goes on with a session by another connection.
async fn resume(config: &WebrtcConfig, token: &str, before: Seen) -> Result<(JsonPage, Value), PageError> {
    let mut page = JsonPage::open(&config.server, &config.trust, None).await?;
    let params = json!({ "token": token, "lastSeen": before.last });
    let session = page.request("resume", params).await?;
    page.follow(before);
    // From now on the old token is good no more, and the new one is.
    page.request("ping", json!({})).await?;
    Ok((page, session))
}

impl Line {
    async fn accept(&self, sdp: &Value) {
        let Some(sdp) = sdp.as_str() else { return };
        if let Ok(remote) = RemoteDescription::parse(sdp) {
            self.facts.send_modify(|facts| facts.remote = Some(remote));
        }
        if let Err(error) = self.media.accept(sdp.as_bytes()).await {
            tracing::warn!(%error, "the gateway's answer is of no use");
        }
    }

    async fn answer(&mut self, page: &mut JsonPage, call_id: &str) -> Result<(), AgentError> {
        let offer = self.offer.take().unwrap_or_default();
        let sdp = self.media.answer(offer.as_bytes(), Direction::SendRecv).await?;
        page.request("answer", json!({ "callId": call_id, "sdp": sdp })).await?;
        self.answered();
        Ok(())
    }

    fn answered(&self) {
        self.facts.send_modify(|facts| {
            facts.answered_at.get_or_insert_with(SystemTime::now);
        });
        self.progress.send_replace(CallProgress::Up);
    }

    async fn change(
        &mut self,
        page: &mut JsonPage,
        call_id: &str,
        direction: Direction,
    ) -> Result<(), AgentError> {
        let method = match (direction.sends() && direction != Direction::SendRecv, self.is_held) {
            (true, _) => "hold",
            (false, true) => "resumeMedia",
            (false, false) => "update",
        };
        let sdp = self.media.offer(direction).await?;
        let answer = page.request(method, json!({ "callId": call_id, "sdp": sdp })).await?;
        self.is_held = method == "hold";
        self.media.accept(answer["sdp"].as_str().unwrap_or_default().as_bytes()).await
    }

    /// How it ended, by what the gateway told.
    fn end_told(&self, params: &Value) -> CallEnd {
        let text = params["text"].as_str().unwrap_or_default().to_owned();
        let was_up = self.facts.borrow().answered_at.is_some();
        match (self.is_ending, was_up) {
            (true, _) => CallEnd::ByUs,
            (false, true) => CallEnd::ByPeer { reason: Some(text) },
            (false, false) if self.offer.is_some() => CallEnd::Cancelled,
            (false, false) => {
                let status = params["sipStatus"].as_u64().and_then(|it| u16::try_from(it).ok());
                CallEnd::Refused { status: status.unwrap_or(500), reason: text }
            }
        }
    }

    fn finish(self, end: CallEnd) {
        self.media.stop(true);
        self.progress.send_replace(CallProgress::Ended(end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A load ends by that: the target says nothing any more.
    #[test]
    fn an_answer_that_does_not_come_was_waited_for() {
        let limit = Duration::from_secs(30);
        let error = AgentError::from(PageError::Waited { what: "an answer".to_owned(), limit });
        assert!(matches!(error, AgentError::Waited { limit: waited, .. } if waited == limit), "{error:?}");
    }
}
