//! What bad input gets: each kind its own name in the counters of the port it came by, and nothing leaves; or it is a packet as any, passed on
//! as it came.

mod common;
use common::*;
use std::sync::Arc;
use vpcd_dataplane::engine::{Config, Memory};
use vpcd_dataplane::pipeline::{Reason, Stage};
use vpcd_dataplane::tables::filter::SgSide;
use vpcd_dataplane::topology::{Filter, INTERNET, PortNo};
use vpcd_dataplane::wire::Frame;

const NET: &str = "192.0.2.77";
const NET6: &str = "2001:db8:cafe::77";
const PUBLIC: &str = "198.51.100.1";
const WEB6: &str = "2001:db8:1234:1a00::1a";

/// It is dropped there for that reason, counted once at its port, and nothing leaves.
#[track_caller]
fn refused(m: &mut Memory, port: PortNo, frame: Frame, stage: Stage, reason: Reason) {
    let before = m.counters().drops(port, stage, reason);
    let done = send(m, 1.0, port, frame);
    assert_eq!(told(&done), format!("drop {} {}", stage.name(), reason.name()));
    assert_eq!((done.out.len(), m.counters().drops(port, stage, reason)), (0, before + 1));
}

/// The only frame that left, and where.
#[track_caller]
fn passed(m: &mut Memory, port: PortNo, frame: Frame) -> (PortNo, Vec<u8>) {
    let done = send(m, 1.0, port, frame);
    assert_eq!(told(&done), "forward");
    (done.out[0].0, done.out[0].1.bytes().to_vec())
}

// covers: ENI-08
#[test]
fn spoofed_sources() {
    let mut m = engine(Config::default());
    for from in ["10.0.0.7", "10.0.1.5", "10.0.0.1", "10.0.0.220", PUBLIC, NET, "169.254.169.254"] {
        refused(&mut m, WEB, udp(from, 1, "10.0.1.6", 53), Stage::SrcDst, Reason::NotMine);
    }
    for from in ["2001:db8:1234:1a00::1b", "2001:db8:1234:1a01::5", "2001:db8:1234:1a00::1", NET6, "fe80::1"] {
        refused(&mut m, WEB, tcp(from, 1, "2600::9", 80, "S"), Stage::SrcDst, Reason::NotMine);
    }
    assert_eq!(m.usage().sessions, 0);
}

#[test]
fn martians_and_land() {
    let mut m = engine(Config::default());
    for (port, to) in [(WEB, NET), (INTERNET, PUBLIC)] {
        for from in ["127.0.0.1", "127.255.0.9", "0.0.0.0", "224.0.0.1", "239.1.2.3", "255.255.255.255"] {
            refused(&mut m, port, udp(from, 1, to, 80), Stage::SrcDst, Reason::Martian);
        }
    }
    for (port, to) in [(WEB, NET6), (INTERNET, WEB6)] {
        for from in ["::", "::1", "ff02::1", "ff0e::9"] {
            refused(&mut m, port, tcp(from, 1, to, 80, "S"), Stage::SrcDst, Reason::Martian);
        }
    }
    for (port, address) in [(WEB, "10.0.0.5"), (WEB, WEB6), (INTERNET, PUBLIC), (INTERNET, WEB6), (WEB, "127.0.0.1")] {
        refused(&mut m, port, tcp(address, 80, address, 80, "S"), Stage::SrcDst, Reason::Land);
    }
}

#[test]
fn the_fabrics_own_addresses() {
    let mut m = engine(Config::default());
    // The resolver of the VPC is 10.0.0.2; the other subnet's third address is nobody's.
    for to in ["10.0.0.0", "10.0.0.1", "10.0.0.3", "169.254.0.1", "169.254.255.255"] {
        refused(&mut m, OTHER, tcp("10.0.0.7", 1, to, 22, "S"), Stage::Route, Reason::NoOwner);
        refused(&mut m, OTHER, ping("10.0.0.7", to, 1), Stage::Route, Reason::NoOwner);
    }
    for to in ["10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.1.3"] {
        refused(&mut m, DB, udp("10.0.1.5", 1, to, 53), Stage::Route, Reason::NoOwner);
        refused(&mut m, OTHER, udp("10.0.0.7", 1, to, 53), Stage::Route, Reason::NoOwner);
    }
    for to in ["2001:db8:1234:1a00::", "2001:db8:1234:1a00::1", "2001:db8:1234:1a00::3", "fe80::1", "fe80::9"] {
        refused(&mut m, WEB, ping(WEB6, to, 1), Stage::Route, Reason::NoOwner);
    }
    for to in ["224.0.0.251", "255.255.255.255", "10.0.0.255"] {
        refused(&mut m, OTHER, udp("10.0.0.7", 1, to, 5353), Stage::Route, Reason::NoMulticast);
    }
    refused(&mut m, OTHER, ping("10.0.0.7", "10.0.0.220", 1), Stage::Natgw, Reason::Unsolicited);
    for to in ["198.51.100.77", "10.0.0.5", "10.0.0.1", "169.254.169.254"] {
        refused(&mut m, INTERNET, tcp(NET, 1, to, 80, "S"), Stage::Igw, Reason::NoMapping);
    }
    for to in ["2001:db8:1234:1a00::1", "2001:db8:1234:1a07::9", "2600::1"] {
        refused(&mut m, INTERNET, tcp(NET6, 1, to, 80, "S"), Stage::Igw, Reason::NoMapping);
    }
    refused(&mut m, INTERNET, udp(NET, 1, "198.51.100.9", 80), Stage::Natgw, Reason::Unsolicited);
    refused(&mut m, INTERNET, udp(NET, 1, "224.0.0.1", 80), Stage::Route, Reason::NoMulticast);
}

