//! One call through rtpengine: both ends are here, and what SIP would carry between them goes to it.

use std::time::{Duration, SystemTime};

use super::NgClient;
use crate::agent::{AgentError, Direction, Media, PhoneConfig, SrtpProfile, Uplink, WebrtcConfig};
use crate::load::calls::{End, Record};

/// One call that is up.
#[derive(Debug)]
pub(in crate::load) struct RelayedCall {
    client: NgClient,
    call_id: String,
    caller: Media,
    phone: Media,
    invited_at: SystemTime,
    answered_at: SystemTime,
}

impl RelayedCall {
    /// Connects both ends, and waits until the caller hears the phone.
    pub(in crate::load) async fn dial(
        client: NgClient,
        caller: &WebrtcConfig,
        phone: &PhoneConfig,
        phone_uplink: Uplink,
        limit: Duration,
    ) -> Result<Self, AgentError> {
        let call_id = format!("{:032x}", rand::random::<u128>());
        let (at_caller, at_phone) = (caller.open_media()?, phone.open_media()?);
        at_phone.send_over(phone_uplink);
        let invited_at = SystemTime::now();
        let offer = at_caller.offer(Direction::SendRecv).await?;
        let offer = client.offer(&call_id, &offer, &caller.codecs, &phone.codecs).await?;
        let answer = at_phone.answer(offer.as_bytes(), Direction::SendRecv).await?;
        let answer = client.answer(&call_id, &answer).await?;
        at_caller.accept(answer.as_bytes()).await?;
        let call = Self {
            client,
            call_id,
            caller: at_caller,
            phone: at_phone,
            invited_at,
            answered_at: SystemTime::now(),
        };
        call.caller.wait_for(limit, "audio", |it| it.heard > 0).await?;
        Ok(call)
    }

    /// Hangs up, and collects what both ends heard.
    pub(in crate::load) async fn finish(self) -> Result<Record, AgentError> {
        self.client.delete(&self.call_id).await?;
        let srtp: Option<SrtpProfile> = self.caller.state().profile;
        for end in [&self.caller, &self.phone] {
            end.stop(true);
        }
        Ok(Record {
            invited_at: self.invited_at,
            answered_at: Some(self.answered_at),
            srtp,
            caller: End::of_media(&self.caller).await?,
            phone: Some(End::of_media(&self.phone).await?),
        })
    }
}
