//! `host=`: captures of other networks put into the VPC.

use crate::support::*;
use etherparse::PacketBuilder;
use std::net::IpAddr;
use vpcd::replay::host::{Exchange, Side};
use vpcd_wire::Frame;

const OPEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/open.yaml");
/// A host of some office, and one that it talks to.
const HOST: &str = "192.168.1.20";
const FAR: &str = "93.184.216.34";

#[test]
fn the_host_takes_the_place_of_the_port() {
    let dir = Dir::new("foreign");
    let asked = tcp((HOST, 50_000), (FAR, 80), SYN, b"");
    let lost = udp((HOST, 50_001), (FAR, 9), b"to nobody");
    let mut wrong = tcp((HOST, 50_000), (FAR, 80), ACK, b"GET /");
    // A checksum that is wrong stays wrong, by as much.
    wrong[14 + 20 + 16] ^= 0x40;
    let mut tagged = asked.clone();
    tagged.splice(12..12, [0x81, 0, 0, 5]);
    let frames = [
        asked.clone(),
        tcp((FAR, 80), (HOST, 50_000), SYN | ACK, b""),
        tcp(("192.168.1.21", 1), (FAR, 80), SYN, b""),
        lost.clone(),
        unreachable(FAR, HOST, &lost),
        wrong.clone(),
        arp(HOST.parse().unwrap(), "192.168.1.1".parse().unwrap()),
        arp("192.168.1.1".parse().unwrap(), HOST.parse().unwrap()),
        arp("192.168.1.1".parse().unwrap(), "192.168.1.21".parse().unwrap()),
        tagged,
        b"short".to_vec(),
    ];
    let frames: Vec<_> = frames.into_iter().enumerate().map(|(i, f)| (T0 + i as u64, f)).collect();
    let file = dir.pcap("office.pcap", true, 1, &frames);
    let r = replay(&dir, OPEN, &["--in", &format!("Host={file},host={HOST}"), "--json"]);
    assert_eq!(
        r.lines(),
        [
            "Host forward - - - [internet]",
            "internet forward - - - [Host]",
            "Host drop engine - not-mine []",
            "Host forward - - - [internet]",
            "internet forward - - - [Host]",
            "Host forward - - - [internet]",
            "Host drop route Subnet no-owner []",
            "internet reply - - - [internet]",
            "Host drop engine - not-mine []",
            "Host drop parse Host vlan []",
            "Host drop engine - not-mine []",
        ]
    );
    assert_eq!(r.ran.json()["not_mine"].as_u64(), Some(3));
    assert_eq!(r.ran.json()["drop"].as_u64(), Some(2));

    let out = r.received("internet");
    assert_eq!(ends(&out[0].data), "198.51.100.1:50000 > 93.184.216.34:80");
    assert!(checksums_right(&out[0].data) && checksums_right(&out[1].data) && !checksums_right(&out[2].data));
    // Undone, the wrong checksum is what it was.
    let mut back = Frame::from_bytes(&out[2].data);
    Exchange::new("198.51.100.1".parse().unwrap(), HOST.parse().unwrap(), None).apply(&mut back);
    assert_eq!(back.bytes()[14..], wrong[14..]);

    let inside = r.received("Host");
    assert_eq!(ends(&inside[0].data), "93.184.216.34:80 > 10.213.7.10:50000");
    assert!(checksums_right(&inside[0].data) && checksums_right(&inside[1].data));
    let quoted = &inside[1].data[14 + 20 + 8..];
    assert_eq!(quoted[12..16], [10, 213, 7, 10], "the error quotes what the host sent, under its own address");
    assert!(checksums_right(&[&[0; 14], quoted].concat()), "the quoted checksums still fit the quoted packet");
}

