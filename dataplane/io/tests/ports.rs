//! Ports in memory and in files, the wrappers around them, and the way of frames through the pool.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use vpcd_io::capture::{PcapngWriter, Reader, SectionInfo};
use vpcd_io::port::{CapturePort, Faults, Faulty, MemoryPort, Pool, Port, Recorder, Sent, StrictClock};
use vpcd_wire::Frame;

mod common;
use common::Shared;

fn numbered(n: u8) -> Frame {
    Frame::from_bytes(&[n; 60])
}

fn numbers(frames: &[Frame]) -> Vec<u8> {
    frames.iter().map(|f| f.bytes()[0]).collect()
}

#[test]
fn a_cable_in_memory_keeps_order_and_gives_back_what_has_no_room() {
    let (mut a, mut b) = MemoryPort::pair(3, (10, 20));
    for n in 0..3 {
        assert!(a.send(numbered(n)).unwrap().is_done());
    }
    let Sent::Full(back) = a.send(numbered(9)).unwrap() else { panic!("there was no room") };
    assert_eq!(numbers(&[back]), [9]);
    let mut frames = vec![numbered(7)];
    assert_eq!(b.recv(&mut frames, 2).unwrap(), 2);
    assert_eq!(b.recv(&mut frames, 9).unwrap(), 1);
    assert_eq!(b.recv(&mut frames, 9).unwrap(), 0);
    assert_eq!(numbers(&frames), [7, 0, 1, 2]);
    assert_eq!(frames[1].port, 20);
    b.send(frames.remove(1)).unwrap();
    frames.clear();
    assert_eq!((a.recv(&mut frames, 1).unwrap(), frames[0].port), (1, 10));
    assert!(a.fd().is_none());
}

#[test]
fn frames_that_were_sent_are_used_again() {
    let pool = Pool::new(4, 100);
    let mut frame = pool.take();
    frame.copy_from(&[1; 100]);
    let place = frame.bytes().as_ptr();
    pool.give(frame);
    assert_eq!(pool.stocked(), 1);
    let mut again = pool.take();
    again.copy_from(&[2; 90]);
    assert_eq!(again.bytes().as_ptr(), place);
    (0..9).for_each(|n| pool.give(numbered(n)));
    assert_eq!(pool.stocked(), 4);
}

/// A capture of Ethernet frames with the given times.
fn capture(frames: &[(u64, u8)]) -> Vec<u8> {
    let out = Shared::default();
    let mut writer = PcapngWriter::from_write("capture", out.clone(), &SectionInfo::new(vec![])).unwrap();
    for (ts, n) in frames {
        writer.write(*ts, &[*n; 60], 0, None).unwrap();
    }
    writer.flush().unwrap();
    out.bytes()
}

fn replay(bytes: Vec<u8>) -> Reader {
    Reader::from_read("capture", Cursor::new(bytes)).unwrap()
}

#[test]
fn a_capture_is_a_port_whose_frames_carry_its_times() {
    let pool = Pool::new(8, 100);
    let out = Shared::default();
    let writer = PcapngWriter::from_write("out", out.clone(), &SectionInfo::new(vec![])).unwrap();
    let input = capture(&[(5, 1), (3, 2), (9, 3)]);
    let mut port = CapturePort::new(Some(replay(input.clone())), Some(writer), 4, pool.clone());
    let mut frames = Vec::new();
    assert_eq!(port.recv(&mut frames, 2).unwrap(), 2);
    assert_eq!(port.recv(&mut frames, 2).unwrap(), 1);
    assert_eq!(port.recv(&mut frames, 2).unwrap(), 0);
    assert_eq!(
        frames.iter().map(|f| (f.ts, f.bytes()[0], f.port)).collect::<Vec<_>>(),
        [(5, 1, 4), (3, 2, 4), (9, 3, 4)]
    );
    for frame in frames {
        assert!(port.send(frame).unwrap().is_done());
    }
    port.flush().unwrap();
    assert_eq!(out.bytes(), input);
    // Three were sent, one was taken for a record that did not come.
    assert_eq!(pool.stocked(), 4);
}

#[test]
fn a_broken_capture_gives_its_good_frames_first_then_the_error() {
    let mut bytes = capture(&[(1, 1), (2, 2)]);
    bytes.truncate(bytes.len() - 1);
    let mut port = CapturePort::new(Some(replay(bytes)), None, 0, Pool::new(8, 100));
    let mut frames = Vec::new();
    assert_eq!(port.recv(&mut frames, 9).unwrap(), 1);
    assert!(port.recv(&mut frames, 9).unwrap_err().to_string().contains("the file ends within"));
    assert_eq!(port.recv(&mut frames, 9).unwrap(), 0);
}

#[test]
fn the_strict_clock_never_stands_still() {
    let clock = StrictClock::default();
    assert_eq!([5, 5, 3, 10, 10, u64::MAX].map(|now| clock.clone().stamp(now)), [5, 6, 7, 10, 11, u64::MAX]);
}

