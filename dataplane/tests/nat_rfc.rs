//! What RFC 4787 (UDP), 5382 (TCP) and 5508 (ICMP) ask of a NAT, as a NAT gateway keeps it or knowingly does not: the table is `docs/nat.md`.

mod common;
use common::*;
use std::collections::HashSet;
use std::sync::Arc;
use vpcd_dataplane::engine::{Config, Done, Memory};
use vpcd_dataplane::tables::filter::SgSide;
use vpcd_dataplane::topology::*;
use vpcd_dataplane::wire::Frame;

const A: &str = "192.0.2.77";
const B: &str = "192.0.2.78";
const ROUTER: &str = "192.0.2.1";
const PUBLIC: &str = "198.51.100.9";
const CLIENT: &str = "10.0.1.5";

/// The lab with a client behind the gateway whose group lets everything pass: what is dropped here, the gateway drops.
fn open() -> Memory {
    let mut m = Memory::new(Config { seed: 11, ..Config::default() });
    m.publish(topology());
    m
}

fn topology() -> Topology {
    let mut t = lab();
    let all = || SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0")]);
    t.filters.set(1, Arc::new(Filter { ingress: all(), egress: all() }));
    t
}

fn out(m: &mut Memory, seconds: f64, frame: Frame) -> Done {
    send(m, seconds, DB, frame)
}

fn back(m: &mut Memory, seconds: f64, frame: Frame) -> Done {
    send(m, seconds, INTERNET, frame)
}

/// The external port of a datagram from client port `from`.
fn port_of(m: &mut Memory, seconds: f64, from: u16, to: &str, port: u16) -> u16 {
    left(&out(m, seconds, udp(CLIENT, from, to, port))).1.sport
}

fn told_back(m: &mut Memory, seconds: f64, frame: Frame) -> String {
    told(&back(m, seconds, frame))
}

/// The only frame that left.
fn frame(done: &Done) -> &Frame {
    assert_eq!(told(done), "forward");
    let [(_, frame)] = &done.out[..] else { panic!("{} frames left", done.out.len()) };
    frame
}

fn payload_after(frame: &Frame, header: usize) -> &[u8] {
    &frame.bytes()[14 + 20 + header..]
}

// covers: NAT-75
#[test]
fn mappings_and_filters_depend_on_address_and_port_of_the_other_end() {
    let mut m = open();
    let ports: HashSet<u16> = [(A, 53), (A, 54), (B, 53)].map(|(to, p)| port_of(&mut m, 0.0, 5000, to, p)).into();
    assert_eq!(ports.len(), 3, "each destination has a mapping of its own: a symmetric NAT");
    let external = port_of(&mut m, 0.0, 5000, A, 53);
    assert!(ports.contains(&external), "and keeps it");
    for (from, port) in [(A, 54), (B, 53), (ROUTER, 1)] {
        assert_eq!(told_back(&mut m, 0.0, udp(from, port, PUBLIC, external)), "drop natgw unsolicited");
    }
    assert_eq!(told_back(&mut m, 0.0, udp(A, 53, PUBLIC, external)), "forward");
    // TCP the same.
    let ports: HashSet<u16> = [(A, 80), (A, 81), (B, 80)]
        .map(|(to, p)| left(&out(&mut m, 1.0, tcp(CLIENT, 5000, to, p, "S"))).1.sport)
        .into();
    assert_eq!(ports.len(), 3);
}

// covers: NAT-33
#[test]
fn external_ports_keep_neither_range_nor_parity_and_are_never_well_known() {
    let mut m = open();
    let given: Vec<(u16, u16)> = (1..200).map(|p| (p, port_of(&mut m, 0.0, p, A, 53))).collect();
    assert!(given.iter().all(|&(_, e)| e >= 1024));
    assert!(given.iter().any(|&(p, e)| p % 2 == e % 2) && given.iter().any(|&(p, e)| p % 2 != e % 2));
    let different: HashSet<u16> = given.iter().map(|g| g.1).collect();
    assert_eq!(different.len(), given.len(), "none is given twice towards one destination");
}