#[test]
fn a_port_without_public_address_is_told_of() {
    let dir = Dir::new("private");
    let file = dir.pcapng(
        "in.pcapng",
        &[(T0, tcp((HOST, 50_000), (FAR, 443), SYN, b"")), (T0 + 1, tcp((FAR, 443), (HOST, 50_000), ACK, b""))],
    );
    let r = replay(&dir, NAT, &["--in", &format!("Db={file},host={HOST}")]);
    assert_eq!(r.lines(), ["Db forward - - - [internet]", "internet drop igw internet no-mapping []"]);
    assert!(r.ran.stderr.contains("Db has no public address"), "{}", r.ran.stderr);
    let ran =
        vpcd(&["replay", NAT, "--in", &format!("Other={file},host=2001:db8::1"), "--out", &dir.text("none")]).failed(1);
    assert!(ran.stderr.contains("Other has no IPv6 address"), "{}", ran.stderr);
}

#[test]
fn ipv6_hosts_are_exchanged_for_the_ports_ipv6_address() {
    let dir = Dir::new("foreign6");
    let (host, far) = ("2a00:1:2:3::20", "2606:2800:220:1::34");
    let frames = [
        tcp((host, 50_000), (far, 80), SYN, b""),
        tcp((far, 80), (host, 50_000), SYN | ACK, b""),
        ping(host, far, 3, true),
        ping(far, host, 3, false),
        tcp((far, 80), ("2a00:1:2:3::21", 50_000), SYN, b""),
        tcp((HOST, 50_000), (FAR, 80), SYN, b""),
    ];
    let file =
        dir.pcapng("in.pcapng", &frames.into_iter().enumerate().map(|(i, f)| (T0 + i as u64, f)).collect::<Vec<_>>());
    let r = replay(&dir, OPEN, &["--in", &format!("Host={file},host={host}")]);
    let forwarded = ["Host forward - - - [internet]", "internet forward - - - [Host]"];
    let not_mine = "Host drop engine - not-mine []";
    assert_eq!(r.lines(), [forwarded[0], forwarded[1], forwarded[0], forwarded[1], not_mine, not_mine]);
    assert_eq!(ends(&r.received("internet")[0].data), "[2001:db8:1234:1a00::10]:50000 > [2606:2800:220:1::34]:80");
    assert_eq!(ends(&r.received("Host")[0].data), "[2606:2800:220:1::34]:80 > [2001:db8:1234:1a00::10]:50000");
}

/// Exchanging and exchanging back is nothing at all; in between every checksum is as right as it was.
#[test]
fn every_kind_of_header_is_exchanged_with_its_checksums() {
    let (a, b): (IpAddr, IpAddr) = ("10.0.0.10".parse().unwrap(), "198.51.100.1".parse().unwrap());
    let there = Exchange::new(HOST.parse().unwrap(), a, Some(b));
    let lost = udp((FAR, 9), (HOST, 50_001), b"to nobody, but long enough");
    let mut without_checksum = udp((HOST, 1), (FAR, 2), b"odd");
    without_checksum[40..42].fill(0);
    for (frame, side) in [
        (tcp((HOST, 1), (FAR, 2), SYN, b"odd"), Side::Port),
        (tcp((FAR, 1), (HOST, 2), SYN, b""), Side::Internet),
        (udp((HOST, 1), (FAR, 2), b"x"), Side::Port),
        (ping(FAR, HOST, 9, true), Side::Internet),
        (unreachable(HOST, FAR, &lost), Side::Port),
        (without_checksum, Side::Port),
        (fragment((HOST, 1), (FAR, 2), 7, 64, false, 24), Side::Port),
        (arp(HOST.parse().unwrap(), HOST.parse().unwrap()), Side::Port),
    ] {
        let mut changed = Frame::from_bytes(&frame);
        assert_eq!(there.apply(&mut changed), side);
        assert_ne!(changed.bytes(), frame);
        let new = if side == Side::Port { a } else { b };
        let old_octets = HOST.parse::<std::net::Ipv4Addr>().unwrap().octets();
        assert!(!changed.bytes().windows(4).any(|w| w == old_octets), "{side:?}: the host is still named");
        let back = Exchange::new(new, HOST.parse().unwrap(), Some(HOST.parse().unwrap()));
        back.apply(&mut changed);
        assert_eq!(changed.bytes(), frame);
    }
    let zero = udp((HOST, 1), (FAR, 2), b"odd");
    let mut kept = Frame::from_bytes(&[&zero[..40], &[0, 0], &zero[42..]].concat());
    there.apply(&mut kept);
    assert_eq!(kept.bytes()[40..42], [0, 0], "a UDP checksum that says none");
}

