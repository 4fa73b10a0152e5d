use std::thread;

use super::super::ring::{Full, RingReader, ring, words_of};

#[test]
fn records_of_any_length_come_through_the_wrap() {
    let (mut writer, mut reader) = ring(16);
    let mut position = 0;
    for number in 0..1000_u64 {
        let bytes: Vec<u8> = (0..number % 50).map(|n| (number + n) as u8).collect();
        writer.push([number, !number], &bytes).expect("everything was given back");
        assert_eq!((reader.word(position), reader.word(position + 1)), (number, !number));
        let mut read = vec![0; bytes.len()];
        reader.read(position + 2, &mut read);
        assert_eq!(read, bytes);
        position += 2 + words_of(bytes.len());
        assert_eq!(reader.written(), position);
        reader.free_to(position);
    }
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let (mut writer, mut reader) = ring(8);
    assert_eq!(writer.push([1; 4], &[1; 32]), Ok(()));
    assert_eq!(writer.push([2; 1], &[]), Err(Full));
    assert_eq!((reader.written(), reader.word(0)), (8, 1));
    reader.free_to(1);
    assert_eq!(writer.push([3; 1], &[]), Ok(()));
    assert_eq!(writer.push([4; 1], &[9; 1000]), Err(Full), "longer than the ring");
    assert_eq!(reader.word(8), 3);
}

#[test]
fn two_threads_hand_over_everything_in_order() {
    const RECORDS: u64 = 20_000;
    let (mut writer, reader) = ring(64);
    let reading = thread::spawn(move || read_all(reader, RECORDS));
    for number in 0..RECORDS {
        while writer.push([number], &number.to_le_bytes()[..5]) == Err(Full) {
            thread::yield_now();
        }
    }
    reading.join().expect("everything came in order");
}

fn read_all(mut reader: RingReader, records: u64) {
    let mut position = 0;
    for number in 0..records {
        while reader.written() <= position {
            thread::yield_now();
        }
        assert_eq!(reader.word(position), number);
        let mut bytes = [0; 8];
        reader.read(position + 1, &mut bytes[..5]);
        assert_eq!(u64::from_le_bytes(bytes), number);
        position += 2;
        reader.free_to(position);
    }
}