#[test]
fn the_same_input_gets_the_same_ports() {
    let run = |workers| {
        let mut m = Memory::new(Config { seed: 11, workers, ..Config::default() });
        m.publish(topology());
        (1000..2000).map(|p| port_of(&mut m, 0.0, p, A, 53)).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_eq!(run(1), run(4));
}

// covers: NAT-77
#[test]
fn datagrams_either_way_refresh_and_350_s_of_silence_end_it_without_a_word() {
    for inbound in [false, true] {
        let mut m = open();
        let external = port_of(&mut m, 0.0, 5000, A, 53);
        assert_eq!(told_back(&mut m, 1.0, udp(A, 53, PUBLIC, external)), "forward");
        let refreshed = if inbound {
            told_back(&mut m, 170.0, udp(A, 53, PUBLIC, external))
        } else {
            told(&out(&mut m, 170.0, udp(CLIENT, 5000, A, 53)))
        };
        assert_eq!(refreshed, "forward");
        // 350 s after the last packet, not the first; asked by the mapping alone, as the client would see a new one.
        assert_eq!(told_back(&mut m, 520.0, udp(A, 53, PUBLIC, external)), "drop natgw unsolicited");
        let mut twin = open();
        let kept = port_of(&mut twin, 0.0, 5000, A, 53);
        assert_eq!(port_of(&mut twin, 349.9, 5000, A, 53), kept);
        assert_ne!(
            port_of(&mut twin, 699.9, 5000, A, 53),
            kept,
            "ended at 350 s: a new one, without an error to anyone"
        );
    }
    // ICMP queries likewise.
    let mut m = open();
    let id = left(&out(&mut m, 0.0, ping(CLIENT, A, 7))).1.sport;
    assert_eq!(left(&out(&mut m, 349.0, ping(CLIENT, A, 7))).1.sport, id);
    assert_ne!(left(&out(&mut m, 699.0, ping(CLIENT, A, 7))).1.sport, id);
}

#[test]
fn no_hairpin_between_clients_of_a_gateway() {
    let mut m = open();
    let external = port_of(&mut m, 0.0, 5000, A, 53);
    assert_eq!(told(&out(&mut m, 0.0, udp(CLIENT, 6000, PUBLIC, external))), "drop natgw unsolicited");
    assert_eq!(told(&out(&mut m, 0.0, tcp(CLIENT, 6000, PUBLIC, external, "S"))), "drop natgw unsolicited");
    let id = left(&out(&mut m, 0.0, ping(CLIENT, A, 7))).1.sport;
    assert_eq!(told(&out(&mut m, 0.0, ping(CLIENT, PUBLIC, id))), "drop natgw unsolicited");
}

// covers: NAT-82 NAT-46
#[test]
fn payloads_and_options_pass_as_they_are() {
    let mut m = open();
    // What an ALG would rewrite: the client's own address and port, in FTP's words.
    let words = b"PORT 10,0,1,5,156,64\r\n";
    let done = out(&mut m, 0.0, udp_of(CLIENT, 5000, A, 21, words));
    assert_eq!(payload_after(frame(&done), 8), words);
    assert!(l4_holds(frame(&done)));
    // TCP with timestamps, MSS and window scale: all of the header but port and checksum stays, and all behind it.
    let options = [2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0];
    let mut segment =
        [&[0x13, 0x88, 0, 21, 9, 9, 9, 9, 0, 0, 0, 0, 0xa0, 2, 8, 0, 0, 0, 0, 0][..], &options, words].concat();
    let pseudo = [&[10, 0, 1, 5, 192, 0, 2, 77, 0, 6][..], &(segment.len() as u16).to_be_bytes()].concat();
    let checksum = sum(&[&pseudo[..], &segment].concat()).to_be_bytes();
    segment[16..18].copy_from_slice(&checksum);
    let before = of_protocol(6, CLIENT, A, &segment);
    assert!(l4_holds(&before));
    let done = out(&mut m, 0.0, before);
    let after = payload_after(frame(&done), 0);
    assert_eq!((&after[2..16], &after[18..]), (&segment[2..16], &segment[18..]));
    assert!(l4_holds(frame(&done)));
    // And in answers.
    let external = u16::from_be_bytes([after[0], after[1]]);
    let mut answer = segment.clone();
    answer[..4].copy_from_slice(&[&21u16.to_be_bytes()[..], &external.to_be_bytes()].concat());
    answer[13] = 0x12;
    let done = back(&mut m, 0.1, of_protocol(6, A, PUBLIC, &answer));
    assert_eq!(payload_after(frame(&done), 0)[18..], answer[18..]);
    assert_eq!(payload_after(frame(&done), 0)[4..16], answer[4..16]);
}

#[test]
fn both_ends_may_begin_at_once() {
    let mut m = open();
    let external = left(&out(&mut m, 0.0, tcp(CLIENT, 5000, A, 80, "S"))).1.sport;
    // The other end's SYN crosses ours: simultaneous open (RFC 9293, figure 8).
    let (port, t) = left(&back(&mut m, 0.1, tcp(A, 80, PUBLIC, external, "S")));
    assert_eq!((port, t.dport), (DB, 5000));
    left(&out(&mut m, 0.2, tcp(CLIENT, 5000, A, 80, "SA")));
    left(&back(&mut m, 0.3, tcp(A, 80, PUBLIC, external, "SA")));
    assert_eq!(left(&out(&mut m, 0.4, tcp(CLIENT, 5000, A, 80, "A"))).1.sport, external);
}

// covers: NAT-76
#[test]
fn tcp_begins_with_a_syn_and_ends_with_fins_or_a_reset() {
    let mut m = open();
    // A segment of no connection from inside is answered as RFC 793 says: from the other end, by its own numbers.
    for (text, seq, ack, bits) in [("A", 77u32, 0u32, 4u8), ("FA", 77, 0, 4), ("F", 0, 1000 + 5, 0x14)] {
        let done = out(&mut m, 0.0, tcp(CLIENT, 5000, A, 80, text));
        assert_eq!(told(&done), "reply natgw no-binding");
        let [(port, reset)] = &done.out[..] else { panic!("one answer") };
        let ip = &reset.bytes()[14..];
        assert_eq!((*port, &ip[12..16], &ip[16..20]), (DB, &[192, 0, 2, 77][..], &[10, 0, 1, 5][..]));
        let segment = &ip[20..];
        assert_eq!((segment[..4].to_vec(), segment[13]), ([0, 80, 0x13, 0x88].to_vec(), bits), "{text}");
        assert_eq!(u32::from_be_bytes(segment[4..8].try_into().expect("4 bytes")), seq, "{text}");
        assert_eq!(u32::from_be_bytes(segment[8..12].try_into().expect("4 bytes")), ack, "{text}");
        assert!(l4_holds(reset));
    }
    // A reset is not answered, and nothing that comes from outside is.
    assert_eq!(told(&out(&mut m, 0.0, tcp(CLIENT, 5000, A, 80, "R"))), "drop natgw no-binding");
    for text in ["S", "SA", "A", "R", "F"] {
        let done = back(&mut m, 0.0, tcp(A, 80, PUBLIC, 5000, text));
        assert_eq!((told(&done).as_str(), done.out.len()), ("drop natgw unsolicited", 0));
    }
    // Closed by both ends' FIN: what is still on its way passes, a new SYN begins anew with another port.
    let external = left(&out(&mut m, 1.0, tcp(CLIENT, 5000, A, 80, "S"))).1.sport;
    left(&back(&mut m, 1.1, tcp(A, 80, PUBLIC, external, "SA")));
    left(&out(&mut m, 1.2, tcp(CLIENT, 5000, A, 80, "A")));
    left(&out(&mut m, 2.0, tcp(CLIENT, 5000, A, 80, "FA")));
    left(&back(&mut m, 100.0, tcp(A, 80, PUBLIC, external, "A")));
    left(&back(&mut m, 200.0, tcp(A, 80, PUBLIC, external, "FA")));
    left(&out(&mut m, 200.1, tcp(CLIENT, 5000, A, 80, "A")));
    let next = left(&out(&mut m, 201.0, tcp(CLIENT, 5000, A, 80, "S"))).1.sport;
    assert_ne!(next, external);
    // Reset by the other end: closed too.
    left(&back(&mut m, 201.1, tcp(A, 80, PUBLIC, next, "RA")));
    assert_ne!(left(&out(&mut m, 201.2, tcp(CLIENT, 5000, A, 80, "S"))).1.sport, next);
}

// covers: NAT-42
#[test]
fn an_established_connection_is_forgotten_after_350_s_not_two_hours() {
    let mut m = open();
    let external = left(&out(&mut m, 0.0, tcp(CLIENT, 5000, A, 80, "S"))).1.sport;
    left(&back(&mut m, 0.1, tcp(A, 80, PUBLIC, external, "SA")));
    left(&out(&mut m, 0.2, tcp(CLIENT, 5000, A, 80, "A")));
    assert_eq!(told_back(&mut m, 350.2, tcp(A, 80, PUBLIC, external, "A")), "drop natgw unsolicited");
    let late = out(&mut m, 350.3, tcp(CLIENT, 5000, A, 80, "A"));
    assert_eq!((told(&late).as_str(), late.out[0].0), ("reply natgw no-binding", DB));
    // A half-open one has the same time: more than the four minutes that are asked for.
    let mut m = open();
    let external = left(&out(&mut m, 0.0, tcp(CLIENT, 5000, A, 80, "S"))).1.sport;
    assert_eq!(told_back(&mut m, 349.9, tcp(A, 80, PUBLIC, external, "SA")), "forward");
}

// covers: NAT-40 NAT-74
#[test]
fn queries_are_mapped_by_their_identifier_and_other_icmp_is_dropped() {
    let mut m = open();
    let query = |kind: u8, id: u16| {
        let mut message = [&[kind, 0, 0, 0][..], &id.to_be_bytes(), &[0, 1], &[9; 12]].concat();
        let checksum = sum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&checksum);
        message
    };
    for (request, reply) in [(8, 0), (13, 14), (15, 16), (17, 18)] {
        let done = out(&mut m, 0.0, of_protocol(1, CLIENT, A, &query(request, 7)));
        let sent = frame(&done).clone();
        assert!(l4_holds(&sent));
        let external = u16::from_be_bytes([sent.bytes()[38], sent.bytes()[39]]);
        assert!(external >= 1024 && external != 7, "the identifier is translated");
        let done = back(&mut m, 0.1, of_protocol(1, A, PUBLIC, &query(reply, external)));
        let received = frame(&done);
        assert!(l4_holds(received));
        assert_eq!(payload_after(received, 0), query(reply, 7));
        // From elsewhere, or an answer to another question.
        assert_eq!(
            told_back(&mut m, 0.2, of_protocol(1, B, PUBLIC, &query(reply, external))),
            "drop natgw unsolicited"
        );
        let other = if reply == 0 { 14 } else { reply + 2 };
        assert_eq!(
            told_back(&mut m, 0.2, of_protocol(1, A, PUBLIC, &query(other, external))),
            "drop natgw unsolicited"
        );
    }
    for kind in [0, 5, 9, 10, 14] {
        assert_eq!(
            told(&out(&mut m, 0.3, of_protocol(1, CLIENT, A, &query(kind, 7)))),
            "drop natgw icmp-type",
            "{kind}"
        );
    }
    for kind in [5, 8, 9, 10, 13] {
        assert_eq!(
            told_back(&mut m, 0.3, of_protocol(1, A, PUBLIC, &query(kind, 7))),
            "drop natgw unsolicited",
            "{kind}"
        );
    }
}