/// A segment with these bits for flags.
fn flagged(from: &str, to: &str, dport: u16, bits: u8) -> Frame {
    let mut frame = tcp(from, 40_000, to, dport, "");
    let at = if frame.bytes()[12] == 8 { 47 } else { 67 };
    frame.bytes_mut()[at] = bits;
    frame
}

/// None at all; FIN, PSH, URG; all; SYN and FIN; SYN and RST.
const BOGUS: [u8; 5] = [0, 0x29, 0xff, 3, 6];

#[test]
fn bogus_flags_open_nothing() {
    for bits in BOGUS {
        let mut m = engine(Config::default());
        // Rules are asked as for any segment.
        refused(&mut m, INTERNET, flagged(NET, PUBLIC, 22, bits), Stage::SgIn, Reason::NoRule);
        refused(&mut m, INTERNET, flagged(NET6, WEB6, 22, bits), Stage::SgIn, Reason::NoRule);
        assert_eq!(passed(&mut m, INTERNET, flagged(NET, PUBLIC, 80, bits)).0, WEB);
        assert_eq!(passed(&mut m, INTERNET, flagged(NET6, WEB6, 80, bits)).0, WEB);
        // A NAT gateway begins nothing without a SYN, or with a RST; an egress-only gateway nothing that may be an answer.
        let out = told(&send(&mut m, 1.0, DB, flagged("10.0.1.5", NET, 443, bits)));
        let out6 = told(&send(&mut m, 1.0, DB, flagged("2001:db8:1234:1a01::5", NET6, 443, bits)));
        let expected = match bits {
            3 => ("forward", "forward"),
            6 => ("drop natgw no-binding", "forward"),
            0xff => ("drop natgw no-binding", "drop eigw answer-only"),
            _ => ("reply natgw no-binding", "drop eigw answer-only"),
        };
        assert_eq!((out.as_str(), out6.as_str()), expected, "{bits:#x}");
    }
}

// covers: SG-212
#[test]
fn a_segment_out_of_the_window_is_the_hosts_to_refuse() {
    let mut m = engine(Config::default());
    let numbered = |from, to, sport, dport, text, seq: u32| {
        let mut frame = tcp(from, sport, to, dport, text);
        frame.bytes_mut()[38..42].copy_from_slice(&seq.to_be_bytes());
        frame
    };
    assert_eq!(passed(&mut m, INTERNET, numbered(NET, PUBLIC, 40_000, 80, "S", 0)).0, WEB);
    assert_eq!(passed(&mut m, WEB, numbered("10.0.0.5", NET, 80, 40_000, "SA", 7)).0, INTERNET);
    for seq in [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        assert_eq!(passed(&mut m, INTERNET, numbered(NET, PUBLIC, 40_000, 80, "A", seq)).0, WEB);
        assert_eq!(passed(&mut m, WEB, numbered("10.0.0.5", NET, 80, 40_000, "A", seq)).0, INTERNET);
    }
    // A reset closes the track whatever its number: nothing is left after 10 s but what rules admit.
    passed(&mut m, INTERNET, numbered(NET, PUBLIC, 40_000, 80, "R", 0x4000_0000));
    let mut late = tcp("10.0.0.5", 80, NET, 40_000, "A");
    assert_eq!(told(&send(&mut m, 10.9, WEB, late.clone())), "forward");
    late.seq = 1;
    assert_eq!(told(&send(&mut m, 20.9, WEB, late)), "drop sg-out no-rule");
}

/// The same packet with IPv4 options.
fn with_options(frame: &Frame, options: &[u8]) -> Frame {
    let bytes = frame.bytes();
    let mut all = [&bytes[..34], options, &bytes[34..]].concat();
    all[14] += options.len() as u8 / 4;
    let length = u16::from_be_bytes([all[16], all[17]]) + options.len() as u16;
    all[16..18].copy_from_slice(&length.to_be_bytes());
    seal(&mut all);
    Frame::from_bytes(&all)
}

