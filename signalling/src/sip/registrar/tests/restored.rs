//! What is kept over a restart.

use super::*;

fn moment(setup: &Setup, seconds: u64) -> Moment {
    Moment { now: setup.at(seconds), wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds) }
}

#[test]
fn what_was_kept_is_restored_as_it_was_and_goes_on_from_there() {
    let mut setup = Setup::new();
    setup.register(
        0,
        "Contact: <sip:a@h1;x=q?y=z>;q=0.5;+a=\"q\\\"q\";expires=600\r\nUser-Agent: phone/1\r\n\
         Supported: path\r\nPath: <sip:one;lr>, <sip:two;lr>\r\n",
    );
    let keys = setup.registrar.take_touched();
    let binding = setup.registrar.binding(keys[0]).unwrap().clone();
    let record = Record::of(&binding, moment(&setup, 0)).unwrap();

    // Another process, whose clock began elsewhere, a hundred seconds later.
    let mut second = Setup { start: setup.start + Duration::from_secs(7), ..Setup::new() };
    second.cseq = 1;
    let at = Moment { wall: moment(&setup, 100).wall, ..moment(&second, 0) };
    assert!(second.registrar.restore(&record, Some(ListenerId(0)), at));
    let (expires_at, set_at) = (second.at(500), second.at(0));
    let restored = second.registrar.binding(binding.key).unwrap();
    assert_eq!(*restored, Binding { expires_at, set_at, is_direct: false, ..binding.clone() });
    assert!(second.registrar.take_touched().is_empty(), "it is kept already");

    second.register(10, "Contact: <sip:a@h1;x=q?y=z>;expires=600\r\n");
    assert_eq!(second.registrar.take_touched(), [binding.key], "a refresh is known as one");
    second.register(10, "Contact: <sip:a@h2>\r\n");
    assert_eq!(second.registrar.take_touched(), [binding.key + 1], "no key is given twice");
}

#[test]
fn what_was_kept_and_cannot_be_reached_is_let_go_and_its_key_stays_taken() {
    let mut setup = Setup::new();
    setup.register(0, "Contact: <sip:a@h1>;expires=600\r\n");
    let key = setup.registrar.take_touched()[0];
    let record = Record::of(setup.registrar.binding(key).unwrap(), moment(&setup, 0)).unwrap();
    let broken = Record { contact: "<sip:".to_owned(), ..record.clone() };
    for (record, listener, seconds) in
        [(&record, None, 0), (&record, Some(ListenerId(0)), 600), (&broken, Some(ListenerId(0)), 0)]
    {
        let mut second = Setup::new();
        let at = Moment { wall: moment(&setup, seconds).wall, ..moment(&second, 0) };
        assert!(!second.registrar.restore(record, listener, at));
        assert!(second.registrar.is_empty());
        assert_eq!(second.registrar.take_touched(), [key], "to be removed from what is kept");
        second.register(0, "Contact: <sip:a@h1>\r\n");
        assert!(second.registrar.binding(key).is_none());
    }
}

#[test]
fn nothing_is_kept_of_a_stream() {
    let mut setup = Setup::new();
    setup.register_over(0, flow(TransportKind::Wss, Some(1)), "Contact: <sip:x@1.invalid;transport=ws>\r\n");
    let key = setup.registrar.take_touched()[0];
    assert_eq!(Record::of(setup.registrar.binding(key).unwrap(), moment(&setup, 0)), None);
}
