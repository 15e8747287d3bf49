//! The internet gateway and Elastic IPs, packet by packet.

mod common;
use common::*;
use std::net::Ipv4Addr;
use std::sync::Arc;
use vpcd_dataplane::engine::{Config, Memory};
use vpcd_dataplane::tables::filter::SgSide;
use vpcd_dataplane::topology::*;
use vpcd_dataplane::wire::Frame;

const NET: &str = "192.0.2.77";
const EIP: &str = "198.51.100.1";

/// The lab with everything allowed at WEB and OTHER, and the Elastic IP at one of them, or at nobody.
fn at(holder: Option<(PortNo, &str)>) -> Topology {
    let mut t = lab();
    let all = || SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0")]);
    let open = Arc::new(Filter { ingress: all(), egress: all() });
    t.filters.set(0, Arc::clone(&open));
    t.filters.set(2, open);
    let v4 = |s: &str| s.parse::<Ipv4Addr>().expect("an address");
    let nat = (v4("10.0.0.220"), v4("198.51.100.9"));
    let mut edge = t.edge.get(0).expect("an edge").clone();
    edge.owners.remove(&v4(EIP));
    let mut publics = vec![nat];
    if let Some((port, private)) = holder {
        let eni = EniIdx::of_port(port).expect("an ENI");
        publics.push((v4(private), v4(EIP)));
        edge.owners.insert(v4(EIP), PublicOwner { vpc: VpcIdx(0), eni, private: v4(private), nat: None });
    }
    t.publics.set(0, Arc::new(PublicMap::build(publics)));
    t.edge.set(0, Arc::new(edge));
    t
}

const AT_WEB: Option<(PortNo, &str)> = Some((WEB, "10.0.0.5"));
const AT_OTHER: Option<(PortNo, &str)> = Some((OTHER, "10.0.0.7"));

fn under(topology: Topology) -> Memory {
    let mut m = Memory::new(Config::default());
    m.publish(topology);
    m
}

fn frame(done: &vpcd_dataplane::engine::Done) -> &Frame {
    assert_eq!(told(done), "forward");
    &done.out[0].1
}

/// By how much the TCP or UDP checksum at `at` is wrong, in one's complement.
fn off_by(frame: &Frame, at: usize) -> u32 {
    let mut copy = frame.clone();
    copy.bytes_mut()[at..at + 2].fill(0);
    let ip = &copy.bytes()[14..];
    let pseudo = [&ip[12..20], &[0, ip[9]], &(ip.len() as u16 - 20).to_be_bytes()[..]].concat();
    let right = sum(&[&pseudo[..], &ip[20..]].concat());
    let given = u16::from_be_bytes([frame.bytes()[at], frame.bytes()[at + 1]]);
    (u32::from(given) + 0xffff - u32::from(right)) % 0xffff
}

// covers: IGW-21
#[test]
fn every_protocol_and_every_fragment_is_translated_and_checksums_stay_what_they_are() {
    let mut m = under(at(AT_WEB));
    for proto in [47, 50, 51, 89, 132, 250] {
        let payload = [proto; 40];
        let done = send(&mut m, 0.0, WEB, of_protocol(proto, "10.0.0.5", NET, &payload));
        let sent = frame(&done).bytes();
        assert_eq!((sent[23], &sent[26..34]), (proto, &[198, 51, 100, 1, 192, 0, 2, 77][..]));
        assert_eq!(sum(&sent[14..34]), 0, "the header's checksum holds");
        assert_eq!(sent[34..], payload, "nothing else is touched");
        let done = send(&mut m, 0.1, INTERNET, of_protocol(proto, NET, EIP, &payload));
        let received = frame(&done).bytes();
        assert_eq!((done.out[0].0, &received[30..34], &received[34..]), (WEB, &[10, 0, 0, 5][..], &payload[..]));
        assert_eq!(sum(&received[14..34]), 0);
    }
    // A checksum that is right stays right, a wrong one wrong by as much, and none stays none.
    for (wrong, from) in [(0, 5000), (0x55, 5001)] {
        for mut f in [udp("10.0.0.5", from, NET, 53), tcp("10.0.0.5", from, NET, 80, "S")] {
            let at = if f.bytes()[23] == 17 { 40 } else { 50 };
            f.bytes_mut()[at] ^= wrong;
            let before = off_by(&f, at);
            assert_eq!(before == 0, wrong == 0);
            let done = send(&mut m, 0.2, WEB, f);
            assert_eq!(off_by(frame(&done), at), before);
        }
    }
    let mut none = udp("10.0.0.5", 5002, NET, 53);
    none.bytes_mut()[40..42].fill(0);
    assert_eq!(frame(&send(&mut m, 0.3, WEB, none)).bytes()[40..42], [0, 0]);
    // TCP, UDP and ICMP in pieces: all of them, the first one's checksum for the whole datagram.
    for n in [0, 1480] {
        let done = send(&mut m, 0.4, WEB, piece(WEB, "10.0.0.5", NET, 7, n, 1480, n == 0));
        assert_eq!(frame(&done).bytes()[26..30], [198, 51, 100, 1]);
    }
    let later = |proto| {
        let mut f = of_protocol(proto, "10.0.0.5", NET, &[1; 64]);
        (f.bytes_mut()[20], f.bytes_mut()[18], f.bytes_mut()[19]) = (0x20, proto, 9);
        if proto == 6 {
            f.bytes_mut()[46] = 0x50;
        }
        seal(f.bytes_mut());
        let mut second = f.clone();
        (second.bytes_mut()[20], second.bytes_mut()[21]) = (0, 8);
        seal(second.bytes_mut());
        [f, second]
    };
    for proto in [6, 50, 132] {
        for f in later(proto) {
            let done = send(&mut m, 0.5, WEB, f);
            assert_eq!(frame(&done).bytes()[26..30], [198, 51, 100, 1], "{proto}");
        }
    }
}