/// The packet quoted in an ICMP error: protocol, source, destination, and the first two words of its L4 header.
fn quoted(error: &Frame) -> (u8, Vec<u8>, Vec<u8>, Vec<u8>) {
    let q = &error.bytes()[14 + 20 + 8..];
    assert_eq!(sum(&q[..20]), 0, "the quoted header is whole");
    (q[9], q[12..16].to_vec(), q[16..20].to_vec(), q[20..28].to_vec())
}

// covers: NAT-74 IGW-22
#[test]
fn errors_about_a_mapping_come_in_from_any_router_and_touch_nothing() {
    for (kind, code, info) in [(3, 1, 0), (3, 3, 0), (3, 4, 1400), (11, 0, 0), (12, 0, 0)] {
        let mut m = open();
        let sent = frame(&out(&mut m, 0.0, udp(CLIENT, 5000, A, 53))).clone();
        for router in [A, ROUTER, B] {
            let done = back(&mut m, 1.0, icmp_error(router, PUBLIC, (kind, code, info), &sent));
            let error = frame(&done);
            assert_eq!((done.out[0].0, &error.bytes()[30..34]), (DB, &[10, 0, 1, 5][..]));
            assert_eq!(
                error.bytes()[26..30],
                match ip(router) {
                    std::net::IpAddr::V4(a) => a.octets(),
                    _ => [0; 4],
                }
            );
            let (proto, from, to, ports) = quoted(error);
            assert_eq!((proto, from, to), (17, vec![10, 0, 1, 5], vec![192, 0, 2, 77]));
            assert_eq!(ports[..4], [0x13, 0x88, 0, 53]);
            assert!(l4_holds(error));
            assert_eq!(error.bytes()[34 + 6..34 + 8], info.to_be_bytes());
        }
        // Neither ended nor refreshed.
        let external = u16::from_be_bytes([sent.bytes()[34], sent.bytes()[35]]);
        assert_eq!(port_of(&mut m, 2.0, 5000, A, 53), external);
        let done = back(&mut m, 351.0, icmp_error(ROUTER, PUBLIC, (kind, code, info), &sent));
        assert_eq!(told(&done), "forward");
        assert_ne!(port_of(&mut m, 352.0, 5000, A, 53), external);
        // About nothing that was sent.
        let never = udp(PUBLIC, external ^ 1, A, 53);
        assert_eq!(
            told_back(&mut m, 353.0, icmp_error(ROUTER, PUBLIC, (kind, code, info), &never)),
            "drop natgw unsolicited"
        );
    }
}