/// Ethernet, IPv4, UDP with an unfinished checksum: the field holds the pseudo-header's sum.
fn unfinished() -> Frame {
    let mut bytes = vec![2; 12];
    bytes.extend([8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend([0, 9, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4]);
    let pseudo = [0x0a00, 1, 0x0a00, 2, 17, 12].iter().sum::<u32>() as u16;
    bytes[40..42].copy_from_slice(&pseudo.to_be_bytes());
    let mut frame = Frame::from_bytes(&bytes);
    (frame.flags, frame.csum_start, frame.csum_offset) = (Frame::NEEDS_CSUM, 34, 6);
    frame
}

#[test]
fn a_recorder_writes_what_comes_with_a_time_of_its_own_and_finished_checksums() {
    let clock = StrictClock::default();
    let mut captures = Vec::new();
    let mut cables = Vec::new();
    let mut ports = Vec::new();
    for n in 0..2 {
        let out = Shared::default();
        let writer = Arc::new(Mutex::new(
            PcapngWriter::from_write("record", out.clone(), &SectionInfo::new(vec!["seed=1".into()])).unwrap(),
        ));
        let (near, far) = MemoryPort::pair(8, (0, n));
        ports.push(Recorder::new(far, Arc::clone(&writer), clock.clone(), || 1000));
        cables.push(near);
        captures.push((writer, out));
    }
    let mut frames = Vec::new();
    for (cable, port) in cables.iter_mut().zip(&mut ports) {
        cable.send(numbered(1)).unwrap();
        cable.send(unfinished()).unwrap();
        assert_eq!(port.recv(&mut frames, 9).unwrap(), 2);
        assert_eq!(port.recv(&mut frames, 9).unwrap(), 0);
    }
    assert_eq!(frames.iter().map(|f| f.ts).collect::<Vec<_>>(), [1000, 1001, 1002, 1003]);
    assert_eq!((frames[1].bytes(), frames[1].flags), (unfinished().bytes(), Frame::NEEDS_CSUM));
    for ((writer, out), first) in captures.iter().zip([1000, 1002]) {
        writer.lock().unwrap().flush().unwrap();
        let mut reader = replay(out.bytes());
        assert_eq!(reader.section_value("seed"), Some("1"));
        let records: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        assert_eq!(records.iter().map(|r| r.ts).collect::<Vec<_>>(), [first, first + 1]);
        let mut finished = unfinished();
        vpcd_wire::complete_checksum(&mut finished);
        assert_eq!(records[1].data, finished.bytes());
        // Pseudo-header and datagram of a finished checksum sum up to all ones.
        let pseudo = 0x0a00 + 1 + 0x0a00 + 2 + 17 + 12;
        let sum = records[1].data[34..].chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum::<u32>() + pseudo;
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }
    assert!(ports[0].send(numbered(5)).unwrap().is_done());
    assert_eq!((cables[0].recv(&mut frames, 1).unwrap(), frames.last().map(|f| f.bytes()[0])), (1, Some(5)));
}

/// What comes out of a bad cable when 200 frames went in.
fn through(faults: Faults, seed: u64) -> (Vec<Frame>, vpcd_io::port::FaultCounters) {
    let (mut near, far) = MemoryPort::pair(256, (0, 1));
    let mut bad = Faulty::new(far, faults, seed, Pool::new(16, 100));
    for n in 0..200 {
        near.send(numbered(n)).unwrap();
    }
    let mut frames = Vec::new();
    loop {
        let before = frames.len();
        let count = bad.recv(&mut frames, 7).unwrap();
        assert!(count <= 7 && frames.len() == before + count);
        if count == 0 {
            break;
        }
    }
    (frames, bad.counters())
}

#[test]
fn a_bad_cable_is_bad_in_the_same_way_each_time() {
    let (frames, counters) = through(Faults::default(), 1);
    assert_eq!((numbers(&frames), counters), ((0..200).collect(), Default::default()));

    let some = Faults { lose: 1000, duplicate: 1000, corrupt: 1000, reorder: 1000 };
    let (frames, counters) = through(some, 1);
    assert_eq!(frames.len() as u64, 200 - counters.lost + counters.duplicated);
    for count in [counters.lost, counters.duplicated, counters.corrupted, counters.reordered] {
        assert!((5..60).contains(&count), "{counters:?}");
    }
    let bytes = |frames: &[Frame]| frames.iter().map(|f| f.bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(bytes(&through(some, 1).0), bytes(&frames));
    assert_ne!(bytes(&through(some, 2).0), bytes(&frames));

    let (frames, counters) = through(Faults { corrupt: 10_000, ..Faults::default() }, 1);
    assert_eq!(counters.corrupted, 200);
    for (n, frame) in (0..200).zip(&frames) {
        let wrong: u32 = frame.bytes().iter().map(|b| (b ^ n).count_ones()).sum();
        assert_eq!(wrong, 1);
    }

    let (frames, _) = through(Faults { reorder: 10_000, ..Faults::default() }, 1);
    assert_eq!(numbers(&frames)[..4], [1, 0, 3, 2]);
    assert_eq!(frames.len(), 200);
    assert_eq!(through(Faults { lose: 10_000, ..Faults::default() }, 1).0.len(), 0);
}
