//! Parties whose gain, mute or role changes while they talk.

use super::*;

#[test]
fn supervisors_listen_whisper_and_barge() {
    let to = |name: &str| ConferenceRole::Whisper { to: Arc::from(name) };
    for (role, by_agent, by_customer) in [
        (ConferenceRole::Listen, false, false),
        (to("agent"), true, false),
        (to("customer"), false, true),
        (to("nobody"), false, false),
        (ConferenceRole::Barge, true, true),
    ] {
        let mut room = Room::new(8, 5);
        let is_known = role.is_known();
        // The supervisor is there before the one whom it whispers to.
        let agent = room.join_as(CodecId::Pcmu, 500.0, "agent", ConferenceRole::Party);
        let supervisor = room.join_as(CodecId::Pcmu, 1700.0, "boss", role.clone());
        let customer = room.join_as(CodecId::Pcmu, 900.0, "customer", ConferenceRole::Party);
        room.run(Duration::from_secs(2));
        assert!(room.hears(supervisor, 500.0) && room.hears(supervisor, 900.0), "{role:?}");
        assert!(room.hears(agent, 900.0) && room.hears(customer, 500.0), "{role:?}");
        assert_eq!(room.hears(agent, 1700.0), by_agent, "{role:?}");
        assert_eq!(room.hears(customer, 1700.0), by_customer, "{role:?}");
        let is_told =
            |event: &CallEvent| matches!(event, CallEvent::PartyJoined { party, .. } if *party == supervisor);
        assert_eq!(room.events.iter().any(is_told), is_known, "{role:?}");
    }
}

#[test]
fn parties_are_as_loud_as_they_are_let_in() {
    let mut room = Room::new(8, 8);
    let listener = room.join(CodecId::Pcmu, 500.0);
    for (hz, gain_db, is_muted) in [(900.0, 6.0, false), (1300.0, -6.0, false), (1700.0, 0.0, true)] {
        let (name, role) = (Arc::from("somebody"), ConferenceRole::Party);
        let joined = room.enter(CodecId::Pcmu, hz, |leg| PartySpec { leg, name, role, gain_db, is_muted });
        joined.expect("there is room");
    }
    room.run(Duration::from_secs(2));
    let talker = room.talker(listener);
    let level = |hz| goertzel_dbm0(&talker.sound[8000..], SampleRate::HZ_8000, hz);
    let plain = 20.0 * (2000.0_f64 / 32_768.0).log10() + FULL_SCALE_DBM0;
    assert!((level(900.0) - plain - 6.0).abs() < 0.5 && (level(1300.0) - plain + 6.0).abs() < 0.5);
    assert!(level(1700.0) < -50.0);
}

/// The level of a tone in what a party heard in the last half second, against that of a hum as it comes.
fn gain_db(room: &mut Room, listener: LegId, hz: f64) -> f64 {
    let sound = &room.talker(listener).sound;
    let plain = 20.0 * (2000.0_f64 / 32_768.0).log10() + FULL_SCALE_DBM0;
    goertzel_dbm0(&sound[sound.len() - 4000..], SampleRate::HZ_8000, hz) - plain
}

#[test]
fn a_party_is_changed_while_it_talks_and_nothing_clicks() {
    let mut room = Room::new(8, 19);
    let listener = room.join(LINEAR, 60.0);
    let talker = room.join(LINEAR, 110.0);
    room.run(Duration::from_secs(1));
    let change = |room: &mut Room, gain_db, is_muted| {
        let (name, role) = (Arc::from("somebody"), ConferenceRole::Party);
        let spec = PartySpec { leg: talker, name, role, gain_db, is_muted };
        room.conference.change(spec, &mut room.hall);
        room.run(Duration::from_secs(1));
    };
    for (gain, is_muted, expected) in [
        (0.0, true, None),
        (0.0, false, Some(0.0)),
        (6.0, false, Some(6.0)),
        (-9.0, false, Some(-9.0)),
        (12.0, true, None),
    ] {
        change(&mut room, gain, is_muted);
        let heard = gain_db(&mut room, listener, 110.0);
        match expected {
            Some(expected) => assert!((heard - expected).abs() < 0.5, "{heard:.2} dB, not {expected}"),
            None => assert!(heard < -40.0, "{heard:.2} dB of a muted party"),
        }
        let told = room.events.iter().filter(|event| {
            matches!(event, CallEvent::PartyChanged { party, gain_db, is_muted: muted, .. }
                if *party == talker && *gain_db == gain && *muted == is_muted)
        });
        assert_eq!(told.count(), 2, "both are told");
        room.events.clear();
    }
    // A ramp of 10 ms from full level to nothing bends by 4000 / 80 at its ends, twice that with the gain.
    let bend = sharpest_bend(&room.talker(listener).sound[800..]);
    assert!(bend < 250, "a bend of {bend}");
}

#[test]
fn a_supervisor_changes_its_role_and_only_who_takes_part_is_told_of() {
    let to = |name: &str| ConferenceRole::Whisper { to: Arc::from(name) };
    let mut room = Room::new(8, 20);
    let agent = room.join_as(CodecId::Pcmu, 500.0, "agent", ConferenceRole::Party);
    let customer = room.join_as(CodecId::Pcmu, 900.0, "customer", ConferenceRole::Party);
    let supervisor = room.join_as(CodecId::Pcmu, 1700.0, "boss", ConferenceRole::Listen);
    room.run(Duration::from_secs(1));
    room.events.clear();
    for (role, by_agent, by_customer, news) in [
        (to("agent"), true, false, ""),
        (ConferenceRole::Barge, true, true, "joined"),
        (to("customer"), false, true, "left"),
        (ConferenceRole::Listen, false, false, ""),
        (ConferenceRole::Barge, true, true, "joined"),
        (ConferenceRole::Listen, false, false, "left"),
    ] {
        let (name, spoken) = (Arc::from("boss"), role.clone());
        let spec = PartySpec { leg: supervisor, name, role, gain_db: 0.0, is_muted: false };
        room.conference.change(spec, &mut room.hall);
        room.run(Duration::from_secs(1));
        assert_eq!(room.hears(agent, 1700.0), by_agent, "{spoken:?}");
        assert_eq!(room.hears(customer, 1700.0), by_customer, "{spoken:?}");
        assert!(room.hears(supervisor, 500.0) && room.hears(agent, 900.0));
        let told = room.events.drain(..).filter_map(|event| match event {
            CallEvent::PartyJoined { leg, party, .. } if party == supervisor && leg == agent => {
                Some("joined")
            }
            CallEvent::PartyLeft { leg, party, .. } if party == supervisor && leg == agent => Some("left"),
            CallEvent::PartyJoined { leg, .. } | CallEvent::PartyLeft { leg, .. } if leg == supervisor => {
                Some("itself")
            }
            _ => None,
        });
        assert_eq!(told.collect::<String>(), news, "{spoken:?}");
    }
}