// covers: NAT-74
#[test]
fn errors_from_inside_about_an_answer_go_out_translated() {
    let mut m = open();
    let external = port_of(&mut m, 0.0, 5000, A, 53);
    let answer = frame(&back(&mut m, 0.1, udp(A, 53, PUBLIC, external))).clone();
    let done = out(&mut m, 0.2, icmp_error(CLIENT, A, (3, 3, 0), &answer));
    let error = frame(&done);
    assert_eq!(error.bytes()[26..34], [198, 51, 100, 9, 192, 0, 2, 77]);
    let (proto, from, to, ports) = quoted(error);
    assert_eq!((proto, from, to), (17, vec![192, 0, 2, 77], vec![198, 51, 100, 9]));
    assert_eq!(ports[..4], [&[0, 53][..], &external.to_be_bytes()].concat());
    assert!(l4_holds(error));
    let never = udp(A, 54, CLIENT, 5000);
    assert_eq!(told(&out(&mut m, 0.3, icmp_error(CLIENT, A, (3, 3, 0), &never))), "drop natgw no-binding");
}

#[test]
fn a_wrong_checksum_stays_wrong_and_none_stays_none() {
    let mut m = open();
    let mut wrong = udp(CLIENT, 5000, A, 53);
    wrong.bytes_mut()[40] ^= 0x55;
    let done = out(&mut m, 0.0, wrong);
    assert!(!l4_holds(frame(&done)));
    let mut none = udp(CLIENT, 5000, A, 53);
    none.bytes_mut()[40..42].fill(0);
    let done = out(&mut m, 0.1, none);
    assert_eq!(frame(&done).bytes()[40..42], [0, 0]);
    // An error too: it is handed on, and who gets it sees that it is damaged.
    let sent = frame(&done).clone();
    let mut damaged = icmp_error(ROUTER, PUBLIC, (3, 1, 0), &sent);
    damaged.bytes_mut()[36] ^= 0x55;
    assert!(!l4_holds(frame(&back(&mut m, 0.2, damaged))));
}