// covers: IGW-04
#[test]
fn a_million_flows_take_no_more_memory_than_one() {
    let mut m = Memory::new(Config { sessions: 4096, ..Config::default() });
    m.publish(at(AT_WEB));
    let before = m.usage();
    for batch in 0..1000u32 {
        let frames = (0..1000u32).map(|n| {
            // Different ports here, and different hosts there.
            let host = Ipv4Addr::from(u32::from(Ipv4Addr::new(192, 0, 2, 0)) + batch % 250).to_string();
            let mut f = udp("10.0.0.5", 1024 + n as u16 + (batch / 250) as u16 * 1000, &host, 53 + batch as u16);
            (f.port, f.ts) = (WEB, u64::from(batch) * 1_000_000);
            f
        });
        let done = m.run(frames.collect());
        assert!(done.iter().all(|d| told(d) == "forward"), "none is held up");
    }
    let after = m.usage();
    assert_eq!((after.bytes, after.capacity), (before.bytes, before.capacity));
    assert_eq!(m.counters().port(INTERNET).sent, 1_000_000);
}

// covers: EIP-A2 EIP-07
#[test]
fn the_first_packet_after_a_failover_reaches_the_spare() {
    let mut m = under(at(AT_WEB));
    let syn = |port| tcp(NET, port, EIP, 80, "S");
    assert_eq!(left(&send(&mut m, 0.0, INTERNET, syn(5000))).0, WEB);
    m.publish(at(None));
    assert_eq!(told(&send(&mut m, 0.1, INTERNET, syn(5001))), "drop igw no-mapping");
    m.publish(at(AT_OTHER));
    let (port, t) = left(&send(&mut m, 0.1, INTERNET, syn(5002)));
    assert_eq!((port, t.dst), (OTHER, ip("10.0.0.7")));
}

// covers: EIP-23
#[test]
fn flows_of_the_former_holder_do_not_go_over_to_the_next() {
    let mut t = at(AT_WEB);
    // Nothing may begin from outside: only what is tracked gets in.
    let closed = |t: &mut Topology| {
        let some = SgSide::build(&[rule(Some(6), (80, 80), "0.0.0.0/0")]);
        let shut = Arc::new(Filter { ingress: SgSide::build(&[]), egress: some });
        t.filters.set(0, Arc::clone(&shut));
        t.filters.set(2, shut);
    };
    closed(&mut t);
    let mut m = under(t);
    let answer = || tcp(NET, 80, EIP, 5000, "A");
    assert_eq!(left(&send(&mut m, 0.0, WEB, tcp("10.0.0.5", 5000, NET, 80, "S"))).1.src, ip(EIP));
    assert_eq!(left(&send(&mut m, 0.1, INTERNET, answer())).0, WEB);
    let mut t = at(AT_OTHER);
    closed(&mut t);
    m.publish(t);
    assert_eq!(told(&send(&mut m, 0.2, INTERNET, answer())), "drop sg-in no-rule", "not the spare's flow");
    let old = send(&mut m, 0.2, WEB, tcp("10.0.0.5", 5000, NET, 80, "A"));
    assert_eq!(told(&old), "drop igw no-public-address");
    let mut t = at(None);
    closed(&mut t);
    m.publish(t);
    assert_eq!(told(&send(&mut m, 0.3, INTERNET, answer())), "drop igw no-mapping", "what is still on its way");
}

// covers: EIP-25
#[test]
fn no_packet_sees_half_of_a_move() {
    let mut m = under(at(AT_WEB));
    for round in 0..200u16 {
        let (holder, other) = if round % 2 == 0 { (WEB, OTHER) } else { (OTHER, WEB) };
        let address = |port| if port == WEB { "10.0.0.5" } else { "10.0.0.7" };
        m.publish(at(Some((holder, address(holder)))));
        // In one batch, under one topology: out from both, in from the internet, by flows old and new.
        let frames = [5000, 6000 + round].into_iter().flat_map(|p| {
            let out = [holder, other].map(|port| (port, udp(address(port), p, NET, 53)));
            out.into_iter().chain([(INTERNET, udp(NET, 53, EIP, p))])
        });
        let frames = frames.map(|(port, mut f)| {
            (f.port, f.ts) = (port, u64::from(round) * 1_000_000);
            f
        });
        let done = m.run(frames.collect());
        for three in done.chunks(3) {
            assert_eq!(left(&three[0]).1.src, ip(EIP));
            assert_eq!(told(&three[1]), "drop igw no-public-address");
            assert_eq!(left(&three[2]).0, holder);
        }
    }
}
