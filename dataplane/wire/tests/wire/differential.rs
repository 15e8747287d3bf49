//! Our parser against etherparse and pnet on packets that are right.

use etherparse::{
    IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, NetSlice, PacketBuilder, SlicedPacket, TransportSlice,
};
use pnet_packet::Packet as _;
use pnet_packet::{ethernet::EthernetPacket, ipv4::Ipv4Packet, ipv6::Ipv6Packet, tcp::TcpPacket, udp::UdpPacket};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpcd_wire::{FiveTuple, Packet, Parsed, parse};

#[derive(Clone, Debug)]
struct Wanted {
    v6: bool,
    kind: u8,
    src: u128,
    dst: u128,
    ports: (u16, u16),
    ttl: u8,
    dont_fragment: bool,
    flags: u8,
    options: usize,
    payload: Vec<u8>,
    padding: usize,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let addresses = (any::<bool>(), 0u8..3, any::<u128>(), any::<u128>(), any::<(u16, u16)>());
    let rest =
        (any::<u8>(), any::<bool>(), any::<u8>(), 0usize..11, prop::collection::vec(any::<u8>(), 0..1500), 0usize..40);
    (addresses, rest).prop_map(
        |((v6, kind, src, dst, ports), (ttl, dont_fragment, flags, options, payload, padding))| Wanted {
            v6,
            kind,
            src,
            dst,
            ports,
            ttl,
            dont_fragment,
            flags,
            options,
            payload,
            padding,
        },
    )
}

/// The frame, as etherparse writes it.
fn build(w: &Wanted) -> Vec<u8> {
    let eth = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let ip = if w.v6 {
        eth.ip(etherparse::IpHeaders::Ipv6(
            Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::default(),
                payload_length: 0,
                next_header: IpNumber::UDP,
                hop_limit: w.ttl,
                source: w.src.to_be_bytes(),
                destination: w.dst.to_be_bytes(),
            },
            Default::default(),
        ))
    } else {
        let mut header =
            Ipv4Header::new(0, w.ttl, IpNumber::UDP, (w.src as u32).to_be_bytes(), (w.dst as u32).to_be_bytes())
                .unwrap();
        header.dont_fragment = w.dont_fragment;
        header.options = vec![1; w.options * 4].as_slice().try_into().unwrap();
        eth.ip(etherparse::IpHeaders::Ipv4(header, Default::default()))
    };
    let mut out = Vec::new();
    match w.kind {
        0 => {
            let mut tcp = ip.tcp(w.ports.0, w.ports.1, 7, 1000);
            for (bit, set) in [(1u8, 0), (2, 1), (4, 2), (8, 3), (16, 4), (32, 5)] {
                if w.flags & bit != 0 {
                    tcp = match set {
                        0 => tcp.fin(),
                        1 => tcp.syn(),
                        2 => tcp.rst(),
                        3 => tcp.psh(),
                        4 => tcp.ack(9),
                        _ => tcp.urg(1),
                    };
                }
            }
            tcp.write(&mut out, &w.payload).unwrap();
        }
        1 => ip.udp(w.ports.0, w.ports.1).write(&mut out, &w.payload).unwrap(),
        _ if w.v6 => ip.icmpv6_echo_request(w.ports.0, 1).write(&mut out, &w.payload).unwrap(),
        _ => ip.icmpv4_echo_request(w.ports.0, 1).write(&mut out, &w.payload).unwrap(),
    }
    out.extend(std::iter::repeat_n(0xee, w.padding));
    out
}

/// What one parser says: tuple, TTL, where the L4 payload lies, TCP flags.
#[derive(Debug, PartialEq)]
struct Said {
    tuple: FiveTuple,
    ttl: u8,
    l4: usize,
    end: usize,
    tcp_flags: u8,
}

fn ours(frame: &[u8]) -> Said {
    let Ok(Parsed::Ip(p)) = parse(frame, 0) else { panic!("{:?}", parse(frame, 0)) };
    assert!(!p.has(Packet::FRAGMENT | Packet::LATER | Packet::ICMP_ERROR));
    Said { tuple: p.tuple(frame), ttl: p.ttl, l4: p.l4.into(), end: p.end as usize, tcp_flags: p.tcp_flags & 0x3f }
}