// covers: NAT-39 NAT-78
#[test]
fn datagrams_pass_in_pieces_in_any_order_and_segments_do_not() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let mut m = open();
        let pieces = [(0, 1480, true), (1480, 1480, true), (2960, 1048, false)];
        let run = |m: &mut Memory, port, from: &str, to: &str, external: Option<u16>| {
            let frames = order.map(|n| {
                let (at, len, more) = pieces[n];
                let mut f = piece(port, from, to, 4711, at, len, more);
                if let (Some(e), 0) = (external, at) {
                    f.bytes_mut()[34..38].copy_from_slice(&[&80u16.to_be_bytes()[..], &e.to_be_bytes()].concat());
                }
                f.ts = 1_000_000_000;
                f
            });
            let done = m.run(frames.to_vec());
            let all: Vec<Frame> = done.iter().map(|d| frame(d).clone()).collect();
            assert_eq!(all.len(), 3, "{order:?}: every piece left");
            let ids: HashSet<[u8; 2]> = all.iter().map(|f| [f.bytes()[18], f.bytes()[19]]).collect();
            assert_eq!(ids.len(), 1, "one identification for all");
            all
        };
        let sent = run(&mut m, DB, CLIENT, A, None);
        assert!(sent.iter().all(|f| f.bytes()[26..30] == [198, 51, 100, 9]));
        let first = sent.iter().find(|f| f.bytes()[21] == 0 && f.bytes()[20] & 0x1f == 0).expect("the first piece");
        let external = u16::from_be_bytes([first.bytes()[34], first.bytes()[35]]);
        let received = run(&mut m, INTERNET, A, PUBLIC, Some(external));
        assert!(received.iter().all(|f| f.bytes()[30..34] == [10, 0, 1, 5]));
        let c = m.counters().nat(NatIdx(0));
        assert_eq!((c.packets_out_to_destination, c.packets_out_to_source, c.packets_drop_count), (3, 3, 0));
        assert_eq!(c.bytes_out_to_destination, 4008 + 3 * 20);
    }
    // TCP and ICMP: not even the first piece, in either direction.
    let mut m = open();
    let external = left(&out(&mut m, 0.0, tcp(CLIENT, 5000, A, 80, "S"))).1.sport;
    let id = left(&out(&mut m, 0.0, ping(CLIENT, A, 7))).1.sport;
    let first_piece = |mut f: Frame| {
        let bytes = f.bytes_mut();
        bytes[20] = 0x20;
        seal(bytes);
        f
    };
    let segment = |from, sport, to, dport| {
        let mut t = [0u8; 32];
        t[..4].copy_from_slice(&[u16::to_be_bytes(sport), u16::to_be_bytes(dport)].concat());
        (t[12], t[13]) = (0x50, 0x10);
        first_piece(of_protocol(6, from, to, &t))
    };
    let echo = |from, to, kind, id: u16| {
        first_piece(of_protocol(1, from, to, &[&[kind, 0, 0, 0][..], &id.to_be_bytes(), &[0; 10]].concat()))
    };
    assert_eq!(told(&out(&mut m, 0.1, segment(CLIENT, 5000, A, 80))), "drop natgw fragment");
    assert_eq!(told(&out(&mut m, 0.1, echo(CLIENT, A, 8, 7))), "drop natgw fragment");
    assert_eq!(told_back(&mut m, 0.1, segment(A, 80, PUBLIC, external)), "drop natgw fragment");
    assert_eq!(told_back(&mut m, 0.1, echo(A, PUBLIC, 0, id)), "drop natgw fragment");
    assert_eq!(m.counters().nat(NatIdx(0)).packets_drop_count, 4);
}