#[test]
fn options_are_neither_followed_nor_taken_away() {
    let mut m = engine(Config::default());
    // No-operations, record route, loose and strict source route to the database, one that is longer than the header.
    for options in [
        &[1; 4][..],
        &[7, 7, 4, 0, 0, 0, 0, 0],
        &[131, 7, 4, 10, 0, 1, 5, 0],
        &[137, 7, 4, 10, 0, 1, 5, 0],
        &[7, 200, 4, 0],
    ] {
        let (to, out) = passed(&mut m, INTERNET, with_options(&tcp(NET, 40_000, PUBLIC, 80, "S"), options));
        assert_eq!((to, &out[34..34 + options.len()]), (WEB, options));
        let mut sealed = out.clone();
        seal(&mut sealed);
        assert_eq!(sealed, out, "the header checksum is right");
        // Ports are found behind them.
        let hidden = with_options(&tcp(NET, 40_000, PUBLIC, 22, "S"), options);
        refused(&mut m, INTERNET, hidden, Stage::SgIn, Reason::NoRule);
    }
    let mut long = with_options(&tcp(NET, 40_000, PUBLIC, 80, "S"), &[1; 4]);
    long.bytes_mut()[14] = 0x4f;
    refused(&mut m, INTERNET, long, Stage::Parse, Reason::HeaderLength);
}

/// The same IPv6 packet behind a chain of extension headers: (type, its eight bytes but the first).
fn behind(frame: &Frame, chain: &[(u8, [u8; 7])]) -> Frame {
    let bytes = frame.bytes();
    let mut all = bytes[..54].to_vec();
    let proto = all[20];
    for (n, (_, rest)) in chain.iter().enumerate() {
        all.push(chain.get(n + 1).map_or(proto, |next| next.0));
        all.extend(rest);
    }
    all.extend(&bytes[54..]);
    all[20] = chain.first().map_or(proto, |first| first.0);
    let length = (all.len() - 54) as u16;
    all[18..20].copy_from_slice(&length.to_be_bytes());
    Frame::from_bytes(&all)
}

#[test]
fn extension_headers_hide_no_port() {
    let mut m = engine(Config::default());
    const PAD: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];
    let (hop, options, route, zero) = ((0, PAD), (60, PAD), (43, [0, 4, 0, 0, 0, 0, 0]), (43, [0, 0, 0, 0, 0, 0, 0]));
    let good: [&[(u8, [u8; 7])]; 5] = [&[hop], &[options], &[hop, options, route, options], &[options; 8], &[route]];
    let bad: [&[(u8, [u8; 7])]; 5] =
        [&[options, hop], &[hop, hop], &[options; 9], &[zero], &[(0, [200, 1, 4, 0, 0, 0, 0])]];
    for chain in good {
        let (to, out) = passed(&mut m, INTERNET, behind(&tcp(NET6, 40_000, WEB6, 80, "S"), chain));
        assert_eq!((to, out[20]), (WEB, chain[0].0));
        refused(&mut m, INTERNET, behind(&tcp(NET6, 40_000, WEB6, 22, "S"), chain), Stage::SgIn, Reason::NoRule);
    }
    for chain in bad {
        refused(&mut m, INTERNET, behind(&tcp(NET6, 40_000, WEB6, 80, "S"), chain), Stage::Parse, Reason::ExtHeaders);
        refused(&mut m, WEB, behind(&tcp(WEB6, 80, NET6, 40_000, "SA"), chain), Stage::Parse, Reason::ExtHeaders);
    }
}

