//! Frames that arrive at the wrong worker: handed over, they fare as if one worker had them all; not handed over, they are counted.

mod common;
use common::*;
use vpcd_dataplane::engine::{Config, Counters, Handed, Sink, Worker};
use vpcd_dataplane::pipeline::{Deps, Kind, Reason, Stage, Verdict};
use vpcd_dataplane::topology::{PortNo, Topology};
use vpcd_dataplane::wire::{Frame, Parsed, fragment4, parse};

/// What left, and how the rest ended.
#[derive(Default)]
struct Seen {
    sent: Vec<(u64, PortNo, Vec<u8>)>,
    ended: Vec<(u64, Verdict)>,
}

impl Sink for Seen {
    const WAY: bool = false;
    fn forward(&mut self, port: PortNo, frame: Frame, _: Option<&Deps>) {
        self.send(port, frame);
    }
    fn send(&mut self, port: PortNo, piece: Frame) {
        self.sent.push((piece.seq, port, piece.bytes().to_vec()));
    }
    fn originate(&mut self, _: PortNo, _: &Frame, _: &Frame) {}
    fn done(&mut self, frame: Frame, verdict: Verdict, _: Option<&Deps>) {
        self.ended.push((frame.seq, verdict));
    }
}

/// Three hundred new flows through the NAT gateway, and a datagram in three fragments, the first one last.
fn frames() -> Vec<Frame> {
    let mut list: Vec<Frame> = (0..300u16).map(|n| tcp("10.0.1.5", 2000 + n, "192.0.2.77", 443, "S")).collect();
    let whole = udp_of("10.0.0.7", 9, "10.0.0.5", 80, &[7; 3000]);
    let Ok(Parsed::Ip(packet)) = parse(whole.bytes(), 0) else { panic!("not IP") };
    let mut pieces = Vec::new();
    fragment4(&whole, &packet, 1500, &mut |piece| pieces.push(piece));
    list.extend(pieces.into_iter().rev());
    for (n, frame) in list.iter_mut().enumerate() {
        (frame.port, frame.seq, frame.ts) = (if n < 300 { DB } else { OTHER }, n as u64, 1_000_000_000 + n as u64);
    }
    list
}

fn sorted(mut seen: Seen) -> Seen {
    seen.sent.sort();
    seen.ended.sort_by_key(|e| e.0);
    seen
}

fn law(counters: &[Counters]) -> (u64, u64) {
    let mut total = Counters::default();
    counters.iter().for_each(|c| total.add(c));
    total.conservation()
}

#[test]
fn handed_over_frames_fare_as_with_one_worker() {
    let topology = Topology::default().succeed(lab());
    let mut alone = Worker::new(0, &Config::default(), &Config::default().destinations());
    let mut one = Seen::default();
    alone.process(&topology, &mut frames(), &mut one);

    let config = Config { workers: 3, ..Config::default() };
    let destinations = config.destinations();
    let mut workers: Vec<Worker> = (0..3).map(|n| Worker::new(n, &config, &destinations)).collect();
    let mut many = Seen::default();
    let mut handed: Vec<Handed> = Vec::new();
    workers[0].receive(&topology, &mut frames(), &mut many, &mut |h| handed.push(h));
    assert!(handed.len() > 150, "two thirds of the shards are others'");
    // A fragment may travel twice: to where its datagram is looked after, then to its flow.
    while !handed.is_empty() {
        let mut next = Vec::new();
        for h in handed.drain(..) {
            let owner = usize::from(h.shard) % 3;
            workers[owner].accept(&topology, &mut vec![h], &mut many, &mut |h| next.push(h));
        }
        handed = next;
    }
    let (one, many) = (sorted(one), sorted(many));
    assert_eq!(one.sent.len(), 300);
    assert!(one.sent == many.sent, "the same frames, byte for byte");
    assert_eq!(one.ended, many.ended);
    assert_eq!(one.ended.iter().map(|e| e.1.stage).collect::<Vec<_>>(), [Some(Stage::SgIn); 3]);
    let counters: Vec<Counters> = workers.iter().map(Worker::counters).collect();
    let (came, went) = law(&counters);
    assert_eq!((came, went), (303, 303));
}

#[test]
fn a_full_ring_and_a_full_port_are_counted() {
    let topology = Topology::default().succeed(lab());
    let config = Config { workers: 2, ..Config::default() };
    let mut worker = Worker::new(0, &config, &config.destinations());
    let (mut seen, mut handed) = (Seen::default(), Vec::new());
    worker.receive(&topology, &mut frames(), &mut seen, &mut |h| handed.push(h));
    let refused = handed.len() as u64;
    assert!(refused > 0);
    handed.into_iter().for_each(|h| worker.hand_off_failed(h, &mut seen));
    let (_, port, bytes) = seen.sent.pop().expect("a frame that left");
    let mut back = Frame::from_bytes(&bytes);
    back.port = DB;
    worker.unsent(port, bytes.len(), back, &mut seen);
    let counters = worker.counters();
    let drops = |port, reason| counters.drops(port, Stage::Engine, reason);
    assert_eq!(drops(DB, Reason::HandOffFull) + drops(OTHER, Reason::HandOffFull), refused);
    assert_eq!(drops(DB, Reason::PortFull), 1);
    assert!(seen.ended.iter().all(|(_, v)| v.kind == Kind::Drop));
    let (came, went) = counters.conservation();
    assert_eq!((came, went), (303, 303));
}