// covers: IGW-23
#[test]
fn too_large_with_df_is_told_to_the_sender_and_cut_without() {
    let mut m = open();
    let mut large = udp_of(CLIENT, 5000, A, 53, &[7; 3000]);
    large.bytes_mut()[20] = 0x40;
    seal(large.bytes_mut());
    let done = out(&mut m, 0.0, large.clone());
    assert_eq!(told(&done), "reply igw too-big");
    let error = &done.out[0].1.bytes()[34..];
    assert_eq!((error[0], error[1], &error[6..8]), (3, 4, &1500u16.to_be_bytes()[..]));
    large.bytes_mut()[20] = 0;
    seal(large.bytes_mut());
    let done = out(&mut m, 0.1, large);
    assert_eq!((told(&done).as_str(), done.out.len()), ("forward", 3));
    assert!(done.out.iter().all(|(_, f)| f.len() <= 1514));
}

// covers: NAT-38 NAT-37
#[test]
fn ipsec_passes_inside_udp_only() {
    let mut m = open();
    for port in [500, 4500] {
        let external = left(&out(&mut m, 0.0, udp(CLIENT, port, A, port))).1.sport;
        let (_, t) = left(&back(&mut m, 0.1, udp(A, port, PUBLIC, external)));
        assert_eq!((t.sport, t.dport), (port, port));
    }
    for proto in [50, 51, 47, 132] {
        assert_eq!(told(&out(&mut m, 0.2, of_protocol(proto, CLIENT, A, &[7; 40]))), "drop natgw protocol", "{proto}");
        assert_eq!(
            told_back(&mut m, 0.2, of_protocol(proto, A, PUBLIC, &[7; 40])),
            "drop natgw unsolicited",
            "{proto}"
        );
    }
}