/// Ones' complement sum of an IPv4 packet's transport with its pseudo header: 0xffff where the checksum is right, and as far from that as it is wrong.
fn sum(frame: &[u8]) -> u16 {
    let l4 = &frame[34..];
    let pseudo = [&frame[26..34], &[0, frame[23]], &(l4.len() as u16).to_be_bytes()].concat();
    let words = [&pseudo[..], l4].into_iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words.map(|w| u32::from(u16::from_be_bytes([w[0], *w.get(1).unwrap_or(&0)]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

// covers: NAT-24 IGW-06
#[test]
fn wrong_checksums_are_passed_on_as_wrong_as_they_came() {
    let mut m = engine(Config::default());
    for (n, error) in (0u16..).zip([0u16, 1, 0x1234, 0x8000, 0xfffe]) {
        for mut frame in [tcp("10.0.1.5", 40_000 + n, NET, 443, "S"), udp("10.0.1.5", 40_000 + n, NET, 53)] {
            let at = if frame.bytes()[23] == 6 { 16 } else { 6 };
            let field = u16::from_be_bytes([frame.bytes()[34 + at], frame.bytes()[35 + at]]);
            let (spoiled, carry) = field.overflowing_add(error);
            frame.bytes_mut()[34 + at..36 + at].copy_from_slice(&(spoiled + u16::from(carry)).to_be_bytes());
            let before = sum(frame.bytes());
            // By the NAT gateway out, with other addresses, another port and another TTL.
            let (to, out) = passed(&mut m, DB, frame.clone());
            assert_eq!((to, sum(&out)), (INTERNET, before), "{error:#x}");
            assert_eq!(before == 0xffff, error == 0);
            let mut sealed = out.clone();
            seal(&mut sealed);
            assert_eq!(sealed, out);
        }
    }
    // No checksum at all stays none.
    let mut bare = udp("10.0.1.5", 41_000, NET, 53);
    bare.bytes_mut()[40..42].fill(0);
    assert_eq!(passed(&mut m, DB, bare).1[40..42], [0, 0]);
    // That of the header itself is the router's to judge.
    let mut broken = tcp(NET, 40_000, PUBLIC, 80, "S");
    broken.bytes_mut()[24] ^= 1;
    refused(&mut m, INTERNET, broken, Stage::Parse, Reason::HeaderChecksum);
}

#[test]
fn frames_that_are_no_packets() {
    let mut m = engine(Config::default());
    let good = tcp(NET, 40_000, PUBLIC, 80, "S");
    let changed = |at: usize, value: u8| {
        let mut frame = good.clone();
        frame.bytes_mut()[at] = value;
        frame
    };
    let mut cases = vec![
        (Frame::from_bytes(&good.bytes()[..13]), Reason::Truncated),
        (Frame::from_bytes(&good.bytes()[..50]), Reason::Truncated),
        (changed(12, 0x81), Reason::Vlan),
        (changed(12, 0x88), Reason::Ethertype),
        (changed(14, 0x65), Reason::IpVersion),
        (udp_of(NET, 9, PUBLIC, 80, &[0; 1473]), Reason::Oversize),
    ];
    let mut short = changed(46, 0x40);
    seal(short.bytes_mut());
    cases.push((short, Reason::L4Header));
    for (frame, reason) in cases {
        refused(&mut m, INTERNET, frame, Stage::Parse, reason);
    }
    let (came, went) = m.counters().conservation();
    assert_eq!(came, went);
}

// covers: SG-44
#[test]
fn a_reply_is_admitted_by_its_flow_and_by_nothing_else() {
    const THIRD: &str = "192.0.2.78";
    let pong = |to| {
        let mut frame = ping("10.0.0.5", to, 7);
        frame.bytes_mut()[34] = 0;
        frame
    };
    let (inside, web) = ("10.0.0.5", PUBLIC);
    // What the web server is asked, its reply, and the same to somebody who has not asked.
    let conversations = [
        (tcp(NET, 40_000, web, 80, "S"), [NET, THIRD].map(|to| tcp(inside, 80, to, 40_000, "SA"))),
        (udp(NET, 40_000, web, 53), [NET, THIRD].map(|to| udp(inside, 53, to, 40_000))),
        (ping(NET, web, 7), [NET, THIRD].map(pong)),
    ];
    for (question, [mut reply, to_another]) in conversations {
        let mut t = lab();
        let asked = [
            rule(Some(6), (80, 80), "0.0.0.0/0"),
            rule(Some(17), (53, 53), "0.0.0.0/0"),
            rule(Some(1), (2048, 2048), "0.0.0.0/0"),
        ];
        t.filters.set(0, Arc::new(Filter { ingress: SgSide::build(&asked), egress: SgSide::build(&[]) }));
        let mut m = Memory::new(Config::default());
        m.publish(t);
        refused(&mut m, WEB, reply.clone(), Stage::SgOut, Reason::NoRule);
        passed(&mut m, INTERNET, question);
        (reply.port, reply.ts) = (WEB, 1_000_000_000);
        let mut gates = Vec::new();
        assert!(m.explain(&reply, &mut gates).is_ok());
        let of = |stage| gates.iter().find(|g| g.stage == stage).map(|g| format!("{:?}", g.cause));
        assert_eq!(of(Stage::SgOut), Some("Tracked".into()));
        // It makes no flow of its own: a question by the same port to somebody else is a new one.
        assert_eq!(passed(&mut m, WEB, reply).0, INTERNET);
        refused(&mut m, WEB, to_another, Stage::SgOut, Reason::NoRule);
        refused(&mut m, INTERNET, tcp(THIRD, 40_000, web, 81, "A"), Stage::SgIn, Reason::NoRule);
    }
}
