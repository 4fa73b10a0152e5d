//! Silence up to the end of a call: no sound comes after it, so it is no hole between two.

use std::time::{Duration, SystemTime};

use crate::agent::{Heard, PTIME};
use crate::hear::Hole;

/// The silence between the last that was heard and the end of the talk, where there is one. `sound` is how long all that came
/// is, and `until` where in that the last sound is.
pub(super) fn tail(heard: &Heard, sound: Duration, until: Duration, ended_at: SystemTime) -> Option<Hole> {
    // What the log had no room for may have been sound.
    let last = heard.packets.last().filter(|_| heard.beyond_log == 0)?;
    let silent = sound.saturating_sub(until);
    let length = match ended_at.duration_since(last.at) {
        Ok(since) => silent + since.saturating_sub(PTIME),
        // It ends after the talk.
        Err(beyond) => silent.saturating_sub(beyond.duration()),
    };
    (!length.is_zero()).then_some(Hole { at: until, length })
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::CodecId;

    use super::*;
    use crate::agent::HeardPacket;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[test]
    fn silence_is_as_long_as_nothing_came_and_as_what_came_was_silent() {
        let packet = HeardPacket {
            at: at(5000),
            from: ([127, 0, 0, 1], 4000).into(),
            codec: CodecId::Pcmu,
            sequence: 0,
            timestamp: 0,
            marker: false,
            ssrc: 1,
            payload: [0xff; 160].into(),
        };
        let mut heard = Heard { packets: vec![packet], ..Heard::default() };
        let ms = Duration::from_millis;
        let length = |heard: &Heard, until: u64, ended: u64| {
            tail(heard, ms(4000), ms(until), at(ended)).map(|it| (it.at, it.length))
        };
        assert_eq!(length(&heard, 4000, 5015), None, "the next is not due yet");
        assert_eq!(length(&heard, 4000, 7020), Some((ms(4000), ms(2000))), "nothing came any more");
        assert_eq!(length(&heard, 3000, 5000), Some((ms(3000), ms(1000))), "what came was silent");
        assert_eq!(length(&heard, 3000, 7020), Some((ms(3000), ms(3000))));
        assert_eq!(length(&heard, 3800, 4700), None, "it fell silent after the end");
        heard.beyond_log = 1;
        assert_eq!(length(&heard, 4000, 7020), None);
    }
}
