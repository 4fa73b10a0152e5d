//! One call through rtpengine: both ends are here, and what SIP would carry between them goes to it.

use std::time::{Duration, SystemTime};

use super::NgClient;
use crate::agent::{AgentError, Direction, Media, PhoneConfig, SrtpProfile, Uplink, WebrtcConfig};
use crate::load::Stopped;
use crate::load::calls::{End, Record};

/// One call that is up.
#[derive(Debug)]
pub(in crate::load) struct RelayedCall {
    client: NgClient,
    call_id: String,
    ends: Ends,
}

/// Both ends of a call that is up.
#[derive(Debug)]
struct Ends {
    caller: Media,
    phone: Media,
    invited_at: SystemTime,
    answered_at: SystemTime,
}

impl RelayedCall {
    /// Connects both ends, and waits until the caller hears the phone; `None` where it is stopped before. What does not come
    /// up is ended at rtpengine too, which would keep its ports for a minute.
    pub(in crate::load) async fn dial(
        client: NgClient,
        caller: &WebrtcConfig,
        phone: &PhoneConfig,
        phone_uplink: Uplink,
        limit: Duration,
        stopped: &mut Stopped,
    ) -> Result<Option<Self>, AgentError> {
        let call_id = format!("{:032x}", rand::random::<u128>());
        let connected = tokio::select! {
            ends = Ends::connect(&client, &call_id, caller, phone, phone_uplink, limit) => ends.map(Some),
            () = stopped.comes() => Ok(None),
        };
        if !matches!(connected, Ok(Some(_))) {
            // It may never have heard of it.
            let _ = client.delete(&call_id).await;
        }
        Ok(connected?.map(|ends| Self { client, call_id, ends }))
    }

    /// Hangs up, and collects what both ends heard.
    pub(in crate::load) async fn finish(self) -> Result<Record, AgentError> {
        self.client.delete(&self.call_id).await?;
        let Ends { caller, phone, invited_at, answered_at } = self.ends;
        let srtp: Option<SrtpProfile> = caller.state().profile;
        for end in [&caller, &phone] {
            end.stop(true);
        }
        Ok(Record {
            invited_at,
            answered_at: Some(answered_at),
            srtp,
            caller: End::of_media(&caller).await?,
            phone: Some(End::of_media(&phone).await?),
        })
    }
}

impl Ends {
    async fn connect(
        client: &NgClient,
        call_id: &str,
        caller: &WebrtcConfig,
        phone: &PhoneConfig,
        phone_uplink: Uplink,
        limit: Duration,
    ) -> Result<Self, AgentError> {
        let (at_caller, at_phone) = (caller.open_media()?, phone.open_media()?);
        at_phone.send_over(phone_uplink);
        let invited_at = SystemTime::now();
        let offer = at_caller.offer(Direction::SendRecv).await?;
        let offer = client.offer(call_id, &offer, &caller.codecs, &phone.codecs).await?;
        let answer = at_phone.answer(offer.as_bytes(), Direction::SendRecv).await?;
        let answer = client.answer(call_id, &answer).await?;
        at_caller.accept(answer.as_bytes()).await?;
        let ends = Self { caller: at_caller, phone: at_phone, invited_at, answered_at: SystemTime::now() };
        ends.caller.wait_for(limit, "audio", |it| it.heard > 0).await?;
        Ok(ends)
    }
}