// covers: NAT-73
#[test]
fn mappings_die_with_their_gateway() {
    let mut m = open();
    let external = port_of(&mut m, 0.0, 5000, A, 53);
    let whole = topology();
    let mut without = whole.clone();
    without.nats.renew(0, None);
    without.enis.renew(2, None);
    without.publics.set(0, Arc::new(PublicMap::build([("10.0.0.5", "198.51.100.1")].map(|(a, b)| (v4(a), v4(b))))));
    let mut edge = whole.edge.get(0).expect("an edge").clone();
    edge.owners.remove(&v4(PUBLIC));
    without.edge.set(0, Arc::new(edge));
    let routes = [("10.0.0.0/16", Target::Local), ("0.0.0.0/0", Target::Blackhole)];
    let routes = routes.map(|(p, target)| Route { prefix: net(p), target });
    without.route_tables.set(1, Arc::new(RouteTable::build(routes.to_vec())));
    m.publish(without);
    assert_eq!(told(&out(&mut m, 1.0, udp(CLIENT, 5000, A, 53))), "drop route blackhole");
    assert_eq!(told_back(&mut m, 1.0, udp(A, 53, PUBLIC, external)), "drop igw no-mapping");
    // Another gateway with the same address knows nothing of them.
    let mut next = topology();
    next.nats.set(1, Arc::clone(&next.nats.share(0).expect("the gateway")));
    next.nats.renew(0, None);
    let nat = Some(NatIdx(1));
    next.enis.set(2, Arc::new(Eni { nat, ..next.enis.get(2).expect("its ENI").clone() }));
    let mut edge = next.edge.get(0).expect("an edge").clone();
    let owner = *edge.owners.get(&v4(PUBLIC)).expect("its address");
    edge.owners.insert(v4(PUBLIC), PublicOwner { nat, ..owner });
    next.edge.set(0, Arc::new(edge));
    let routes = [("10.0.0.0/16", Target::Local), ("0.0.0.0/0", Target::NatGateway(NatIdx(1)))];
    let routes = routes.map(|(p, target)| Route { prefix: net(p), target });
    next.route_tables.set(1, Arc::new(RouteTable::build(routes.to_vec())));
    m.publish(next);
    assert_eq!(told_back(&mut m, 2.0, udp(A, 53, PUBLIC, external)), "drop natgw unsolicited");
    assert_eq!(told(&out(&mut m, 2.0, udp(CLIENT, 5000, A, 53))), "forward");
}