fn etherparse_says(frame: &[u8]) -> Said {
    let sliced = SlicedPacket::from_ethernet(frame).unwrap();
    let (src, dst, ttl, payload): (IpAddr, IpAddr, u8, &[u8]) = match sliced.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => {
            let h = ip.header();
            (h.source_addr().into(), h.destination_addr().into(), h.ttl(), ip.payload().payload)
        }
        NetSlice::Ipv6(ip) => {
            let h = ip.header();
            (h.source_addr().into(), h.destination_addr().into(), h.hop_limit(), ip.payload().payload)
        }
        other => panic!("{other:?}"),
    };
    let l4 = payload.as_ptr() as usize - frame.as_ptr() as usize;
    let (proto, sport, dport, tcp_flags) = match sliced.transport.unwrap() {
        TransportSlice::Tcp(t) => {
            let bits = [t.fin(), t.syn(), t.rst(), t.psh(), t.ack(), t.urg()];
            let flags = bits.iter().enumerate().map(|(n, set)| u8::from(*set) << n).sum();
            (6, t.source_port(), t.destination_port(), flags)
        }
        TransportSlice::Udp(u) => (17, u.source_port(), u.destination_port(), 0),
        TransportSlice::Icmpv4(i) => {
            (1, u16::from_be_bytes([i.slice()[4], i.slice()[5]]), u16::from_be_bytes([i.type_u8(), i.code_u8()]), 0)
        }
        TransportSlice::Icmpv6(i) => {
            (58, u16::from_be_bytes([i.slice()[4], i.slice()[5]]), u16::from_be_bytes([i.type_u8(), i.code_u8()]), 0)
        }
    };
    Said { tuple: FiveTuple { src, dst, sport, dport, proto }, ttl, l4, end: l4 + payload.len(), tcp_flags }
}

fn pnet_says(frame: &[u8]) -> Said {
    let eth = EthernetPacket::new(frame).unwrap();
    let (src, dst, ttl, proto, payload): (IpAddr, IpAddr, u8, u8, Vec<u8>);
    let l4;
    if eth.get_ethertype().0 == 0x0800 {
        let ip = Ipv4Packet::new(eth.payload()).unwrap();
        (src, dst) = (ip.get_source().into(), ip.get_destination().into());
        (ttl, proto) = (ip.get_ttl(), ip.get_next_level_protocol().0);
        l4 = 14 + usize::from(ip.get_header_length()) * 4;
        payload = ip.payload().to_vec();
    } else {
        let ip = Ipv6Packet::new(eth.payload()).unwrap();
        (src, dst) = (ip.get_source().into(), ip.get_destination().into());
        (ttl, proto) = (ip.get_hop_limit(), ip.get_next_header().0);
        l4 = 54;
        payload = ip.payload().to_vec();
    }
    let (sport, dport, tcp_flags) = match proto {
        6 => {
            let t = TcpPacket::new(&payload).unwrap();
            (t.get_source(), t.get_destination(), t.get_flags() & 0x3f)
        }
        17 => {
            let u = UdpPacket::new(&payload).unwrap();
            (u.get_source(), u.get_destination(), 0)
        }
        _ => {
            let echo = pnet_packet::icmp::echo_request::EchoRequestPacket::new(&payload).unwrap();
            (echo.get_identifier(), u16::from(echo.get_icmp_type().0) << 8 | u16::from(echo.get_icmp_code().0), 0)
        }
    };
    Said { tuple: FiveTuple { src, dst, sport, dport, proto }, ttl, l4, end: l4 + payload.len(), tcp_flags }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn three_parsers_say_the_same_of_valid_packets(w in wanted()) {
        let frame = build(&w);
        let said = ours(&frame);
        prop_assert_eq!(said.end, frame.len() - w.padding);
        prop_assert_eq!(&said, &etherparse_says(&frame));
        prop_assert_eq!(&said, &pnet_says(&frame));
        if w.v6 {
            prop_assert_eq!(said.tuple.src, IpAddr::from(Ipv6Addr::from(w.src)));
        } else {
            prop_assert_eq!(said.tuple.src, IpAddr::from(Ipv4Addr::from(w.src as u32)));
        }
    }

    #[test]
    fn what_etherparse_refuses_as_cut_short_so_do_we(w in wanted(), cut in any::<prop::sample::Index>()) {
        let frame = build(&w);
        let cut = &frame[..cut.index(frame.len() - w.padding)];
        prop_assert!(SlicedPacket::from_ethernet(cut).is_err());
        prop_assert!(parse(cut, 0).is_err());
    }
}