#[test]
fn quotes_and_extension_headers_of_ipv6() {
    let (host, far, inside) = ("2a00:1:2:3::20", "2606:2800:220:1::34", "2001:db8:1234:1a00::10");
    let [h, f] = [host, far].map(|a| a.parse::<std::net::Ipv6Addr>().unwrap());
    let there = Exchange::new(h.into(), inside.parse().unwrap(), Some(inside.parse().unwrap()));
    // Time exceeded about what the host sent.
    let sent = udp((host, 1), (far, 2), b"lost");
    let mut frame = Vec::new();
    let error = etherparse::Icmpv6Type::TimeExceeded(etherparse::icmpv6::TimeExceededCode::HopLimitExceeded);
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv6(f.octets(), h.octets(), 64)
        .icmpv6(error)
        .write(&mut frame, &sent[14..])
        .unwrap();
    let mut changed = Frame::from_bytes(&frame);
    assert_eq!(there.apply(&mut changed), Side::Internet);
    let vpcd_wire::Parsed::Ip(packet) = vpcd_wire::parse(changed.bytes(), 0).unwrap() else { panic!() };
    let quote = vpcd_wire::quote(changed.bytes(), &packet).unwrap();
    assert_eq!(quote.tuple.src.to_string(), inside);
    let l4 = &changed.bytes()[packet.l4 as usize..];
    let pseudo = vpcd_wire::checksum::pseudo6(f, inside.parse().unwrap(), 58, l4.len() as u32);
    assert_eq!(vpcd_wire::checksum::fold(vpcd_wire::checksum::sum(l4) + pseudo), 0xffff);

    // A UDP datagram behind hop-by-hop and destination options.
    let mut frame = udp((host, 1), (far, 2), b"behind");
    let options = [[60, 0, 1, 4, 0, 0, 0, 0], [17, 0, 1, 4, 0, 0, 0, 0]].concat();
    frame[20] = 0;
    let length = u16::from_be_bytes([frame[18], frame[19]]) + 16;
    frame[18..20].copy_from_slice(&length.to_be_bytes());
    frame.splice(54..54, options);
    let mut changed = Frame::from_bytes(&frame);
    assert_eq!(there.apply(&mut changed), Side::Port);
    let l4 = &changed.bytes()[70..];
    let pseudo = vpcd_wire::checksum::pseudo6(inside.parse().unwrap(), f, 17, l4.len() as u32);
    assert_eq!(vpcd_wire::checksum::fold(vpcd_wire::checksum::sum(l4) + pseudo), 0xffff);
}

/// No bytes make it panic, and what is nobody's stays as it is.
#[test]
fn cut_and_garbled_frames_are_survived() {
    let there = Exchange::new(HOST.parse().unwrap(), "10.0.0.10".parse().unwrap(), None);
    let lost = udp((FAR, 9), (HOST, 50_001), b"to nobody");
    for frame in [
        tcp((HOST, 1), (FAR, 2), SYN, b"data"),
        unreachable(HOST, FAR, &lost),
        arp(HOST.parse().unwrap(), FAR.parse().unwrap()),
    ] {
        for cut in 0..frame.len() {
            let mut short = Frame::from_bytes(&frame[..cut]);
            let side = there.apply(&mut short);
            assert_eq!(side == Side::NotMine, cut < if frame[13] == 6 { 42 } else { 34 }, "{cut}");
        }
        for at in 0..frame.len() {
            for value in [0, 0x46, 0xff] {
                let mut garbled = frame.clone();
                garbled[at] = value;
                there.apply(&mut Frame::from_bytes(&garbled));
            }
        }
    }
}