fn v4(text: &str) -> std::net::Ipv4Addr {
    text.parse().expect("an address")
}

// covers: NAT-80 NAT-81
#[test]
fn the_gateways_own_table_may_lead_elsewhere_and_not_back_into_itself() {
    let mut m = open();
    let mut t = topology();
    let routes = [
        ("10.0.0.0/16", Target::Local),
        ("0.0.0.0/0", Target::NatGateway(NatIdx(0))),
        ("203.0.113.0/24", Target::Eni(EniIdx(3))),
    ];
    let routes = routes.map(|(p, target)| Route { prefix: net(p), target });
    t.route_tables.set(0, Arc::new(RouteTable::build(routes.to_vec())));
    let all = || SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0")]);
    t.filters.set(4, Arc::new(Filter { ingress: all(), egress: all() }));
    // What stands where a transit gateway or a peer would.
    t.enis.set(3, Arc::new(Eni { check: false, filter: FilterIdx(4), ..t.enis.get(3).expect("an ENI").clone() }));
    m.publish(t);
    assert_eq!(told(&out(&mut m, 0.0, udp(CLIENT, 5000, A, 53))), "drop natgw loop");
    let (port, t) = left(&out(&mut m, 0.0, udp(CLIENT, 5000, "203.0.113.5", 53)));
    assert_eq!((port, t.src), (OTHER, ip("10.0.0.220")), "with its private address");
    assert!(t.sport >= 1024);
}

// covers: NAT-32
#[test]
fn a_route_that_moves_to_the_gateway_breaks_what_ran_and_not_what_begins() {
    let mut m = Memory::new(Config::default());
    let through = |target| {
        let mut t = topology();
        let routes = [("10.0.0.0/16", Target::Local), ("0.0.0.0/0", target)];
        let routes = routes.map(|(p, target)| Route { prefix: net(p), target });
        t.route_tables.set(1, Arc::new(RouteTable::build(routes.to_vec())));
        let all = || SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0")]);
        t.filters.set(4, Arc::new(Filter { ingress: all(), egress: all() }));
        t.enis.set(3, Arc::new(Eni { check: false, filter: FilterIdx(4), ..t.enis.get(3).expect("an ENI").clone() }));
        t
    };
    m.publish(through(Target::Eni(EniIdx(3))));
    assert_eq!(left(&out(&mut m, 0.0, tcp(CLIENT, 5000, A, 80, "S"))).0, OTHER);
    left(&send(&mut m, 0.1, OTHER, tcp(A, 80, CLIENT, 5000, "SA")));
    assert_eq!(left(&out(&mut m, 0.2, tcp(CLIENT, 5000, A, 80, "A"))).0, OTHER);
    m.publish(through(Target::NatGateway(NatIdx(0))));
    let done = out(&mut m, 1.0, tcp(CLIENT, 5000, A, 80, "A"));
    assert_eq!((told(&done).as_str(), done.out[0].0), ("reply natgw no-binding", DB));
    assert_eq!(left(&out(&mut m, 1.1, tcp(CLIENT, 5001, A, 80, "S"))).1.src, ip(PUBLIC));
}
